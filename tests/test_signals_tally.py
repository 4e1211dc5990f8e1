from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from plaudit.facts import Facts
from plaudit.signals import conversation, labels, returning, wording
from plaudit.signals.section import Section
from plaudit.signals.tally import Tally, counts_of, counts_of_people, counts_of_rows, counts_of_talk
from tests.communities import facts_from
from tests.test_index import community

ROWS = community(80, seed=5)
FACTS = facts_from(ROWS)
WHOLE = Section.of(FACTS)


def parts(by: np.ndarray, n: int) -> list[Section]:
    """Cut the section by a key; a part knows of the others what `community` and the given columns tell."""
    threads = WHOLE.threads
    assert threads is not None
    rows = [np.flatnonzero(by % np.uint64(n) == i) for i in range(n)]
    return [
        replace(
            Section.part(
                FACTS.take(at),
                community=WHOLE.community,
                text=WHOLE.text[at],
                thread=WHOLE.thread[at],
                is_reply=WHOLE.is_reply[at],
                echoed=WHOLE.echoed[at],
                stock=WHOLE.stock[at],
            ),
            threads=type(threads).of(FACTS.take(at)),
        )
        for at in rows
    ]


def told(tally: Tally) -> tuple[object, ...]:
    sums = tally.settled()
    if sums is None:
        assert tally.name == "post_overlap"  # the community's posts have no texts
        return (tally.absent, tally.n_comments)
    return (
        *(sums.top, sums.pull, sums.bottom, sums.n, sums.most, sums.buckets.tobytes()),
        *(tally.n_comments, tally.keys.tolist(), tally.strength.tolist(), tally.spoken),
    )


@pytest.mark.parametrize("n", [2, 7])
@pytest.mark.parametrize("family", [labels, wording, returning])
def test_parts_by_author_add_up(family, n: int) -> None:
    wholes = [Tally.of(WHOLE, reading) for reading in family.read(WHOLE)]
    for i, whole in enumerate(wholes):
        found = [Tally.of(part, list(family.read(part))[i]) for part in parts(WHOLE.cluster, n)]
        joined = found[0]
        for each in found[1:]:
            joined = joined + each
        assert told(joined) == told(whole)
        assert joined.n_authors == whole.n_authors


@pytest.mark.parametrize("n", [2, 7])
def test_parts_by_thread_add_up(n: int) -> None:
    for whole in (Tally.of(WHOLE, reading) for reading in conversation.read(WHOLE)):
        found = [
            next(Tally.of(part, reading) for reading in conversation.read(part) if reading.name == whole.name)
            for part in parts(WHOLE.thread, n)
        ]
        joined = found[0]
        for each in found[1:]:
            joined = joined + each
        assert told(joined) == told(whole)


def test_a_part_that_lacks_a_signal_changes_nothing() -> None:
    whole = next(Tally.of(WHOLE, reading) for reading in labels.read(WHOLE))
    nothing = Section.of(Facts.concat([]))
    absent = next(Tally.of(nothing, reading) for reading in labels.read(nothing))
    assert absent.sums is None
    assert (absent + whole) is whole
    assert (whole + absent) is whole
    assert (absent + absent).absent == absent.absent


def test_counts_of_parts_add_up() -> None:
    people, talk, rows = (
        [counts(part) for part in parts(by, 3)]
        for by, counts in (
            (WHOLE.cluster, counts_of_people),
            (WHOLE.thread, counts_of_talk),
            (FACTS.key, lambda part: counts_of_rows(part.facts)),
        )
    )
    joined = people[0]
    for each in (*people[1:], *talk, *rows):
        joined = joined + each
    assert joined == counts_of(WHOLE)
    assert joined.n_comments == len(FACTS)
    assert joined.n_threads > 10
