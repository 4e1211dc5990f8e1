"""One run over one dump: under a lease, with signs of life, ended once."""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from types import TracebackType
from typing import Any, Final, Self

import orjson

from plaudit.errors import PlauditError, StorageError
from plaudit.pipeline import Pipeline
from plaudit.readers import ReadOptions
from plaudit.service import unpacking
from plaudit.service.score import Job, score
from plaudit.service.storage import Storage
from plaudit.service.store.tables import THE_DUMP, THE_SERVICE, Dump

LOGGER: Final = logging.getLogger("plaudit.service")
BROKEN: Final = "Something broke on our side; the log of the service says more under the dump's id."
NO_MEMORY: Final = "The memory of the service did not suffice; split the dump."
GONE: Final = (
    "The upload is not in the data folder: processes that share a database must share PLAUDIT_DATA_DIR too."
)

_BATCH: Final = 512  # comments; others get their turn in between
_RETRY_SECONDS: Final = 1.0


class Stopped(Exception):  # noqa: N818 - no error, a turn of events; it never leaves this module
    """The run shall end: the dump was deleted, taken over, or the service stops."""


class Run:
    """Works on a dump until it is done, has failed, is no longer ours or the service stops.

    Attributes:
        n_bytes: Of the upload, worked off.
        n_comments: Labelled.
        rejected: Once it is done: records that could not be used, by reason.
        fault: Once it has failed: whose fault that is.
    """

    def __init__(
        self,
        dump: Dump,
        *,
        storage: Storage,
        pipeline: Pipeline,
        limits: unpacking.Limits,
        stopping: threading.Event,
        beat_seconds: float,
    ) -> None:
        """Prepare.

        Args:
            dump: As claimed: its lease is ours.
            storage: Where it lies.
            pipeline: What labels.
            limits: What it may be once unpacked.
            stopping: Set where the service stops.
            beat_seconds: Time between signs of life.
        """
        self.id, self.lease, self._dump = dump.id, dump.lease or "", dump
        self._storage, self._pipeline, self._limits = storage, pipeline, limits
        self._stopping, self._beat_seconds = stopping, beat_seconds
        self._ended, self._lost = threading.Event(), threading.Event()
        self._is_abandoned = False
        self.n_bytes = self.n_comments = 0
        self.rejected: Mapping[str, int] = {}
        self.fault: str | None = None

    def work(self) -> bool:
        """Do it; return whether this run has brought the results."""
        heart = threading.Thread(target=self._beat, name=f"beats-{self.id[:8]}", daemon=True)
        heart.start()
        try:
            return self._try()
        finally:
            self._ended.set()
            heart.join()

    def _try(self) -> bool:
        try:
            self._score()
        except (Stopped, CancelledError):
            if self._is_abandoned:
                return False
            self._settle(lambda: self._storage.dumps.give_back(self.id, lease=self.lease))
            self._storage.drop_results_of(self.id, lease=self.lease)
            return False
        except Exception as error:
            return self._fail(error)
        return self._finish()

    def _score(self) -> None:
        upload = self._storage.upload(self.id, suffix=self._dump.suffix)
        if not upload.is_file():
            raise StorageError(GONE)
        unpacking.check(upload, limits=self._limits, on_step=self.check)
        self._storage.make_results_folder(self.id)
        options: dict[str, Any] = orjson.loads(self._dump.options)
        group_by = options.pop("by", None)
        job = Job(
            sources=[str(upload)],
            out=self._storage.results(self.id, lease=self.lease),
            options=ReadOptions(**options, batch_size=_BATCH),
            group_by=group_by,
            pages=True,
        )
        outcome = score(job, meter=_Meter(self), pipeline=self._pipeline)
        self.rejected = outcome.report.coverage.rejected if outcome else {}

    def check(self) -> None:
        """Raise `Stopped` where the run shall end."""
        if self._lost.is_set() or self._stopping.is_set():
            raise Stopped

    def abandon(self) -> None:
        """Leave the dump as a process leaves it that is killed in the middle of it."""
        self._is_abandoned = True

    def leave(self) -> None:
        """Give the dump back though the work on it goes on: it comes to nothing.

        Raises:
            StorageError: The database can't be asked; another run takes over once the lease is over.
        """
        self._lost.set()
        self._storage.dumps.give_back(self.id, lease=self.lease)

    def _finish(self) -> bool:
        is_ours = self._settle(
            lambda: self._storage.dumps.finish(self.id, lease=self.lease, n_comments=self.n_comments)
        )
        if is_ours:
            self._storage.drop_upload(self.id)
            self._storage.drop_results(self.id, but=self.lease)
            fields = {"dump": self.id, "n_comments": self.n_comments, "n_bytes": self._dump.n_bytes}
            LOGGER.info("a dump is done", extra={"fields": fields})
        elif is_ours is not None:
            self._storage.drop_results_of(self.id, lease=self.lease)
        return bool(is_ours)

    def _fail(self, error: Exception) -> bool:
        sentence, fault = _told(error)
        named = {"lease": self.lease, "error": sentence, "fault": fault}
        if self._settle(lambda: self._storage.dumps.fail(self.id, **named)):
            self.fault = fault
            self._storage.drop_upload(self.id)
            if fault == THE_SERVICE:
                LOGGER.error("a dump failed", exc_info=error, extra={"fields": {"dump": self.id}})
        self._storage.drop_results_of(self.id, lease=self.lease)
        return False

    def _settle(self, change: Callable[[], bool]) -> bool | None:
        """Make a change, again and again while the database can't be asked; twice at most where it stops.

        It may be kept and the word of that be lost: made once more it changes nothing, and the database is
        asked whether this run has ended the dump. What is left unsettled, None, is taken over by another run,
        as if this one had been killed, and its results stay.
        """
        is_unclear = False
        while True:
            try:
                return change() or (is_unclear and self._storage.dumps.is_ended(self.id, lease=self.lease))
            except StorageError:
                if is_unclear and self._stopping.is_set():
                    return None
                is_unclear = True
                self._stopping.wait(_RETRY_SECONDS)

    def _beat(self) -> None:
        while not self._ended.wait(self._beat_seconds) and not self._lost.is_set():
            try:
                is_ours = self._storage.dumps.beat(
                    self.id, lease=self.lease, n_bytes_read=self.n_bytes, n_comments=self.n_comments
                )
            except StorageError:
                continue  # should it last, another run takes over, and one of the two will have lost
            except Exception as error:  # whatever it is, without signs of life the dump would be taken away
                LOGGER.error("a sign of life failed", exc_info=error)
                continue
            if not is_ours:
                self._lost.set()


class _Meter:
    """Counts for the run, and ends it where it shall end."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def say(self, step: str) -> None:  # noqa: ARG002 - as `Steps` has it
        self._run.check()

    def advance(self, n_comments: int, *, n_bytes: int) -> None:
        self._run.n_comments += n_comments
        self._run.n_bytes += n_bytes
        self._run.check()
        time.sleep(0)  # whoever waits for the interpreter gets it

    def warn(self, sentence: str) -> None:
        pass  # the report counts it by its reason


def _told(error: Exception) -> tuple[str, str]:
    """Return the sentence for the caller, and whose fault it is; nothing of the disk's layout leaks."""
    system = error if isinstance(error, OSError) else error.__cause__
    if isinstance(error, PlauditError) and not isinstance(system, OSError):
        return str(error), THE_SERVICE if isinstance(error, StorageError) else THE_DUMP
    if isinstance(error, MemoryError):
        return NO_MEMORY, THE_SERVICE
    if isinstance(system, OSError) and system.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "The disk of the service is full; try again later.", THE_SERVICE
    if isinstance(system, OSError):
        return "The disk of the service failed; try again later.", THE_SERVICE
    return BROKEN, THE_SERVICE
