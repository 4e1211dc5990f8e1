from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.errors import PlauditError
from plaudit.pipeline import Pipeline
from plaudit.scores import Scores
from plaudit.service import batching, lanes
from plaudit.service.batching import Batcher, Budget
from plaudit.service.lanes import SLICE_TOKENS
from plaudit.service.metrics import Metrics
from tests.fakes import KeywordClassifier

REQUESTS = st.lists(st.lists(st.text("ab?! ", max_size=12), max_size=40), min_size=1, max_size=8)


class Watched(KeywordClassifier):
    """Remembers its batches, waits to be let go, and breaks on poison."""

    def __init__(self, *, seconds: float = 0.0) -> None:
        super().__init__()
        self.batches: list[list[str]] = []
        self.go, self.entered, self.seconds = threading.Event(), threading.Event(), seconds
        self.go.set()

    def classify(self, texts):
        self.batches.append(list(texts))
        self.entered.set()
        assert self.go.wait(20)
        time.sleep(self.seconds)
        if "poison" in texts:
            raise ValueError("poison")
        return super().classify(texts)


@pytest.fixture
def watched():
    classifier = Watched()
    batcher = Batcher(classifier, metrics=Metrics(), window_seconds=0.05)
    yield classifier, batcher
    classifier.go.set()
    batcher.close()


def same(scores: Scores, expected: Scores) -> bool:
    arrays = ("probabilities", "flags", "supported", "truncated")
    return scores.languages == expected.languages and all(
        np.array_equal(getattr(scores, name), getattr(expected, name)) for name in arrays
    )


@settings(max_examples=40, deadline=None)
@given(requests=REQUESTS, n_threads=st.integers(1, 3))
def test_batched_answers_are_those_of_each_request_alone(requests, n_threads):
    batcher = Batcher(KeywordClassifier(), metrics=Metrics(), n_threads=n_threads, window_seconds=0.0005)
    try:
        with ThreadPoolExecutor(4) as pool:
            futures = list(pool.map(batcher.submit, requests))
        for texts, future in zip(requests, futures, strict=True):
            assert same(future.result(10), KeywordClassifier().classify(texts))
    finally:
        batcher.close()


def test_requests_that_come_together_share_a_batch_and_equal_texts_are_scored_once(watched):
    classifier, batcher = watched
    wait([batcher.submit(["so cool", f"number {i}"]) for i in range(5)], 10)
    assert classifier.batches == [["so cool", *(f"number {i}" for i in range(5))]]
    assert batcher._metrics.registry.get_sample_value("plaudit_repeated_texts_total") == 4


def test_idle_threads_share_what_one_request_brings():
    classifier = Watched()
    batcher = Batcher(classifier, metrics=Metrics(), n_threads=2, window_seconds=0.01)
    classifier.go.clear()
    try:
        texts = [f"number {i}" for i in range(200)]
        found = batcher.submit(texts)
        deadline = time.monotonic() + 20
        while len(classifier.batches) < 2 and time.monotonic() < deadline:
            time.sleep(0.001)
        first, second = map(len, classifier.batches)
        assert 60 < first < 140
        assert first + second == 200
        classifier.go.set()
        assert same(found.result(10), KeywordClassifier().classify(texts))
    finally:
        classifier.go.set()
        batcher.close()


def test_who_left_is_dropped_before_inference(watched):
    classifier, batcher = watched
    classifier.go.clear()
    batcher.submit(["first"])
    assert classifier.entered.wait(10)
    left, stays = batcher.submit(["left"]), batcher.submit(["stays"])
    assert left.cancel()
    classifier.go.set()
    stays.result(10)
    assert classifier.batches == [["first"], ["stays"]]


def test_a_text_that_breaks_the_model_breaks_its_own_request_only(watched):
    _, batcher = watched
    futures = [batcher.submit([text]) for text in ("one", "poison", "two")]
    wait(futures, 10)
    assert [type(future.exception()) for future in futures] == [type(None), ValueError, type(None)]
    assert batcher.submit(["after"]).result(10)


class Uncounted(Metrics):
    """Can't count: in each place where a batch is told of."""

    def __init__(self, place: str) -> None:
        super().__init__()
        self._place, self.is_broken = place, True

    def _break(self) -> None:
        if self.is_broken:
            raise OSError("no space left for numbers")

    def count_scores(self, scores):
        if self._place == "scores":
            self._break()
        super().count_scores(scores)

    @property
    def inference_seconds(self):
        if self._place == "seconds":
            self._break()
        return self._seconds

    @inference_seconds.setter
    def inference_seconds(self, found):
        self._seconds = found

    @property
    def inference_failures(self):
        if self._place == "failures":
            self._break()
        return self._failures

    @inference_failures.setter
    def inference_failures(self, found):
        self._failures = found


@pytest.mark.parametrize("place", ["scores", "seconds"])
def test_what_can_not_be_counted_is_answered_all_the_same(place):
    batcher = Batcher(KeywordClassifier(), metrics=Uncounted(place))
    try:
        for texts in (["Is it?"], ["so cool", "Is it?", "so cool"]):
            assert same(batcher.submit(texts).result(20), KeywordClassifier().classify(texts))
        assert not batcher.is_stuck
    finally:
        batcher.close()


