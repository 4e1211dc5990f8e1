"""Groups of a report on disk: as JSON, in order, where they are more than memory should hold."""

from __future__ import annotations

import math
import os
import struct
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import fields
from heapq import merge
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final, NamedTuple, overload

import orjson

from plaudit.partition.room import told_if_full
from plaudit.report.envelope import Finding, Group, GroupHead, KeptGroups
from plaudit.report.stored import group_of

MAX_HELD: Final = 2000
"""Groups up to which they stay in memory, where each takes some 30 kB."""

_RUN_BYTES: Final = 32 << 20
_MOST_RUNS: Final = 32  # are joined into one of the next level: few files are open, however many groups
_HEAD: Final = struct.Struct("<qdddII")  # comments, the three numbers, lengths of the key and of the JSON
_START: Final = struct.Struct("<q")


def in_order(
    found: Iterable[tuple[str, Finding]], *, folder: Path | None, most: int = MAX_HELD
) -> Sequence[Group]:
    """Return named findings as groups, most comments first, then by name.

    Args:
        found: In any order; each is let go of before the next is asked for, once there are more than `most`.
        folder: Where the rest is put; None: where the system puts temporary files. What lies there has no
            name, and is gone when nothing holds it any more.
        most: Groups that memory holds.

    Raises:
        StorageError: The disk is full, where the system puts temporary files.
    """
    held: list[Group] = []
    groups = (_group(name, finding) for name, finding in found)
    for group in groups:
        held.append(group)
        if len(held) > most:
            # In a folder the caller was given, the caller tells of a full disk.
            with told_if_full(None) if folder is None else nullcontext():
                return _on_disk(held, groups, folder=folder)
    return tuple(sorted(held, key=lambda group: (-group.coverage.read, group.key)))


def _group(name: str, finding: Finding) -> Group:
    return Group(key=name, **{each.name: getattr(finding, each.name) for each in fields(Finding)})


def _on_disk(held: list[Group], rest: Iterable[Group], *, folder: Path | None) -> GroupFile:
    runs = _Runs(folder)
    while held:
        runs.add(_record_of(held.pop()))
    for group in rest:
        runs.add(_record_of(group))
    return GroupFile(runs.merged(), folder=folder)


class _Record(NamedTuple):
    """A group as it lies on disk; `numbers` are NaN where there is none."""

    n_comments: int
    key: bytes
    numbers: tuple[float, float, float]
    body: bytes

    def write(self, file: IO[bytes]) -> int:
        """Append it to a file; return its length."""
        head = _HEAD.pack(self.n_comments, *self.numbers, len(self.key), len(self.body))
        return file.write(head) + file.write(self.key) + file.write(self.body)


def _record_of(group: Group) -> _Record:
    numbers = (group.index, group.authenticity, group.community_depth)
    body = orjson.dumps(group)
    index, authenticity, depth = (math.nan if number is None else number.value for number in numbers)
    return _Record(group.coverage.read, group.key.encode(), (index, authenticity, depth), body)


def _order(record: _Record) -> tuple[int, bytes]:
    return -record.n_comments, record.key  # UTF-8 is ordered as the text is


class _Runs:
    """Takes records, gives them back in order: sorted some at a time, joined some files at a time."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._waiting: list[_Record] = []
        self._n_bytes = 0
        self._levels: list[list[IO[bytes]]] = []

    def add(self, record: _Record) -> None:
        self._waiting.append(record)
        self._n_bytes += len(record.key) + len(record.body)
        if self._n_bytes >= _RUN_BYTES:
            self._put_away()

    def merged(self) -> Iterator[_Record]:
        """Yield all in order; to be asked once."""
        if not self._levels:
            return iter(self._sorted())
        if self._waiting:
            self._put_away()
        return _joined(chain.from_iterable(self._levels))

    def _sorted(self) -> list[_Record]:
        records = sorted(self._waiting, key=_order)
        self._waiting, self._n_bytes = [], 0
        return records

    def _put_away(self) -> None:
        self._keep(self._sorted(), level=0)

    def _keep(self, records: Iterable[_Record], *, level: int) -> None:
        file = TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed when it was read
        for record in records:
            record.write(file)
        if len(self._levels) == level:
            self._levels.append([])
        files = self._levels[level]
        files.append(file)
        if len(files) == _MOST_RUNS:
            self._levels[level] = []
            self._keep(_joined(files), level=level + 1)


def _joined(files: Iterable[IO[bytes]]) -> Iterator[_Record]:
    return merge(*map(_records_of, files), key=_order)


def _records_of(file: IO[bytes]) -> Iterator[_Record]:
    with file:
        file.seek(0)
        while head := file.read(_HEAD.size):
            n_comments, index, authenticity, depth, n_key, n_body = _HEAD.unpack(head)
            yield _Record(n_comments, file.read(n_key), (index, authenticity, depth), file.read(n_body))


class GroupFile(KeptGroups):
    """Groups in a file without a name; each is made anew where it is asked for."""

    def __init__(self, records: Iterable[_Record], *, folder: Path | None) -> None:
        """Write groups, in order."""
        with ExitStack() as opened:
            self._file = opened.enter_context(TemporaryFile(dir=folder))
            self._starts = opened.enter_context(TemporaryFile(dir=folder))
            self._write(records)
            weakref.finalize(self, opened.pop_all().close)

    def _write(self, records: Iterable[_Record]) -> None:
        self._n = at = 0
        for record in records:
            self._starts.write(_START.pack(at))
            at += record.write(self._file)
            self._n += 1
        self._file.flush()
        self._starts.flush()

    def __len__(self) -> int:
        return self._n

    @overload
    def __getitem__(self, place: int) -> Group: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Group]: ...
    def __getitem__(self, place: int | slice) -> Group | Sequence[Group]:
        if isinstance(place, slice):
            return tuple(self[i] for i in range(*place.indices(self._n)))
        if not -self._n <= place < self._n:
            raise IndexError(f"there are {self._n} groups, none at {place}")
        return group_of(orjson.loads(self._body(place % self._n)))

    def __iter__(self) -> Iterator[Group]:
        return (self[i] for i in range(self._n))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(
            one == another for one, another in zip(self, other, strict=True)
        )

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (list(self),)  # another process can't have the file

    def heads(self) -> Iterator[GroupHead]:
        """Yield what groups are ranked by, of each."""
        for i in range(self._n):
            at, head = self._head(i)
            n_comments, *numbers, n_key, _ = head
            key = os.pread(self._file.fileno(), n_key, at + _HEAD.size).decode()
            index, authenticity, depth = (None if math.isnan(each) else each for each in numbers)
            yield GroupHead(
                key=key,
                n_comments=n_comments,
                index=index,
                authenticity=authenticity,
                community_depth=depth,
            )

    def bodies(self) -> Iterator[bytes]:
        """Yield each as JSON, as `Report.to_json` would."""
        return map(self._body, range(self._n))

    def _head(self, place: int) -> tuple[int, tuple[Any, ...]]:
        (at,) = _START.unpack(os.pread(self._starts.fileno(), _START.size, place * _START.size))
        return at, _HEAD.unpack(os.pread(self._file.fileno(), _HEAD.size, at))

    def _body(self, place: int) -> bytes:
        at, (*_, n_key, n_body) = self._head(place)
        return os.pread(self._file.fileno(), n_body, at + _HEAD.size + n_key)
