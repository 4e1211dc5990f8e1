"""Word by word or whole: the same ids."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from plaudit import artifact, tokens
from plaudit.inference import load_tokenizer
from plaudit.text import normalize
from plaudit.tokens import TokenIds, goes_by_words
from tests.artifacts import tiny_tokenizer

EXAMPLES = Path(__file__).parent.parent / "examples"
ODD = [
    "", " ", "a  b", "[MASK] [mask] x[SEP]y [CLS]", "don't, won't; it's: (so) ~^|` a~b ^", "ÉCOLE éÉ ﬁne ΣΑΣ",
    "İstanbul", "w" * 101, "w" * 99 + "!" * 20, "日本語のコメント", "🙏🏽🔥❤️ x❤️y", "a\u0301b \u0301c",
    "x" * 31 + " y", "a\tb\nc", "co-op_e.g. 3.14%",
]  # fmt: skip


@pytest.fixture(scope="module")
def shipped() -> Tokenizer:
    return load_tokenizer(artifact.current() / artifact.TOKENIZER)


def expected(tokenizer: Tokenizer, texts: Sequence[str]) -> list[bytes]:
    return [np.array(each.ids, np.int32).tobytes() for each in tokenizer.encode_batch_fast(texts)]


def comments() -> list[str]:
    return [json.loads(line)["text"] for line in (EXAMPLES / "labelled.jsonl").read_text().splitlines()]


def test_the_shipped_tokenizer_goes_by_words(shipped: Tokenizer) -> None:
    assert goes_by_words(json.loads(shipped.to_str()))


def test_comments_have_the_ids_that_the_tokenizer_gives(shipped: Tokenizer) -> None:
    texts = [*comments(), *ODD, *map(normalize, comments())]
    found = TokenIds(shipped)
    for _ in range(2):  # the second time all words are known
        assert found.of(texts) == expected(shipped, texts)


@settings(deadline=None)
@example(["0 0", "0\x1f0"])  # what is no sign stands between no words
@given(st.lists(st.text(max_size=40), max_size=8))
def test_any_text_has_them(shipped: Tokenizer, texts: list[str]) -> None:
    texts = [*map(normalize, texts), *texts]
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    assert TokenIds(shipped).of(texts) == expected(shipped, texts)


@settings(deadline=None)
@given(st.lists(st.text(alphabet="aB1 .,'[]~^-_é❤", max_size=60), max_size=8))
def test_marks_within_words_show_nothing(shipped: Tokenizer, texts: list[str]) -> None:
    assert TokenIds(shipped).of(texts) == expected(shipped, texts)


def test_what_is_forgotten_is_found_again(shipped: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_N_WORDS_KEPT", 20)
    found, texts = TokenIds(shipped), comments()
    for start in range(0, len(texts), 5):
        part = texts[start : start + 5]
        assert found.of(part) == expected(shipped, part)
        assert len(found._known) <= 20 + len(" ".join(part))


def test_long_words_are_not_kept(shipped: Tokenizer) -> None:
    found = TokenIds(shipped)
    found.of(["so " + "very" * 100])
    assert "so" in found._known
    assert max(map(len, found._known)) <= tokens._N_LETTERS_KEPT


def test_threads_do_not_disturb_each_other(shipped: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_N_WORDS_KEPT", 50)
    found, texts = TokenIds(shipped), comments()
    parts = [texts[start : start + 7] for start in range(0, len(texts), 7)] * 3
    with ThreadPoolExecutor(4) as pool:
        for part, ids in zip(parts, pool.map(found.of, parts), strict=True):
            assert ids == expected(shipped, part)


def test_a_tokenizer_without_words_of_its_own_is_asked_whole(shipped: Tokenizer) -> None:
    state = json.loads(shipped.to_str())
    whole = {
        "no splitter": {"pre_tokenizer": None},
        "bytes": {"pre_tokenizer": {"type": "ByteLevel"}},
        "a normalizer that looks around": {"normalizer": {"type": "NFKC"}},
        "pieces over blanks": {"model": {"type": "Unigram"}},
        "a token with a blank": {"added_tokens": [{"content": "a b", "lstrip": False, "rstrip": False}]},
        "a splitter by words": {"pre_tokenizer": _sequence("two words")},
    }
    for name, change in whole.items():
        assert not goes_by_words(state | change), name
    assert goes_by_words(state | {"pre_tokenizer": _sequence("[!?]")})


def _sequence(pattern: str) -> dict[str, Any]:
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated"}
    return {"type": "Sequence", "pretokenizers": [split, {"type": "BertPreTokenizer"}]}


def test_a_tokenizer_of_whole_words() -> None:
    tokenizer = tiny_tokenizer()
    texts = ["great mine", "unheard", "", "great, mine.great"]
    assert TokenIds(tokenizer).of(texts) == expected(tokenizer, texts)
