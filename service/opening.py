"""What `plaudit classify` reads, in the chunks in which it arrives."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from plaudit.errors import InputError
from plaudit.readers.sniffing import binary_container, head_of
from plaudit.readers.source import Source, sources_of

_CHUNK_BYTES: Final = 1 << 20


def chunks_of(file: str) -> Iterator[bytes]:
    """Return the bytes of a file, unpacked, or of stdin for "-", each chunk as soon as it is there.

    Raises:
        InputError: The file is not there or holds no lines of text; while iterating, where an archive
            is damaged further on.
    """
    if file == "-":
        return _stdin()
    path = Path(file)
    if path.is_dir():
        raise InputError(f"{file} is a folder; name one file, or use `plaudit score`.")
    source, *others = sources_of([file])
    if others:
        raise InputError(f"{file} holds several files; name one file, or use `plaudit score`.")
    # Looking ahead in a pipe would hold back what it has.
    if source.is_lasting and (kind := binary_container(head_of(source).data)) is not None:
        raise InputError(
            f"{file} is a file of {kind.title()}, lines were expected; `plaudit score` reads it."
        )
    return _chunks(source)


def _stdin() -> Iterator[bytes]:
    if sys.stdin.isatty():
        print("plaudit: type one comment a line; Ctrl-D ends.", file=sys.stderr)
    stdin: Any = sys.stdin.buffer
    while chunk := stdin.read1(_CHUNK_BYTES):
        yield chunk


def _chunks(source: Source) -> Iterator[bytes]:
    source.keeps = False
    with closing(source.open()) as stream:
        yield from stream
    if stream.damage is not None:
        raise InputError(
            f"{source.name}: {stream.damage} All before it was answered; fetch or pack it again."
        )
