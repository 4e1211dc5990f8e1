"""Callers as they are: slow, gone, or sending more than there is memory for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import Message

from plaudit.service.problems import Problem

_SMALL: Final = 2**16  # bytes of a body that always has its place
_PORTION: Final = 2**18  # bytes that may take the time of a body
_MOST_STREAMS: Final = 256
_T = TypeVar("_T")


class Bodies:
    """The bytes of all bodies that are held now, up to a bound.

    Small ones are not counted, so that a few callers who send large bodies slowly cannot shut out the
    others. Belongs to the event loop's thread.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max, self._n_bytes = max_bytes, 0

    def open(self) -> Held:
        """Return the account of one body; close it."""
        return Held(self)

    def change(self, n_bytes: int) -> None:
        """Add bytes, or take them away.

        Raises:
            Problem: There is no room for so many more (429).
        """
        if n_bytes > 0 and self._n_bytes + n_bytes > self._max:
            raise Problem(
                "overloaded",
                "Too many large bodies are being sent at the same time.",
                hint="Try again in a second.",
                headers={"Retry-After": "1", "Connection": "close"},
            )
        self._n_bytes += n_bytes


class Held:
    """What one body takes of the room for bodies."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies, self._n_bytes = bodies, 0

    def set(self, n_bytes: int) -> None:
        """Say how many bytes are held now.

        Raises:
            Problem: There is no room for so many (429).
        """
        counted = n_bytes if n_bytes > _SMALL else 0
        self._bodies.change(counted - self._n_bytes)
        self._n_bytes = counted

    def close(self) -> None:
        """Hold nothing any more."""
        self.set(0)


class Streams:
    """The streams that are open now, up to a bound: the small part of each that `Bodies` does not count.

    Belongs to the event loop's thread.
    """

    def __init__(self, most: int = _MOST_STREAMS) -> None:
        self._most, self._n = most, 0

    def check(self) -> None:
        """Refuse one more where there are too many.

        Raises:
            Problem: There are (429).
        """
        if self._n >= self._most:
            raise Problem(
                "overloaded",
                f"{self._n:,} streams are open already; there is no room for another.",
                hint="Try again in a second, or send the comments in requests.",
                headers={"Retry-After": "1", "Connection": "close"},
            )

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count one while the block runs."""
        self._n += 1
        try:
            yield
        finally:
            self._n -= 1


def too_slow(seconds: float) -> Problem:
    """Return the problem of a body that does not arrive."""
    return Problem(
        "request-timeout",
        f"The request body did not arrive in time; each part of it may take {seconds:g} s.",
        hint="Send it faster, or in smaller requests.",
        headers={"Connection": "close"},
    )


class StoppingError(Exception):
    """The process is about to stop; what of a body has not come yet is not waited for."""


async def next_chunk(
    request: Request, *, deadline: float, seconds: float, stopping: asyncio.Event | None = None
) -> tuple[bytes, bool]:
    """Return the next bytes of a body, and whether more will come.

    Args:
        request: Whose body.
        deadline: Loop time at which patience ends.
        seconds: How long that was, to say so.
        stopping: Ends the patience once it is set.

    Raises:
        ClientDisconnect: The caller left.
        Problem: It did not come in time (408).
        StoppingError: Nobody waits for it any more.
    """
    try:
        async with asyncio.timeout_at(deadline):
            message = await (_unless(stopping, request.receive()) if stopping else request.receive())
    except TimeoutError:
        raise too_slow(seconds) from None
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), bool(message.get("more_body", False))


async def _unless(stopping: asyncio.Event, message: Awaitable[Message]) -> Message:
    coming, ending = asyncio.ensure_future(message), asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait({coming, ending}, return_when=asyncio.FIRST_COMPLETED)
        if ending.done():
            raise StoppingError
        return coming.result()
    finally:
        for task in (coming, ending):
            task.cancel()
        await asyncio.gather(coming, ending, return_exceptions=True)


async def chunks_of(request: Request, *, held: Held, seconds: float) -> AsyncGenerator[bytes, None]:
    """Yield a body as it comes; it gets `seconds`, and as much again for every 256 KiB that have come.

    Args:
        request: Whose body.
        held: Told how long it is so far: all of it counts as held.
        seconds: Patience.

    Raises:
        ClientDisconnect: The caller left.
        Problem: It did not come in time (408), or there is no room for it (429).
    """
    n_bytes, more, start = 0, True, asyncio.get_running_loop().time()
    while more:
        deadline = start + seconds * (1 + n_bytes // _PORTION)
        chunk, more = await next_chunk(request, deadline=deadline, seconds=seconds)
        n_bytes += len(chunk)
        held.set(n_bytes)
        yield chunk


async def whole_body(request: Request, *, held: Held, seconds: float) -> bytes:
    """Return a body; patience, `held` and errors are those of `chunks_of`."""
    body = bytearray()
    async for chunk in chunks_of(request, held=held, seconds=seconds):
        body += chunk
    return bytes(body)


def gone(request: HTTPConnection) -> Problem:
    """Count a caller who left; return the problem that ends the work, which nobody will read."""
    request.app.state.metrics.gone.inc()
    return Problem("caller-gone", "The caller left before the answer.")


async def while_there(request: Request, work: Coroutine[Any, Any, _T]) -> _T:
    """Return what some work comes to; end it where the caller leaves before.

    Args:
        request: Its body must have been read.
        work: What is cancelled then.

    Raises:
        Problem: The caller left; nobody will read it.
    """
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise gone(request)
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
