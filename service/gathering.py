"""A section's facts, gathered batch by batch, so that no text outlives its batch."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from plaudit import linguistics
from plaudit.comment import Batch
from plaudit.errors import StorageError
from plaudit.facts import facts_of
from plaudit.partition.gathered import Gathered
from plaudit.pipeline import Context, Pipeline
from plaudit.report.envelope import Report
from plaudit.scores import Scores
from plaudit.service.storage import disk_error

_MEASURING: Final = "measuring"


class Gathering:
    """What `Pipeline.score` does, in steps: the model's turn comes between reading and adding.

    As a context manager it removes what it put on disk; a step that still runs in a thread ends first.

    Attributes:
        rejected: Records left out, by reason.
        n_comments: Comments added.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Prepare.

        Args:
            folder: For nothing else; made where there are more comments than memory holds. None: where the
                system puts temporary files.
        """
        self._folder, self._gathered = folder, Gathered(folder)
        self._turn, self._is_over, self._is_gone = threading.Lock(), False, False
        self.rejected: Counter[str] = Counter()
        self.n_comments = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over = True
        self._clear()

    def add(self, batch: Batch, scores: Scores) -> None:
        """Keep the facts of a batch whose comments were scored.

        Raises:
            StorageError: The disk is full.
        """
        with self._step():
            texts = batch.comments.column("text").to_pylist()
            self._gathered.add(facts_of(batch.comments, scores, linguistics.describe(texts)))
            self.rejected.update(rejection.reason for rejection in batch.rejections)
            self.n_comments += len(texts)

    def report(self, pipeline: Pipeline, *, context: Context, group_by: str | None) -> Report:
        """Measure what was added.

        Raises:
            StorageError: The disk is full.
        """
        with self._step():
            return pipeline.report(
                self._gathered.facts(),
                folder=self._folder and self._folder / _MEASURING,
                rejected=self.rejected,
                context=context,
                group_by=group_by,
            )

    @contextmanager
    def _step(self) -> Iterator[None]:
        # A caller who leaves abandons the thread that works for it: the folder must outlast that.
        try:
            with self._turn:
                if self._is_over:
                    raise StorageError("What was gathered is gone: whoever asked for it has left.")
                yield
        except OSError as error:
            raise disk_error(error) from error
        except StorageError as error:
            if isinstance(error.__cause__, OSError):
                raise disk_error(error.__cause__) from error.__cause__
            raise
        finally:
            if self._is_over:
                self._clear()

    def _clear(self) -> None:
        if self._turn.acquire(blocking=False):
            try:
                if not self._is_gone:
                    self._gathered.__exit__(None, None, None)
                    self._is_gone = True
            finally:
                self._turn.release()
