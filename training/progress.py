"""How far a long run is, told on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

_LINE_SECONDS: Final = 30.0


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(task.fields["note"])


class Meter:
    """A bar on a terminal; elsewhere a line as a stage begins and every half minute.

    Args:
        unit: What is counted, such as "comments".
    """

    def __init__(self, *, unit: str) -> None:
        self._unit = unit
        self._terminal = sys.stderr.isatty()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            _Rate(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not self._terminal,
        )
        self._task = self._bar.add_task("", total=None, note="")
        self._stage = ""
        self._from: float | None = None
        self._n = 0
        self._start = self._told = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def say(self, stage: str) -> None:
        """Begin a stage."""
        self._stage, self._from = stage, None
        self._start = self._told = time.monotonic()
        self._bar.reset(self._task, description=stage, total=None, note="")
        if not self._terminal:
            _tell(f"{stage} ...")

    def update(self, done: float, *, total: float, n: int, note: str = "") -> None:
        """Show how far the stage is.

        Args:
            done: Of `total`, in any measure.
            total: All there is to do.
            n: How many units are done, for the rate.
            note: Said beside it.
        """
        now = time.monotonic()
        if self._from is None:  # a resumed run did the first ones earlier: they count for no rate
            self._start, self._from, self._n = now, done, n
        seconds = max(now - self._start, 1e-3)
        rate = (n - self._n) / seconds
        words = ", ".join(part for part in (f"{rate:,.1f} {self._unit} a second", note) if part)
        self._bar.update(self._task, completed=done, total=total, note=words)
        if not self._terminal and now - self._told >= _LINE_SECONDS and done > self._from:
            self._told = now
            left = (total - done) * seconds / (done - self._from)
            _tell(f"{self._stage}: {done / total:.0%}, {words}, {left:,.0f} s left")


def _tell(line: str) -> None:
    print(f"plaudit-train: {line}", file=sys.stderr, flush=True)
