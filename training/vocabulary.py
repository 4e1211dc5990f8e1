"""The tokenizer: the encoder's own, less the pieces no comment uses, plus emoji as words."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tokenizers import Regex, Tokenizer
from tokenizers.pre_tokenizers import PreTokenizer, Split

_EMOJI: Final = (
    "[\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2934\u2935\u2b00-\u2bff\u3030\u303d"
    "\u3297\u3299\U0001f000-\U0001faff]"
)
_EMOJI_PATTERN = re.compile(_EMOJI)
_SPECIAL: Final = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """A tokenizer and how its rows map to the encoder's embedding table.

    Attributes:
        tokenizer: Neither pads nor truncates.
        origin: For each token the row of the old table it keeps; for a new one the rows whose mean it
            starts from.
        weights: Of the rows in each mean, 1 in all; empty where all rows of a token weigh the same.
    """

    tokenizer: Tokenizer
    origin: tuple[tuple[int, ...], ...]
    weights: tuple[tuple[float, ...], ...] = ()


def spaced(text: str) -> str:
    """Return the text with blanks around each emoji, as the tokenizer's own pre-tokenizer does."""
    return _EMOJI_PATTERN.sub(lambda match: f" {match[0]} ", text)


def emoji_of(text: str) -> list[str]:
    """Return the emoji of a text, one by one."""
    return _EMOJI_PATTERN.findall(text)


def has_emoji(token: str) -> bool:
    """Return whether a token holds an emoji, which is a word of its own."""
    return _EMOJI_PATTERN.search(token) is not None


def emoji_splitter() -> PreTokenizer:
    """Return what splits emoji off as words of their own, to stand before a tokenizer's own splitter."""
    return Split(Regex(_EMOJI), behavior="isolated")


def fit(
    base: Tokenizer, texts: Iterable[str], *, min_count: int, n_emoji: int, max_new_words: int
) -> Vocabulary:
    """Return the pruned and extended vocabulary for normalised comments.

    Single characters and special tokens always stay, so that every word can still be spelled.

    Args:
        base: A WordPiece tokenizer.
        texts: Normalised comments the counts are taken from.
        min_count: Pieces seen less often go.
        n_emoji: Most frequent emoji that become tokens.
        max_new_words: Most frequent whole words of several pieces that become tokens.
    """
    pieces, emoji, words = _count(base, texts, with_words=max_new_words > 0)
    old = base.get_vocab()
    by_id = sorted(old, key=old.__getitem__)
    kept = [
        t for t in by_id if t in _SPECIAL or len(t.removeprefix("##")) == 1 or pieces[old[t]] >= min_count
    ]
    new: dict[str, tuple[int, ...]] = {}
    for character, _ in emoji.most_common(n_emoji):
        new.setdefault(character, (old["[UNK]"],))
    most = len(new) + max_new_words
    for word, count in words.most_common():
        if len(new) >= most or count < 10 * min_count:
            break
        if word not in old:
            new[word] = tuple(base.encode(word, add_special_tokens=False).ids)
    tokens = [*kept, *(t for t in new if t not in set(kept))]
    origin = tuple((old[t],) if t in old else new[t] for t in tokens)
    return Vocabulary(tokenizer=rebuilt(base, tokens), origin=origin)


def _count(
    base: Tokenizer, texts: Iterable[str], *, with_words: bool
) -> tuple[Counter[int], Counter[str], Counter[str]]:
    pieces: Counter[int] = Counter()
    emoji: Counter[str] = Counter()
    words: Counter[str] = Counter()
    block: list[str] = []

    def flush() -> None:
        # The fast way leaves out tokens and word numbers.
        encode = base.encode_batch if with_words else base.encode_batch_fast
        for encoding in encode([spaced(t) for t in block], add_special_tokens=False):
            pieces.update(encoding.ids)
            if with_words:
                spans = Counter(encoding.word_ids)
                words.update(_words(encoding, spans))
        block.clear()

    for text in texts:
        emoji.update(emoji_of(text))
        block.append(text)
        if len(block) == 4096:
            flush()
    flush()
    return pieces, emoji, words


def _words(encoding: Any, spans: Counter[int | None]) -> list[str]:
    found: dict[int, list[str]] = {}
    for token, word in zip(encoding.tokens, encoding.word_ids, strict=True):
        if spans[word] > 1:
            found.setdefault(word, []).append(token.removeprefix("##"))
    return ["".join(parts) for parts in found.values()]


def rebuilt(base: Tokenizer, tokens: Sequence[str]) -> Tokenizer:
    """Return the base tokenizer with another vocabulary and emoji split off as words of their own."""
    state = json.loads(base.to_str())
    ids = {token: i for i, token in enumerate(tokens)}
    state["model"]["vocab"] = ids
    state["padding"] = state["truncation"] = None
    state["added_tokens"] = [
        {**t, "id": ids[t["content"]]} for t in state["added_tokens"] if t["content"] in ids
    ]
    _renumber(state["post_processor"], ids)
    split = {"type": "Split", "pattern": {"Regex": _EMOJI}, "behavior": "Isolated", "invert": False}
    state["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [split, state["pre_tokenizer"]]}
    return Tokenizer.from_str(json.dumps(state))


def _renumber(processor: dict[str, Any] | None, ids: dict[str, int]) -> None:
    if processor is None:
        return
    for name, special in processor.get("special_tokens", {}).items():
        special["ids"] = [ids[name]]
    for name in {"sep", "cls"} & set(processor):  # the older kind, BertProcessing: a pair of token and id
        processor[name] = [processor[name][0], ids[processor[name][0]]]
