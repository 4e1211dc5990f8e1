from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from plaudit.errors import TrainingDataError
from plaudit.text import normalize
from plaudit.tokens import TokenIds, goes_by_words
from plaudit.training import unigram
from tests.tiny import SPECIAL, example_texts

_PIECES = {
    "<s>": 0.0, "<pad>": 0.0, "</s>": 0.0, "<unk>": 0.0, "<mask>": 0.0,
    "▁": -3.0, "▁the": -2.0, "▁The": -4.0, "▁glue": -5.0, "ing": -4.0, "▁schön": -5.0, "es": -4.0,
    "▁it's": -5.0, "🔥": -5.0, "▁paper": -6.0, "▁zebra": -7.0,
}  # fmt: skip


def base() -> Tokenizer:
    letters = dict.fromkeys("abcdefghijklmnopqrstuvwxyzäéöüß'!?.,ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", -9.0)
    made = Tokenizer(models.Unigram([*(_PIECES | letters).items()], unk_id=3, byte_fallback=False))
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    return made


TEXTS = [normalize(t) for t in example_texts()] + ["The glue and the paper 🔥🔥", "it's gluing"] * 60
TEXTS += ["das ist ja ein wirklich schönes Haus und ich finde es sehr schön gemacht"] * 3


def fitted(*, size: int = 400, language_share: float = 0.25) -> unigram.Vocabulary:
    return unigram.fit(base(), TEXTS, size=size, min_count=2, n_emoji=2, language_share=language_share)


FITTED = fitted()


@pytest.mark.parametrize(
    ("piece", "tokens"),
    [
        ("▁Schön", ["schon"]),
        ("ing", ["##ing"]),
        ("▁it's", ["it", "'", "s"]),
        ("▁", []),
        ("!!", ["!", "!"]),
        ("a.b", ["##a", ".", "b"]),
    ],
)
def test_pieces_are_spelled_as_word_pieces(piece: str, tokens: list[str]) -> None:
    assert unigram.parts_of(piece) == tokens


def test_it_is_a_vocabulary_whose_words_are_looked_up() -> None:
    assert goes_by_words(json.loads(FITTED.tokenizer.to_str()))
    assert [FITTED.tokenizer.token_to_id(token) for token in SPECIAL] == list(range(5))
    assert FITTED.tokenizer.encode("The glue").tokens == ["[CLS]", "the", "glue", "[SEP]"]
    assert "schon" in FITTED.tokenizer.encode("SCHÖNES").tokens
    ids = TokenIds(FITTED.tokenizer).of(TEXTS)
    assert [len(i) // 4 for i in ids] == [len(e.ids) for e in FITTED.tokenizer.encode_batch(TEXTS)]


def test_tokens_start_from_the_pieces_they_replace_by_their_counts() -> None:
    assert len(FITTED.origin) == len(FITTED.weights) == FITTED.tokenizer.get_vocab_size()
    assert all(abs(sum(weights) - 1) < 1e-6 for weights in FITTED.weights)
    old = base().get_vocab()
    at = FITTED.tokenizer.token_to_id("the")
    rows = dict(zip(FITTED.origin[at], FITTED.weights[at], strict=True))
    assert set(rows) == {old["▁the"], old["▁The"]}
    assert FITTED.origin[0] == (old["<pad>"],)
    assert FITTED.origin[FITTED.tokenizer.token_to_id("[SEP]")] == (old["</s>"],)


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12))
def test_every_word_can_be_spelled(word: str) -> None:
    tokens = FITTED.tokenizer.encode(word).tokens[1:-1]
    seen = {c for text in TEXTS for c in text.lower()}
    if set(word) <= seen:
        assert "".join(t.removeprefix("##") for t in tokens) == word


def test_emoji_are_words_and_others_are_unknown() -> None:
    tokens = FITTED.tokenizer.encode("glue🔥🔥🪿").tokens
    assert tokens.count("🔥") == 2
    assert tokens[-2] == "[UNK]"


def test_a_small_vocabulary_keeps_the_commonest_and_a_rare_language_has_its_share() -> None:
    with pytest.raises(
        TrainingDataError, match="size is 10, and special tokens, characters and emoji"
    ) as told:
        fitted(size=10, language_share=0.0)
    bare = int(re.search(r"alone are (\d+)", str(told.value))[1])  # type: ignore[index]
    few, fair = fitted(size=bare + 5, language_share=0.0), fitted(size=bare + 5, language_share=1.0)
    assert "schon" not in few.tokenizer.get_vocab()
    assert "schon" in fair.tokenizer.get_vocab()
    assert few.tokenizer.get_vocab_size() == fair.tokenizer.get_vocab_size() == bare + 5


def test_a_fit_is_reproducible() -> None:
    assert fitted().tokenizer.to_str() == FITTED.tokenizer.to_str()
    assert fitted().origin == FITTED.origin


def test_a_vocabulary_without_a_token_for_the_unknown() -> None:
    plain = Tokenizer(models.Unigram([("a", -1.0), ("▁", -1.0)]))
    with pytest.raises(TrainingDataError, match="no <unk>"):
        unigram.fit(plain, TEXTS, size=20, min_count=1, n_emoji=0, language_share=0.0)
