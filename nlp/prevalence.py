"""How many of each label there really are, given how often the classifier errs.

Probabilistic adjusted classify and count (PACC; Bella et al. 2010, after Forman 2008): the mean m of the
predicted probabilities is a mixture of what the classifier says of each true label (rates R), and the mixture
is solved for. How often it errs comes from held-out comments, as counts, so that their own uncertainty is
drawn along.

PACC alone takes for granted that a community differs from the held-out comments in its mix of labels only.
Where it writes more clearly than they do, PACC overshoots, up to shares of 0 and 1. So the shares p minimise
|R'p - m|^2 + `RIDGE` |p - m|^2 over p >= 0, sum p = 1: the mean itself is trusted a little. The
ridge was chosen on labelled test comments with the model before the present one (read off a grid: at every
mix an error of about 0.028, counting 0.072; on the natural mixes of 24 sources about 0.05, without it 0.058),
so those figures are no independent proof; `plaudit-train evaluate` takes the first anew with any model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.estimate import N_DRAWS

RIDGE: Final = 0.12
"""How far the mean probabilities themselves are trusted, against the error rates."""
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
        atoms: Shape (1 + n_draws, 3, 6): the rates, then each draw of them, beside what the ridge adds: a
            mixture of the rows is to come near to the means, written twice.
        inverses: Shape (1 + n_draws, 3, 3): of each one's products with itself.
        pull: Shape (1 + n_draws, 1): root of the ridge, which is drawn too (from 0 to twice `RIDGE`).
        refusal: A sentence saying why nothing is corrected; None where it is.
    """

    rates: NDArray[np.float64] | None = None
    atoms: NDArray[np.float64] | None = None
    inverses: NDArray[np.float64] | None = None
    pull: NDArray[np.float64] | None = None
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
        return self._solve(slice(0, 1), means[None])[0]

    def solve_draws(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the shares behind mean probabilities draw by draw, shape (n_draws, 3)."""
        return self._solve(slice(1, None), means)

    def _solve(self, which: slice, means: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.atoms is None or self.inverses is None or self.pull is None:
            return means
        aim = np.concatenate((means, self.pull[which] * means), axis=1)
        return _shares(self.atoms[which], self.inverses[which], aim)


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
    random = np.random.RandomState(_SEED)
    gammas = random.standard_gamma(counts + 0.5, (N_DRAWS, 3, 3))
    draws = gammas / gammas.sum(axis=2, keepdims=True)
    pull = np.sqrt(RIDGE * np.concatenate(([1.0], 2.0 * random.random_sample(N_DRAWS))))[:, None]
    atoms = np.concatenate((np.concatenate((rates[None], draws)), pull[:, :, None] * np.eye(3)), axis=2)
    products = (atoms[:, :, None] * atoms[:, None]).sum(axis=3)
    return Correction(rates=rates, atoms=atoms, inverses=np.linalg.inv(products), pull=pull)


def _shares(
    atoms: NDArray[np.float64], inverses: NDArray[np.float64], aim: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Minimise |atoms' p - aim|^2 over p >= 0, sum p = 1, for n problems at once.

    Where the plain solution leaves the simplex, the best one lies on an edge (corners are their ends).
    """
    free = (inverses * (atoms * aim[:, None, :]).sum(axis=2)[:, None, :]).sum(axis=2)
    toward_one = inverses.sum(axis=2)
    lacking = 1.0 - free.sum(axis=1, keepdims=True)
    plain = free + toward_one / toward_one.sum(axis=1, keepdims=True) * lacking
    inside = (plain >= 0).all(axis=1)
    if inside.all():
        return plain / plain.sum(axis=1, keepdims=True)
    best = np.where(inside, -1.0, np.inf)
    shares = np.where(inside[:, None], plain, 0.0)
    for i, j in combinations(range(3), 2):
        edge, loss = _on_edge(atoms, aim, i, j)
        better = loss < best
        shares[better], best[better] = edge[better], loss[better]
    return shares / shares.sum(axis=1, keepdims=True)


def _on_edge(
    atoms: NDArray[np.float64], aim: NDArray[np.float64], i: int, j: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    along = atoms[:, i] - atoms[:, j]
    offset = aim - atoms[:, j]
    part = np.clip((offset * along).sum(axis=1) / np.maximum((along**2).sum(axis=1), 1e-12), 0.0, 1.0)
    edge = np.zeros((len(aim), 3))
    edge[:, i], edge[:, j] = part, 1.0 - part
    return edge, ((offset - part[:, None] * along) ** 2).sum(axis=1)
