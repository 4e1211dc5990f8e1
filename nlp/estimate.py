"""Numbers with their uncertainty: exact sums per bucket of clusters, resampled all at once.

The independent unit is the cluster: an author for what people write, a thread for how they talk. Clusters
fall into 4,096 buckets by the low bits of their key; the Bayesian bootstrap (Rubin 1981) gives every
bucket a weight in each of 1,000 draws. One author has one weight in every signal, so signals stay
correlated draw by draw as they are among people. All sums are whole numbers far below 2**53, so float64
products are exact: no order of rows, shards or threads changes a bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

N_DRAWS: Final = 1000
N_BUCKETS: Final = 4096
UNIT: Final = 64
"""Mean weight of a bucket; weights are whole multiples of 1/64."""
MAX_DESIGN_EFFECT: Final = 8.0

_TILE: Final = 2**18
_TILE_ROWS: Final = 256

Unit = Literal["author", "thread"]
Draws = NDArray[np.float64]

_SEEDS: Final[dict[Unit, int]] = {"author": 20_260_105, "thread": 20_260_106}


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value and what it might have been.

    Attributes:
        value: Computed from the data as they are.
        draws: Shape (n_draws,): the value in each resampled world.
        n: Clusters behind it.
    """

    value: float
    draws: Draws
    n: int

    def interval(self) -> tuple[float, float]:
        """Return the bounds of the 90 % interval; the value is always inside."""
        low, high = len(self.draws) // 20 - 1, len(self.draws) - len(self.draws) // 20
        ordered = np.partition(self.draws, (low, high))
        return min(float(ordered[low]), self.value), max(float(ordered[high]), self.value)

    def median(self) -> float:
        """Return the (upper) median of the draws."""
        middle = len(self.draws) // 2
        return float(np.partition(self.draws, middle)[middle])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A signal before resampling: a sum over rows divided by another.

    Attributes:
        by: What is resampled.
        clusters: Shape (n_rows,): the cluster each row belongs to.
        top: Shape (n_rows,), whole numbers: what is summed.
        bottom: Shape (n_rows,), whole numbers >= 0: what it is divided by.
        pull: Shape (n_rows,) or None: each row's pull on the value (its influence) where `top` itself
            depends on the other rows, as with copies; resampled instead of `top` and then centred.
        prior: `bottom` of half a cluster, for shares: half a success and half a failure join each
            draw (Jeffreys), so that 0 of 20 keeps an interval. 0: none.
    """

    by: Unit
    clusters: NDArray[np.uint64]
    top: NDArray[np.int64]
    bottom: NDArray[np.int64]
    pull: NDArray[np.int64] | None = None
    prior: int = 0

    def sums(self) -> Sums:
        """Return what is resampled of it, without its rows."""
        top = self.top if self.pull is None else self.pull
        at, counted = buckets_of(self.clusters), self.bottom > 0
        shares = self.top[counted] / self.bottom[counted]
        return Sums(
            by=self.by,
            buckets=np.stack([np.bincount(at, column, N_BUCKETS) for column in (top, self.bottom)]),
            top=int(self.top.sum()),
            pull=int(top.sum()),
            bottom=int(self.bottom.sum()),
            n=n_distinct(self.clusters[counted]),
            most=max(1.0, float(shares.max())) if len(shares) else 1.0,
            prior=self.prior,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """A ratio summed up: as many numbers however many rows; sums of parts add up to those of the whole.

    Attributes:
        by: What is resampled.
        buckets: Shape (2, n_buckets), whole numbers: `pull` (`top` where there is none) and `bottom`.
        top: Sum of `top`.
        pull: Sum of what is resampled in its place; that of `top` where nothing is.
        bottom: Sum of `bottom`.
        n: Clusters of rows that count; adds up only over parts that share none.
        most: The largest share of a row, at least 1.
        prior: As `Ratio`.
    """

    by: Unit
    buckets: NDArray[np.float64]
    top: int
    pull: int
    bottom: int
    n: int
    most: float
    prior: int

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            by=self.by,
            buckets=self.buckets + other.buckets,
            top=self.top + other.top,
            pull=self.pull + other.pull,
            bottom=self.bottom + other.bottom,
            n=self.n + other.n,
            most=max(self.most, other.most),
            prior=self.prior,
        )


def buckets_of(clusters: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Return the bucket of each cluster, in [0, `N_BUCKETS`)."""
    return (clusters % np.uint64(N_BUCKETS)).astype(np.intp)


def resample(ratios: Sequence[Ratio | Sums], *, names: Sequence[str]) -> list[Estimate | None]:
    """Estimate many ratios together; None where nothing is below the line.

    Args:
        ratios: In any mixture of units.
        names: One a ratio; the pseudo-counts of a name are always the same.
    """
    given = [each.sums() if isinstance(each, Ratio) else each for each in ratios]
    found: list[Estimate | None] = [None] * len(given)
    for unit in ("author", "thread"):
        chosen = [i for i, each in enumerate(given) if each.by == unit and each.bottom > 0]
        if not chosen:
            continue
        different, at = _different([row for i in chosen for row in given[i].buckets])
        resampled = _product(different, unit)
        for i, (top, bottom) in zip(chosen, at.reshape(-1, 2), strict=True):
            found[i] = _estimate(given[i], (resampled[top], resampled[bottom]), names[i])
    return found


