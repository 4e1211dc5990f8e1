"""Kinds of comments that figures are told for one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.training.dataset import LabelledComment

_EMOJI = re.compile("[\u203c\u2049\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]")
_LETTER = re.compile(r"[^\W\d_]")
_FEW_WORDS: Final = 3
_MANY_WORDS: Final = 30


def slices(comments: Sequence[LabelledComment]) -> dict[str, NDArray[np.bool_]]:
    """Return named masks over comments: by mark, emoji, length, handle, choice, language and source."""
    texts = [c.text for c in comments]
    n_words = np.array([len(text.split()) for text in texts])
    masks = {
        "no question mark": np.array(["?" not in text for text in texts]),
        "with emoji": np.array([bool(_EMOJI.search(text)) for text in texts]),
        "no letters": np.array([not _LETTER.search(text) for text in texts]),
        f"1 to {_FEW_WORDS} words": n_words <= _FEW_WORDS,
        f"over {_MANY_WORDS} words": n_words > _MANY_WORDS,
        "with @handle": np.array(["@" in text for text in texts]),
        "annotator unsure": np.array([c.unsure for c in comments]),
    }
    for name, values in (
        ("language", [c.language for c in comments]),
        ("source", [c.source for c in comments]),
    ):
        column = np.array(values)
        masks |= {f"{name} {value or 'unknown'}": column == value for value in sorted(set(values))}
    return masks
