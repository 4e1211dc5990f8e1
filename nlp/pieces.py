"""Texts in pieces: what stands between blanks, each looked at once however often it comes.

Most of what people write is a few thousand words. Cleaning, tokens, words and letters of an ordinary text
are those of its pieces, one after the other; so for a batch of texts they are worked out for each different
piece, and put together in whole arrays. A text of which that may not hold (letters that stand apart or look
like others, anything but Latin letters and common signs, a novel) is left whole, as the one piece it has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from plaudit import lookalikes
from plaudit.legible import legible, may_be_disguised, unstretched
from plaudit.memo import Memo
from plaudit.text import EMOJI_PARTS, unusual_beside

MAX_LETTERS: Final = 4000
"""Characters from which a text is left whole."""

_FEW: Final = 256  # texts below which too few pieces come again
_ODD = unusual_beside(lookalikes.LETTERS | {"İ"})  # which grows in lower case
_SELECTOR: Final = "\ufe0f"
_SELECTED = re.compile(f"[{EMOJI_PARTS}]{_SELECTOR}")
_SINGLE = re.compile("[^\\W\\d_]|['’]")
_THREE = re.compile(r"(.)\1\1")
_PLAIN = re.compile(r"""["'“‘(.\-]*([^\W\d_]+(?:['’][^\W\d_]+)*)[:;]?[.,!?"'”’)\-]*""")
_LINK: Final = "http"  # what stands for a link, in small letters only: such a piece keeps its letters
_FOUR = re.compile(r"(.)\1\1\1")
_WHOLE: Final = ("", "", False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """The pieces of n texts.

    Attributes:
        different: Each of them once: first pieces of texts, then texts that are left whole.
        read: `legible` of those that are pieces: strings without a blank.
        said: The same with less to tell apart, for what takes no notice of capitals and of marks around a
            word: plain words are in lower case, without the marks and with "'" for any apostrophe.
        is_plain: Which of those are plain words: letters, with apostrophes between them and marks around, and
            no letter three times in a row.
        is_alone: Which are one letter or apostrophe: two such in a row may be a word spaced out.
        at: int64; the place in `different` of each piece, text by text.
        ends: int64, shape (n + 1,); the pieces of text i are `at[ends[i]:ends[i + 1]]`. A text of blanks has
            none.
    """

    different: list[str]
    read: list[str]
    said: list[str]
    is_plain: NDArray[np.bool_]
    is_alone: NDArray[np.bool_]
    at: NDArray[np.int64]
    ends: NDArray[np.int64]

    @property
    def whole(self) -> list[str]:
        """The different texts that are left whole."""
        return self.different[len(self.read) :]

    @property
    def are_whole(self) -> bool:
        """Whether all texts are left whole."""
        return not self.read and len(self.at) == len(self.ends) - 1

    @property
    def is_whole(self) -> NDArray[np.bool_]:
        """Which texts are left whole, shape (n,)."""
        is_piece = self.at < len(self.read)
        return self.sums(~is_piece) > 0

    @property
    def row(self) -> NDArray[np.int64]:
        """The text that each piece is of."""
        return np.repeat(np.arange(len(self.ends) - 1), np.diff(self.ends))

    def sums(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Return for each text the sum over its pieces of what is known of each piece."""
        return _sums(values, self.ends)

    def with_whole(self, rows: NDArray[np.bool_], texts: Sequence[str]) -> Pieces:
        """Return the pieces of the same texts with those of some rows left whole, shape (n,)."""
        return _put_whole(self, rows & ~self.is_whole, texts) if rows.any() else self


class PiecedTexts(list[str]):
    """Some texts, and their pieces, which are found once, when they are asked for."""

    @cached_property
    def pieces(self) -> Pieces:
        """Their pieces."""
        return pieces_of(self)


def pieced(texts: Iterable[str]) -> PiecedTexts:
    """Return texts that know their pieces; the same where they do."""
    return texts if isinstance(texts, PiecedTexts) else PiecedTexts(texts)


def gathered(
    values: NDArray[Any], lengths: NDArray[np.int64], at: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the values of some rows of a ragged array, end to end, and the length of each row.

    Args:
        values: Those of all rows, end to end.
        lengths: How many each row has.
        at: The rows, in whatever order, as often as wanted.
    """
    starts, n = np.cumsum(lengths) - lengths, lengths[at]
    shift = starts[at] - (np.cumsum(n) - n)
    return values[np.arange(int(n.sum())) + np.repeat(shift, n)], n


def _sums(values: NDArray[Any], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    total = np.concatenate(([0], np.cumsum(values, dtype=np.int64)))
    return np.asarray(total[ends[1:]] - total[ends[:-1]])


def pieces_of(texts: Sequence[str], *, few: int | None = None) -> Pieces:
    """Take texts apart; they may be of any length and content.

    Args:
        texts: Of which all are left whole where they are few.
        few: Below how many they are few; None: where arrays cost more than they save.
    """
    if len(texts) < (_FEW if few is None else few):
        return _all_whole(texts)
    try:
        raw = pa.array(texts, pa.large_string())
    except UnicodeEncodeError:  # lone halves of UTF-16 pairs
        return _all_whole(texts)
    lists = pc.utf8_split_whitespace(raw)
    encoded = lists.values.dictionary_encode()
    found: list[str] = encoded.dictionary.to_pylist()
    known = [*map(_READ.__getitem__, found)]
    n_letters = pc.utf8_length(encoded.dictionary).to_numpy()
    single = [place for place in np.flatnonzero(n_letters == 1).tolist() if _SINGLE.fullmatch(found[place])]
    is_alone, is_piece = _marked(single, len(found)), ~_marked(_places_of(_WHOLE, known), len(found))
    at, ends = encoded.indices.to_numpy().astype(np.int64), lists.offsets.to_numpy().astype(np.int64)
    is_blank = n_letters == 0  # before blanks at the beginning, and behind those at the end
    if is_blank.any():
        stays = ~is_blank[at]
        ends = np.concatenate(([0], np.cumsum(stays)))[ends]
        at = at[stays]
    odd = _sums(~is_piece[at], ends) > 0
    odd |= pc.greater(pc.utf8_length(raw), MAX_LETTERS).to_numpy(zero_copy_only=False)
    odd |= has_pair(is_alone[at], ends)
    apart = [each for each in known if each is not _WHOLE]
    return _put_whole(
        Pieces(
            different=[piece for piece, each in zip(found, known, strict=True) if each is not _WHOLE],
            read=[each[0] for each in apart],
            said=[each[1] for each in apart],
            is_plain=np.array([each[2] for each in apart], bool),
            is_alone=is_alone[is_piece],
            at=(np.cumsum(is_piece) - 1)[at],
            ends=ends,
        ),
        odd,
        texts,
    )


def _places_of(value: object, values: Sequence[object]) -> list[int]:
    return [place for place, each in enumerate(values) if each is value]


def _marked(places: list[int], n: int) -> NDArray[np.bool_]:
    marked = np.zeros(n, bool)
    marked[places] = True
    return marked


def is_regular(piece: str) -> bool:
    """Tell of something without a blank whether `legible` reads it the same in any text."""
    return _READ[piece] is not _WHOLE


def has_pair(marked: NDArray[np.bool_], ends: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which texts have two marked pieces in a row, shape (n,); `marked` says it of each piece."""
    pair = np.zeros(len(marked) + 1, bool)
    pair[1:-1] = marked[1:] & marked[:-1]
    pair[ends] = False  # of two texts
    total = np.concatenate(([0], np.cumsum(pair)))
    return np.asarray(total[ends[1:]] > total[ends[:-1]])


def _read(piece: str) -> tuple[str, str, bool]:
    """Return what `legible` makes of a piece in any text, what it says, and whether it is plain."""
    is_ascii = piece.isascii()
    if is_ascii and piece.isalpha() and not _THREE.search(low := piece.lower()) and _LINK not in low:
        return piece, low, True
    if not is_ascii and _ODD.search(piece):
        # Emoji come with a sign that says so.
        rest = _SELECTED.sub("", piece) if _SELECTOR in piece else piece
        if _ODD.search(rest) or not piece.isprintable():
            return _WHOLE
        read = legible(piece)
        is_apart = read and " " not in read and not may_be_disguised(piece.replace(_SELECTOR, ""))
        return (read, piece, False) if is_apart else _WHOLE
    plain = _PLAIN.fullmatch(piece)
    word = plain[1].lower().replace("’", "'") if plain else ""
    if plain and not _THREE.search(word) and _LINK not in word:
        read = unstretched(piece) if _FOUR.search(piece) else piece
        return read, word, True
    if not piece.isprintable() or may_be_disguised(piece):
        return _WHOLE
    read = unstretched(piece)
    return (read, piece, False) if read and " " not in read else _WHOLE


_READ: Final = Memo(_read, most=1 << 16, n_letters=40)  # some 12 MB


def _all_whole(texts: Sequence[str]) -> Pieces:
    different = dict.fromkeys(texts)
    places = dict(zip(different, range(len(different)), strict=True))
    none = np.empty(0, bool)
    return Pieces(
        different=[*different],
        read=[],
        said=[],
        is_plain=none,
        is_alone=none,
        at=np.array([places[text] for text in texts], np.int64),
        ends=np.arange(len(texts) + 1),
    )


def _put_whole(pieces: Pieces, rows: NDArray[np.bool_], texts: Sequence[str]) -> Pieces:
    if not rows.any():
        return pieces
    where = {text: place for place, text in enumerate(pieces.whole, start=len(pieces.read))}
    n = len(pieces.read)
    places = [where.setdefault(texts[row], n + len(where)) for row in np.flatnonzero(rows).tolist()]
    counts = np.diff(pieces.ends)
    stays = np.repeat(~rows, counts)
    counts[rows] = 1
    ends = np.concatenate(([0], np.cumsum(counts)))
    at = np.empty(int(ends[-1]), np.int64)
    is_new = np.zeros(len(at), bool)
    is_new[ends[:-1][rows]] = True
    at[is_new], at[~is_new] = places, pieces.at[stays]
    different = [*pieces.different[:n], *where]
    return replace(pieces, different=different, at=at, ends=ends)
