"""What is kept for whoever asks: the storage, the owner, a dump."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import Path, Request

from plaudit.service.problems import Problem
from plaudit.service.storage import Storage
from plaudit.service.store.tables import Dump

ID: Final = re.compile(r"[0-9a-f]{32}")
DumpId = Annotated[str, Path(alias="id", description="As the answer to the upload said.")]


def storage_of(request: Request) -> Storage:
    """Return the storage of the app that was asked."""
    storage: Storage = request.app.state.storage
    return storage


def owner_of(request: Request) -> str:
    """Return the name of the key; empty where none is asked for."""
    return getattr(request.state, "key", None) or ""


async def dump_of(request: Request, dump_id: str) -> Dump:
    """Return the dump of an id.

    Raises:
        Problem: There is none, or it is another key's (404).
    """
    storage, owner = storage_of(request), owner_of(request)
    if not ID.fullmatch(dump_id) or not storage.exists():
        raise unknown()
    dump = await storage.ask(lambda: storage.dumps.get(dump_id, owner=owner))
    if dump is None:
        raise unknown()
    return dump


def unknown() -> Problem:
    """Return the problem of an id that nobody knows."""
    return Problem(
        "not-found", "There is no dump of this id.", hint="It may have been deleted, or have expired."
    )
