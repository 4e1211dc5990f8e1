from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from plaudit.report import html
from plaudit.service import report_pages
from tests import reports
from tests.commands import Run
from tests.commands import run as run


def rows(n_makers: int) -> list[dict[str, object]]:
    return [
        {
            "id": f"m{maker}-{i}",
            "text": f"why does jig {i} of maker {maker} wobble?"
            if i % 2
            else f"jig {i} of maker {maker} works",
            "author": f"u{(maker + i) % 11}",
            "post_id": f"m{maker}p{i % 2}",
            "creator": f"maker/{maker:02}",
            "parent_id": f"m{maker}-{i - 2}" if i > 1 else None,
            "created_at": f"2024-0{1 + i % 9}-01T10:00:00Z",
        }
        for maker in range(n_makers)
        for i in range(6 + maker)
    ]


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    path = tmp_path / "makers.ndjson"
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows(5)))
    return path


def pages_of(out: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in sorted((out / "groups").iterdir())}


def test_each_creator_has_a_page_and_the_ranking_leads_to_it(run: Run, dump: Path, tmp_path: Path):
    out = tmp_path / "out"
    done = run("score", dump, "--by", "creator", "--out", out)
    assert done.exit_code == 0, done.output
    pages = pages_of(out)
    main = (out / "report.html").read_text("utf-8")
    assert list(pages) == [f"000{i}.html" for i in range(1, 6)]
    assert '<h1 id="title"><bdi>maker/04</bdi></h1>' in pages["0001.html"]
    assert '<a href="groups/0001.html"><bdi>maker/04</bdi></a>' in main
    assert 'id="group-1"' not in main
    assert "why does jig 1 of maker 4 wobble?" in pages["0001.html"]
    assert "maker 3 " not in pages["0001.html"]
    assert 'id="course"' in pages["0001.html"]
    assert all('href="../report.html#groups"' in page for page in pages.values())


def test_pages_of_an_earlier_run_go_with_it(run: Run, dump: Path, tmp_path: Path):
    out = tmp_path / "out"
    run("score", dump, "--by", "post", "--out", out)
    assert len(pages_of(out)) == 10
    run("score", dump, "--by", "creator", "--out", out)
    assert len(pages_of(out)) == 5
    done = run("score", dump, "--out", out)
    assert done.exit_code == 0
    assert not (out / "groups").exists()
    assert "How they talk" in (out / "report.html").read_text("utf-8")


def test_a_folder_of_that_name_with_other_things_in_it_is_left_alone(run: Run, dump: Path, tmp_path: Path):
    (tmp_path / "out" / "groups").mkdir(parents=True)
    (tmp_path / "out" / "groups" / "mine.txt").write_text("mine")
    for by in ("creator", "none"):
        done = run("score", dump, "--by", by, "--out", tmp_path / "out")
        assert done.exit_code == 2
        assert "holds a folder named groups" in done.stderr
    assert (tmp_path / "out" / "groups" / "mine.txt").read_text() == "mine"


def test_a_run_is_not_done_while_its_pages_are_gone(run: Run, dump: Path, tmp_path: Path):
    out = tmp_path / "out"
    run("score", dump, "--by", "creator", "--out", out)
    assert "nothing to do" in run("score", dump, "--by", "creator", "--out", out, "--resume").stderr
    for page in (out / "groups").iterdir():
        page.unlink()
    (out / "groups").rmdir()
    assert run("score", dump, "--by", "creator", "--out", out, "--resume").exit_code == 0
    assert len(pages_of(out)) == 5


def test_the_largest_groups_have_pages_and_the_rule_is_told(
    run: Run, dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(report_pages, "MAX_PAGES", 2)
    run("score", dump, "--by", "creator", "--out", tmp_path / "out")
    main = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert len(pages_of(tmp_path / "out")) == 2
    assert "maker/00" in main
    assert "Only the 2 groups with the most comments have a page of their own" in main


def test_thousands_of_groups_stay_within_bounds():
    groups = tuple(reports.group(f"maker-{i:05}") for i in range(5000))
    report = reports.full_report(groups=groups)
    pages = {group.key: f"groups/{i:04}.html" for i, group in enumerate(groups[: report_pages.MAX_PAGES])}
    main = html.render_html(report, pages=pages)
    assert main.count("<bdi>maker-") == html.MAX_RANKED
    assert len(main) < 9_000_000
    assert "Ranked are the 2,000 groups with the most comments of 5,000" in main
    page = html.render_group(groups[0], report, detail=html.Detail(), texts={}, said={})
    assert len(page) * report_pages.MAX_PAGES < 50_000_000
