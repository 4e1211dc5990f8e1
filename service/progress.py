"""How far a long run is, told on stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from plaudit.readers.source import Sources, sources_of

_LINE_SECONDS: Final = 5.0


def total_bytes(sources: Sources) -> int | None:
    """Return the size of all files, folders walked; None where one of them has no size to know.

    Raises:
        InputError: A source is not there.
    """
    found = [source.n_bytes for source in sources_of(sources)]
    sizes = [size for size in found if size is not None]
    return sum(sizes) if len(sizes) == len(found) else None


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        n_comments = task.fields["n_comments"]
        seconds = task.elapsed or 0.0
        rate = f", {n_comments / seconds:,.0f} a second" if n_comments and seconds else ""
        return Text(f"{n_comments:,} comments{rate}")


class Meter:
    """A bar on a terminal; elsewhere a line every few seconds where asked for, else nothing.

    Args:
        n_bytes: What there is to read; None where unknown, then the time left stays open.
        shown: None: only on a terminal.
    """

    def __init__(self, *, n_bytes: int | None, shown: bool | None = None) -> None:
        terminal = sys.stderr is not None and sys.stderr.isatty()
        self._bar = _bar(disable=not terminal or shown is False)
        self._task = self._bar.add_task("Reading", total=n_bytes, n_comments=0)
        self._lines = bool(shown) and not terminal
        self._n_bytes = n_bytes
        self._n_read = self._n_comments = self._n_skipped = 0
        self._start = self._told = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        if self._lines and kind is None:
            self._tell()

    def say(self, step: str) -> None:
        """Name what is being done."""
        self._bar.update(self._task, description=step)

    def advance(self, n_comments: int, *, n_bytes: int) -> None:
        """Count comments that are done, and the bytes they were read from.

        Bytes before the first comment were done in an earlier run: they say nothing about the speed of this.
        """
        if not self._n_comments and not n_comments:
            self._n_skipped += n_bytes
            self._start = time.monotonic()
        self._n_comments += n_comments
        self._n_read += n_bytes
        self._bar.update(self._task, advance=n_bytes, n_comments=self._n_comments)
        if self._lines and time.monotonic() - self._told >= _LINE_SECONDS:
            self._tell()

    def warn(self, sentence: str) -> None:
        """Tell what does not stop the run, and should not be overlooked."""
        self._bar.console.print(f"plaudit: {sentence}", markup=False, highlight=False, soft_wrap=True)

    def _tell(self) -> None:
        self._told = time.monotonic()
        seconds = max(self._told - self._start, 1e-3)
        parts = [f"{self._n_comments:,} comments", f"{self._n_comments / seconds:,.0f} a second"]
        if self._n_bytes and self._n_read:
            share = min(self._n_read / self._n_bytes, 1.0)
            parts = [f"{share:.0%}", *parts]
            n_new = self._n_read - self._n_skipped
            if n_new:
                left = seconds * max(self._n_bytes - self._n_read, 0) / n_new
                parts.append(f"{left:,.0f} s left")
        print("plaudit: " + ", ".join(parts), file=sys.stderr, flush=True)


def _bar(*, disable: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        _Rate(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=disable,
    )
