"""The one cleaning that training and serving share.

`normalize` undoes what hides a text from a reader of its letters (invisible characters, look-alike
letters, mathematical alphabets, spaced-out words) and masks what identifies people. `skeleton` goes
further and keeps only what a pasted copy would share with its source.
"""

from __future__ import annotations

import re
import unicodedata
from hashlib import blake2b
from typing import Final

NORMALIZER_VERSION: Final = 1
"""Raised whenever `normalize` answers differently: artefacts refuse to be served with another one."""

# Zero-width, bidi controls, soft hyphen, variation selectors-17+, tags; ZWJ stays where emoji need it.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\uffa0\U000e0000-\U000e007f\U000e0100-\U000e01ef]"
)
_LOOSE_JOINER = re.compile("(?<=\\w)\u200d(?=\\w)")
_URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_HANDLE = re.compile(r"(?<![\w.])@[\w.\-]*\w")
_BLANKS = re.compile(r"\s+")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u0080-\u009f]")
_REPEATED = re.compile(r"(.)\1{3,}", re.DOTALL)
_SPACED = re.compile(r"(?<!\w)(?:[^\W\d_] ){3,}[^\W\d_](?!\w)")
# Overlay strokes always, other marks only where stacked: a single accent is spelling, a pile is Zalgo.
_STACKED_MARKS = re.compile(
    "[\u0334-\u0338\u0489]|[\u0300-\u036f\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{2,}"
)
_NOT_LETTER = re.compile(r"[\W\d_]+")
_WORD = re.compile(r"\w+")

# Cyrillic and Greek letters drawn like Latin ones (Unicode TR39 confusables, single letters only).
_LOOKALIKES: Final = str.maketrans(
    "авеёіјкмнорстухѕԁԛԝһАВЕІЈКМНОРСТУХЅαβεικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aBeeijkmHopctyxsdqwhABEIJKMHOPCTYXSaBeikvoptuxABEZHIKMNOPTYX",
)
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_CYRILLIC_OR_GREEK = re.compile("[\u0370-\u03ff\u0400-\u052f]")


def normalize(text: str) -> str:
    """Return the text as the model reads it; blank when nothing readable is left.

    Case and emoji stay. Handles become "@user" and links "http", so that no answer depends on who is
    named. Idempotent.
    """
    if not text.isascii():
        text = _undisguise(text)
    text = _CONTROL.sub(" ", text)
    if "/" in text or "www." in text.lower():
        text = _URL.sub("http", text)
    if "@" in text:
        text = _HANDLE.sub("@user", text)
    text = _REPEATED.sub(r"\1\1\1", _BLANKS.sub(" ", text).strip())
    return _SPACED.sub(lambda match: match[0].replace(" ", ""), text)


def _undisguise(text: str) -> str:
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode()))
    text = _LOOSE_JOINER.sub("", text)
    text = unicodedata.normalize("NFC", _STACKED_MARKS.sub("", text))
    if _CYRILLIC_OR_GREEK.search(text) and _LATIN.search(text):
        text = _WORD.sub(lambda match: _latin_again(match[0]), text)
    return text


def _latin_again(word: str) -> str:
    # Only words that mix scripts are disguises; whole Russian or Greek words are that language.
    return word.translate(_LOOKALIKES) if _LATIN.search(word) and _CYRILLIC_OR_GREEK.search(word) else word


def skeleton(text: str) -> str:
    """Return only the letters of a text, casefolded, runs of one letter shortened to one.

    Copies that differ in emoji, digits, punctuation, blanks, handles or stretched letters share it.
    Empty when the text has no letters.
    """
    cleaned = normalize(text).replace("@user", " ").replace("http", " ")
    return re.sub(r"(.)\1+", r"\1", _NOT_LETTER.sub("", cleaned.casefold()))


def fingerprint(text: str) -> int:
    """Return a 64-bit hash, fixed over runs and machines."""
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "little")
