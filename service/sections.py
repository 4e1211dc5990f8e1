"""Sections that lie on disk, and their answers: how much of it they may take together, and until when."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from typing import Final

from fastapi import Request, Response
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from plaudit.report.envelope import KeptGroups, Report
from plaudit.service.intake import JSON

_CHUNK_BYTES: Final = 1 << 18


class Sections:
    """Comments of all sections that may lie on disk now, up to a bound.

    A comment takes some kilobytes there; where each is a group of its own, some more. Belongs to the event
    loop's thread.

    Attributes:
        n_comments: Held now.
    """

    def __init__(self, most: int) -> None:
        self.most, self.n_comments = most, 0

    def open(self) -> Share:
        """Return the share of one section; close it."""
        return Share(self)


class Share:
    """What one section holds of them."""

    def __init__(self, sections: Sections) -> None:
        self._sections, self.n_comments = sections, 0

    def take(self, n_comments: int) -> bool:
        """Hold more comments; False where there is no room beside others. Alone it may take any number."""
        others = self._sections.n_comments - self.n_comments
        if others and self._sections.n_comments + n_comments > self._sections.most:
            return False
        self._sections.n_comments += n_comments
        self.n_comments += n_comments
        return True

    def close(self) -> None:
        """Hold nothing any more."""
        self._sections.n_comments -= self.n_comments
        self.n_comments = 0


def told(report: Report, request: Request, *, held: ExitStack) -> Response:
    """Return the answer that a report is; in parts where its groups are kept on disk.

    Args:
        report: What was measured.
        request: Whose answer it is.
        held: What is taken for it. An answer in parts takes it over, and closes it when it is sent.
    """
    if isinstance(report.groups, KeptGroups):
        return LongReport(report, request, held=held.pop_all())
    return Response(report.to_json(), media_type=JSON)


class LongReport(StreamingResponse):
    """A report in parts. It keeps its place until it is sent, or whom it is for has gone or reads too slowly.

    Each 256 KiB may take `body_seconds`, as those of a body may.
    """

    def __init__(self, report: Report, request: Request, *, held: ExitStack) -> None:
        super().__init__(_in_chunks(report.json_parts()), media_type=JSON)
        self._held, self._gone = held, request.app.state.metrics.gone
        self._seconds: float = request.app.state.settings.body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; where nobody takes it, leaving it unfinished cuts the connection."""
        is_sent = False

        async def send_in_time(message: Message) -> None:
            nonlocal is_sent
            async with asyncio.timeout(self._seconds):
                await send(message)
            is_sent = message["type"] == "http.response.body" and not message.get("more_body")

        with self._held, suppress(TimeoutError):
            await super().__call__(scope, receive, send_in_time)
        if not is_sent:
            self._gone.inc()


def _in_chunks(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Join parts, as each step of an answer costs more than a small one."""
    chunk = bytearray()
    for part in parts:
        chunk += part
        if len(chunk) >= _CHUNK_BYTES:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)
