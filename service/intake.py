"""What a request body must be before anything looks at its content: JSON, strict, and not too much of it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute

from plaudit.service.problems import Problem

JSON: Final = "application/json"


class JsonRoute(APIRoute):
    """A route whose body is declared as JSON and is read as `StrictRequest` reads it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, fed with strict requests."""
        handle = super().get_route_handler()

        async def handle_strictly(request: Request) -> Response:
            _check_declared(request)
            return await handle(StrictRequest(request.scope, request.receive))

        return handle_strictly


class StrictRequest(Request):
    """A request whose body is strict JSON with no more comments and posts than the settings allow."""

    async def json(self) -> Any:
        """Parse the body; the standard parser lets NaN, lone surrogates and endless nesting through.

        Raises:
            JSONDecodeError: The body is no JSON.
            Problem: There are too many comments or posts (413).
        """
        body = orjson.loads(await self.body())
        if isinstance(body, dict):
            for name in ("comments", "posts"):
                _check_length(name, body.get(name), limit=self.app.state.settings.max_comments)
        return body


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


def _check_length(name: str, items: object, *, limit: int) -> None:
    if isinstance(items, list) and len(items) > limit:
        raise Problem(
            "too-many-comments",
            f"The request holds {len(items):,} {name}, at most {limit:,} are taken.",
            hint="Label in several requests; for one index over more, use `plaudit score` or the library.",
        )
