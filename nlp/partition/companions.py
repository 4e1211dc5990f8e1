"""Company among more visits than memory holds: `signals.company`, some people at a time.

Who is often here is known by their place in the order of authors; their visits lie in files in that order.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.estimate import Sums, n_distinct
from plaudit.facts import Facts
from plaudit.partition.buckets import paired
from plaudit.partition.components import Links
from plaudit.partition.counting import counted
from plaudit.partition.lists import Ends, Numbers
from plaudit.partition.placed import Placed
from plaudit.partition.spill import THIN, Spill, n_parts_for
from plaudit.signals import company
from plaudit.signals.grouping import Rows, Whole, unique_pairs
from plaudit.signals.keys import Keys, row_of
from plaudit.signals.section import strongest
from plaudit.signals.tally import Tally

_HALF: Final = np.uint64(32)
_N_PAIRS: Final = 1 << 13  # looked at in one go


class Companions:
    """Gathers visits, all those of some people at a time; then tells in whose company they were made."""

    def __init__(self, folder: Path, *, n: int, part_rows: int) -> None:
        """Prepare for n comments; `folder` is for nothing else."""
        self._folder, self._n_rows = folder, THIN * part_rows
        self._n_parts = n_parts_for(n, part_rows=part_rows)
        self._posts = self._spill("posts")
        self._often = self._spill("often")
        self._others: Sums | None = None
        self._n_authors = self._n_visits = 0

    def add(self, facts: Facts, rows: Rows) -> None:
        """Add visits, as `company.visits` gives them."""
        author, post, key = facts.author[rows], facts.post[rows], facts.key[rows]
        self._posts.add(pa.table({"post": post}), post)
        self._n_authors += n_distinct(author)
        self._n_visits += len(rows)
        often = company.is_often(author)
        visits = {"author": author[often], "post": post[often], "key": key[often]}
        # By the top bits, so that the parts one after the other ascend.
        part = ((author[often] >> _HALF) * np.uint64(self._n_parts)) >> _HALF
        self._often.put(pa.table(visits), part.astype(np.int64))
        alone = author[~often]
        sums = company.ratio_of(alone, np.ones(len(alone), np.int64), n_authors=1).sums()
        self._others = sums if self._others is None else self._others + sums

    def tally(self) -> Tally | int:
        """Return the tally; where too few posts were visited, how many."""
        visitors = _Visitors(self._folder / "visitors")
        asks = self._spill("asks")
        for part in self._often.parts():
            post, row = visitors.append(part)
            asks.add(pa.table({"post": post, "row": row}), post)
        n_posts = self._count(asks, visitors)
        if n_posts < company.MIN_POSTS or self._others is None:
            return n_posts
        sizes = self._sizes(visitors)
        sums, strength, keys = self._others, np.empty(0, np.int64), np.empty(0, np.uint64)
        for start in range(0, len(visitors), _N_PAIRS):
            authors = np.arange(start, min(start + _N_PAIRS, len(visitors)))
            at, counts, author = visitors.visits_of(authors)
            size = np.repeat(sizes.take(len(authors)).astype(np.int64) + 1, counts)
            sums = company.ratio_of(author, size, n_authors=self._n_authors).sums() + sums
            strength = np.concatenate((strength, np.where(size > 1, size, 0)))
            keys = np.concatenate((keys, visitors.keys.ranges(*at)))
            shown = strongest(strength, keys)
            strength, keys = strength[shown], keys[shown]
        return Tally(
            name=company.NAME,
            family=company.FAMILY,
            unit="share",
            sums=sums,
            n_comments=self._n_visits,
            n_authors=self._n_authors,
            strength=strength,
            keys=keys,
        )

    def _count(self, asks: Spill, visitors: _Visitors) -> int:
        """Tell what share of all visits the post of each visit had; return how many posts there are."""
        told = Placed(self._folder / "told", n=visitors.n_visits, part_rows=self._n_rows)
        n_posts = 0
        for number in range(self._n_parts):
            posts, counts = np.empty(0, np.uint64), np.empty(0, np.int64)
            for block in self._posts.blocks(number, n_rows=self._n_rows):
                post = block.column("post").to_numpy()
                posts, counts = counted(posts, counts, post)
            n_posts += len(posts)
            for block in asks.blocks(number, n_rows=self._n_rows):
                at = row_of(block.column("post").to_numpy(), posts)
                told.put(block.column("row").to_numpy(), counts[at].astype(np.uint64))
        for start in range(0, visitors.n_visits, self._n_rows):
            n_visitors = told.take(min(self._n_rows, visitors.n_visits - start)).astype(np.int64)
            visitors.chances.append(n_visitors / self._n_visits)
        return n_posts

    def _sizes(self, visitors: _Visitors) -> Placed:
        """Return how many others are in the group of each who is often here, in their order."""
        links = Links(self._folder / "links", n=len(visitors), part_rows=self._n_rows)
        if len(visitors) >= company.MIN_GROUP:
            for one, other in self._candidates(visitors):
                linked = visitors.together(one, other)
                links.add(one[linked], other[linked])
        sizes = Placed(self._folder / "sizes", n=len(visitors), part_rows=self._n_rows)
        groups = self._spill("groups")
        for member, lowest in links.lowest():
            groups.add(pa.table({"member": member, "lowest": lowest}), lowest.astype(np.uint64))
        for number in range(self._n_parts):
            first, counts = np.empty(0, np.uint64), np.empty(0, np.int64)
            for block in groups.blocks(number, n_rows=self._n_rows, again=True):
                first, counts = counted(first, counts, block.column("lowest").to_numpy().astype(np.uint64))
            others = np.where(counts + 1 >= company.MIN_GROUP, counts, 0).astype(np.uint64)
            sizes.put(first.astype(np.int64), others)
            for block in groups.blocks(number, n_rows=self._n_rows):
                at = np.searchsorted(first, block.column("lowest").to_numpy().astype(np.uint64))
                sizes.put(block.column("member").to_numpy(), others[at])
        return sizes

    def _candidates(self, visitors: _Visitors) -> Iterator[tuple[Rows, Rows]]:
        """Yield pairs of people, by blocks of the second; each pair once."""
        bands = [self._spill(f"band {i}") for i in range(company.N_BANDS)]
        for start in range(0, len(visitors), _N_PAIRS):
            authors = np.arange(start, min(start + _N_PAIRS, len(visitors)))
            visits = visitors.of(authors)
            for i, band in enumerate(bands):
                bucket = visits.band(i)
                band.add(pa.table({"bucket": bucket, "row": authors}), bucket)
        size = -(-len(visitors) // self._n_parts)
        pairs = self._spill("pairs")
        for band in bands:
            for number in range(self._n_parts):
                for rows, low, high in paired(band.blocks(number, n_rows=self._n_rows)):
                    row = rows.column("row").to_numpy()
                    pairs.put(pa.table({"one": row[low], "other": row[high]}), row[high] // size)
        for part in pairs.parts():
            given = part.column("one").to_numpy(), part.column("other").to_numpy()
            one, other = unique_pairs([given], len(visitors))
            for start in range(0, len(one), _N_PAIRS):
                yield one[start : start + _N_PAIRS], other[start : start + _N_PAIRS]

    def _spill(self, name: str) -> Spill:
        return Spill(self._folder / name, n_parts=self._n_parts)


class _Visitors:
    """Those who are often here, by author, and their visits, by post, in files."""

    def __init__(self, folder: Path) -> None:
        self.keys, self.chances = Numbers(folder / "keys", np.uint64), Numbers(folder / "chances", np.float64)
        self._authors, self._posts = (
            Numbers(folder / "authors", np.uint64),
            Numbers(folder / "posts", np.uint64),
        )
        self._ends = Ends(folder / "ends")

    def __len__(self) -> int:
        return len(self._authors)

    @property
    def n_visits(self) -> int:
        return len(self._posts)

    def append(self, part: pa.Table) -> tuple[Keys, Rows]:
        """Add all visits of some people above those who are there; return their posts and places."""
        author, post, key = (column.to_numpy() for column in part.columns)
        order = np.lexsort((post, author))
        author, post, first = author[order], post[order], self.n_visits
        starts = np.flatnonzero(np.concatenate(([True], author[1:] != author[:-1])))
        self._authors.append(author[starts])
        self._ends.append(np.diff(np.append(starts, len(author))))
        self._posts.append(post)
        self.keys.append(key[order])
        return post, first + np.arange(len(post))

    def visits_of(self, authors: Rows) -> tuple[tuple[Rows, Rows], Whole, Keys]:
        """Return of some people, ascending, where their visits lie, how many each made, and whose each is."""
        starts, stops = self._ends.of(authors)
        counts = stops - starts
        return (starts, stops), counts, np.repeat(self._authors.ranges(authors, authors + 1), counts)

    def of(self, authors: Rows) -> company.Visits:
        """Return the visits of some people, ascending."""
        at, _, author = self.visits_of(authors)
        return company.Visits(author, self._posts.ranges(*at), self.chances.ranges(*at))

    def together(self, one: Rows, other: Rows) -> NDArray[np.bool_]:
        """Say which pairs are companions."""
        if not len(one):
            return np.zeros(0, bool)
        authors, place = np.unique(np.concatenate((one, other)), return_inverse=True)
        first, second = np.split(place, 2)
        return self.of(authors).together(first, second, n_often=len(self))
