"""The HTTP service, put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from importlib.metadata import version
from typing import Final

from fastapi import FastAPI

from plaudit.pipeline import Pipeline
from plaudit.service import (
    access,
    door,
    metrics,
    openapi,
    page,
    perspective,
    problems,
    routes,
    storing,
    streams,
    traces,
)
from plaudit.service.callers import Bodies, Streams
from plaudit.service.engine import Capacity, Engine
from plaudit.service.gate import Gate
from plaudit.service.heads import Heads
from plaudit.service.hosts import Hosts
from plaudit.service.metrics import Meter, Metrics
from plaudit.service.page_door import KeyInForm, PageDoor
from plaudit.service.prefix import Prefixed, Rooted
from plaudit.service.scorers import n_cores
from plaudit.service.sections import Sections
from plaudit.service.settings import Settings, load_settings
from plaudit.service.storage import SECTIONS

_MOST_BATCHES: Final = 4
_TRUSTED: Final = 0.5  # of the time to drain: the machine may turn half as fast after a request was taken
_ABOUT: Final = """Send comments, get labels with calibrated probabilities (`/v1/classify`), or two indices
with intervals, signals and reasons (`/v1/index`). Nothing is stored but dumps and feedback, which exist for
that; authors are hashed on arrival; texts and authors are never logged. Every error is
`application/problem+json`. Send `X-Request-Id` to find your request in the log; it comes back in every
response."""


def create_app(settings: Settings | None = None, *, load: Callable[[], Pipeline] | None = None) -> FastAPI:
    """Return the service; its pipeline is loaded in the background once it starts.

    Args:
        settings: None reads them from the environment.
        load: Makes the pipeline, in a thread; None loads the model that the settings name.

    Raises:
        UsageError: A setting makes no sense.
    """
    settings = settings or load_settings()
    app = FastAPI(
        title="Plaudit",
        summary="Labels comments; scores how authentic and how deep a comment section is.",
        description=_ABOUT,
        version=version("plaudit"),
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        redirect_slashes=False,  # to an absolute address made of what the caller says is our host
        # FastAPI's own would send queries and the messages of exceptions, which may hold keys and texts.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.settings = settings
    app.state.metrics = Metrics()
    app.state.bodies = Bodies(max(settings.max_bodies_bytes, settings.max_body_bytes))
    app.state.streams = Streams()
    app.state.sections = Sections(settings.max_stream_comments)
    n_batches, threads = shared_out(settings.threads or n_cores(), n_batches=settings.batches)
    app.state.engine = Engine(
        load or partial(_load, settings, threads=threads),
        capacity=_capacity(settings, n_batches=n_batches),
        metrics=app.state.metrics,
        folder=settings.data_dir.absolute() / SECTIONS,
    )
    if settings.root_path:
        app.add_middleware(Rooted, prefix=settings.root_path)
    others = (page.router, perspective.router) if settings.perspective else (page.router,)
    door.install(app, routes.work, settings=settings, translated=others)
    access.install(app, settings, in_query=(perspective.PATH,) if settings.perspective else ())
    app.add_middleware(KeyInForm)
    traces.install(app, settings)
    longer = storing.install(app, settings)
    has_keys = bool(settings.api_keys or settings.api_keys_file)
    app.add_middleware(Hosts, allowed=settings.allowed_hosts, has_keys=has_keys)
    app.add_middleware(Gate, max_body_bytes=settings.max_body_bytes, unbounded=streams.PATHS, longer=longer)
    app.add_middleware(PageDoor)
    app.add_middleware(Meter, metrics=app.state.metrics)
    app.add_middleware(Heads)
    problems.install(app)
    app.include_router(routes.work)
    app.include_router(routes.facts)
    app.include_router(streams.router)
    app.include_router(metrics.router)
    app.include_router(page.router)
    if settings.perspective:
        perspective.install(app)
    openapi.install(app)
    if settings.root_path:
        app.add_middleware(Prefixed, prefix=settings.root_path)
    return app


def _load(settings: Settings, *, threads: int) -> Pipeline:
    return Pipeline.load(settings.model_path, exact=settings.exact, threads=threads, device=settings.device)


def shared_out(cores: int, *, n_batches: int | None) -> tuple[int, int]:
    """Return how many batches are worked on at the same time, and how many cores each may use.

    A batch on a core of its own costs less than one that is divided among cores, which wait for each other
    busily several times a network. More than a few at a time would wait for the interpreter instead.
    """
    n_batches = n_batches or min(cores, _MOST_BATCHES)
    return n_batches, max(1, cores // n_batches)


def _capacity(settings: Settings, *, n_batches: int) -> Capacity:
    return Capacity(
        n_batches=n_batches,
        n_threads=settings.concurrency,
        max_waiting=settings.max_waiting,
        wait_seconds=settings.drain_seconds * _TRUSTED or None,
        batch_seconds=settings.batch_ms / 1000,
        window_seconds=settings.window_ms / 1000,
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    loading = asyncio.create_task(app.state.engine.start())
    if app.state.settings.workers > 1:
        # Whoever accepts from the same socket may be ready: it is left to them until this one is.
        await asyncio.wait([loading])
    async with storing.working(app):
        yield
    loading.cancel()
    with suppress(asyncio.CancelledError):
        await loading
    app.state.engine.stop()
    if app.state.tracer:
        app.state.tracer.close()
