from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plaudit.legible import skeleton
from plaudit.letters import MAX_GRAMS, MIN_LETTERS, letters_of
from plaudit.text import fingerprint

TEXTS = st.lists(
    st.text(st.sampled_from("aabbA @._-/:’“é😂☺️\u200b①ᴀ 1\nwhtp"), max_size=25) | st.text(max_size=12),
    max_size=6,
)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
@example(["@anna, see www.x.y", "aa", "a", "", "@☺smyly", "a😂@b", "x@user.com", "@anna’s car", "http http"])
@example(["i@@@u @u@u\n@a b c d e", "w x y z@foo", "so. @.a. -@b", "and/or http://a/@b"])
def test_letters_are_those_of_the_skeleton(texts: list[str]) -> None:
    found = letters_of(texts)
    skeletons = list(map(skeleton, texts))
    assert found.fingerprint.tolist() == [fingerprint(each) if each else 0 for each in skeletons]
    assert found.n.tolist() == list(map(len, skeletons))


def test_grams_are_few_different_and_ascending() -> None:
    text = (
        "the quick brown fox jumps over the lazy dog while " * 3
        + "seven wizards brew bitter potions in a cellar"
    )
    (grams,) = letters_of([text]).grams.to_pylist()
    assert grams == sorted(set(grams))
    assert len(grams) == MAX_GRAMS


def test_short_texts_have_no_grams() -> None:
    texts = ["x", "abcdefghij" * 2, ("abcdefghij" * 2)[: MIN_LETTERS - 1]]
    assert [len(each) for each in letters_of(texts).grams.to_pylist()] == [0, 10, 0]


@pytest.mark.parametrize("other", ["", "short", "another text that is long enough to have grams"])
def test_grams_do_not_depend_on_neighbours(other: str) -> None:
    text = "this hinge squeaked for a whole winter"
    alone = letters_of([text]).grams[0].as_py()
    assert letters_of([other, text, other]).grams[1].as_py() == alone
