"""Measuring what people write, all comments of some of them at a time; then copies, bursts and company."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from plaudit.estimate import Sums, n_distinct
from plaudit.facts import Facts
from plaudit.partition.counting import Distinct, KeyCounts, Repeats, among
from plaudit.partition.spill import Spill, n_parts_for
from plaudit.partition.stored import facts_of_part
from plaudit.signals import behaviour, bursts, company, conversation, copies, labels, returning, wording
from plaudit.signals.keys import Keys
from plaudit.signals.section import Community, Reading, Section, strongest
from plaudit.signals.stock import Common, stocked, used
from plaudit.signals.tally import Counts, Tally, counts_of_people

_OF_PEOPLE: Final = pa.schema(
    {
        **dict.fromkeys(("key", "author", "text", "thread"), pa.uint64()),
        **dict.fromkeys(("is_reply", "supported", "emoji_only"), pa.bool_()),
        "n_letters": pa.int32(),
        "talk": pa.uint8(),
    }
)
_OF_COPIES: Final = ("key", "author", "n_letters", "supported", "emoji_only", "text")


class People:
    """Sums up what people write.

    Attributes:
        tallies: By name, of every signal that is summed over authors alone.
        census: In the order of `LABELS`.
        counts: What adds up over authors.
        n_talkers: Known authors behind each signal of conversation.
        community: With `n_writers`.
    """

    def __init__(self, community: Community, folder: Path, *, n: int, part_rows: int) -> None:
        """Prepare for about n comments; `folder` is for nothing else."""
        self.community = community
        self.tallies: dict[str, Tally] = {}
        self.census: dict[str, Tally] = {}
        self.counts = Counts()
        self.n_talkers = [0] * len(conversation.NAMES)
        self._n_parts, self._folder, self._n_copyists = n_parts_for(n, part_rows=part_rows), folder, 0
        self._people = Spill(folder / "people", n_parts=self._n_parts)
        self._again = Spill(folder / "again", n_parts=self._n_parts)
        self._used = Spill(folder / "used", n_parts=self._n_parts)
        self._texts = Spill(folder / "copies", n_parts=self._n_parts)
        self._posts = Spill(folder / "arrivals", n_parts=self._n_parts)
        self._repeats = Repeats(folder / "repeats", n_parts=self._n_parts)
        self._company = _Company()

    def read(self, tables: Iterable[pa.Table]) -> None:
        """Read what `Talk.read` yields."""
        for rows in tables:
            author, key = rows.column("author").to_numpy(), rows.column("key").to_numpy()
            self._people.add(rows, np.where(author != 0, author, key))
            # Comments too short for a triple have none that could be common.
            said = _is_worded(rows) & (pc.list_value_length(rows.column("passages")).to_numpy() > 0)
            self._repeats.add(rows.column("text").to_numpy()[said], key[said])
        common = self._common()
        self._add(_OF_PEOPLE.empty_table(), common)  # all might be the creator's
        for part in self._again.parts():
            self._add(part, common)

    def _common(self) -> Common:
        """Put everybody's comments in order, and return the triples that many use."""
        copies, n_authors = self._repeats.keys(), 0
        for number, part in enumerate(self._people.parts()):
            part = part.take(pa.array(np.argsort(part.column("key").to_numpy())))
            self._again.put(part, np.full(len(part), number))
            section = self._section(facts_of_part(part), part, common=None)
            triples, n = used(
                section.facts.passages,
                section.cluster,
                np.flatnonzero(section.weight),
                is_copy=among(section.facts.key, copies),
            )
            n_authors += n
            self._used.add(pa.table({"triple": triples}), triples.astype(np.uint64))
        found = [
            Common.of(part.column("triple").to_numpy(), n_authors=n_authors) for part in self._used.parts()
        ]
        triples = np.concatenate([np.empty(0, np.uint32), *(each.triples for each in found)])
        n_users = np.concatenate([np.empty(0, np.int64), *(each.n_users for each in found)])
        order = np.argsort(triples)
        return Common(triples=triples[order], n_users=n_users[order], n_authors=n_authors)

    def _section(self, facts: Facts, part: pa.Table, *, common: Common | None) -> Section:
        blank = np.zeros(len(facts), np.int64)
        section = Section.part(
            facts,
            community=self.community,
            text=part.column("text").to_numpy(),
            thread=part.column("thread").to_numpy(),
            is_reply=part.column("is_reply").to_numpy(),
            echoed=np.zeros(len(facts), bool),
            stock=blank,
        )
        if common is None:
            return section
        return replace(section, stock=stocked(facts.passages, np.flatnonzero(section.weight), common))

    def _add(self, part: pa.Table, common: Common) -> None:
        facts = facts_of_part(part)
        section = self._section(facts, part, common=common)
        for family in (labels, wording, returning):
            for reading in family.read(section):
                _join(self.tallies, section, reading)
        _join(self.tallies, section, behaviour.concentration(section))
        for reading in labels.census(section):
            _join(self.census, section, reading)
        self.counts += counts_of_people(section)
        n_writers = n_distinct(section.cluster[section.worded])
        self.community = replace(self.community, n_writers=self.community.n_writers + n_writers)
        talk = part.column("talk").to_numpy()
        for i in range(len(self.n_talkers)):
            self.n_talkers[i] += section.n_authors((talk >> np.uint8(i) & np.uint8(1)).astype(bool))
        self._pass_on(section, part)

    def _pass_on(self, section: Section, part: pa.Table) -> None:
        facts = section.facts
        heard = section.worded & (section.weight > 0)
        self._n_copyists += section.n_authors(heard)
        rows = part.select(list(_OF_COPIES)).append_column("weight", pa.array(section.weight))
        text = np.where(section.text != 0, section.text, facts.key)
        self._texts.add(rows.filter(pa.array(heard)), text[heard])
        if self.community.has_exact_times:
            first = bursts.arrivals(section)
            arrived = {
                "post": facts.post[first],
                "time": facts.created_at[first],
                "key": facts.key[first],
                "cluster": section.cluster[first],
                "known": facts.author[first] != 0,
            }
            self._posts.add(pa.table(arrived), facts.post[first])
        if self.community.has_authors:
            self._company.add(facts, company.visits(section))

    def copies(self) -> Tally:
        """Return the tally of copies, all comments of some texts at a time."""
        found = _told(copies.nothing_worded())
        for part in self._texts.parts():
            part = part.take(pa.array(np.argsort(part.column("key").to_numpy())))
            facts = facts_of_part(part)
            blank = np.zeros(len(facts), bool)
            section = Section.part(
                facts,
                community=self.community,
                text=part.column("text").to_numpy(),
                thread=facts.key,
                is_reply=blank,
                echoed=blank,
                stock=np.zeros(len(facts), np.int64),
                weight=part.column("weight").to_numpy(),
            )
            for reading in copies.read(section):
                found += Tally.of(section, reading)
        if found.sums is None:
            return found
        sums = replace(found.sums, n=self.community.n_writers)
        return replace(found, sums=sums, n_authors=self._n_copyists)

    def bursts(self) -> Tally:
        """Return the tally of bursts, all arrivals at some posts at a time."""
        if not self.community.has_exact_times:
            return _told(bursts.no_times())
        found = _told(bursts.too_few())
        distinct = Distinct(self._folder / "arrived", n_parts=self._n_parts)
        resampled = Distinct(self._folder / "crowds", n_parts=self._n_parts)
        for part in self._posts.parts():
            part = part.take(pa.array(np.argsort(part.column("key").to_numpy()))).combine_chunks()
            post, time, key, cluster, known = (column.to_numpy() for column in part.columns)
            rows = bursts.busy(post, time)
            if not len(rows):
                continue
            crowd, excess = bursts.crowds(post[rows], time[rows])
            units = bursts.units(cluster[rows], crowd, post=post[rows], time=time[rows])
            sums = bursts.ratio_of(units, excess).sums()
            shown = strongest(crowd, key[rows])
            found += Tally(
                name=found.name,
                family=found.family,
                unit=found.unit,
                sums=sums,
                n_comments=len(rows),
                strength=crowd[shown],
                keys=key[rows][shown],
            )
            distinct.add(cluster[rows], known[rows])
            resampled.add(units, known[rows])
        (n, _), (_, n_known) = resampled.count(), distinct.count()
        if found.sums is None:
            return found
        return replace(found, sums=replace(found.sums, n=n), n_authors=n_known)

    def company(self) -> Tally:
        """Return the tally of company."""
        if not self.community.has_authors:
            return _told(company.no_authors())
        return self._company.tally()


