r"""Quotation marks within a cell written \", as MySQL and Spark do, made the doubled ones of CSV."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

ESCAPED: Final = '\\"'
NULL: Final = r"\N"
"""What MySQL writes, in no quotation marks, where a column is null."""

_WITHIN = re.compile(r'(?:[^"\\]+|\\.|"")*+', re.DOTALL)  # up to the mark that closes the cell
# A backslash stands before these alone: any other is one that a person typed into a table mended by hand.
_ESCAPE = re.compile(r'\\(["\\\r\n])')


class Unescaper:
    r"""Makes the lines of a row, one after the other, those of a writer that doubles quotation marks.

    A backslash counts within quotation marks only: Spark leaves it as it is in cells without.
    """

    def __init__(self, *, delimiter: str) -> None:
        self._opening = _opening(delimiter)
        self.is_open = False  # whether the next line goes on within a cell

    def __call__(self, line: str) -> str:
        r"""Return a line with `""` for `\"`, and without the backslash before a backslash or line end."""
        if '"' not in line and not (self.is_open and "\\" in line):
            return line
        parts, at = list[str](), 0
        while at < len(line):
            if self.is_open:
                end = _WITHIN.match(line, at).end()  # type: ignore[union-attr]  # it matches nothing, too
                parts.append(_ESCAPE.sub(_doubled, line[at:end]))
                self.is_open = end == len(line)
                at, end = end, end + 1  # the mark that closes the cell
            else:
                opening = self._opening.search(line, at)
                end = len(line) if opening is None else opening.end()
                self.is_open = opening is not None
            parts.append(line[at:end])
            at = end
        return "".join(parts)


@lru_cache
def _opening(delimiter: str) -> re.Pattern[str]:
    return re.compile(rf'(?:^|(?<={re.escape(delimiter)}))"')


def _doubled(match: re.Match[str]) -> str:
    return '""' if match[1] == '"' else match[1]
