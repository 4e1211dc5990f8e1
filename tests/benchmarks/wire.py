"""HTTP with next to no cost of its own, so that a load test measures the service and not its client."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

CLASSIFY: Final = "/v1/classify"
CLASSIFY_STREAM: Final = f"{CLASSIFY}/stream"
INDEX: Final = "/v1/index"
INDEX_STREAM: Final = f"{INDEX}/stream"

_NUMBERS: Final = count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request ready to be sent: new texts, their ids, where to, the bytes on the wire."""

    texts: list[str]
    ids: list[str]
    path: str = CLASSIFY
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


def request_of(texts: list[str], *, path: str = CLASSIFY, key: str | None = None) -> Request:
    """Return a request of texts, with ids that no other request has."""
    mark = f"{next(_NUMBERS):x}"
    return request_with(texts, [f"{mark}-{i}" for i in range(len(texts))], path=path, key=key)


def request_with(
    texts: list[str], ids: list[str], *, path: str = CLASSIFY, key: str | None = None
) -> Request:
    """Return a request of given texts, to any of the paths that take comments."""
    comments = [{"id": id_, "text": text} for id_, text in zip(ids, texts, strict=True)]
    if path in (CLASSIFY_STREAM, INDEX_STREAM):
        media_type, body = "application/x-ndjson", "".join(json.dumps(each) + "\n" for each in comments)
    else:
        media_type, body = "application/json", json.dumps({"comments": comments})
    who = f"Authorization: Bearer {key}\r\n" if key else ""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: t\r\nContent-Type: {media_type}\r\n"
        f"{who}Content-Length: {len(body)}\r\n\r\n"
    )
    return Request(texts=texts, ids=ids, path=path, content=(head + body).encode())


def status_of(request: Request, answer: Answer) -> int:
    """Return the status; of a stream that was ended early that of its last line."""
    if answer.status != 200 or request.path != CLASSIFY_STREAM:
        return answer.status
    *_, last = results_of(request, answer) or [{}]
    return int(last.get("status", 200))


def results_of(request: Request, answer: Answer) -> list[Any]:
    """Return what was said of each comment; nothing for reports, which speak of all."""
    if request.path == CLASSIFY_STREAM:
        return [json.loads(line) for line in answer.body.splitlines()]
    return list(answer.json()["results"]) if request.path == CLASSIFY else []


def is_right(request: Request, answer: Answer) -> bool:
    """Tell whether an answer is that of the request: each comment in its place, or all in the report."""
    if request.path in (INDEX, INDEX_STREAM):
        return bool(answer.json()["coverage"]["read"] == len(request.ids))
    return [each["id"] for each in results_of(request, answer)] == request.ids


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
            body = await _body(reader, fields)
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


async def _body(reader: asyncio.StreamReader, fields: dict[bytes, bytes]) -> bytes:
    if fields.get(b"transfer-encoding") != b"chunked":
        return await reader.readexactly(int(fields[b"content-length"]))
    chunks = []
    while n_bytes := int(await reader.readuntil(b"\r\n"), 16):
        chunks.append(await reader.readexactly(n_bytes))
        await reader.readexactly(2)
    await reader.readexactly(2)
    return b"".join(chunks)
