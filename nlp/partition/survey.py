"""A first look at all facts: what is true of the whole, which texts are near-copies, where threads begin."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from plaudit.partition.ancestry import Ancestry
from plaudit.partition.counting import Distinct, Met
from plaudit.partition.placed import Placed
from plaudit.partition.rewordings import Wordings
from plaudit.partition.rounded import Rounded
from plaudit.partition.spill import THIN, n_parts_for
from plaudit.partition.stored import Stored, facts_of_part
from plaudit.signals.beside import mostly_beside
from plaudit.signals.keys import Keys, mix
from plaudit.signals.rounding import Rounding
from plaudit.signals.section import Community, mostly_timed
from plaudit.signals.tally import Counts, counts_of_rows

_COLUMNS: Final = (
    *("key", "parent", "post", "creator", "author", "handle", "mention", "letters", "grams"),
    *("created_at", "exact_time", "is_creator", "language", "platform", "supported", "emoji_only"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What has to be known of all comments before any part of them is measured.

    Attributes:
        counts: What adds up over any rows.
        community: All but `n_writers`.
        threads: Of each reply in the order of the rows: its thread, or its own key where it is none.
        texts: Of each comment in that order: the key of its near-copies, where that is not its own letters.
        rounding: Which times are not exact, whatever the source says.
    """

    counts: Counts
    community: Community
    threads: Placed
    texts: Placed
    rounding: Rounding


class _Looking:
    """Looks at the facts, some at a time."""

    def __init__(self, folder: Path, *, n: int, part_rows: int) -> None:
        n_parts = n_parts_for(n, part_rows=THIN * part_rows)
        self.counts = Counts()
        self.posts = Distinct(folder / "posts", n_parts=n_parts)
        self.openings = Distinct(folder / "openings", n_parts=n_parts)
        self.named = Met(folder / "named", n_parts=n_parts)
        self.ancestry = Ancestry(folder / "replies", n=n, part_rows=part_rows)
        self.wordings = Wordings(folder / "texts", n=n, part_rows=part_rows)
        self.n_by_creator = self.n_at_top = self.n_replies = 0
        self.n_audience = self.n_known = 0
        self.rounded = Rounded(folder / "hours", n_parts=n_parts)
        self.has_parents = self.has_creator = self.names_creator = False

    def look(self, rows: pa.Table) -> None:
        place = self.counts.n_comments + np.arange(len(rows))
        facts = facts_of_part(rows.drop_columns(["letters", "grams"]))
        audience = ~facts.is_creator
        self.counts += counts_of_rows(facts)
        _note(self.posts, facts.post[audience])
        self.n_audience += int(np.count_nonzero(audience))
        self.n_known += int(np.count_nonzero(facts.author[audience]))
        self.has_parents |= bool(facts.parent.any())
        exact = facts.exact_time
        self.rounded.add(facts.post[exact], facts.created_at[exact], audience[exact])
        self.has_creator |= bool(facts.is_creator.any())
        self.names_creator |= bool(facts.creator.any())
        at_top = facts.is_creator & (facts.parent == 0)
        self.n_by_creator += int(np.count_nonzero(facts.is_creator))
        self.n_at_top += int(np.count_nonzero(at_top))
        _note(self.openings, facts.post[at_top])
        naming, there = at_top & (facts.mention != 0), audience & (facts.handle != 0)
        self.named.add(mix(facts.post[naming], facts.mention[naming]), asked=True)
        self.named.add(np.unique(mix(facts.post[there], facts.handle[there])), asked=False)
        key, parent = rows.column("key").to_numpy(), rows.column("parent").to_numpy()
        replies = (parent != 0) & (parent != key)
        self.n_replies += int(np.count_nonzero(replies))
        self.ancestry.add(key[replies], parent[replies], place[replies])
        at = 0
        for batch in rows.select(["letters", "grams"]).to_batches():
            self.wordings.add(batch.column(0).to_numpy(), batch.column(1), place[at : at + len(batch)])
            at += len(batch)

    def community(self, *, n_exact: int) -> Community:
        (n_posts, _), (n_openings, _) = self.posts.count(), self.openings.count()
        return Community(
            has_authors=self.n_audience > 0 and 2 * self.n_known >= self.n_audience,
            has_threads=self.has_parents,
            has_exact_times=mostly_timed(n_exact, n=self.n_audience),
            has_creator=self.has_creator,
            names_creator=self.names_creator,
            answers_beside=mostly_beside(
                self.n_at_top,
                n_openings=n_openings,
                n_naming=self.named.count(),
                n_by_creator=self.n_by_creator,
                n_replies=self.n_replies,
                n=self.counts.n_comments,
            ),
            n_posts=n_posts,
            n_writers=0,
        )


def _note(seen: Distinct, posts: Keys) -> None:
    different = np.unique(posts)
    seen.add(different, np.zeros(len(different), bool))


def survey(stored: Stored, folder: Path, *, part_rows: int) -> Survey:
    """Look at all facts once; `folder` is for nothing else."""
    looking = _Looking(folder, n=len(stored), part_rows=part_rows)
    for rows in stored.tables(_COLUMNS):
        looking.look(rows)
    threads = Placed(folder / "threads", n=len(stored), part_rows=part_rows)
    texts = Placed(folder / "classes", n=len(stored), part_rows=part_rows)
    n_looped = looking.ancestry.settle(threads)
    looking.wordings.settle(texts)
    rounding, n_exact = looking.rounded.settle()
    return Survey(
        counts=looking.counts + Counts(n_looped=n_looped),
        community=looking.community(n_exact=n_exact),
        threads=threads,
        texts=texts,
        rounding=rounding,
    )
