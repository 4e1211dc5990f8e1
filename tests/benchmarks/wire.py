"""HTTP with next to no cost of its own, so that a load test measures the service and not its client."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

_NUMBERS: Final = count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request ready to be sent: new texts, their ids, the bytes on the wire."""

    texts: list[str]
    ids: list[str]
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; status 0 where nothing did."""

    status: int
    body: bytes
    seconds: float

    def json(self) -> Any:
        """Return the body, parsed."""
        return json.loads(self.body)


def request_of(texts: list[str]) -> Request:
    """Return a request of texts, with ids that no other request has."""
    mark = f"{next(_NUMBERS):x}"
    return request_with(texts, [f"{mark}-{i}" for i in range(len(texts))])


def request_with(texts: list[str], ids: list[str]) -> Request:
    """Return a request of given texts."""
    body = json.dumps(
        {"comments": [{"id": id_, "text": text} for id_, text in zip(ids, texts, strict=True)]}
    ).encode()
    head = (
        f"POST /v1/classify HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return Request(texts=texts, ids=ids, content=head.encode() + body)


class Connection:
    """One connection that is kept; opened anew where the service has closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: Request) -> Answer:
        """Send and wait for the answer.

        Raises:
            ConnectionRefusedError: Nobody listens any more.
        """
        started = time.perf_counter()
        if self._streams and self._streams[0].at_eof():  # it was closed while nobody waited for an answer
            self.close()
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=2**22)
        reader, writer = self._streams
        try:
            writer.write(request.content)
            head = await reader.readuntil(b"\r\n\r\n")
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
            body = await reader.readexactly(int(fields[b"content-length"]))
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            return Answer(status=0, body=b"", seconds=time.perf_counter() - started)
        if fields.get(b"connection") == b"close":
            self.close()
        return Answer(status=int(head[9:12]), body=body, seconds=time.perf_counter() - started)

    def close(self) -> None:
        """Close it; the next request opens another."""
        if self._streams:
            self._streams[1].close()
            self._streams = None
