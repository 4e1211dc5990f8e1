"""The report on a terminal: one screen, with or without colour, wide or narrow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.text import Text

from plaudit.report import phrases, salience
from plaudit.report.console import Page
from plaudit.report.envelope import Finding, Interval, LabelShare, Report, SignalRow

N_SIGNALS: Final = 5
N_GROUPS: Final = 10
N_LANGUAGES: Final = 4

_BAR: Final = 40
_KEY: Final = 28
_STYLES: Final = {"good": "green", "normal": "default", "low": "yellow", "alarm": "bold red", "absent": "dim"}
_TONES: Final = {"genuine": "cyan", "generic_praise": "yellow", "question": "blue"}


def print_summary(report: Report, console: Console) -> None:
    """Print the numbers, the labels, the signals that matter, the coverage and what to beware of."""
    page = Page(console)
    page.line(f"Plaudit: {_of(report.coverage.scored, report.coverage.read)} comments scored", style="bold")
    _numbers(page, report)
    _labels(page, report)
    _signals(page, report)
    _groups(page, report)
    _coverage(page, report)
    if report.warnings:
        page.heading("Warnings")
        page.bullets(report.warnings, style="yellow")
    page.heading("")
    page.line(_origin(report), style="dim")


def _numbers(page: Page, report: Report) -> None:
    page.heading("")
    table = page.grid("left", "right", "left", "bar")
    numbers: dict[str, Interval | None] = {name: getattr(report, name) for name in phrases.NUMBERS}
    room = 38 if None not in numbers.values() else 31 + len(phrases.INSUFFICIENT)
    for name, phrase in phrases.NUMBERS.items():
        title = page.text(phrase.title, style="bold" if name == "index" else "")
        table.add_row(title, *_number(page, numbers[name], room=room))
    page.show(table)
    for name in phrases.NUMBERS:
        _reasons(page, report, name)


def _number(page: Page, number: Interval | None, *, room: int) -> list[Text]:
    """Write a number's cells; `room` columns are needed for everything but its bar."""
    if number is None:
        return [page.text("–", style="dim"), page.text(phrases.INSUFFICIENT, style="yellow")]
    cells = [page.text(phrases.score(number), style="bold"), page.text(phrases.score_interval(number))]
    width = min(page.console.width - room, _BAR)
    return [*cells, _bar(page, number, width=width)] if width >= _BAR // 2 else cells


def _bar(page: Page, number: Interval, *, width: int) -> Text:
    """Draw 0 to 100 with the interval on it and the value in it."""
    void, span, dot = ("-", "=", "O") if page.plain else ("─", "━", "●")
    last = width - 1
    low, at, high = (round(min(max(x, 0), 100) / 100 * last) for x in (number.low, number.value, number.high))
    bar = Text()
    for i in range(last + 1):
        inside = low <= i <= high
        bar.append(dot if i == at else span if inside else void, style="bold cyan" if inside else "dim")
    return bar


def _reasons(page: Page, finding: Finding, name: str) -> None:
    sentences = finding.reasons.get(name, ())
    if sentences:
        page.heading("")
        page.line(phrases.NUMBERS[name].title, style="italic")
        page.bullets(sentences)


def _labels(page: Page, report: Report) -> None:
    page.heading("Labels")
    table = page.grid("left", "right", "left", "left", "bar")
    for name, share in report.labels.items():
        phrase = phrases.LABELS.get(name)
        table.add_row(page.text(phrase.title if phrase else name), *_label(page, name, share))
    page.show(table)


def _label(page: Page, name: str, share: LabelShare | None) -> list[Text]:
    if share is None:
        return [page.text("–", style="dim"), page.text(phrases.INSUFFICIENT, style="yellow")]
    cells = [page.text(phrases.percent(share.share), style="bold"), page.text(phrases.label_interval(share))]
    if not page.wide:
        return cells
    block = ("#" if page.plain else "█") * round(share.share * min(_BAR, page.console.width - 46))
    raw = page.text(f"raw {phrases.percent(share.raw_share)}", style="dim")
    return [*cells, raw, Text(block, style=_TONES.get(name, ""))]


def _signals(page: Page, report: Report) -> None:
    rows = salience.most_telling(report.signals, n=N_SIGNALS)
    page.heading("What matters most" if rows else "No signal could be measured")
    table = page.grid("bar", "left", "right", "left", "left")
    for row in rows:
        table.add_row(*_signal(page, row))
    page.show(table)
    n_absent = sum(row.value is None for row in report.signals)
    if n_absent:
        page.line(f"{phrases.counted(n_absent, 'signal')} could not be measured here.", style="dim", indent=1)


def _signal(page: Page, row: SignalRow) -> list[Text]:
    cells = [
        page.text(row.word, style=_STYLES.get(row.word, "")),
        page.text(phrases.signal_phrase(row.name).title),
        page.text(phrases.signal_value(row), style="bold"),
    ]
    if page.wide:
        cells.append(page.text(phrases.signal_interval(row)))
    return [*cells, page.text(phrases.signal_reference(row), style="dim")]


def _groups(page: Page, report: Report) -> None:
    if not report.groups:
        return
    page.heading("Ranking, by index")
    table = page.grid("left", "right", "left", "bar")
    for group in salience.first(report.groups, N_GROUPS):
        key = group.key if len(group.key) <= _KEY else group.key[: _KEY - 1] + "…"
        table.add_row(page.text(key), *_number(page, group.index, room=_KEY + 29))
    page.show(table)
    n_more = len(report.groups) - N_GROUPS
    if n_more > 0:
        page.line(f"and {n_more:,} more in the report", style="dim", indent=1)


def _coverage(page: Page, report: Report) -> None:
    coverage = report.coverage
    page.heading("Coverage")
    n_rejected = coverage.read - coverage.scored
    page.line(f"{coverage.read:,} read, {coverage.scored:,} scored, {n_rejected:,} left out", indent=1)
    left_out = (f"{n:,} {reason.replace('_', ' ')}" for reason, n in _largest(coverage.rejected.items()))
    languages = [
        f"{phrases.LANGUAGES.get(code, code)} {n:,}" for code, n in _largest(coverage.languages.items())
    ]
    if n_rejected:
        page.line("Left out: " + ", ".join(left_out), indent=1)
    if languages:
        more = ", …" if len(languages) > N_LANGUAGES else ""
        page.line("Languages: " + ", ".join(languages[:N_LANGUAGES]) + more, indent=1)


def _largest(counts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(counts, key=lambda item: (-item[1], item[0]))


def _of(n: int, total: int) -> str:
    return f"{n:,}" if n == total else f"{n:,} of {total:,}"


def _origin(report: Report) -> str:
    made = (
        f"{name} {thing.get('id', 'unknown')}{f' ({answer})' if (answer := thing.get('answer')) else ''}"
        for name, thing in (("model", report.model), ("policy", report.policy))
    )
    return f"90% intervals · {' · '.join(made)} · version {report.version}"
