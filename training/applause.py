"""Paste-anywhere comments in the manner of comment bots, made from frames and words of our own.

Lists that bots post are short and alike; a model that saw only what people write has met few of
them. What is made here is `generic_praise` by the guide's own test: it would make as much sense
under any other post.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Final

from plaudit.training.dataset import LabelledComment

SOURCE: Final = "applause"
_LANGUAGE_WEIGHT: Final = {"en": 10, "es": 2, "pt": 2, "fr": 2, "de": 2, "id": 2}
_PROMO_SHARE: Final = 0.2
_EMOJI_ONLY_SHARE: Final = 0.05
_SLOT = re.compile(r"\{(\w+)\}")
_ENDS: Final = ("", "", "", "!", "!!", "!!!", ".", "...", " :)", " :D", "..", " <3")


@cache
def _words() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads((files(__package__) / "applause.toml").read_text("utf-8"))


def applause(n: int, *, seed: int) -> list[LabelledComment]:
    """Return `n` distinct paste-anywhere comments; the same ones for the same seed.

    Raises:
        ValueError: `n` is below 0.
    """
    if n < 0:
        raise ValueError(f"n is {n}; expected 0 or more.")
    draw = random.Random(seed)  # noqa: S311 - reproducible, not secret
    found: dict[str, LabelledComment] = {}
    for comment in _endless(draw):
        if len(found) == n:
            break
        found.setdefault(comment.text, comment)
    return list(found.values())


def _endless(draw: random.Random) -> Iterator[LabelledComment]:
    codes, weights = list(_LANGUAGE_WEIGHT), list(_LANGUAGE_WEIGHT.values())
    while True:
        code = draw.choices(codes, weights)[0]
        kind = draw.random()
        promo = kind < _PROMO_SHARE
        if kind > 1 - _EMOJI_ONLY_SHARE:
            text = _emoji(draw, most=6)
        else:
            text = _praise(code, draw) if not promo or draw.random() < 0.5 else ""
            if promo:
                text = _joined(text, _filled(code, draw.choice(_words()[code]["promo"]), draw), draw)
            text = _dressed(text, draw)
        flags = ("solicitation",) if promo else ()
        if draw.random() < 0.1:
            text, flags = f"@user {text}", (*flags, "addressed")
        yield LabelledComment(
            text=text, label="generic_praise", flags=frozenset(flags), source=SOURCE, language=code
        )


def _praise(code: str, draw: random.Random) -> str:
    return _filled(code, draw.choice(_words()[code]["frames"]), draw)


def _filled(code: str, frame: str, draw: random.Random) -> str:
    while _SLOT.search(frame):  # what fills a slot may hold others
        frame = _SLOT.sub(lambda slot: draw.choice(_words()[code][slot[1]]), frame)
    return frame


def _joined(first: str, second: str, draw: random.Random) -> str:
    return f"{first}{draw.choice(['! ', '. ', ', ', ' ', ' 🔥 '])}{second}" if first else second


def _dressed(text: str, draw: random.Random) -> str:
    """Return the text cased, ended and decorated as somebody, or something, would post it."""
    case = draw.random()
    text = text.upper() if case < 0.07 else text if case < 0.35 else text[:1].upper() + text[1:]
    if draw.random() < 0.1:
        text = re.sub(r"([aeo])(?=\w?\b)", lambda m: m[1] * draw.randint(2, 5), text, count=1)
    text += draw.choice(_ENDS)
    if draw.random() < 0.4:
        text = f"{text} {_emoji(draw, most=3)}" if draw.random() < 0.85 else f"{_emoji(draw, most=2)} {text}"
    return text


def _emoji(draw: random.Random, *, most: int) -> str:
    kinds = draw.choices(_words()["any"]["emoji"], k=draw.randint(1, 2))
    return "".join(draw.choice(kinds) for _ in range(draw.randint(1, most)))
