"""What a request body must be before anything looks at its content: JSON, strict, and not too much of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from itertools import islice
from typing import Any, Final, TypeVar

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope

from plaudit.service.callers import Held, whole_body
from plaudit.service.door import declared_bytes
from plaudit.service.problems import MORE, Problem

JSON: Final = "application/json"

_T = TypeVar("_T")
_OBJECTS: Final = 8  # to a comment, nested ones included; and some around them
_MORE_OBJECTS: Final = 1000
# A string without an end is taken to the end of the body: looked for again at each of its quotes, it would
# take the square of its length.
_STRING_OR_OBJECT = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|\{', re.DOTALL)


class JsonRoute(APIRoute):
    """A route whose body is declared as JSON and is read as `StrictRequest` reads it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, fed with strict requests."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            _check_declared(request)
            held: Held = request.app.state.bodies.open()
            try:
                return await handle(StrictRequest(request.scope, request.receive, held=held))
            finally:
                held.close()

        return handle_strictly


class StrictRequest(Request):
    """A request whose body is strict JSON with no more comments and posts than the settings allow."""

    def __init__(self, scope: Scope, receive: Receive, *, held: Held) -> None:
        super().__init__(scope, receive)
        self._held, self._whole = held, b""
        self._parsed: Any = None

    async def body(self) -> bytes:
        """Read the whole body, once.

        Raises:
            ClientDisconnect: The caller left.
            Problem: It came too slowly (408), or there is no room for it now (429).
        """
        if not self._whole:
            seconds = self.app.state.settings.body_seconds
            self._whole = await whole_body(self, held=self._held, seconds=seconds)
        return self._whole

    async def json(self) -> Any:
        """Parse the body; the standard parser lets NaN, lone surrogates and endless nesting through.

        Raises:
            JSONDecodeError: The body is no JSON.
            Problem: There are too many comments or posts (413).
        """
        _check_size(await self.body(), limit=self.app.state.settings.max_comments)
        self._parsed = orjson.loads(self._whole)
        if isinstance(self._parsed, dict):
            for name in ("comments", "posts"):
                _check_length(name, self._parsed.get(name), limit=self.app.state.settings.max_comments)
        return self._parsed

    def forget(self) -> None:
        """Drop what was parsed: while a request waits for the model FastAPI would hold it as well."""
        if isinstance(self._parsed, dict):
            self._parsed.clear()


def taken_out(request: Request, comments: list[_T]) -> list[_T]:
    """Return the comments of a request and leave none in it, so that each is freed as soon as it can be.

    How many there are is noted for the log, and for the room what a comment takes.
    """
    found = comments.copy()
    comments.clear()
    if isinstance(request, StrictRequest):
        request.forget()
    request.state.n_comments = len(found)
    n_bytes = declared_bytes(request.scope)
    if n_bytes is not None:
        request.app.state.engine.room.learn(n_bytes, n_comments=len(found))
    return found


def _check_declared(request: Request) -> None:
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Problem(
            "unsupported-media-type",
            "The body is compressed, expected plain JSON.",
            hint="Leave out the header Content-Encoding and send the JSON as it is.",
        )
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != JSON:
        raise Problem(
            "unsupported-media-type",
            f"The content type is {media_type[:100] or 'missing'!r}, expected {JSON!r}.",
            hint=f"Send the header 'Content-Type: {JSON}'.",
        )


def _check_size(body: bytes, *, limit: int) -> None:
    # Counting braces costs a thousandth of parsing: a million tiny objects never become Python's.
    most = _OBJECTS * limit + _MORE_OBJECTS
    if body.count(b"{") > most and _has_more_objects(body, most):
        raise Problem(
            "too-many-comments",
            f"The request holds far more than the {limit:,} comments that are taken.",
            hint=MORE,
        )


def _has_more_objects(body: bytes, most: int) -> bool:
    # Texts may hold braces too, so strings are passed over; it ends as soon as it knows.
    opened = (True for found in _STRING_OR_OBJECT.finditer(body) if found[0] == b"{")
    return next(islice(opened, most, None), False)


def _check_length(name: str, items: object, *, limit: int) -> None:
    if isinstance(items, list) and len(items) > limit:
        raise Problem(
            "too-many-comments",
            f"The request holds {len(items):,} {name}, at most {limit:,} are taken.",
            hint=MORE,
        )
