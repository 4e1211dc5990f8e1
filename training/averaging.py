"""Several models' exact networks averaged into one, weight by weight.

Networks fine-tuned from one start lie in one basin, and their mean answers better than most of them at the
cost of one (Wortsman et al. 2022, "Model soups"). It also keeps what the earlier of two generations knew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import torch

from plaudit import artifact
from plaudit.artifact import Artifact
from plaudit.comment_network import CommentNetwork
from plaudit.errors import MappingError
from plaudit.inference import LogitModel, load_tokenizer
from plaudit.training import export, fitting, quantize, records, restoring
from plaudit.training.dataset import LabelledComment
from plaudit.training.revision import derive

Say = Callable[[str], None]

# Of one model only: its small network.
_OF_THE_CASCADE: Final = ("students", "curve", "cascade_from_model", "cascade_seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A model to average, and how much it counts; weights need not sum to 1."""

    model: Artifact
    weight: float


def average(
    parts: Sequence[Part],
    held_out: Sequence[LabelledComment],
    *,
    models: Path,
    name: str = "minilm",
    threads: int | None = None,
    on_stage: Say = lambda _: None,
) -> Path:
    """Write a model whose weights are the mean of others'; return its folder.

    It has no small network (see `redistilling`). Temperatures and error counts are fitted anew; references,
    languages and what the card says of data are those of the part that counts most, the first of equals.

    Args:
        parts: Two or more, of one architecture and vocabulary.
        held_out: Comments that none of them learnt.
        models: Folder of artefacts; CURRENT is not touched.
        name: First word of the artefact's id.
        threads: Cores to use; None for all.
        on_stage: Called with the name of each stage as it begins.

    Raises:
        MappingError: There are fewer than two parts, they differ in shape, or a weight is not above 0.
        ArtifactError: An artefact is damaged, or cannot be turned back or written.
    """
    started = time.time()
    _check(parts)
    lead = max(parts, key=lambda part: part.weight).model
    total = sum(part.weight for part in parts)
    shares = [part.weight / total for part in parts]
    if threads is not None:
        torch.set_num_threads(threads)
    on_stage("Averaging")
    network = _mean([part.model for part in parts], shares)
    tokenizer, max_tokens = load_tokenizer(lead.path(artifact.TOKENIZER)), lead.manifest.max_tokens
    on_stage("Exporting")
    graph = quantize.quantize(export.to_onnx(network)).SerializeToString()
    served = LogitModel(graph, tokenizer, max_tokens=max_tokens, threads=threads)
    on_stage("Calibrating")
    texts = [comment.text for comment in held_out]
    exact = fitting.logits(network, tokenizer, texts, max_tokens=max_tokens)
    quantized = served.split_logits(texts)
    contents = {artifact.MODEL: graph, artifact.TOKENIZER: lead.path(artifact.TOKENIZER).read_bytes()}
    averaged = {part.model.manifest.id: round(share, 4) for part, share in zip(parts, shares, strict=True)}
    return derive(
        lead,
        held_out,
        models=models,
        name=name,
        contents=contents,
        answers={artifact.EXACT: records.answer_record(quantized, held_out)},
        stages=(),
        golden=records.golden_records(served),
        golden_tolerance=records.GOLDEN_TOLERANCE,
        training=_training(lead)
        | {
            "averaged": averaged,
            "average_seconds": round(time.time() - started),
            "int8_against_float": records.parity(exact, quantized),
        },
    )


def _check(parts: Sequence[Part]) -> None:
    if len({part.model.manifest.id for part in parts}) != len(parts) or len(parts) < 2:
        named = ", ".join(part.model.manifest.id for part in parts)
        raise MappingError(f"Expected two or more models to average, each named once; found {named}.")
    for part in parts:
        if not 0 < part.weight < float("inf"):
            raise MappingError(f"{part.model.manifest.id}={part.weight:g}: expected a weight above 0.")
    first = parts[0].model
    for other in (part.model for part in parts[1:]):
        same = [
            first.path(artifact.TOKENIZER).read_bytes() == other.path(artifact.TOKENIZER).read_bytes(),
            first.manifest.training.get("architecture") == other.manifest.training.get("architecture"),
            first.manifest.max_tokens == other.manifest.max_tokens,
        ]
        if not all(same):
            what = ("vocabulary", "architecture", "longest text")[same.index(False)]
            raise MappingError(
                f"{other.manifest.id} is of another {what} than {first.manifest.id}; only models that "
                "go on from one start (build --from-model) can be averaged."
            )


def _mean(models: Sequence[Artifact], shares: Sequence[float]) -> CommentNetwork:
    with TemporaryDirectory(prefix="plaudit-") as scratch:
        network = restoring.load_network(restoring.restore(models[0].folder, Path(scratch)))
        taken = shares[0]
        for model, share in zip(models[1:], shares[1:], strict=True):
            other = restoring.load_network(restoring.restore(model.folder, Path(scratch))).state_dict()
            taken += share
            restoring.blend(network, other, share=1 - share / taken)
    return network


def _training(lead: Artifact) -> dict[str, Any]:
    return {name: value for name, value in lead.manifest.training.items() if name not in _OF_THE_CASCADE}
