"""Small networks that stand in for the exact one where they are sure; see `distillation`."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from plaudit.scores import FLAGS, LABELS
from plaudit.training.network import CommentNetwork

WINDOW = 3
"""Tokens a convolution sees: one before, itself, one after."""


class WindowNetwork(nn.Module):
    """Token vectors, two convolutions of three tokens, largest and mean activation, two heads.

    It has no attention, so it costs little more than looking its tokens up; it sees seven tokens at a
    time (two layers of three, after Kim 2014). `window_graph` says how it is served.

    Shape: (batch, tokens) ids and mask in; (batch, 3) label logits and (batch, 3) flag logits out.
    """

    def __init__(self, table: Tensor, *, width: int) -> None:
        """Start from a table of token vectors, shape (n_tokens, size)."""
        super().__init__()
        n_tokens, size = table.shape
        self.table = nn.Embedding(n_tokens, size)
        self.table.weight.data.copy_(table)
        self.first = nn.Linear(WINDOW * size, width)
        self.second = nn.Linear(WINDOW * width, width)
        self.mixed = nn.Linear(2 * width, width)
        self.dropout = nn.Dropout(0.1)
        self.label_head = nn.Linear(width, len(LABELS))
        self.flag_head = nn.Linear(width, len(FLAGS))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return label logits and flag logits."""
        mask = attention_mask.unsqueeze(-1).float()
        hidden = self.table(input_ids) * mask
        hidden = functional.relu(self.first(windows(hidden))) * mask
        hidden = (hidden + functional.relu(self.second(windows(hidden)))) * mask
        # Activations are not negative, so the zeros of padding never are the largest.
        pooled = torch.cat([hidden.amax(1), hidden.sum(1) / mask.sum(1)], dim=-1)
        mixed = self.dropout(functional.relu(self.mixed(pooled)))
        return _head(self.label_head, mixed), _head(self.flag_head, mixed)


def windows(hidden: Tensor) -> Tensor:
    """Return each token's vector between its neighbours'; shape (batch, tokens, 3 x size)."""
    padded = functional.pad(hidden, (0, 0, 1, 1))
    return torch.cat([padded[:, :-2], padded[:, 1:-1], padded[:, 2:]], dim=-1)


def _head(linear: nn.Linear, hidden: Tensor) -> Tensor:
    # A sum a text: a linear layer's kernel rounds otherwise for one text than for several.
    return (hidden.unsqueeze(1) * linear.weight).sum(-1) + linear.bias


def window_network(teacher: CommentNetwork, *, size: int, width: int) -> WindowNetwork:
    """Return a window network whose token vectors are the principal parts of the teacher's.

    Args:
        teacher: Its table, shape (n_tokens, teacher's width), is projected on its `size` main axes.
        size: Of a token's vector.
        width: Of the hidden layers.
    """
    table = teacher.encoder.get_input_embeddings().weight.detach().float()
    centred = table - table.mean(0)
    _, _, axes = torch.linalg.svd(centred, full_matrices=False)
    projected = centred @ axes[:size].T
    return WindowNetwork(projected / projected.std(), width=width)


def shallow_network(
    teacher: CommentNetwork, *, layers: Sequence[int], feed_forward_share: float = 1.0
) -> CommentNetwork:
    """Return a copy of the teacher that keeps some of its layers (Sanh et al. 2019), thinned.

    Args:
        teacher: Whose encoder has a list of layers.
        layers: Which are kept, from 0.
        feed_forward_share: Above 0, at most 1: of the hidden units of each feed-forward part that stay,
            those with the largest product of norms of what goes in and what comes out.

    Raises:
        ValueError: The encoder has no list of layers `encoder.layer`, none of that number, or they cannot be
            thinned.
    """
    student = copy.deepcopy(teacher)
    stack = getattr(getattr(student.encoder, "encoder", None), "layer", None)
    if not isinstance(stack, nn.ModuleList):
        raise ValueError("The encoder has no encoder.layer to take layers from.")
    if not layers or not all(0 <= i < len(stack) for i in layers):
        raise ValueError(f"Layers {[*layers]} are to be kept of an encoder that has 0 to {len(stack) - 1}.")
    student.encoder.encoder.layer = nn.ModuleList([stack[i] for i in layers])
    student.encoder.config.num_hidden_layers = len(student.encoder.encoder.layer)
    if feed_forward_share < 1:
        for layer in student.encoder.encoder.layer:
            _thin(layer, feed_forward_share)
            student.encoder.config.intermediate_size = layer.intermediate.dense.out_features
    return student


def take(network: nn.Module, weights: Mapping[str, NDArray[np.float32]]) -> bool:
    """Give a network weights that it has had before; return whether they fit and were taken.

    Args:
        network: Changed in place, wholly or not at all.
        weights: By the names of its parameters, of which none may be missing or of another shape.
    """
    wanted = dict(network.named_parameters())
    if not all(name in weights and weights[name].shape == tuple(p.shape) for name, p in wanted.items()):
        return False
    with torch.no_grad():
        for name, parameter in wanted.items():
            parameter.copy_(torch.from_numpy(np.array(weights[name], np.float32)))
    return True


def _thin(layer: nn.Module, share: float) -> None:
    inner = getattr(getattr(layer, "intermediate", None), "dense", None)
    outer = getattr(getattr(layer, "output", None), "dense", None)
    if not (isinstance(inner, nn.Linear) and isinstance(outer, nn.Linear)):
        raise ValueError("The encoder's layers have no intermediate.dense and output.dense to thin.")
    weight = inner.weight.detach().norm(dim=1) * outer.weight.detach().norm(dim=0)
    kept = weight.topk(max(1, round(share * len(weight)))).indices.sort().values
    narrow_in = nn.Linear(inner.in_features, len(kept))
    narrow_out = nn.Linear(len(kept), outer.out_features)
    narrow_in.weight.data.copy_(inner.weight.data[kept])
    narrow_in.bias.data.copy_(inner.bias.data[kept])
    narrow_out.weight.data.copy_(outer.weight.data[:, kept])
    narrow_out.bias.data.copy_(outer.bias.data)
    layer.intermediate.dense, layer.output.dense = narrow_in, narrow_out  # type: ignore[union-attr]
