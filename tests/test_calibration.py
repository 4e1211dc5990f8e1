"""Fitted calibrations recover the truth, and their probabilities stay probabilities for any logits."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from plaudit.calibration import Calibration, error_counts, fit, sigmoid, softmax

LOGITS = arrays(np.float32, (4, 3), elements=st.floats(-1e4, 1e4, width=32))
PLAIN = Calibration(temperature=1.0, flag_scale=(1.0, 1.0, 1.0), flag_bias=(0.0, 0.0, 0.0))


def drawn(n: int, *, temperature: float, scale: float, bias: float):
    """Logits of a classifier too sure by `temperature`, with labels and flags drawn from the truth."""
    random = np.random.default_rng(11)
    label_logits = random.normal(size=(n, 3)) * 3
    flag_logits = random.normal(size=(n, 3)) * 3
    label_cuts = softmax(label_logits / temperature).cumsum(axis=1)
    labels = (random.random((n, 1)) > label_cuts[:, :2]).sum(axis=1)
    flags = (random.random((n, 3)) < sigmoid(flag_logits * scale + bias)).astype(np.int64)
    return label_logits, labels, flag_logits, flags


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
@pytest.mark.parametrize(("scale", "bias"), [(0.5, -1.0), (1.0, 0.0), (1.6, 0.8)])
def test_fitting_recovers_the_truth(temperature: float, scale: float, bias: float) -> None:
    fitted = fit(*drawn(20_000, temperature=temperature, scale=scale, bias=bias))
    assert fitted.temperature == pytest.approx(temperature, rel=0.05)
    assert fitted.flag_scale == pytest.approx((scale,) * 3, rel=0.08)
    assert fitted.flag_bias == pytest.approx((bias,) * 3, abs=0.1)


def test_calibrated_probabilities_are_frequencies() -> None:
    label_logits, labels, flag_logits, flags = drawn(20_000, temperature=2.0, scale=0.6, bias=0.5)
    fitted = fit(label_logits, labels, flag_logits, flags)
    probabilities = fitted.label_probabilities(label_logits)[:, 2]
    for low, high in [(0.0, 0.2), (0.4, 0.6), (0.8, 1.0)]:
        rows = (probabilities >= low) & (probabilities < high)
        assert (labels[rows] == 2).mean() == pytest.approx(probabilities[rows].mean(), abs=0.03)


@pytest.mark.parametrize("shift", [-60.0, -8.0, 8.0, 60.0])
@pytest.mark.parametrize("spread", [1e-3, 1.0, 40.0])
def test_fitting_survives_far_away_and_separable_logits(shift: float, spread: float) -> None:
    flags = np.tile(np.arange(200)[:, None] % 2, 3)
    flag_logits = (flags * 2 - 1) * spread + shift
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = fit(flag_logits, flags[:, 0], flag_logits, flags)
    assert np.isfinite([*fitted.flag_scale, *fitted.flag_bias, fitted.temperature]).all()
    assert min(fitted.flag_scale) > 0
    predicted = fitted.flag_probabilities(flag_logits)
    if spread >= 1:
        assert predicted[flags == 1].min() > 0.9 > 0.1 > predicted[flags == 0].max()


def test_a_flag_never_seen_or_unknown_stays_as_it_is() -> None:
    label_logits, labels, flag_logits, flags = drawn(200, temperature=1.0, scale=1.0, bias=0.0)
    flags[:, 0], flags[:, 1], flags[::2, 2] = 0, -1, -1
    fitted = fit(label_logits, labels, flag_logits, flags)
    assert (fitted.flag_scale[:2], fitted.flag_bias[:2]) == ((1.0, 1.0), (0.0, 0.0))
    assert fitted.flag_scale[2] != 1.0


def test_a_flag_that_tells_the_opposite_is_never_turned_round() -> None:
    label_logits, labels, flag_logits, flags = drawn(500, temperature=1.0, scale=-1.0, bias=0.0)
    assert min(fit(label_logits, labels, flag_logits, flags).flag_scale) > 0


@settings(max_examples=200)
@given(LOGITS, st.floats(0.05, 20))
def test_probabilities_of_any_logits(logits, temperature: float) -> None:
    calibration = Calibration(temperature=temperature, flag_scale=(1.0, 2.0, 0.5), flag_bias=(0.0, 5.0, -5.0))
    labels, flags = calibration.label_probabilities(logits), calibration.flag_probabilities(logits)
    assert labels.dtype == flags.dtype == np.float32
    assert np.abs(labels.sum(axis=1) - 1).max() < 1e-6
    assert ((labels >= 0) & (labels <= 1) & (flags >= 0) & (flags <= 1)).all()
    assert (labels.max(axis=1) == labels[np.arange(4), logits.argmax(axis=1)]).all()


def test_no_rows_are_no_probabilities() -> None:
    assert PLAIN.label_probabilities(np.empty((0, 3))).shape == (0, 3)
    assert PLAIN.flag_probabilities(np.empty((0, 3))).shape == (0, 3)


def test_error_counts_are_rows_of_true_labels() -> None:
    probabilities = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.6, 0.2, 0.2]])
    counts = error_counts(probabilities, np.array([0, 1, 0]))
    np.testing.assert_allclose(counts, [[1.4, 0.3, 0.3], [0.2, 0.7, 0.1], [0, 0, 0]])
