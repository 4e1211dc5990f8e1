"""The cleaning that labels are kept under, and the first step of what the model reads.

`normalize` undoes what hides a text from a reader of its letters (invisible characters, look-alike
letters, mathematical alphabets, spaced-out words) and masks what identifies people. What it answers is
hashed into keys, so it stays as it is; `plaudit.legible` goes further.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from hashlib import blake2b
from typing import Final

NORMALIZER_VERSION: Final = 1
"""Raised whenever `normalize` answers differently: artefacts refuse to be served with another one."""

# Zero-width, bidi controls, soft hyphen, fillers, annotations, tags, variation selectors-17+.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff0-\ufffc\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
EMOJI_PARTS: Final = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
"""What emoji are made of, for a set in an expression."""

_SELECTOR = re.compile(f"(?<![0-9#*{EMOJI_PARTS}])[\ufe00-\ufe0f]")
_LOOSE_JOINER = re.compile(f"(?<![\ufe0f{EMOJI_PARTS}])\u200d|\u200d(?![{EMOJI_PARTS}])")
_JOINING = re.compile("[\u200d\ufe00-\ufe0f]")
# Overlay strokes always, other marks only where stacked: a single accent is spelling, a pile is Zalgo.
_STACKED_MARKS = re.compile(
    "[\u0334-\u0338\u0489]|[\u0300-\u036f\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{2,}"
)
_NO_TEXT: Final = "".join(map(chr, range(0x300, 0x370))) + " \t\n\r\u1680\u2028\u2029\u2800\ufe0e\ufe0f"

MARKS: Final = "".join(
    re.escape(chr(code)) for code in range(0x300, 0x3100) if unicodedata.category(chr(code))[0] == "M"
)
r"""Vowel signs and accents, for a set in an expression: they belong to a word, though `\w` lacks them."""
URL: Final = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
"""A link that says so itself; "shop.com" does not."""
HANDLE: Final = re.compile(rf"(?<![\w.])@[\w.\-{MARKS}]*[\w{MARKS}]")
"""An @handle in any script; the @ of an e-mail address begins none."""

_ACUTE_APOSTROPHE = re.compile("(?<=\\w)\u00b4(?=\\w)")
_BLANKS = re.compile(r"\s+")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u0080-\u009f]")
_REPEATED = re.compile(r"(.)\1\1\1+", re.DOTALL)  # spelled out, it fails three times as fast as {3,}
_SPACED = re.compile(r"(?<![\w@])(?:[^\W\d_] ){3,}[^\W\d_](?!\w)")
_MAYBE_SPACED = re.compile(r" \w \w ")  # inside every match of the former, and quick to miss
_WORD = re.compile("[\\w\u0300-\u036f]+")

# Cyrillic and Greek letters drawn like Latin ones (Unicode TR39 confusables, single letters only).
_LOOKALIKES: Final = str.maketrans(
    "авеёіјкмнорстухѕԁԛԝһАВЕІЈКМНОРСТУХЅαβεικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aBeeijkmHopctyxsdqwhABEIJKMHOPCTYXSaBeikvoptuxABEZHIKMNOPTYX",
)
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")
_CYRILLIC_OR_GREEK = re.compile("[\u0370-\u03ff\u0400-\u052f]")

# Alphabets for show that NFKC leaves alone: small capitals (one may be phonetics, two are no accident), and
# white letters in black circles and squares, of which a lone one is an emoji: a blood group, a car park.
_SMALL_CAPITALS: Final = str.maketrans("ᴀʙᴄᴅᴇꜰғɢʜɪᴊᴋʟᴍɴᴏᴘǫꞯʀꜱᴛᴜᴠᴡʏᴢ", "abcdeffghijklmnopqqrstuvwyz")
_SMALL_CAPITAL = re.compile("[ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ]")
_IN_BLACK: Final = str.maketrans(
    dict.fromkeys([0x200D, *range(0xFE00, 0xFE10)], "")
    | {start + i: chr(ord("A") + i) for start in (0x1F150, 0x1F170) for i in range(26)}
)
_RUN_IN_BLACK = re.compile(
    "\u200d?(?:[\U0001f150-\U0001f169\U0001f170-\U0001f189][\u200d\ufe00-\ufe0f]*){3,}"
)

_N_SORTED: Final = 1000  # characters; Unicode's sorting of marks takes time by the square of a row of them
_N_KEPT_LETTERS: Final = 1000
_N_KEPT: Final = 1 << 14  # texts: several batches, some 6 MB


def _is_plain(letter: str) -> bool:
    return unicodedata.normalize("NFKC", letter) == letter and not (
        _INVISIBLE.match(letter) or _SMALL_CAPITAL.match(letter) or _RUN_IN_BLACK.match(letter * 3)
    )


def _set_of(codes: Iterable[int]) -> str:
    return "".join(re.escape(chr(code)) for code in codes if _is_plain(chr(code)))


# Letters of Western Europe, common marks, most emoji: all that cleaning leaves alone, in any order.
_USUAL: Final = [
    *range(0xA1, 0x250),
    *range(0x2010, 0x2028),
    *range(0x2600, 0x27C0),
    *range(0x1F300, 0x1FB00),
]
_UNUSUAL = re.compile(f"[^\x00-\x7f{_set_of(_USUAL)}]")


def unusual_beside(letters: Iterable[str]) -> re.Pattern[str]:
    """Return an expression that finds characters that cleaning may change, and any of some letters."""
    return re.compile(f"[^\x00-\x7f{_set_of(set(_USUAL) - set(map(ord, letters)))}]")


def normalize(text: str) -> str:
    """Return the text cleaned; blank when nothing readable is left.

    Case and emoji stay. Handles become "@user" and links "http", so that no answer depends on who is
    named. Idempotent, and linear in the length of any text. What was asked lately is remembered: model,
    language, words and copies all ask for the same text.
    """
    return _remembered(text) if len(text) <= _N_KEPT_LETTERS else _normalize(text)


def _normalize(text: str) -> str:
    text = cleaned(text)
    return _REPEATED.sub(r"\1\1\1", text) if _REPEATED.search(text) else text


def cleaned(text: str) -> str:
    """Return the text as `normalize` does, but with all repeated characters."""
    if not text.isprintable():
        text = _CONTROL.sub(" ", text)
    is_plain = text.isascii() or not _UNUSUAL.search(text)
    if not is_plain:
        text = _without_disguise(text)
    # Of blanks, only the space itself is printable.
    text = text.strip() if "  " not in text and text.isprintable() else " ".join(text.split())
    if _MAYBE_SPACED.search(text):
        text = _SPACED.sub(lambda match: match[0].replace(" ", ""), text)
    if not is_plain:
        text = _in_plain_letters(text)
    if "/" in text or "www." in text.lower():
        text = URL.sub("http", text)
    if "@" in text:
        text = HANDLE.sub("@user", text)
    return text


_remembered = lru_cache(maxsize=_N_KEPT)(_normalize)


def uncovered(text: str) -> str:
    """Return the text without characters that hide it; blanks, handles and links stay as they are written."""
    if not text.isprintable():
        text = _CONTROL.sub(" ", text)
    if text.isascii() or not _UNUSUAL.search(text):
        return text
    return _in_plain_letters(_without_disguise(text))


def _without_disguise(text: str) -> str:
    text = _INVISIBLE.sub("", _paired(text))
    text = _ACUTE_APOSTROPHE.sub("'", text)  # NFKC would break "don´t" in two
    text = unicodedata.normalize("NFKC", _sortable(text))
    if _JOINING.search(text):
        text = _LOOSE_JOINER.sub("", _SELECTOR.sub("", text))
    text = unicodedata.normalize("NFC", text)
    while _STACKED_MARKS.search(text):  # composing what is left may leave another pile, once or twice
        text = unicodedata.normalize("NFC", _STACKED_MARKS.sub("", text))
    return text if text.strip(_NO_TEXT) else ""


def _in_plain_letters(text: str) -> str:
    if _RUN_IN_BLACK.search(text):
        text = _RUN_IN_BLACK.sub(lambda match: match[0].translate(_IN_BLACK), text)
        text = unicodedata.normalize("NFC", text)
    if len(_SMALL_CAPITAL.findall(text)) > 1:
        text = unicodedata.normalize("NFC", text.translate(_SMALL_CAPITALS))
    if _CYRILLIC_OR_GREEK.search(text) and _LATIN.search(text):
        text = unicodedata.normalize("NFC", _WORD.sub(lambda match: _latin_again(match[0]), text))
    return text


def writable(text: str) -> str:
    """Return a text with a question mark for each lone surrogate, which no encoder takes.

    Names of files whose bytes are not UTF-8 hold such, and JSON escapes can spell them.
    """
    return text.encode("utf-8", "replace").decode()


def _paired(text: str) -> str:
    # Halves of UTF-16 pairs, as broken JSON escapes leave them: pairs become their character.
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _sortable(text: str) -> str:
    return _long_marks().sub("", text) if len(text) > _N_SORTED else text


@cache
def _long_marks() -> re.Pattern[str]:
    marks = "".join(
        re.escape(chr(code)) for code in range(0x300, sys.maxunicode) if unicodedata.combining(chr(code))
    )
    # No spelling has more than 30 in a row (Unicode Annex 15, stream-safe text).
    return re.compile(f"[{marks}]{{31,}}")


def _latin_again(word: str) -> str:
    # Only words that mix scripts are disguises; whole Russian or Greek words are that language.
    return word.translate(_LOOKALIKES) if _LATIN.search(word) and _CYRILLIC_OR_GREEK.search(word) else word


def fingerprint(text: str) -> int:
    """Return a 64-bit hash, fixed over runs and machines."""
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "little")
