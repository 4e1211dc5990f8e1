"""Clients in processes of their own, so that what is timed waits for nothing but the service.

A client that keeps 64 connections busy is busy itself; whoever shared its event loop would time that as well.
And as even a client alone takes a while for a burst of connections, the same burst can go to `floor`, which
reads nothing and knows one answer: what a refusal takes there is what client and machine take.
"""

from __future__ import annotations

import asyncio
import errno
import multiprocessing
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from typing import Any, Final

from tests.benchmarks.texts import Texts
from tests.benchmarks.wire import Answer, Connection, Request, request_of

Sent = tuple[Request, Answer]
"""What was asked, and what came back."""

_SPAWN: Final = multiprocessing.get_context("spawn")
_PAUSE_SECONDS: Final = 0.02  # between single comments
_REFUSED_SECONDS: Final = 0.3
_PATIENCE_SECONDS: Final = 300.0
_REFUSAL: Final = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 2\r\n\r\n{}"


class Apart:
    """A client in a process of its own; takes one job at a time."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    async def singles(self, port: int, *, seconds: float) -> list[Sent]:
        """Send single comments, one after the other, for some seconds or until nobody listens."""
        return await asyncio.to_thread(self._ask, _singles, port, seconds)

    async def burst(self, port: int, *, n_requests: int, n: int) -> list[Sent]:
        """Send requests of `n` comments at once, each on a connection of its own."""
        return await asyncio.to_thread(self._ask, _burst, port, n_requests, n)

    def _ask(self, *job: object) -> list[Sent]:
        self._pipe.send(job)
        found: list[Sent] = self._pipe.recv()
        return found


@contextmanager
def apart(texts: Texts, *, key: str | None = None) -> Iterator[Apart]:
    """A client that sends these texts, with a key where one is wanted."""
    here, there = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_work, args=(texts, key, there), daemon=True)
    process.start()
    try:
        yield Apart(here)
    finally:
        process.kill()
        process.join()


@contextmanager
def floor() -> Iterator[int]:
    """A server that says 429 as soon as anything comes; gives its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        process = _SPAWN.Process(target=_refuse, args=(listener,), daemon=True)
        process.start()
        try:
            yield listener.getsockname()[1]
        finally:
            process.kill()
            process.join()


def _work(texts: Texts, key: str | None, pipe: Pipe) -> None:
    while True:
        job, *arguments = pipe.recv()
        pipe.send(job(texts, key, *arguments))


def _singles(texts: Texts, key: str | None, port: int, seconds: float) -> list[Sent]:
    async def run() -> list[Sent]:
        connection, sent, end = Connection(port), [], time.perf_counter() + seconds
        while time.perf_counter() < end:
            request = request_of(texts.take(1), key=key)
            try:
                answer = await connection.send(request)
            except ConnectionRefusedError:
                break
            sent.append((request, answer))
            await asyncio.sleep(_REFUSED_SECONDS if answer.status == 429 else _PAUSE_SECONDS)
        connection.close()
        return sent

    return asyncio.run(run())


def _burst(texts: Texts, key: str | None, port: int, n_requests: int, n: int) -> list[Sent]:
    return fire(port, [request_of(texts.take(n), key=key) for _ in range(n_requests)])


class _Call:
    """One request on its own connection, never waited for."""

    def __init__(self, port: int, request: Request) -> None:
        self.request, self._unsent, self._read = request, memoryview(request.content), b""
        self.started = time.perf_counter()
        self.socket = socket.socket()
        self.socket.setblocking(False)
        code = self.socket.connect_ex(("127.0.0.1", port))
        self._failed = code not in (0, errno.EINPROGRESS)
        self.send()

    def send(self) -> int:
        """Send what there is room for; return what to wait for next."""
        try:
            self._unsent = self._unsent[self.socket.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError as error:
            self._failed |= error.errno != errno.ENOTCONN
        return selectors.EVENT_WRITE if self._unsent and not self._failed else selectors.EVENT_READ

    def read(self) -> Answer | None:
        """Read what has come; return the answer once it is whole, or one of status 0 where none comes."""
        try:
            got = self.socket.recv(2**16)
        except OSError:
            got = b""
        self._read += got
        head, end, body = self._read.partition(b"\r\n\r\n")
        if got and not (end and len(body) >= _length(head)):
            return None
        seconds = time.perf_counter() - self.started
        return Answer(status=int(head[9:12]) if got else 0, body=body if got else b"", seconds=seconds)


def fire(port: int, requests: Sequence[Request]) -> list[Sent]:
    """Send all at once, each on a connection of its own; return each with its answer, in any order."""
    waiting, sent = selectors.DefaultSelector(), []
    for request in requests:
        call = _Call(port, request)
        waiting.register(call.socket, call.send(), call)
    while waiting.get_map() and (ready := waiting.select(_PATIENCE_SECONDS)):
        for key, event in ready:
            call = key.data
            if event & selectors.EVENT_WRITE:
                waiting.modify(call.socket, call.send(), call)
            elif (answer := call.read()) is not None:
                waiting.unregister(call.socket)
                call.socket.close()
                sent.append((call.request, answer))
    return sent


def _length(head: bytes) -> int:
    fields: dict[bytes, bytes] = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    return int(fields[b"content-length"])


class _Refusing(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self._transport, self._is_new = transport, True

    def data_received(self, data: bytes) -> None:
        if self._is_new:
            self._transport.write(_REFUSAL)
        self._is_new = False


def _refuse(listener: socket.socket) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(_Refusing, sock=listener, backlog=2048)
        await server.serve_forever()

    asyncio.run(run())
