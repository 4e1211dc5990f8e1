"""What a reader should see first: signals by how much they matter, groups by rank."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from heapq import nsmallest
from itertools import accumulate, groupby

from plaudit.report.envelope import Group, GroupHead, Interval, KeptGroups, SignalRow

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
    return sorted(groups, key=lambda group: _rank(_head(group)))


def first(groups: Sequence[Group], n: int) -> list[Group]:
    """Return the first n of `ranked`, without holding all groups."""
    chosen = nsmallest(n, enumerate(_heads(groups)), key=lambda pair: _rank(pair[1]))
    return [groups[place] for place, _ in chosen]


def places(groups: Sequence[Group], n: int) -> tuple[dict[str, int], int]:
    """Return places, from 1, among all groups with an index, of the first n groups; and how many have one.

    Keys tell groups apart; those without an index have no place.
    """
    marks = sorted(
        _rank(head) for head, _ in zip(_heads(groups), range(n), strict=False) if head.index is not None
    )
    n_ahead, n_ranked = [0] * (len(marks) + 1), 0
    for head in _heads(groups):
        if head.index is not None:
            n_ranked += 1
            n_ahead[bisect_right(marks, _rank(head))] += 1
    found = accumulate(n_ahead)
    return {mark[-1]: before + 1 for mark, before in zip(marks, found, strict=False)}, n_ranked


def by_family(signals: Sequence[SignalRow]) -> list[tuple[str, list[SignalRow]]]:
    """Return the signals family by family; families and signals keep their first order."""
    order = {family: i for i, family in reversed(list(enumerate(row.family for row in signals)))}
    rows = sorted(signals, key=lambda row: order[row.family])
    return [(family, list(members)) for family, members in groupby(rows, key=lambda row: row.family)]


def _heads(groups: Sequence[Group]) -> Iterator[GroupHead]:
    return groups.heads() if isinstance(groups, KeptGroups) else map(_head, groups)


def _head(group: Group) -> GroupHead:
    return GroupHead(
        key=group.key,
        n_comments=group.coverage.read,
        index=_value(group.index),
        authenticity=_value(group.authenticity),
        community_depth=_value(group.community_depth),
    )


def _value(number: Interval | None) -> float | None:
    return None if number is None else number.value


def _rank(head: GroupHead) -> tuple[float, float, float, str]:
    numbers = (head.index, head.authenticity, head.community_depth)
    index, authenticity, depth = (float("inf") if each is None else -each for each in numbers)
    return index, authenticity, depth, head.key
