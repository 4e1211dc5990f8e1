"""How people hide words from filters while others can still read them, for evaluation and augmentation.

Each kind keeps what a reader sees, or nearly so. Handles and links stay as they are: changing them would
hide nothing. `plaudit.text.normalize` undoes some kinds exactly; the model has to see through the rest.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from typing import Final

from plaudit.errors import MappingError
from plaudit.text import HANDLE, URL

DEFAULT_SHARE: Final = 0.4
"""Of the letters or words that can be changed: enough to defeat a word list, still easy to read."""

_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_KEPT = re.compile(f"{URL.pattern}|{HANDLE.pattern}", re.IGNORECASE)

_ZERO_WIDTH: Final = ("\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad")
_MARKS: Final = ("\u200e", "\u200f", "\u061c")
_ENCLOSING: Final = (("\u202a", "\u202c"), ("\u202d", "\u202c"), ("\u2066", "\u2069"), ("\u2068", "\u2069"))
"""Pairs that leave Latin letters in their order; the mirrored ones would need the word written backwards."""

_LOOK_ALIKES: Final[Mapping[str, str]] = {
    "a": "аα", "b": "Ьƅ", "c": "сϲ", "d": "ԁ", "e": "еҽ", "g": "ɡ", "h": "һ", "i": "іιı", "j": "ј", "k": "кκ",
    "l": "ӏ", "m": "м", "n": "пո", "o": "оοօ", "p": "рρ", "q": "ԛ", "r": "г", "s": "ѕ", "t": "т", "u": "υս",
    "v": "νѵ", "w": "ԝ", "x": "хχ", "y": "уγ", "A": "АΑ", "B": "ВΒ", "C": "СϹ", "D": "Ꭰ", "E": "ЕΕ",
    "H": "НΗ", "I": "ІΙ", "J": "Ј", "K": "КΚ", "M": "МΜ", "N": "Ν", "O": "ОΟ", "P": "РΡ", "S": "Ѕ", "T": "ТΤ",
    "V": "Ѵ", "W": "Ԝ", "X": "ХΧ", "Y": "ҮΥ", "Z": "Ζ",
}  # fmt: skip
"""Latin letter to letters of other alphabets drawn like it (Unicode TR39)."""

_LEET: Final[Mapping[str, str]] = {
    "a": "4@", "b": "8", "e": "3", "g": "9", "i": "1!", "l": "1", "o": "0", "s": "5$", "t": "7", "z": "2",
}  # fmt: skip
_SEPARATORS: Final = (" ", " ", " ", ".", "-", "_", "*")

_ALPHABETS: Final[Mapping[str, tuple[int, Mapping[str, str]]]] = {
    "bold": (0x1D400, {}),
    "italic": (0x1D434, {"h": "ℎ"}),
    "bold italic": (0x1D468, {}),
    "script": (0x1D49C, dict(zip("BEFHILMRego", "ℬℰℱℋℐℒℳℛℯℊℴ", strict=True))),
    "bold script": (0x1D4D0, {}),
    "fraktur": (0x1D504, dict(zip("CHIRZ", "ℭℌℑℜℨ", strict=True))),
    "double-struck": (0x1D538, dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True))),
    "bold fraktur": (0x1D56C, {}),
    "sans": (0x1D5A0, {}),
    "sans bold": (0x1D5D4, {}),
    "sans italic": (0x1D608, {}),
    "sans bold italic": (0x1D63C, {}),
    "monospace": (0x1D670, {}),
}
"""First capital of each mathematical alphabet, and the letters that stand elsewhere in Unicode."""


def obfuscate(text: str, kind: str, rng: random.Random, *, share: float = DEFAULT_SHARE) -> str:
    """Return the text hidden in one way; the same text, kind, share and state of `rng` give the same.

    A text with something to change is changed; one without (emoji, digits, letters of other alphabets)
    comes back as it is.

    Args:
        text: As written.
        kind: One of `KINDS`.
        rng: Draws what changes.
        share: Of the letters or words that can be changed, in [0, 1].

    Raises:
        MappingError: An unknown kind.
    """
    if kind not in _TRANSFORMS:
        raise MappingError(f"There is no obfuscation {kind!r}; expected one of {', '.join(KINDS)}.")
    transform = _TRANSFORMS[kind]
    changed = _outside_kept(text, lambda part: transform(part, rng, share))
    # Short texts may be spared by chance: then everything that can be changed is.
    return changed if changed != text else _outside_kept(text, lambda part: transform(part, rng, 1.0))


def _outside_kept(text: str, transform: Callable[[str], str]) -> str:
    parts, end = [], 0
    for match in _KEPT.finditer(text):
        parts += [transform(text[end : match.start()]), match[0]]
        end = match.end()
    return "".join([*parts, transform(text[end:])])


def _zero_width(text: str, rng: random.Random, share: float) -> str:
    def hide(match: re.Match[str]) -> str:
        return match[0] + rng.choice(_ZERO_WIDTH) if rng.random() < share else match[0]

    return _LETTER.sub(hide, text)


def _bidi(text: str, rng: random.Random, share: float) -> str:
    def hide(match: re.Match[str]) -> str:
        word = match[0]
        if rng.random() >= share:
            return word
        if rng.random() < 0.5:
            cut = rng.randrange(len(word)) + 1
            return word[:cut] + rng.choice(_MARKS) + word[cut:]
        opening, closing = rng.choice(_ENCLOSING)
        return opening + word + closing

    return _WORD.sub(hide, text)


def _by_letter(table: Mapping[str, str]) -> Callable[[str, random.Random, float], str]:
    def transform(text: str, rng: random.Random, share: float) -> str:
        return "".join(
            rng.choice(table[letter]) if letter in table and rng.random() < share else letter
            for letter in text
        )

    return transform


def _leet(text: str, rng: random.Random, share: float) -> str:
    # Whoever writes so does it to the whole word, and each letter always alike.
    digits = {letter: rng.choice(signs) for letter, signs in _LEET.items()}

    def hide(match: re.Match[str]) -> str:
        word = match[0]
        if rng.random() >= share:
            return word
        return "".join(digits.get(letter.lower(), letter) for letter in word)

    return _WORD.sub(hide, text)


def _mathematical(text: str, rng: random.Random, share: float) -> str:
    table = _alphabet(rng.choice(tuple(_ALPHABETS)))
    return _WORD.sub(lambda match: match[0].translate(table) if rng.random() < share else match[0], text)


def _alphabet(name: str) -> dict[int, str]:
    start, elsewhere = _ALPHABETS[name]
    capitals = {ord("A") + i: chr(start + i) for i in range(26)}
    small = {ord("a") + i: chr(start + 26 + i) for i in range(26)}
    return capitals | small | {ord(letter): sign for letter, sign in elsewhere.items()}


def _spaced_out(text: str, rng: random.Random, share: float) -> str:
    separator = rng.choice(_SEPARATORS)

    def hide(match: re.Match[str]) -> str:
        word = match[0]
        return separator.join(word) if len(word) > 3 and rng.random() < share else word

    return _WORD.sub(hide, text)


def _repeated(text: str, rng: random.Random, share: float) -> str:
    def hide(match: re.Match[str]) -> str:
        word = match[0]
        if len(word) < 3 or rng.random() >= share:
            return word
        vowels = [i for i, letter in enumerate(word) if letter.lower() in "aeiouy"]
        at = rng.choice([*vowels, len(word) - 1])
        return word[:at] + word[at] * rng.randint(3, 8) + word[at + 1 :]

    return _WORD.sub(hide, text)


_TRANSFORMS: Final[Mapping[str, Callable[[str, random.Random, float], str]]] = {
    "zero_width": _zero_width,
    "bidi": _bidi,
    "look_alike": _by_letter(_LOOK_ALIKES),
    "mathematical": _mathematical,
    "spaced_out": _spaced_out,
    "leet": _leet,
    "repeated": _repeated,
}
KINDS: Final = tuple(_TRANSFORMS)
"""Ways to hide a text: invisible characters, direction marks, letters of other alphabets, mathematical
alphabets, letters spaced out, digits for letters, letters repeated."""
