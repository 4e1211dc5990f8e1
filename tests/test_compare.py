from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from plaudit.errors import InputError
from plaudit.report.comparison_views import render_comparison
from plaudit.report.group_changes import ChangedGroups
from plaudit.report.group_file import in_order
from plaudit.service.compare import compare
from tests import reports
from tests.commands import Run
from tests.commands import run as run

PRAISE = ["so good", "nice one", "love it", "great work"]


def write(path: Path, texts: list[str], *, start: int = 0) -> Path:
    rows = [
        {"id": f"c-{start + i}", "text": text, "author": f"u{start + i}", "post_id": "p"}
        for i, text in enumerate(texts)
    ]
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


@pytest.fixture
def folders(run: Run, tmp_path: Path) -> tuple[Path, Path]:
    texts = [f"{PRAISE[i % 4]} number {i}" if i % 3 else f"why does step {i} work?" for i in range(90)]
    first, second = tmp_path / "first", tmp_path / "second"
    for out, kept in ((first, texts[:60]), (second, texts)):
        done = run("score", write(tmp_path / f"{out.name}.ndjson", kept), "--out", out, "--by", "post")
        assert done.exit_code == 0, done.output
    return first, second


def test_folders_are_compared_and_shared_comments_counted_once(folders):
    comparison = compare(*folders)
    assert comparison.assumption == "overlapping"
    assert comparison.shared is not None
    assert (comparison.shared.n_before, comparison.shared.n_after, comparison.shared.n_common) == (60, 90, 60)
    assert comparison.shared.n_relabelled == 0
    assert comparison.correlation == pytest.approx(60 / (60 * 90) ** 0.5, abs=1e-5)
    assert [group.key for group in comparison.groups] == ["p"]


@pytest.mark.parametrize("table_format", ["csv", "ndjson"])
def test_tables_of_any_format_are_matched(run, folders, tmp_path, table_format):
    other = tmp_path / table_format
    source = tmp_path / "first.ndjson"
    assert run("score", source, "--out", other, "--output-format", table_format).exit_code == 0
    shared = compare(other, folders[1]).shared
    assert shared is not None
    assert (shared.n_before, shared.n_common, shared.n_relabelled) == (60, 60, 0)


def test_a_report_alone_is_taken_as_independent(folders, tmp_path):
    alone = tmp_path / "alone.json"
    alone.write_bytes((folders[0] / "report.json").read_bytes())
    comparison = compare(alone, folders[1])
    assert comparison.assumption == "independent"
    assert comparison.shared is None
    assert compare(folders[0], folders[0]).assumption == "same_comments"


def test_numbers_of_lines_name_no_comment(run, tmp_path):
    outs = []
    for name in ("one", "two"):
        dump = tmp_path / f"{name}.txt"
        dump.write_text("\n".join(f"{name} says thing {i}" for i in range(30)))
        run("score", dump, "--out", tmp_path / name)
        outs.append(tmp_path / name)
    comparison = compare(*outs)
    assert comparison.shared is not None
    assert comparison.shared.n_common == 0
    assert comparison.assumption == "independent"


def test_the_command_prints_a_table_json_and_a_page(run, folders, tmp_path):
    page = tmp_path / "page.html"
    done = run("compare", *folders, "--html", page)
    assert done.exit_code == 0
    assert "Generic praise" in done.stdout
    assert "60 comments are in both runs" in " ".join(done.stdout.split())
    assert page.read_text("utf-8").startswith("<!doctype html>")
    done = run("compare", *folders, "--json")
    assert orjson.loads(done.stdout)["assumption"] == "overlapping"


@pytest.mark.parametrize("kind", ["missing", "empty folder", "other json", "not json", "page"])
def test_what_is_no_result_is_one_sentence_and_exit_code_2(run, tmp_path, kind):
    (tmp_path / "good.json").write_bytes(reports.full_report().to_json())
    bad = tmp_path / "bad"
    if kind == "empty folder":
        bad.mkdir()
    elif kind != "missing":
        bad.write_bytes({"other json": b"{}", "not json": b"text", "page": b"<!doctype html>"}[kind])
    for pair in ((bad, tmp_path / "good.json"), (tmp_path / "good.json", bad)):
        done = run("compare", *pair)
        assert done.exit_code == 2
        assert done.stdout == ""
        assert done.stderr.startswith(f"plaudit: {bad} is ")
        assert "plaudit score" in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_page_that_can_not_be_written_is_exit_code_2(run, tmp_path):
    (tmp_path / "good.json").write_bytes(reports.full_report().to_json())
    done = run(
        "compare", tmp_path / "good.json", tmp_path / "good.json", "--html", tmp_path / "no" / "x.html"
    )
    assert done.exit_code == 2
    assert "can't be written" in done.stderr


def test_a_damaged_table_costs_only_the_matching(folders):
    (folders[0] / "comments.parquet").write_bytes(b"PAR1 and then nothing")
    assert compare(*folders).assumption == "independent"


@pytest.mark.parametrize("compact", [False, True], ids=["indented", "compact"])
def test_long_reports_are_compared_like_short_ones(tmp_path, monkeypatch, compact):
    """Their groups lie on the disk, and neither the JSON nor the pages show it."""
    folders, shift = [], {"one": 0.0, "two": 9.0}
    for name in shift:
        groups = [reports.group(f"g{i}", shift=(i % 5) * shift[name]) for i in range(name == "two", 30)]
        report = reports.full_report(groups=tuple(groups))
        folders.append(tmp_path / name)
        folders[-1].mkdir()
        data = orjson.dumps(report.to_dict()) if compact else report.to_json()
        (folders[-1] / "report.json").write_bytes(data)
    short = compare(*folders)
    monkeypatch.setattr("plaudit.report.report_file.MAX_WHOLE", 100)
    monkeypatch.setattr(in_order, "__kwdefaults__", {"most": 3})
    monkeypatch.setattr("plaudit.readers.json_window.N_STEP", 5000)
    long = compare(*folders)
    assert isinstance(long.groups, ChangedGroups)
    assert len(long.groups) == 29
    assert long.only_before == ("g0",)
    assert long.to_json() == short.to_json()
    assert render_comparison(long) == render_comparison(short)
    assert {change.verdict for group in long.groups for change in group.changes} >= {"rose", "same"}


@pytest.mark.parametrize(
    "data",
    [b'{"groups": [{"key"', b'{"groups": [{}]}', b'{"groups": [1]}', b"[1, 2]", b'{"groups": [], "x" 1'],
)
def test_a_long_file_that_is_no_report_is_named(tmp_path, monkeypatch, data):
    monkeypatch.setattr("plaudit.report.report_file.MAX_WHOLE", 1)
    (tmp_path / "report.json").write_bytes(data)
    with pytest.raises(InputError, match=r"report\.json is .*report\.json of `plaudit score`"):
        compare(tmp_path, tmp_path)
