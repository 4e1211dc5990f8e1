"""Label a stream of lines: what has arrived is answered at once, whatever the length of the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import orjson

from plaudit.pipeline import Pipeline, answer
from plaudit.service.lines import Item, item_of, lines_of

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


def results(items: Sequence[Item], pipeline: Pipeline) -> Iterator[dict[str, object]]:
    """Yield each item's answer, or its error."""
    texts = [item.text for item in items if item.error is None]
    scores = pipeline.classify(texts) if texts else None
    row = 0
    for item in items:
        if scores is None or item.error is not None:
            yield {"id": item.id, "error": item.error}
        else:
            yield answer(item.id, scores, row)
            row += 1
