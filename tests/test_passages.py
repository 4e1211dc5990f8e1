from __future__ import annotations

import pytest

from plaudit.passages import MAX_TRIPLES, passages_of
from tests.communities import words_of


def triples(text: str) -> list[int]:
    (found,) = passages_of([text]).to_pylist()
    return list(found)


def test_a_text_has_two_triples_fewer_than_words() -> None:
    for n in range(8):
        assert len(triples(" ".join(words_of(1, n)))) == max(n - 2, 0)
    assert len(triples(" ".join(words_of(1, 500)))) == MAX_TRIPLES


def test_the_same_words_give_the_same_triples_wherever_they_stand() -> None:
    phrase = triples("at the end of the day")
    around = triples("My shelf fell down, at the END of the day... and then again")
    assert around[4 : 4 + len(phrase)] == phrase
    assert not set(phrase) & set(triples("the day of the end at"))


@pytest.mark.parametrize(
    "other",
    [
        "I don't know what it is",
        "i dont KNOW what it is!!!",
        "I don’t  know — what 💕 it is 100",
        "I don't knoooow what it is",
        "@anna I don't know what it is https://example.org/x",
        "I\u200b don't know\nwhat it is",
    ],
)
def test_case_marks_emoji_and_stretching_make_no_difference(other: str) -> None:
    assert triples(other) == triples("i don't know what it is")


def test_no_triple_reaches_over_two_texts() -> None:
    texts = ["one two", "three four", "", "\n", "five six seven", "\ud800 eight nine"]
    assert [len(each) for each in passages_of(texts)] == [0, 0, 0, 0, 1, 0]
    assert passages_of([]).to_pylist() == []


def test_neighbours_make_no_difference() -> None:
    texts = ["what a lovely shelf", "mesa de madera muy bonita", "その棚はとても素敵です ね え"]
    assert passages_of(texts).to_pylist() == [triples(text) for text in texts]
