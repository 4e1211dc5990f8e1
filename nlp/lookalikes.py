"""Letters of other alphabets that stand for Latin ones, and when they do.

Which letter is drawn like which comes from Unicode (TR39) and lies in `lookalikes.toml`. A word that mixes
alphabets is a disguise; one wholly in another alphabet is one only beside Latin words, where nothing else
in the text shows that alphabet to be meant, and where it makes a known word.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Final

from plaudit import lexicon

_TABLE: Final = tomllib.loads(files("plaudit").joinpath("lookalikes.toml").read_text("utf-8"))
_LATIN: Final = "latin"


def _pairs(kind: str) -> dict[str, str]:
    return {pair[0]: pair[1] for line in _TABLE[kind].values() for pair in line.split()}


_ALIKE: Final = _pairs("drawn_alike")
_NEARLY: Final = _pairs("nearly_alike")
_PLAIN: Final = _NEARLY | _ALIKE | {"ӏ": "l"}  # of the stroke's group, whose first is i, but as tall as an l
LETTERS: Final = frozenset(_PLAIN)
"""All look-alikes."""

_ANY = re.compile(f"[{''.join(_PLAIN)}]")
_LETTERS: Final = "(?:[^\\W\\d_][\u0300-\u036f]*)+"
_WORD = re.compile(f"{_LETTERS}(?:['’]{_LETTERS})*")
_ROMAN = re.compile("[A-Za-z]")
_STROKES: Final = "ilI"
_MAX_STROKES: Final = 4
_LONG: Final = 6  # letters from which no Turkish word becomes a known one by losing its dotless i
_OWN: Final = frozenset("ıŋħŧəɛɓɗƙƴɖƒɣʋɩ")
"""Letters of living Latin alphabets (Turkish, Sami, Maltese, Hausa, Ewe): no proof of a disguise."""


@dataclass(frozen=True, slots=True)
class _Word:
    plain: str | None  # in Latin letters; None where some letter is drawn like none of them
    scripts: frozenset[str]  # of the letters that are not plain or accented ones
    n_letters: int
    is_mixed: bool  # of Latin and another alphabet, or of two others
    is_alike: bool  # every look-alike is one to Unicode
    is_sure: bool  # and of another alphabet


def in_latin(text: str) -> str:
    """Return the text with the look-alikes in its disguised words put back; others stay as they are.

    Args:
        text: In Unicode's composed form, without invisible characters.
    """
    if text.isascii() or not _ANY.search(text):
        return text
    words = {word: _described(word) for word in dict.fromkeys(_WORD.findall(text)) if not word.isascii()}
    kept = {word: seen for word, seen in words.items() if seen.plain is not None and seen.scripts}
    known = {word for word, seen in kept.items() if lexicon.is_known(seen.plain or "")}
    known -= {
        w for w in known if len(w) < 3 and kept[w].scripts == {"greek"} and not kept[w].is_sure
    }  # ΔT, μm
    meant = _meant([seen for word, seen in words.items() if word not in known])
    undone = {
        word: seen.plain
        for word, seen in kept.items()
        if seen.is_mixed and (seen.is_sure or _makes_a_word(word, seen, word in known, meant))
    }
    if undone:
        # Beside words that are surely in disguise a single letter is one too.
        undone |= {
            word: seen.plain
            for word, seen in kept.items()
            if not seen.scripts & meant and (word in known or len(word) == 1)
        }
    elif _ROMAN.search(text):
        meant = _meant([seen for word, seen in words.items() if word not in known or not seen.is_alike])
        undone = {
            word: kept[word].plain
            for word in known
            if not kept[word].scripts & meant and _is_telling(word, kept[word], text)
        }
    return _WORD.sub(lambda match: undone.get(match[0]) or match[0], text) if undone else text


def _meant(words: Iterable[_Word]) -> frozenset[str]:
    """Return the scripts that words show to be meant: they make no Latin word."""
    return frozenset().union(*(seen.scripts for seen in words if not seen.is_mixed and seen.n_letters > 1))


def _makes_a_word(word: str, seen: _Word, is_known: bool, meant: frozenset[str]) -> bool:
    """Tell whether a mixed word is a disguise though some letter is drawn only nearly alike."""
    if all(letter in _OWN for letter in word if letter in _PLAIN):
        return False
    is_name = seen.n_letters > 3 and 2 * len(_ROMAN.findall(word)) > seen.n_letters
    return is_known or (is_name and not seen.scripts & (meant | {"greek"}))


def _described(word: str) -> _Word:
    odd = [_plain_of(letter) for letter in word if not letter.isascii() and letter.isalpha()]
    plain = None
    if all(latin or _is_accented(letter) for letter, latin in odd):
        plain = _likeliest("".join(_plain_of(letter)[1] or letter for letter in word), word)
    scripts = frozenset(_script(letter) for letter, latin in odd if latin or not _is_accented(letter))
    is_alike = all(letter in _ALIKE for letter, latin in odd if latin)
    has_roman = _ROMAN.search(word) is not None
    return _Word(
        plain=plain,
        scripts=scripts,
        n_letters=sum(map(str.isalpha, word)),
        is_mixed=has_roman or len(scripts - {_LATIN}) > 1,
        is_alike=is_alike,
        is_sure=_LATIN not in scripts and is_alike,
    )


def _likeliest(plain: str, word: str) -> str:
    # The same stroke is I, l or i to Unicode: what makes a word decides.
    at = [i for i, letter in enumerate(word) if letter != plain[i] and plain[i] in _STROKES]
    if not at or len(at) > _MAX_STROKES or lexicon.is_known(plain):
        return plain
    forms = []
    for strokes in product("li", repeat=len(at)):
        letters = list(plain)
        for i, stroke in zip(at, strokes, strict=True):
            letters[i] = stroke
        forms.append("".join(letters))
    return min([plain, *forms], key=lexicon.rank)


def _plain_of(letter: str) -> tuple[str, str]:
    """Return the letter, without its accents where only so it is a look-alike, and what it stands for."""
    if letter in _PLAIN or letter.isascii():
        return letter, _PLAIN.get(letter, "")
    stripped = unicodedata.normalize("NFD", letter)[0]
    return (stripped, _PLAIN[stripped]) if stripped in _PLAIN else (letter, "")


def _is_accented(letter: str) -> bool:
    return unicodedata.normalize("NFD", letter)[0].isascii() or letter in "ßøæœđłþðØÆŒĐŁÞÐ"


def _is_telling(word: str, seen: _Word, text: str) -> bool:
    """Tell whether a word in another alphabet gives itself away though no other word of the text does."""
    if _LATIN in seen.scripts:
        return not seen.is_mixed or seen.n_letters >= _LONG or _most_are_known(text)
    return len(word) > 1 or "greek" not in seen.scripts  # "the α in it" is a sign


def _most_are_known(text: str) -> bool:
    words = [word for word in _WORD.findall(text) if word.isascii()]
    return 2 * sum(map(lexicon.is_known, words)) > len(words) and len(words) > 1


@cache
def _script(letter: str) -> str:
    return unicodedata.name(letter, "?").split()[0].lower()
