"""Scoring batches: in this process, or in one process a core, always in the order of the batches.

Processes rather than threads, because half of the work is Python's own. Each loads the model, with one
thread; what goes between them are Arrow columns. A process that reads from a pipe whose other end has gone
ends too: nothing is left behind where the run is killed.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, Final, Self, cast

import pyarrow as pa

from plaudit.comment import Batch
from plaudit.errors import PlauditError
from plaudit.pipeline import Part, Pipeline
from plaudit.scores import ErrorCounts, ModelInfo, Scores
from plaudit.service.output import labelled, with_kept

Load = Callable[[], Pipeline]
"""Makes a pipeline; picklable where it is to be called in other processes."""

_WAITING: Final = 2  # batches a process holds: one in work, one behind it
_AHEAD: Final = 4  # batches a process, scored or not, before the oldest has come back
_END_SECONDS: Final = 5.0
_ENDED: Final = (
    "A process that scored comments was ended from outside, most likely because the memory of this machine "
    "is used up; use fewer with --threads, or a machine with more."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A batch, its rows of the table of comments, and its facts as a table."""

    batch: Batch
    labelled: pa.RecordBatch
    facts: pa.Table

    @classmethod
    def of(cls, batch: Batch, part: Part) -> Scored:
        """Shape what the pipeline said of a batch."""
        return cls(
            batch=batch,
            labelled=with_kept(labelled(batch.comments, part.scores), batch.kept),
            facts=part.facts.to_table(),
        )


def n_cores() -> int:
    """Return the cores this process may use, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def score_here(batches: Iterable[Batch], pipeline: Pipeline) -> Iterator[Scored]:
    """Score batches one after the other in this process."""
    for batch in batches:
        yield Scored.of(batch, pipeline.part(batch.comments))


class Scorers:
    """Processes that score; as a context manager they are started and ended."""

    def __init__(self, load: Load, *, n: int) -> None:
        """Prepare.

        Args:
            load: Called in each of the processes.
            n: How many, at least 1.
        """
        context = multiprocessing.get_context("spawn")
        pipes = [context.Pipe() for _ in range(n)]
        self._pipes = [ours for ours, _ in pipes]
        self._theirs = [theirs for _, theirs in pipes]
        self._processes = [
            context.Process(target=_work, args=(theirs, load), daemon=True) for theirs in self._theirs
        ]

    def __enter__(self) -> Self:
        with _one_thread_each():
            for process in self._processes:
                process.start()
        for theirs in self._theirs:
            theirs.close()  # else the death of a process would never be noticed
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            if kind is not None:
                process.terminate()
            process.join(_END_SECONDS)
            if process.is_alive():
                process.kill()
                process.join()

    def pipeline(self) -> Pipeline:
        """Return the pipeline that the processes have loaded, without its weights: it measures, not labels.

        Raises:
            PlauditError: What loading it raised.
        """
        told = [_received(pipe) for pipe in self._pipes]
        pipeline: Pipeline = told[0]
        return pipeline

    def score(self, batches: Iterable[Batch]) -> Iterator[Scored]:
        """Yield each batch with what is known of it, in order; after `pipeline`, once."""
        waiting: deque[Batch] = deque()
        found: dict[int, tuple[Any, Any]] = {}
        jobs: dict[Connection, deque[int]] = {pipe: deque() for pipe in self._pipes}
        n_given = 0
        for n_sent, batch in enumerate(batches):
            while n_sent - n_given >= _AHEAD * len(jobs) or min(map(len, jobs.values())) >= _WAITING:
                _gather(jobs, found)
                while n_given in found:
                    yield _scored(waiting.popleft(), found.pop(n_given))
                    n_given += 1
            free = min(jobs, key=lambda pipe: len(jobs[pipe]))
            _send(free, batch.comments)
            jobs[free].append(n_sent)
            waiting.append(batch)
        while waiting:
            while n_given not in found:
                _gather(jobs, found)
            yield _scored(waiting.popleft(), found.pop(n_given))
            n_given += 1


def _gather(jobs: dict[Connection, deque[int]], found: dict[int, tuple[Any, Any]]) -> None:
    """Take what at least one process has finished."""
    for pipe in wait([pipe for pipe, numbers in jobs.items() if numbers]):
        connection = cast(Connection, pipe)  # nothing else was waited for
        found[jobs[connection].popleft()] = _received(connection)


def _scored(batch: Batch, found: tuple[Any, Any]) -> Scored:
    return Scored(batch=batch, labelled=with_kept(found[0], batch.kept), facts=found[1])


def _send(pipe: Connection, comments: pa.RecordBatch) -> None:
    try:
        pipe.send(comments)
    except OSError as error:
        raise PlauditError(_ENDED) from error


def _received(pipe: Connection) -> Any:
    try:
        answer = pipe.recv()
    except (EOFError, OSError) as error:
        raise PlauditError(_ENDED) from error
    if isinstance(answer, BaseException):
        raise answer
    return answer


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Libraries of linear algebra read these when they are loaded, in the new process."""
    wanted = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class _Told:
    """A classifier that is elsewhere."""

    def __init__(
        self, *, model: ModelInfo, languages: tuple[str, ...], error_counts: ErrorCounts | None
    ) -> None:
        self.model, self.languages, self.error_counts = model, languages, error_counts

    def classify(self, texts: Sequence[str]) -> Scores:
        raise NotImplementedError("The weights are in the processes that score.")


def _told(pipeline: Pipeline) -> Pipeline:
    classifier = pipeline.classifier
    told = _Told(model=classifier.model, languages=classifier.languages, error_counts=classifier.error_counts)
    return Pipeline(classifier=told, references=pipeline.references, policy=pipeline.policy)


def _work(pipe: Connection, load: Load) -> None:
    """Load a pipeline, tell of it, then answer batch after batch until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the run decides
    pa.set_cpu_count(1)
    try:
        pipeline = load()
        pipe.send(_told(pipeline))
    except Exception as error:
        pipe.send(_portable(error))
        return
    batches: queue.SimpleQueue[pa.RecordBatch] = queue.SimpleQueue()
    # A thread receives: were both ends to send at once, neither would be heard.
    threading.Thread(target=_receive, args=(pipe, batches), daemon=True).start()
    while True:
        comments = batches.get()
        try:
            part = pipeline.part(comments)
            pipe.send((labelled(comments, part.scores), part.facts.to_table()))
        except OSError:
            return  # nobody is there any more
        except Exception as error:
            pipe.send(_portable(error))


def _receive(pipe: Connection, batches: queue.SimpleQueue[pa.RecordBatch]) -> None:
    try:
        while True:
            batches.put(pipe.recv())
    except (EOFError, OSError):
        os._exit(0)  # the run has ended or was killed: whatever is in work is of no use


def _portable(error: Exception) -> Exception:
    """Return the error as it can go through a pipe."""
    if isinstance(error, PlauditError | OSError | MemoryError):
        return error
    return RuntimeError(type(error).__name__)
