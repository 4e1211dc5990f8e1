"""The picture of the page in the README: `python -m tests.screenshot`, with the model in use."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import sync_playwright

from plaudit.pipeline import Pipeline
from tests.browser import ARGUMENTS, chromium, running

ROOT = Path(__file__).parents[1]
SIZE = {"width": 1280, "height": 1800}


def main() -> None:
    """Score the example and take the picture."""
    with running(load=Pipeline.load, dump_workers=0) as address, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        page = browser.new_page(viewport=SIZE)
        page.goto(address)
        page.locator("input[type=file]").set_input_files(ROOT / "examples" / "ceramics_channel.ndjson")
        page.locator("form button[type=submit]").first.click()
        page.locator("#title").wait_for(timeout=120_000)
        page.evaluate("scrollTo(0, 0)")
        page.mouse.move(0, 0)
        page.evaluate("document.activeElement.blur()")
        page.screenshot(path=ROOT / ".github" / "page.png")
        browser.close()


if __name__ == "__main__":
    main()
