"""The text as the model reads it: cleaned, and what disguises its words undone.

`plaudit.text.normalize` is what labels are kept under and stays as it is; `legible` undoes more: letters
of any other alphabet, letters that stand apart, digits for letters, and stretched words. An ordinary text
is looked at once and stays. `skeleton` keeps only what a pasted copy shares with its source.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from itertools import product
from typing import Final

from plaudit import leet, lexicon, lookalikes, spacing
from plaudit.text import HANDLE, URL, cleaned, normalize, uncovered, unusual_beside

_ODD = unusual_beside(lookalikes.LETTERS)

_BEFORE_NFKC: Final = str.maketrans("ϲϹ", "сС")  # it takes them for other sigmas, which are drawn otherwise
_KEPT = re.compile(f"{URL.pattern}|{HANDLE.pattern}", re.IGNORECASE)
_STRETCHED = re.compile(r"([^\W\d_])\1\1")
_THREE = re.compile(r"(.)\1\1", re.DOTALL)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_RUN = re.compile(r"(.)\1\1+")
_NUMERAL = re.compile("x{0,3}(?:ix|iv|v?i{0,3})", re.IGNORECASE)
_SMALL: Final = 30
_COMMON: Final = 1500
_NOT_LETTER = re.compile(r"[\W\d_]+")
_DOUBLED = re.compile(r"(.)\1\1*")
_ASCII_NO_LETTERS: Final = bytes(code for code in range(128) if not chr(code).isalpha())
_MAX_RUNS: Final = 4
_N_KEPT_LETTERS: Final = 1000
_N_KEPT: Final = 1 << 14  # texts: several batches, some 6 MB


def legible(text: str) -> str:
    """Return the text as the model reads it; `normalize` of it where nothing is in disguise.

    `normalize` leaves the answer as it is. What was asked lately is remembered.
    """
    return _remembered(text) if len(text) <= _N_KEPT_LETTERS else _legible(text)


def _legible(text: str) -> str:
    return unstretched(_undone(text) if may_be_disguised(text) else text)


def unstretched(text: str) -> str:
    """Return what `legible` does of a text in which `may_be_disguised` finds nothing."""
    text = cleaned(text)
    if not _THREE.search(text):
        return text
    text = normalize(text)
    return _WORD.sub(_shortest, text) if _STRETCHED.search(text) else text


_remembered = lru_cache(maxsize=_N_KEPT)(_legible)


def may_be_disguised(text: str) -> bool:
    """Tell whether `legible` may change more of a text than `normalize`, stretched words aside."""
    return (
        (not text.isascii() and _ODD.search(text) is not None)
        or spacing.may_be_spaced(text)
        or leet.may_hold_letters(text)
    )


def _undone(text: str) -> str:
    if not text.isascii() and _ODD.search(text):
        text = lookalikes.in_latin(uncovered(text.translate(_BEFORE_NFKC)))
    if spacing.may_be_spaced(text):
        parts, end = [], 0
        for match in _KEPT.finditer(text):
            parts += [spacing.joined(text[end : match.start()]), match[0]]
            end = match.end()
        text = "".join([*parts, spacing.joined(text[end:])])
    return leet.in_letters(text) if leet.may_hold_letters(text) else text


def _shortest(match: re.Match[str]) -> str:
    """Return a word with runs of three and more letters cut to what makes a known word."""
    word = match[0]
    runs = _RUN.findall(word)
    if not runs or len(runs) > _MAX_RUNS or _NUMERAL.fullmatch(word):
        return word
    pieces = _RUN.split(word)
    forms = (
        "".join(piece * n for piece, n in zip(pieces, (*_interleaved(lengths), 1), strict=True))
        for lengths in product((1, 2), repeat=len(runs))
    )
    ranked = sorted(
        (rank, form) for form in forms if (rank := lexicon.rank(form)) < math.inf and len(form) > 1
    )
    if not ranked:
        return word
    # Nobody stretches "to" and "of": "tooo" is "too".
    is_small = len(ranked) > 1 and ranked[0][0] < _SMALL and ranked[1][0] < _COMMON
    return ranked[is_small][1]


def _interleaved(lengths: tuple[int, ...]) -> list[int]:
    return [n for length in lengths for n in (1, length)]


def skeleton(text: str) -> str:
    """Return only the letters of a text, casefolded, runs of one letter shortened to one.

    Copies that differ in emoji, digits, punctuation, blanks, handles or stretched letters share it.
    Empty when the text has no letters.
    """
    return _DOUBLED.sub(r"\1", letters_in(legible(text)))


def letters_in(read: str) -> str:
    """Return the letters of a text that `legible` has read, casefolded; handles and links have none."""
    folded = read.replace("@user", " ").replace("http", " ").casefold()
    if folded.isascii():
        return folded.encode().translate(None, _ASCII_NO_LETTERS).decode()
    return _NOT_LETTER.sub("", folded)
