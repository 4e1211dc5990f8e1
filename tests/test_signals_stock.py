from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from plaudit.facts import ONE
from plaudit.passages import passages_of
from plaudit.signals.section import Section
from plaudit.signals.stock import Common, stocked, used
from tests.communities import facts_from, words_of

PHRASES = [" ".join(words_of(900 + i, 5)) for i in range(30)]
"""Set phrases that nothing in the code has ever heard of."""


def stock(texts: Sequence[str], authors: Sequence[int] | None = None) -> NDArray[np.float64]:
    cluster = np.array(authors if authors is not None else range(1, len(texts) + 1), np.uint64)
    rows, passages = np.arange(len(texts)), passages_of(texts)
    is_copy = np.array([text in texts[:i] for i, text in enumerate(texts)], bool)
    triples, n_authors = used(passages, cluster, rows, is_copy=is_copy)
    return stocked(passages, rows, Common.of(triples, n_authors=n_authors).chances) / ONE


def own(i: int, n: int = 8) -> str:
    return " ".join(words_of(i, n))


def stitched(i: int, n: int) -> str:
    """Return n words of its own between two of the phrases."""
    first, last = np.random.default_rng(i).choice(PHRASES, 2, replace=False)
    return f"{first} {own(i, n)} {last}"


def test_own_words_are_no_stock() -> None:
    assert stock([own(i) for i in range(50)]).max() == 0
    assert stock([]).tolist() == []
    assert stock(["one", "two words", ""]).tolist() == [0, 0, 0]


def test_filler_drawn_anew_for_each_comment_is() -> None:
    texts = [stitched(i, 2) for i in range(400)]
    assert stock(texts).mean() == pytest.approx(10 / 12, abs=0.03)
    assert stock([stitched(i, 30) for i in range(400)]).mean() == pytest.approx(10 / 40, abs=0.03)


def test_copies_make_no_phrase_common() -> None:
    assert stock([own(i) for i in range(80)] + [own(1000)] * 20).max() == 0


def test_a_copied_text_of_set_phrases_is_stock_all_the_same() -> None:
    found = stock([stitched(i, 2) for i in range(100)] + [stitched(100, 2)] * 20)
    assert found[100:].min() > 0.7


def test_what_others_say_otherwise_is_stock_through_and_through() -> None:
    found = stock([own(i) for i in range(80)] + [f"{own(1000)} {own(1000 + i, 1)}" for i in range(20)])
    assert found[:80].max() == 0
    assert found[80:].min() > 0.8


def test_what_one_author_repeats_is_none() -> None:
    assert stock([stitched(i, 2) for i in range(40)], authors=[7] * 40).max() == 0


def test_two_alike_are_chance() -> None:
    assert stock([own(i) for i in range(98)] + [own(1000)] * 2).max() == 0


def test_it_is_the_chance_to_meet_two_others_among_a_hundred_authors() -> None:
    # Three of 400 authors share all their words: among 100, one of them there, both others are that often.
    said = [f"{own(1000)} {own(2000 + i, 1)}" for i in range(3)]
    found = stock([own(i) for i in range(397)] + said)
    assert found[-1] == pytest.approx(8 / 9 * 99 * 98 / (399 * 398), abs=1e-4)


def test_it_does_not_grow_with_the_sample() -> None:
    texts = [f"{own(i, 4)} {PHRASES[i % 30]}" if i % 3 == 0 else own(i) for i in range(6000)]
    whole, part = stock(texts), stock(texts[:300])
    assert part.mean() == pytest.approx(whole.mean(), abs=0.02)


def test_the_order_of_the_comments_makes_no_difference() -> None:
    texts = [stitched(i, 3) for i in range(60)]
    order = np.random.default_rng(0).permutation(60)
    authors = np.arange(1, 61)
    assert (stock([texts[i] for i in order], authors[order].tolist()) == stock(texts)[order]).all()


def rows(texts: Sequence[str], **fields: Any) -> list[dict[str, Any]]:
    return [{"id": f"r{i}", "text": text, "author": f"fan {i}", **fields} for i, text in enumerate(texts)]


def test_a_sections_stock_is_of_the_audience_alone() -> None:
    creator = [{"id": f"m{i}", "text": stitched(i, 2), "is_creator": True} for i in range(20)]
    section = Section.of(facts_from(rows([stitched(100, 2)]) + creator))
    assert section.stock.max() == 0
