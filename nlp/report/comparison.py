"""Two reports side by side: what changed, and whether it is more than noise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt
from typing import Any, Final

import orjson

from plaudit.report.difference import Value, chance, difference, discoveries
from plaudit.report.envelope import Coverage, Finding, Report

VERDICTS: Final = {
    "rose": "more than noise",
    "fell": "more than noise",
    "unclear": "outside its own interval, but so many comparisons bring some of that by chance",
    "noise": "no more than noise",
    "same": "exactly the same",
    "new": "only the second run could say",
    "gone": "only the first run could say",
    "absent": "neither run could say",
}
"""What a change amounts to."""

NUMBERS: Final = ("index", "authenticity", "community_depth")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One number in two runs.

    Attributes:
        name: Of the number, label or signal.
        kind: number, label or signal.
        unit: points (0 to 100), or the signal's.
        before: In the first run; None where it could not be said.
        after: In the second one; likewise.
        difference: after - before; None unless both are there.
        verdict: One of `VERDICTS`.
    """

    name: str
    kind: str
    unit: str
    before: Value | None
    after: Value | None
    difference: Value | None
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChange:
    """One post or creator in two runs; `changes` holds its numbers and label shares."""

    key: str
    before: Coverage
    after: Coverage
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Comments that both runs scored, told by post and id.

    Attributes:
        n_before: Comments of the first run.
        n_after: Comments of the second one.
        n_common: Those in both.
        n_relabelled: Of those in both, how many got another label.
        moves: How many went from one label to another: first label, second label, count.
    """

    n_before: int
    n_after: int
    n_common: int
    n_relabelled: int
    moves: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one of the two runs was: its name, and what made it."""

    name: str
    model: Mapping[str, str]
    policy: Mapping[str, str]
    version: str
    coverage: Coverage


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that can be said of two runs.

    Attributes:
        before: The first run.
        after: The second one.
        assumption: independent, overlapping or same_comments.
        correlation: That the intervals of differences assume, in [0, 1].
        notes: Sentences: what is assumed, and what makes the runs hard to compare.
        changes: Of the whole: numbers, labels, signals.
        groups: Of each group in both, those that changed most first.
        only_before: Keys of groups that only the first run has.
        only_after: Keys of groups that only the second run has.
        shared: None where the comments could not be matched.
    """

    before: Side
    after: Side
    assumption: str
    correlation: float
    notes: tuple[str, ...]
    changes: tuple[Change, ...]
    groups: tuple[GroupChange, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    shared: Shared | None = field(default=None)

    def to_json(self) -> bytes:
        """Return the comparison as indented UTF-8 JSON."""
        return orjson.dumps(self, option=orjson.OPT_INDENT_2)


def compare(
    before: Report, after: Report, *, names: tuple[str, str], shared: Shared | None = None
) -> Comparison:
    """Compare two reports.

    Args:
        before: The first run.
        after: The second one.
        names: What to call them.
        shared: What is known of comments in both; None: the runs are taken as independent.
    """
    alike = _made_alike(before, after)
    correlation = _correlation(shared) if alike else 0.0
    changes = _judged(_changes(before, after, correlation=correlation))
    matched = _matched(before, after, correlation=correlation)
    keys = ([group.key for group in report.groups] for report in (before, after))
    first, second = (dict.fromkeys(each) for each in keys)
    return Comparison(
        before=_side(before, names[0]),
        after=_side(after, names[1]),
        assumption=_assumption(shared),
        correlation=round(correlation, 6),
        notes=tuple(_notes(before, after, shared=shared, alike=alike)),
        changes=tuple(changes),
        groups=tuple(matched),
        only_before=tuple(key for key in first if key not in second),
        only_after=tuple(key for key in second if key not in first),
        shared=shared,
    )


def _side(report: Report, name: str) -> Side:
    made = {each: getattr(report, each) for each in ("model", "policy", "version", "coverage")}
    return Side(name=name, **made)


def _made_alike(before: Report, after: Report) -> bool:
    return (before.model, before.policy, before.version) == (after.model, after.policy, after.version)


def _assumption(shared: Shared | None) -> str:
    if shared is None or not shared.n_common:
        return "independent"
    whole = shared.n_common == shared.n_before == shared.n_after
    return "same_comments" if whole else "overlapping"


def _correlation(shared: Shared | None) -> float:
    # Two means over samples that share n_common of their members, each member equally noisy.
    if shared is None or not shared.n_common:
        return 0.0
    return min(shared.n_common / sqrt(shared.n_before * shared.n_after), 1.0)


def _changes(before: Finding, after: Finding, *, correlation: float) -> Iterator[Change]:
    yield from _numbers(before, after, correlation=correlation)
    rows = ({row.name: row for row in finding.signals} for finding in (before, after))
    first, second = rows
    for name in {**first, **second}:
        values = [_value(row, "value") for row in (first.get(name), second.get(name))]
        unit = (second.get(name) or first[name]).unit
        yield _change(name, "signal", unit, *values, correlation=correlation)


def _numbers(before: Finding, after: Finding, *, correlation: float) -> Iterator[Change]:
    for name in NUMBERS:
        values = [_value(getattr(finding, name), "value") for finding in (before, after)]
        yield _change(name, "number", "points", *values, correlation=correlation)
    for name in {**before.labels, **after.labels}:
        values = [_value(finding.labels.get(name), "share") for finding in (before, after)]
        yield _change(name, "label", "share", *values, correlation=correlation)


def _value(thing: Any, name: str) -> Value | None:
    value = None if thing is None else getattr(thing, name)
    if value is None or thing.low is None or thing.high is None:
        return None
    return Value(value=value, low=min(thing.low, value), high=max(thing.high, value))


def _change(
    name: str, kind: str, unit: str, before: Value | None, after: Value | None, *, correlation: float
) -> Change:
    apart = None if before is None or after is None else difference(before, after, correlation=correlation)
    verdict = "absent" if before is None and after is None else "new" if before is None else "gone"
    if apart is not None:
        verdict = "same" if before == after else "noise"
        apart = Value(**{each: round(getattr(apart, each), 6) + 0.0 for each in ("value", "low", "high")})
    return Change(
        name=name, kind=kind, unit=unit, before=before, after=after, difference=apart, verdict=verdict
    )


def _judged(changes: Iterable[Change]) -> list[Change]:
    """Give each difference its verdict, in the light of how many there are."""
    found = list(changes)
    # A difference of nothing at all, as between runs of the same comments, is no comparison to be misled by.
    tested = [
        (i, each.difference) for i, each in enumerate(found) if each.difference and each.difference.value
    ]
    at, chances = [i for i, _ in tested], [chance(apart) for _, apart in tested]
    for i, is_real in zip(at, discoveries(chances), strict=True):
        found[i] = replace(found[i], verdict=_verdict(found[i], is_real=is_real))
    return found


def _verdict(change: Change, *, is_real: bool) -> str:
    apart = change.difference
    if apart is None or change.verdict == "same" or apart.low <= 0 <= apart.high:
        return change.verdict
    if not is_real:
        return "unclear"
    return "rose" if apart.value > 0 else "fell"


def _matched(before: Report, after: Report, *, correlation: float) -> list[GroupChange]:
    first = {group.key: group for group in before.groups}
    pairs = [(first[group.key], group) for group in after.groups if group.key in first]
    rows = [tuple(_numbers(*pair, correlation=correlation)) for pair in pairs]
    judged = iter(_judged(change for row in rows for change in row))
    groups = [
        GroupChange(
            key=one.key,
            before=one.coverage,
            after=other.coverage,
            changes=tuple(next(judged) for _ in row),
        )
        for (one, other), row in zip(pairs, rows, strict=True)
    ]
    return sorted(groups, key=_salience)


def _salience(group: GroupChange) -> tuple[int, float, str]:
    """Return what groups are ordered by: how many real changes, then how unlikely the least likely one is."""
    n_real = sum(change.verdict in ("rose", "fell") for change in group.changes)
    telling = most_telling(group)
    least = 2.0 if telling is None or telling.difference is None else chance(telling.difference)
    return -n_real, least, group.key


def _notes(before: Report, after: Report, *, shared: Shared | None, alike: bool) -> Iterator[str]:
    yield _assumed(shared, alike=alike)
    for what, first, second, why in (
        ("models labelled", before.model, after.model, "label shares, and all that rests on them"),
        ("policies weighed", before.policy, after.policy, "indices"),
    ):
        if first != second:
            yield (
                f"Different {what} ({_named(first)}, then {_named(second)}): {why} may differ for that "
                "reason alone."
            )
    if before.version != after.version:
        yield f"Different versions of Plaudit ({before.version}, then {after.version}) measured."
    if before.groups and after.groups and not {g.key for g in before.groups} & {g.key for g in after.groups}:
        yield "No group of one run is in the other: were both broken down by the same thing?"


def _named(made: Mapping[str, str]) -> str:
    return f"{made.get('id', 'unknown')} {made.get('hash', '')[:8]}".strip()


def _assumed(shared: Shared | None, *, alike: bool) -> str:
    kind = _assumption(shared)
    if kind == "independent" or shared is None:
        return (
            "Assumed: the runs are independent samples of comments. Where they share comments or authors, "
            "intervals of the differences are too wide, and a true change may be called noise."
        )
    both = (
        "Both runs scored the same comments"
        if kind == "same_comments"
        else (f"{shared.n_common:,} comments are in both runs")
    )
    if not alike:
        return (
            f"{both}, but not with the same model, policy and version: how far their errors go together is "
            "unknown, so the intervals are those of independent runs, which are too wide here."
        )
    return f"{both}: intervals of the differences count their shared error once."


def most_telling(group: GroupChange) -> Change | None:
    """Return the change of a group that is least likely to be noise; None where nothing can be compared."""
    compared = [(chance(each.difference), each) for each in group.changes if each.difference is not None]
    return min(compared, key=lambda pair: pair[0])[1] if compared else None


def real(changes: Sequence[Change]) -> list[Change]:
    """Return the changes that are more than noise."""
    return [change for change in changes if change.verdict in ("rose", "fell")]
