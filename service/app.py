"""The HTTP service, put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from typing import Final

from fastapi import FastAPI
from starlette.responses import HTMLResponse

from plaudit.pipeline import Pipeline
from plaudit.service import openapi, problems, routes
from plaudit.service.engine import Engine
from plaudit.service.gate import Gate
from plaudit.service.settings import Settings, load_settings

_ABOUT: Final = """Send comments, get labels with calibrated probabilities (`/v1/classify`), or two indices
with intervals, signals and reasons (`/v1/index`). Nothing is stored; authors are hashed on arrival; texts
and authors are never logged. Every error is `application/problem+json`. Send `X-Request-Id` to find your
request in the log; it comes back in every response."""

_FRONT_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Plaudit</title>
<h1>Plaudit</h1>
<p>Tells conversation from applause.</p>
<ul>
<li><a href="docs">Interactive docs</a></li>
<li><a href="openapi.json">OpenAPI document</a></li>
<li><a href="v1/model">Model in use</a></li>
<li><a href="v1/policy">Policy in force</a></li>
<li><a href="health/ready">Health</a></li>
</ul>
</html>
"""


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
    )
    app.state.settings = settings
    app.state.engine = Engine(
        load or (lambda: Pipeline.load(settings.model_path, threads=settings.threads)),
        concurrency=settings.concurrency,
        max_waiting=settings.max_waiting,
    )
    app.add_middleware(Gate, max_body_bytes=settings.max_body_bytes)
    problems.install(app)
    app.include_router(routes.work)
    app.include_router(routes.facts)
    app.add_api_route("/", lambda: HTMLResponse(_FRONT_PAGE), include_in_schema=False)
    openapi.install(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    loading = asyncio.create_task(app.state.engine.start())
    yield
    loading.cancel()
    with suppress(asyncio.CancelledError):
        await loading