def test_whatever_breaks_a_batch_fails_its_requests_and_no_thread():
    class Short(Watched):
        def classify(self, texts):
            scores = super().classify(texts)
            return scores if "whole" in texts else lanes.part(scores, 0, 1)

    def refuse() -> None:
        raise RuntimeError("no turn")

    metrics = Uncounted("failures")
    classifier = Short()
    batcher = Batcher(classifier, metrics=metrics)
    try:
        with pytest.raises(OSError, match="no space left"):
            batcher.submit(["poison"]).result(20)
        with pytest.raises(IndexError):
            batcher.submit(["one", "two", "one"]).result(20)
        with pytest.raises(RuntimeError, match="no turn"):
            batcher.submit(["never"], on_begin=refuse).result(20)
        assert batcher.submit(["whole"]).result(20)
        assert not batcher.is_stuck
    finally:
        batcher.close()


def test_a_thread_that_never_ends_or_has_ended_is_told(monkeypatch):
    monkeypatch.setattr(batching, "_STUCK_SECONDS", 0.05)
    classifier = Watched()
    batcher = Batcher(classifier, metrics=Metrics(), n_threads=2)
    try:
        time.sleep(0.1)
        assert not batcher.is_stuck  # nobody waits
        classifier.go.clear()
        waiting = batcher.submit(["waits"])
        assert classifier.entered.wait(20)
        time.sleep(0.1)
        assert batcher.is_stuck
        classifier.go.set()
        assert waiting.result(20)
        end = time.monotonic() + 20
        while batcher.is_stuck and time.monotonic() < end:
            time.sleep(0.01)
        assert not batcher.is_stuck
        monkeypatch.setattr(batcher._lanes, "take", lambda _: 1 / 0)
        monkeypatch.setattr(threading, "excepthook", lambda _: None)
        batcher.submit(["whom nobody answers"])
        while not batcher.is_stuck and time.monotonic() < end:
            time.sleep(0.01)
        assert batcher.is_stuck
    finally:
        batcher.close()


def test_a_thread_that_hangs_is_told_and_does_not_hold_up_the_end(monkeypatch):
    monkeypatch.setattr(batching, "_HUNG_SECONDS", 0.2)
    monkeypatch.setattr(batching, "_CLOSE_SECONDS", 0.2)
    classifier = Watched()
    batcher = Batcher(classifier, metrics=Metrics(), n_threads=2)
    classifier.go.clear()
    try:
        batcher.submit(["hangs"])
        assert classifier.entered.wait(20)
        assert not batcher.is_hung
        time.sleep(0.3)
        assert batcher.is_hung
        started = time.monotonic()
        batcher.close()
        assert time.monotonic() - started < 5
    finally:
        classifier.go.set()


def test_closing_cancels_who_waits_and_refuses_who_comes():
    classifier = Watched()
    batcher = Batcher(classifier, metrics=Metrics())
    classifier.go.clear()
    begun = batcher.submit(["begun"])
    assert classifier.entered.wait(10)
    waiting = batcher.submit(["waiting"])
    threading.Timer(0.05, classifier.go.set).start()
    batcher.close()
    assert begun.result(1)
    with pytest.raises(CancelledError):
        waiting.result(1)
    with pytest.raises(RuntimeError):
        batcher.submit(["late"])


def test_the_budget_follows_the_time_that_batches_take():
    budget = Budget(seconds=0.05)
    for _ in range(40):
        budget.learn(round(budget.n_tokens), seconds=budget.n_tokens / 40_000)
    assert 1400 < budget.n_tokens < 2600
    for _ in range(20):
        budget.learn(round(budget.n_tokens), seconds=10)
    assert budget.n_tokens == SLICE_TOKENS / 2
    budget.learn(1, seconds=0.001)
    assert budget.n_tokens == SLICE_TOKENS / 2  # a batch that was not full proves nothing


@pytest.fixture(scope="module")
def shipped():
    try:
        return Pipeline.load(threads=1).classifier
    except PlauditError as error:
        pytest.skip(f"no model: {error}")


WORDS = """
which glue did you use love this so much thanks 🔥 @anna the clamp slipped twice bravo how long
""".split()


@settings(max_examples=12, deadline=None)
@given(st.lists(st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=20), max_size=20), max_size=5))
def test_the_shipped_model_answers_the_same_in_any_company(shipped, requests):
    texts = [[" ".join(words) for words in each] for each in requests]
    shipped._model._cache.__init__(100_000)  # or the first company would answer for all others
    batcher = Batcher(shipped, metrics=Metrics(), window_seconds=0.01)
    try:
        found = [future.result(60) for future in [batcher.submit(each) for each in texts]]
    finally:
        batcher.close()
    for each, scores in zip(texts, found, strict=True):
        for row, text in enumerate(each):
            shipped._model._cache.__init__(100_000)
            alone = shipped.classify([text])
            assert np.abs(alone.probabilities[0] - scores.probabilities[row]).max() < 1e-4
            assert np.abs(alone.flags[0] - scores.flags[row]).max() < 1e-4
            top = np.sort(alone.probabilities[0])
            assert alone.labels[0] == scores.labels[row] or top[-1] - top[-2] < 2e-4
