"""Error rates that differ between sources are told from those that differ by chance."""

from __future__ import annotations

import numpy as np
import pytest

from plaudit.training.dispersion import LEAST, MIN_COMMENTS, MIN_SOURCES, concentrations

RATES = np.array([0.06, 0.84, 0.10])


def drawn(concentration: float, *, n_sources: int, n: int, seed: int) -> tuple[np.ndarray, list[str]]:
    """Return sure answers to comments of one label, whose rates are each source's own, and the sources."""
    draw = np.random.default_rng(seed)
    rates = (
        draw.dirichlet(RATES * concentration, n_sources)
        if np.isfinite(concentration)
        else [RATES] * n_sources
    )
    answers = np.concatenate([np.eye(3)[draw.choice(3, n, p=each)] for each in rates])
    return answers.astype(np.float32), [f"s{i}" for i in range(n_sources) for _ in range(n)]


@pytest.mark.parametrize("concentration", [10.0, 40.0])
def test_the_concentration_of_sources_is_found(concentration: float) -> None:
    found = []
    for seed in range(30):
        answers, sources = drawn(concentration, n_sources=30, n=200, seed=seed)
        _, praise, _ = concentrations(answers, np.ones(len(answers), np.int64), sources)
        found.append(praise)
    assert np.median([each or np.inf for each in found]) == pytest.approx(concentration, rel=0.25)


def test_sources_that_are_alike_are_as_good_as_one() -> None:
    found = [
        concentrations(answers, np.ones(len(answers), np.int64), sources)[1]
        for answers, sources in (drawn(np.inf, n_sources=10, n=100, seed=seed) for seed in range(30))
    ]
    assert 8 <= sum(each is None for each in found) <= 28
    assert all(each is None or each > 80 for each in found)


def test_labels_are_looked_at_apart() -> None:
    varied, sources = drawn(8.0, n_sources=12, n=60, seed=1)
    other = np.tile(np.array([[0.9, 0.05, 0.05]], np.float32), (len(varied), 1))
    found = concentrations(
        np.concatenate((other, varied)), np.repeat([0, 1], len(varied)), [*sources, *sources]
    )
    assert found[0] is None
    assert found[1] is not None
    assert found[2] is None


def test_too_few_sources_tell_nothing() -> None:
    answers, sources = drawn(8.0, n_sources=MIN_SOURCES - 1, n=100, seed=2)
    assert concentrations(answers, np.ones(len(answers), np.int64), sources) == (None, None, None)
    tiny, names = drawn(8.0, n_sources=40, n=MIN_COMMENTS - 1, seed=3)
    assert concentrations(tiny, np.ones(len(tiny), np.int64), names) == (None, None, None)
    assert concentrations(tiny, np.ones(len(tiny), np.int64), [""] * len(tiny)) == (None, None, None)


def test_a_spread_told_from_few_sources_is_bounded() -> None:
    answers = np.eye(3, dtype=np.float32)[np.repeat([0, 1, 2, 1], 50)]
    found = concentrations(answers, np.ones(200, np.int64), [f"s{i // 50}" for i in range(200)])
    assert found[1] == LEAST
