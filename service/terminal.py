"""Stdout as rich writes to it."""

from __future__ import annotations

from rich.console import Console


class Terminal(Console):
    """A console that leaves it to the command what a closed pipe means."""

    def on_broken_pipe(self) -> None:
        """Raise on; rich itself would end the process as failed."""
        raise BrokenPipeError
