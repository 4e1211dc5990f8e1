"""Near-copies among more texts than memory holds: `signals.likeness`, a bucket's part at a time.

The grams of the different texts lie in a file, by ascending letters; a text is known by its place there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.letters import GRAMS
from plaudit.partition.buckets import paired
from plaudit.partition.components import Links
from plaudit.partition.lists import Ends, Numbers
from plaudit.partition.placed import Placed
from plaudit.partition.spill import THIN, Spill, n_parts_for
from plaudit.signals.grouping import Rows, unique_pairs
from plaudit.signals.keys import Keys, first_of, order_of, row_of
from plaudit.signals.likeness import N_PARTS, alike_pairs, bucketed, digests_of, minima_of, promising

_BLOCK: Final = 1 << 14  # texts looked at in one go
_BUCKET_PARTS: Final = 4  # a text lies in sixteen buckets, a few bytes in each
_HALF: Final = np.uint64(32)


class Wordings:
    """Gathers the texts of rows, then tells which of them are near-copies."""

    def __init__(self, folder: Path, *, n: int, part_rows: int) -> None:
        """Prepare for n rows; `folder` is for nothing else."""
        self._folder, self._part_rows = folder, part_rows
        self._n_parts = n_parts_for(n, part_rows=part_rows)
        self._texts = Spill(folder / "texts", n_parts=self._n_parts)
        self._said = Spill(folder / "said", n_parts=self._n_parts)

    def add(self, letters: Keys, grams: pa.ListArray, rows: NDArray[np.int64]) -> None:
        """Add the texts of rows, told by their place; one without grams is alike to nothing but itself."""
        kept = np.flatnonzero(grams.value_lengths().to_numpy() > 0)
        # By the top bits, so that the parts one after the other ascend.
        part = (((letters[kept] >> _HALF) * np.uint64(self._n_parts)) >> _HALF).astype(np.int64)
        self._said.put(pa.table({"letters": letters[kept], "row": rows[kept]}), part)
        fresh = first_of(letters[kept])
        chosen = kept[fresh]
        texts = {"letters": letters[chosen], "grams": grams.take(pa.array(chosen))}
        self._texts.put(pa.table(texts), part[fresh])

    def settle(self, classes: Placed) -> None:
        """Tell the key that near-copies share, as `likeness.classes`, where it is not a text's letters."""
        texts = _Texts(self._folder / "grams")
        buckets, starts = self._bucketed(texts)
        links = Links(self._folder / "links", n=len(texts), part_rows=self._part_rows)
        for one, other in self._candidates(buckets, n=len(texts)):
            alike = alike_pairs(one, other, grams_of=texts.grams_of)
            links.add(one[alike], other[alike])
        changed = Spill(self._folder / "changed", n_parts=self._n_parts)
        for text, lowest in links.lowest():
            part = np.searchsorted(starts, text, side="right") - 1
            changed.put(pa.table({"text": text, "lowest": lowest}), part)
        for number in range(self._n_parts):
            self._tell(number, changed.part(number), texts, classes)

    def _bucketed(self, texts: _Texts) -> tuple[Spill, Rows]:
        """Put the different texts in order, and each into its buckets; return where each part starts."""
        spill = Spill(self._folder / "buckets", n_parts=_BUCKET_PARTS * self._n_parts)
        starts = np.zeros(self._n_parts, np.int64)
        for number in range(self._n_parts):
            starts[number] = len(texts)
            part = self._different(number)
            if part is None:
                continue
            grams = part.column("grams").chunk(0)
            for start in range(0, len(part), _BLOCK):
                block = grams.slice(start, _BLOCK).take(pa.array(np.arange(min(_BLOCK, len(part) - start))))
                minima = minima_of(block)
                digests = digests_of(minima)
                first = texts.append(part.column("letters").to_numpy()[start : start + _BLOCK], block)
                for i in range(N_PARTS):
                    key, row = bucketed(minima[i], minima[(i + 1) % N_PARTS])
                    rows = {"bucket": key, "row": (row + first).astype(np.uint32), "digest": digests[row]}
                    spill.add(pa.table(rows), key)
        return spill, starts

    def _different(self, number: int) -> pa.Table | None:
        """Return the different texts of a part, by letters."""
        found: pa.Table | None = None
        for block in self._texts.blocks(number, n_rows=self._part_rows):
            both = block if found is None else pa.concat_tables([found, block]).combine_chunks()
            letters = both.column("letters").to_numpy()
            order = order_of(letters)
            fresh = np.concatenate(([True], letters[order][1:] != letters[order][:-1]))
            found = both.take(pa.array(order[fresh])).combine_chunks()
        return found

    def _candidates(self, buckets: Spill, *, n: int) -> Iterator[tuple[Rows, Rows]]:
        """Yield pairs of texts worth a closer look, by blocks of the second; each pair once."""
        n_parts = n_parts_for(n, part_rows=self._part_rows)
        spill = Spill(self._folder / "pairs", n_parts=n_parts)
        size = -(-max(n, 1) // n_parts)
        for number in range(buckets.n_parts):
            for rows, low, high in paired(buckets.blocks(number, n_rows=2 * THIN * self._part_rows)):
                near = promising(rows.column("digest").to_numpy(), low, high)
                text = rows.column("row").to_numpy().astype(np.int64)
                one, other = text[low[near]], text[high[near]]
                # A text has few before it, though many may come after it.
                spill.put(pa.table({"one": one, "other": other}), other // size)
        for part in spill.parts():
            pairs = part.column("one").to_numpy(), part.column("other").to_numpy()
            yield unique_pairs([pairs], n)

    def _tell(self, number: int, changed: pa.Table | None, texts: _Texts, classes: Placed) -> None:
        letters = least = np.empty(0, np.uint64)
        if changed is not None:
            letters, least = (texts.letters.at(column.to_numpy()) for column in changed.columns)
            order = np.argsort(letters)
            letters, least = letters[order], least[order]
        for rows in self._said.blocks(number, n_rows=THIN * self._part_rows):
            at = row_of(rows.column("letters").to_numpy(), letters)
            there = np.flatnonzero(at >= 0)
            classes.put(rows.column("row").to_numpy()[there], least[at[there]])


class _Texts:
    """Different texts by ascending letters, in files."""

    def __init__(self, folder: Path) -> None:
        self.letters = Numbers(folder / "letters", np.uint64)
        self._grams, self._ends = Numbers(folder / "grams", np.uint32), Ends(folder / "ends")

    def __len__(self) -> int:
        return len(self.letters)

    def append(self, letters: Keys, grams: pa.ListArray) -> int:
        """Add texts; return the place of the first of them."""
        first = len(self)
        self.letters.append(letters)
        self._ends.append(grams.value_lengths().to_numpy())
        self._grams.append(grams.flatten().to_numpy())
        return first

    def grams_of(self, rows: Rows) -> pa.ListArray:
        """Return the grams of some texts."""
        wanted, inverse = np.unique(rows, return_inverse=True)
        starts, stops = self._ends.of(wanted)
        offsets = np.concatenate(([0], np.cumsum(stops - starts))).astype(np.int32)
        flat = pa.array(self._grams.ranges(starts, stops))
        return pa.ListArray.from_arrays(pa.array(offsets), flat, type=GRAMS).take(pa.array(inverse))
