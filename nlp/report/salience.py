"""What a reader should see first: signals by how much they matter, groups by rank."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from plaudit.report.envelope import Finding, Group, SignalRow

_SEVERITY = {"alarm": 0, "low": 1}


def pulling_down(signals: Iterable[SignalRow]) -> list[SignalRow]:
    """Return the signals below what is usual, alarms first, then those that leave the fewest points."""
    rows = [row for row in signals if row.word in _SEVERITY]
    return sorted(
        rows, key=lambda row: (_SEVERITY[row.word], row.points is None, row.points or 0.0, row.name)
    )


def lifting(signals: Iterable[SignalRow]) -> list[SignalRow]:
    """Return the signals better than usual, those with the most points first."""
    rows = [row for row in signals if row.word == "good"]
    return sorted(rows, key=lambda row: (-(row.points or 0.0), row.name))


def most_telling(signals: Sequence[SignalRow], *, n: int) -> list[SignalRow]:
    """Return up to n present signals: bad ones, then good ones, then those with the most points."""
    rest = [row for row in signals if row.word == "normal"]
    rest.sort(key=lambda row: (-(row.points or 0.0), row.name))
    down, up = pulling_down(signals), lifting(signals)
    n_down = max(n - len(up), (n + 1) // 2)  # bad news never crowds out the good entirely
    return [*down[:n_down], *up, *rest][:n]


def ranked(groups: Iterable[Group]) -> list[Group]:
    """Return groups by index, highest first; those that abstain come last, by what they do have."""
    return sorted(groups, key=lambda group: (*(_descending(n) for n in _numbers(group)), group.key))


def by_family(signals: Sequence[SignalRow]) -> list[tuple[str, list[SignalRow]]]:
    """Return the signals family by family; families and signals keep their first order."""
    order = {family: i for i, family in reversed(list(enumerate(row.family for row in signals)))}
    rows = sorted(signals, key=lambda row: order[row.family])
    return [(family, list(members)) for family, members in groupby(rows, key=lambda row: row.family)]


def _numbers(finding: Finding) -> tuple[float | None, ...]:
    numbers = (finding.index, finding.authenticity, finding.community_depth)
    return tuple(None if number is None else number.value for number in numbers)


def _descending(value: float | None) -> float:
    return float("inf") if value is None else -value
