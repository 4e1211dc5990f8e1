"""A served artefact turned back into what can be trained: its weights as floats, in an encoder's folder.

The folder is named like the artefact and holds `config.json`, `model.safetensors`, `tokenizer.json` as
any encoder's does, and `heads.safetensors` with both heads; `network.build` takes all of it by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import torch
from safetensors.numpy import save_file
from transformers import AutoConfig, PretrainedConfig

from plaudit import artifact, float_weights
from plaudit.artifact import Artifact, Manifest
from plaudit.comment_network import CommentNetwork
from plaudit.errors import ArtifactError, TrainingDataError
from plaudit.float_weights import PREFIX, Weights
from plaudit.training import fitting, network, window_graph
from plaudit.training.quantize import spread

HEADS: Final = network.HEADS
_ENCODER: Final = f"{PREFIX}encoder."
_TOLERANCE: Final = 0.6  # logits; int8 activations alone move single ones by 0.2
_SEED: Final = 13


def architecture(config: PretrainedConfig) -> dict[str, Any]:
    """Return what an encoder's `config.json` says, to be kept in the manifest of what is trained on it."""
    kept = dict(json.loads(config.to_json_string(use_diff=True)))
    kept.pop("_name_or_path", None)  # a folder of the machine that trained
    return kept


def restore(folder: Path, target: Path) -> Path:
    """Write an artefact as an encoder's folder below `target`; return it.

    Args:
        folder: The artefact.
        target: An existing folder.

    Raises:
        ArtifactError: The artefact is damaged, or answers otherwise once it is floats again.
        TrainingDataError: Nothing says how its encoder is built.
    """
    loaded = artifact.load(folder)
    weights = floats(loaded.path(artifact.MODEL))
    place = target / loaded.manifest.id
    place.mkdir(parents=True, exist_ok=True)
    encoder = {n.removeprefix(_ENCODER): w for n, w in weights.items() if n.startswith(_ENCODER)}
    heads = {
        n.removeprefix(PREFIX): w for n, w in weights.items() if n not in {_ENCODER + e for e in encoder}
    }
    rows = max((w.shape[0] for n, w in encoder.items() if n.endswith("word_embeddings.weight")), default=0)
    config = _config(loaded.manifest) | ({"vocab_size": rows} if rows else {})
    (place / "config.json").write_text(json.dumps(config))
    (place / "tokenizer.json").write_bytes(loaded.path(artifact.TOKENIZER).read_bytes())
    save_file(encoder, place / "model.safetensors", metadata={"format": "pt"})
    save_file(heads, place / HEADS)
    _check(loaded, place)
    return place


def load_network(encoder: Path, *, max_tokens: int | None = None) -> CommentNetwork:
    """Return the network of a restored folder, heads and all; `max_tokens` as in `network.build`.

    Raises:
        TrainingDataError: The folder is no encoder.
    """
    return network.build(str(encoder), dropout=0.0, max_tokens=max_tokens)


def _config(manifest: Manifest) -> dict[str, Any]:
    kept = manifest.training.get("architecture")
    if kept:
        return dict(kept)
    name = manifest.base_model
    try:
        return architecture(AutoConfig.from_pretrained(network.encoder_folder(name)))
    except (OSError, ValueError) as error:
        reason = str(error).strip().split("\n")[0][:300]
        raise TrainingDataError(
            f"Encoder {name!r} cannot be loaded ({reason}); check encoder.name."
        ) from error


def small(loaded: Artifact) -> dict[str, Weights]:
    """Return the weights of an artefact's small networks as floats, by its file and their names.

    Raises:
        ArtifactError: A graph cannot be turned back.
    """
    found: dict[str, Weights] = {}
    for stage in loaded.manifest.stages:
        path = loaded.path(stage.file)
        graph = onnx.load(str(path))
        if graph.graph.name == window_graph.NAME:
            try:
                found[stage.file] = window_graph.weights_of(graph)
            except KeyError as error:
                raise ArtifactError(
                    f"{path}: expected the weights of a window network, found none called {error}; "
                    "this graph cannot be turned back into weights."
                ) from error
        else:
            found[stage.file] = {n.removeprefix(PREFIX): w for n, w in floats(path).items()}
    return found


def floats(path: Path) -> Weights:
    """Return the weights of an int8 graph of an encoder as floats, by their names in the exported module.

    Those that are whole numbers of steps lie somewhere within their step, the same each time.

    Args:
        path: The graph, as `quantize` writes it.

    Raises:
        ArtifactError: A product in the graph belongs to no layer that has a name.
    """
    return float_weights.floats(path, placed=partial(spread, draw=np.random.default_rng(_SEED)))


def _check(loaded: Artifact, place: Path) -> None:
    restored = load_network(place)
    tokenizer = network.load_tokenizer(str(place))
    golden = loaded.manifest.golden
    found = fitting.logits(
        restored, tokenizer, [each.text for each in golden], max_tokens=loaded.manifest.max_tokens
    )
    expected = [[*each.label_logits, *each.flag_logits] for each in golden]
    difference = float(np.abs(np.concatenate(found, axis=1) - np.asarray(expected)).max())
    if not difference <= _TOLERANCE:  # written so that NaN fails
        raise ArtifactError(
            f"{loaded.folder}: expected its golden logits within {_TOLERANCE} once its weights are floats, "
            f"found them {difference:.2f} off; it cannot be trained further."
        )


def blend(trained: torch.nn.Module, start: Mapping[str, torch.Tensor], *, share: float) -> None:
    """Move weights back towards where they began: `share` of the trained ones, the rest of the start.

    Between a fine-tuned network and its start lie networks that keep what the start knew and most of what
    was learned (Wortsman et al. 2022).
    """
    with torch.no_grad():
        for name, value in trained.state_dict().items():
            if value.is_floating_point():
                value.mul_(share).add_(start[name].to(value.device), alpha=1 - share)
