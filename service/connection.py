"""Connections that do not wait for ever: for a request's head, or for a caller who reads no answer."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD_BYTES: Final = 2**16
_DEAD_AFTER_MS: Final = 60_000


class PatientProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, with a bound on the time and size of a request's head."""

    head_seconds = 30.0
    _timer: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to wait."""
        self._timer.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin to wait for the rest of a head."""
        super().on_message_begin()
        self._timer.cancel()
        self._await_head()

    def on_headers_complete(self) -> None:
        """Stop to wait: bodies are watched by who reads them."""
        self._timer.cancel()
        self._is_in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Read, but not a head without end."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._is_in_head:
            self._n_head += len(data)
            if self._n_head > _HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The head of the request is too long.")

    def _await_head(self) -> None:
        self._n_head, self._is_in_head = 0, True
        self._timer = self.loop.call_later(self.head_seconds, self._give_up)

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


def protocol(*, head_seconds: float) -> type[asyncio.Protocol]:
    """Return the protocol class with its patience set."""
    attributes: dict[str, Any] = {"head_seconds": head_seconds}
    return type("Protocol", (PatientProtocol,), attributes)


def watch(listener: socket.socket) -> None:
    """Let the system drop peers that are dead, or that take nothing of an answer for a minute."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_USER_TIMEOUT", _DEAD_AFTER_MS)):
        if hasattr(socket, name):  # accepted connections have it from the listening one
            listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
