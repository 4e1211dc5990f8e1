"""The groups of two reports, matched by key, however many there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, overload

import numpy as np

from plaudit.report.changes import Change, chances_of, judged_by, numbers_of, real
from plaudit.report.difference import chance, cutoff
from plaudit.report.envelope import Coverage, Group, KeptGroups

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

    Some hundred bytes a group stay in memory.

    Attributes:
        only_before: Keys of groups that only the first report has.
        only_after: Keys of groups that only the second report has.
    """

    def __init__(self, before: Sequence[Group], after: Sequence[Group], *, correlation: float) -> None:
        """Match groups by key, and judge how each changed in the light of all."""
        self._before, self._after, self._correlation = before, after, correlation
        first, second = ({key: i for i, key in enumerate(_keys(groups))} for groups in (before, after))
        self.only_before = tuple(key for key in first if key not in second)
        self.only_after = tuple(key for key in second if key not in first)
        keys = [key for key in _keys(after) if key in first]
        self._pairs = np.array([(first[key], i) for i, key in enumerate(_keys(after)) if key in first])
        self._most = 1.0
        chances, least, n_real = [np.empty(0)], np.full(len(keys), _NOTHING), np.zeros(len(keys), int)
        for i in range(len(keys)):
            found = self._changes(i)
            chances.append(np.array(list(chances_of(found))))
            least[i] = min((chance(each.difference) for each in found if each.difference), default=_NOTHING)
        self._most = cutoff(np.concatenate(chances))
        for i in np.flatnonzero(least <= self._most).tolist():
            n_real[i] = len(real(self._changes(i)))
        self._order = sorted(range(len(keys)), key=lambda i: (-n_real[i], least[i], keys[i]))

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
        before, after = self._pair(number)
        return GroupChange(
            key=after.key, before=before.coverage, after=after.coverage, changes=self._changes(number)
        )

    def _changes(self, number: int) -> tuple[Change, ...]:
        found = numbers_of(*self._pair(number), correlation=self._correlation)
        return tuple(judged_by(change, self._most) for change in found)

    def _pair(self, number: int) -> tuple[Group, Group]:
        first, second = self._pairs[number].tolist()
        return self._before[first], self._after[second]


def _keys(groups: Sequence[Group]) -> Iterator[str]:
    heads = groups.heads() if isinstance(groups, KeptGroups) else groups
    return (head.key for head in heads)
