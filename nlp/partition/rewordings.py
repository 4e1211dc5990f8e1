"""Near-copies among more texts than memory holds: `signals.likeness`, a bucket's part at a time.

Twelve bytes a different text stay in memory; its grams lie in a file, ordered by the text's letters.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.letters import GRAMS
from plaudit.partition.spill import Spill, n_parts_for
from plaudit.signals.grouping import Rows, followed, link, unique_pairs
from plaudit.signals.keys import Keys, order_of
from plaudit.signals.likeness import (
    N_PARTS,
    alike_pairs,
    bucketed,
    digests_of,
    minima_of,
    neighbours_of,
    promising,
)

_BLOCK: Final = 1 << 14  # texts looked at in one go
_BUCKET_PARTS: Final = 4  # a text lies in sixteen buckets, a few bytes in each
_NEAR_BYTES: Final = 1 << 10  # between two ranges of a file that are read at once
_HALF: Final = np.uint64(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewordings:
    """The texts that are near-copies of one with smaller letters, and the smallest letters of each."""

    letters: Keys
    least: Keys

    def classes(self, letters: Keys) -> Keys:
        """Return a key per text that near-copies share, as `likeness.classes`."""
        if not len(self.letters):
            return letters
        at = np.minimum(np.searchsorted(self.letters, letters), len(self.letters) - 1)
        return np.where(self.letters[at] == letters, self.least[at], letters)


class Wordings:
    """Gathers texts, then tells which of them are near-copies."""

    def __init__(self, folder: Path, *, n: int, part_rows: int) -> None:
        """Prepare for about n texts."""
        self._folder, self._part_rows = folder, part_rows
        self._spill = Spill(folder / "texts", n_parts=n_parts_for(n, part_rows=part_rows))

    def add(self, letters: pa.Array, grams: pa.ListArray) -> None:
        """Add texts; those without grams are alike to nothing but themselves."""
        rows = pa.table({"letters": letters, "grams": grams})
        rows = rows.filter(pa.array(grams.value_lengths().to_numpy() > 0))
        # By the top bits, so that the parts one after the other ascend.
        top = rows.column("letters").to_numpy() >> _HALF
        part = (top * np.uint64(self._spill.n_parts)) >> _HALF
        self._spill.put(rows, part.astype(np.int64))

    def rewordings(self) -> Rewordings:
        """Find the near-copies; to be asked once."""
        with _Texts(self._folder / "grams") as texts:
            buckets = self._bucketed(texts)
            lowest = np.arange(len(texts), dtype=np.int32)
            digests = texts.digests()
            for one, other in self._candidates(buckets, digests):
                alike = alike_pairs(one, other, grams_of=texts.grams_of)
                link(lowest, one[alike], other[alike])
            lowest = followed(lowest, lowest)
            changed = np.flatnonzero(lowest != np.arange(len(lowest), dtype=np.int32))
            return Rewordings(letters=texts.letters_of(changed), least=texts.letters_of(lowest[changed]))

    def _bucketed(self, texts: _Texts) -> Spill:
        """Put the different texts in order, and each into its buckets."""
        spill = Spill(self._folder / "buckets", n_parts=_BUCKET_PARTS * self._spill.n_parts)
        for part in self._spill.parts():
            letters = part.column("letters").to_numpy()
            order = order_of(letters)
            fresh = np.concatenate(([True], letters[order][1:] != letters[order][:-1]))
            chosen = order[fresh]
            grams = part.column("grams").chunk(0)
            for start in range(0, len(chosen), _BLOCK):
                rows = chosen[start : start + _BLOCK]
                block = grams.take(pa.array(rows))
                minima = minima_of(block)
                first = texts.append(letters[rows], block, digests_of(minima))
                for i in range(N_PARTS):
                    key, row = bucketed(minima[i], minima[(i + 1) % N_PARTS])
                    spill.add(pa.table({"key": key, "row": (row + first).astype(np.uint32)}), key)
        return spill

    def _candidates(self, buckets: Spill, digests: Keys) -> Iterator[tuple[Rows, Rows]]:
        """Yield pairs of texts worth a closer look, by blocks of the first; each pair once."""
        n_parts = n_parts_for(len(digests), part_rows=self._part_rows)
        spill = Spill(self._folder / "pairs", n_parts=n_parts)
        size = -(-max(len(digests), 1) // n_parts)
        for part in buckets.parts():
            rows = part.column("row").to_numpy().astype(np.int64)
            one, other = neighbours_of(part.column("key").to_numpy(), rows)
            near = promising(digests, one, other)
            one, other = one[near], other[near]
            spill.put(pa.table({"one": one, "other": other}), one // size)
        for part in spill.parts():
            pairs = part.column("one").to_numpy(), part.column("other").to_numpy()
            yield unique_pairs([pairs], len(digests))


class _Texts:
    """Different texts by ascending letters: digests in memory, letters and grams in files."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._letters = (folder / "letters").open("w+b")
        self._grams = (folder / "grams").open("w+b")
        self._ends = (folder / "ends").open("w+b")
        self._ends.write(np.zeros(1, np.int64).tobytes())
        self._digests: list[Keys] = []
        self._n = self._n_grams = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self._letters, self._grams, self._ends):
            file.close()

    def __len__(self) -> int:
        return self._n

    def append(self, letters: Keys, grams: pa.ListArray, digests: Keys) -> int:
        """Add texts; return the row of the first of them."""
        first, flat = self._n, grams.flatten().to_numpy()
        ends = self._n_grams + np.cumsum(grams.value_lengths().to_numpy().astype(np.int64))
        self._letters.write(letters.tobytes())
        self._grams.write(flat.tobytes())
        self._ends.write(ends.tobytes())
        self._digests.append(digests)
        self._n, self._n_grams = first + len(letters), self._n_grams + len(flat)
        return first

    def digests(self) -> Keys:
        """Return the digests of all texts, once all are there."""
        for file in (self._letters, self._grams, self._ends):
            file.flush()
        whole = np.concatenate(self._digests) if self._digests else np.empty(0, np.uint64)
        self._digests.clear()
        return whole

    def letters_of(self, rows: NDArray[np.integer]) -> Keys:
        """Return the letters of some texts."""
        file = self._letters.fileno()
        found = b"".join(os.pread(file, 8, 8 * row) for row in rows.tolist())
        return np.frombuffer(found, np.uint64)

    def grams_of(self, rows: Rows) -> pa.ListArray:
        """Return the grams of some texts."""
        wanted, inverse = np.unique(rows, return_inverse=True)
        starts = _picked(self._ends.fileno(), np.int64, wanted, wanted + 1)
        stops = _picked(self._ends.fileno(), np.int64, wanted + 1, wanted + 2)
        flat = _picked(self._grams.fileno(), np.uint32, starts, stops)
        offsets = np.concatenate(([0], np.cumsum(stops - starts))).astype(np.int32)
        found = pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat), type=GRAMS)
        return found.take(pa.array(inverse))


def _picked(file: int, kind: type[np.generic], starts: Rows, stops: Rows) -> NDArray[Any]:
    """Return numbers of a file from starts to stops, ranges that ascend; near ones are read at once."""
    size = np.dtype(kind).itemsize
    apart = np.flatnonzero((starts[1:] - stops[:-1]) * size > _NEAR_BYTES) + 1
    first, last = np.concatenate(([0], apart)), np.concatenate((apart, [len(starts)])) - 1
    begins, ends = starts[first], stops[last]
    read = (
        os.pread(file, size * (end - begin), size * begin)
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
    )
    whole = np.frombuffer(b"".join(read), kind)
    # Where each range lies in what was read, and there each of its numbers.
    before = np.cumsum(ends - begins) - (ends - begins)
    run = np.cumsum(np.bincount(apart, minlength=len(starts)))
    lengths = stops - starts
    shift = starts - begins[run] + before[run] - (np.cumsum(lengths) - lengths)
    return whole[np.repeat(shift, lengths) + np.arange(int(lengths.sum()))]
