"""Which comments were already read: on disk once they are many."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Iterator
from tempfile import TemporaryFile
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.readers.format import Problem
from plaudit.readers.spool import refused
from plaudit.text import fingerprint

Keys = NDArray[np.uint64]

MAX_HELD: Final = 1 << 24
"""Keys in memory: 128 MiB."""

_PAGE: Final = 512  # keys of a file that are read at once, 4 KiB
_JOINED_AT_ONCE: Final = 1 << 20  # keys of the larger file; they are hashes, so the other has no more

_N_RANGES: Final = 16  # runs are joined a range at a time, so that a copy is never of all keys
_SHIFT: Final = np.uint64(60)
_ODD: Final = np.uint64(0x9E3779B97F4A7C15)


class SeenComments:
    """Which comments were already read, and with which texts: sixteen bytes a comment."""

    def __init__(self) -> None:
        """Begin with none."""
        self._keys, self._texts = SeenKeys(most=MAX_HELD // 2), SeenKeys(most=MAX_HELD // 2)

    def add(self, keys: Keys, texts: Iterable[str]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Add comments; return which are new, and which of the others have a text that was not read before.

        Raises:
            StorageError: The disk for temporary files is full.
        """
        said = np.fromiter((fingerprint(text) for text in texts), np.uint64, count=len(keys))
        fresh = self._keys.add(keys)
        return fresh, self._texts.add((keys ^ said) * _ODD) & ~fresh


class SeenKeys:
    """A set of 64-bit keys that only grows: in each range sorted runs of doubling size, later files.

    Files double in size too: each key that is looked up costs a page of every file, so they must stay few.
    """

    def __init__(self, *, most: int = MAX_HELD) -> None:
        """Begin with none; more than `most` of them at a time go into a file without a name."""
        self._most, self._n_filed = most, 0
        self._ranges = [_Range() for _ in range(_N_RANGES)]
        self._files: list[_File] = []

    def __len__(self) -> int:
        return self._n_filed + sum(map(len, self._ranges))

    def add(self, keys: Keys) -> NDArray[np.bool_]:
        """Add keys, shape (n,); return which are new, the first of equal ones only, shape (n,).

        Raises:
            StorageError: The disk for temporary files is full.
        """
        unique, first = np.unique(keys, return_index=True)
        for file in self._files:
            unknown = ~file.holds(unique)
            unique, first = unique[unknown], first[unknown]
        ends = np.searchsorted(unique >> _SHIFT, np.arange(1, _N_RANGES + 1, dtype=np.uint64))
        start, fresh = 0, np.zeros(keys.size, bool)
        for each, end in zip(self._ranges, ends.tolist(), strict=True):
            if end > start:
                fresh[first[start:end][each.add(unique[start:end])]] = True
            start = end
        if len(self) - self._n_filed > self._most:
            self._put_away()
        return fresh

    def _put_away(self) -> None:
        n_filed = len(self)
        self._files.append(_File(each.taken() for each in self._ranges))
        self._n_filed, self._ranges = n_filed, [_Range() for _ in range(_N_RANGES)]
        while len(self._files) > 1 and self._files[-2].n_keys <= 2 * self._files[-1].n_keys:
            self._files[-2:] = [_File(_joined(*self._files[-2:]))]


def problem_of(*, is_changed: bool) -> Problem:
    """Say why a comment that was already read is left out; `is_changed`: it has another text now."""
    detail = "A comment with this id was already read for this post or file"
    if is_changed:
        return Problem("changed_text", f"{detail}, with another text.")
    return Problem("duplicate_id", f"{detail}.")


class _Range:
    def __init__(self) -> None:
        self._runs: list[Keys] = []

    def __len__(self) -> int:
        return sum(run.size for run in self._runs)

    def add(self, unique: Keys) -> NDArray[np.bool_]:
        """Add ascending keys; return which are new."""
        new = np.ones(unique.size, bool)
        for run in self._runs:
            new &= run[np.minimum(np.searchsorted(run, unique), run.size - 1)] != unique
        self._insert(unique[new])
        return new

    def _insert(self, run: Keys) -> None:
        while self._runs and self._runs[-1].size <= 2 * run.size:
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        if run.size:
            self._runs.append(run)

    def taken(self) -> Keys:
        """Return all keys, ascending, and forget them."""
        keys = np.sort(np.concatenate([np.empty(0, np.uint64), *self._runs]))
        self._runs = []
        return keys


class _File:
    """Ascending keys in a file without a name; the first key of each page is held."""

    def __init__(self, parts: Iterable[Keys]) -> None:
        """Write parts, each ascending and above the one before."""
        self.n_keys = 0
        try:
            self._file = TemporaryFile()  # noqa: SIM115 - as long-lived as this
            weakref.finalize(self, self._file.close)
            for part in parts:
                self._file.write(part.tobytes())
                self.n_keys += part.size
            self._file.flush()
        except OSError as error:
            what = "what tells which comments were read is put there, eight bytes a comment"
            raise refused(error, what=what) from error
        self._starts = np.fromiter(map(self._start, range(self._n_pages())), np.uint64)

    def between(self, bounds: Keys) -> Iterator[Keys]:
        """Yield the keys below the first bound, between each two, and from the last on; bounds ascend."""
        at = 0
        for bound in [*bounds.tolist(), None]:
            end = self.n_keys if bound is None else self._place(bound)
            yield np.frombuffer(os.pread(self._file.fileno(), 8 * (end - at), 8 * at), np.uint64)
            at = end

    def bounds(self, n_keys: int) -> Keys:
        """Return keys that part it into pieces of so many, a whole number of pages."""
        return self._starts[n_keys // _PAGE :: n_keys // _PAGE]

    def _place(self, key: int) -> int:
        page = int(np.searchsorted(self._starts, np.uint64(key), side="left")) - 1
        if page < 0:
            return 0
        within = np.frombuffer(self._page(page), np.uint64)
        return page * _PAGE + int(np.searchsorted(within, np.uint64(key), side="left"))

    def holds(self, unique: Keys) -> NDArray[np.bool_]:
        """Say which of some ascending keys are in it."""
        page = np.searchsorted(self._starts, unique, side="right") - 1
        found = np.frombuffer(b"".join(map(self._page, np.unique(page[page >= 0]).tolist())), np.uint64)
        if not found.size:
            return np.zeros(unique.size, bool)
        return np.asarray(found[np.minimum(np.searchsorted(found, unique), found.size - 1)] == unique)

    def _n_pages(self) -> int:
        return -(-os.fstat(self._file.fileno()).st_size // (8 * _PAGE))

    def _page(self, number: int, *, n_keys: int = _PAGE) -> bytes:
        return os.pread(self._file.fileno(), 8 * n_keys, 8 * _PAGE * number)

    def _start(self, number: int) -> int:
        return int(np.frombuffer(self._page(number, n_keys=1), np.uint64)[0])


def _joined(first: _File, second: _File) -> Iterator[Keys]:
    bounds = first.bounds(_JOINED_AT_ONCE)
    for one, other in zip(first.between(bounds), second.between(bounds), strict=True):
        yield np.sort(np.concatenate((one, other)))
