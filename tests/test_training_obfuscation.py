from __future__ import annotations

import json
import random
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.errors import MappingError
from plaudit.text import normalize
from plaudit.training.obfuscation import _ALPHABETS, _LOOK_ALIKES, KINDS, _alphabet, obfuscate
from tests.tiny import EXAMPLE

TEXT = "Which glaze is on the blue bowl? My first attempts cracked in the kiln"
EXACT = ("zero_width", "bidi", "mathematical")


def hidden(text: str, kind: str, *, seed: int = 0, share: float = 0.4) -> str:
    return obfuscate(text, kind, random.Random(seed), share=share)


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_is_changed_and_the_same_seed_changes_it_alike(kind: str) -> None:
    assert hidden(TEXT, kind) != TEXT
    assert hidden(TEXT, kind) == hidden(TEXT, kind)
    assert len({hidden(TEXT, kind, seed=seed) for seed in range(5)}) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_short_texts_are_not_spared_by_chance(kind: str) -> None:
    assert all(hidden("Nice", kind, seed=seed) != "Nice" for seed in range(50))


@pytest.mark.parametrize("kind", KINDS)
def test_handles_and_links_stay(kind: str) -> None:
    text = "@anna.maria see https://example.org/watch?v=abc and tell everybody"
    changed = hidden(text, kind, share=1.0)
    assert changed.startswith("@anna.maria ")
    assert " https://example.org/watch?v=abc " in changed


@pytest.mark.parametrize("kind", EXACT)
def test_normalising_undoes_what_only_hides(kind: str) -> None:
    texts = [json.loads(line)["text"] for line in EXAMPLE.read_text().splitlines()]
    undone = sum(normalize(hidden(text, kind, seed=i)) == normalize(text) for i, text in enumerate(texts))
    assert undone == len(texts)


def test_look_alikes_are_single_letters_of_other_alphabets() -> None:
    for letter, others in _LOOK_ALIKES.items():
        assert all(unicodedata.category(other)[0] == "L" and not other.isascii() for other in others), letter


@pytest.mark.parametrize("name", _ALPHABETS)
def test_every_mathematical_alphabet_is_whole(name: str) -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    assert unicodedata.normalize("NFKC", letters.translate(_alphabet(name))) == letters
    assert not set(letters.translate(_alphabet(name))) & set(letters)


def test_what_each_kind_does() -> None:
    assert hidden("great", "leet", share=1.0) in {f"9r3{a}7" for a in "4@"}
    assert hidden("great", "spaced_out", share=1.0)[::2] == "great"
    assert len(hidden("great", "repeated", share=1.0)) >= len("great") + 2


@given(st.text(max_size=60), st.sampled_from(KINDS), st.floats(0, 1))
def test_any_text_passes(text: str, kind: str, share: float) -> None:
    changed = obfuscate(text, kind, random.Random(0), share=share)
    assert isinstance(changed, str)
    assert bool(changed) == bool(text)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(MappingError, match="'rot13'; expected one of zero_width"):
        obfuscate(TEXT, "rot13", random.Random(0))
