"""Words that people write, ordered by how often: what a disguised word may be.

`lexicon.txt` has some 50,000 in lower case and without accents, the most frequent first.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

MAX_LETTERS: Final = 24
"""Letters of the longest word looked for."""

_MAX_RANK: Final = {1: 100, 2: 120, 3: 6_000}
"""How frequent a short word must be to be taken for one: almost any few letters are a word somewhere."""
_A_WORD: Final = 5.0
_UNKNOWN: Final = 9.0
_A_LETTER: Final = 2.3


@cache
def ranks() -> Mapping[str, int]:
    """Return the rank of each word, 0 for the most frequent."""
    lines = files("plaudit").joinpath("lexicon.txt").read_text("utf-8").splitlines()
    words = [line for line in lines if not line.startswith("#")]
    return {
        word: rank
        for rank, word in enumerate(words)
        if rank <= _MAX_RANK.get(len(word), len(words)) and len(word) <= MAX_LETTERS
    }


def rank(word: str) -> float:
    """Return the rank of a word in any case, with or without accents; infinite where it is none.

    A word with an apostrophe that is not known itself ("glaze's") has the rank of what comes before.
    """
    lowered = word.lower().replace("’", "'")
    found = ranks().get(lowered)
    if found is None and not lowered.isascii():
        found = ranks().get(_bare(lowered))
    if found is None and lowered.endswith("'s"):
        found = ranks().get(lowered[:-2])
    return math.inf if found is None else found


def is_known(word: str) -> bool:
    """Tell whether a word, in any case, with or without accents, is one."""
    return rank(word) < math.inf


def split(letters: str) -> list[str]:
    """Return the most likely words that letters without blanks are made of.

    Words cost log(rank + 2) by Zipf's law, and unknown ones 2.3 a letter on top of the rarest (Norvig 2009,
    "Natural Language Corpus Data"); each costs five more, as people write few words apart. The cheapest row
    of words is found from left to right (Viterbi 1967), in time linear in the letters.
    """
    lowered = letters.lower().replace("’", "'")
    bare = lowered if lowered.isascii() else _bare(lowered)
    if len(bare) != len(letters):
        return [letters]
    cost, start = [0.0], [0]
    for end in range(1, len(letters) + 1):
        cost.append(math.inf)
        start.append(0)
        for begin in range(max(0, end - MAX_LETTERS), end):
            total = cost[begin] + _cost(bare[begin:end])
            if total < cost[end]:
                cost[end], start[end] = total, begin
    pieces, end = [], len(letters)
    while end > 0:
        pieces.append(letters[start[end] : end])
        end = start[end]
    return pieces[::-1]


def _cost(word: str) -> float:
    found = ranks().get(word)
    return _A_WORD + (math.log(found + 2) if found is not None else _UNKNOWN + _A_LETTER * len(word))


def _bare(word: str) -> str:
    return "".join(
        letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter)
    )