def _different(rows: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the rows that differ, and which of them each is: many shares are of the same comments."""
    place: dict[bytes, int] = {}
    at = [place.setdefault(row.tobytes(), len(place)) for row in rows]
    first = {number: row for row, number in zip(reversed(rows), reversed(at), strict=True)}
    return np.stack([first[number] for number in range(len(place))]), np.array(at)


def _product(sums: NDArray[np.float64], unit: Unit) -> NDArray[np.float64]:
    # Small groups touch few buckets: the cost follows the buckets touched, not the 4,096. Tiles are so
    # small that BLAS starts no threads for them: on a busy machine its threads wait for each other, 30
    # times longer than one takes alone. Sums are exact, so the tiles leave no trace.
    touched = np.flatnonzero(sums.any(axis=0))
    total = np.zeros((len(sums), N_DRAWS))
    width = max(1, _TILE // (len(sums) * _TILE_ROWS))
    for start in range(0, len(touched), _TILE_ROWS):
        rows = touched[start : start + _TILE_ROWS]
        left, right = sums[:, rows], weights(unit)[rows].astype(np.float64)
        for column in range(0, N_DRAWS, width):
            total[:, column : column + width] += left @ right[:, column : column + width]
    return total


@lru_cache(maxsize=2)
def weights(unit: Unit) -> NDArray[np.uint16]:
    """Return the weight of each bucket in each draw, shape (n_buckets, n_draws), whole numbers >= 1."""
    # RandomState's stream is frozen for good (NEP 19); Generator's may change with numpy.
    random = np.random.RandomState(_SEEDS[unit])
    drawn = np.empty((N_BUCKETS, N_DRAWS), np.uint16)
    for rows in np.array_split(drawn, N_BUCKETS // _TILE_ROWS):
        rows[:] = np.maximum(np.rint(UNIT * random.standard_exponential(rows.shape)), 1.0)
    return drawn


@lru_cache(maxsize=256)
def half_counts(name: str, n: int = 2) -> NDArray[np.float64]:
    """Return weights of n pseudo-clusters worth half a cluster each, shape (n, n_draws)."""
    return UNIT * np.random.RandomState(crc32(name.encode())).standard_gamma(0.5, (n, N_DRAWS))


@lru_cache(maxsize=64)
def normal_scores(name: str) -> Draws:
    """Return standard normal draws that are always the same for a name, shape (n_draws,)."""
    return np.random.RandomState(crc32(f"usual/{name}".encode())).standard_normal(N_DRAWS)


@lru_cache(maxsize=8)
def uncertain_shares(name: str) -> Draws:
    """Return draws of a share of which nothing is known, always the same for a name, shape (n_draws,).

    Uniform in [0, 1).
    """
    return np.random.RandomState(crc32(f"unseen/{name}".encode())).random_sample(N_DRAWS)


def _estimate(sums: Sums, resampled: tuple[Draws, Draws], name: str) -> Estimate:
    value = sums.top / sums.bottom
    squares = _squared_residuals(sums)
    spread = float(squares.sum())
    success, failure = half_counts(name) * sums.prior * _hanging_together(sums, value, spread)
    draws = (resampled[0] + success) / (resampled[1] + success + failure)
    # `pull` has another mean than `top`; only its spread is wanted.
    shift = 0.0 if sums.pull == sums.top else value - sums.pull / sums.bottom
    draws = value + (draws + shift - value) * _widening(sums, squares, spread)
    # No mixture of rows, nor of the pseudo-success 1, exceeds the largest among them.
    return Estimate(value=value, draws=np.clip(draws, 0.0, sums.most), n=sums.n)


def _squared_residuals(sums: Sums) -> NDArray[np.float64]:
    top, bottom = sums.buckets
    residuals = top - sums.pull / sums.bottom * bottom
    return np.square(residuals, out=residuals)


def _hanging_together(sums: Sums, value: float, spread: float) -> float:
    """Return the design effect: how many rows that hang together tell as much as one alone.

    Rows of one cluster are alike, so half a row of pseudo-counts is too little beside them; half a row
    times the design effect makes the draws those of Jeffreys' interval at the effective number of rows.
    """
    variance = value * (1.0 - value) * sums.prior * sums.bottom
    if sums.prior == 0 or variance <= 0.0:
        return 1.0
    return float(np.clip(spread / variance, 1.0, MAX_DESIGN_EFFECT))


def _widening(sums: Sums, squares: NDArray[np.float64], spread: float) -> float:
    """Return what the bootstrap's spread lacks among few clusters.

    sqrt((n + 1) / (n - 1)) for n clusters, unequal ones counted for less, times Student's 95 % point over the
    normal one for as many degrees of freedom as clusters decide the spread: 3 (sum r^2)^2 / sum r^4 of their
    residuals r, which is n where these are normal and little more than their number where few stand out.
    """
    n = max(float(sums.bottom) ** 2 / float(np.square(sums.buckets[1]).sum()), 5.0)
    n_telling = 3.0 * spread**2 / float(np.square(squares).sum()) if spread > 0.0 else n
    degrees = max(min(n, n_telling), 5.0) - 1.0
    student = 1.0 + 0.926 / degrees + 0.863 / degrees**2  # Cornish-Fisher
    return float(np.sqrt((n + 1.0) / (n - 1.0))) * student


def n_distinct(keys: NDArray[np.uint64]) -> int:
    """Return how many different keys there are."""
    ordered = np.sort(keys)  # np.unique hashes, which takes ten times as long
    return int(np.count_nonzero(ordered[1:] != ordered[:-1])) + bool(len(keys))
