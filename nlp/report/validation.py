"""A validation as one self-contained page, and as a table on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from markupsafe import Markup
from rich.console import Console
from rich.table import Table
from rich.text import Text

from plaudit.report import charts, phrases
from plaudit.report.claims import Claim, Row, Validation
from plaudit.report.templates import environment, source

CAVEATS: Final = (
    *phrases.CAVEATS,
    "Injected bots are those of public configurations; a campaign that nobody published may look otherwise.",
    "Known groups were named by hand. They show that the numbers differ where one would expect it, not that "
    "each of them is right.",
)
_WIDE: Final = 120  # columns from which the table is one
_STYLES: Final = {"pass": "green", "short": "bold red", "unmeasured": "dim", "shown": "default"}


class _Words:
    """How rows are written, for the template."""

    counted = staticmethod(phrases.counted)

    @staticmethod
    def value(row: Row) -> str:
        return "–" if row.value is None else figure(row.value, row.unit)

    @staticmethod
    def span(row: Row) -> str:
        if row.low is None or row.high is None:
            return ""
        return f"{figure(row.low, row.unit)} to {figure(row.high, row.unit)}"

    @staticmethod
    def target(row: Row) -> str:
        if row.target is None:
            return ""
        least, most = row.target.least, row.target.most
        if least is not None and most is not None:
            return f"{figure(least, row.unit)} to {figure(most, row.unit)}"
        return f"≥ {figure(least, row.unit)}" if least is not None else f"≤ {figure(most or 0.0, row.unit)}"


def figure(value: float, unit: str) -> str:
    """Format a row's number in its unit."""
    if unit == "share":
        return f"{round(100 * value, 1) + 0.0:.1f}%"
    if unit == "points":
        return f"{round(value, 1) + 0.0:.1f}"
    if unit == "count":
        return f"{value:,.0f}"
    return f"{value + 0.0:.3f}" if abs(value) >= 0.001 or value == 0 else f"{value:.0e}"


def render_validation(validation: Validation) -> str:
    """Render a validation as an HTML page; the same validation gives the same page."""
    style = source("report.css") + source("validation.css")
    return (
        environment()
        .get_template("validation.jinja")
        .render(
            validation=validation,
            counts=_counts(validation),
            caveats=CAVEATS,
            phrases=_Words,
            charts=charts,
            style=Markup(style),  # noqa: S704  our own files, no data in them
        )
    )


def _counts(validation: Validation) -> Counter[str]:
    return Counter(claim.verdict for claim in validation.claims)


def print_validation(validation: Validation, console: Console) -> None:
    """Print every figure with its interval, target and verdict; a narrow console gets lines, not a table."""
    if console.width >= _WIDE:
        console.print(_table(validation))
    else:
        for line in _lines(validation):
            console.print(line)
    counts = _counts(validation)
    told = f"{counts['pass']} claims pass, {counts['short']} fall short, {counts['unmeasured']} not measured."
    console.print(Text(told, style="bold"))


def _table(validation: Validation) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("claim", overflow="fold")
    for heading in ("value", "90 % interval", "target", "on"):
        table.add_column(heading, justify="right", overflow="fold")
    table.add_column("", overflow="fold")
    for claim in validation.claims:
        table.add_row(_title(claim), "", "", "", "", _verdict(claim.verdict))
        for row in claim.rows:
            words = (_Words.value(row), _Words.span(row), _Words.target(row), f"{row.n:,} {row.of}")
            verdict = _verdict(row.verdict) if row.target else Text("")
            table.add_row(Text(f"  {phrases.printable(row.name)}"), *map(Text, words), verdict)
        if claim.lacking:
            table.add_row(Text(f"  {claim.lacking}", style="dim"))
    return table


def _lines(validation: Validation) -> Iterator[Text]:
    for claim in validation.claims:
        yield Text.assemble(_title(claim), "  ", _verdict(claim.verdict))
        for row in claim.rows:
            span, target = _Words.span(row), _Words.target(row)
            told = [
                _Words.value(row) + (f" ({span})" if span else ""),
                *([f"target {target}"] if target else []),
                f"{row.n:,} {row.of}",
            ]
            yield Text(f"  {phrases.printable(row.name)}")
            yield Text.assemble(f"    {', '.join(told)}  ", _verdict(row.verdict) if row.target else Text(""))
        if claim.lacking:
            yield Text(f"  {claim.lacking}", style="dim")


def _title(claim: Claim) -> Text:
    return Text(phrases.printable(claim.title), style="bold")


def _verdict(word: str) -> Text:
    return Text(word, style=_STYLES[word])
