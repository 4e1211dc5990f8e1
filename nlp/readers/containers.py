"""Ways in which text holds records one after the other, each as a stream of (number, value).

A number is the line a value begins on, from 1; 0 where values are counted instead. A value is what JSON
has (a row of a table: an object), or a `Problem` where none could be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain
from typing import Any, Final

import orjson

from plaudit.readers import json_cutting
from plaudit.readers.format import Problem
from plaudit.readers.json_values import read_document, read_line
from plaudit.readers.stream import ByteStream

Numbered = Iterator[tuple[int, Any]]
Again = Callable[[], ByteStream]

N_LINE_LIMIT: Final = 64 << 20


def lines(stream: ByteStream) -> Iterator[tuple[int, bytes | Problem]]:
    r"""Yield numbered lines, ended by \n and nothing else; a last one cut off by damage is left out."""
    number, pieces, size = 1, [b""], 0
    for chunk in stream:
        first, *others = chunk.split(b"\n")
        size += len(first)
        if size <= N_LINE_LIMIT:
            pieces.append(first)
        for other in others:
            yield number, (b"".join(pieces) if size <= N_LINE_LIMIT else _too_long())
            number, pieces, size = number + 1, [other], len(other)
    if size and stream.damage is None:
        yield number, (b"".join(pieces) if size <= N_LINE_LIMIT else _too_long())


def _too_long() -> Problem:
    return Problem("not_a_record", f"The line is longer than {N_LINE_LIMIT >> 20} MiB.")


def ndjson_values(stream: ByteStream) -> Numbered:
    """Yield the value of each line that is not blank."""
    loads = orjson.loads
    for number, line in lines(stream):
        if isinstance(line, Problem):
            yield number, line
            continue
        try:
            yield number, loads(line)
        except ValueError:
            if line.strip():
                yield from ((number, value) for value in read_line(line))


def plain_values(stream: ByteStream) -> Numbered:
    """Yield each line that is not blank as a string."""
    for number, line in lines(stream):
        if isinstance(line, Problem):
            yield number, line
        elif line := line.strip(b" \t\r\f\v"):
            try:
                yield number, line.decode()
            except UnicodeDecodeError as error:
                detail = f"Byte {error.start + 1} of the line is not UTF-8 text."
                yield number, Problem("bad_encoding", detail)


def document_values(stream: ByteStream, *, again: Again | None = None) -> Numbered:
    """Yield the values of a JSON file: whole, or in parts of its shape where it is too long to hold.

    Args:
        stream: The file.
        again: Starts another pass over it; None where it is only looked at: it is cut early then, and parts
            may lack what comes behind the comments.
    """
    data, chunks = bytearray(), iter(stream)
    limit = json_cutting.N_LOOK if again is None else json_cutting.N_WHOLE
    for chunk in chunks:
        data += chunk
        if len(data) > limit:
            yield from _cut(chain((bytes(data),), chunks), stream, limit=limit, again=again)
            return
    values, problem, stream.is_marked = read_document(bytes(data))
    if problem is not None:
        yield from _parts(json_cutting.mender(bytes(data), problem=problem), stream)
        return
    for value in values:
        yield 0, value


def _cut(chunks: Iterator[bytes], stream: ByteStream, *, limit: int, again: Again | None) -> Numbered:
    def survey() -> json_cutting.Shared:
        if again is None:
            return []
        with closing(again()) as other:
            return json_cutting.Cutter(other, limit=limit).shared()

    yield from _parts(json_cutting.Cutter(chunks, limit=limit, survey=survey), stream)


def _parts(cutter: json_cutting.Cutter, stream: ByteStream) -> Numbered:
    for value in cutter.values():
        stream.is_marked |= cutter.is_marked
        yield 0, value
