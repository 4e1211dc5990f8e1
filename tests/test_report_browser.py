"""The report's pages in a real Chromium: without script, by keyboard, on a phone, in the dark, on paper."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from plaudit.report.comparison import compare
from plaudit.report.comparison_views import render_comparison
from plaudit.report.details import detail
from plaudit.report.envelope import Report
from plaudit.report.html import render_group, render_html
from tests import reports
from tests.browser import ARGUMENTS, chromium
from tests.test_report_details import finding, talk

playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install '.[dev]'")

CONTRAST = (Path(__file__).parent / "contrast.js").read_text("utf-8")
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
NAMES = ["report.html", "groups/0001.html", "alone.html", "changes.html"]


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out: Path = tmp_path_factory.mktemp("report")
    report: Report = reports.grouped_report()
    found = detail(talk(), finding("r3"))
    said = dict.fromkeys(
        found.keys(), "a comment with averyveryveryveryveryveryveryveryverylongwordinit " * 3
    )
    pages = {"shop-tour": "groups/0001.html"}
    group = next(each for each in report.groups if each.key == "shop-tour")
    (out / "groups").mkdir()
    written = {
        "report.html": render_html(report, pages=pages),
        "groups/0001.html": render_group(group, report, detail=found, texts=reports.TEXTS, said=said),
        "alone.html": render_html(reports.full_report(), detail=found, said=said, texts=reports.TEXTS),
        "changes.html": render_comparison(
            compare(report, reports.full_report(groups=report.groups), names=("a", "b"))
        ),
    }
    for name, page in written.items():
        (out / name).write_text(page, "utf-8")
    return out


@contextmanager
def opened(browser, path: Path, **options):
    """A page; whatever the browser complains about, or asks for beside files, fails the test."""
    context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}} | options)
    page = context.new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda r: r.url.startswith("file://") or heard.append(r.url))
    page.goto(path.as_uri())
    try:
        yield page
        assert heard == []
    finally:
        context.close()


def keys(page) -> list[str]:
    return page.locator("table.ranking tbody th").all_inner_texts()


def test_the_ranking_is_there_without_script_and_leads_to_a_page_and_back(browser, folder):
    with opened(browser, folder / "report.html", java_script_enabled=False) as page:
        assert page.locator("table.ranking button").count() == 0
        assert page.locator("table.ranking tbody tr").count() == 5
        page.get_by_role("link", name="shop-tour").click()
        assert page.locator("h1").inner_text() == "shop-tour"
        page.get_by_role("link", name="Back to the ranking").click()
        assert page.url.endswith("report.html#groups")


def test_the_ranking_is_sorted_by_keyboard_and_says_so(browser, folder):
    with opened(browser, folder / "report.html") as page:
        first = keys(page)
        button = page.locator("table.ranking thead button", has_text="Authenticity")
        button.focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        header = page.get_by_role("columnheader", name="Authenticity")
        assert header.get_attribute("aria-sort") == "ascending"
        assert keys(page)[:-1] == first[:-1][::-1]
        assert keys(page)[-1] == first[-1]  # an abstention is last either way


@pytest.mark.parametrize("name", NAMES)
def test_nothing_sticks_out_on_a_phone(browser, folder, name):
    with opened(browser, folder / name, **PHONE) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


SPILLED = """() => {
  const ink = (cell) => {
    const text = document.createRange();
    text.selectNodeContents(cell);
    return text.getBoundingClientRect();
  };
  const meets = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
  return [...document.querySelectorAll('.changes tbody tr, .detail tbody tr')].flatMap((row) => {
    const cells = [...row.children].map(ink);
    return cells.some((a, i) => cells.slice(i + 1).some((b) => meets(a, b))) ? [row.textContent] : [];
  });
}"""
MET = """() => [...document.querySelectorAll('.ends')].filter((each) => {
  const [start, middle, end] = [...each.children].map((one) => one.getBoundingClientRect());
  return each.offsetParent && end && (start.right > middle.left || middle.right > end.left);
}).map((each) => each.textContent)"""


@pytest.mark.parametrize("name", NAMES)
def test_no_cell_runs_into_another_on_a_phone(browser, folder, name):
    with opened(browser, folder / name, **PHONE) as page:
        assert page.evaluate(SPILLED) == []
        if name == "changes.html":  # in a report the middle word stands where the usual lies
            assert page.locator(".ends").count() > 10
            assert page.evaluate(MET) == []


def test_groups_with_a_page_have_no_section_beside(browser, folder):
    with opened(browser, folder / "report.html") as page:
        assert page.get_by_role("heading", name="Group by group").count() == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(browser, folder, name, scheme):
    with opened(browser, folder / name, color_scheme=scheme) as page:
        page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("name", NAMES)
def test_paper_shows_what_is_folded(browser, folder, name):
    with opened(browser, folder / name) as page:
        page.emulate_media(media="print")
        pdf = page.pdf()
        assert pdf.startswith(b"%PDF")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("details:not([open])").count() == 0


def test_paper_repeats_every_heading_of_a_table(browser, folder):
    """Chromium repeats a table's head on each sheet of paper, but for buttons in it."""
    with opened(browser, folder / "report.html") as page:
        page.emulate_media(media="print")
        buttons = page.locator("thead button")
        assert buttons.count() >= 4
        shown = buttons.evaluate_all("each => each.map((one) => getComputedStyle(one).display)")
        assert set(shown) == {"contents"}


def test_a_reader_hears_who_says_what(browser, folder):
    with opened(browser, folder / "groups/0001.html") as page:
        talk = page.get_by_role("region", name="How they talk")
        assert talk.get_by_role("listitem").count() == 4
        assert "answers, level 1" in talk.get_by_role("listitem").nth(1).inner_text()
        assert page.get_by_role("table", name="Share of each label").count() == 1
