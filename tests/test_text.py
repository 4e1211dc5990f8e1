"""Disguises come off, ordinary texts stay, and no text however hostile breaks or slows the cleaning."""

from __future__ import annotations

import random
import re
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit import text as cleaning
from plaudit.legible import skeleton
from plaudit.text import fingerprint, normalize

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)  # lone surrogates too
PIECES = [
    *"aа bеx.@/:hHtps19#-_'´üİßﬁ①㊗🔥❤🅰🅱🅾\u0301\u0300\u0334\u0323\u0308\u0304\u0489\u0338\u200d\ufe0f\u034f",
    *"\u1100\u1161\u11a8\x00\x85\ud83d\ude00\u20e3\u1d00\ua731ạếǖ\u093e\u0930\u3099\u304b\ufdfa→ё\u0345\u2800\u3164",
    "http://",
    "www.",
    "@user",
    "a b c d ",
    "h t t p s://x",
]
HOSTILE = [
    *("a ", "@", "@.", "@-", "@a", "a.", "/", "http:/", "http://", "www.", "a b c d1 ", " ", "\n", "\x00"),
    *("\u0301", "\u0301\u0323", "\u05b0\u0301\u0323\u05b1", "a\u0301\u0323 ", "ü\u0304\u0323", "\u0344"),
    *(
        "aа",
        "а\u0301b",
        "\u200d",
        "\ufe0f",
        "🔥\u200d",
        "\u1d00",
        "🅰",
        "🅰\ufe0f",
        "´",
        "a´",
        "\u2800",
        "\ud83d",
    ),
]


@pytest.mark.parametrize(
    "text",
    [
        "I broke mine after two weeks: is it the glue?",
        "Schöne Grüße aus Köln, ça va? ¡Qué año!",
        "Привет, как дела?",
        "Καλημέρα σας",
        "हिन्दी में लिखा",
        "これは何ですか",
        "한국어 댓글",
        "I ❤️ it 👩‍👩‍👧 🏳️‍🌈 ❤️‍🔥 1️⃣ 👍🏽 🇮🇹",
        "3 x 4 = 12 :-) <3 ;)",
        "a b c",
        "I am a",
        "the vowel ɪ",
        "blood group 🅰️ or 🅱️ 🆎",
        "me@mail.example",
        "x̂ is a mean",
    ],
)
def test_ordinary_texts_stay(text: str) -> None:
    assert normalize(text) == text


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("fоllоw mе", "follow me"),
        ("g\u200brea\u00adt v\u2060ideo", "great video"),
        ("\u202egreat\u202c", "great"),
        ("𝓷𝓲𝓬𝓮 𝐩𝐢𝐜 ｗｏｗ ⓗⓘ", "nice pic wow hi"),
        ("ᴛʜɪs ɪs ɴɪᴄᴇ", "this is nice"),
        ("🅽🅸🅲🅴 🅝🅘🅒🅔", "NICE NICE"),
        ("🅿️🅸🅲", "PIC"),
        ("n i c e  pic", "nice pic"),
        ("n\u0301\u0300\u0302i\u0301\u0300\u0302ce", "ńíce"),
        ("s\u0336o\u0336", "so"),
        ("don´t", "don't"),
        ("c\u200dool", "cool"),
        ("soooooo", "sooo"),
        ("w w w w w", "www"),
        ("aa\tbb\r\n cc\x00dd\x85ee", "aa bb cc dd ee"),
        ("@Some.One-2 hi @नमस्ते", "@user hi @user"),
        ("see HTTPS://a.example/x?y and www.b.example", "see http and http"),
        ("h t t p://a.example", "http"),
        ("\ud83d\ude00 \ud83d", "😀 \ufffd"),
        ("AЕRО 8 8", "AERO 8 8"),
    ],
)
def test_disguises_come_off(text: str, read: str) -> None:
    assert normalize(text) == read


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "\n\t",
            "\u200d",
            "\u200d\u200d \u200d",
            "\u200b\ufeff",
            "\u3164",
            "\u115f\uffa0",
            "\ufffc",
        ),
        *(
            "\ufe0f",
            "\ufe0e\u200d",
            "\x00\x1f",
            "\u0301\u0302",
            "\u0301",
            "\U000e0041",
            "\u00ad",
            "\u2066\u2069",
        ),
        *("\u2800", "\x08\u0300", "\u2028\u0301"),
    ],
)
def test_nothing_readable_is_blank(text: str) -> None:
    assert normalize(text) == skeleton(text) == ""


@settings(max_examples=500, deadline=None)
@given(ANY_TEXT | st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    once = normalize(text)
    assert normalize(once) == once
    assert once == once.strip()
    once.encode()
    letters = skeleton(text)
    assert letters == letters.casefold()


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(codec="latin-1"), max_size=40))
def test_invisible_characters_never_matter(text: str) -> None:
    hidden = "".join(f"{character}\u200b\u2060" for character in text)
    assert normalize(hidden) == normalize(text)


@settings(max_examples=500, deadline=None)
@given(st.text(st.sampled_from("aZé´’…ªµ\u0301 \u00a0\n❤️🔥👍🏽🅰🆎☕✔ʙ\u200dа²½"), max_size=12))
def test_the_way_around_for_plain_letters_changes_nothing(text: str) -> None:
    found = cleaning._normalize(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cleaning, "_UNUSUAL", re.compile(""))  # finds something in anything
        assert cleaning._normalize(text) == found == normalize(text)


@pytest.mark.parametrize("unit", HOSTILE, ids=ascii)
def test_long_texts_are_quick(unit: str) -> None:
    text = (unit * 100_000)[:100_000]
    started = time.perf_counter()
    skeleton(text)
    assert time.perf_counter() - started < 20  # quadratic would take minutes


def test_long_rows_of_marks_are_quick() -> None:
    marks = [chr(code) for code in range(0x300, 0x20000) if unicodedata.combining(chr(code))]
    text = "".join(random.Random(1).choices(marks, k=100_000))
    started = time.perf_counter()
    normalize(text)
    normalize(text[:999])
    assert time.perf_counter() - started < 20  # quadratic would take minutes


@pytest.mark.parametrize(
    "copy",
    [
        "GREAT video!!!",
        "great 🔥 video",
        "greaaaat video 2",
        "@bob gr\u200beat vid.eo",
        "ɢʀᴇᴀᴛ ᴠɪᴅᴇᴏ http://x.example",
    ],
)
def test_copies_share_their_skeleton(copy: str) -> None:
    assert skeleton(copy) == skeleton("Great video") == "greatvideo"


def test_texts_that_differ_in_letters_have_skeletons_of_their_own() -> None:
    assert skeleton("great video") != skeleton("great videos")
    assert skeleton("12 🔥 !!") == skeleton("@bob") == ""


def test_fingerprints_are_fixed() -> None:
    assert fingerprint("plaudit") == 5171507488654042830
    assert fingerprint("\ud800") == fingerprint("?")
