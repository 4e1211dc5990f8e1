"""What a section looks like close up: its course, its talk, its copies, and who comes back.

Names of people are not kept anywhere: here they are numbered, anew on each page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.facts import NO_TIME, Facts
from plaudit.report.envelope import Finding
from plaudit.report.timeline import Timeline, is_sane, timeline
from plaudit.scores import LABELS
from plaudit.signals.copies import MIN_LETTERS
from plaudit.signals.section import Section
from plaudit.signals.threads import Threads

MAX_THREADS: Final = 6
MAX_LINES: Final = 10
MAX_COPIES: Final = 6
MAX_RETURNING: Final = 10
MAX_INDENT: Final = 4
COURSE_COLUMNS: Final = ("is_creator", "supported", "created_at", "label", "exact_time")
"""What of the facts their course is made of."""

_HOUR_MS: Final = 3_600_000
_N_HOURS: Final = 140 * 8766  # from 1970; no sane time is later

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One comment of a thread.

    Attributes:
        key: Of its text.
        id: As the source wrote it.
        person: Creator, a number of this page, or unknown.
        label: One of `LABELS`; None where the model does not read its language.
        time: Date and time in UTC; None where unknown.
        depth: Turns of talk above it, at most `MAX_INDENT`.
        shows: Signals it is evidence of.
    """

    key: int
    id: str
    person: str
    label: str | None
    time: str | None
    depth: int
    shows: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """A conversation that holds evidence, and how many of its comments are not shown."""

    lines: tuple[Line, ...]
    n_hidden: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """The same text, or nearly so, from several people; `key` is that of one of them."""

    key: int
    id: str
    n_comments: int
    n_authors: int
    n_posts: int
    first: str | None
    last: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Returner:
    """Somebody seen under several posts; `counts` holds how many comments of each label, without zeros."""

    person: str
    n_posts: int
    n_comments: int
    counts: Mapping[str, int]
    first: str | None
    last: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One section close up; whatever is empty was not there to be seen.

    Attributes:
        timeline: Raw labels over time; None where there is no course to see.
        threads: Those with the most evidence, at most `MAX_THREADS`.
        copies: Those by the most people, at most `MAX_COPIES`.
        n_copies: How many such texts there are.
        returning: Those under the most posts, at most `MAX_RETURNING`.
        n_returning: How many people were seen under several posts.
        n_posts: Posts there are.
    """

    timeline: Timeline | None = None
    threads: tuple[Thread, ...] = ()
    copies: tuple[Copies, ...] = ()
    n_copies: int = 0
    returning: tuple[Returner, ...] = ()
    n_returning: int = 0
    n_posts: int = 0

    def keys(self) -> Iterator[int]:
        """Yield the keys of all comments whose text is shown."""
        yield from (line.key for thread in self.threads for line in thread.lines)
        yield from (copy.key for copy in self.copies)


@dataclass
class _People:
    """Numbers for people, in the order in which they are met."""

    numbers: dict[int, int] = field(default_factory=dict)

    def name(self, author: int, *, is_creator: bool = False) -> str:
        if is_creator:
            return "Creator"
        return f"Commenter {self.numbers.setdefault(author, len(self.numbers) + 1)}" if author else "Unknown"


def detail(facts: Facts, finding: Finding) -> Detail:
    """Look at a section close up.

    Args:
        facts: Of its comments.
        finding: What was measured on them; names the evidence.
    """
    section, people = Section.of(facts), _People()
    copies, n_copies = _copies(section)
    returning, n_returning = _returning(section, people)
    return Detail(
        timeline=course(facts),
        threads=_threads(section, finding, people),
        copies=copies,
        n_copies=n_copies,
        returning=returning,
        n_returning=n_returning,
        n_posts=len(np.unique(facts.post)),
    )


def course(facts: Facts) -> Timeline | None:
    """Return the audience's readable comments over time; None where there is no course to see."""
    counted = ~facts.is_creator & facts.supported & (facts.created_at != NO_TIME)
    return timeline(
        facts.created_at[counted],
        facts.label[counted],
        n_estimated=int(np.count_nonzero(~facts.exact_time[counted])),
    )


