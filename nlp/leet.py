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

_S: Final = "[0-9@$!]"
_L: Final = r"[^\W\d_]"
_ALONE: Final = r"(?<![\w@$.,].)"  # before the sign just read
_MAYBE: Final = re.compile(
    rf"{_S}(?:(?<={_L}.)(?:{_S}*{_L}|{_S})|(?<=@){_L}?{_S}|(?<!@)(?:{_L}{_L}{_L}|{_L}+{_S}|{_S}{_S}{_L})"
    rf"|(?<={_L}[03])(?!\w)|{_ALONE}(?:(?<=[0184!]){_L}(?!\w)|(?<=!)[57$])|(?<=[0-9]\$)[0-9])"
)  # begins with what is rare, to be quick to miss
_MEANT: Final = {
    "0": "o", "1": "il", "2": "z", "3": "e", "4": "a", "5": "s", "6": "gb", "7": "t", "8": "b", "9": "g",
    "@": "a", "$": "s", "!": "i",
}  # fmt: skip
"""What each sign may stand for, the most likely first."""

_NO_WORD: Final = (
    r"(?:https?:|www\.)\S+|"
    r"(?<![\w@$.-])[\w-]{1,63}(?:\.[\w-]{1,63}){0,4}\.[a-z]{2,10}/\S+|"
    r"(?<![\w-])[0-9a-f]{4,}(?:-[0-9a-f]{4,})+(?![\w-])"
)
"""Links, those without a scheme too, and names of things in hexadecimal: 4f3a09bc-11d2."""
_IS_NO_WORD = re.compile(_NO_WORD, re.IGNORECASE)
# Marks at the end of a word are marks; a lone one before a word may be "I".
_WORD = re.compile(
    rf"{_NO_WORD}|(?<!\S)!(?= [\w@$])|"
    r"(?<![\w@$/=])(?:[\w@$!]*[\w@$]|!(?=['’]\w))(?:['’][\w@$!]*[\w@$])*",
    re.IGNORECASE,
)
_SIGN = re.compile(r"[0-9@$!]")
_LETTER = re.compile(r"[^\W\d_]")
_NO_HANDLE = re.compile(rf"@{_L}?{_S}")  # "@w3some", where "@wes2001" is somebody
_WITHIN = re.compile(rf"{_L}{_S}+{_L}")
_TRAILING = re.compile(rf"({_L}{{2,}})[0-9@$]{{2,}}")
_LEADING = re.compile(rf"[0-9@$]({_L}{{3,}})")
_AROUND = re.compile(rf"[0-9@$]+{_L}+[0-9@$]+")
# Small words of two and three: n0, 0f, w3, !n, 8y, !$, n07. Not t0, 4K, 1s, 5m, m3, 4n, !f().
_SMALL = re.compile(rf"[dgnDGN]0|0{_L}|[hw]3|![^\W\d_fx]|![57$]|1[fn]|8y|{_L}{_S}{{2}}")
_QUANTITY = re.compile(r"\d+(?:[kmgt]b?|[bghlsvwx]|[kcm][gm]|th|hz|in|ft|am|pm|mp)", re.IGNORECASE)
_MONEY_WITHIN = re.compile(r".*\d\$+\d+")
_STANDS_FREE = re.compile(r"(?=\s|[.,!?]+(?:\s|$)|$)")  # unlike 50%, 1:47 and 1)
_MODEL = re.compile(r"[^\W\d_]{1,3}\d+s|\d+[vx]\d+|s\d+e\d+|i\d|\d*(?:1st|2nd|3rd|\dth)", re.IGNORECASE)
"""Models and their plurals, matches, episodes, ordinals: i7s, 3v3, s1e2, 1st."""
_UNITS: Final = frozenset(["ans", "fps", "ghz", "hrs", "ish", "kmh", "mah", "mbs", "mhz", "mph", "yrs"])

_N_READINGS: Final = 32  # looked at, of a word with many ones
_N_KEPT: Final = 1 << 13  # words with digits
_MAX_SIGNS: Final = 12
_N_SIGNS: Final = 3
"""Signs from which a word shows by itself that they are letters."""
_COMMON: Final = 2500
"""Rank below which it does so where the signs differ."""
_FREQUENT: Final = 400
"""Rank below which it does so at all, and a number or a handle is a word beside others in disguise."""
_VERY_FREQUENT: Final = 120
"""Rank below which a word of two or three is one."""


@dataclass(frozen=True, slots=True)
class _Reading:
    word: str
    rank: float
    signs: frozenset[str]
    n_letters: int
    is_sure: bool


def may_hold_letters(text: str) -> bool:
    """Tell, quickly, whether `in_letters` may change a text."""
    if _MAYBE.search(text) is None:
        return False
    return any(any(map(_is_sure, _words(part))) for part in text.split() if _MAYBE.search(part))


