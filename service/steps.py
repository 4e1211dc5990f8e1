"""How far a run of many steps is, told on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_LINE_SECONDS: Final = 5.0


class Steps:
    """A bar on a terminal, for the step at hand; elsewhere a line every few seconds where asked for.

    Args:
        shown: None: only on a terminal.
    """

    def __init__(self, *, shown: bool | None = None) -> None:
        terminal = sys.stderr is not None and sys.stderr.isatty()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not terminal or shown is False,
        )
        self._task = self._bar.add_task("Reading", total=None)
        self._lines = bool(shown) and not terminal
        self._told = 0.0
        self._name = ""

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, name: str, done: int, total: int) -> None:
        """Tell that so many parts of a step are done."""
        self._bar.update(self._task, description=name, completed=done, total=total)
        now = time.monotonic()
        if self._lines and (name != self._name or now - self._told >= _LINE_SECONDS):
            self._told, self._name = now, name
            print(f"plaudit: {name}, {done:,} of {total:,}", file=sys.stderr, flush=True)
