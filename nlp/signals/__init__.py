"""The signals: pure functions of facts that know no weights and no references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from plaudit.estimate import Estimate, resample
from plaudit.prevalence import Correction
from plaudit.scores import LABELS
from plaudit.signals import behaviour, conversation, copies, labels, returning, wording
from plaudit.signals.section import Reading, Section, clearest

FAMILIES: Final = (labels, wording, copies, conversation, returning, behaviour)
NAMES: Final = tuple(name for family in FAMILIES for name in family.NAMES)
"""Every signal there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One signal of one section.

    Attributes:
        name: As in the policy.
        family: labels, text, copies, conversation, returning or behaviour.
        unit: share, authors, hours, ratio or count.
        estimate: None where absent.
        n_comments: Comments behind it.
        n_authors: Known authors behind it.
        evidence: Ids of comments that show it, the clearest first.
        absent: One sentence where absent, else None.
        hidden: Absent because the source left something out, not because there was nothing to measure.
        scarce: Absent because it is too rare to be met among so few comments.
    """

    name: str
    family: str
    unit: str
    estimate: Estimate | None = None
    n_comments: int = 0
    n_authors: int = 0
    evidence: tuple[str, ...] = ()
    absent: str | None = None
    hidden: bool = False
    scarce: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All signals of a section, and the prevalence of each label; None where nothing is readable."""

    signals: Mapping[str, Signal]
    census: Mapping[str, Estimate | None]


def measure_signals(section: Section, *, correction: Correction) -> Measured:
    """Read every signal and resample them all together."""
    readings = [reading for family in FAMILIES for reading in family.read(section)]
    counted = labels.census(section)
    ready = [each for each in (*readings, *counted) if each.ratio is not None]
    found = resample(
        [each.ratio for each in ready if each.ratio is not None], names=[each.name for each in ready]
    )
    estimates = {each.name: estimate for each, estimate in zip(ready, found, strict=True)}
    for triple in (readings[: len(LABELS)], counted):
        _correct(estimates, triple, correction)
    return Measured(
        signals={each.name: _signal(section, each, estimates.get(each.name)) for each in readings},
        census={label: estimates.get(each.name) for label, each in zip(LABELS, counted, strict=True)},
    )


def _correct(
    estimates: dict[str, Estimate | None], triple: Sequence[Reading], correction: Correction
) -> None:
    given = [estimate for each in triple if (estimate := estimates.get(each.name)) is not None]
    if len(given) == len(triple) and triple[0].rows is not None:
        n = int(np.count_nonzero(triple[0].rows))
        names = [each.name for each in triple]
        estimates.update(zip(names, labels.corrected(given, n=n, correction=correction), strict=True))


def _signal(section: Section, reading: Reading, estimate: Estimate | None) -> Signal:
    if estimate is None or reading.rows is None:
        return Signal(
            name=reading.name,
            family=reading.family,
            unit=reading.unit,
            absent=reading.absent or "Nothing of the kind was found.",
            hidden=reading.hidden,
            scarce=reading.scarce or reading.absent is None,
        )
    shown = clearest(reading, keys=section.facts.key)
    return Signal(
        name=reading.name,
        family=reading.family,
        unit=reading.unit,
        estimate=estimate if reading.ladder is None else _median(estimate, reading.ladder),
        n_comments=int(np.count_nonzero(reading.rows)),
        n_authors=section.n_authors(reading.rows),
        evidence=tuple(section.facts.id.take(shown).to_pylist()),
    )


def _median(below: Estimate, ladder: np.ndarray) -> Estimate:
    """Turn the resampled share below the median into a resampled median (Woodruff 1952)."""
    at = np.clip(0.5 + below.value - below.draws, 0.0, 1.0)
    return Estimate(value=float(np.median(ladder)), draws=np.quantile(ladder, at), n=below.n)
