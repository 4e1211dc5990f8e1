"""The gate every request passes: request id, body limit, one log line, and no error that leaks."""

from __future__ import annotations

import logging
import re
import time
from typing import Any, Final
from uuid import uuid4

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from plaudit.service.problems import Problem, respond

LOGGER: Final = logging.getLogger("plaudit.service")
_TELL: Final = "Tell whoever runs this service the request id; its log says more."
_DRAIN_SECONDS: Final = 1.0
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Gate:
    """Outermost ASGI middleware of the service.

    It takes over a caller's `X-Request-Id` where that is 1 to 64 letters, digits, dots, dashes or
    underscores, and makes one up otherwise; the id comes back in the response, in every problem and in
    the log.
    """

    def __init__(self, app: ASGIApp, *, max_body_bytes: int) -> None:
        self.app, self.max_body_bytes = app, max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection; anything but HTTP passes through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        visit = _Visit(scope, receive, send, max_body_bytes=self.max_body_bytes)
        try:
            await visit.check_declared_length()
            await self.app(scope, visit.receive, visit.send)
        except Problem as problem:
            await visit.answer(problem)
        except Exception:
            LOGGER.exception("request failed", extra={"fields": {"request_id": visit.request_id}})
            if visit.status:
                raise  # The answer is half out; cutting the connection is the only honest end.
            await visit.answer(Problem("internal", "The request could not be answered.", hint=_TELL))
        finally:
            visit.log()


class _Visit:
    """One request on its way through the gate."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, *, max_body_bytes: int) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        self.max_body_bytes, self.n_bytes, self.status = max_body_bytes, 0, 0
        self.headers = Headers(scope=scope)
        given = self.headers.get("x-request-id", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        self.state: dict[str, Any] = scope.setdefault("state", {})
        self.state["request_id"] = self.request_id
        self.started = time.perf_counter()

    async def check_declared_length(self) -> None:
        declared = self.headers.get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > self.max_body_bytes:
            if "expect" not in self.headers:  # else the caller waits for leave to send, and gets none
                await self._drain()
            raise self._too_large()

    async def receive(self) -> Message:
        """Count while reading: a chunked body declares no length."""
        message = await self._receive()
        self.n_bytes += len(message.get("body", b""))
        if self.n_bytes > self.max_body_bytes:
            if message.get("more_body"):
                await self._drain()
            raise self._too_large()
        return message

    async def _drain(self) -> None:
        """Take in for a moment what is still being sent: closing on it would lose the answer."""
        with anyio.move_on_after(_DRAIN_SECONDS):
            while (await self._receive()).get("more_body"):
                pass

    def _too_large(self) -> Problem:
        return Problem(
            "body-too-large",
            f"The request body is longer than {self.max_body_bytes:,} bytes.",
            hint="Send the comments in several requests.",
            headers={"Connection": "close"},
        )

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)["X-Request-Id"] = self.request_id
        await self._send(message)

    async def answer(self, problem: Problem) -> None:
        await respond(problem, request_id=self.request_id)(self.scope, self._receive, self.send)

    def log(self) -> None:
        fields = {
            "method": self.scope["method"],
            "path": self.scope["path"][:200],
            "status": self.status,
            "duration_ms": round(1000 * (time.perf_counter() - self.started), 1),
            "request_id": self.request_id,
            "n_comments": self.state.get("n_comments"),
        }
        known = {name: value for name, value in fields.items() if value is not None}
        LOGGER.info("request", extra={"fields": known})
