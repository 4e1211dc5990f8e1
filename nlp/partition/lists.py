"""Lists of numbers in a file, one behind the other, taken out by their place."""

from __future__ import annotations

import os
import weakref
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from plaudit.signals.grouping import Rows

_PAGE: Final = 512
_NEAR_BYTES: Final = 1 << 10  # between two ranges of a file that are read at once


class Numbers:
    """Numbers of one type in a file."""

    def __init__(self, path: Path, kind: type[np.generic]) -> None:
        """Make the file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: IO[bytes] = path.open("w+b")
        weakref.finalize(self, _closed, self._file)
        self._kind, self._n = np.dtype(kind), 0

    def __len__(self) -> int:
        return self._n

    def append(self, numbers: NDArray[Any]) -> None:
        """Add numbers."""
        self._file.write(numbers.astype(self._kind, copy=False).tobytes())
        self._n += len(numbers)

    def between(self, start: int, stop: int) -> NDArray[Any]:
        """Return consecutive numbers."""
        self._file.flush()
        size = self._kind.itemsize
        return np.frombuffer(os.pread(self._file.fileno(), size * (stop - start), size * start), self._kind)

    def ranges(self, starts: Rows, stops: Rows) -> NDArray[Any]:
        """Return numbers from starts to stops, ranges that ascend; near ones are read at once."""
        if not len(starts):
            return np.empty(0, self._kind)
        size = self._kind.itemsize
        apart = np.flatnonzero((starts[1:] - stops[:-1]) * size > _NEAR_BYTES) + 1
        first, last = np.concatenate(([0], apart)), np.concatenate((apart, [len(starts)])) - 1
        begins, ends = starts[first], stops[last]
        self._file.flush()
        read = (
            os.pread(self._file.fileno(), size * (end - begin), size * begin)
            for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
        )
        whole = np.frombuffer(b"".join(read), self._kind)
        # Where each range lies in what was read, and there each of its numbers.
        before = np.cumsum(ends - begins) - (ends - begins)
        run = np.cumsum(np.bincount(apart, minlength=len(starts)))
        lengths = stops - starts
        shift = starts - begins[run] + before[run] - (np.cumsum(lengths) - lengths)
        return whole[np.repeat(shift, lengths) + np.arange(int(lengths.sum()))]

    def at(self, places: Rows) -> NDArray[Any]:
        """Return some numbers, in any order."""
        wanted, inverse = np.unique(places, return_inverse=True)
        return self.ranges(wanted, wanted + 1)[inverse]


def _closed(file: IO[bytes]) -> None:
    with suppress(OSError):  # a full disk was told of where it was written to
        file.close()


class Ascending:
    """Whole numbers in a file, none below the one before; the first of each page is held."""

    def __init__(self, path: Path) -> None:
        """Make the file."""
        self._numbers, self._heads = Numbers(path, np.int64), [np.empty(0, np.int64)]

    def append(self, numbers: NDArray[np.int64]) -> None:
        """Add numbers."""
        self._heads.append(numbers[-len(self._numbers) % _PAGE :: _PAGE])
        self._numbers.append(numbers)

    def searchsorted(self, v: NDArray[np.int64], side: Literal["left", "right"]) -> NDArray[np.int64]:
        """Return how many are below each value, or, on the right, not above it; near values cost least."""
        self._heads = [np.concatenate(self._heads)]
        page = np.searchsorted(self._heads[0], v, side) - 1
        pages, place = np.unique(np.maximum(page, 0), return_inverse=True)
        found = self._numbers.ranges(pages * _PAGE, np.minimum((pages + 1) * _PAGE, len(self._numbers)))
        within = np.searchsorted(found, v, side) - place * _PAGE
        return np.where(page < 0, 0, page * _PAGE + within)


class Ends:
    """Where each list ends in the file of its numbers."""

    def __init__(self, path: Path) -> None:
        """Make the file."""
        self._ends, self._total = Numbers(path, np.int64), 0
        self._ends.append(np.zeros(1, np.int64))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def append(self, lengths: NDArray[np.integer[Any]]) -> None:
        """Add lists."""
        ends = self._total + np.cumsum(lengths, dtype=np.int64)
        self._ends.append(ends)
        self._total = int(ends[-1]) if len(ends) else self._total

    def of(self, lists: Rows) -> tuple[Rows, Rows]:
        """Return where some lists, ascending, begin and end."""
        return self._ends.ranges(lists, lists + 1), self._ends.ranges(lists + 1, lists + 2)
