"""Texts to token ids, word by word: a word that was met lately is not taken apart again.

Most of what people write is a few thousand words, and a tokenizer of BERT's kind looks at each by itself:
no token of it reaches across a blank. The ids of a text are then those of its words, one after the other,
and looking them up costs a fraction of taking the text apart. Other tokenizers are asked text by text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

from plaudit.pieces import Pieces

ID_BYTES: Final = 4
"""Bytes of an id, an int32."""

_N_WORDS_KEPT: Final = 1 << 16  # some 12 MB
_N_LETTERS_KEPT: Final = 30
_PROBE: Final = "a"  # any word: it shows what stands around every text
_MODELS: Final = ("WordPiece", "WordLevel")
_SPLITTERS: Final = ("BertPreTokenizer", "Whitespace", "WhitespaceSplit")
_RUN: Final = 64  # words asked at once
_MARKS: Final = "^~|`;"  # seldom within a word
_BORDER: Final = "\n"
_PIECE: Final = re.compile("[A-Za-z0-9]+|[^A-Za-z0-9]")  # what BERT parts of an ASCII word
_ONE_CHARACTER: Final = re.compile(r"\[[^\[\]\\&~]+\]")


class TokenIds:
    """Finds the ids of texts; safe to call from several threads."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Look at how the tokenizer works.

        Args:
            tokenizer: Neither pads nor truncates.
        """
        self._tokenizer = tokenizer
        state = json.loads(tokenizer.to_str())
        self._by_words = goes_by_words(state)
        self._lowers = bool((state["normalizer"] or {}).get("lowercase"))
        self._parts_marks = self._by_words and _splitters(state)[-1]["type"] == "BertPreTokenizer"
        self._known: dict[str, bytes] = {}
        self._mark, self._mark_id = _mark(tokenizer) if self._parts_marks else ("", -1)
        self._before, self._after = _around(tokenizer) if self._by_words else (b"", b"")

    def of(self, texts: Sequence[str]) -> list[bytes]:
        """Return the ids of each text, int32 in a row, with the special tokens around them."""
        if not self._by_words:
            return [_bytes(each.ids) for each in self._tokenizer.encode_batch_fast(texts)]
        known = self._known  # only ever added to: what was found there stays, whatever other threads do
        words = [text.split(" ") for text in texts]
        found = [[*map(known.get, each)] for each in words]
        unfinished = [row for row, ids in enumerate(found) if not all(ids)]
        rare = self._learn(known, {word for row in unfinished for word in words[row]})
        for row in unfinished:
            found[row] = ids = [*map(known.get, words[row])]
            if not all(ids):
                found[row] = [each or rare.get(word, b"") for each, word in zip(ids, words[row], strict=True)]
        return [b"".join((self._before, *ids, self._after)) for ids in found]  # type: ignore[arg-type]

    def of_pieces(self, pieces: Pieces, whole: Sequence[str]) -> list[bytes]:
        """Return the ids of the texts that some pieces are of, as `of` does.

        Args:
            pieces: Of the texts.
            whole: The text in place of each that is left whole, cleaned.
        """
        if not self._by_words:
            rest, borders = [*pieces.read, *whole], pairwise(pieces.ends.tolist())
            places = pieces.at.tolist()
            return self.of([" ".join([rest[at] for at in places[start:end]]) for start, end in borders])
        if pieces.are_whole:
            found = self.of(whole)
            return [found[at] for at in pieces.at.tolist()]
        n_around = len(self._before) or None, -len(self._after) or None
        ids = [*self._words(pieces.read), *(each[slice(*n_around)] for each in self.of(whole))]
        _, offsets, values = pa.array(ids, pa.large_binary()).take(pa.array(pieces.at)).buffers()
        ends = np.frombuffer(offsets, np.int64)[pieces.ends].tolist()
        joined = values.to_pybytes() if values is not None else b""
        return [self._before + joined[start:end] + self._after for start, end in pairwise(ends)]

    def _words(self, words: Sequence[str]) -> list[bytes]:
        known = self._known
        found = [*map(known.get, words)]
        if not all(found):
            rare = self._learn(known, {word for word, ids in zip(words, found, strict=True) if not ids})
            found = [known.get(word) or rare.get(word, b"") for word in words]
        return found  # type: ignore[return-value]

    def _learn(self, known: dict[str, bytes], words: Iterable[str]) -> dict[str, bytes]:
        """Add the ids of words that are not known yet; return those of words too long to be kept."""
        # Most new words are known ones with a mark or a capital.
        pieces = self._pieces([word for word in words if word not in known])
        fresh = {piece: known.get(piece, b"") for each in pieces.values() for piece in each}
        fresh |= self._encoded([piece for piece in fresh if piece not in known])
        fresh |= {word: b"".join([fresh[piece] for piece in each]) for word, each in pieces.items()}
        known |= {word: ids for word, ids in fresh.items() if len(word) <= _N_LETTERS_KEPT}
        if len(known) > _N_WORDS_KEPT:  # the frequent ones are back within a batch
            self._known = {}
        return {word: ids for word, ids in fresh.items() if len(word) > _N_LETTERS_KEPT}

    def _pieces(self, words: Sequence[str]) -> dict[str, list[str]]:
        """Return what each word is parted in, of many at once: looking through one costs less than a call."""
        if not self._parts_marks:
            return {word: [word] for word in words}
        parted = [word for word in words if word.isascii() and word.isprintable() and "[" not in word]
        joined = "".join([word + _BORDER for word in parted])
        found: list[str] = _PIECE.findall(joined.lower() if self._lowers else joined)
        ends = [place for place, piece in enumerate(found) if piece == _BORDER]
        pieces = {word: found[a + 1 : b] for word, (a, b) in zip(parted, pairwise([-1, *ends]), strict=True)}
        return pieces | {word: [word] for word in words if word not in pieces}  # "[MASK]" is one token

    def _encoded(self, words: Sequence[str]) -> dict[str, bytes]:
        """Ask the tokenizer, of many words at once: a call costs more than a word."""
        joinable = [word for word in words if self._mark not in word and len(word) <= _N_LETTERS_KEPT]
        runs = [joinable[i : i + _RUN] for i in range(0, len(joinable), _RUN)] if self._mark else []
        texts = [f" {self._mark} ".join(run) for run in runs]
        found: dict[str, bytes] = {}
        for run, each in zip(runs, self._ask(texts), strict=True):
            ids = np.array(each.ids, np.int32)
            ends = [0, *(np.flatnonzero(ids == self._mark_id) + 1), len(ids) + 1]
            if len(ends) == len(run) + 1:
                whole = ids.tobytes()
                spans = pairwise(ends)
                cuts = [whole[ID_BYTES * start : ID_BYTES * (end - 1)] for start, end in spans]
                found.update(zip(run, cuts, strict=True))
        left = [word for word in words if word not in found]
        found.update((word, _bytes(each.ids)) for word, each in zip(left, self._ask(left), strict=True))
        return found

    def _ask(self, texts: Sequence[str]) -> list[Any]:
        return list(self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)) if texts else []


def goes_by_words(state: Mapping[str, Any]) -> bool:
    """Tell of a tokenizer's JSON whether it gives a text the ids of its words, one after the other.

    True of what is known to: characters normalised each by itself, words parted at blanks before the model
    sees them, special tokens without blanks.
    """
    normalizer, splitters = state["normalizer"], _splitters(state)
    return (
        state["model"]["type"] in _MODELS
        and (normalizer is None or normalizer["type"] == "BertNormalizer")
        and splitters != []
        and splitters[-1]["type"] in _SPLITTERS
        and all(map(_parts_characters, splitters[:-1]))
        and not any(
            " " in token["content"] or token["lstrip"] or token["rstrip"] for token in state["added_tokens"]
        )
    )


def _splitters(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    splitter = state["pre_tokenizer"]
    if splitter is None:
        return []
    return list(splitter["pretokenizers"]) if splitter["type"] == "Sequence" else [splitter]


def _parts_characters(splitter: Mapping[str, Any]) -> bool:
    """Tell whether it sets single characters apart, whatever stands beside them."""
    pattern = splitter.get("pattern", {}).get("Regex", "")
    return (
        splitter["type"] == "Split"
        and splitter["behavior"] == "Isolated"
        and bool(_ONE_CHARACTER.fullmatch(pattern))
    )


def _around(tokenizer: Tokenizer) -> tuple[bytes, bytes]:
    """Return the special tokens before and after every text."""
    whole = tokenizer.encode(_PROBE).ids
    inner = tokenizer.encode(_PROBE, add_special_tokens=False).ids
    at = next(i for i in range(len(whole)) if whole[i : i + len(inner)] == inner)
    return _bytes(whole[:at]), _bytes(whole[at + len(inner) :])


def _mark(tokenizer: Tokenizer) -> tuple[str, int]:
    """Return a punctuation mark that is a token of its own, and its id; nothing where there is none."""
    for mark in _MARKS:
        found = tokenizer.token_to_id(mark)
        if (
            found is not None
            and tokenizer.encode(f"a {mark} a", add_special_tokens=False).ids.count(found) == 1
        ):
            return mark, found
    return "", -1


def _bytes(ids: Sequence[int]) -> bytes:
    return np.array(ids, np.int32).tobytes()
