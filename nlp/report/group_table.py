"""Groups in columns: what two runs are compared by, without signals and reasons."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Self, overload

import numpy as np
import orjson
from numpy.typing import NDArray

from plaudit.report.changes import NUMBERS
from plaudit.report.coverage import coverage_of
from plaudit.report.envelope import Coverage, Group, GroupHead, Interval, KeptGroups, LabelShare

_NOTHING: Final = (math.nan,) * 4
_WIDTH: Final = len(_NOTHING)  # value, low, high, and of a label its uncorrected share
_VALUES: Final = 3


class GroupTable(KeptGroups):
    """Takes groups one by one; some 400 bytes of each stay in memory, and each is made anew where asked for.

    Attributes:
        keys: Of the groups, in the order they came.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self.keys: list[str] = []
        self._coverage: list[str] = []
        self._numbers = {name: array("d") for name in NUMBERS}
        self._labels: dict[str, array[float]] = {}

    @classmethod
    def of(cls, groups: Sequence[Group]) -> Self:
        """Return a table of groups; of a table itself."""
        if isinstance(groups, cls):
            return groups
        table = cls()
        for body in groups.bodies() if isinstance(groups, KeptGroups) else map(orjson.dumps, groups):
            table.add(orjson.loads(body))
        return table

    def add(self, given: Mapping[str, Any]) -> None:
        """Append a group as a report's JSON has it; its signals and reasons are passed over.

        Raises:
            KeyError: A field is missing.
            TypeError: A field is of another type; so ValueError and AttributeError.
        """
        key, n = given["key"], len(self.keys)
        if not isinstance(key, str):
            raise TypeError(f"a text was expected, found {type(key).__name__}")
        coverage = orjson.dumps(coverage_of(given["coverage"])).decode()  # those bytes lie in a kilobyte
        for name, column in self._numbers.items():
            column.extend(_row(given[name], "value"))
        labels = given["labels"]
        for name in labels.keys() - self._labels.keys():
            self._labels[name] = array("d", _NOTHING * n)
        for name, column in self._labels.items():
            column.extend(_row(labels.get(name), "share"))
        self.keys.append(key)
        self._coverage.append(coverage)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of all labels that any group has."""
        return tuple(self._labels)

    def values(self, labels: Sequence[str]) -> NDArray[np.float64]:
        """Return the three numbers, then these labels, of each group, as `low <= value <= high`.

        Shape (groups, 3 + labels, 3): value, low, high; NaN where there is none.
        """
        nothing = array("d", _NOTHING * len(self))
        columns = [*self._numbers.values(), *(self._labels.get(name, nothing) for name in labels)]
        found = np.stack([np.array(column).reshape(-1, _WIDTH)[:, :_VALUES] for column in columns], axis=1)
        found[:, :, 1] = np.minimum(found[:, :, 0], found[:, :, 1])
        found[:, :, 2] = np.maximum(found[:, :, 0], found[:, :, 2])
        return found

    def coverage(self, place: int) -> Coverage:
        """Return what was read of a group."""
        return Coverage(**orjson.loads(self._coverage[place]))

    def __len__(self) -> int:
        return len(self.keys)

    @overload
    def __getitem__(self, place: int) -> Group: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Group]: ...
    def __getitem__(self, place: int | slice) -> Group | Sequence[Group]:
        places = range(len(self))[place]
        return self._group(places) if isinstance(places, int) else tuple(map(self._group, places))

    def __iter__(self) -> Iterator[Group]:
        return map(self._group, range(len(self)))

    def heads(self) -> Iterator[GroupHead]:
        """Yield what groups are ranked by, of each."""
        for place, key in enumerate(self.keys):
            numbers = {name: _read(column, place) for name, column in self._numbers.items()}
            values = {name: None if row is None else row[0] for name, row in numbers.items()}
            yield GroupHead(key=key, n_comments=self.coverage(place).read, **values)

    def bodies(self) -> Iterator[bytes]:
        """Yield each as JSON, on one line."""
        return map(orjson.dumps, self)

    def _group(self, place: int) -> Group:
        numbers = {name: _read(column, place) for name, column in self._numbers.items()}
        labels = {name: _read(column, place) for name, column in self._labels.items()}
        return Group(
            key=self.keys[place],
            **{name: row if row is None else _interval(row) for name, row in numbers.items()},
            reasons={},
            labels={name: row if row is None else _label(row) for name, row in labels.items()},
            signals=(),
            coverage=self.coverage(place),
        )


def _row(given: Mapping[str, float] | None, value: str) -> Sequence[float]:
    if given is None:
        return _NOTHING
    return given[value], given["low"], given["high"], given["raw_share"] if value == "share" else math.nan


def _read(column: array[float], place: int) -> tuple[float, ...] | None:
    row = tuple(column[place * _WIDTH : (place + 1) * _WIDTH])
    return None if math.isnan(row[0]) else row


def _interval(row: tuple[float, ...]) -> Interval:
    return Interval(value=row[0], low=row[1], high=row[2])


def _label(row: tuple[float, ...]) -> LabelShare:
    return LabelShare(share=row[0], low=row[1], high=row[2], raw_share=row[3])
