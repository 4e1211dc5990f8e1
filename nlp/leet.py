"""Digits and signs that stand for letters: "gr3at p0st", "@w3s0m3", "$o n1ce".

A word is undone only where that makes a known one. Most words with digits are something else: sizes, models,
times, versions. So a word has to show by itself that its digits are letters (they stand between letters, as
in "p0st"), or to stand beside one that does ("7h15 15").
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product
from typing import Final

from plaudit import lexicon
from plaudit.text import URL

_S: Final = "[0-9@$!]"
_L: Final = r"[^\W\d_]"
_MAYBE: Final = re.compile(
    rf"{_S}(?:(?<={_L}.)(?:{_S}*{_L}|{_S}{_S})|(?<={_L}{_L}.){_S}|(?<=@){_L}?{_S}"
    rf"|(?<!@)(?:{_L}{_L}{_L}|{_L}+{_S}|{_S}{_S}{_L}))"
)  # begins with what is rare, to be quick to miss
MAYBE_HANDLE: Final = rf"@{_L}?{_S}"
MAYBE_WORD: Final = (
    rf"{_L}{_S}+{_L}|{_L}{_S}{{3}}|{_L}{_L}{_S}{_S}|[0-9$!]{_L}{{3}}|[0-9$!]{_L}+{_S}|{_S}{{3}}{_L}"
)
"""With the former, found in every text that `in_letters` changes; for engines that know no looking back."""

_MEANT: Final = {
    "0": "o", "1": "il", "2": "z", "3": "e", "4": "a", "5": "s", "6": "gb", "7": "t", "8": "b", "9": "g",
    "@": "a", "$": "s", "!": "i",
}  # fmt: skip
"""What each sign may stand for, the most likely first."""

# Marks at the end of a word are marks; a lone one before a word may be "I".
_WORD = re.compile(
    r"(?:https?:|www\.)\S+|(?<!\S)!(?= [\w@$])|"
    r"(?<![\w@$])(?:[\w@$!]*[\w@$]|!(?=['’]\w))(?:['’][\w@$!]*[\w@$])*",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"\S*[0-9@$!]\S*")
_SIGN = re.compile(r"[0-9@$!]")
_LETTER = re.compile(r"[^\W\d_]")
_NO_HANDLE = re.compile(MAYBE_HANDLE)  # "@w3some", where "@wes2001" is somebody
_WITHIN = re.compile(r"[^\W\d_][0-9@$!]+[^\W\d_]")
_TRAILING = re.compile(r"([^\W\d_]{2,})[0-9@$]{2,}")
_LEADING = re.compile(r"[0-9@$]([^\W\d_]{3,})")
_AROUND = re.compile(r"[0-9@$]+[^\W\d_]+[0-9@$]+")
_MODEL = re.compile(r"[^\W\d_]{1,3}\d+s|\d+[vx]\d+|s\d+e\d+|i\d", re.IGNORECASE)
"""Models and their plurals, matches, episodes: i7s, 3v3, s1e2."""
_UNITS: Final = frozenset(["ans", "fps", "ghz", "hrs", "ish", "kmh", "mah", "mbs", "mhz", "mph", "yrs"])

_N_READINGS: Final = 32  # looked at, of a word with many ones
_N_KEPT: Final = 1 << 13  # words with digits
_MAX_SIGNS: Final = 12
_N_DISTINCT: Final = 3
"""Different signs from which a word shows by itself that they are letters."""
_COMMON: Final = 2500
"""Rank below which it does so."""
_FREQUENT: Final = 400
"""Rank below which a number, a handle or a word of two letters is a word beside others in disguise."""
_VERY_FREQUENT: Final = 100


@dataclass(frozen=True, slots=True)
class _Reading:
    word: str
    rank: float
    signs: frozenset[str]
    n_letters: int
    is_sure: bool


def may_hold_letters(text: str) -> bool:
    """Tell, quickly, whether `in_letters` may change a text."""
    return _MAYBE.search(text) is not None and any(map(_may_show, _TOKEN.findall(text)))


def in_letters(text: str) -> str:
    """Return the text with digits and signs that stand for letters put back."""
    readings = {word: found for word in dict.fromkeys(_words(text)) if (found := _reading(word))}
    n_sure = sum(found.is_sure for found in readings.values())
    if n_sure == 0:
        return text
    lettered = {word: found for word, found in readings.items() if found.n_letters}
    shown = frozenset().union(*(found.signs for found in lettered.values()))
    numbers = {word: found for word, found in readings.items() if n_sure > 1 or found.signs <= shown}
    taken = {word: found.word for word, found in (numbers | lettered).items()}
    return _WORD.sub(lambda match: taken.get(match[0]) or match[0], text)


def _words(text: str) -> Iterator[str]:
    return (
        word for word in _WORD.findall(text) if "_" not in word and _SIGN.search(word) and not URL.match(word)
    )


def _reading(word: str) -> _Reading | None:
    """Return the most frequent known word that one may stand for; None where there is none."""
    signs = _SIGN.findall(word)
    if len(signs) > _MAX_SIGNS:
        return None
    best = min(_readings(word), key=lexicon.rank, default="")
    rank = lexicon.rank(best)
    n_letters = len(_LETTER.findall(word))
    is_sure = rank < math.inf and n_letters > 0 and _shows(word, rank, n_signs=len(set(signs)))
    is_short = len(best) < 3 or n_letters == 0 or word[0] == "@"
    if rank == math.inf or (is_short and not is_sure and rank > _FREQUENT):
        return None
    return _Reading(_cased(best, like=word), rank, frozenset(signs), n_letters, is_sure)


def _readings(word: str) -> Iterator[str]:
    options = [_MEANT.get(sign, sign) for sign in word]
    return ("".join(letters) for letters in islice(product(*options), _N_READINGS))


def _may_show(token: str) -> bool:
    if _MAYBE.search(token) is None:
        return False
    return any(map(_stands_so, _words(token)))


@lru_cache(maxsize=_N_KEPT)
def _stands_so(word: str) -> bool:
    return _MAYBE.search(word) is not None and _shows(word, 0, n_signs=len(set(_SIGN.findall(word))))


def _shows(word: str, rank: float, *, n_signs: int) -> bool:
    """Tell whether a word's signs are letters by where they stand."""
    if _MODEL.fullmatch(word) or (word[0] == "@" and not _NO_HANDLE.match(word)):
        return False
    if n_signs >= _N_DISTINCT and len(word) > _N_DISTINCT and rank < _COMMON:
        return True
    if _WITHIN.search(word):
        return len(word) > 2
    if trailing := _TRAILING.fullmatch(word):
        return not lexicon.is_known(trailing[1])
    if leading := _LEADING.fullmatch(word):
        rest = leading[1]
        return not (lexicon.is_known(rest) or rest.isupper() or rest.lower() in _UNITS)
    return _AROUND.fullmatch(word) is not None and (len(word) > 3 or rank < _VERY_FREQUENT)


def _cased(word: str, *, like: str) -> str:
    letters = "".join(_LETTER.findall(like))
    return word.upper() if len(letters) > 1 and letters.isupper() else word
