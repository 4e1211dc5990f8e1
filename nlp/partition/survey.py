"""A first look at all facts: what is true of the whole, which texts are near-copies, where threads begin."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from plaudit.partition.ancestry import Ancestry
from plaudit.partition.counting import KeyCounts
from plaudit.partition.rewordings import Rewordings, Wordings
from plaudit.partition.stored import Stored, facts_of_part
from plaudit.signals.keys import Keys
from plaudit.signals.section import Community, mostly_beside
from plaudit.signals.tally import Counts, counts_of_rows

_COLUMNS: Final = (
    *("key", "parent", "post", "creator", "author", "letters", "grams", "created_at", "exact_time"),
    *("is_creator", "language", "platform", "supported", "emoji_only"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What has to be known of all comments before any part of them is measured.

    Attributes:
        counts: What adds up over any rows.
        community: All but `n_writers`.
        ancestry: None where the dump is flat.
        rewordings: Which texts are near-copies.
    """

    counts: Counts
    community: Community
    ancestry: Ancestry | None
    rewordings: Rewordings


class _Looking:
    """Looks at the facts, some at a time."""

    def __init__(self) -> None:
        self.counts, self.posts, self.openings = Counts(), KeyCounts(), KeyCounts()
        self.n_by_creator = self.n_beside = 0
        self.n_audience = self.n_known = 0
        self.has_parents = self.has_exact_times = self.has_creator = self.names_creator = False
        self.keys: list[Keys] = []
        self.parents: list[Keys] = []

    def look(self, rows: pa.Table) -> None:
        facts = facts_of_part(rows)
        audience = ~facts.is_creator
        self.counts += counts_of_rows(facts)
        self.posts.add(np.unique(facts.post[audience]))
        self.n_audience += int(np.count_nonzero(audience))
        self.n_known += int(np.count_nonzero(facts.author[audience]))
        self.has_parents |= bool(facts.parent.any())
        self.has_exact_times |= bool((audience & facts.exact_time).any())
        self.has_creator |= bool(facts.is_creator.any())
        self.names_creator |= bool(facts.creator.any())
        beside = facts.is_creator & (facts.parent == 0)
        self.n_by_creator += int(np.count_nonzero(facts.is_creator))
        self.n_beside += int(np.count_nonzero(beside))
        self.openings.add(np.unique(facts.post[beside]))
        replies = (facts.parent != 0) & (facts.parent != facts.key)
        self.keys.append(facts.key[replies])
        self.parents.append(facts.parent[replies])

    def community(self) -> Community:
        self.posts.settle()
        self.openings.settle()
        return Community(
            has_authors=self.n_audience > 0 and 2 * self.n_known >= self.n_audience,
            has_threads=self.has_parents,
            has_exact_times=self.has_exact_times,
            has_creator=self.has_creator,
            names_creator=self.names_creator,
            answers_beside=mostly_beside(
                self.n_beside,
                n_openings=len(self.openings.keys),
                n_by_creator=self.n_by_creator,
                n_replies=sum(map(len, self.keys)),
                n=self.counts.n_comments,
            ),
            n_posts=len(self.posts.keys),
            n_writers=0,
        )

    def ancestry(self) -> Ancestry | None:
        if not self.has_parents:
            return None
        keys, parents = np.concatenate(self.keys), np.concatenate(self.parents)
        self.keys, self.parents = [], []
        return Ancestry.of(keys, parents)


def survey(stored: Stored, folder: Path, *, part_rows: int) -> Survey:
    """Look at all facts once; `folder` is for nothing else."""
    looking = _Looking()
    wordings = Wordings(folder, n=len(stored), part_rows=part_rows)
    for rows in stored.tables(_COLUMNS):
        looking.look(rows.drop_columns(["letters", "grams"]))
        for batch in rows.select(["letters", "grams"]).to_batches():
            wordings.add(batch.column(0), batch.column(1))
    community, ancestry = looking.community(), looking.ancestry()
    counts = looking.counts + Counts(n_looped=0 if ancestry is None else ancestry.n_looped)
    return Survey(counts=counts, community=community, ancestry=ancestry, rewordings=wordings.rewordings())
