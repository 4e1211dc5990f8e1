"""Letters of any alphabet that Unicode calls alike are read, whichever the evaluation draws."""

from __future__ import annotations

import unicodedata

import pytest

from plaudit.lookalikes import _ALIKE, in_latin
from plaudit.training.lookalikes import groups, table
from plaudit.training.obfuscation import _LOOK_ALIKES

DRAWN_BY_EVALUATION = set("".join(_LOOK_ALIKES.values()))
UNSEEN = sorted(set(_ALIKE) - DRAWN_BY_EVALUATION)


def test_most_look_alikes_are_not_those_of_the_evaluation() -> None:
    assert len(UNSEEN) > 3 * len(DRAWN_BY_EVALUATION & set(_ALIKE))


@pytest.mark.parametrize(
    "letter", [x for x in UNSEEN if unicodedata.name(x).split()[0] != "LATIN"], ids=ascii
)
def test_an_unseen_look_alike_in_a_word_is_read(letter: str) -> None:
    latin = _ALIKE[letter].lower()
    words = [
        "because",
        "quickly",
        "flight",
        "jumped",
        "video",
        "away",
        "maximum",
        "zero",
        "know",
        "yes",
        "part",
    ]
    word = next(word for word in words if latin in word)
    hidden = word.replace(latin, letter, 1)
    assert in_latin(f"so {hidden} it is").lower() == f"so {word} it is"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Ꮐꓣꓰꓮꓔ ꓦꓲꓒ", "GREAT Vid"),
        ("ᗷEᒪIEᐯE YOᑌ", "BELIEVE YOU"),
        ("so nice, ѕее уоu", "so nice, see you"),
        ("ⲅⲟcks", "rocks"),
        ("oranɡey", "orangey"),
    ],
)
def test_words_of_several_alphabets_are_read(text: str, read: str) -> None:
    assert in_latin(text) == read


@pytest.mark.parametrize(
    "text", ["привет, мама", "он и она", "το φως", "ქართული ყველი", "a мама, привет", "ɓaƙi", "the α in it"]
)
def test_what_is_meant_stays(text: str) -> None:
    assert in_latin(text) == text


def test_the_table_is_made_from_unicodes_lines() -> None:
    lines = [
        "# comment",
        "0430 ; 0061 ; MA # а",
        "0422 ; 0054 ; MA",
        "1D1B ; 0442 ; MA",
        "05D0 ; 2135 ; MA",
    ]
    text = "\n".join([*lines, "0441 0301 ; 0063 ; MA"])
    assert table(groups(text)) == {"а": "a", "Т": "T", "т": "t", "ᴛ": "t"}
