"""The page in a real Chromium: pasted, dropped, refused, slow, without a mouse, in the dark, on a phone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from tests.browser import ARGUMENTS, chromium, running

playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install '.[dev]'")
expect = playwright.expect

EXAMPLE = Path(__file__).parent.parent / "examples" / "ceramics_channel.ndjson"
CREATOR = "UCexampleOddKilnOut00000"
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
OVERLAPS = """[...document.querySelectorAll('.comments tbody tr')].filter(row => {
  const range = document.createRange();
  range.selectNodeContents(row.querySelector('.given'));
  const label = range.getBoundingClientRect();
  return [...row.querySelectorAll('.also .badge')].map(flag => flag.getBoundingClientRect())
    .some(flag => flag.left < label.right && flag.top < label.bottom && flag.bottom > label.top);
}).length"""
CONTRAST = (Path(__file__).parent / "contrast.js").read_text("utf-8")


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    with running(data_dir=tmp_path_factory.mktemp("data")) as address:
        yield address


@contextmanager
def opened(browser, address: str, *, complaints: bool = False, **options):
    """A fresh page; whatever the browser complains about, or asks another host for, fails the test."""
    context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}} | options)
    page = context.new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda r: r.url.startswith((address, "data:")) or heard.append(r.url))
    page.goto(address)
    try:
        yield page
        assert complaints or heard == []
    finally:
        context.close()


def scored(page) -> None:
    expect(page.locator("#title")).to_be_visible(timeout=20_000)


def focused(page) -> str:
    return page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")


def test_paste(browser, address):
    with opened(browser, address) as page:
        page.get_by_label("Paste comments").fill("which lens is that?\ngreat!!\nI built mine from a door.")
        page.get_by_role("button", name="Score them").click()
        scored(page)
        assert focused(page) == "title"
        expect(page.locator("#status")).to_have_text("The report is ready.")
        assert page.url == address
        assert page.locator(".comments tbody tr").count() == 3
        expect(page.get_by_role("heading", name="Why there is no number")).to_be_visible()
        page.get_by_role("button", name="Question 1").click()
        assert page.locator(".comments tbody tr:visible").all_inner_texts()[0].startswith("which lens")
        expect(page.locator("#asking")).not_to_have_attribute("open", "")


@pytest.mark.parametrize("keys", ["Control+Enter", "Meta+Enter"])
def test_what_is_pasted_is_sent_from_the_keyboard(browser, address, keys):
    with opened(browser, address) as page:
        page.locator("#text").fill("which lens is that?")
        page.keyboard.press("Enter")
        page.keyboard.press(keys)
        scored(page)
        assert page.locator(".comments tbody tr").count() == 1


def test_the_example_shows_all_there_is(browser, address):
    with opened(browser, address) as page:
        page.get_by_role("link", name="Fill in an example").click()
        page.get_by_role("button", name="Score them").click()
        scored(page)
        for name in (
            "Index",
            "Authenticity",
            "Community depth",
            "What they write",
            "Over time",
            "Every signal",
        ):
            expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
        assert page.get_by_role("img", name=re.compile("^Authenticity: .* 90% interval")).count() == 1
        assert page.locator(".course > svg").count() > 5
        tops = page.evaluate(
            "[...document.querySelectorAll('.coverage > .card')].map(card => card.offsetTop)"
        )
        assert len(tops) == 3
        assert len(set(tops)) == 1
        page.locator("#signals summary").first.click()
        expect(page.locator("#signals .evidence q").first).to_be_visible()


def test_the_report_is_copied_as_json(browser, address):
    with opened(browser, address, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.locator("#text").fill("is it?\nhübsch 🎉")
        page.locator("#go").click()
        scored(page)
        page.get_by_role("button", name="Copy as JSON").click()
        expect(page.locator("#copy")).to_have_text("Copied")
        report = json.loads(page.evaluate("navigator.clipboard.readText()"))
        assert report["coverage"]["read"] == 2
        with page.expect_download() as download:
            page.get_by_role("link", name="The same as JSON").click()
        assert json.loads(Path(download.value.path()).read_text("utf-8")) == report
        assert download.value.suggested_filename == "report.json"


def test_a_file_is_chosen(browser, address):
    with opened(browser, address) as page:
        page.get_by_label("Choose a dump").set_input_files(EXAMPLE)
        expect(page.locator("#chosen")).to_have_text(re.compile(r"ceramics_channel.ndjson, 380 kB"))
        page.get_by_label("Creator").fill(CREATOR)
        page.get_by_label("Compare").select_option("posts")
        page.locator("#go").click()
        scored(page)
        expect(page.locator("#numbers .name")).to_have_text("ceramics_channel.ndjson")
        expect(page.get_by_role("heading", name="Ranking")).to_be_visible()


def test_a_file_is_dropped_and_taken_out_again(browser, address):
    with opened(browser, address) as page:
        page.evaluate(
            """() => {
              const data = new DataTransfer();
              data.items.add(new File(["is it?\\nnice"], "mine.txt"));
              for (const kind of ["dragenter", "dragover", "drop"])
                document.body.dispatchEvent(
                  new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
            }"""
        )
        expect(page.locator("#chosen")).to_contain_text("mine.txt")
        assert focused(page) == "go"
        page.get_by_role("button", name="Take it out again").click()
        expect(page.locator("#chosen")).to_have_text("Or drop a file here.")
        assert page.locator("#file").evaluate("each => each.files.length") == 0


def test_an_error_is_said_in_place_and_heard(browser, address):
    with opened(browser, address, complaints=True) as page:
        page.locator("#file").set_input_files({"name": "a.pdf", "mimeType": "x/y", "buffer": b"%PDF-1.7 etc"})
        page.locator("#text").fill("still here")
        page.locator("#go").click()
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("a.pdf is a PDF document")
        expect(alert).to_contain_text("Request ")
        assert focused(page) == "problem"
        assert page.locator("#text").input_value() == "still here"
        page.locator("#forget").click()
        page.locator("#go").click()
        scored(page)
        assert page.locator("#problem").text_content() == ""


def test_nothing_to_score_asks_nobody(browser, address):
    with opened(browser, address) as page:
        page.locator("#go").click()
        expect(page.get_by_role("alert")).to_contain_text("There is nothing to score yet")


def test_a_service_that_is_gone_is_told(browser, tmp_path):
    with running(data_dir=tmp_path) as address, opened(browser, address, complaints=True) as page:
        page.locator("#text").fill("hello")
        page.context.set_offline(True)
        page.locator("#go").click()
        expect(page.get_by_role("alert")).to_contain_text("The service did not answer")
        assert page.locator("#text").input_value() == "hello"


def slow(page, *, bytes_a_second: int) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_a_second}
    session.send("Network.emulateNetworkConditions", limits)


def many_comments(path: Path, n: int) -> Path:
    texts = (
        "Which grit comes after the first coat, {}?",
        "great {}",
        "My own took {} days and a broken clamp.",
    )
    lines = (
        json.dumps({"id": str(i), "author": f"u{i % 97}", "post_id": "p", "text": texts[i % 3].format(i)})
        for i in range(n)
    )
    path.write_text("\n".join(lines), "utf-8")
    return path


def test_an_upload_shows_how_far_it_is(browser, address, tmp_path):
    with opened(browser, address) as page:
        slow(page, bytes_a_second=400_000)
        page.locator("#file").set_input_files(many_comments(tmp_path / "some.ndjson", 9000))
        page.locator("#go").click()
        expect(page.locator("#doing")).to_have_text(re.compile(r"Sending some.ndjson: .* of .* (kB|MB)"))
        first = page.locator("#bar").evaluate("bar => bar.value")
        page.wait_for_function("first => document.getElementById('bar').value > first", arg=first)
        expect(page.locator("#go")).to_be_disabled()
        scored(page)
        expect(page.locator("#progress")).to_be_hidden()
        expect(page.locator("#comments .lead")).to_contain_text("the first 500 of 9,000")


def test_an_upload_is_cancelled(browser, address, tmp_path):
    with opened(browser, address) as page:
        slow(page, bytes_a_second=50_000)
        page.locator("#file").set_input_files(many_comments(tmp_path / "some.ndjson", 9000))
        page.locator("#go").click()
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator("#status")).to_have_text("Cancelled.")
        assert focused(page) == "go"
        assert page.get_by_role("alert").inner_text() == ""


def test_a_large_dump_is_worked_through_in_the_background(browser, tmp_path):
    dump = many_comments(tmp_path / "large.ndjson", 30_000)
    with (
        running(data_dir=tmp_path / "data", max_body_bytes=200_000) as address,
        opened(browser, address, permissions=["clipboard-read", "clipboard-write"]) as page,
    ):
        slow(page, bytes_a_second=2_000_000)
        page.locator("#file").set_input_files(dump)
        page.locator("#go").click()
        expect(page.locator("#doing")).to_have_text(re.compile(r"Sending large.ndjson: .* of .* MB"))
        expect(page.locator("#doing")).to_have_text(re.compile(r"comments scored, .* read"), timeout=30_000)
        assert re.search("#dump=[0-9a-f]{32}$", page.url)
        page.reload()  # the work goes on, and the page with it
        expect(page.locator("#title")).to_be_visible(timeout=60_000)
        expect(page.locator("#numbers .lead")).to_contain_text("30,000 of 30,000 comments scored")
        assert page.locator("h1").count() == 1
        page.locator("#copy").click()
        expect(page.locator("#copy")).to_have_text("Copied")
        assert json.loads(page.evaluate("navigator.clipboard.readText()"))["coverage"]["read"] == 30_000
        page.locator("#remove").click()
        expect(page.locator("#remove")).to_have_text("Deleted")
        assert page.request.get(f"{address}v1/dumps").json()["dumps"] == []


def test_a_large_dump_is_cancelled_and_forgotten(browser, tmp_path):
    dump = many_comments(tmp_path / "large.ndjson", 300_000)
    with (
        running(data_dir=tmp_path / "data", max_body_bytes=200_000) as address,
        opened(browser, address) as page,
    ):
        page.locator("#file").set_input_files(dump)
        page.locator("#go").click()
        expect(page.locator("#doing")).to_have_text(re.compile(r"comments scored, .* read"), timeout=30_000)
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator("#status")).to_have_text("Cancelled.")
        expect(page.locator("#go")).to_be_enabled()
        none_left = "async (url) => (await (await fetch(url)).json()).dumps.length === 0"
        page.wait_for_function(none_left, arg=f"{address}v1/dumps")
        assert page.url == address


def test_many_comments_in_a_small_file_take_the_way_of_the_large(browser, tmp_path):
    dump = many_comments(tmp_path / "many.ndjson", 300)
    with (
        running(data_dir=tmp_path / "data", max_comments=100) as address,
        opened(browser, address, complaints=True) as page,
    ):
        page.locator("#file").set_input_files(dump)
        page.locator("#go").click()
        scored(page)
        expect(page.locator("#numbers .lead")).to_contain_text("300 of 300 comments scored")


def test_too_large_a_file_is_told_before_it_is_sent(browser, tmp_path):
    dump = many_comments(tmp_path / "large.ndjson", 3000)
    settings = {"max_body_bytes": 50_000, "max_dump_bytes": 100_000}
    with running(data_dir=tmp_path / "data", **settings) as address, opened(browser, address) as page:
        page.locator("#file").set_input_files(dump)
        page.locator("#go").click()
        expect(page.get_by_role("alert")).to_contain_text("The file is too large")


def test_without_a_mouse(browser, address):
    with opened(browser, address) as page:
        page.keyboard.press("Tab")
        assert focused(page) == "Skip to the form"
        page.keyboard.press("Enter")
        stops = []
        for _ in range(10):
            page.keyboard.press("Tab")
            stops.append(focused(page))
        assert [stop for stop in stops if stop in ("text", "file", "creator", "platform", "by", "go")] == [
            *("text", "file", "creator", "platform", "by", "go")
        ]
        page.locator("#text").focus()
        page.keyboard.type("is it?")
        for _ in range(6):
            page.keyboard.press("Tab")
        assert focused(page) == "go"
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
        page.keyboard.press("Enter")
        scored(page)
        assert focused(page) == "title"
        page.keyboard.press("Tab")
        assert focused(page) == "copy"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_their_ground(browser, address, scheme):
    with opened(browser, address, color_scheme=scheme) as page:
        assert page.evaluate(CONTRAST) == []
        page.goto(f"{address}?example")
        page.locator("#go").click()
        scored(page)
        page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        assert page.evaluate(CONTRAST) == []
        page.locator("#text").fill("")
        page.locator("#go").click()
        expect(page.get_by_role("alert")).not_to_be_empty()
        assert page.evaluate(CONTRAST) == []


def test_the_scheme_is_followed(browser, address):
    grounds = []
    for scheme in ("light", "dark"):
        with opened(browser, address, color_scheme=scheme) as page:
            grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(set(grounds)) == 2


def test_on_a_phone(browser, address):
    with opened(browser, address, **PHONE) as page:
        page.goto(f"{address}?example")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        for control in page.locator("button:visible, select:visible, input:visible, textarea:visible").all():
            assert control.bounding_box()["height"] >= 36
        flagged = '{"text": "@ben on my wheel too, follow me"}\n'  # all the flags there are
        page.locator("#text").fill(flagged + page.locator("#text").input_value())
        page.locator("#go").tap()
        scored(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        size = page.evaluate("parseFloat(getComputedStyle(document.querySelector('.comments q')).fontSize)")
        assert size >= 14
        labels = page.evaluate("[...document.querySelectorAll('td.given')].map(cell => cell.offsetHeight)")
        assert len(set(labels)) == 1  # each on one line, however many flags stand beside it
        assert page.evaluate(OVERLAPS) == 0


def test_everything_has_a_name_for_those_who_listen(browser, address):
    with opened(browser, address) as page:
        page.goto(f"{address}?example")
        page.locator("#go").click()
        scored(page)
        page.locator("#asking summary").first.click()
        for role in (
            "textbox",
            "combobox",
            "button",
            "link",
            "img",
            "region",
            "navigation",
            "table",
            "progressbar",
        ):
            for each in page.get_by_role(role).all():
                snapshot = each.aria_snapshot().splitlines()[0]
                assert re.search(rf'^- (?:{role}|\S+) "?\S', snapshot), snapshot
        levels = page.evaluate(
            "[...document.querySelectorAll('h1,h2,h3,h4')].filter(h => h.checkVisibility())"
            ".map(h => +h.tagName[1])"
        )
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(b - a <= 1 for a, b in pairwise(levels))
        assert page.locator("html").get_attribute("lang") == "en"


def test_without_javascript(browser, address):
    with opened(browser, address, java_script_enabled=False, complaints=True) as page:
        page.get_by_role("link", name="Fill in an example").click()
        page.get_by_role("button", name="Score them").click()
        scored(page)
        expect(page.get_by_role("heading", name="Community depth")).to_be_visible()
        expect(page.locator("#copy")).to_be_hidden()
        with page.expect_download() as download:
            page.get_by_role("link", name="The same as JSON").click()
        assert json.loads(Path(download.value.path()).read_text("utf-8"))["index"]
        page.goto(address)
        page.locator("#file").set_input_files(EXAMPLE)
        page.get_by_role("button", name="Score them").click()
        expect(page.locator("#numbers .name")).to_have_text("ceramics_channel.ndjson")
        page.goto(address)
        page.get_by_role("button", name="Score them").click()
        expect(page.get_by_role("alert")).to_contain_text("There is nothing to score yet")


def test_the_docs_work_with_what_is_here(browser, address):
    with opened(browser, address) as page:
        page.get_by_role("link", name="API", exact=True).click()
        expect(page.locator("#operations-scoring-classify")).to_be_visible(timeout=15_000)


def test_the_pages_of_a_large_dump_s_groups_are_found(browser, tmp_path):
    with (
        running(data_dir=tmp_path, max_body_bytes=64 * 1024) as address,
        opened(browser, address) as page,
    ):
        page.locator("#file").set_input_files(EXAMPLE)
        page.get_by_label("Compare").select_option("posts")
        page.locator("#go").click()
        scored(page)
        links = page.locator('a[href*="groups/"]')
        assert links.count() > 1
        for link in links.evaluate_all("found => found.map(each => each.href)"):
            assert page.request.get(link).status == 200
