from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.training import metrics


def drawn(n: int, *, seed: int = 0) -> tuple[metrics.Labels, metrics.Labels]:
    random = np.random.default_rng(seed)
    truth = random.choice(3, n, p=[0.6, 0.3, 0.1])
    return truth, np.where(random.random(n) < 0.7, truth, random.integers(0, 3, n))


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_scikit_learn(seed: int) -> None:
    sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    truth, found = drawn(300, seed=seed)
    assert metrics.macro_f1(truth, found) == pytest.approx(sklearn.f1_score(truth, found, average="macro"))
    each = sklearn.f1_score(truth, found, average=None)
    assert [metrics.label_f1(i)(truth, found) for i in range(3)] == pytest.approx(list(each))
    precisions = sklearn.precision_score(truth, found, average=None)
    assert [metrics.precision(i)(truth, found) for i in range(3)] == pytest.approx(list(precisions))
    assert metrics.confusion(truth, found) == sklearn.confusion_matrix(truth, found).tolist()


def test_flag_scores_are_those_of_scikit_learn_over_known_flags() -> None:
    sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    random = np.random.default_rng(3)
    targets = (random.random((200, 3)) < [0.5, 0.2, 0.4]).astype(np.float32)
    targets[150:] = -1
    given_ = random.random((200, 3)).astype(np.float32)
    expected = sklearn.f1_score(targets[:150] > 0, given_[:150] > 0.5, average=None)
    assert metrics.flag_f1(targets, given_) == pytest.approx(list(expected))


def test_what_occurs_nowhere_has_no_figure() -> None:
    truth = np.zeros(4, np.int64)
    assert metrics.with_interval(metrics.label_f1(2), truth, truth).to_dict() is None
    assert metrics.with_interval(metrics.precision(2), truth, truth).to_dict() is None
    assert metrics.with_interval(metrics.macro_f1, truth[:0], truth[:0]).to_dict() is None
    assert metrics.flag_f1(np.zeros((4, 3), np.float32), np.zeros((4, 3), np.float32)) == [None] * 3
    assert metrics.macro_f1(truth, truth) == 1.0


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30))
def test_an_interval_holds_its_value(pairs: list[tuple[int, int]]) -> None:
    truth, found = np.array(pairs).T
    figure = metrics.with_interval(metrics.macro_f1, truth, found, n_draws=20)
    assert 0 <= figure.low <= figure.value <= figure.high <= 1
    assert figure.n == len(pairs)


def test_an_interval_narrows_with_the_data() -> None:
    wide = metrics.with_interval(metrics.macro_f1, *drawn(100))
    narrow = metrics.with_interval(metrics.macro_f1, *drawn(4000))
    assert narrow.high - narrow.low < (wide.high - wide.low) / 3


def calibrated(n: int, *, seed: int, sharpened: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and labels drawn from them; then the probabilities made more confident."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet([2, 1, 1], n)
    truth = (random.random((n, 1)) > probabilities.cumsum(1)).sum(1)
    sharp = probabilities**sharpened
    return (sharp / sharp.sum(1, keepdims=True)).astype(np.float32), truth


def test_calibrated_probabilities_have_no_calibration_error() -> None:
    errors = [metrics.calibration_error(*calibrated(1000, seed=seed)) for seed in range(20)]
    plain = [metrics.calibration_error(*calibrated(1000, seed=seed), debiased=False) for seed in range(20)]
    assert np.mean(errors) < 0.02
    assert np.mean(plain) > 2 * np.mean(errors)  # what the noise within bins adds


def test_overconfidence_is_seen() -> None:
    assert metrics.calibration_error(*calibrated(2000, seed=1, sharpened=3.0)) > 0.15
    certain = np.tile(np.array([[1, 0, 0]], np.float32), (100, 1))
    assert metrics.calibration_error(certain, np.arange(100) % 2) == pytest.approx(0.5, abs=0.06)


def test_few_comments_are_one_bin() -> None:
    probabilities, truth = calibrated(5, seed=0)
    assert 0 <= metrics.calibration_error(probabilities, truth) <= 1


def test_slices_by_language_source_length_and_mark() -> None:
    masks = metrics.slices(["why?", "word " * 31, "a b c d"], ["en", "de", "en"], ["yt", "", "yt"])
    assert masks["no question mark"].tolist() == [False, True, True]
    assert masks["1 to 3 words"].tolist() == [True, False, False]
    assert masks["over 30 words"].tolist() == [False, True, False]
    assert masks["language en"].tolist() == [True, False, True]
    assert masks["source unknown"].tolist() == [False, True, False]
