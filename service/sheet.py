"""What the page shows beside the report: the comments with their labels, and their course over time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plaudit.comment import Batch
from plaudit.report.timeline import Timeline, timeline
from plaudit.scores import FLAGS, LABELS, Scores

MAX_ROWS: Final = 500
"""Comments in the table; more would make a phone stall, and nobody reads them one by one."""

_MAX_TEXT: Final = 600
_COLUMNS: Final = ("id", "text", "is_creator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comment as the table shows it.

    Attributes:
        id: As the source wrote it; the line number without one.
        text: The first characters of it.
        label: One of `LABELS`.
        probability: Of that label, in [0, 1].
        flags: Those of `FLAGS` that are more likely than not.
        language: ISO 639 code.
        supported: Whether the model reads that language.
        truncated: Whether the model saw only its beginning.
        is_creator: Whether the creator wrote it; such comments are not counted as audience.
    """

    id: str
    text: str
    label: str
    probability: float
    flags: tuple[str, ...]
    language: str
    supported: bool
    truncated: bool
    is_creator: bool


class Sheet:
    """Collects batch by batch; keeps the first rows and the times, never all the texts.

    Attributes:
        rows: The first comments, in input order.
        n_comments: How many there were.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.n_comments = 0
        self._times: list[NDArray[np.int64]] = []
        self._labels: list[NDArray[np.int8]] = []
        self._n_estimated = 0

    def add(self, batch: Batch, scores: Scores) -> None:
        """Take in a batch and its scores."""
        comments = batch.comments
        self.n_comments += len(comments)
        wanted = comments.slice(0, max(0, MAX_ROWS - len(self.rows)))
        records = wanted.select(_COLUMNS).to_pylist()
        self.rows += [_row(record, scores, row) for row, record in enumerate(records)]
        is_audience = ~comments.column("is_creator").to_numpy(zero_copy_only=False).astype(bool)
        counts = comments.column("created_at").is_valid().to_numpy(zero_copy_only=False)
        counts = counts & is_audience & scores.supported
        self._times.append(comments.column("created_at").fill_null(0).to_numpy()[counts])
        self._labels.append(scores.labels[counts])
        precision = np.array(comments.column("time_precision").to_pylist(), object)[counts]
        self._n_estimated += int((precision == "estimated").sum())

    def timeline(self) -> Timeline | None:
        """Return the audience's readable comments over time; None where there is no course to see."""
        if not self._times:
            return None
        return timeline(
            np.concatenate(self._times), np.concatenate(self._labels), n_estimated=self._n_estimated
        )


def _row(record: dict[str, Any], scores: Scores, row: int) -> Row:
    text = record["text"]
    label = int(scores.labels[row])
    return Row(
        id=record["id"],
        text=text[:_MAX_TEXT] + ("…" if len(text) > _MAX_TEXT else ""),
        label=LABELS[label],
        probability=float(scores.probabilities[row][label]),
        flags=tuple(name for name, share in zip(FLAGS, scores.flags[row], strict=True) if share > 0.5),
        language=scores.languages[row],
        supported=bool(scores.supported[row]),
        truncated=bool(scores.truncated[row]),
        is_creator=record["is_creator"],
    )
