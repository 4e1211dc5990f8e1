"""The gate every request passes: request id, body limit, one log line, and no error that leaks."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from uuid import uuid4

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from plaudit.service.problems import MORE, Problem, respond

LOGGER: Final = logging.getLogger("plaudit.service")
_STOPPED: Final = Problem(
    "not-ready",
    "The service had to stop before the answer was there.",
    hint="Ask again.",
    headers={"Retry-After": "1"},
)
_DRAIN_SECONDS: Final = 1.0
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Gate:
    """Outermost ASGI middleware of the service.

    It takes over a caller's `X-Request-Id` where that is 1 to 64 letters, digits, dots, dashes or
    underscores, and makes one up otherwise; the id comes back in the response, in every problem and in
    the log.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_body_bytes: int,
        unbounded: frozenset[str] = frozenset(),
        longer: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Guard an app.

        Args:
            app: What is behind the gate.
            max_body_bytes: Longer bodies are refused.
            unbounded: Paths that keep their own watch over the length.
            longer: Longest body of paths that take more.
        """
        self.app, self.max_body_bytes, self.unbounded, self.longer = app, max_body_bytes, unbounded, longer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection; anything but HTTP passes through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        is_long = scope["path"] in self.longer
        limit = self.longer[scope["path"]] if is_long else self.max_body_bytes
        limit = sys.maxsize if scope["path"] in self.unbounded else limit
        visit = _Visit(scope, receive, send, max_body_bytes=limit, drains=is_long)
        try:
            await visit.check_declared_length()
            await self.app(scope, visit.receive, visit.send)
        except Problem as problem:
            await visit.answer(problem)
        except asyncio.CancelledError:  # the process ends, and its patience is over
            if visit.status:
                raise
            await visit.answer(_STOPPED)
        except Exception:
            LOGGER.exception("request failed", extra={"fields": {"request_id": visit.request_id}})
            if visit.status:
                raise  # The answer is half out; cutting the connection is the only honest end.
            await visit.answer(Problem("internal", "The request could not be answered."))
        finally:
            visit.log()


def _route(scope: Scope) -> str:
    """Return the path as it is declared: what callers put into a path may be a key, a text or a name."""
    route = getattr(scope.get("route"), "path", None)
    return route if isinstance(route, str) else "unknown"


def request_id_of(headers: Headers) -> str:
    """Return the id of a request: the caller's own where that is fit to be one, else a new one."""
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex


def log_request(scope: Scope, *, status: int, seconds: float, request_id: str) -> None:
    """Write the line of a request that was answered."""
    state = scope.get("state", {})
    fields = {
        "method": scope["method"] if scope["method"] in _METHODS else "other",
        "path": _route(scope),
        "status": status,
        "duration_ms": round(1000 * seconds, 1),
        "request_id": request_id,
        "key": state.get("key"),
        "trace_id": state.get("trace_id"),
        "n_comments": state.get("n_comments"),
    }
    known = {name: value for name, value in fields.items() if value is not None}
    LOGGER.info("request", extra={"fields": known})


def length_of(declared: str) -> int | None:
    """Return the number that a `Content-Length` declares, in bytes; None where it is none.

    Zeros in front change nothing, however many: Python alone refuses to read thousands of digits.
    """
    if not (declared.isascii() and declared.isdigit()):
        return None
    return int(declared.lstrip("0")[:20] or "0")


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


class _Visit:
    """One request on its way through the gate."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, *, max_body_bytes: int, drains: bool = False
    ) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        self.max_body_bytes, self.n_bytes, self.status = max_body_bytes, 0, 0
        self.headers = Headers(scope=scope)
        self.is_sending = drains and "expect" not in self.headers and _has_body(self.headers)
        self.request_id = request_id_of(self.headers)
        self.state: dict[str, Any] = scope.setdefault("state", {})
        self.state["request_id"] = self.request_id
        self.started = time.perf_counter()

    async def check_declared_length(self) -> None:
        declared = length_of(self.headers.get("content-length", ""))
        if declared is not None and declared > self.max_body_bytes:
            if "expect" not in self.headers:  # else the caller waits for leave to send, and gets none
                await self._drain()
            raise self._too_large()

    async def receive(self) -> Message:
        """Count while reading: a chunked body declares no length."""
        message = await self._receive()
        self.n_bytes += len(message.get("body", b""))
        self.is_sending = self.is_sending and bool(message.get("more_body"))
        if self.n_bytes > self.max_body_bytes:
            if message.get("more_body"):
                await self._drain()
            raise self._too_large()
        return message

    async def _drain(self) -> None:
        """Take in for a moment what is still being sent: closing on it would lose the answer."""
        self.is_sending = False
        with anyio.move_on_after(_DRAIN_SECONDS):
            while (await self._receive()).get("more_body"):
                pass

    def _too_large(self) -> Problem:
        return Problem(
            "body-too-large",
            f"The request body is longer than {self.max_body_bytes:,} bytes.",
            hint=MORE,
            headers={"Connection": "close"},
        )

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self.is_sending and message["status"] >= 400:
                await self._drain()
            self.status = message["status"]
            MutableHeaders(scope=message)["X-Request-Id"] = self.request_id
        await self._send(message)

    async def answer(self, problem: Problem) -> None:
        await respond(problem, request_id=self.request_id)(self.scope, self._receive, self.send)

    def log(self) -> None:
        seconds = time.perf_counter() - self.started
        log_request(self.scope, status=self.status, seconds=seconds, request_id=self.request_id)
