"""What the model reads: disguises undone, ordinary texts as they were."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit import leet
from plaudit.legible import legible, skeleton
from plaudit.text import normalize
from plaudit.training.obfuscation import KINDS, obfuscate
from tests.tiny import example_texts

PIECES = [
    *("g r e a t", "g.r.e.a.t", "p0st", "@w3s0m3", "7h15", "15", "4", "!", " ", "  ", "сооl", "пow", "ı"),
    *("привет", "@anna.1", "https://x.y/gr3at", "soooo", "iii'm", "d o n ' t", "Ꮐꓣꓰꓮꓔ", "\u0301", "ς", "ϲ"),
    *("'", "x", "thıs"),
]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "I O U",
        "a b c",
        "B2B and P2P, a 4K screen, 10/10, m8, 2nd and 3rd",
        "iPhone13 or iphone5s for $500 at 5pm",
        "version 1.2.3 of web3, mp3, mp4, h264, i18n, k8s",
        "the i7s, an i5 and the A7, f150s and ar15s",
        "a 3v3 in s1e2 of gta5, top5, ps4",
        "10ans, 5ans, 15min, 5star, 1and1",
        "call 555-0123 or meet at 10:30, room b52",
        "$AAPL $BTC to 100k or 600k+",
        "the m3, 5 kg/m3, Func<T0>, 4n + 1, !f() and $pat",
        "the ΔT is small, 5 μm, α and β",
        "привет из Казани",
        "iPhone лучше, а не Samsung",
        "Καλημέρα από την Αθήνα, Nikos",
        "çok güzel kız, ışık var mı",
        "coração, señor, où, größer, naïve",
        "good food, a bookkeeper, vacuum, www and mmm",
        "Rocky III, VIII, XXX",
        "wow! génial ! si ! no",
        "U.S.A., a.k.a., R.I.P., A/B, x-y",
        "mail bob@home.example",
    ],
)
def test_ordinary_texts_stay(text: str) -> None:
    assert legible(text) == normalize(text)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("g r e a t  p o s t", "great post"),
        ("g r e a t p o s t", "great post"),
        ("I l o v e this", "I love this"),
        ("d o n ' t  s t o p", "don't stop"),
        ("g.r.e.a.t p-o-s-t g*r*i*f*f*e*n", "great post griffen"),
        ("gr3at p0st", "great post"),
        ("@w3s0m3 from @anna1", "awesome from @user"),
        ("$o n1ce", "so nice"),
        ("7h15 15 4 gr347 p057", "this is a great post"),
        ("GR347 V1D30", "GREAT VIDEO"),
        ("n0 0ne !s 50 900d", "no one is so good"),
        (
            "w@5 !7 7h3 83$7 in f0r7n173, 50% of 1) and the 1st",
            "was it the best in fortnite, 50% of 1) and the 1st",
        ),
        ("greeeeat sooooo tooooo goooood", "great so too good"),
        ("iii'mmm", "i'm"),
        ("see уоu sооn, а nіcе оnе", "see you soon, a nice one"),
        ("it'ѕ tһе ϲаt", "it's the cat"),
        ("aquamaп rules", "aquaman rules"),
        ("thıs makes sense to me", "this makes sense to me"),
        ("vіd3o", "video"),
        ("g\u200br3at рo\u00adst", "great post"),
    ],
)
def test_disguises_come_off(text: str, read: str) -> None:
    assert legible(text) == read


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join) | st.text(max_size=30))
def test_what_is_read_is_clean(text: str) -> None:
    read = legible(text)
    assert normalize(read) == read
    assert legible(text) == read


@pytest.mark.parametrize(("kind", "least"), [("look_alike", 0.9), ("spaced_out", 0.75), ("repeated", 0.75)])
def test_most_texts_are_read_as_before_they_were_hidden(kind: str, least: float) -> None:
    texts = example_texts()
    draw = random.Random(3)
    found = [legible(obfuscate(text, kind, draw)).lower() == legible(text).lower() for text in texts]
    assert sum(found) >= least * len(texts)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"leet"}))
def test_copies_in_disguise_share_their_skeleton(kind: str) -> None:
    text = "This was such a wonderful message, thank you for everything"
    hidden = {skeleton(obfuscate(text, kind, random.Random(seed))) for seed in range(10)}
    assert hidden == {skeleton(text)}


@pytest.mark.parametrize(
    "name", ["files.example/get/03705.0eec607f78", "ee860299-38dd-4af0-a65e", "https://a.example/gr3at"]
)
def test_links_and_names_of_things_stay_beside_leet(name: str) -> None:
    assert legible(f"gr3at p0st {name}") == legible(f"great post {name}")


def test_copies_in_leet_share_their_skeleton() -> None:
    assert skeleton("th4nk y0u for 3v3ryth1ng 2") == skeleton("thank you for everything!")


@pytest.mark.parametrize(
    ("start", "unit"),
    [
        *(("", unit) for unit in ["a ", "a.", "1a", "@1", "а", "аb", "ꓲ", "!", "a'", "1", "aa", "l1 "]),
        ("", "ooa"), ("", " '"), ("x a ", "' "), ("", "a ' b  ' "),
        ("gr3at p0st ", "a.a"), ("gr3at p0st ", "ab1d-"), ("gr3at p0st ", "a-"),
    ],
)  # fmt: skip
def test_long_texts_are_quick(start: str, unit: str) -> None:
    text = (start + unit * 20_000)[:20_000]
    started = time.perf_counter()
    skeleton(text)
    assert time.perf_counter() - started < 20  # quadratic would take minutes


@settings(max_examples=500, deadline=None)
@given(st.text("0134578@$!abehilostvxyzAOS'", min_size=1, max_size=8))
def test_what_shows_nothing_as_the_most_frequent_word_shows_nothing_as_any(word: str) -> None:
    reading = leet._reading(word)
    assert leet._is_sure(word) == (reading is not None and reading.is_sure)
