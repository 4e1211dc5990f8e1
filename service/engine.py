"""The one place where the service meets the model: loading, waiting, working off the event loop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Literal, TypeVar

import anyio
import anyio.to_thread

from plaudit import readers
from plaudit.errors import OverloadedError
from plaudit.items import Item, results
from plaudit.pipeline import Context, Pipeline
from plaudit.readers import ReadOptions
from plaudit.report.envelope import Report
from plaudit.service.problems import Problem

LOGGER: Final = logging.getLogger("plaudit.service")
_WARM_UP: Final = ("Which glue did you use for the joints?", "nice")
_T = TypeVar("_T")


class Engine:
    """Loads a pipeline in the background and works requests in threads, a few at a time.

    Attributes:
        failure: What loading raised; None while loading and afterwards.
        on_failure: Called once where loading fails, after `failure` is set.
    """

    def __init__(self, load: Callable[[], Pipeline], *, concurrency: int, max_waiting: int) -> None:
        """Prepare; `start` does the work.

        Args:
            load: Makes the pipeline; called once, in a thread.
            concurrency: Requests worked on at the same time.
            max_waiting: Requests that may wait for their turn; one more is refused.
        """
        self._load, self._max_waiting = load, max_waiting
        self._limiter = anyio.CapacityLimiter(concurrency)
        self._pipeline: Pipeline | None = None
        self.failure: Exception | None = None
        self.on_failure: Callable[[], None] = lambda: None

    @property
    def state(self) -> Literal["loading", "ready", "failed"]:
        """How far it is."""
        return "failed" if self.failure else "ready" if self._pipeline else "loading"

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline in use.

        Raises:
            Problem: It is not loaded (503).
        """
        if self._pipeline is None:
            raise self.not_ready()
        return self._pipeline

    def not_ready(self) -> Problem:
        """Return the problem that tells why no request can be answered."""
        if self.failure:
            return Problem("not-ready", "The model could not be loaded; the log of the service says why.")
        return Problem(
            "not-ready", "The model is being loaded.", hint="Try again shortly.", headers={"Retry-After": "1"}
        )

    @property
    def _n_waiting(self) -> int:
        return self._limiter.statistics().tasks_waiting

    async def start(self) -> None:
        """Load the pipeline and let it answer once; returns when it is ready or has failed."""
        try:
            self._pipeline = await anyio.to_thread.run_sync(self._load_and_try, abandon_on_cancel=True)
            LOGGER.info("ready", extra={"fields": {"model": self._pipeline.classifier.model.id}})
        except Exception as error:
            self.failure = error
            LOGGER.error("the model could not be loaded", exc_info=error)
            self.on_failure()

    def _load_and_try(self) -> Pipeline:
        pipeline = self._load()
        pipeline.classify(_WARM_UP)
        return pipeline

    async def classify(self, comments: Sequence[tuple[str, str]]) -> list[dict[str, object]]:
        """Return an answer, or an error where there is no text, for each pair of id and text.

        Raises:
            OverloadedError: Too many requests wait already.
        """
        pipeline = self.pipeline
        return await self._work(lambda: _classify(comments, pipeline))

    async def index(
        self,
        records: Iterable[Mapping[str, object]],
        *,
        options: ReadOptions,
        context: Context,
        group_by: str | None,
    ) -> Report:
        """Read generic records and score them as a section.

        Raises:
            OverloadedError: Too many requests wait already.
            UsageError: Nothing in the records can be used.
        """
        pipeline = self.pipeline
        return await self._work(
            lambda: pipeline.score(
                readers.read_records(records, options=options), context=context, group_by=group_by
            )
        )

    async def _work(self, job: Callable[[], _T]) -> _T:
        # Threads, because ONNX Runtime and NumPy let go of the interpreter lock.
        if not self._limiter.available_tokens and self._n_waiting >= self._max_waiting:
            raise OverloadedError(f"{self._n_waiting:,} requests are waiting already: try again in a second.")
        return await anyio.to_thread.run_sync(job, limiter=self._limiter)


def _classify(comments: Sequence[tuple[str, str]], pipeline: Pipeline) -> list[dict[str, object]]:
    return list(results([Item.of(text, id=comment_id) for comment_id, text in comments], pipeline))
