"""The small network that stands in for the exact one where it is sure; see `distillation`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from plaudit.comment_network import CommentNetwork
from plaudit.scores import FLAGS, LABELS

WINDOW: Final = 3
"""Tokens a convolution sees: one before, itself, one after."""
_TABLE: Final = "table.weight"
_PARTS: Final = {"first.weight": WINDOW, "second.weight": WINDOW, "mixed.weight": 2}
"""How many vectors lie side by side in what a layer takes in."""


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


def take(network: WindowNetwork, weights: Mapping[str, NDArray[np.float32]]) -> bool:
    """Give a network weights that it, or a smaller one, has had before; return whether they were taken.

    A smaller network's weights make the larger one answer as it did: what is new is heard by nobody until
    it has learnt (Chen, Goodfellow and Shlens 2016).

    Args:
        network: Changed in place, wholly or not at all.
        weights: By the names of its parameters: none may be missing, wider, or of another vocabulary.
    """
    wanted = dict(network.named_parameters())
    if not all(name in weights and _fits(weights[name].shape, p.shape) for name, p in wanted.items()):
        return False
    if len(weights[_TABLE]) != len(wanted[_TABLE]):
        return False
    with torch.no_grad():
        for name, parameter in wanted.items():
            old = torch.from_numpy(np.array(weights[name], np.float32))
            if parameter.ndim == 1:
                parameter[: len(old)] = old
                continue
            # The parts of the network's input lie side by side: those of the old one come first in each.
            n_parts = _PARTS.get(name, 1)
            kept = parameter.view(len(parameter), n_parts, -1)[: len(old)]
            if name != _TABLE:
                kept.zero_()
            kept[:, :, : old.shape[1] // n_parts] = old.view(len(old), n_parts, -1)
    return True


def _fits(old: Sequence[int], new: Sequence[int]) -> bool:
    return len(old) == len(new) and all(a <= b for a, b in zip(old, new, strict=True))
