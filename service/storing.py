"""What the app needs to keep things: the storage, the workers, and the endpoints that use them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI

from plaudit.pipeline import Pipeline
from plaudit.service import dump_files, dumps, feedback
from plaudit.service.arrivals import Arrivals
from plaudit.service.engine import Engine
from plaudit.service.settings import Settings
from plaudit.service.storage import Storage
from plaudit.service.upload import ENVELOPE_BYTES
from plaudit.service.workers import Workers


def install(app: FastAPI, settings: Settings) -> dict[str, int]:
    """Give `app` its storage and the endpoints; return the longest body by path where it is not the usual.

    Raises:
        UsageError: The URL of the database makes no sense, or its driver is not installed.
    """
    app.state.storage = Storage(settings)
    app.state.arrivals = Arrivals(settings.max_open_dumps)
    app.include_router(dumps.router)
    app.include_router(dump_files.router)
    app.include_router(feedback.taking)
    app.include_router(feedback.router)
    return {dumps.router.prefix: settings.max_dump_bytes + ENVELOPE_BYTES}


@asynccontextmanager
async def working(app: FastAPI) -> AsyncIterator[None]:
    """Let dumps be worked on while the app runs; what is not done at the end is done by who comes next."""
    loop, quotas, engine = asyncio.get_running_loop(), app.state.quotas, app.state.engine

    def count(owner: str, n_comments: int) -> None:
        asyncio.run_coroutine_threadsafe(quotas.debit(owner, n_comments), loop)

    workers = app.state.workers = Workers(
        app.state.storage,
        app.state.settings,
        pipeline=lambda: _pipeline(engine),
        on_done=count,
        metrics=app.state.metrics,
    )
    workers.start()
    try:
        yield
    finally:
        # A dump that hangs the model would else be begun anew for ever.
        await anyio.to_thread.run_sync(lambda: workers.stop(gives_back=not engine.is_hung))
        app.state.storage.close()


def _pipeline(engine: Engine) -> Pipeline | None:
    return engine.pipeline if engine.state == "ready" else None
