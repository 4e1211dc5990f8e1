"""Several serving processes on one socket: started, watched, started anew, stopped together."""

from __future__ import annotations

import fcntl
import logging
import multiprocessing
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import TYPE_CHECKING, Final

from plaudit.errors import ArtifactError, PlauditError
from plaudit.service import logs
from plaudit.service.metrics import SHARED_FOLDER
from plaudit.service.settings import Settings

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

LOGGER: Final = logging.getLogger("plaudit.service")
_SPAWN: Final = multiprocessing.get_context("spawn")  # threads and models do not survive a fork
_MARGIN_SECONDS: Final = 10.0
_CALM_SECONDS: Final = 1.0
_AGAIN_SECONDS: Final = 0.2
_FAILED: Final = 3

IsLast = Callable[[], bool]
"""Tells whether all who accept are ending."""

Work = Callable[[Settings, socket.socket, IsLast], None]


def serve_many(settings: Settings, listener: socket.socket, *, work: Work) -> None:
    """Run `settings.workers` processes until told to stop.

    A process that dies is replaced; one that cannot load its model ends them all.

    Args:
        settings: Given to each, with the cores divided among them.
        listener: All accept from it.
        work: What a process does; a function of a module, told by its name.

    Raises:
        ArtifactError: The model can't be loaded.
    """
    folder = tempfile.mkdtemp(prefix="plaudit-metrics-")
    # Who clears away old temporary files (systemd-tmpfiles) passes over what is locked.
    lock = os.open(folder, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_SH)
    os.environ[SHARED_FOLDER] = folder
    crew = _Crew(_divided(settings), listener, work=work)
    before = {each: signal.signal(each, crew.stop) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        crew.run()
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        del os.environ[SHARED_FOLDER]
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def _divided(settings: Settings) -> Settings:
    n_cores = len(os.sched_getaffinity(0))
    threads = settings.threads or max(1, n_cores // settings.workers)
    return settings.model_copy(update={"threads": threads})


class _Crew:
    """The processes, by their sentinels."""

    def __init__(self, settings: Settings, listener: socket.socket, *, work: Work) -> None:
        self._settings, self._listener, self._work = settings, listener, work
        self._members: dict[int, tuple[BaseProcess, Connection]] = {}
        self._is_stopping, self._end = False, float("inf")
        self._all_end = _SPAWN.Value("b", 0, lock=False)  # a lock would be lost with whoever is killed in it

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """Tell all to stop; they answer first what they have accepted."""
        if not self._is_stopping:
            patience = self._settings.drain_notice_seconds + self._settings.drain_seconds + _MARGIN_SECONDS
            self._is_stopping, self._end = True, time.monotonic() + patience
        self._all_end.value = 1  # before they are told: each shuts the door, which is the same for all
        for process, _ in self._members.values():
            process.terminate()

    def run(self) -> None:
        failure = None
        for _ in range(self._settings.workers):
            self._start()
        while self._members:
            for sentinel in wait(list(self._members), timeout=0.1 if self._is_stopping else 0.5):
                failure = self._bury(sentinel) or failure  # type: ignore[arg-type]
            if time.monotonic() > self._end:
                for process, _ in self._members.values():
                    process.kill()
        if failure:
            raise ArtifactError(failure)

    def _start(self) -> None:
        here, there = _SPAWN.Pipe(duplex=False)
        arguments = (self._work, self._settings, self._listener, self._all_end, there)
        process = _SPAWN.Process(target=_serve, args=arguments, name="plaudit-worker")
        process.start()
        there.close()
        self._members[process.sentinel] = (process, here)
        if self._is_stopping:  # told so while it was being started
            process.terminate()

    def _bury(self, sentinel: int) -> str | None:
        from prometheus_client.multiprocess import mark_process_dead

        process, told = self._members.pop(sentinel)
        mark_process_dead(process.pid)  # type: ignore[no-untyped-call]
        failure = _last_words(told) if process.exitcode == _FAILED else None
        if failure and not self._is_stopping:
            self.stop()
        if not self._is_stopping:
            LOGGER.error("a worker process ended", extra={"fields": {"exit_code": process.exitcode}})
            time.sleep(_CALM_SECONDS)  # one that dies at once must not be started without pause
            self._start()
        return failure


def _last_words(told: Connection) -> str:
    try:
        return str(told.recv()) if told.poll() else "A worker process could not load the model."
    except EOFError:
        return "A worker process could not load the model."


def _serve(
    work: Work, settings: Settings, listener: socket.socket, all_end: Synchronized[int], parent: Connection
) -> None:
    """Be a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent passes it on
    logs.configure(settings.log_level)
    threading.Thread(target=_end_with_parent, args=(settings.drain_seconds,), daemon=True).start()
    try:
        work(settings, listener, lambda: bool(all_end.value) or _is_orphan())
    except PlauditError as error:
        parent.send(str(error))
        os._exit(_FAILED)


def _is_orphan() -> bool:
    parent = multiprocessing.parent_process()
    return parent is not None and not parent.is_alive()


def _end_with_parent(drain_seconds: float) -> None:
    """End as the parent ends, however that came: what nobody watches must not keep the port.

    What was accepted is answered first, for as long as the parent would have waited.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    parent.join()
    LOGGER.error("the parent process is gone: this worker process ends")
    for seconds in (_AGAIN_SECONDS, drain_seconds + _MARGIN_SECONDS):
        os.kill(os.getpid(), signal.SIGTERM)  # the second leaves out the notice, which keeps the door open
        time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)
