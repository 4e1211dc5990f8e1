from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from plaudit.text import normalize
from plaudit.training import vocabulary
from tests.tiny import SPECIAL, example_texts, tiny_tokenizer

BASE = tiny_tokenizer()
TEXTS = [normalize(text) for text in example_texts()] + ["so good 🪿🪿🪿", "wow 🛸"] * 200
FITTED = vocabulary.fit(BASE, TEXTS, min_count=3, n_emoji=2, max_new_words=0)


def test_rare_pieces_go_and_frequent_ones_stay() -> None:
    old, new = BASE.get_vocab(), FITTED.tokenizer.get_vocab()
    assert len(new) < len(old)
    assert len(FITTED.origin) == len(new)
    assert all(len(ids) == 1 for ids in FITTED.origin)
    by_id = {i: token for token, i in old.items()}
    assert all(by_id[FITTED.origin[i][0]] == token for token, i in new.items() if token in old)


def test_special_tokens_keep_their_places() -> None:
    assert [FITTED.tokenizer.token_to_id(token) for token in SPECIAL] == list(range(5))
    assert FITTED.tokenizer.encode("so good").tokens[0] == "[CLS]"
    assert FITTED.tokenizer.encode("so good").tokens[-1] == "[SEP]"


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12))
def test_every_word_can_still_be_spelled(word: str) -> None:
    before = BASE.encode(word).tokens
    after = FITTED.tokenizer.encode(word).tokens
    assert ("[UNK]" in after) == ("[UNK]" in before)
    if "[UNK]" not in after:
        assert "".join(t.removeprefix("##") for t in after[1:-1]) == word.lower()


def test_emoji_are_words_even_inside_words() -> None:
    tokens = FITTED.tokenizer.encode("good🪿🪿and🛸").tokens
    assert tokens.count("🪿") == 2
    assert "🛸" in tokens
    assert "[UNK]" not in tokens


def test_emoji_beyond_the_number_stay_unknown() -> None:
    few = vocabulary.fit(BASE, TEXTS, min_count=3, n_emoji=1, max_new_words=0)
    assert "[UNK]" in few.tokenizer.encode("🛸").tokens


def test_new_words_start_from_their_pieces() -> None:
    texts = [*TEXTS, *["plauditorium zzyzx"] * 400]
    fitted = vocabulary.fit(BASE, texts, min_count=3, n_emoji=2, max_new_words=1)
    word = max(set(fitted.tokenizer.get_vocab()) - set(BASE.get_vocab()), key=len)
    assert word in ("plauditorium", "zzyzx")
    assert fitted.tokenizer.encode(word).tokens == ["[CLS]", word, "[SEP]"]
    pieces = BASE.encode(word, add_special_tokens=False).ids
    assert fitted.origin[fitted.tokenizer.token_to_id(word)] == tuple(pieces)


def test_a_fit_is_reproducible_and_survives_a_file() -> None:
    again = vocabulary.fit(BASE, TEXTS, min_count=3, n_emoji=2, max_new_words=0)
    assert again.tokenizer.to_str() == FITTED.tokenizer.to_str()
    read = Tokenizer.from_str(FITTED.tokenizer.to_str())
    assert read.encode(TEXTS[0]).ids == FITTED.tokenizer.encode(TEXTS[0]).ids


def test_the_older_kind_of_closing_tokens_is_renumbered() -> None:
    state = json.loads(BASE.to_str())
    state["post_processor"] = {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}
    tokens = ["[PAD]", "[UNK]", "[MASK]", "[CLS]", "[SEP]", "a"]
    rebuilt = vocabulary.rebuilt(Tokenizer.from_str(json.dumps(state)), tokens)
    assert rebuilt.encode("a").ids == [3, 5, 4]


@pytest.mark.parametrize("text", ["", "🔥", "a🔥b"])
def test_spaced_as_the_tokenizer_splits(text: str) -> None:
    spaced, plain = vocabulary.spaced(text), FITTED.tokenizer
    assert plain.encode(spaced).ids == plain.encode(text).ids
