from __future__ import annotations

import io
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from plaudit.report.envelope import Report
from plaudit.report.summary import N_GROUPS, print_summary
from tests import reports

EVERY = [reports.full_report(), reports.abstaining_report(), reports.grouped_report()]


def shown(report: Report, *, width: int = 100, encoding: str = "utf-8", **options: object) -> str:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding=encoding, newline="\n") as file:
        print_summary(report, Console(file=file, width=width, **options))  # type: ignore[arg-type]
        file.flush()
        return raw.getvalue().decode(encoding)


def flat(text: str) -> str:
    return " ".join(text.split())


def test_shows_each_number_with_its_interval() -> None:
    text = flat(shown(reports.full_report()))
    assert "Index 66 60–71 ─" in text
    assert "Authenticity 62 55–68 ─" in text
    assert "Community depth 71 63–78 ─" in text


@pytest.mark.parametrize("width", [80, 100])
def test_why_a_number_is_missing_stays_on_its_line(width: int) -> None:
    partly = replace(reports.full_report(), index=None, community_depth=None)
    text = shown(partly, width=width)
    for name in ("Index", "Community depth"):
        assert f"{name} – insufficient data" in map(flat, text.splitlines())
    assert any(flat(line).startswith("Authenticity 62 55–68 ─") for line in text.splitlines())


@pytest.mark.parametrize("width", [80, 100])
def test_nothing_to_judge_by_is_said_on_one_line_each(width: int) -> None:
    full = reports.full_report()
    empty = replace(
        full, index=None, authenticity=None, community_depth=None, labels=dict.fromkeys(full.labels)
    )
    lines = [flat(line) for line in shown(empty, width=width).splitlines()]
    for name in ("Index", "Authenticity", "Community depth", "Genuine", "Generic praise", "Question"):
        assert f"{name} – insufficient data" in lines


def test_shows_labels_signals_coverage_and_warnings() -> None:
    text = flat(shown(reports.full_report()))
    assert "Genuine 47% 42–53% raw 45% █" in text
    assert "alarm Copies by others 9.4% 5–15% usual 1.3%" in text
    assert "468 read, 451 scored, 17 left out" in text
    assert "Left out: 6 empty text, 5 duplicate id" in text
    assert "English 389" in text
    assert "Warnings - Some threads are incomplete" in text
    assert "model minilm-20261125-1a2b3c4d · policy plaudit-1 · version 0.1.0" in text


def test_a_stated_measure_is_not_called_usual() -> None:
    text = flat(shown(reports.full_report()))
    assert "good Comments the creator answers 27% 22–33% expected 8%" in text


def test_shows_five_signals_bad_news_first() -> None:
    text = shown(reports.full_report()).split("What matters most\n")[1].split("\n 2 signals could not")[0]
    assert [line.split()[0] for line in text.splitlines()] == ["alarm", "low", "good", "good", "good"]


def test_abstention_gives_its_reasons() -> None:
    report = reports.abstaining_report()
    text = flat(shown(report))
    assert "Index – insufficient data" in text
    assert "Question – insufficient data" in text
    for sentences in report.reasons.values():
        assert all(sentence in text for sentence in sentences)
    assert "Warnings" not in text


def test_groups_are_ranked_and_the_tail_counted() -> None:
    text = shown(reports.grouped_report())
    assert text.index("shop-tour") < text.index("bench-hook-basics") < text.index("作業台の作り方")
    many = reports.full_report(groups=tuple(reports.group(f"post-{i}") for i in range(N_GROUPS + 3)))
    assert "and 3 more in the report" in shown(many)


@pytest.mark.parametrize("report", EVERY)
@pytest.mark.parametrize("width", [30, 40, 63, 64, 80, 200])
def test_fits_the_terminal_and_keeps_the_numbers(report: Report, width: int) -> None:
    text = shown(report, width=width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    if report.index:
        assert all(number in text for number in ("66", "62", "71"))


@pytest.mark.parametrize("report", EVERY)
def test_terminal_without_unicode_gets_ascii(report: Report) -> None:
    text = shown(report, encoding="ascii", width=70)
    assert "\x1b" not in text
    if report.index:
        assert "66  60-71" in text
        assert "=O=" in text


def test_colour_adds_nothing_to_the_words() -> None:
    plain = shown(reports.full_report())
    coloured = shown(reports.full_report(), force_terminal=True, color_system="truecolor")
    assert "\x1b[" in coloured
    assert "\x1b" not in plain
    assert all(word in plain for word in ("alarm", "low", "good"))


@settings(deadline=None, max_examples=40)
@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_strings_from_outside_are_neither_markup_nor_control_codes(text: str) -> None:
    for payload in (text, f"[bold red]{text}[/nope]", f"\x1b[2J{text}\x07"):
        report, _ = reports.hostile_report(payload)
        printed = shown(report)
        assert not set(printed) & {"\x1b", "\x07", "\x00", "\x9b"}
    assert "[bold red]x[/nope]" in shown(replace(reports.full_report(), warnings=("[bold red]x[/nope]",)))
