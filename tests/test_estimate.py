from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from plaudit.estimate import N_BUCKETS, Estimate, Ratio, resample, weights
from plaudit.facts import ONE


def keys(n: int, seed: int = 0) -> NDArray[np.uint64]:
    return np.random.default_rng(seed).integers(1, 2**63, n, np.uint64)


def share(clusters: NDArray[np.uint64], hits: NDArray[np.bool_], **changes) -> Ratio:
    given = {"by": "author", "clusters": clusters, "top": hits * ONE, "bottom": np.full(len(hits), ONE)}
    return Ratio(**{**given, "prior": ONE, **changes})


def one(ratio: Ratio, name: str = "share") -> Estimate:
    (estimate,) = resample([ratio], names=[name])
    assert estimate is not None
    return estimate


def test_weights_are_whole_and_never_zero() -> None:
    drawn = weights("author")
    assert drawn.shape == (N_BUCKETS, 1000)
    assert (drawn == np.rint(drawn)).all()
    assert drawn.min() >= 1


def test_weights_are_frozen() -> None:
    assert weights("author")[0, :6].tolist() == [49, 39, 17, 200, 238, 42]
    assert weights("thread")[0, :6].tolist() == [7, 119, 42, 49, 133, 10]


def test_order_of_rows_leaves_no_trace() -> None:
    clusters, hits = keys(500), np.arange(500) % 7 == 0
    order = np.random.default_rng(1).permutation(500)
    one_way, other = one(share(clusters, hits)), one(share(clusters[order], hits[order]))
    assert one_way.value == other.value
    assert one_way.draws.tobytes() == other.draws.tobytes()


def test_what_is_resampled_beside_it_leaves_no_trace() -> None:
    first, second = share(keys(300), np.arange(300) % 5 == 0), share(keys(900, 3), np.arange(900) % 2 == 0)
    together = resample([second, first], names=["b", "a"])[1]
    assert together is not None
    assert together.draws.tobytes() == one(first, "a").draws.tobytes()


@pytest.mark.parametrize(("k", "n"), [(0, 30), (3, 30), (15, 30), (60, 200)])
def test_single_comments_give_the_jeffreys_interval(k: int, n: int) -> None:
    beta = np.random.default_rng(2).beta(k + 0.5, n - k + 0.5, 200_000)
    low, high = one(share(keys(n), np.arange(n) < k)).interval()
    wanted = np.quantile(beta, (0.05, 0.95))
    assert low == pytest.approx(min(wanted[0], k / n), abs=0.02)
    assert high == pytest.approx(wanted[1], abs=0.02)


def test_no_event_has_an_interval_of_some_width() -> None:
    low, high = one(share(keys(40), np.zeros(40, bool))).interval()
    assert low == 0
    assert 0.01 < high < 0.08


def test_one_author_has_one_weight_in_every_signal() -> None:
    clusters, hits = keys(80), np.arange(80) % 3 == 0
    first, second = resample([share(clusters, hits), share(clusters, ~hits)], names=["a", "b"])
    assert first is not None
    assert second is not None
    assert np.corrcoef(first.draws, second.draws)[0, 1] < -0.95


def test_comments_of_one_author_hang_together() -> None:
    hits = np.arange(100) % 2 == 0
    apart = one(share(keys(100), hits))
    together = one(share(np.repeat(keys(10), 10), np.repeat(np.arange(10) % 2 == 0, 10)))
    assert together.n == 10
    assert together.draws.std() > 2 * apart.draws.std()


def test_nothing_below_the_line_is_no_estimate() -> None:
    assert resample([share(keys(0), np.zeros(0, bool))], names=["x"]) == [None]


def test_pull_changes_the_spread_and_not_the_value() -> None:
    clusters, hits = keys(60), np.arange(60) % 4 == 0
    plain = one(share(clusters, hits, prior=0))
    pulled = one(share(clusters, hits, prior=0, pull=hits * 2 * ONE))
    assert pulled.value == plain.value
    assert pulled.draws.std() == pytest.approx(2 * plain.draws.std(), rel=0.02)


@pytest.mark.parametrize("n_authors", [20, 50, 100])
@pytest.mark.parametrize("rate", [0.02, 0.1, 0.5])
def test_intervals_hold_the_truth(n_authors: int, rate: float) -> None:
    random = np.random.default_rng(5)
    held = []
    for _ in range(300):
        n_comments = random.integers(1, 6, n_authors)
        clusters = np.repeat(random.integers(1, 2**63, n_authors, np.uint64), n_comments)
        habits = np.repeat(random.beta(3 * rate, 3 * (1 - rate), n_authors), n_comments)
        low, high = one(share(clusters, random.random(len(clusters)) < habits)).interval()
        held.append(low <= rate <= high)
    # At 20 authors and a rate of 0.02 most samples hold no event at all: coverage moves in steps there.
    assert np.mean(held) > (0.75 if n_authors * rate < 1 else 0.84)
    assert np.mean(held) < (1.01 if n_authors * rate < 3 else 0.955)


def test_the_value_is_always_inside() -> None:
    estimate = Estimate(value=5.0, draws=np.linspace(0, 1, 1000), n=1)
    assert estimate.interval()[1] == 5.0