def course_of(tables: Iterable[pa.Table]) -> Timeline | None:
    """Return the course of comments whose `COURSE_COLUMNS` come some rows at a time; see `course`."""
    counts, n_estimated = np.zeros(_N_HOURS * len(LABELS), np.int64), 0
    for rows in tables:
        is_creator, supported, created_at, label, exact = (rows.column(name) for name in COURSE_COLUMNS)
        time = created_at.to_numpy()
        counted = ~is_creator.to_numpy() & supported.to_numpy() & (time != NO_TIME)
        n_estimated += int(np.count_nonzero(~exact.to_numpy()[counted]))
        counted &= is_sane(time)
        place = time[counted] // _HOUR_MS * len(LABELS) + label.to_numpy()[counted]
        places, n = np.unique(place, return_counts=True)
        counts[places] += n
    there = np.flatnonzero(counts)
    return timeline(
        there // len(LABELS) * _HOUR_MS,
        (there % len(LABELS)).astype(np.int8),
        counts=counts[there],
        n_estimated=n_estimated,
    )


def _copies(section: Section) -> tuple[tuple[Copies, ...], int]:
    facts = section.facts
    rows = np.flatnonzero(section.worded & (facts.n_letters >= MIN_LETTERS) & (section.text != 0))
    order = rows[np.lexsort((facts.key[rows], section.text[rows]))]
    groups = [group for group in _runs(order, section.text) if len(np.unique(section.cluster[group])) > 1]
    found = [_copied(section, group) for group in groups]
    found.sort(key=lambda each: (-each.n_authors, -each.n_comments, each.key))
    return tuple(found[:MAX_COPIES]), len(found)


def _copied(section: Section, rows: Rows) -> Copies:
    facts = section.facts
    first = rows[np.argmin(facts.created_at[rows])]
    begin, end = _span(facts, rows)
    return Copies(
        key=int(facts.key[first]),
        id=facts.id[int(first)].as_py(),
        n_comments=len(rows),
        n_authors=len(np.unique(section.cluster[rows])),
        n_posts=len(np.unique(facts.post[rows])),
        first=begin,
        last=end,
    )


def _returning(section: Section, people: _People) -> tuple[tuple[Returner, ...], int]:
    facts = section.facts
    rows = np.flatnonzero(section.audience & (facts.author != 0))
    order = rows[np.lexsort((facts.post[rows], facts.author[rows]))]
    counted = [(len(np.unique(facts.post[run])), run) for run in _runs(order, facts.author)]
    found = [(n_posts, run) for n_posts, run in counted if n_posts > 1]
    found.sort(key=lambda each: (-each[0], -len(each[1]), int(facts.author[each[1][0]])))
    return tuple(_returner(facts, run, n, people) for n, run in found[:MAX_RETURNING]), len(found)


def _returner(facts: Facts, rows: Rows, n_posts: int, people: _People) -> Returner:
    first, last = _span(facts, rows)
    counts = np.bincount(facts.label[rows[facts.supported[rows]]], minlength=len(LABELS))
    return Returner(
        person=people.name(int(facts.author[rows[0]])),
        n_posts=n_posts,
        n_comments=len(rows),
        counts={label: n for label, n in zip(LABELS, counts.tolist(), strict=True) if n},
        first=first,
        last=last,
    )


def _runs(rows: Rows, keys: NDArray[np.uint64]) -> list[Rows]:
    """Cut ordered rows where their key changes; runs of one are left out."""
    if not len(rows):
        return []
    cuts = np.flatnonzero(keys[rows][1:] != keys[rows][:-1]) + 1
    return [run for run in np.split(rows, cuts) if len(run) > 1]


