"""A comparison on a terminal, and as a self-contained page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from plaudit.report import phrases
from plaudit.report.changes import VERDICTS, Change, real
from plaudit.report.comparison import Comparison, Side
from plaudit.report.console import Page
from plaudit.report.difference import FALSE_SHARE, Value
from plaudit.report.group_changes import most_telling
from plaudit.report.templates import render

MAX_GROUPS: Final = 500
"""Groups on the page; the JSON has all."""

N_GROUPS: Final = 10
_KEY: Final = 24
_STYLES: Final = {"rose": "bold cyan", "fell": "bold magenta", "unclear": "yellow"}
_WORDS: Final = {"noise": "no more than noise", "new": "only in the second", "gone": "only in the first"}
_CAUTION: Final = (
    "“Rose” and “fell” are more than noise: of all differences so called in one table, at most "
    f"{FALSE_SHARE:.0%} should be false alarms. “Unclear” is outside its own 90% interval, which one in ten "
    "true zeros is."
)


def render_comparison(comparison: Comparison) -> str:
    """Render a comparison as an HTML page that needs no other host and no script."""
    return render(
        "comparison.jinja",
        comparison=comparison,
        shown=comparison.groups[:MAX_GROUPS],
        max_groups=MAX_GROUPS,
        verdicts=VERDICTS,
        headline=headline(comparison),
        caution=_CAUTION,
    )


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print what changed: numbers, labels and signals in a table, then groups, then what is assumed."""
    page = Page(console)
    page.line(headline(comparison), style="bold")
    for title, side in (("First", comparison.before), ("Second", comparison.after)):
        page.line(f"{title}: {_made(side)}", style="dim", indent=1)
    for kind, title in (("number", "Numbers"), ("label", "Labels"), ("signal", "Signals")):
        page.heading(title)
        _table(page, [change for change in comparison.changes if change.kind == kind])
    _relabelled(page, comparison)
    _groups(page, comparison)
    page.heading("How to read it")
    page.bullets([*comparison.notes, _CAUTION], style="yellow")


def headline(comparison: Comparison) -> str:
    """Say in a sentence how much changed."""
    n_real, n = len(real(comparison.changes)), sum(c.difference is not None for c in comparison.changes)
    if not n:
        return "Nothing can be compared: no number is there in both runs."
    if all(change.verdict == "same" for change in comparison.changes if change.difference is not None):
        return f"All {n} numbers that are there in both runs are the same."
    return f"{n_real} of {n} differences are more than noise."


def _made(side: Side) -> str:
    model, policy = (made.get("id", "unknown") for made in (side.model, side.policy))
    return (
        f"{side.name} · {side.coverage.scored:,} of {side.coverage.read:,} comments scored · model {model} · "
        f"policy {policy} · version {side.version}"
    )


def _table(page: Page, changes: Sequence[Change]) -> None:
    table = page.grid("left", "right", "right", "right", "left", "left")
    for change in changes:
        name = phrases.changed_thing(change.name, change.kind)
        cells = [page.text(name), *(_reading(page, change, value) for value in (change.before, change.after))]
        table.add_row(*cells, *_apart(page, change))
    page.show(table)


def _reading(page: Page, change: Change, value: Value | None) -> Text:
    return (
        page.text("–", style="dim")
        if value is None
        else page.text(phrases.quantity(value.value, change.unit))
    )


def _apart(page: Page, change: Change) -> list[Text]:
    word = page.text(_WORDS.get(change.verdict, change.verdict), style=_STYLES.get(change.verdict, "dim"))
    if change.difference is None:
        return [page.text(""), page.text(""), word]
    apart = change.difference
    size = page.text(_plain(phrases.change(apart.value, change.unit), page), style="bold")
    span = phrases.change_interval(apart.low, apart.high, change.unit) if page.wide else ""
    return [size, page.text(_plain(span, page)), word]


def _plain(words: str, page: Page) -> str:
    return words.replace("−", "-").replace("±", "") if page.plain else words


def _relabelled(page: Page, comparison: Comparison) -> None:
    shared = comparison.shared
    if shared is not None and shared.n_common:
        share = phrases.percent(shared.n_relabelled / shared.n_common)
        page.heading("")
        page.line(
            f"{shared.n_relabelled:,} of {shared.n_common:,} shared comments ({share}) got another label."
        )


def _groups(page: Page, comparison: Comparison) -> None:
    n_before, n_after = len(comparison.only_before), len(comparison.only_after)
    if not (comparison.groups or n_before or n_after):
        return
    page.heading(f"Most changed of {phrases.counted(len(comparison.groups), 'group')} in both runs")
    table = page.grid("left", "left", "right", "right", "right", "left", "left")
    for group in comparison.groups[:N_GROUPS]:
        change = most_telling(group)
        if change is not None:
            key = group.key if len(group.key) <= _KEY else group.key[: _KEY - 1] + "…"
            readings = (_reading(page, change, value) for value in (change.before, change.after))
            name = page.text(phrases.changed_thing(change.name, change.kind))
            table.add_row(page.text(key), name, *readings, *_apart(page, change))
    page.show(table)
    if len(comparison.groups) > N_GROUPS:
        page.line(f"and {len(comparison.groups) - N_GROUPS:,} more in the JSON", style="dim", indent=1)
    if n_before or n_after:
        page.line(f"{n_before:,} only in the first, {n_after:,} only in the second", style="dim", indent=1)
