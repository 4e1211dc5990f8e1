"""NDJSON as it arrives: lines of a body in blocks, and comments out of lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import orjson
from fastapi import Request
from pydantic import ValidationError

from plaudit.items import Item
from plaudit.service.callers import Held, next_chunk
from plaudit.service.lines import LINE_BYTES, Splitter
from plaudit.service.problems import Problem, field_error
from plaudit.service.schemas import Comment

MEDIA_TYPE: Final = "application/x-ndjson"
BLOCK_LINES: Final = 256

_TAKEN: Final = (MEDIA_TYPE, "application/ndjson", "application/jsonl", "application/x-jsonlines")
_TOO_LONG: Final = f"The line is longer than {LINE_BYTES >> 20} MiB."
_NOT_JSON: Final = "The line is not valid JSON (UTF-8, finite numbers, no lone surrogates)."
_NOT_AN_OBJECT: Final = "The line is not a JSON object."

Line = tuple[int, bytes | None]


def check_declared(request: Request) -> None:
    """Refuse bodies that are not declared as NDJSON.

    Raises:
        Problem: They are declared as something else, or packed (415).
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if encoding != "identity" or media_type not in _TAKEN:
        found = (
            f"encoded as {encoding[:40]!r}" if encoding != "identity" else repr(media_type[:100] or "missing")
        )
        raise Problem(
            "unsupported-media-type",
            f"The body is {found}, expected plain {MEDIA_TYPE!r}.",
            hint=f"Send the header 'Content-Type: {MEDIA_TYPE}' and one JSON object a line.",
        )


async def blocks_of(
    request: Request, *, held: Held, seconds: float, stopping: asyncio.Event | None = None
) -> AsyncIterator[list[Line]]:
    """Yield numbered lines as soon as they are whole, at most `BLOCK_LINES` at a time; blank ones left out.

    Nothing more is read while a block is worked on, so that the caller is slowed down to our pace. A block's
    bytes are held until the next one is asked for, and so are those that came with them.

    Args:
        request: Whose body.
        held: Told of what is held: lines that are worked on, and the beginning of one that has no end yet.
        seconds: Patience for each line.
        stopping: Once it is set nothing more is read.

    Raises:
        ClientDisconnect: The caller left.
        StoppingError: The process is about to stop, and more would come.
        Problem: No line came in time (408), or there is no room for it (429).
    """
    splitter, n_lines, more = Splitter(), 0, True
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    while more:
        chunk, more = await next_chunk(request, deadline=deadline, seconds=seconds, stopping=stopping)
        lines = splitter.feed(chunk) + ([] if more else splitter.end())
        held.set(splitter.n_bytes + sum(len(line) for line in lines if line))
        for start in range(0, len(lines), BLOCK_LINES):
            numbered = list(enumerate(lines[start : start + BLOCK_LINES], start=n_lines + start + 1))
            if block := [each for each in numbered if each[1] is None or each[1].strip()]:
                yield block
            await asyncio.sleep(0)  # bodies that are there already must not keep the others waiting
        n_lines += len(lines)
        held.set(splitter.n_bytes)
        if lines:
            deadline = clock() + seconds


def item_of(line: Line) -> Item:
    """Return what a line of a classify stream says: a text, or why there is none."""
    record = record_of(line, refuse=lambda _, why: why)
    if isinstance(record, str):
        return Item(id=str(line[0]), error=record)
    try:
        comment = Comment.model_validate(record)
    except ValidationError as error:
        return Item(id=_id_of(record, line[0]), error=_sentence(error))
    return Item.of(comment.text or "", id=comment.id or str(line[0]))


def record_of(line: Line, *, refuse: Callable[[str, str], Any]) -> Any:
    """Return the object on a line, or what `refuse` makes of a rejection's reason and its sentence."""
    content = line[1]
    if content is None:
        return refuse("not_json", _TOO_LONG)
    try:
        record = orjson.loads(content.removeprefix(b"\xef\xbb\xbf") if line[0] == 1 else content)
    except orjson.JSONDecodeError:
        return refuse("not_json", _NOT_JSON)
    return record if isinstance(record, dict) else refuse("not_a_record", _NOT_AN_OBJECT)


def _id_of(record: dict[str, object], number: int) -> str:
    found = record.get("id")
    return (
        str(found)
        if isinstance(found, str | int) and not isinstance(found, bool) and found != ""
        else str(number)
    )


def _sentence(error: ValidationError) -> str:
    found = error.errors(include_url=False)[0]
    told = field_error({**found, "loc": ("body", *found["loc"])})
    return f"{told['field']}: expected {told['expected']}, found {told['found']}."
