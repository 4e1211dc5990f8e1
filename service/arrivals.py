"""Dumps on their way in: from the first byte of an upload until its row is kept, or nothing of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from plaudit.errors import OverloadedError, StorageError
from plaudit.service.problems import Problem
from plaudit.service.storage import Storage
from plaudit.service.store.dumps import crowded
from plaudit.service.store.tables import Dump

_RETRY_AFTER: Final = {"Retry-After": "60"}


class Arrivals:
    """The uploads in progress of this process; with the dumps that are open no more than these may be.

    Belongs to the event loop's thread.
    """

    def __init__(self, most: int) -> None:
        self._most, self._owners = most, dict[object, str]()  # in the order in which they began

    @contextmanager
    def begun(self, owner: str) -> Iterator[Callable[[int, int], None]]:
        """Count an upload while the block runs; lends what refuses it by how many dumps are open.

        The function takes how many are, and how many of those are the owner's. It raises `Problem` (429)
        where these and the uploads that began before leave no place.
        """
        mine = object()
        self._owners[mine] = owner

        def check(n_open: int, n_own: int) -> None:
            for each, its_owner in self._owners.items():
                if each is mine:
                    break
                n_open, n_own = n_open + 1, n_own + (its_owner == owner)
            if sentence := crowded(n_open, n_own, owner=owner, most=self._most):
                raise Problem("overloaded", sentence, headers=_RETRY_AFTER)

        try:
            yield check
        finally:
            del self._owners[mine]


class _Unclear(Exception):  # noqa: N818 - no error, a state; it never leaves this module
    """Nobody can tell whether the row was kept: the upload stays, until a sweep finds that none knows it."""

    def __init__(self, error: StorageError) -> None:
        super().__init__()
        self.error = error


class Arrival:
    """One upload, which is kept with its row or dropped, also where the process ends in the middle of it.

    Attributes:
        id: Of the dump that it becomes.
    """

    def __init__(self, storage: Storage) -> None:
        self.id, self._storage = uuid4().hex, storage
        self._settled = threading.Lock()

    def make_folder(self) -> Path:
        """Make and return the folder for the upload.

        Raises:
            StorageError: The disk refuses.
        """
        return self._storage.make_upload_folder(self.id)

    def keep(self, **row: Any) -> Dump:
        """Queue the dump, as `Dumps.add` does; blocks, and goes on where nobody waits for it any more.

        Raises:
            Problem: There is no place (429).
            StorageError: The database can't be asked, or did not keep it.
            UsageError: Another dump was sent with its key.
        """
        if not self._settled.acquire(blocking=False):
            raise StorageError("The upload was given up already.")
        try:
            dump = self._add(row)
        except OverloadedError as error:
            self._storage.drop_upload(self.id)
            raise Problem("overloaded", str(error), headers=_RETRY_AFTER) from None
        except _Unclear as unclear:
            raise unclear.error from None
        except Exception:
            self._storage.drop_upload(self.id)
            raise
        if dump.id != self.id:
            self._storage.drop_upload(self.id)
        return dump

    def _add(self, row: dict[str, Any]) -> Dump:
        try:
            return self._storage.dumps.add(dump_id=self.id, **row)
        except StorageError as error:
            # The database may have kept it, and the word of that been lost on its way.
            try:
                found = self._storage.dumps.get(self.id)
            except StorageError:
                raise _Unclear(error) from None
            if found is None:
                raise
            return found

    def drop(self) -> None:
        """Remove what has come of it, where `keep` has not begun: that one sees to it by itself."""
        if self._settled.acquire(blocking=False):
            self._storage.drop_upload(self.id)
