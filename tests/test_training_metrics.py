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
    table = metrics.counts(truth, found).sum(0)
    assert metrics.macro_f1(table) == pytest.approx(sklearn.f1_score(truth, found, average="macro"))
    assert metrics.accuracy(table) == pytest.approx(sklearn.accuracy_score(truth, found))
    for score, metric in (
        (sklearn.f1_score, metrics.label_f1),
        (sklearn.precision_score, metrics.precision),
        (sklearn.recall_score, metrics.recall),
    ):
        each = score(truth, found, average=None)
        assert [float(metric(i)(table)) for i in range(3)] == pytest.approx(list(each))
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
    table = metrics.counts(truth, truth)
    assert metrics.figure(metrics.label_f1(2), table).to_dict() is None
    assert metrics.figure(metrics.precision(2), table).to_dict() is None
    assert metrics.figure(metrics.macro_f1, metrics.counts(truth[:0], truth[:0])).to_dict() is None
    assert metrics.flag_f1(np.zeros((4, 3), np.float32), np.zeros((4, 3), np.float32)) == [None] * 3
    assert metrics.macro_f1(table.sum(0)) == 1.0


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30))
def test_an_interval_holds_its_value(pairs: list[tuple[int, int]]) -> None:
    truth, found = np.array(pairs).T
    figure = metrics.figure(metrics.macro_f1, metrics.counts(truth, found), n_draws=20)
    assert 0 <= figure.low <= figure.value <= figure.high <= 1
    assert figure.n == len(pairs)


def test_an_interval_narrows_with_the_data() -> None:
    wide = metrics.figure(metrics.macro_f1, metrics.counts(*drawn(100)))
    narrow = metrics.figure(metrics.macro_f1, metrics.counts(*drawn(4000)))
    assert narrow.high - narrow.low < (wide.high - wide.low) / 3


def test_an_interval_covers_the_truth_as_often_as_it_says() -> None:
    # Of the rows of 25 posts, all of a post right or all wrong: only whole posts are independent.
    random = np.random.default_rng(0)
    covered = {"posts": 0, "rows": 0}
    for _ in range(100):
        clusters = np.repeat(np.arange(25), 20)
        truth = np.zeros(500, np.int64)
        found = np.repeat(random.random(25) < 0.3, 20).astype(np.int64)
        for name, each in (("posts", clusters), ("rows", None)):
            figure = metrics.figure(metrics.accuracy, metrics.counts(truth, found, each), n_draws=100)
            covered[name] += figure.low <= 0.7 <= figure.high
    assert covered["posts"] >= 86
    assert covered["rows"] < 60


def test_a_difference_is_paired() -> None:
    truth, found = drawn(600)
    better = found.copy()
    wrong = np.flatnonzero(found != truth)
    better[wrong[: len(wrong) // 4]] = truth[wrong[: len(wrong) // 4]]
    new, old = metrics.counts(truth, better), metrics.counts(truth, found)
    lead = metrics.difference(metrics.macro_f1, new, old)
    assert 0 < lead.low < lead.value < lead.high
    assert (
        lead.high - lead.low
        < metrics.figure(metrics.macro_f1, new).high - metrics.figure(metrics.macro_f1, new).low
    )
    assert metrics.difference(metrics.macro_f1, old, old).high == 0.0


def test_rows_without_a_key_are_clusters_of_their_own() -> None:
    assert metrics.clusters_of(["a", "", "b", "", "a"]).tolist() == [0, 1, 2, 3, 0]


def test_comments_of_a_few_posts_are_drawn_one_by_one() -> None:
    truth, found = drawn(200)
    alone = metrics.counts(truth, found)
    for n_posts in (1, 9):
        table = metrics.counts(truth, found, np.arange(200) % n_posts)
        assert metrics.figure(metrics.macro_f1, table) == metrics.figure(metrics.macro_f1, alone)
        other = metrics.counts(truth, truth, np.arange(200) % n_posts)
        lead = metrics.difference(metrics.macro_f1, other, table)
        assert lead.low < lead.value < lead.high
    assert len(metrics.counts(truth, found, np.arange(200) % 10)) == 10
    assert len(metrics.counts(truth[:4], found[:4], np.array([0, 0, 1, 2]))) == 3
