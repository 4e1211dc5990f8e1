"""The one place where the service meets the model: loading, room, turns, work off the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeVar
from uuid import uuid4

import anyio.to_thread

from plaudit import linguistics, readers
from plaudit.classifier import ArtifactClassifier
from plaudit.comment import Batch
from plaudit.errors import OverloadedError
from plaudit.items import EMPTY, Item, answers
from plaudit.pipeline import Context, OnBatch, Pipeline
from plaudit.readers import ReadOptions
from plaudit.report.envelope import Report
from plaudit.scores import Classifier, Scores
from plaudit.service import traces
from plaudit.service.batching import Batcher, SharedClassifier
from plaudit.service.gathering import Gathering
from plaudit.service.metrics import Metrics
from plaudit.service.problems import Problem
from plaudit.service.room import Room, weight_of

LOGGER: Final = logging.getLogger("plaudit.service")
_WARM_UP: Final = ("Which glue did you use for the joints?", "nice")
_FEW: Final = 256  # comments whose answers are written faster than a thread is asked, some 1 ms
_READ_AT_ONCE: Final = 1024
_MOST_JOBS: Final = 64
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """How much an engine takes on.

    Attributes:
        n_batches: Batches inferred at the same time.
        n_threads: Threads that read, measure and write beside those.
        max_waiting: Comments taken in and not yet answered.
        wait_seconds: Nor more of them than are worked off in that time; None for no such bound.
        batch_seconds: How long a batch should take.
        window_seconds: How long the first comment after a pause waits for company.
    """

    n_batches: int = 1
    n_threads: int = 4
    max_waiting: int = 20_000
    wait_seconds: float | None = None
    batch_seconds: float = 0.05
    window_seconds: float = 0.002


class Engine:
    """Loads a pipeline in the background and gives every request its turns.

    Attributes:
        failure: What loading raised; None while loading and afterwards.
        on_loaded: Called once, in a thread, where all is loaded and nothing is answered yet.
        on_failure: Called once where loading fails, after `failure` is set.
        is_draining: Whether the process was told to stop; requests are still answered.
        stopping: Set soon after, on the event loop's thread, for those that would not end by themselves.
        room: What is taken in and not yet answered.
        metrics: What is counted.
    """

    def __init__(
        self,
        load: Callable[[], Pipeline],
        *,
        capacity: Capacity | None = None,
        metrics: Metrics | None = None,
        folder: Path | None = None,
    ) -> None:
        """Prepare; `start` does the work.

        Args:
            load: Makes the pipeline; called once, in a thread.
            capacity: How much to take on.
            metrics: What to count in; None makes its own.
            folder: Made for sections that memory can't hold; None: where the system puts temporary files.
        """
        self._folder = folder
        self._load, self._capacity = load, capacity or Capacity()
        self._threads = ThreadPoolExecutor(self._capacity.n_threads, thread_name_prefix="beside")
        self._n_jobs = 0
        self._batcher: Batcher | None = None
        self._pipeline: Pipeline | None = None
        self._classifier: Classifier | None = None
        self.metrics = metrics or Metrics()
        most, seconds = self._capacity.max_waiting, self._capacity.wait_seconds
        self.room = Room(most, rate=self._rate, metrics=self.metrics, seconds=seconds)
        self.failure: Exception | None = None
        self.on_loaded: Callable[[], None] = lambda: None
        self.on_failure: Callable[[], None] = lambda: None
        self.is_draining, self.stopping = False, asyncio.Event()

    @property
    def state(self) -> Literal["loading", "ready", "failed"]:
        """How far it is."""
        return "failed" if self.failure else "ready" if self._pipeline else "loading"

    @property
    def pipeline(self) -> Pipeline:
        """The pipeline in use; for threads, where its classifier takes turns with all requests.

        Raises:
            Problem: It is not loaded (503).
        """
        if self._pipeline is None:
            raise self.not_ready()
        return self._pipeline

    @property
    def classifier(self) -> Classifier:
        """The classifier itself, for what it tells of its model.

        Raises:
            Problem: It is not loaded (503).
        """
        if self._classifier is None:
            raise self.not_ready()
        return self._classifier

    def not_ready(self) -> Problem:
        """Return the problem that tells why no request can be answered."""
        if self.failure:
            return Problem("not-ready", "The model could not be loaded; the log of the service says why.")
        return Problem(
            "not-ready", "The model is being loaded.", hint="Try again shortly.", headers={"Retry-After": "1"}
        )

    def check_ready(self) -> None:
        """Refuse where no request should be sent here.

        Raises:
            Problem: It is loading, has failed or is stuck, or the process is about to stop (503).
        """
        _ = self.pipeline
        if self._batcher and self._batcher.is_stuck:
            raise Problem(
                "not-ready",
                "The model has not answered for long.",
                hint="Ask another service; if this one stays so, start it anew.",
                headers={"Retry-After": "30"},
            )
        if self.is_draining:
            raise Problem("not-ready", "The service is stopping.", hint="Ask another one.")

    @property
    def is_hung(self) -> bool:
        """Whether the model will not answer any more; how slow the machine is does not matter."""
        return self._batcher is not None and self._batcher.is_hung

    def check_alive(self) -> None:
        """Tell where only a new process helps.

        Raises:
            Problem: Loading has failed, or the model hangs (503).
        """
        if self.failure:
            raise self.not_ready()
        if self.is_hung:
            raise Problem("not-ready", "The model hangs.", hint="Start the service anew.")

    def _rate(self) -> float:
        return self._batcher.rate if self._batcher else 1.0

    async def start(self) -> None:
        """Load the pipeline and let it answer once; returns when it is ready or has failed."""
        try:
            loaded = await anyio.to_thread.run_sync(self._load_and_try, abandon_on_cancel=True)
        except Exception as error:
            self.failure = error
            LOGGER.error("the model could not be loaded", exc_info=error)
            self.on_failure()
            return
        capacity = self._capacity
        self._classifier = loaded.classifier
        if isinstance(loaded.classifier, ArtifactClassifier):
            loaded.classifier.watch(
                on_tokenised=self.metrics.tokenise_seconds.observe, on_known=self.metrics.cached_texts.inc
            )
        self._batcher = Batcher(
            loaded.classifier,
            metrics=self.metrics,
            n_threads=capacity.n_batches,
            batch_seconds=capacity.batch_seconds,
            window_seconds=capacity.window_seconds,
        )
        self._pipeline = replace(loaded, classifier=SharedClassifier(loaded.classifier, self._batcher))
        LOGGER.info("ready", extra={"fields": {"model": loaded.classifier.model.id}})

    def _load_and_try(self) -> Pipeline:
        pipeline = self._load()
        pipeline.classify(_WARM_UP)
        linguistics.describe(_WARM_UP)  # its word lists take seconds to make
        self.on_loaded()
        return pipeline

    def stop(self) -> None:
        """End the threads; nobody may wait any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._batcher:
            self._batcher.close()

    async def score(self, texts: Sequence[str]) -> Scores:
        """Return the scores of texts that have room already; cancelling takes back what was not begun."""
        _ = self.pipeline
        assert self._batcher is not None  # noqa: S101 - made before the pipeline
        with traces.turns(len(texts)) as begin:
            return await asyncio.wrap_future(self._batcher.submit(texts, on_begin=begin))

    async def classify(self, comments: Sequence[tuple[str, str]]) -> list[dict[str, object]]:
        """Return an answer, or an error where there is no text, for each pair of id and text.

        Raises:
            Problem: There is no room (429), or no model (503).
        """
        _ = self.pipeline
        with self.room.hold(weight_of([text for _, text in comments])):
            items = await self.apart(lambda: _items(comments), n_comments=len(comments))
            return await self.answer(items)

    async def answer(self, items: Sequence[Item]) -> list[dict[str, object]]:
        """Return each item's answer, or its error; the caller holds room for them."""
        texts = [item.text for item in items if item.error is None]
        reasons = ["empty_text" if item.error == EMPTY else "unusable_line" for item in items if item.error]
        self.metrics.count_rejected(Counter(reasons))
        scores = await self.score(texts) if texts else None
        return await self.apart(lambda: list(answers(items, scores)), n_comments=len(items))

    async def index(
        self,
        records: Sequence[Mapping[str, object]],
        *,
        options: ReadOptions,
        context: Context,
        group_by: str | None,
    ) -> Report:
        """Read generic records and score them as a section.

        Raises:
            Problem: There is no room (429), or no model (503).
            UsageError: Nothing in the records can be used.
        """
        _ = self.pipeline
        with self.room.hold(weight_of([str(record.get("text") or "") for record in records])):
            batches = readers.read_records(records, options=replace(options, batch_size=_READ_AT_ONCE))
            return await self.measure(batches, context=context, group_by=group_by)

    async def measure(
        self,
        batches: Iterator[Batch],
        *,
        context: Context,
        group_by: str | None,
        on_batch: OnBatch = lambda _batch, _scores: None,
    ) -> Report:
        """Score batches as a section; the caller holds room for all of them.

        No thread waits for the model. What is asked of `batches` and `on_batch` is asked in a thread.

        Raises:
            StorageError: The disk is full.
        """
        with self.gathering() as gathering:
            while batch := await self.apart(lambda: next(batches, None)):
                await self.gather(batch, into=gathering, on_batch=on_batch)
            return await self.report(gathering, context=context, group_by=group_by)

    def gathering(self) -> Gathering:
        """Return what gathers a section; to be used as a context manager."""
        return Gathering(self._folder and self._folder / uuid4().hex)

    async def gather(
        self, batch: Batch, *, into: Gathering, on_batch: OnBatch = lambda _batch, _scores: None
    ) -> None:
        """Score a batch and keep its facts; the caller holds room for it."""
        scores = await self.score(batch.comments.column("text").to_pylist())

        def add() -> None:
            into.add(batch, scores)
            on_batch(batch, scores)

        await self.apart(add)

    async def report(self, gathering: Gathering, *, context: Context, group_by: str | None) -> Report:
        """Measure what was gathered."""
        self.metrics.count_rejected(gathering.rejected)
        pipeline = self.pipeline
        return await self.apart(lambda: gathering.report(pipeline, context=context, group_by=group_by))

    async def run(self, job: Callable[[], _T]) -> _T:
        """Run a job in a thread that is done before anything holds room.

        Raises:
            OverloadedError: Too many wait already.
        """
        if self._n_jobs - self._capacity.n_threads >= _MOST_JOBS:
            raise OverloadedError("Too much waits already: try again in a second.")
        return await self.apart(job)

    async def apart(self, job: Callable[[], _T], *, n_comments: int | None = None) -> _T:
        """Run a job in a thread, or at once where it is about a few comments only.

        Cancelled, it drops a job that has not begun; one that runs can't be stopped, and is waited for, so
        that what its caller holds (room, bytes, a share of the disk) is held for as long as it costs
        something. Only where the process is about to stop nobody comes to take that, and nothing waits.
        """
        if n_comments is not None and n_comments <= _FEW:
            return job()
        context = copy_context()
        begun = self._threads.submit(lambda: context.run(job))
        running = asyncio.wrap_future(begun)
        self._n_jobs += 1
        running.add_done_callback(self._end_job)
        try:
            await asyncio.wait([running])
        except asyncio.CancelledError:
            try:
                if not begun.cancel() and not self.is_draining:
                    await asyncio.wait([running])
            finally:
                running.cancel()  # where the loop ends before the thread, nobody is told of its end
            raise
        return running.result()

    def _end_job(self, running: asyncio.Future[Any]) -> None:
        self._n_jobs -= 1
        if not running.cancelled():
            running.exception()  # of a caller who left nobody asks for it, which asyncio would log


def _items(comments: Iterable[tuple[str, str]]) -> list[Item]:
    return [Item.of(text, id=comment_id) for comment_id, text in comments]
