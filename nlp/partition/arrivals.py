"""Bursts among more arrivals than memory holds: `signals.bursts`, some posts, or part of one, at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from plaudit.partition.counting import Distinct, counted, least
from plaudit.partition.lists import Ascending
from plaudit.partition.spill import THIN, Spill, n_parts_for
from plaudit.signals import bursts
from plaudit.signals.keys import Keys, row_of
from plaudit.signals.section import Section, Whole, strongest
from plaudit.signals.tally import Tally, tally_of

_N_SAMPLE: Final = 1 << 16  # arrivals that tell where to cut a part
_N_AT_ONCE: Final = 1 << 13  # looked for in a file in one go


class Arrivals:
    """Gathers arrivals, then tells which of them came in bursts."""

    def __init__(self, folder: Path, *, n: int, part_rows: int) -> None:
        """Prepare for n comments; `folder` is for nothing else."""
        self._folder, self._n_rows = folder, THIN * part_rows
        self._n_parts = n_parts_for(n, part_rows=part_rows)
        self._posts = Spill(folder / "posts", n_parts=self._n_parts)

    def add(self, section: Section) -> None:
        """Add the arrivals of some people."""
        facts, first = section.facts, bursts.arrivals(section)
        arrived = {
            "post": facts.post[first],
            "time": facts.created_at[first],
            "key": facts.key[first],
            "cluster": section.cluster[first],
            "known": facts.author[first] != 0,
        }
        self._posts.add(pa.table(arrived), facts.post[first])

    def tally(self) -> Tally:
        """Return the tally; to be asked once."""
        found = tally_of(bursts.too_few())
        distinct = Distinct(self._folder / "arrived", n_parts=self._n_parts)
        resampled = Distinct(self._folder / "crowds", n_parts=self._n_parts)
        for number in range(self._n_parts):
            last: bursts.Last | None = None
            for rows, crowd, excess in self._crowds(number):
                post, time, key, cluster, known = (column.to_numpy() for column in rows.columns)
                began = bursts.began(crowd, post=post, time=time, last=last)
                last = bursts.Last(post[-1], time[-1], crowd[-1], began[-1])
                units = bursts.units(cluster, crowd, post=post, began=began)
                shown = strongest(crowd, key)
                found += Tally(
                    name=found.name,
                    family=found.family,
                    unit=found.unit,
                    sums=bursts.ratio_of(units, excess).sums(),
                    n_comments=len(rows),
                    strength=crowd[shown],
                    keys=key[shown],
                )
                distinct.add(cluster, known)
                resampled.add(units, known)
        (n, _), (_, n_known) = resampled.count(), distinct.count()
        if found.sums is None:
            return found
        return replace(found, sums=replace(found.sums, n=n), n_authors=n_known)

    def _crowds(self, number: int) -> Iterator[tuple[pa.Table, Whole, Whole]]:
        """Yield arrivals at busy posts by post, time and key, some at a time, with crowd and excess."""
        posts, starts, n_busy = self._survey(number)
        cuts = self._cuts(number, posts, n_busy)
        ranges = Spill(self._folder / f"ranges {number}", n_parts=len(cuts) + 1)
        for block in self._posts.blocks(number, n_rows=self._n_rows):
            rows = _of(posts, block)
            ranges.put(rows, _range_of(rows, cuts))
        sorted_rows = Spill(self._folder / f"sorted {number}", n_parts=len(cuts) + 1)
        axis = Ascending(self._folder / f"axis {number}")
        for i in range(len(cuts) + 1):
            for rows in ranges.blocks(i, n_rows=None):
                post, time, key = (rows.column(name).to_numpy() for name in ("post", "time", "key"))
                order = np.lexsort((key, time, post))
                at = np.searchsorted(posts, post[order])
                axis.append(bursts.places(at, bursts.ages(time[order], starts[at])))
                sorted_rows.put(rows.take(pa.array(order)), np.full(len(rows), i))
        for i in range(len(cuts) + 1):
            for rows in sorted_rows.blocks(i, n_rows=None):
                at = np.searchsorted(posts, rows.column("post").to_numpy())
                age = bursts.ages(rows.column("time").to_numpy(), starts[at])
                yield rows, *bursts.crowds_among(axis, at, age, n_rows=_N_AT_ONCE)

    def _survey(self, number: int) -> tuple[Keys, Whole, int]:
        """Return the busy posts of a part, ascending, when each began, and how many arrived at them."""
        posts, counts = np.empty(0, np.uint64), np.empty(0, np.int64)
        known, times = np.empty(0, np.uint64), np.empty(0, np.int64)
        n_earliest = bursts.N_EARLIEST
        for block in self._posts.blocks(number, n_rows=self._n_rows, again=True):
            post, time = block.column("post").to_numpy(), block.column("time").to_numpy()
            posts, counts = counted(posts, counts, post)
            together = np.concatenate((known, post)), np.concatenate((times, time))
            known, times = least(*together, n=n_earliest)
        busy = counts >= bursts.MIN_ARRIVALS
        n_kept = np.minimum(counts, n_earliest)
        earliest = times[np.repeat(busy, n_kept)]
        began = bursts.beginnings(earliest, n_kept[busy], n_arrivals=counts[busy])
        return posts[busy], began, int(counts[busy].sum())

    def _cuts(self, number: int, posts: Keys, n_busy: int) -> list[tuple[np.uint64, np.int64]]:
        """Return the post and time before which to cut, so that what lies between fits into memory."""
        n_ranges = n_parts_for(n_busy, part_rows=self._n_rows)
        if n_ranges == 1:
            return []
        step, some = max(n_busy // _N_SAMPLE, 1), []
        for block in self._posts.blocks(number, n_rows=self._n_rows, again=True):
            rows = _of(posts, block)
            some.append(rows.select(["post", "time"]).take(pa.array(np.arange(0, len(rows), step))))
        sample = pa.concat_tables(some).combine_chunks()
        post, time = (column.to_numpy() for column in sample.columns)
        order = np.lexsort((time, post))
        chosen = order[np.arange(1, n_ranges) * len(order) // n_ranges]
        return list(zip(post[chosen], time[chosen], strict=True))


def _of(posts: Keys, rows: pa.Table) -> pa.Table:
    return rows.filter(pa.array(row_of(rows.column("post").to_numpy(), posts) >= 0)).combine_chunks()


def _range_of(rows: pa.Table, cuts: list[tuple[np.uint64, np.int64]]) -> Whole:
    post, time = rows.column("post").to_numpy(), rows.column("time").to_numpy()
    found = np.zeros(len(rows), np.int64)
    for cut, moment in cuts:
        found += (post > cut) | ((post == cut) & (time >= moment))
    return found