def _threads(section: Section, finding: Finding, people: _People) -> tuple[Thread, ...]:
    if section.threads is None:
        return ()
    shows = _shown(section.facts, finding)
    threads = section.threads
    n_evidence = Counter(int(threads.thread[row]) for row in shows)
    best = sorted(n_evidence, key=lambda key: (-n_evidence[key], key))
    found: list[Thread] = []
    for key in best:
        rows = np.flatnonzero(threads.thread == np.uint64(key))
        if len(rows) > 1:
            found.append(_thread(section.facts, threads, rows, shows, people))
        if len(found) == MAX_THREADS:
            break
    return tuple(found)


def _shown(facts: Facts, finding: Finding) -> dict[int, tuple[str, ...]]:
    """Return the signals that each row is evidence of; an id that several posts use counts for all."""
    signals: dict[str, list[str]] = {}
    for row in finding.signals:
        for id_ in row.evidence:
            signals.setdefault(id_, []).append(row.name)
    if not signals:
        return {}
    return {i: tuple(signals[id_]) for i, id_ in enumerate(facts.id.to_pylist()) if id_ in signals}


def _thread(
    facts: Facts, threads: Threads, rows: Rows, shows: Mapping[int, tuple[str, ...]], people: _People
) -> Thread:
    ordered = rows[np.lexsort((facts.key[rows], facts.created_at[rows], threads.is_reply[rows]))]
    tree = list(_walk(ordered.tolist(), threads))
    kept = set(_worth([row for row, _ in tree], threads, shows))
    lines = [_line(facts, row, depth, shows, people) for row, depth in tree if row in kept]
    return Thread(lines=tuple(lines), n_hidden=len(rows) - len(lines))


def _walk(rows: Sequence[int], threads: Threads) -> Iterator[tuple[int, int]]:
    """Yield the rows of a thread with their depth, each answer below what it answers."""
    here, below, tops = set(rows), {}, []  # type: set[int], dict[int, list[int]], list[int]
    for row in rows:
        target = int(threads.target[row])
        if target in here and target != row:
            below.setdefault(target, []).append(row)
        else:
            tops.append(row)
    stack, seen = [(row, 0) for row in reversed(tops)], set()  # type: list[tuple[int, int]], set[int]
    while stack:
        row, depth = stack.pop()
        if row not in seen:
            seen.add(row)
            yield row, min(depth, MAX_INDENT)
            stack.extend((each, depth + 1) for each in reversed(below.get(row, [])))
    yield from ((row, 0) for row in rows if row not in seen)  # those that answer each other in a circle


def _worth(rows: Sequence[int], threads: Threads, shows: Mapping[int, tuple[str, ...]]) -> list[int]:
    """Choose the lines to show: the first, those that are evidence, what they answer, then the earliest."""
    evidence = [row for row in rows if row in shows]
    answered = [int(threads.target[row]) for row in evidence if int(threads.target[row]) in set(rows)]
    return list(dict.fromkeys([*rows[:1], *evidence, *answered, *rows]))[:MAX_LINES]


def _line(facts: Facts, row: int, depth: int, shows: Mapping[int, tuple[str, ...]], people: _People) -> Line:
    return Line(
        key=int(facts.key[row]),
        id=facts.id[row].as_py(),
        person=people.name(int(facts.author[row]), is_creator=bool(facts.is_creator[row])),
        label=LABELS[int(facts.label[row])] if facts.supported[row] else None,
        time=_moment(int(facts.created_at[row]), is_exact=bool(facts.exact_time[row])),
        depth=depth,
        shows=shows.get(row, ()),
    )


def _span(facts: Facts, rows: Rows) -> tuple[str | None, str | None]:
    known = rows[facts.created_at[rows] != NO_TIME]
    if not len(known):
        return None, None
    ends = known[np.argsort(facts.created_at[known], kind="stable")[[0, -1]]]
    first, last = (
        _moment(int(facts.created_at[i]), is_exact=bool(facts.exact_time[i]), is_day=True) for i in ends
    )
    return first, last


def _moment(milliseconds: int, *, is_exact: bool, is_day: bool = False) -> str | None:
    if milliseconds == NO_TIME:
        return None
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
    day = f"{moment.day} {moment:%b} {moment.year}"
    if not is_exact:
        return f"about {day}"
    return day if is_day else f"{day}, {moment:%H:%M}"
