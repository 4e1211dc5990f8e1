"""Streams: as many comments as a caller likes, in bounded memory."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Annotated, Any, Final, Literal

import anyio
import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from plaudit import readers
from plaudit.comment import Batch
from plaudit.pipeline import Context
from plaudit.readers import ReadOptions
from plaudit.report.envelope import Report
from plaudit.service.callers import Held, StoppingError
from plaudit.service.door import declared_bytes
from plaudit.service.engine import Engine
from plaudit.service.ndjson import (
    BLOCK_LINES,
    MEDIA_TYPE,
    Line,
    blocks_of,
    check_declared,
    item_of,
    record_of,
)
from plaudit.service.problems import Problem, body_of
from plaudit.service.quotas import count
from plaudit.service.room import weight_of
from plaudit.service.routes import errors_of
from plaudit.service.schemas import Platform
from plaudit.service.sections import Share, told

CLASSIFY: Final = "/v1/classify/stream"
INDEX: Final = "/v1/index/stream"
PATHS: Final = frozenset({CLASSIFY, INDEX})
"""Paths whose bodies may have any length."""

_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "One comment a line, as a JSON object; blank lines are passed over.",
        "content": {
            MEDIA_TYPE: {"schema": {"type": "string"}, "example": '{"id": "c1", "text": "Which glue?"}\n'}
        },
    }
}
_LINES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "One answer or error a line, in order.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}
_STATUSES: Final = (408, 413, 415, 422, 429, 500, 503)

_DRAIN_SECONDS: Final = 1.0
_GATHERED_BYTES: Final = 1 << 20  # of lines, though they be few: a block of the longest would be a GiB

router = APIRouter(tags=["scoring"])


class About(BaseModel):
    """What a caller of the index stream says beside the comments."""

    model_config = ConfigDict(extra="forbid")

    creator_id: str | None = Field(
        None,
        validation_alias=AliasChoices("creator_id", "creator"),
        description="As in `/v1/index`.",
        max_length=500,
    )
    platform: Platform | None = Field(None, description="As in `/v1/index`.")
    follower_count: int | None = Field(None, ge=0, le=10**12, description="As in `/v1/index`.")
    by: Literal["none", "post", "creator"] = Field("none", description="As in `/v1/index`.")


@router.post(
    CLASSIFY,
    operation_id="classify_stream",
    responses={**_LINES, **errors_of(408, 415, 429, 500, 503)},
    openapi_extra=_BODY,
)
async def classify(request: Request) -> Response:
    """Label a stream of comments: each line is answered as soon as it is there, order and ids kept.

    A line that can't be used gets `{"id", "error"}` in its place. Whoever sends must read at the same
    time: what is not read stops what is sent. Where the whole has to end early the last line is a problem
    (`{"type", "title", ...}`); that of a service which stops says how many lines are answered. The model is
    named in the headers `X-Model-Id` and `X-Model-Hash`.
    """
    check_declared(request)
    engine: Engine = request.app.state.engine
    _ = engine.pipeline
    request.app.state.streams.check()
    if engine.room.is_full:
        raise engine.room.refusal(BLOCK_LINES)
    await count(request, 0)
    return Answers(request, engine)


class Answers(Response):
    """The answers to a classify stream; written by hand because reading and writing go on together."""

    media_type = MEDIA_TYPE

    def __init__(self, request: Request, engine: Engine) -> None:
        model = engine.classifier.model
        super().__init__(headers={"X-Model-Id": model.id, "X-Model-Hash": model.hash})
        del self.headers["content-length"]
        self._request, self._engine, self._n_lines = request, engine, 0
        self._seconds: float = request.app.state.settings.body_seconds
        # What is no longer than a request may be is answered as one; what may go on for hours is not.
        n_bytes = declared_bytes(request.scope)
        is_short = n_bytes is not None and n_bytes <= request.app.state.settings.max_body_bytes
        self._stopping = None if is_short else engine.stopping

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Read, answer and write, block by block."""
        with self._request.app.state.streams.counted():
            await self._run(send)

    async def _run(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        held: Held = self._request.app.state.bodies.open()
        try:
            await self._answer(send, held=held)
            await self._write(send, b"", more=False)
        except (ClientDisconnect, TimeoutError):
            # Nobody reads: leaving it unfinished cuts the connection.
            self._request.app.state.metrics.gone.inc()
        except Problem as problem:
            await self._end(send, problem)
        except StoppingError:
            await self._end(send, _stopped(self._n_lines), more_comes=True)
        except asyncio.CancelledError:  # the process ends, and its patience is over
            if not self._engine.is_draining:
                raise
            await self._end(send, _stopped(self._n_lines))
        finally:
            held.close()

    async def _answer(self, send: Send, *, held: Held) -> None:
        request, n_comments = self._request, 0
        blocks = blocks_of(request, held=held, seconds=self._seconds, stopping=self._stopping)
        async for block in blocks:
            n_comments += len(block)
            request.state.n_comments = n_comments
            await count(request, len(block))
            items = [item_of(line) for line in block]
            async with self._engine.room.wait(weight_of([item.text for item in items])):
                answers = await self._engine.answer(items)
            await self._write(send, b"".join(orjson.dumps(each) + b"\n" for each in answers), more=True)
            self._n_lines = block[-1][0]

    async def _end(self, send: Send, problem: Problem, *, more_comes: bool = False) -> None:
        body = body_of(problem, request_id=self._request.state.request_id)
        await self._write(send, body + b"\n", more=more_comes)
        if more_comes:  # closing on what is being sent would lose the line
            with anyio.move_on_after(_DRAIN_SECONDS):
                while (await self._request.receive()).get("more_body"):
                    pass
            await self._write(send, b"", more=False)

    async def _write(self, send: Send, body: bytes, *, more: bool) -> None:
        with anyio.fail_after(self._seconds):
            await send({"type": "http.response.body", "body": body, "more_body": more})


def _stopped(n_lines: int) -> Problem:
    return Problem(
        "not-ready",
        f"The service is stopping; the first {n_lines:,} lines are answered.",
        hint=f"Send those from line {n_lines + 1:,} on to another one, or again in a moment.",
    )


@router.post(
    INDEX,
    response_model=Report,
    operation_id="index_stream",
    responses=errors_of(*_STATUSES),
    openapi_extra=_BODY,
)
async def index(request: Request, about: Annotated[About, Query()]) -> Response:
    """Score a stream of comments as one section; the report comes at the end.

    Texts are not kept: of each comment some numbers stay until the report is made. Lines that can't be
    used are counted under `coverage.rejected`. The answer is the same report as that of `/v1/index`.
    """
    check_declared(request)
    request.app.state.streams.check()
    share: Share = request.app.state.sections.open()
    with ExitStack() as held:
        held.enter_context(request.app.state.streams.counted())
        held.callback(share.close)
        try:
            with closing(Section(request, about, share=share)) as section:
                report = await section.report()
        except ClientDisconnect:
            request.app.state.metrics.gone.inc()
            raise Problem("caller-gone", "The caller left before the answer.") from None
        return told(report, request, held=held)


class Section:
    """One index stream on its way."""

    def __init__(self, request: Request, about: About, *, share: Share) -> None:
        self._request, self._about, self._share = request, about, share
        self._engine: Engine = request.app.state.engine
        _ = self._engine.pipeline
        if self._engine.room.is_full:
            raise self._engine.room.refusal(BLOCK_LINES)
        self._gathering, self._n_broken = self._engine.gathering(), 0
        self._held: Held = request.app.state.bodies.open()
        self._supplied: Held = request.app.state.bodies.open()

    def close(self) -> None:
        """Give back what was held."""
        self._gathering.__exit__(None, None, None)
        self._held.close()
        self._supplied.close()

    async def report(self) -> Report:
        """Read to the end and measure."""
        request, about, supply = self._request, self._about, _Supply()
        options = ReadOptions(creator=about.creator_id, platform=about.platform, batch_size=BLOCK_LINES)
        batches = readers.read_records(supply, options=options)
        seconds: float = request.app.state.settings.body_seconds
        async for block in blocks_of(request, held=self._held, seconds=seconds):
            await self._hold(len(block))
            for line in block:
                supply.add(self._record(line), n_bytes=len(line[1] or b""))
            self._supplied.set(supply.n_bytes)
            if supply.n_records >= BLOCK_LINES or supply.n_bytes >= _GATHERED_BYTES:
                await self._gather(next(batches))
                self._supplied.set(supply.n_bytes)
        supply.is_ended = True
        for batch in batches:
            await self._gather(batch)
        self._correct(n_padding=supply.n_padding)
        context = Context(creator_id=about.creator_id, platform=about.platform)
        by = None if about.by == "none" else about.by
        return await self._engine.report(self._gathering, context=context, group_by=by)

    async def _gather(self, batch: Batch) -> None:
        weight = weight_of(batch.comments.column("text").to_pylist())
        async with self._engine.room.wait(weight):
            await self._engine.gather(batch, into=self._gathering)

    async def _hold(self, n_comments: int) -> None:
        limit = self._request.app.state.settings.max_stream_comments
        if self._share.n_comments + n_comments > limit:
            raise Problem(
                "too-many-comments",
                f"The stream holds more than {limit:,} comments.",
                hint="For one index over more, use `plaudit score` or the library.",
                headers={"Connection": "close"},
            )
        if not self._share.take(n_comments):
            raise self._engine.room.refusal(n_comments)
        await count(self._request, n_comments, is_one=True)
        self._request.state.n_comments = self._share.n_comments

    def _record(self, line: Line) -> Any:
        return record_of(line, refuse=self._refused)

    def _refused(self, reason: str, _sentence: str) -> None:
        # To the reader, which gets None, this is no record like any other.
        self._n_broken += reason == "not_json"

    def _correct(self, *, n_padding: int) -> None:
        rejected: Counter[str] = self._gathering.rejected
        rejected["not_json"] += self._n_broken
        rejected["not_a_record"] -= self._n_broken + n_padding
        self._gathering.rejected = +rejected


class _Supply:
    """Records for a reader that is only asked while there are enough for what it reads at once.

    Attributes:
        n_bytes: Of the lines of those that it was not given yet.
    """

    def __init__(self) -> None:
        self._records: deque[tuple[Any, int]] = deque()
        self.is_ended, self.n_padding, self.n_bytes = False, 0, 0

    @property
    def n_records(self) -> int:
        return len(self._records)

    def add(self, record: Any, *, n_bytes: int) -> None:
        self._records.append((record, n_bytes))
        self.n_bytes += n_bytes

    def __iter__(self) -> Iterator[Any]:
        while self._records or not self.is_ended:
            if self._records:
                record, n_bytes = self._records.popleft()
                self.n_bytes -= n_bytes
                yield record
            else:  # a record that holds none, such as an empty page, or a few long ones made it ask for more
                self.n_padding += 1
                yield None
