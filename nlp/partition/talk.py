"""Measuring conversation, all comments of some threads at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.facts import Facts
from plaudit.partition.answers import Answers
from plaudit.partition.counting import Repeats, among, keys_in
from plaudit.partition.spill import Spill, n_parts_for, part_of
from plaudit.partition.stored import Stored, facts_of_part
from plaudit.partition.survey import Survey
from plaudit.signals import conversation
from plaudit.signals.answers import is_signed, said_by
from plaudit.signals.keys import Keys
from plaudit.signals.section import Section
from plaudit.signals.tally import Counts, Tally, counts_of_talk
from plaudit.signals.threads import Threads

_COLUMNS: Final = (
    *("key", "parent", "post", "creator", "author", "handle", "mention", "letters", "n_letters"),
    *("created_at", "exact_time", "is_creator", "total_reply_count", "supported", "label", "genuine"),
    *("generic_praise", "question", "experience", "solicitation", "addressed", "n_words"),
    *("n_content_words", "n_of_post", "passages", "emoji_only", "tag_only", "scripted", "language"),
)
_OF_TALK_ALONE: Final = ("parent", "creator", "handle", "mention", "total_reply_count")
Bits = NDArray[np.uint8]


class Talk:
    """Sums conversation up, and says of each comment of the audience where it stands in it.

    Attributes:
        tallies: In the order of `conversation.NAMES`; `n_authors` is not counted.
        counts: What adds up over threads.
    """

    def __init__(self, found: Survey) -> None:
        """Prepare to read what was surveyed."""
        self._found = found
        self.tallies: list[Tally] = []
        self.counts = Counts()
        if not found.community.has_threads:
            nothing = _section(Facts.concat([]), found, threads=None)
            self.tallies = [Tally.of(nothing, reading) for reading in conversation.read(nothing)]

    def read(self, stored: Stored, folder: Path, *, part_rows: int) -> Iterator[pa.Table]:
        """Read all facts; yield the audience's, with columns of where they stand.

        These are `text`, `thread`, `is_reply` as those of a section, and `talk`: bit i is set where a comment
        is behind signal i of conversation.
        """
        if not self._found.community.has_threads:
            for rows in stored.tables(_COLUMNS):
                yield _of_audience(self._placed(rows), talk=np.zeros(len(rows), np.uint8))
            return
        n_parts = n_parts_for(len(stored), part_rows=part_rows)
        spill = Spill(folder / "threads", n_parts=n_parts)
        creators = Answers(folder / "answers", n_parts=n_parts)
        again = Repeats(folder / "again", n_parts=n_parts, part_rows=part_rows)
        for rows in stored.tables(_COLUMNS):
            placed = self._placed(rows)
            part = part_of(_keys(placed, "thread"), n_parts)
            spill.put(placed, part)
            answers = placed.column("is_creator").to_numpy() & placed.column("is_reply").to_numpy()
            creators.add(placed.filter(pa.array(answers)), part[answers])
            author, text = _keys(placed, "author"), _keys(placed, "text")
            signed = is_signed(author, is_creator=placed.column("is_creator").to_numpy())
            signed &= placed.column("is_reply").to_numpy()
            again.add(said_by(author[signed], text[signed]), _keys(placed, "key")[signed], part[signed])
        found = creators.settle(), again.settle(n_parts=n_parts)
        for number in range(n_parts):
            rows = spill.part(number)
            if rows is not None:
                echoed = np.concatenate([keys_in(each.part(number)) for each in found])
                yield self._measured(rows, echoed=np.sort(echoed))

    def _placed(self, rows: pa.Table) -> pa.Table:
        columns: dict[str, Any] = dict(zip(rows.column_names, rows.columns, strict=True))
        key, parent, letters = (_keys(rows, name) for name in ("key", "parent", "letters"))
        found, text = self._found.threads.take(len(rows)), self._found.texts.take(len(rows))
        thread = np.where(found != 0, found, key)
        is_reply = thread != key
        del columns["letters"]
        columns["parent"] = np.where(is_reply, parent, np.uint64(0))
        if self._found.rounding:
            is_rounded = self._found.rounding.marks(_keys(rows, "post"))
            columns["exact_time"] = rows.column("exact_time").to_numpy() & ~is_rounded
        return pa.table(
            columns | {"text": np.where(text != 0, text, letters), "thread": thread, "is_reply": is_reply}
        )

    def _measured(self, part: pa.Table, *, echoed: Keys) -> pa.Table:
        part = part.take(pa.array(np.argsort(_keys(part, "key"))))
        facts = facts_of_part(part)
        section = _section(
            facts,
            self._found,
            threads=Threads.of(facts),
            text=_keys(part, "text"),
            thread=_keys(part, "thread"),
            is_reply=part.column("is_reply").to_numpy(),
            echoed=among(facts.key, echoed),
        )
        talk = np.zeros(len(facts), np.uint8)
        tallies = []
        for i, reading in enumerate(conversation.read(section)):
            tallies.append(Tally.of(section, reading))
            if reading.rows is not None:
                talk |= reading.rows.astype(np.uint8) << np.uint8(i)
        before = self.tallies
        self.tallies = (
            [one + other for one, other in zip(before, tallies, strict=True)] if before else tallies
        )
        self.counts += counts_of_talk(section)
        return _of_audience(part, talk=talk)


def _section(facts: Facts, found: Survey, *, threads: Threads | None, **columns: Any) -> Section:
    blank: Mapping[str, Any] = {
        "text": facts.letters,
        "thread": facts.key,
        "is_reply": np.zeros(len(facts), bool),
        "echoed": np.zeros(len(facts), bool),
        "weight": np.zeros(len(facts), np.int64),
        "stock": np.zeros(len(facts), np.int64),
    }
    return Section.part(facts, community=found.community, threads=threads, **{**blank, **columns})


def _of_audience(rows: pa.Table, *, talk: Bits) -> pa.Table:
    """Leave out the creator's, but for one row that says behind which signals they are."""
    is_creator, author = rows.column("is_creator").to_numpy(), _keys(rows, "author")
    kept, talk = np.flatnonzero(~is_creator), talk.copy()
    theirs = np.flatnonzero(is_creator & (author != 0) & (talk != 0))
    if len(theirs):
        theirs = theirs[np.argsort(author[theirs], kind="stable")]
        starts = np.flatnonzero(np.concatenate(([True], author[theirs][1:] != author[theirs][:-1])))
        talk[theirs[starts]] = np.bitwise_or.reduceat(talk[theirs], starts)
        kept = np.sort(np.concatenate((kept, theirs[starts])))
    rows = rows.append_column("talk", pa.array(talk)).take(pa.array(kept))
    return rows.drop_columns([name for name in _OF_TALK_ALONE if name in rows.column_names])


def _keys(rows: pa.Table, name: str) -> Keys:
    return rows.column(name).to_numpy()
