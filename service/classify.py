"""Label a stream of lines: what has arrived is answered at once, whatever the length of the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

import orjson

from plaudit.items import results
from plaudit.pipeline import Pipeline
from plaudit.service.lines import item_of, lines_of

_CHUNK_LINES: Final = 1024  # enough to batch well, few enough to see answers flow


def classify(chunks: Iterable[bytes], *, pipeline: Pipeline, write: Callable[[bytes], object]) -> None:
    """Write one line of JSON per line read, in order; memory stays bounded."""
    n_lines = 0
    for block in lines_of(chunks):
        lines = iter(block)
        while chunk := list(islice(lines, _CHUNK_LINES)):
            items = [item_of(line, number=n_lines + i) for i, line in enumerate(chunk, start=1)]
            write(b"".join(orjson.dumps(result) + b"\n" for result in results(items, pipeline)))
            n_lines += len(chunk)