def in_letters(text: str) -> str:
    """Return the text with digits and signs that stand for letters put back."""
    words = list(dict.fromkeys(_words(text)))
    readings = {word: found for word in words if (found := _reading(word))}
    n_sure = sum(found.is_sure for found in readings.values())
    if n_sure == 0:
        return text
    shown = frozenset().union(*(found.signs for found in readings.values() if found.n_letters))
    taken = {
        word: found.word
        for word, found in readings.items()
        if found.n_letters or n_sure > 1 or (len(word) < _N_SIGNS and found.signs & shown)
    }
    # Beside words in disguise, names and slang that no list has are in disguise as well.
    taken |= {word: _plainly(word) for word in words if word not in taken and _may_be_a_name(word)}
    return _WORD.sub(lambda match: _put_back(match, taken), text)


def _put_back(match: re.Match[str], taken: dict[str, str]) -> str:
    word = match[0]
    if word not in taken or (word.isdigit() and not _STANDS_FREE.match(match.string, match.end())):
        return word
    before = match.string[match.start() - 1 : match.start()]
    return word if word.isdigit() and before and not before.isspace() else taken[word]


@lru_cache(maxsize=_N_KEPT)
def _is_sure(word: str) -> bool:
    # Rarer words show less: what the most frequent one would not show, none does.
    if not _shows(word, 0, _SIGN.findall(word), n_letters=len(_LETTER.findall(word))):
        return False
    found = _reading(word)
    return found is not None and found.is_sure


def _may_be_a_name(word: str) -> bool:
    signs = _SIGN.findall(word)
    if len(signs) < 2 or len(_LETTER.findall(word)) < 2 or word[0] == "@" or _MODEL.fullmatch(word):
        return False
    return _WITHIN.search(word) is not None


def _plainly(word: str) -> str:
    return "".join(_MEANT.get(sign, sign)[0] for sign in word)


def _words(text: str) -> Iterator[str]:
    return (
        word
        for word in _WORD.findall(text)
        if "_" not in word and _SIGN.search(word) and not _IS_NO_WORD.match(word)
    )


@lru_cache(maxsize=_N_KEPT)
def _reading(word: str) -> _Reading | None:
    """Return the most frequent known word that one may stand for; None where there is none."""
    signs = _SIGN.findall(word)
    if len(signs) > _MAX_SIGNS:
        return None
    best = min(_readings(word), key=lexicon.rank, default="")
    rank = lexicon.rank(best)
    n_letters = len(_LETTER.findall(word))
    is_sure = rank < math.inf and _shows(word, rank, signs, n_letters=n_letters)
    is_short = len(best) < 3 or n_letters == 0 or word[0] == "@"
    is_other = rank == math.inf or _MODEL.fullmatch(word) or (is_short and rank > _FREQUENT)
    if is_other and not is_sure:
        return None
    return _Reading(_cased(best, like=word), rank, frozenset(signs), n_letters, is_sure)


def _readings(word: str) -> Iterator[str]:
    options = [_MEANT.get(sign, sign) for sign in word]
    return ("".join(letters) for letters in islice(product(*options), _N_READINGS))


def _shows(word: str, rank: float, signs: list[str], *, n_letters: int) -> bool:
    """Tell whether a word's signs are letters by where they stand."""
    if word[0] == "@" and not _NO_HANDLE.match(word):
        return False
    if rank < _VERY_FREQUENT and _SMALL.fullmatch(word):
        return True
    if n_letters == 0:
        return rank < _FREQUENT and _MONEY_WITHIN.match(word) is not None
    if _QUANTITY.fullmatch(word):
        return False
    if _MODEL.fullmatch(word):
        return rank < _VERY_FREQUENT and len(signs) >= _N_SIGNS
    if len(signs) >= _N_SIGNS and rank < (_COMMON if len(set(signs)) >= _N_SIGNS else _FREQUENT):
        return True
    if _WITHIN.search(word):
        return len(word) > 2
    if trailing := _TRAILING.fullmatch(word):
        return not lexicon.is_known(trailing[1])
    if leading := _LEADING.fullmatch(word):
        rest = leading[1]
        is_variable = word[0] == "$" and (rank > _FREQUENT or rest[0].isupper())
        return not (is_variable or lexicon.is_known(rest) or rest.isupper() or rest.lower() in _UNITS)
    return _AROUND.fullmatch(word) is not None and (len(word) > 3 or rank < _VERY_FREQUENT)


def _cased(word: str, *, like: str) -> str:
    letters = "".join(_LETTER.findall(like))
    return word.upper() if len(letters) > 1 and letters.isupper() else word
