"""Where dumps, their results and corrected labels are kept: a data folder and a database.

Nothing is made before something is handed in: a service that is only asked leaves nothing on the disk, but
for what memory can't hold of an index stream, while it lasts.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

import anyio
import anyio.to_thread

from plaudit.errors import OverloadedError, StorageError
from plaudit.service.settings import Settings
from plaudit.service.store.database import Database, url_of
from plaudit.service.store.dumps import OPEN, Dumps
from plaudit.service.store.feedback import Corrections
from plaudit.service.store.tables import DONE, FAILED

SECTIONS: Final = "sections"
"""Folder of what is gathered for index streams, in the data folder."""

RESERVE_BYTES: Final = 256 << 20
"""Of the data folder's disk, left by uploads: the database and the results of other dumps need some."""

_N_THREADS: Final = 8
_MAX_WAITING: Final = 256
_RETRY_SECONDS: Final = 1.0
_ORPHAN_SECONDS: Final = 86_400  # files of no dump that are younger may belong to an upload in progress
_T = TypeVar("_T")


class Storage:
    """The data folder and the database of a service, opened at first use.

    Attributes:
        folder: Of uploads and results; the processes that share a database must share it too.
        url: Of the database.
    """

    def __init__(self, settings: Settings) -> None:
        """Prepare; nothing is made or connected to yet.

        Raises:
            UsageError: The URL of the database makes no sense, or its driver is not installed.
        """
        self.folder = settings.data_dir.absolute()
        self.url = url_of(settings.database_url, folder=self.folder)
        self._given = settings.database_url is not None
        self._database = Database(self.url)
        self._dumps = Dumps(self._database)
        self._is_open, self._opening = False, threading.Lock()
        self._failure: tuple[StorageError | None, float] = (None, 0.0)
        self._limiter = anyio.CapacityLimiter(_N_THREADS)

    def exists(self) -> bool:
        """Tell whether there may be something to find: a database was named, or its file is there."""
        file = self._database.file
        return self._is_open or self._given or file is None or file.exists()

    def open(self) -> Database:
        """Return the database, with its tables; they and the folder are made where they are not there.

        Raises:
            StorageError: They can't be.
        """
        with self._opening:
            if not self._is_open:
                self._open()
        return self._database

    def _open(self) -> None:
        error, until = self._failure
        if error is not None and time.monotonic() < until:  # else all who wait would try in turn
            raise StorageError(str(error))
        try:
            self._make(self.folder)
            self._database.upgrade()
        except StorageError as failure:
            self._failure = (failure, time.monotonic() + _RETRY_SECONDS)
            raise
        self._is_open = True

    @property
    def dumps(self) -> Dumps:
        """The dumps; raises `StorageError` where the database can't be opened."""
        self.open()
        return self._dumps

    @property
    def corrections(self) -> Corrections:
        """The corrected labels; raises `StorageError` where the database can't be opened."""
        return Corrections(self.open())

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    async def ask(self, question: Callable[[], _T]) -> _T:
        """Return the answer of something that blocks, asked in a thread.

        Raises:
            OverloadedError: Too many wait for an answer already.
        """
        if self._limiter.statistics().tasks_waiting >= _MAX_WAITING:
            raise OverloadedError("The database is busy: try again in a few seconds.")
        return await anyio.to_thread.run_sync(question, limiter=self._limiter)

    def upload(self, dump_id: str, *, suffix: str) -> Path:
        """Return where the upload of a dump lies; its name tells readers what it may be."""
        return self.folder / "uploads" / dump_id / f"dump{suffix}"

    def results(self, dump_id: str, *, lease: str) -> Path:
        """Return where the results of a run lie."""
        return self.folder / "results" / dump_id / lease

    def make_upload_folder(self, dump_id: str) -> Path:
        """Make and return the folder of an upload.

        Raises:
            StorageError: The disk refuses.
        """
        return self._make(self.folder / "uploads" / dump_id)

    def make_results_folder(self, dump_id: str) -> Path:
        """Make and return the folder of a dump's results.

        Raises:
            StorageError: The disk refuses.
        """
        return self._make(self.folder / "results" / dump_id)

    def _make(self, folder: Path) -> Path:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise disk_error(error) from error
        return folder

    def check_space(self, n_bytes: int) -> None:
        """Refuse an upload of so many bytes that would fill the disk, which the work on others needs.

        Raises:
            StorageError: There is too little left.
        """
        check_space(self._make(self.folder), n_bytes)

    def drop_upload(self, dump_id: str) -> None:
        """Remove an upload; what can't be removed now goes in a later sweep."""
        shutil.rmtree(self.folder / "uploads" / dump_id, ignore_errors=True)

    def drop_results(self, dump_id: str, *, but: str | None = None) -> None:
        """Remove the results of a dump, but those of one run where it is named."""
        folder = self.folder / "results" / dump_id
        if but is None:
            shutil.rmtree(folder, ignore_errors=True)
            return
        for each in _names(folder):
            if each != but:
                shutil.rmtree(folder / each, ignore_errors=True)

    def drop_results_of(self, dump_id: str, *, lease: str) -> None:
        """Remove the results of one run, and the folder around them where nothing else is in it."""
        folder = self.results(dump_id, lease=lease)
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            folder.parent.rmdir()

    def delete(self, dump_id: str, *, owner: str | None = None) -> bool:
        """Forget a dump and remove its files; False where there is none.

        Raises:
            StorageError: The database can't be asked, or still knows it.
        """
        try:
            if not self.dumps.delete(dump_id, owner=owner):
                return False
        except StorageError:
            if self.dumps.get(dump_id) is not None:
                raise  # else it was forgotten, and only the word of that was lost
        self.drop_upload(dump_id)
        self.drop_results(dump_id)
        return True

    def drop_orphans(self) -> None:
        """Remove what a process left that was killed between the database and the disk."""
        for kind in ("uploads", "results", SECTIONS):
            ids = _names(self.folder / kind)
            states = self.dumps.states(ids) if ids else {}
            for dump_id in ids:
                state = states.get(dump_id)
                is_old = state is None and _age_seconds(self.folder / kind / dump_id) > _ORPHAN_SECONDS
                if is_old or (kind == "uploads" and state is not None and state not in OPEN):
                    shutil.rmtree(self.folder / kind / dump_id, ignore_errors=True)
                elif kind == "results" and state == FAILED:
                    self.drop_results(dump_id)
                elif kind == "results" and state == DONE and len(_names(self.folder / kind / dump_id)) > 1:
                    self._drop_others(dump_id)

    def _drop_others(self, dump_id: str) -> None:
        """Remove, of a dump that is done, the results of runs whose word on how they ended was lost."""
        dump = self.dumps.get(dump_id)
        if dump is not None and dump.state == DONE:
            self.drop_results(dump_id, but=dump.lease)


def _names(folder: Path) -> list[str]:
    with suppress(OSError):
        return [entry.name for entry in os.scandir(folder)]
    return []


def _age_seconds(folder: Path) -> float:
    with suppress(OSError):
        return time.time() - max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    return 0.0


def disk_error(error: OSError) -> StorageError:
    """Return what to tell of a disk that refuses; no path is in it."""
    reason = os.strerror(error.errno) if error.errno else type(error).__name__
    return StorageError(
        f"The data folder can't be written ({reason}); whoever runs the service must see to it."
    )


def check_space(folder: Path, n_bytes: int) -> None:
    """Refuse so many bytes more where the disk of a folder would have less left than `RESERVE_BYTES`.

    Raises:
        StorageError: It would, or can't be asked.
    """
    try:
        n_free = shutil.disk_usage(folder).free
    except OSError as error:
        raise disk_error(error) from error
    if n_free - n_bytes < RESERVE_BYTES:
        raise StorageError(
            "The disk of the service has too little room for the dump: try again later, or send a smaller "
            "one."
        )