def _is_worded(rows: pa.Table) -> np.ndarray[Any, Any]:
    by_creator, read, emoji = (
        rows.column(name).to_numpy() for name in ("is_creator", "supported", "emoji_only")
    )
    return np.asarray(~by_creator & read & ~emoji)


def _join(tallies: dict[str, Tally], section: Section, reading: Reading) -> None:
    tally = Tally.of(section, reading)
    tallies[tally.name] = tallies[tally.name] + tally if tally.name in tallies else tally


def _told(reading: Reading) -> Tally:
    """Return the tally of a reading that says why there is none."""
    return Tally(
        name=reading.name,
        family=reading.family,
        unit=reading.unit,
        absent=reading.absent,
        hidden=reading.hidden,
        scarce=reading.scarce,
    )


class _Company:
    """Gathers visits: of those who are often here which, of the others how many."""

    def __init__(self) -> None:
        self._posts = KeyCounts()
        self._others: Sums | None = None
        self._often: list[tuple[Keys, Keys, Keys]] = []
        self._n_authors = self._n_visits = 0

    def add(self, facts: Facts, rows: np.ndarray[Any, Any]) -> None:
        author, post, key = facts.author[rows], facts.post[rows], facts.key[rows]
        self._posts.add(post)
        self._n_authors += n_distinct(author)
        self._n_visits += len(rows)
        often = company.is_often(author)
        self._often.append((author[often], post[often], key[often]))
        alone = author[~often]
        sums = company.ratio_of(alone, np.ones(len(alone), np.int64), n_authors=1).sums()
        self._others = sums if self._others is None else self._others + sums

    def tally(self) -> Tally:
        self._posts.settle()
        posts, n_visitors = self._posts.keys, self._posts.counts
        if len(posts) < company.MIN_POSTS or self._others is None:
            return _told(company.too_few(len(posts)))
        author, post, key = (np.concatenate(each) for each in zip(*self._often, strict=True))
        self._often = []
        size = company.group_sizes(author, post, posts=posts, n_visitors=n_visitors)
        sums = company.ratio_of(author, size, n_authors=self._n_authors).sums() + self._others
        strength = np.where(size > 1, size, 0)
        shown = strongest(strength, key)
        return Tally(
            name=company.NAME,
            family=company.FAMILY,
            unit="share",
            sums=sums,
            n_comments=self._n_visits,
            n_authors=self._n_authors,
            strength=strength[shown],
            keys=key[shown],
        )
