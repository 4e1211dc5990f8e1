"""Measuring what people write, all comments of some of them at a time; then copies, bursts and company."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from plaudit.estimate import n_distinct
from plaudit.facts import Facts
from plaudit.partition.arrivals import Arrivals
from plaudit.partition.companions import Companions
from plaudit.partition.counting import Repeats, among, counted, keys_in
from plaudit.partition.spill import Spill, n_parts_for, part_of
from plaudit.partition.stock import Stock
from plaudit.partition.stored import facts_of_part
from plaudit.signals import behaviour, bursts, company, conversation, copies, labels, returning, wording
from plaudit.signals.section import Community, Reading, Section, Whole
from plaudit.signals.stock import Chances, Triples, stocked
from plaudit.signals.tally import Counts, Tally, counts_of_people, tally_of

_OF_PEOPLE: Final = pa.schema(
    {
        **dict.fromkeys(("key", "author", "text", "thread"), pa.uint64()),
        **dict.fromkeys(("is_reply", "supported", "emoji_only"), pa.bool_()),
        **dict.fromkeys(("n_letters", "n_words"), pa.int32()),
        "talk": pa.uint8(),
    }
)
_OF_COPIES: Final = ("key", "author", "n_letters", "n_words", "supported", "emoji_only", "text")


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
        self._texts = Spill(folder / "copies", n_parts=self._n_parts)
        self._arrivals = Arrivals(folder / "arrivals", n=n, part_rows=part_rows)
        self._repeats = Repeats(folder / "repeats", n_parts=self._n_parts, part_rows=part_rows)
        self._company = Companions(folder / "company", n=n, part_rows=part_rows)
        self._part_rows = part_rows

    def read(self, tables: Iterable[pa.Table]) -> None:
        """Read what `Talk.read` yields."""
        for rows in tables:
            author, key = rows.column("author").to_numpy(), rows.column("key").to_numpy()
            part = part_of(np.where(author != 0, author, key), self._n_parts)
            self._people.put(rows, part)
            # Comments too short for a triple have none that could be common.
            said = _is_worded(rows) & (pc.list_value_length(rows.column("passages")).to_numpy() > 0)
            self._repeats.add(rows.column("text").to_numpy()[said], key[said], part[said])
        stock = self._stock()
        self._add(_OF_PEOPLE.empty_table(), _no_chances)  # all might be the creator's
        for number in range(self._n_parts):
            for people in self._again.blocks(number, n_rows=None):
                self._add(people, stock.chances_in(number))

    def _stock(self) -> Stock:
        """Put everybody's comments in order, and find the triples that many use."""
        stock = Stock(self._folder / "stock", n_parts=self._n_parts, part_rows=self._part_rows)
        copies = self._repeats.settle(n_parts=self._n_parts)
        for number in range(self._n_parts):
            part = self._people.part(number)
            if part is None:
                continue
            part = part.take(pa.array(np.argsort(part.column("key").to_numpy())))
            self._again.put(part, np.full(len(part), number))
            section = self._section(facts_of_part(part), part, chances=None)
            is_copy = among(section.facts.key, keys_in(copies.part(number)))
            stock.add(
                section.facts.passages, section.cluster, np.flatnonzero(section.weight), is_copy=is_copy
            )
        stock.settle(self._passages)
        return stock

    def _passages(self) -> Iterator[tuple[int, pa.ListArray]]:
        """Yield the passages of comments that count, by parts."""
        for number in range(self._n_parts):
            for part in self._again.blocks(number, n_rows=None, again=True):
                section = self._section(facts_of_part(part), part, chances=None)
                yield number, section.facts.passages.take(pa.array(np.flatnonzero(section.weight)))

    def _section(self, facts: Facts, part: pa.Table, *, chances: Chances | None) -> Section:
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
        if chances is None:
            return section
        return replace(section, stock=stocked(facts.passages, np.flatnonzero(section.weight), chances))

    def _add(self, part: pa.Table, chances: Chances) -> None:
        facts = facts_of_part(part)
        section = self._section(facts, part, chances=chances)
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
            self._arrivals.add(section)
        if self.community.has_authors:
            self._company.add(facts, company.visits(section))

    def copies(self) -> list[Tally]:
        """Return the tallies of copies, all comments of some texts at a time."""
        tallies = [tally_of(reading) for reading in copies.nothing_worded()]
        for number in range(self._n_parts):
            texts, counts = np.empty(0, np.uint64), np.empty(0, np.int64)
            for rows in self._texts.blocks(number, n_rows=self._part_rows, again=True):
                texts, counts = counted(texts, counts, rows.column("text").to_numpy()[_is_long(rows)])
            for rows in self._texts.blocks(number, n_rows=self._part_rows):
                rows = rows.take(pa.array(np.argsort(rows.column("key").to_numpy())))
                n_same, long = np.ones(len(rows), np.int64), _is_long(rows)
                n_same[long] = counts[np.searchsorted(texts, rows.column("text").to_numpy()[long])]
                section = self._of_text(rows)
                found = copies.read(section, n_same=n_same)
                tallies = [a + Tally.of(section, b) for a, b in zip(tallies, found, strict=True)]
        return [self._of_all(tally) for tally in tallies]

    def _of_all(self, tally: Tally) -> Tally:
        if tally.sums is None:
            return tally
        sums = replace(tally.sums, n=self.community.n_writers)
        return replace(tally, sums=sums, n_authors=self._n_copyists)

    def _of_text(self, rows: pa.Table) -> Section:
        facts = facts_of_part(rows)
        blank = np.zeros(len(facts), bool)
        return Section.part(
            facts,
            community=self.community,
            text=rows.column("text").to_numpy(),
            thread=facts.key,
            is_reply=blank,
            echoed=blank,
            stock=np.zeros(len(facts), np.int64),
            weight=rows.column("weight").to_numpy(),
        )

    def bursts(self) -> Tally:
        """Return the tally of bursts."""
        return self._arrivals.tally() if self.community.has_exact_times else tally_of(bursts.no_times())

    def company(self) -> Tally:
        """Return the tally of company."""
        if not self.community.has_authors:
            return tally_of(company.no_authors())
        found = self._company.tally()
        return found if isinstance(found, Tally) else tally_of(company.too_few(found))


def _is_worded(rows: pa.Table) -> np.ndarray[Any, Any]:
    by_creator, read, emoji = (
        rows.column(name).to_numpy() for name in ("is_creator", "supported", "emoji_only")
    )
    return np.asarray(~by_creator & read & ~emoji)


def _no_chances(triples: Triples) -> Whole:
    return np.zeros(len(triples), np.int64)


def _is_long(rows: pa.Table) -> np.ndarray[Any, Any]:
    return np.asarray(rows.column("n_letters").to_numpy() >= copies.MIN_LETTERS)


def _join(tallies: dict[str, Tally], section: Section, reading: Reading) -> None:
    tally = Tally.of(section, reading)
    tallies[tally.name] = tallies[tally.name] + tally if tally.name in tallies else tally
