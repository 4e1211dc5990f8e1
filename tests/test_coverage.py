"""Intervals hold what they say, on simulated communities of which the whole is known."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest

from plaudit.facts import ONE, Facts
from plaudit.index import measure
from plaudit.report.envelope import Finding
from plaudit.signals.section import Section
from tests.communities import make_facts
from tests.test_index import TOOLS

N_THREADS = 6_000
N_SAMPLES = 40


@cache
def town() -> Facts:
    """Draw threads that differ: most get no answer, some a few, some a talk between two people."""
    random = np.random.default_rng(11)
    n_replies = np.where(random.random(N_THREADS) < 0.25, random.geometric(0.45, N_THREADS), 0)
    thread = np.repeat(np.arange(N_THREADS), n_replies + 1)
    first = np.concatenate(([True], thread[1:] != thread[:-1]))
    root = np.flatnonzero(first)[thread]
    n = len(thread)
    key = np.arange(1, n + 1).astype(np.uint64)
    author = random.integers(1, 2**40, n).astype(np.uint64)
    # Every other reply goes on in turns: whoever wrote two before in the thread answers the one between.
    place = np.arange(n) - root
    in_turns = (place >= 2) & (random.random(N_THREADS)[thread] < 0.5)
    parent_row = np.where(in_turns, np.arange(n) - 1, root)
    for row in np.flatnonzero(in_turns):
        author[row] = author[row - 2]
    praise = random.random(n) < 0.3
    asks = ~praise & (random.random(n) < 0.2)
    return make_facts(
        n,
        key=key,
        author=author,
        parent=np.where(first, 0, key[parent_row]),
        post=np.ones(n),
        creator=np.ones(n),
        is_creator=(place == 1) & (random.random(n) < 0.3),
        genuine=np.where(praise | asks, 2000, ONE - 4000),
        generic_praise=np.where(praise, ONE - 4000, 2000),
        question=np.where(asks, ONE - 4000, 2000),
        label=np.where(praise, 1, np.where(asks, 2, 0)),
        addressed=np.where(random.random(n) < 0.5, ONE, 0),
    )


def held_by_headline(found: Sequence[Finding]) -> None:
    """Threads carry their authors along: the same samples stand for the whole's headline."""
    whole = measure(town(), **TOOLS).index
    assert whole is not None
    shown = [each.index for each in found if each.index is not None]
    held = sum(each.low <= whole.value <= each.high for each in shown)
    assert held + N_SAMPLES - len(shown) >= 32
    assert abs(np.mean([each.value for each in shown]) - whole.value) < 3


@pytest.mark.parametrize(("n", "least", "most"), [(20, 35, 40), (50, 32, 40), (100, 32, 40), (1000, 32, 40)])
def test_depth_of_some_threads_holds_that_of_all(n: int, least: int, most: int) -> None:
    whole = measure(town(), **TOOLS).community_depth
    assert whole is not None
    threads = Section.of(town()).threads
    assert threads is not None
    names, place = np.unique(threads.thread, return_inverse=True)
    random = np.random.default_rng(n)
    found = []
    for _ in range(N_SAMPLES):
        drawn = np.zeros(len(names), bool)
        drawn[random.choice(len(names), n, replace=False)] = True
        found.append(measure(town().take(drawn[place]), **TOOLS))
    held_by_headline(found)
    shown = [each.community_depth for each in found if each.community_depth is not None]
    held = sum(each.low <= whole.value <= each.high for each in shown)
    assert least <= held + N_SAMPLES - len(shown) <= most
    assert abs(np.mean([each.value for each in shown]) - whole.value) < 3
    if n >= 100:
        assert len(shown) == N_SAMPLES


@pytest.mark.parametrize("n", [20, 50, 100, 1000])
def test_authenticity_of_some_authors_holds_that_of_all(n: int) -> None:
    whole = measure(town(), **TOOLS).authenticity
    assert whole is not None
    names, place = np.unique(town().author, return_inverse=True)
    random = np.random.default_rng(n)
    found = []
    for _ in range(N_SAMPLES):
        drawn = np.zeros(len(names), bool)
        drawn[random.choice(len(names), n, replace=False)] = True
        found.append(measure(town().take(drawn[place]), **TOOLS).authenticity)
    shown = [each for each in found if each is not None]
    held = sum(each.low <= whole.value <= each.high for each in shown)
    assert held + N_SAMPLES - len(shown) >= 32


@cache
def overrun(n_texts: int, share: float, scripted: float) -> Facts:
    """Draw comments of which a share is praise, three fifths of it copies of a list.

    Of the list's texts, and of other praise, a share reads like what bots are set up to post.
    """
    random = np.random.default_rng(5)
    n = 4_000
    praise = random.random(n) < share
    copied = praise & (random.random(n) < 0.6)
    texts = np.where(copied, random.integers(1, n_texts + 1, n), random.integers(2**40, 2**62, n))
    addressed = np.where(praise | (random.random(n) < 0.5), 0, ONE)
    drawn = np.where(copied, random.random(n_texts)[texts % n_texts], random.random(n))
    return make_facts(
        n,
        author=np.arange(1, n + 1) * 7919,
        letters=texts,
        generic_praise=np.where(praise, ONE - 600, 2000),
        genuine=np.where(praise, 400, ONE - 4000),
        label=np.where(praise, 1, 0),
        addressed=addressed,
        scripted=praise & (drawn < scripted),
    )


# Of lists never seen a quarter is heard; fewer than 40 comments leave that unsaid. Of a crowd of whose praise
# none is heard, in the whole neither, samples of 20 lie too low for it: 19 and 24 of 40 held the whole.
@pytest.mark.parametrize(("n", "scripted"), [(20, 0.25), (50, 0.25), (50, 0.0)])
@pytest.mark.parametrize(("n_texts", "share"), [(100, 0.3), (300, 0.5)])
def test_copies_that_few_people_do_not_show_are_within_the_interval(
    n_texts: int, share: float, n: int, scripted: float
) -> None:
    # Drawn only as far as they were met, 12 and 14 of 40 samples of 50 held the whole.
    crowd = overrun(n_texts, share, scripted)
    whole = measure(crowd, **TOOLS).authenticity
    assert whole is not None
    random = np.random.default_rng(n)
    rows = [np.sort(random.choice(4_000, n, replace=False)) for _ in range(N_SAMPLES)]
    found = [measure(crowd.take(each), **TOOLS).authenticity for each in rows]
    shown = [each for each in found if each is not None]
    held = sum(each.low <= whole.value <= each.high for each in shown)
    assert held + N_SAMPLES - len(shown) >= 34
