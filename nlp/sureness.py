"""When a small network of a cascade is sure enough of a text for the next one not to be asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plaudit.scores import LABELS

_PLAIN: Final = 16  # padded tokens of a text for which bounds hold as they are written
_STEP: Final = 1000  # slack is rounded to the thousandth, as bounds are


@dataclass(frozen=True, slots=True, kw_only=True)
class Sureness:
    """What a small network has to be sure of; the next network takes the rest.

    To ask the next one costs as much again with each doubling of a text, and finds no more. So a long text
    may be answered on less than a short one: of two that are as likely to be answered otherwise, the short
    one is passed on.

    Attributes:
        least_margin: By how much the best label's logit leads the second, in a text of 16 padded tokens;
            from 0.
        unsure_flags: Of each flag, between which two logits, themselves left out, it is unsure of such a
            text; of none where it is empty, or the two are one.
        slack_per_doubling: How much less of both is asked with each doubling of a text's padded tokens, and
            more with each halving; from 0.
    """

    least_margin: float
    unsure_flags: Sequence[tuple[float, float]] = ()
    slack_per_doubling: float = 0.0

    def of(self, logits: NDArray[np.float32], lengths: NDArray[Any]) -> NDArray[np.bool_]:
        """Return of which texts the network is sure, shape (n,).

        Args:
            logits: The network's, labels then flags, shape (n, 6).
            lengths: Padded tokens of each text, shape (n,), from 1.
        """
        slack = slack_of(lengths, per_doubling=self.slack_per_doubling)
        sure = margins(logits) + slack >= np.float32(self.least_margin)
        for place, (low, high) in enumerate(self.unsure_flags, len(LABELS)):
            if low < high:
                said = logits[:, place]
                sure &= (said <= np.float32(low) + slack) | (said >= np.float32(high) - slack)
        return sure


def slack_of(lengths: NDArray[Any], *, per_doubling: float) -> NDArray[np.float32]:
    """Return how much less is asked of texts of so many padded tokens; shape (n,), below 0 under 16."""
    doublings = np.log2(np.maximum(lengths, 1) / _PLAIN)
    return (np.rint(per_doubling * doublings * _STEP) / _STEP).astype(np.float32)


def margins(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return by how much the best label's logit leads the second; shape (n,), from 0."""
    ranked = np.sort(logits[:, : len(LABELS)], axis=1)
    return np.asarray(ranked[:, -1] - ranked[:, -2], np.float32)
