"""The groups of two reports, matched by key, however many there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Final, overload

import numpy as np

from plaudit.report.changes import DIGITS, NUMBERS, Change, judged_by, unjudged
from plaudit.report.difference import Value, chance, chances, cutoff, differences
from plaudit.report.envelope import Coverage, Group
from plaudit.report.group_table import GroupTable

_NOTHING: Final = 2.0  # a chance that nothing has: where nothing can be compared


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChange:
    """One post or creator in two runs; `changes` holds its numbers and label shares."""

    key: str
    before: Coverage
    after: Coverage
    changes: tuple[Change, ...]


def most_telling(group: GroupChange) -> Change | None:
    """Return the change of a group that is least likely to be noise; None where nothing can be compared."""
    compared = [(chance(each.difference), each) for each in group.changes if each.difference is not None]
    return min(compared, key=lambda pair: pair[0])[1] if compared else None


class ChangedGroups(Sequence[GroupChange]):
    """Each group in both reports, those that changed most first; made anew where it is asked for.

    Some kilobyte a group stays in memory.

    Attributes:
        only_before: Keys of groups that only the first report has.
        only_after: Keys of groups that only the second report has.
    """

    def __init__(self, before: Sequence[Group], after: Sequence[Group], *, correlation: float) -> None:
        """Match groups by key, and judge how each changed in the light of all."""
        self._tables = first, second = GroupTable.of(before), GroupTable.of(after)
        place, there = {key: i for i, key in enumerate(first.keys)}, set(second.keys)
        self.only_before = tuple(key for key in place if key not in there)
        self.only_after = tuple(key for key in dict.fromkeys(second.keys) if key not in place)
        both = [(place[key], i) for i, key in enumerate(second.keys) if key in place]
        self._pairs = np.array(both, np.int64).reshape(-1, 2)
        labels = list(dict.fromkeys((*first.labels, *second.labels)))
        self._names = [(name, "number", "points") for name in NUMBERS]
        self._names += [(label, "label", "share") for label in labels]
        self._values = [table.values(labels)[self._pairs[:, i]] for i, table in enumerate(self._tables)]
        self._apart = np.round(differences(*self._values, correlation=correlation), DIGITS) + 0.0
        self._most, self._order = self._ranked([second.keys[i] for _, i in both])

    def _ranked(self, keys: Sequence[str]) -> tuple[float, list[int]]:
        """Return up to which chance a change is more than noise, and all pairs in their order."""
        value, low, high = np.moveaxis(self._apart, -1, 0)
        found = chances(self._apart)
        moved = (value != 0) & ~np.isnan(value)  # as `changes.chances_of`
        most = cutoff(found[moved])
        n_real = np.count_nonzero(moved & ((low > 0) | (high < 0)) & (found <= most), axis=1).tolist()
        least = np.fmin.reduce(found, axis=1, initial=_NOTHING).tolist()
        return most, sorted(range(len(keys)), key=lambda i: (-n_real[i], least[i], keys[i]))

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, place: int) -> GroupChange: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[GroupChange]: ...
    def __getitem__(self, place: int | slice) -> GroupChange | Sequence[GroupChange]:
        if isinstance(place, slice):
            return tuple(self._change(i) for i in self._order[place])
        return self._change(self._order[place])

    def __iter__(self) -> Iterator[GroupChange]:
        return map(self._change, self._order)

    def _change(self, number: int) -> GroupChange:
        places = self._pairs[number].tolist()
        before, after = (table.coverage(i) for table, i in zip(self._tables, places, strict=True))
        key = self._tables[1].keys[places[1]]
        return GroupChange(key=key, before=before, after=after, changes=tuple(self._changes(number)))

    def _changes(self, number: int) -> Iterator[Change]:
        rows = (map(_value, each[number].tolist()) for each in (*self._values, self._apart))
        for (name, kind, unit), before, after, apart in zip(self._names, *rows, strict=True):
            change = Change(
                name=name,
                kind=kind,
                unit=unit,
                before=before,
                after=after,
                difference=apart,
                verdict=unjudged(before, after),
            )
            yield judged_by(change, self._most)


def _value(row: Sequence[float]) -> Value | None:
    value, low, high = row
    return None if isnan(value) else Value(value=value, low=low, high=high)
