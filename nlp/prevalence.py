"""How many of each label there really are, given how often the classifier errs.

Probabilistic adjusted classify and count (PACC; Bella et al. 2010, after Forman 2008): the mean of the
predicted probabilities is a mixture of what the classifier says of each true label, and the mixture is
solved for. How often it errs comes from held-out comments, as counts, so that their own uncertainty is
drawn along.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.estimate import N_DRAWS

MAX_CONDITION: Final = 8.0
"""Beyond it a small error of the mean becomes a large one of the share."""
MIN_HELD_OUT: Final = 30.0
"""Held-out comments a label needs for its row of error rates to mean anything."""
MIN_COMMENTS: Final = 20
"""Comments below which the correction adds more noise than it takes away."""
_SEED: Final = 20_260_107


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """Error rates ready to be undone.

    Attributes:
        rates: Shape (3, 3): row i is the mean probability vector of comments truly of label i. None
            where nothing may be corrected.
        draws: Shape (n_draws, 3, 3): rates as they might be, given how many comments they rest on.
        inverses: Shape (1 + n_draws, 3, 3): of the transposed rates, then of each draw.
        refusal: A sentence saying why nothing is corrected; None where it is.
    """

    rates: NDArray[np.float64] | None = None
    draws: NDArray[np.float64] | None = None
    inverses: NDArray[np.float64] | None = None
    refusal: str | None = None

    @classmethod
    def of(cls, counts: NDArray[np.float64] | None) -> Correction:
        """Prepare the correction from error counts.

        Args:
            counts: Shape (3, 3): row i is the sum of the probability vectors of held-out comments truly
                of label i, so that it sums to their number. None: not known.
        """
        if counts is None:
            return cls(refusal="The model brings no error rates, so label shares are mean probabilities.")
        table = np.asarray(counts, np.float64)
        return _prepared(table.shape, table.tobytes())

    def solve(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the shares behind mean probabilities of shape (3,)."""
        if self.rates is None or self.inverses is None:
            return means
        return _shares(self.rates[None], self.inverses[:1], means[None])[0]

    def solve_draws(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the shares behind mean probabilities draw by draw, shape (n_draws, 3)."""
        if self.draws is None or self.inverses is None:
            return means
        return _shares(self.draws, self.inverses[1:], means)


@lru_cache(maxsize=8)
def _prepared(shape: tuple[int, ...], data: bytes) -> Correction:
    counts = np.frombuffer(data, np.float64).reshape(shape)
    if counts.shape != (3, 3) or not np.isfinite(counts).all() or (counts < 0).any():
        return Correction(
            refusal="The model's error rates are damaged, so label shares are mean probabilities."
        )
    held_out = counts.sum(axis=1)
    if held_out.min() < MIN_HELD_OUT:
        return Correction(
            refusal=f"Error rates rest on only {held_out.min():.0f} held-out comments of one label "
            f"({MIN_HELD_OUT:.0f} needed), so label shares are mean probabilities."
        )
    rates = counts / held_out[:, None]
    if np.linalg.cond(rates.T) > MAX_CONDITION:
        return Correction(
            refusal="The model confuses the labels too much for a correction, so label shares are mean "
            "probabilities."
        )
    gammas = np.random.RandomState(_SEED).standard_gamma(counts + 0.5, (N_DRAWS, 3, 3))
    draws = gammas / gammas.sum(axis=2, keepdims=True)
    inverses = np.linalg.inv(np.concatenate((rates[None], draws)).transpose(0, 2, 1))
    return Correction(rates=rates, draws=draws, inverses=inverses)


def _shares(
    rates: NDArray[np.float64], inverses: NDArray[np.float64], means: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Minimise |rates' p - means|^2 over p >= 0, sum p = 1, for n problems at once.

    Where the plain solution leaves the simplex, the best one lies on an edge (corners are their ends).
    """
    plain = (inverses * means[:, None, :]).sum(axis=2)
    inside = (plain >= 0).all(axis=1)
    if inside.all():
        return plain / plain.sum(axis=1, keepdims=True)
    best = np.where(inside, -1.0, np.inf)
    shares = np.where(inside[:, None], plain, 0.0)
    for i, j in combinations(range(3), 2):
        edge, loss = _on_edge(rates, means, i, j)
        better = loss < best
        shares[better], best[better] = edge[better], loss[better]
    return shares / shares.sum(axis=1, keepdims=True)


def _on_edge(
    rates: NDArray[np.float64], means: NDArray[np.float64], i: int, j: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    along = rates[:, i] - rates[:, j]
    offset = means - rates[:, j]
    part = np.clip((offset * along).sum(axis=1) / np.maximum((along**2).sum(axis=1), 1e-12), 0.0, 1.0)
    edge = np.zeros_like(means)
    edge[:, i], edge[:, j] = part, 1.0 - part
    return edge, ((offset - part[:, None] * along) ** 2).sum(axis=1)
