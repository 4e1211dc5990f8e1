"""What an artefact says of itself: the fields of `manifest.json`, and the seal that shows an edit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FileRecord(_Record):
    """One file of the artefact: SHA-256 in hexadecimal and size in bytes."""

    sha256: str
    n_bytes: int = Field(ge=0)


_Positive = Annotated[float, Field(gt=0)]
_Count = Annotated[float, Field(ge=0)]
_Counts = tuple[_Count, _Count, _Count]
_Range = tuple[float, float]


class AnswerRecord(_Record):
    """One way of answering (exact, cascade): its calibration and its error counts.

    Temperature, scale and bias are the exact network's; those of a cascade's stages stand with them.
    `error_counts[i][j]` sums, over held-out comments whose label is `LABELS[i]`, the probability of
    `LABELS[j]`; see `prevalence`. `error_counts_by_language` splits them by the language that each comment is
    taken for; empty in artefacts of format 2 and before. `error_concentration` is by label how closely the
    rates of sources lie around those of all, as `ErrorCounts.concentration`; null where they do not differ,
    and in artefacts of format 4 and before.
    """

    temperature: float = Field(gt=0)
    flag_scale: tuple[_Positive, _Positive, _Positive]
    flag_bias: tuple[float, float, float]
    error_counts: tuple[_Counts, _Counts, _Counts]
    error_counts_by_language: dict[str, tuple[_Counts, _Counts, _Counts]] = {}
    error_concentration: tuple[_Positive | None, _Positive | None, _Positive | None] = (None, None, None)
    n_held_out: int = Field(ge=0)


class GoldenRecord(_Record):
    """A text and the logits the exporting machine computed for it."""

    text: str
    label_logits: tuple[float, float, float]
    flag_logits: tuple[float, float, float]


class StageRecord(_Record):
    """A small network that answers what it is sure of, before the exact one is asked.

    `least_margin`, `unsure_flags` and `slack_per_doubling` are as `sureness.Sureness` has them; the second is
    empty in artefacts of format 3 and before, the third 0 in those of format 4 and before. Its own
    calibration stands beside it, as its logits are no others' logits.
    """

    file: str
    least_margin: float = Field(ge=0)
    unsure_flags: tuple[_Range, ...] = Field(default=(), max_length=3)
    slack_per_doubling: float = Field(default=0.0, ge=0)
    temperature: float = Field(gt=0)
    flag_scale: tuple[_Positive, _Positive, _Positive]
    flag_bias: tuple[float, float, float]
    golden: tuple[GoldenRecord, ...] = Field(min_length=1)


class Manifest(_Record):
    """What `manifest.json` holds; written last, so that a folder without it is no artefact.

    `seal` is the SHA-256 over all other fields, set when written: a changed number would go unnoticed
    otherwise. Empty until then: a file without it is refused.
    """

    format_version: int
    id: str
    created: str
    labels: dict[str, str]
    flags: dict[str, str]
    base_model: str
    languages: tuple[str, ...]
    max_tokens: int = Field(ge=8, le=512)
    normalizer_version: int
    files: dict[str, FileRecord]
    answers: dict[str, AnswerRecord]
    stages: tuple[StageRecord, ...] = ()
    references: dict[str, Any]
    golden: tuple[GoldenRecord, ...] = Field(min_length=1)
    golden_tolerance: float = Field(gt=0)
    data: dict[str, Any]
    training: dict[str, Any]
    metrics: dict[str, Any]
    seal: str = ""


def sealed(manifest: Manifest) -> bytes:
    """Return a manifest as JSON, sealed."""
    record = json.loads(manifest.model_dump_json())
    return json.dumps(record | {"seal": seal_of(record)}, ensure_ascii=False, indent=1).encode()


def seal_of(record: Mapping[str, Any]) -> str:
    """Return the SHA-256 over all fields of a manifest but its seal."""
    rest = {name: value for name, value in record.items() if name != "seal"}
    return sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
