"""Words whose letters stand apart: "g r e a t  p o s t", "g.r.e.a.t", "g-r-e-a-t"."""

from __future__ import annotations

import re
from typing import Final

from plaudit import lexicon

_MARKS: Final = r"[.\-_*·•~|/,+]"
_LETTER: Final = r"[^\W\d_]"
_NEXT: Final = r"(?:[^\W\d_]|['’])"
# An apostrophe counts only before a letter: a row of them would be tried in every way there is.
_APART: Final = r"(?:[^\W\d_]|['’](?= {1,4}[^\W\d_]))"

_MAYBE_SPACED = re.compile(rf" {_LETTER} {_NEXT} ")
_MAYBE_MARKED = re.compile(rf"({_MARKS}){_LETTER}\1{_NEXT}\1")

# Single letters in a row from four on are a word: "I O U", "a b c" and "U.S." are none.
_MARKED = re.compile(rf"(?<![^\W_]){_LETTER}({_MARKS})(?:{_NEXT}\1){{2,}}{_LETTER}(?![^\W_])")
_SPACED = re.compile(
    rf"(?<![^\W_'’@#]){_LETTER}(?: {{1,4}}{_APART})*?(?: {_APART}){{3}}(?: {{1,4}}{_APART})*(?![\w'’])"
)
_N_REST: Final = 3
_GAP = re.compile(" {2,}")


def may_be_spaced(text: str) -> bool:
    """Tell, quickly, whether `joined` may change a text."""
    return _MAYBE_SPACED.search(text) is not None or _MAYBE_MARKED.search(text) is not None


def joined(text: str) -> str:
    """Return the text with its spaced-out words written together.

    Two and more blanks are a border between words where single ones stand between letters. Where no border
    is seen ("g r e a t p o s t") the most likely one is taken.
    """
    if " " in text:
        text = _SPACED.sub(_close, text)
    return _MARKED.sub(lambda match: _words(match[0].replace(match[1], "")), text)


def _close(match: re.Match[str]) -> str:
    words = [part.replace(" ", "") for part in _GAP.split(match[0])]
    return " ".join(words) if len(words) > 1 else _words(words[0])


def _words(letters: str) -> str:
    """Return some letters as words, or together where they make none."""
    if lexicon.is_known(letters):
        return letters
    pieces = lexicon.split(letters)
    # A rest of few letters shows that the borders are wrong.
    return " ".join(pieces) if all(len(p) > _N_REST or lexicon.is_known(p) for p in pieces) else letters
