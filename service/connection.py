"""Connections that do not wait for ever: for a request's head, for one who reads no answer, or who leaves.

At the end each is told so with the answer it waits for (`PatientProtocol.say_goodbye`); one that waits for
none is closed, but not on a request that has arrived and was not read yet. What is left is HTTP's own: a
request may cross with the closing of a connection that was idle (RFC 9112, 9.5); none of it was taken in.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import socket
import struct
import sys
import termios
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

import uvicorn
from fastapi import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

Doorkeeper = Callable[[Any], Response | None]
"""Returns the answer to a request, by its ASGI scope, that need not be looked at any further."""

Unreadable = Callable[[str], Response]
"""Returns the answer to what cannot be read as a request; told why."""

_HEAD_BYTES: Final = 2**16
_DEAD_AFTER_MS: Final = 60_000
_GOODBYE: Final = (b"connection", b"close")
_SO_ATTACH_FILTER: Final = 26  # Linux; Python has no name for it
# Of each segment the byte of its flags, of which SYN and ACK count: SYN alone is dropped, all else passes.
_NO_SYN: Final = (
    (0x30, 0, 0, 13),
    (0x54, 0, 0, 0x12),
    (0x15, 0, 1, 0x02),
    (0x06, 0, 0, 0),
    (0x06, 0, 0, 2**32 - 1),
)


_OVERRIDDEN: Final = (
    "connection_made",
    "connection_lost",
    "on_message_begin",
    "on_headers_complete",
    "_start_asgi_task",
    "shutdown",
    "data_received",
    "send_400_response",
)


def check(base: type) -> None:
    """Refuse a uvicorn whose protocol lacks what is overridden here: it would never be called, in silence.

    Raises:
        ImportError: It lacks a method.
    """
    missing = [name for name in _OVERRIDDEN if not hasattr(base, name)]
    if missing:
        raise ImportError(
            f"In uvicorn {uvicorn.__version__} {base.__name__} has no {', '.join(missing)}, which Plaudit "
            "overrides; install the uvicorn that it declares: pip install 'uvicorn>=0.53,<0.55'."
        )


check(HttpToolsProtocol)


class PatientProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, with a bound on the time and size of a request's head."""

    head_seconds = 30.0
    doorkeeper: Doorkeeper | None = None
    unreadable: Unreadable | None = None
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
        self._n_head, self._is_in_head = 0, False
        before = self.cycle
        self._is_at_door = True
        super().on_headers_complete()
        self._is_at_door = False
        if before is not None and not before.response_complete:  # it is not the last answer any more
            before.default_headers = [each for each in before.default_headers if each != _GOODBYE]

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Begin to answer; who finds no room is answered at once, without a task and the way through the app.

        One that waited behind another on its connection goes that way: this one would call itself.
        """
        # So does the last of a connection, and one whose caller does not read: both have to be waited for.
        can_wait = cycle.keep_alive and _GOODBYE not in cycle.default_headers and not self.flow.write_paused
        is_first = self._is_at_door and not cycle.waiting_for_100_continue
        refusal = self.doorkeeper(cycle.scope) if self.doorkeeper and is_first and can_wait else None
        if refusal is None:
            super()._start_asgi_task(cycle, app)
            return
        self.transport.write(_written(refusal, headers=cycle.default_headers))
        cycle.response_started = cycle.response_complete = True
        cycle.on_response()
        # Its body may still come, and ends the patience with a silent connection that has its answer.
        self._timer.cancel()
        self._timer = self.loop.call_later(self.head_seconds, self._give_up)

    def say_goodbye(self) -> None:
        """Tell with the answer that is due that it is the last one."""
        cycle = self.cycle
        if cycle is not None and not cycle.response_started and _GOODBYE not in cycle.default_headers:
            cycle.default_headers = [*cycle.default_headers, _GOODBYE]

    def shutdown(self) -> None:
        """Close where nobody waits for an answer; a request that has begun to arrive is read and answered."""
        is_idle = self.cycle is None or self.cycle.response_complete
        if not (is_idle and (self._n_head or _n_unread(self.transport))):
            super().shutdown()

    def data_received(self, data: bytes) -> None:
        """Read, but not a head without end."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._is_in_head:
            self._n_head += len(data)
            if self._n_head > _HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The head of the request is too long.")

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read as a request, and close; an answer that is half out is not added to."""
        if self.unreadable is None:
            super().send_400_response(msg)
            return
        answer = self.unreadable(msg)
        cycle = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            headers = [each for each in self.server_state.default_headers if each != _GOODBYE]
            self.transport.write(_written(answer, headers=[*headers, _GOODBYE]))
        self.transport.close()

    def _await_head(self) -> None:
        self._n_head, self._is_in_head = 0, True
        self._timer = self.loop.call_later(self.head_seconds, self._give_up)

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


def protocol(
    *, head_seconds: float, doorkeeper: Doorkeeper | None = None, unreadable: Unreadable | None = None
) -> type[asyncio.Protocol]:
    """Return the protocol class with its patience set, and who answers what has no room or is no request."""
    attributes: dict[str, Any] = {"head_seconds": head_seconds, "doorkeeper": doorkeeper}
    attributes["unreadable"] = staticmethod(unreadable) if unreadable else None
    return type("Protocol", (PatientProtocol,), attributes)


def _written(answer: Response, *, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    lines = (b"%b: %b\r\n" % each for each in (*headers, *answer.raw_headers))
    return b"".join([STATUS_LINE[answer.status_code], *lines, b"\r\n", answer.body])


def _n_unread(transport: asyncio.Transport) -> int:
    """Return how many bytes have arrived that the event loop has not read yet."""
    try:
        found = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.FIONREAD, bytes(4))
    except OSError:  # it is closed
        return 0
    return int.from_bytes(found, sys.byteorder)


def shut(listener: socket.socket) -> None:
    """Let nobody begin to connect any more, while those who have begun are still accepted.

    A listening socket that is simply closed drops the connections that wait in it, with requests that were
    sent already. So the system is told before to overlook whoever knocks (Linux; elsewhere nothing changes):
    they try again, and find the socket closed.
    """
    rules = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *rule) for rule in _NO_SYN))
    program = struct.pack("@HP", len(_NO_SYN), ctypes.addressof(rules))
    with suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def watch(listener: socket.socket) -> None:
    """Let the system drop peers that are dead, or that take nothing of an answer for a minute."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_USER_TIMEOUT", _DEAD_AFTER_MS)):
        if hasattr(socket, name):  # accepted connections have it from the listening one
            listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
