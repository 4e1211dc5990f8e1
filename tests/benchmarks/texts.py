"""Texts to send that repeat nothing, so that no cache answers for a model."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from plaudit.readers import ReadOptions, read

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "ceramics_channel.ndjson"
_LEAST: Final = 50_000  # the cache of `plaudit.inference` holds 20,000 answers
_END: Final = ""
_MOST_WORDS: Final = 120


class Texts:
    """Distinct texts in turn: one comes again after all others, when caches have forgotten it."""

    def __init__(self, n: int, *, dump: Path | None = None, seed: int = 1) -> None:
        """Prepare them, so that nothing has to be made or read while something is measured.

        Args:
            n: How many.
            dump: Where to take them from, in an order of their own; None makes them.
            seed: Of that order, and of what is made.

        Raises:
            SystemExit: The dump has too few to tell a model from a cache.
        """
        found: dict[str, None] = {}
        for text in _texts_of(dump) if dump else _made(random.Random(seed)):
            found[text] = None
            if len(found) == n:
                break
        if len(found) < _LEAST:
            raise SystemExit(
                f"{dump or '--texts'} gives {len(found):,} distinct texts, expected {_LEAST:,} at least: "
                "fewer would come from the service's cache."
            )
        self._texts, self._next = list(found), 0
        random.Random(seed).shuffle(self._texts)

    def take(self, n: int) -> list[str]:
        """Return the next ones."""
        places = range(self._next, self._next + n)
        self._next = places.stop % len(self._texts)
        return [self._texts[place % len(self._texts)] for place in places]


def _texts_of(dump: Path) -> Iterator[str]:
    for batch in read([dump], options=ReadOptions(batch_size=2048)):
        yield from (text for text in batch.comments.column("text").to_pylist() if text.strip())


def _made(draw: random.Random) -> Iterator[str]:
    """Yield texts in the words of the example dump, each word one that followed the word before it there."""
    followers: dict[str, list[str]] = {}
    for text in _texts_of(EXAMPLE):
        words = text.split()
        for word, following in zip([_END, *words], [*words, _END], strict=True):
            followers.setdefault(word, []).append(following)
    while True:
        words, word = [], draw.choice(followers[_END])
        while word != _END and len(words) < _MOST_WORDS:
            words.append(word)
            word = draw.choice(followers[word])
        yield " ".join(words)
