"""Processes that score give what one process gives, in the order of the batches, and fail in one piece."""

from __future__ import annotations

import os
import signal

import pytest

from plaudit.errors import ArtifactError, PlauditError
from plaudit.pipeline import Pipeline
from plaudit.readers import ReadOptions, read_records
from plaudit.service.scorers import Scorers, score_here
from tests.fakes import fake_pipeline

RECORDS = [
    {"id": str(i), "text": f"{'great ' * (i % 7)} glue {i}?", "author": f"a{i % 9}"} for i in range(90)
]


def batches():
    return read_records(RECORDS, options=ReadOptions(batch_size=7))


def no_model() -> Pipeline:
    raise ArtifactError("The model is gone; fetch it again.")


class Breaking:
    """Fails at a text, or takes its whole process with it."""

    def __init__(self, text: str, *, deadly: bool) -> None:
        self._inner, self._text, self._deadly = fake_pipeline().classifier, text, deadly
        self.model, self.languages = self._inner.model, self._inner.languages
        self.error_counts = self._inner.error_counts

    def classify(self, texts):
        if any(self._text in text for text in texts):
            if self._deadly:
                os.kill(os.getpid(), signal.SIGKILL)
            raise ValueError(texts[0])
        return self._inner.classify(texts)


def _breaking(*, deadly: bool) -> Pipeline:
    fake = fake_pipeline()
    return Pipeline(
        classifier=Breaking("glue 50?", deadly=deadly), references=fake.references, policy=fake.policy
    )


def failing() -> Pipeline:
    return _breaking(deadly=False)


def dying() -> Pipeline:
    return _breaking(deadly=True)


def test_processes_give_what_one_gives_in_order() -> None:
    pipeline = fake_pipeline()
    expected = list(score_here(batches(), pipeline))
    with Scorers(fake_pipeline, n=2) as scorers:
        told = scorers.pipeline()
        found = list(scorers.score(batches()))
    assert told.classifier.model == pipeline.classifier.model
    assert told.policy == pipeline.policy
    assert [each.batch.comments for each in found] == [each.batch.comments for each in expected]
    assert all(one.labelled.equals(other.labelled) for one, other in zip(found, expected, strict=True))
    assert all(one.facts.equals(other.facts) for one, other in zip(found, expected, strict=True))


def test_a_model_that_cannot_be_loaded_is_told_as_in_one_process() -> None:
    with Scorers(no_model, n=2) as scorers, pytest.raises(ArtifactError, match="fetch it again"):
        scorers.pipeline()


def test_what_breaks_in_a_process_breaks_the_run_without_quoting_a_comment() -> None:
    with Scorers(failing, n=2) as scorers:
        scorers.pipeline()
        with pytest.raises(RuntimeError, match=r"^ValueError$"):
            list(scorers.score(batches()))


def test_a_process_that_dies_ends_the_run_in_one_sentence() -> None:
    with Scorers(dying, n=2) as scorers:
        scorers.pipeline()
        with pytest.raises(PlauditError, match="ended from outside"):
            list(scorers.score(batches()))
