"""Which signals some comments allow to be measured, told before any of them is labelled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from plaudit import linguistics
from plaudit.facts import Facts, facts_of
from plaudit.policy import Policy
from plaudit.scores import FLAGS, LABELS, Scores
from plaudit.signals import FAMILIES
from plaudit.signals.section import Reading, Section


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """Whether a signal can be measured.

    Attributes:
        name: As in the policy.
        title: As a person calls it.
        index: The index it counts in: authenticity, depth or none.
        absent: One sentence where it can't, else None.
        hidden: Absent because the source leaves something out, not because there is nothing to measure.
    """

    name: str
    title: str
    index: str
    absent: str | None
    hidden: bool


def availability(comments: Iterable[pa.RecordBatch], *, policy: Policy) -> list[Availability]:
    """Return every signal, as far as the columns of some comments decide; the texts' labels may yet.

    Every comment is taken for a question in a language that the model reads.
    """
    section = Section.of(Facts.concat(_facts(each) for each in comments))
    return [
        Availability(
            name=reading.name,
            title=policy.signals[reading.name].title,
            index=policy.signals[reading.name].index,
            absent=None if _is_there(reading) else reading.absent or "Nothing of the kind was found.",
            hidden=reading.hidden,
        )
        for family in FAMILIES
        for reading in family.read(section)
    ]


def _is_there(reading: Reading) -> bool:
    return reading.rows is not None and bool(reading.rows.any())


def _facts(comments: pa.RecordBatch) -> Facts:
    texts = comments.column("text").to_pylist()
    return facts_of(comments, _unread(len(texts)), linguistics.describe(texts))


def _unread(n: int) -> Scores:
    return Scores(
        probabilities=np.tile(np.array([label == "question" for label in LABELS], np.float32), (n, 1)),
        flags=np.zeros((n, len(FLAGS)), np.float32),
        languages=("und",) * n,
        supported=np.ones(n, bool),
        truncated=np.zeros(n, bool),
    )
