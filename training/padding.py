"""Filler around a comment, so that words which say nothing decide no label.

A paste-anywhere comment stays one however long it is stretched, and a question stays a question. A model
that met praise only where it is short takes length for substance; shown stretched praise it reads the words.
"""

from __future__ import annotations

import random
import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Final

_SLOT: Final = re.compile(r"\{(\w+)\}")
_MOST: Final = 3
"""Pieces a text gets; each side can have several."""


@cache
def _words() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads((files(__package__) / "padding.toml").read_text("utf-8"))


def languages() -> tuple[str, ...]:
    """Return the ISO 639-1 codes there is filler for."""
    return tuple(_words())


def padded(text: str, language: str, draw: random.Random) -> str:
    """Return the text with one to three pieces of filler around it, in its language.

    Args:
        text: Stays whole, in one piece.
        language: ISO 639-1; a language there is no filler for gets English.
        draw: Decides the pieces and where they stand.
    """
    code = language if language in _words() else "en"
    before: list[str] = []
    after: list[str] = []
    for _ in range(draw.randint(1, _MOST)):
        leading = draw.random() < 0.5
        kind = "either" if draw.random() < 0.3 else "first" if leading else "last"
        piece = _filled(code, draw.choice(_words()[code][kind]), draw)
        (before if leading else after).append(piece)
    tail = draw.choice((", ", ", ", ". ", " ", " ... ")).join(after)
    body = " ".join([*before, text])
    if not tail:
        return body
    # What ends a sentence already needs no comma.
    return body + (" " if body[-1:] in ".!?…" or not body[-1:].isalnum() else draw.choice((", ", " "))) + tail


def _filled(code: str, piece: str, draw: random.Random) -> str:
    return _SLOT.sub(lambda slot: draw.choice(_words()[code][slot[1]]), piece)
