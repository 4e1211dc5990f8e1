from __future__ import annotations

import os
import sys
import threading

import pytest

from plaudit.service.batching import Batcher
from plaudit.service.metrics import Metrics
from plaudit.service.priority import STEPS, give_way
from tests.fakes import KeywordClassifier

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="priorities of threads are Linux only")


def nice() -> int:
    """How nice the calling thread is."""
    return os.getpriority(os.PRIO_PROCESS, 0)


@pytest.fixture(autouse=True)
def room_to_be_nicer():
    if nice() >= 19:
        pytest.skip("the tests run at the lowest priority already")


def test_only_the_thread_that_asks_gives_way():
    before, found = nice(), []
    thread = threading.Thread(target=lambda: (give_way(), found.append(nice())))
    thread.start()
    thread.join()
    assert found == [min(before + STEPS, 19)]
    assert nice() == before


def test_inference_gives_way_to_who_submits():
    class Seen(KeywordClassifier):
        def classify(self, texts):
            self.nice = nice()
            return super().classify(texts)

    classifier = Seen()
    batcher = Batcher(classifier, metrics=Metrics())
    batcher.submit(["so?"]).result(20)
    batcher.close()
    assert classifier.nice > nice()
