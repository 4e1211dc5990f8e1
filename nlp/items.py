"""Comments one by one: what is to be labelled, and the answer or error each of them gets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from plaudit import pipeline as pipelines
from plaudit.comment import REJECTION_REASONS
from plaudit.pipeline import Pipeline
from plaudit.scores import Scores
from plaudit.text import normalize

EMPTY: Final = f"The text is empty: {REJECTION_REASONS['empty_text']}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A comment to label: a text, or the sentence that says why there is none."""

    id: str
    text: str = ""
    error: str | None = None

    @classmethod
    def of(cls, text: str, *, id: str) -> Item:  # noqa: A002
        """Return the item of a text, which may be empty."""
        return cls(id=id, text=text) if normalize(text) else cls(id=id, error=EMPTY)


def results(items: Sequence[Item], pipeline: Pipeline) -> Iterator[dict[str, Any]]:
    """Yield each item's answer as `pipeline.answer` shapes it, or `{"id", "error"}`."""
    texts = [item.text for item in items if item.error is None]
    return answers(items, pipeline.classify(texts) if texts else None)


def answers(items: Sequence[Item], scores: Scores | None) -> Iterator[dict[str, Any]]:
    """Yield what `results` does; the rows of `scores` are the items without an error."""
    ids = [item.id for item in items if item.error is None]
    found = pipelines.answers(ids, scores) if scores is not None else iter(())
    for item in items:
        yield {"id": item.id, "error": item.error} if item.error is not None else next(found)
