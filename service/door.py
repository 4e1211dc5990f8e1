"""The door to the model: what would find no room is refused by its head, before anything else is done."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final
from uuid import uuid4

from fastapi import APIRouter, FastAPI, Response
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from plaudit.service.engine import Engine
from plaudit.service.gate import length_of, log_request, request_id_of
from plaudit.service.metrics import Metrics
from plaudit.service.problems import Problem, respond
from plaudit.service.settings import Settings

_LENGTH: Final = b"content-length"


class Doorkeeper:
    """Turns away by its head what would find no room: in a burst all wait for what one refusal takes."""

    def __init__(self, *routers: APIRouter, engine: Engine) -> None:
        """Stand before a model.

        Args:
            *routers: Their POST requests need room.
            engine: Has the room.
        """
        self._engine = engine
        self._routes = {
            route.path: route
            for router in routers
            for route in router.routes
            if isinstance(route, APIRoute) and "POST" in (route.methods or ())
        }

    def check(self, scope: Scope) -> None:
        """Note the route of a request that needs room, for the log and the metrics, and look for room.

        Raises:
            Problem: There is none (429).
        """
        if scope["method"] == "POST" and (route := self._routes.get(scope["path"])):
            scope["route"] = route
            self._engine.room.check_door(declared_bytes(scope))

    def __call__(self, scope: Scope) -> Response | None:
        """Return the refusal of a request, logged and counted; None where it may come in."""
        started = time.perf_counter()
        try:
            self.check(scope)
        except Problem as problem:
            request_id = request_id_of(Headers(scope=scope))
            response = respond(problem, request_id=request_id)
            response.headers["X-Request-Id"] = request_id
            status, seconds = problem.status_code, time.perf_counter() - started
            self._engine.metrics.count_request(scope, status=status, seconds=seconds, kind=problem.kind)
            log_request(scope, status=status, seconds=seconds, request_id=request_id)
            return response
        return None


class Unreadable:
    """Answers what cannot be read as a request, logged and counted like any other."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def __call__(self, detail: str) -> Response:
        """Return the problem, under a new id."""
        problem, request_id = Problem("bad-request", detail), uuid4().hex
        response = respond(problem, request_id=request_id)
        response.headers["X-Request-Id"] = request_id
        scope, status = {"type": "http", "method": "none"}, problem.status_code
        self._metrics.count_request(scope, status=status, seconds=0, kind=problem.kind)
        log_request(scope, status=status, seconds=0, request_id=request_id)
        return response


class Door:
    """Innermost ASGI middleware, before routes are looked for and bodies are read."""

    def __init__(self, app: ASGIApp, *, keeper: Doorkeeper) -> None:
        self.app, self._keeper = app, keeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection.

        Raises:
            Problem: There is no room for the request (429).
        """
        if scope["type"] == "http":
            self._keeper.check(scope)
        await self.app(scope, receive, send)


def install(
    app: FastAPI, router: APIRouter, *, settings: Settings, translated: Sequence[APIRouter] = ()
) -> None:
    """Put the door before what routers of `app` answer; call it before any other middleware is added.

    `state.doorkeeper` turns away even before all middleware, where that has no part in a refusal: None where
    a key must be known first, or a trace is kept of every request. `state.unreadable` answers what is no
    request at all.

    Args:
        app: What is behind the door.
        router: Its POST requests need room.
        settings: Say whether middleware has a part in every refusal.
        translated: Routers whose POST requests need room too, and whose problems middleware puts into another
            form: they are turned away behind that.
    """
    engine = app.state.engine
    app.add_middleware(Door, keeper=Doorkeeper(router, *translated, engine=engine))
    is_first = not (settings.api_keys or settings.api_keys_file or settings.traces)
    app.state.doorkeeper = Doorkeeper(router, engine=engine) if is_first else None
    app.state.unreadable = Unreadable(app.state.metrics)


def declared_bytes(scope: Scope) -> int | None:
    """Return how long the body of a request is as its head declares; None where it does not."""
    declared = next((value for name, value in scope["headers"] if name == _LENGTH), b"")
    return length_of(declared.decode("latin-1"))
