"""A classifier that needs no weights: keywords decide, so that a test can read what it expects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from plaudit.pipeline import Pipeline
from plaudit.policy import load as load_policy
from plaudit.reference import References
from plaudit.scores import ErrorCounts, ModelInfo, Scores

_PRAISE = ("great", "cool", "nice", "love", "amazing", "wow", "follow me")
_UNREADABLE = {"これ": "ja", "что": "ru"}


class KeywordClassifier:
    """Question mark: question; praise words: generic praise; anything else: genuine."""

    def __init__(self, *, confidence: float = 0.96) -> None:
        self.confidence = confidence
        self.n_seen = 0

    @property
    def model(self) -> ModelInfo:
        return ModelInfo(id="keyword-fake", hash="0" * 64)

    @property
    def languages(self) -> tuple[str, ...]:
        return ("en",)

    @property
    def error_counts(self) -> ErrorCounts | None:
        rest = (1 - self.confidence) / 2
        return ErrorCounts(pooled=200 * (np.eye(3) * (self.confidence - rest) + rest))

    def classify(self, texts: Sequence[str]) -> Scores:
        self.n_seen += len(texts)
        languages = tuple(_language(text) for text in texts)
        return Scores(
            probabilities=np.array([self._probabilities(t) for t in texts], np.float32).reshape(-1, 3),
            flags=np.array([_flags(t) for t in texts], np.float32).reshape(-1, 3),
            languages=languages,
            supported=np.array([language in ("en", "zxx", "und") for language in languages], bool),
            truncated=np.array([len(text) > 2000 for text in texts], bool),
        )

    def _probabilities(self, text: str) -> list[float]:
        words = text.lower()
        label = 2 if "?" in text else 1 if any(word in words for word in _PRAISE) else 0
        if not any(character.isalpha() for character in text):
            label = 1
        rest = (1 - self.confidence) / 2
        return [self.confidence if i == label else rest for i in range(3)]


def _flags(text: str) -> list[float]:
    words = text.lower()
    return [float(" my " in f" {words} "), float("follow me" in words), float(text.startswith("@"))]


def _language(text: str) -> str:
    for marker, code in _UNREADABLE.items():
        if marker in text:
            return code
    return "en" if any(character.isalpha() for character in text) else "zxx"


def fake_pipeline() -> Pipeline:
    """A pipeline whose labels a test can read off the text; references are the policy's defaults."""
    return Pipeline(classifier=KeywordClassifier(), references=References.from_dict({}), policy=load_policy())
