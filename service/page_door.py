"""The page's own door: its form may carry the API key, and its errors are pages, not JSON."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from typing import Any, Final

import anyio.to_thread
import orjson
from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from plaudit.service.access import KEY_HEADER
from plaudit.service.callers import gone, next_chunk
from plaudit.service.page import PATH
from plaudit.service.page_view import page
from plaudit.service.problems import MEDIA_TYPE

_MAX_PEEK: Final = 8192
_KEY = re.compile(rb'name="key"\r\n(?:[^\r\n]+\r\n)*\r\n([\x21-\x7e]{1,256})\r\n')


class PageDoor:
    """ASGI middleware, outside the gate; it touches nothing but forms sent to the page.

    A browser without JavaScript shows whatever comes back: so a problem becomes a page.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if _is_form(scope) and _wants_page(Headers(scope=scope)):
            send = _Pages(scope, receive, send)
        await self.app(scope, receive, send)


class KeyInForm:
    """ASGI middleware, inside the gate and outside the keys, for forms sent to the page.

    A browser without JavaScript can put an API key only into the form: so the key, the form's first field, is
    moved to where it is looked for.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection.

        Raises:
            Problem: The form does not arrive (408).
        """
        if _is_form(scope) and KEY_HEADER not in Headers(scope=scope) and _has_keys(scope):
            scope, receive = await _with_key(scope, receive)
        await self.app(scope, receive, send)


def _is_form(scope: Scope) -> bool:
    return bool(scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == PATH)


def _has_keys(scope: Scope) -> bool:
    settings = scope["app"].state.settings
    return bool(settings.api_keys or settings.api_keys_file)


def _wants_page(headers: Headers) -> bool:
    accepted = headers.get("accept", "")
    return "text/html" in accepted and MEDIA_TYPE not in accepted


async def _with_key(scope: Scope, receive: Receive) -> tuple[Scope, Receive]:
    """Look into the beginning of the body; what was taken out of it is read again afterwards."""
    seen: list[Message] = []
    request, head, more = Request(scope, receive), b"", True
    seconds: float = request.app.state.settings.body_seconds
    deadline = asyncio.get_running_loop().time() + seconds
    while more and len(head) < _MAX_PEEK:
        try:
            chunk, more = await next_chunk(request, deadline=deadline, seconds=seconds)
        except ClientDisconnect:
            raise gone(request) from None
        seen.append({"type": "http.request", "body": chunk, "more_body": more})
        head += chunk

    async def replay() -> Message:
        return seen.pop(0) if seen else await receive()

    found = _KEY.search(head[:_MAX_PEEK])
    if not found:
        return scope, replay
    header = (KEY_HEADER.lower().encode(), found[1])
    return {**scope, "headers": [*scope["headers"], header]}, replay


class _Pages:
    """Passes an answer on, or, where it is a problem, a page that says the same."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_problem(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._show(self._start, orjson.loads(self._body))

    async def _show(self, start: Message, problem: dict[str, Any]) -> None:
        app, state = self._scope["app"], self._scope.get("state", {})
        asked = state.get("asked")
        show = partial(page, app.state.settings, asked=asked, problem=problem, status=start["status"])
        # What was pasted may be long; without it a page takes a moment, and a refusal waits for no thread.
        response = await anyio.to_thread.run_sync(show) if asked else show()
        kept = MutableHeaders(raw=list(start["headers"]))
        del kept["content-type"], kept["content-length"]
        response.raw_headers += kept.raw
        await response(self._scope, self._receive, self._send)


def _is_problem(message: Message) -> bool:
    return Headers(raw=message["headers"]).get("content-type", "").startswith(MEDIA_TYPE)
