from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import orjson
import pytest

from plaudit.errors import InputError
from plaudit.report import report_file, salience
from plaudit.report.comparison_views import render_comparison
from plaudit.report.envelope import with_groups
from plaudit.report.group_changes import ChangedGroups
from plaudit.service.compare import compare
from tests import reports
from tests.benchmarks.comparing import make_results
from tests.commands import Run
from tests.commands import run as run

ROOT = Path(__file__).parents[1]
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


def test_a_table_of_csv_whose_texts_have_line_breaks_is_matched(run, tmp_path):
    """Cut within a cell, its rows were damage, and the runs taken for independent without a word."""
    texts = [f'{PRAISE[i % 4]}\r\nnumber {i},\n"well",\n\n' * 200 for i in range(700)]
    dump, out = write(tmp_path / "dump.ndjson", texts), tmp_path / "out"
    arguments = ("--output-format", "csv", "--keep-columns", "text")
    assert run("score", dump, "--out", out, *arguments).exit_code == 0
    assert (out / "comments.csv").stat().st_size > 4 << 20
    comparison = compare(out, out)
    assert comparison.shared is not None
    assert (comparison.shared.n_before, comparison.shared.n_common) == (700, 700)
    assert comparison.assumption == "same_comments"


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


DAMAGE = {
    "comments.parquet": b"PAR1 and then nothing",
    "comments.csv": b'post_id,id,label\np,c-1,genuine,"a secret"\n',
    "comments.ndjson": b'{"post_id": "p", "id": 7, "label": "a secret"}\n',
}


@pytest.mark.parametrize("name", DAMAGE)
def test_why_comments_were_not_matched_is_told(run, folders, tmp_path, name):
    first, page = folders[0], tmp_path / "page.html"

    def told() -> str:
        done = run("compare", *folders, "--json", "--html", page)
        assert done.exit_code == 0
        note = orjson.loads(done.stdout)["notes"][0]
        # A terminal breaks a long path where it likes.
        assert "".join(note.split()[:12]) in "".join(run("compare", *folders).stdout.split())
        assert "were not matched" in page.read_text("utf-8")
        assert "secret" not in note
        return str(note).removeprefix(f"Comments of the two runs were not matched: {first} ")

    (first / "comments.parquet").unlink()
    assert told() == "has no table of comments beside its report.json."
    (first / name).write_bytes(DAMAGE[name])
    assert told().startswith(f"has a {name} that can't be read (damaged, changed by another program")
    if name == "comments.csv":
        (first / name).write_bytes(b"id,label\nc-1,genuine\n")
        assert told().startswith(f"has a {name} that can't be read (damaged, changed by another program")
        (first / name).write_bytes(b"post_id,id,label\np,c-1,a secret\n")
        assert told() == "has labels other than genuine, generic_praise, question."


def test_a_fault_in_matching_is_not_taken_for_a_damaged_table(folders, monkeypatch):
    def broken(text: str) -> int:
        raise ValueError(text)

    monkeypatch.setattr("plaudit.service.compare.fingerprint", broken)
    with pytest.raises(ValueError, match="c-0"):
        compare(*folders)


@pytest.mark.parametrize("compact", [False, True], ids=["indented", "compact"])
def test_long_reports_are_compared_like_short_ones(tmp_path, monkeypatch, compact):
    """Of their groups less is kept, and neither the JSON nor the pages show it."""
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
    monkeypatch.setattr("plaudit.report.report_file.N_STEP", 20_000)
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


@pytest.mark.parametrize("change", ["order", "indent", "extra", "glued"])
def test_groups_are_found_however_another_hand_left_them(tmp_path, monkeypatch, change):
    """They begin as the report wrote them; what comes then would be cut wrongly."""
    groups = tuple(reports.group(f"g{i}", shift=float(i)) for i in range(6))
    report = reports.full_report(groups=groups)
    given = report.to_dict()
    if change == "order":
        given["groups"][3:] = [dict(reversed(group.items())) for group in given["groups"][3:]]
    if change == "extra":
        given["groups"][4] = {"a": [{"b": ["}"]}], **given["groups"][4], "c": {"d": [1]}}
    text = orjson.dumps(given, option=orjson.OPT_INDENT_2)
    if change == "indent":  # of the second half: brackets of signals stand where those of groups do
        half = text.index(b'"g2"')
        text = text[:half] + text[half:].replace(b"\n      ", b"\n  ")
    if change == "glued":
        text = text.replace(b"\n    },\n    {", b"\n    } , {")
    check_read(text, tmp_path, monkeypatch)


