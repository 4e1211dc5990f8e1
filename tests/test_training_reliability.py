from __future__ import annotations

import numpy as np
import pytest

from plaudit.training import reliability


def calibrated(n: int, *, seed: int, sharpened: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and labels drawn from them; then the probabilities made more confident."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet([2, 1, 1], n)
    truth = (random.random((n, 1)) > probabilities.cumsum(1)).sum(1)
    sharp = probabilities**sharpened
    return (sharp / sharp.sum(1, keepdims=True)).astype(np.float32), truth


def test_calibrated_probabilities_have_no_calibration_error() -> None:
    errors = [reliability.calibration_error(*calibrated(1000, seed=seed)) for seed in range(20)]
    plain = [
        reliability.calibration_error(*calibrated(1000, seed=seed), debiased=False) for seed in range(20)
    ]
    assert np.mean(errors) < 0.02
    assert np.mean(plain) > 2 * np.mean(errors)  # what the noise within bins adds


def test_overconfidence_is_seen() -> None:
    assert reliability.calibration_error(*calibrated(2000, seed=1, sharpened=3.0)) > 0.15
    certain = np.tile(np.array([[1, 0, 0]], np.float32), (100, 1))
    assert reliability.calibration_error(certain, np.arange(100) % 2) == pytest.approx(0.5, abs=0.06)


def test_few_comments_are_one_bin() -> None:
    probabilities, truth = calibrated(5, seed=0)
    assert 0 <= reliability.calibration_error(probabilities, truth) <= 1


def test_the_interval_covers_the_error_and_not_only_its_noise() -> None:
    found = [reliability.with_interval(*calibrated(400, seed=seed), np.arange(400)) for seed in range(12)]
    assert sum(figure.low < 0.01 for figure in found) >= 10  # calibrated: 0 is within reach
    probabilities, truth = calibrated(400, seed=3, sharpened=3.0)
    figure = reliability.with_interval(probabilities, truth, np.arange(400))
    assert 0.1 < figure.low < figure.value < figure.high
    wide = reliability.with_interval(probabilities, truth, np.arange(400) // 20)
    assert wide.value == figure.value
    assert reliability.with_interval(probabilities[:0], truth[:0], truth[:0]).to_dict() is None


def test_points_follow_the_diagonal_where_probabilities_are_calibrated() -> None:
    points = reliability.points(*calibrated(3000, seed=2))
    assert len(points) == 15
    assert sum(point["n"] for point in points) == 3000
    assert sum(point["low"] <= point["confidence"] <= point["high"] for point in points) >= 12
    low, high = reliability.wilson(1.0, 10)
    assert (round(low, 3), high) == (0.722, 1.0)


def test_one_post_gives_the_interval_of_its_comments() -> None:
    probabilities, truth = calibrated(300, seed=3, sharpened=2.0)
    rows = np.arange(300)
    one = reliability.with_interval(probabilities, truth, rows * 0)
    assert one == reliability.with_interval(probabilities, truth, rows)
    assert one.low < one.high
