"""What language each text is in, so that nothing is counted that the model cannot read.

Letters decide first: kana, hangul or Thai need no model. Words in Latin letters are weighed (`vernacular`)
so that a short or slangy text is never called an exotic language: an unread language has to show clearly.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from plaudit.legible import legible, may_be_disguised
from plaudit.memo import Memo
from plaudit.pieces import Pieces, pieced, pieces_of
from plaudit.text import normalize
from plaudit.vernacular import READ, SOUND, UNSURE, bare, guessed, small_words, told

__all__ = ["NOTHING", "READ", "SOUND", "UNSURE", "bare", "identify", "small_words"]

NOTHING: Final = "zxx"
"""Nothing linguistic: emoji, digits, handles, tags and links only (ISO 639-2)."""

_MAX_LETTERS: Final = 240  # fastText's cost grows with length, its answer hardly changes
_MAX_READ: Final = 8 * _MAX_LETTERS  # before noise is taken out
# Links, also bare ones ("site.com/x", "/watch?v=x"), handles and tags; "http" is what `legible` leaves.
_NOISE = re.compile(
    r"(?:https?://|www\.)\S+|(?<!\S)\S*(?:\.\w{2,}/|\?\w+=)\S*|@[\w.\-]*\w|#\w+|\bhttp\b", re.IGNORECASE
)
_STRETCHED = re.compile(r"(.)\1\1+")
_WORDS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
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
_SURE_ENGLISH: Final = 0.5  # share of small words from which English needs no model


def identify(texts: Sequence[str]) -> list[str]:
    """Return the ISO 639-1 code of each text, `NOTHING` or `UNSURE`.

    Takes raw texts of any length and content; equal texts are looked at once. Safe to call from several
    threads.
    """
    texts = pieced(texts)
    if texts.pieces.are_whole:
        known = {text: _identify(text) for text in texts.pieces.whole}
        return [known[text] for text in texts]
    is_long = np.fromiter((len(text) > _MAX_LETTERS for text in texts), bool, len(texts))
    codes, whole = _by_pieces(texts.pieces, but=is_long)
    cut = np.flatnonzero(is_long & ~whole)
    whole |= is_long
    beginnings = [_without_noise(texts[row][:_MAX_READ])[:_MAX_LETTERS] for row in cut.tolist()]
    codes[cut], whole[cut] = _by_pieces(pieces_of(beginnings, few=0), but=np.zeros(len(cut), bool))
    known = {}
    for row in np.flatnonzero(whole).tolist():
        text = texts[row]
        codes[row] = known[text] = known.get(text) or _identify(text)
    found: list[str] = codes.tolist()
    return found


class _Heard(NamedTuple):
    """What is known of a piece."""

    words: tuple[str, ...]
    depends: bool  # on the text it stands in
    may_change: bool  # what is read where something else of the text is odd
    is_odd: bool


def _by_pieces(pieces: Pieces, *, but: NDArray[np.bool_]) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Return the code of each text but some, and whether it takes the whole text to tell."""
    at, said, n = pieces.at, pieces.said, len(pieces.different)
    others = _heard(pieces)
    marks = np.zeros((3, n), bool)
    marks[0, len(said) :] = True
    n_words, n_english = np.ones(n, np.int64), np.zeros(n, np.int64)
    english = small_words()["en"]
    n_english[: len(said)] = [*map(english.__contains__, said)]
    for place, (words, *marked) in others.items():
        marks[:, place] = marked
        n_words[place], n_english[place] = len(words), sum(map(english.__contains__, words))
    depends, may_change, is_odd = (pieces.sums(mark[at]) > 0 for mark in marks)
    whole = depends | (may_change & is_odd)
    n_said = pieces.sums(n_words[at])
    is_english = _is_english(n_said, pieces.sums(n_english[at]))
    codes = np.full(len(n_said), UNSURE, object)
    codes[n_said == 0], codes[is_english] = NOTHING, "en"
    for row in np.flatnonzero(~whole & ~but & (n_said > 0) & ~is_english).tolist():
        spoken: list[str] = []
        for place in at[pieces.ends[row] : pieces.ends[row + 1]].tolist():
            if place in others:
                spoken += others[place].words
            else:
                spoken.append(said[place])
        codes[row] = told(spoken, never=_NEVER_LATIN)
    return codes, whole


def _heard(pieces: Pieces) -> dict[int, _Heard]:
    """Return what is known of each piece that is no plain word, by its place."""
    heard: dict[int, _Heard] = {}
    for place in np.flatnonzero(~pieces.is_plain).tolist():
        heard[place] = _PIECES[pieces.said[place]]
    return heard


def _hear(piece: str) -> _Heard:
    lowered = piece.lower()
    return _Heard(
        words=tuple(_words(_without_noise(piece))),
        # Whether these are noise depends on what else is there.
        depends=("?" in piece and "=" in piece) or "http" in lowered or "www." in lowered,
        may_change=_STRETCHED.search(piece) is not None,
        is_odd="\ufe0f" in piece,
    )


_PIECES: Final = Memo(_hear, most=1 << 13, n_letters=30)


def _identify(text: str) -> str:
    text = " ".join(text[:_MAX_READ].split())  # blanks of any kind are blanks, and nothing odd
    if not text.isascii() and _ODD.search(text):
        text = legible(_LETTERED_EMOJI.sub(" ", text))
        if _OTHER_LETTER.search(text) and (code := _by_script(_NOISE.sub(" ", text))):
            return code
    elif may_be_disguised(text) and (read := legible(text)) != normalize(text):
        text = read
    words = _words(_without_noise(text))
    return _by_words(words) if words else NOTHING


def _words(text: str) -> list[str]:
    # The dot of a lower-cased İ would split its word.
    line = _STRETCHED.sub(r"\1", text.lower()[:_MAX_LETTERS].replace("\u0307", "").replace("’", "'"))
    found: list[str] = _WORDS.findall(line)
    return found


def _without_noise(text: str) -> str:
    return _NOISE.sub(" ", text) if _may_hold_noise(text) else text


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
    guesses = guessed(" ".join(text[:_MAX_LETTERS].split()), kin={})
    return next((code for code in guesses if code in codes), codes[0])


def _by_words(words: Sequence[str]) -> str:
    english = small_words()["en"]
    if _is_english(len(words), sum(word in english for word in words)):
        return "en"
    return told(words, never=_NEVER_LATIN) if words else UNSURE


def _is_english(n_words: Any, n_english: Any) -> Any:
    """Tell whether so many small words of so many need no model; of one text or of many."""
    return (n_english >= _SURE_ENGLISH * n_words) & ((n_words > 3) | (n_english == n_words)) & (n_words > 0)
