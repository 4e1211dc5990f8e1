"""How many of each label there really are, given how often the classifier errs.

Probabilistic adjusted classify and count (PACC; Bella et al. 2010, after Forman 2008): the mean m of the
predicted probabilities is a mixture of what the classifier says of each true label (rates R), and the mixture
is solved for. How often it errs comes from held-out comments, as counts, so that their own uncertainty is
drawn along. Sources differ in how often it errs on them, and a community that nobody labelled is a source of
its own: n comments of a label say as much as n A / (n + A) of the community's own would, A the concentration
of the rates of sources (`ErrorCounts`); thousands of others would make its rates look certain.

How it errs depends on the language: least in the one that most of what it learned from was in. So where the
counts come by language, R mixes the rates of the languages that the comments are in, in the mixture that is
found. Few comments say little of a language: its rates borrow `BORROWED` comments a label of those above it,
which are the lesser languages together, or all for the largest and for the lesser ones as a whole. What has
no language, or is too short to tell it, is none of the lesser ones: where the counts do not set it apart, it
is in those that the others are in.

PACC alone takes for granted that a community differs from the held-out comments in its mix of labels only.
Where it writes more clearly than they do, PACC overshoots, up to shares of 0 and 1. So the shares p minimise
|R'p - m|^2 + `RIDGE` |p - m|^2 over p >= 0, sum p = 1: the mean itself is trusted a little. `RIDGE` and
`BORROWED` were chosen on held-out comments, halves and a source left out at a time, where errors hardly
change around them; figures of the tests were seen beside those.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from plaudit.estimate import N_DRAWS
from plaudit.scores import LABELS, NO_LANGUAGE, ErrorCounts

RIDGE: Final = 0.08
"""How far the mean probabilities themselves are trusted, against the error rates."""
BORROWED: Final = 10.0
"""Held-out comments of each label that the rates of a language borrow."""
MAX_CONDITION: Final = 8.0
"""Beyond it a small error of the mean becomes a large one of the share."""
MIN_HELD_OUT: Final = 30.0
"""Held-out comments a label needs for its row of error rates to mean anything."""
MIN_COMMENTS: Final = 20
"""Comments below which the correction adds more noise than it takes away."""
_SEED: Final = 20_260_107
_PARTS: Final = 32  # a mixture of languages is rounded to: those of many posts then are the same
_OTHERS: Final = ""  # all languages but the largest

_Rates = NDArray[np.float64]


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
        languages: What the rates of each language are; None where they were not told apart.
    """

    rates: _Rates | None = None
    atoms: NDArray[np.float64] | None = None
    inverses: NDArray[np.float64] | None = None
    pull: NDArray[np.float64] | None = None
    refusal: str | None = None
    languages: _Languages | None = None

    @classmethod
    def of(cls, counts: ErrorCounts | None) -> Correction:
        """Prepare the correction from error counts (None: not known), for comments in any language."""
        if counts is None:
            return cls(refusal="The model brings no error rates, so label shares are mean probabilities.")
        tables = {_OTHERS: counts.pooled, **counts.languages}
        packed = {code: np.asarray(table, np.float64) for code, table in tables.items()}
        key = tuple((code, table.shape, table.tobytes()) for code, table in sorted(packed.items()))
        return _prepared(key, _Worth(certainty=counts.certainty, concentration=counts.concentration))

    def among(self, spoken: Mapping[str, int]) -> Correction:
        """Return the correction for comments of some mixture of languages.

        Args:
            spoken: How much is of each, by code; empty: unknown.
        """
        if self.languages is None:
            return self
        drawn = self.languages.drawn
        told = {code: n for code, n in spoken.items() if code in drawn or code not in NO_LANGUAGE}
        total = sum(told.values())
        if not total:
            return self
        parts: Counter[str] = Counter()
        for code, n in told.items():
            parts[code if code in drawn else _OTHERS] += n
        rounded = ((code, (2 * _PARTS * n + total) // (2 * total)) for code, n in sorted(parts.items()))
        mixture = tuple((code, n) for code, n in rounded if n)
        # Of very many languages a few words each round to none.
        return _blended(self.languages, mixture) if mixture else self

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Languages:
    """Rates by language.

    Attributes:
        drawn: By code, `_OTHERS` for any that is not there: the rates and their draws, shape
            (1 + n_draws, 3, 3).
        pull: As that of a correction.
    """

    drawn: Mapping[str, NDArray[np.float64]]
    pull: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Worth:
    """How much counts are taken to say; see `ErrorCounts`."""

    certainty: float
    concentration: tuple[float, float, float]

    def of(self, counts: _Rates) -> _Rates:
        counts = self.certainty * counts
        return counts / (1.0 + counts.sum(axis=1) / np.array(self.concentration))[:, None]


@lru_cache(maxsize=8)
def _prepared(key: tuple[tuple[str, tuple[int, ...], bytes], ...], worth: _Worth) -> Correction:
    tables = {code: np.frombuffer(data, np.float64).reshape(shape) for code, shape, data in key}
    if not all(_is_sound(counts) for counts in tables.values()):
        return Correction(
            refusal="The model's error rates are damaged, so label shares are mean probabilities."
        )
    pooled = tables.pop(_OTHERS)
    held_out = pooled.sum(axis=1)
    if held_out.min() < MIN_HELD_OUT:
        return Correction(
            refusal=f"Error rates rest on only {held_out.min():.0f} held-out comments of one label "
            f"({MIN_HELD_OUT:.0f} needed), so label shares are mean probabilities."
        )
    random = np.random.RandomState(_SEED)
    drawn = _drawn(pooled, worth, random)
    pull = np.sqrt(RIDGE * np.concatenate(([1.0], 2.0 * random.random_sample(N_DRAWS))))[:, None]
    is_told = bool(set(tables) - set(NO_LANGUAGE))
    languages = _Languages(drawn=_by_language(tables, pooled, worth), pull=pull) if is_told else None
    return _ready(drawn, pull, languages)


def _is_sound(counts: _Rates) -> bool:
    n = len(LABELS)
    return counts.shape == (n, n) and bool(np.isfinite(counts).all() and (counts >= 0).all())


def _by_language(
    tables: Mapping[str, _Rates], pooled: _Rates, worth: _Worth
) -> dict[str, NDArray[np.float64]]:
    told = {code: counts for code, counts in tables.items() if code not in NO_LANGUAGE}
    largest = min(told, key=lambda code: (-told[code].sum(), code))
    borrowed = BORROWED * _rates(pooled)
    others = sum((counts for code, counts in told.items() if code != largest), borrowed)
    lent = BORROWED * _rates(others)
    found = {
        code: counts + (lent if code in told and code != largest else borrowed)
        for code, counts in tables.items()
    }
    return {
        code: _drawn(counts, worth, np.random.RandomState(crc32(f"{_SEED}/{code}".encode())))
        for code, counts in (found | {_OTHERS: others}).items()
    }


def _rates(counts: _Rates) -> _Rates:
    return counts / counts.sum(axis=1, keepdims=True)


def _drawn(counts: _Rates, worth: _Worth, random: np.random.RandomState) -> NDArray[np.float64]:
    """Return rates and draws of them, shape (1 + n_draws, 3, 3)."""
    gammas = random.standard_gamma(worth.of(counts) + 0.5, (N_DRAWS, *counts.shape))
    return np.concatenate((_rates(counts)[None], gammas / gammas.sum(axis=2, keepdims=True)))


@lru_cache(maxsize=64)
def _blended(languages: _Languages, parts: tuple[tuple[str, int], ...]) -> Correction:
    total = sum(n for _, n in parts)
    drawn = np.sum([languages.drawn[code] * (n / total) for code, n in parts], axis=0)
    return _ready(drawn, languages.pull, languages)


def _ready(drawn: NDArray[np.float64], pull: NDArray[np.float64], languages: _Languages | None) -> Correction:
    if np.linalg.cond(drawn[0].T) > MAX_CONDITION:
        return Correction(
            refusal="The model confuses the labels too much for a correction, so label shares are mean "
            "probabilities.",
            languages=languages,
        )
    atoms = np.concatenate((drawn, pull[:, :, None] * np.eye(len(LABELS))), axis=2)
    products = (atoms[:, :, None] * atoms[:, None]).sum(axis=3)
    return Correction(
        rates=drawn[0], atoms=atoms, inverses=np.linalg.inv(products), pull=pull, languages=languages
    )


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
