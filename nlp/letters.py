"""The letters of many texts at once: their fingerprints and character n-grams.

Almost every text is plain ASCII without a link or a disguise: for those, `legible.skeleton` is worked out for
all of them together in whole arrays; the others go one by one. Both ways give the same letters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from plaudit.leet import MAYBE_HANDLE, MAYBE_WORD
from plaudit.legible import skeleton
from plaudit.text import fingerprint

N_GRAM: Final = 4
"""Letters in a row that make a gram."""
MIN_LETTERS: Final = 20
"""Letters below which a text has no grams: a changed word is then another text."""
MAX_GRAMS: Final = 64
"""Grams kept of a text: those with the smallest hashes, a fair sample (bottom-k sketch, Broder 1997)."""
GRAMS: Final = pa.list_(pa.field("item", pa.uint32(), nullable=False))
"""Arrow type of a column of grams."""

# Handles and links left, also with their letters apart, and digits that may stand for letters.
_ODD: Final = rf"@|www\.|http|h\W+t\W+t\W+p|w\W+w\W+w|{MAYBE_WORD}"
_ODD_HANDLE: Final = rf"@[\x21-\x7e]*[^\x00-\x7f]|{MAYBE_HANDLE}"
_HANDLE: Final = r"(^|[^\w.])@[\w.\-]*\w"
# Signs, marks and emoji that `normalize` drops or keeps and that never are letters, nor become any.
_SIGNS: Final = (
    "[\u00a0-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7\u200b-\u200f\u2010-\u2027\u202a-\u202e"
    "\u2030-\u205e\u2190-\u21ff\u2500-\u2775\u2794-\u27bf\u2b00-\u2b55\u3001\u3002\ufe0e\ufe0f"
    "\U0001f300-\U0001f64f\U0001f680-\U0001f6ff\U0001f900-\U0001f9ff\U0001fa70-\U0001faff]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """What is kept of the letters of n texts, one row a text.

    Attributes:
        fingerprint: Of the skeleton; 0 where the text has no letters.
        n: Letters of the skeleton.
        grams: List of uint32 a text: the hashes of its different grams, ascending, at most `MAX_GRAMS`;
            empty below `MIN_LETTERS` letters.
    """

    fingerprint: NDArray[np.uint64]
    n: NDArray[np.int32]
    grams: pa.ListArray


def letters_of(texts: pa.StringArray) -> Letters:
    """Return the letters of raw texts."""
    skeletons = _skeletons(texts.cast(pa.large_string())).to_pylist()
    n = np.fromiter(map(len, skeletons), np.int32, len(skeletons))
    return Letters(
        fingerprint=np.fromiter(
            (fingerprint(each) if each else 0 for each in skeletons), np.uint64, len(skeletons)
        ),
        n=n,
        grams=_grams("".join(skeletons), n),
    )


def _skeletons(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    foreign = pc.invert(pc.string_is_ascii(texts))
    within_handle = pc.match_substring_regex(texts, _ODD_HANDLE)
    plain = _without(texts, foreign, _SIGNS, "")
    plain = _without(plain, pc.match_substring(plain, "@"), _HANDLE, r"\1 ")
    odd = pc.or_(within_handle, pc.match_substring_regex(plain, _ODD, ignore_case=True))
    odd = pc.or_(odd, pc.invert(pc.string_is_ascii(plain)))
    is_odd = odd.to_numpy(zero_copy_only=False)
    slow = pa.array(map(skeleton, texts.filter(odd).to_pylist()), pa.large_string())
    quick = _squeezed(pc.ascii_lower(plain.filter(pc.invert(odd))))
    place = np.empty(len(texts), np.int64)
    place[~is_odd] = np.arange(len(quick))
    place[is_odd] = len(quick) + np.arange(len(slow))
    return pa.concat_arrays([quick, slow]).take(pa.array(place))


def _without(
    texts: pa.LargeStringArray, where: pa.BooleanArray, pattern: str, replacement: str
) -> pa.LargeStringArray:
    changed = pc.replace_substring_regex(texts.filter(where), pattern, replacement)
    return pc.replace_with_mask(texts, where, changed)


def _squeezed(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    """Keep the letters a to z, one of each run within a text."""
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    raw = np.frombuffer(texts.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    at = np.flatnonzero((raw >= ord("a")) & (raw <= ord("z")))
    letter = raw[at]
    # A text's first letter stays, though the text before may end with the same.
    starts = np.searchsorted(at, offsets - offsets[0])
    fresh = np.ones(len(at), bool)
    fresh[1:] = letter[1:] != letter[:-1]
    fresh[starts[:-1][starts[:-1] < len(at)]] = True
    ends = np.concatenate(([0], np.cumsum(fresh)))[starts]
    kept = letter[fresh].tobytes()
    return pa.LargeStringArray.from_buffers(
        len(texts), pa.py_buffer(ends.astype(np.int64)), pa.py_buffer(kept)
    )


def _grams(letters: str, n: NDArray[np.int32]) -> pa.ListArray:
    codes = np.frombuffer(letters.encode("utf-32-le", "replace"), np.uint32)
    long = n >= MIN_LETTERS
    row = np.repeat(np.arange(len(n), dtype=np.uint64), n)
    first = np.flatnonzero(long[row.astype(np.intp)]) if len(row) else np.empty(0, np.intp)
    last = first + N_GRAM - 1
    inside = last < len(codes)
    first = first[inside]
    first = first[row[first] == row[first + N_GRAM - 1]]
    pairs = np.sort((row[first] << np.uint64(32)) | _hashed(codes, first))
    pairs = pairs[np.concatenate(([True], pairs[1:] != pairs[:-1]))] if len(pairs) else pairs
    counts = np.bincount((pairs >> np.uint64(32)).astype(np.intp), minlength=len(n))
    rank = np.arange(len(pairs)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = pairs[rank < MAX_GRAMS].astype(np.uint32)
    ends = np.concatenate(([0], np.cumsum(np.minimum(counts, MAX_GRAMS)))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(kept), type=GRAMS)


def _hashed(codes: NDArray[np.uint32], first: NDArray[np.intp]) -> NDArray[np.uint64]:
    mixed = np.zeros(len(first), np.uint64)
    for i in range(N_GRAM):
        mixed = (mixed ^ codes[first + i]) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(32)
    return mixed & np.uint64(0xFFFFFFFF)
