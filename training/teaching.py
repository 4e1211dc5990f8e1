"""What models say of texts, written down for another to learn from (Hinton et al. 2015).

Teachers may be large and slow: they are asked once, here. Their mean answer is softer and better than
any label one of them would give, and it can be had for texts that nobody annotated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from plaudit.errors import TrainingDataError
from plaudit.scores import FLAGS, LABELS, Classifier
from plaudit.training.exchange import Row

_BLOCK: Final = 2048
_DIGITS: Final = 4


def beliefs(texts: Sequence[str], teachers: Sequence[Classifier]) -> NDArray[np.float64]:
    """Return the teachers' mean probabilities, shape (n, 6): labels, then flags."""
    parts = []
    for teacher in teachers:
        scores = teacher.classify(texts)
        parts.append(np.concatenate([scores.probabilities, scores.flags], axis=1).astype(np.float64))
    return np.asarray(np.mean(parts, axis=0))


def teach(
    rows: Iterable[Row],
    teachers: Sequence[Classifier],
    *,
    on_batch: Callable[[int], None] = lambda _: None,
) -> Iterator[dict[str, Any]]:
    """Yield each row with `probabilities` and `flag_probabilities` of its `text` beside what it holds.

    Args:
        rows: With a `text`; a row with a `label` keeps it, as somebody gave it.
        teachers: At least one.
        on_batch: Called with the number of rows done since.
    """
    block: list[Row] = []

    def answered() -> Iterator[dict[str, Any]]:
        for row, values in zip(block, beliefs([str(r["text"]) for r in block], teachers), strict=True):
            rounded = [round(float(value), _DIGITS) for value in values]
            yield {
                "label": None,  # a file is known by its columns
                **row,
                "probabilities": dict(zip(LABELS, rounded, strict=False)),
                "flag_probabilities": dict(zip(FLAGS, rounded[len(LABELS) :], strict=True)),
            }
        on_batch(len(block))
        block.clear()

    for row in rows:
        block.append(row)
        if len(block) == _BLOCK:
            yield from answered()
    if block:
        yield from answered()


def write(rows: Iterable[dict[str, Any]], out: Path) -> int:
    """Write rows as JSON lines, whole or not at all; returns how many.

    Raises:
        TrainingDataError: The file cannot be written; an earlier one stays.
    """
    n = 0
    partial = out.with_name(f".{out.name}.partial")  # readable by whom any new file is
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            for row in rows:
                file.write(orjson.dumps(row, default=str, option=orjson.OPT_APPEND_NEWLINE))
                n += 1
        partial.replace(out)
    except OSError as error:
        raise TrainingDataError(
            f"{out} cannot be written ({error.strerror}); free some space or name another file."
        ) from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return n
