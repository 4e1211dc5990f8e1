"""The signals: pure functions of facts that know no weights and no references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.estimate import Estimate, resample
from plaudit.prevalence import Correction
from plaudit.scores import LABELS
from plaudit.signals import behaviour, conversation, copies, labels, returning, wording
from plaudit.signals.section import Section
from plaudit.signals.tally import Tallied, Tally, counts_of

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
        seen: How much of what there is of it so few people show; 1 where its value does not grow with them.
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
    seen: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All signals of a section, and the prevalence of each label; None where nothing is readable."""

    signals: Mapping[str, Signal]
    census: Mapping[str, Estimate | None]


def tallied(section: Section) -> Tallied:
    """Read every signal of a whole section; one at a time is held."""
    signals = tuple(Tally.of(section, reading) for family in FAMILIES for reading in family.read(section))
    census = tuple(Tally.of(section, reading) for reading in labels.census(section))
    keys = np.unique(np.concatenate([each.keys for each in signals]))
    rows = np.searchsorted(section.facts.key, keys)
    ids = dict(zip(keys.tolist(), section.facts.id.take(pa.array(rows)).to_pylist(), strict=True))
    return Tallied(
        signals=signals, census=census, counts=counts_of(section), community=section.community, ids=ids
    )


def measure_signals(section: Section, *, correction: Correction) -> Measured:
    """Read every signal and resample them all together."""
    return estimated(tallied(section), correction=correction)


def estimated(found: Tallied, *, correction: Correction) -> Measured:
    """Resample what was read, all together."""
    ready = [(each, sums) for each in (*found.signals, *found.census) if (sums := each.settled()) is not None]
    resampled = resample([sums for _, sums in ready], names=[each.name for each, _ in ready])
    estimates = {each.name: estimate for (each, _), estimate in zip(ready, resampled, strict=True)}
    for triple in (found.signals[: len(LABELS)], found.census):
        _correct(estimates, triple, correction)
    torn = conversation.FAMILY if found.counts.is_torn else None
    return Measured(
        signals={
            each.name: _torn(each)
            if each.family == torn
            else _signal(each, estimates.get(each.name), found.ids)
            for each in found.signals
        },
        census={label: estimates.get(each.name) for label, each in zip(LABELS, found.census, strict=True)},
    )


def _correct(estimates: dict[str, Estimate | None], triple: Sequence[Tally], correction: Correction) -> None:
    given = [estimate for each in triple if (estimate := estimates.get(each.name)) is not None]
    if len(given) == len(triple):
        names, n = [each.name for each in triple], triple[0].n_comments
        fit = correction.among(triple[0].spoken)
        estimates.update(zip(names, labels.corrected(given, n=n, correction=fit), strict=True))


def _signal(tally: Tally, estimate: Estimate | None, ids: Mapping[int, str]) -> Signal:
    if estimate is None:
        return Signal(
            name=tally.name,
            family=tally.family,
            unit=tally.unit,
            absent=tally.absent or "Nothing of the kind was found.",
            hidden=tally.hidden,
            scarce=tally.scarce or tally.absent is None,
        )
    return Signal(
        name=tally.name,
        family=tally.family,
        unit=tally.unit,
        estimate=estimate if tally.values is None else _median(estimate, tally.values),
        n_comments=tally.n_comments,
        n_authors=tally.n_authors,
        evidence=tuple(ids[key] for key in tally.keys.tolist()),
        seen=copies.seen(tally.name, estimate.n),
    )


def _torn(tally: Tally) -> Signal:
    return Signal(
        name=tally.name, family=tally.family, unit=tally.unit, absent=conversation.TORN, hidden=True
    )


def _median(below: Estimate, values: NDArray[np.float64]) -> Estimate:
    """Turn the resampled share below the median into a resampled median (Woodruff 1952)."""
    at = np.clip(0.5 + below.value - below.draws, 0.0, 1.0)
    ladder = np.sort(values)
    return Estimate(value=float(np.median(ladder)), draws=np.quantile(ladder, at), n=below.n)
