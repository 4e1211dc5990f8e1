"""A terminal that a report is written on: with or without colour or Unicode, wide or narrow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from plaudit.report import phrases

_WIDE: Final = 64
_ASCII: Final = str.maketrans({"–": "-", "…": "~", "“": '"', "”": '"', "’": "'", "·": "-"})


@dataclass(frozen=True, slots=True)
class Page:
    """A console and what fits on it. Nothing that is printed is read as markup."""

    console: Console

    @property
    def wide(self) -> bool:
        """Whether tables have room for every column."""
        return self.console.width >= _WIDE

    @property
    def plain(self) -> bool:
        """Whether it shows nothing but ASCII."""
        return self.console.options.ascii_only

    def text(self, words: str, *, style: str = "") -> Text:
        """Return words as this terminal can show them."""
        words = phrases.printable(words)
        if self.plain:
            words = words.translate(_ASCII).encode("ascii", "replace").decode()
        return Text(words, style=style)

    def line(self, words: str, *, style: str = "", indent: int = 0) -> None:
        """Print a line."""
        self.console.print(Padding(self.text(words, style=style), (0, 0, 0, indent), expand=False))

    def heading(self, words: str) -> None:
        """Print an empty line, then a heading, where there is one."""
        self.console.print()
        if words:
            self.line(words, style="bold")

    def bullets(self, sentences: Iterable[str], *, style: str = "") -> None:
        """Print sentences as a list."""
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column()
        table.add_column(overflow="fold")  # a path is longer than a line
        for sentence in sentences:
            table.add_row(self.text(" -", style="dim"), self.text(sentence, style=style))
        if table.row_count:
            self.console.print(table)

    def grid(self, *justify: str) -> Table:
        """Return a table without lines; each column is left, right, or a bar that is never folded."""
        table = Table.grid(padding=(0, 2, 0, 0))
        for side in justify:
            rigid = side == "bar"  # rich's own ellipsis would break a terminal without Unicode
            overflow: Literal["crop", "fold"] = "crop" if rigid else "fold"
            table.add_column(justify="right" if side == "right" else "left", no_wrap=rigid, overflow=overflow)
        return table

    def show(self, table: Table) -> None:
        """Print a table, without columns at its end that nothing stands in."""
        # rich keeps room for them that words are then folded for.
        while table.columns and not any(map(str, table.columns[-1].cells)):
            table.columns.pop()
        self.console.print(Padding(table, (0, 0, 0, 1), expand=False))
