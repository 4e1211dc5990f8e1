from __future__ import annotations

import math
import re

import pytest

from plaudit.lexicon import is_known, rank, ranks, split


def test_words_are_plain_and_each_stands_once() -> None:
    assert all(re.fullmatch(r"[a-z]+(?:'[a-z]+)*", word) for word in ranks())
    assert len(ranks()) > 40_000


@pytest.mark.parametrize("word", ["great", "Great", "don't", "Don’t", "coração", "Post's"])
def test_words_in_any_case_are_known(word: str) -> None:
    assert is_known(word)


@pytest.mark.parametrize("word", ["", "zq", "xkcdqq", "grat3"])
def test_other_letters_are_not(word: str) -> None:
    assert rank(word) == math.inf


@pytest.mark.parametrize(
    ("letters", "words"),
    [
        ("thisisgreat", ["this", "is", "great"]),
        ("Lovethisvideo", ["Love", "this", "video"]),
        ("alittlestrangething", ["a", "little", "strange", "thing"]),
        ("verygreatvideozq", ["very", "great", "video", "zq"]),
        ("q", ["q"]),
        ("", []),
    ],
)
def test_letters_are_split_into_words(letters: str, words: list[str]) -> None:
    assert split(letters) == words


def test_splitting_loses_no_letter() -> None:
    letters = "Xzqqthegreatİßone" * 20
    assert "".join(split(letters)) == letters