@pytest.mark.parametrize("change", ["none", "order", "indent", "extra", "glued", "cut", "no signals"])
def test_groups_are_found_where_another_hand_went_on(tmp_path, monkeypatch, change):
    """They begin as the report wrote them, a line each."""
    groups = [reports.group(f'g{i}}}],"coverage":{{', shift=float(i)) for i in range(6)]
    if change == "no signals":
        groups[3:] = [replace(group, signals=()) for group in groups[3:]]
    report = reports.full_report(groups=tuple(groups))
    bodies = [orjson.dumps(group) for group in groups]
    for i in range(3, 6):
        given = orjson.loads(bodies[i])
        if change == "order":
            bodies[i] = orjson.dumps(dict(reversed(given.items())))
        if change == "indent":
            bodies[i] = orjson.dumps(given, option=orjson.OPT_INDENT_2)
        if change == "extra":
            given["signals"][0] |= {"a": [{"b": 1}], "coverage": {"c": 1}}
            bodies[i] = orjson.dumps({**given, "d": [{"e": 1}]})
        if change == "cut":
            bodies[i] = bodies[i].replace(b',"coverage":', b',\n"coverage":')
    text = b"".join(with_groups(orjson.dumps(replace(report, groups=()), option=orjson.OPT_INDENT_2), bodies))
    if change == "none":
        assert text == report.to_json()
        assert (
            len(text.split(b"\n")) == len(replace(report, groups=()).to_json().split(b"\n")) + len(groups) + 1
        )
    if change == "glued":
        text = text.replace(b"},\n    {", b"} , {")
    check_read(text, tmp_path, monkeypatch)


def check_read(text, tmp_path, monkeypatch):
    file = tmp_path / "report.json"
    file.write_bytes(text)
    short = report_file.read(file, name="x")
    monkeypatch.setattr(report_file, "MAX_WHOLE", 1)
    for step in (1_000, 30_000, 1 << 20):
        monkeypatch.setattr(report_file, "N_STEP", step)
        long = report_file.read(file, name="x")
        bare = [replace(group, signals=(), reasons={}) for group in short.groups]
        assert (list(long.groups), long.groups[-1], long.groups[1:3]) == (bare, bare[-1], tuple(bare[1:3]))
        assert replace(long, groups=()) == replace(short, groups=())
        assert salience.ranked(long.groups) == salience.first(long.groups, 6)


CODE = """
import sys
from pathlib import Path
from plaudit.report import report_file
from plaudit.report.comparison_views import render_comparison
from plaudit.service.compare import compare

report_file.MAX_WHOLE = 1

def highest():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))

for first, second in zip(sys.argv[1::2], sys.argv[2::2]):
    found = compare(Path(first), Path(second))
    print(len(found.groups), len(render_comparison(found)), sum(map(len, found.json_parts())), highest())
"""
MOST_BYTES = 6_000
"""A group with all its signals takes ten times as much."""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell")
def test_of_many_groups_only_numbers_and_keys_stay_in_memory(tmp_path):
    folders = [
        make_results(tmp_path / f"{n} {i}", n=n, first=i * n // 2, each=0, seed=i)
        for n in (1_000, 5_000)
        for i in range(2)
    ]
    command = [sys.executable, "-c", CODE, *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    few, many = (list(map(int, line.split())) for line in done.stdout.splitlines())
    assert (few[0], many[0]) == (500, 2_500)
    assert max(few[1], many[1]) < 700_000, "the page grows"
    assert many[2] > 4 * few[2], "the JSON has all"
    assert many[3] - few[3] < 4_000 * MOST_BYTES


def test_signals_of_a_long_report_are_not_parsed(tmp_path, monkeypatch):
    file = make_results(tmp_path / "run", n=800, each=0) / "report.json"
    parsed = []

    def loads(text):
        parsed.append(len(text))
        return orjson.loads(text)

    monkeypatch.setattr(report_file, "MAX_WHOLE", 1)
    monkeypatch.setattr(
        report_file, "orjson", SimpleNamespace(loads=loads, JSONDecodeError=orjson.JSONDecodeError)
    )
    assert len(report_file.read(file, name="x").groups) == 800
    assert 0 < sum(parsed) < file.stat().st_size / 3
