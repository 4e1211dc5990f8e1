"""What a classifier says of comments, in columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

LABELS: Final = ("genuine", "generic_praise", "question")
FLAGS: Final = ("experience", "solicitation", "addressed")
NO_LANGUAGE: Final = ("zxx", "und")
"""Codes of texts without words and of those too short to tell their language: read as those around them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Calibrated answers for n comments; row i belongs to text i.

    Attributes:
        probabilities: Shape (n, 3), float32, columns in the order of `LABELS`; rows sum to 1.
        flags: Shape (n, 3), float32, columns in the order of `FLAGS`, each in [0, 1]; 0.5 is the
            natural threshold.
        languages: n ISO 639 codes; "zxx" where there is nothing linguistic (emoji, numbers), "und"
            where the text is too short to tell.
        supported: Shape (n,), bool: whether the model reads this language ("zxx" and "und" count as
            read).
        truncated: Shape (n,), bool: whether the text was longer than the model reads.
    """

    probabilities: NDArray[np.float32]
    flags: NDArray[np.float32]
    languages: tuple[str, ...]
    supported: NDArray[np.bool_]
    truncated: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.languages)

    @property
    def labels(self) -> NDArray[np.int8]:
        """Index into `LABELS` of the most probable label, shape (n,); ties go to the first."""
        return self.probabilities.argmax(axis=1).astype(np.int8)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """Which model answered.

    Attributes:
        id: Name of the artefact folder, or of a fake.
        hash: SHA-256 of the manifest, hexadecimal.
        answer: The way of answering: "exact", "cascade" where small networks answer what they are sure of,
            "float" where the exact one is run in floats, on a GPU.
    """

    id: str
    hash: str
    answer: str = "exact"

    def to_dict(self) -> dict[str, str]:
        """Return the three as JSON types."""
        return {"id": self.id, "hash": self.hash, "answer": self.answer}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ErrorCounts:
    """How a classifier errs, as soft counts on held-out comments.

    Attributes:
        pooled: Shape (3, 3): row i sums the probabilities of comments whose label is `LABELS[i]`, so that it
            sums to their number.
        languages: The same of the comments of each language, by code as in `Scores.languages`; empty where
            they were not told apart.
        concentration: By label, of how many comments' worth the rates of a community that is not among the
            held-out ones are known at most, as sources differ; inf where they were not seen to.
        certainty: Times as many comments that the counts are taken for where their own uncertainty is drawn.
    """

    pooled: NDArray[np.float64]
    languages: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    concentration: tuple[float, float, float] = (inf, inf, inf)
    certainty: float = 1.0


class Classifier(Protocol):
    """Anything that scores texts. An answer never depends on the other texts of the call."""

    @property
    def model(self) -> ModelInfo:
        """The model that answers."""
        ...

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639 codes of the languages the model reads."""
        ...

    @property
    def error_counts(self) -> ErrorCounts | None:
        """How it errs on held-out comments; None where unknown: label shares then stay uncorrected."""
        ...

    def classify(self, texts: Sequence[str]) -> Scores:
        """Score texts, in order; an empty text gets an answer without meaning, never an error."""
        ...
