"""The door to the model: what would find no room is refused by its head, before anything else is done."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from plaudit.service.engine import Engine

_LENGTH: Final = b"content-length"


class Door:
    """Innermost ASGI middleware, before routes are looked for and bodies are read.

    In a burst far over what can wait nearly all are refused, so what one refusal takes is what all wait for.
    """

    def __init__(self, app: ASGIApp, *, router: APIRouter, engine: Engine) -> None:
        """Stand before an app.

        Args:
            app: What is behind the door.
            router: Its POST requests need room.
            engine: Has the room.
        """
        self.app, self._engine = app, engine
        self._routes = {
            route.path: route
            for route in router.routes
            if isinstance(route, APIRoute) and "POST" in (route.methods or ())
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection.

        Raises:
            Problem: There is no room for the request (429).
        """
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in self._routes:
            scope["route"] = self._routes[scope["path"]]  # for the log and the metrics
            self._engine.room.check_door(declared_bytes(scope))
        await self.app(scope, receive, send)


def install(app: FastAPI, router: APIRouter) -> None:
    """Put the door before what a router of `app` answers; call it before any other middleware is added."""
    app.add_middleware(Door, router=router, engine=app.state.engine)


def declared_bytes(scope: Scope) -> int | None:
    """Return how long the body of a request is as its head declares; None where it does not."""
    declared = next((value for name, value in scope["headers"] if name == _LENGTH), b"")
    return int(declared) if declared.isdigit() else None
