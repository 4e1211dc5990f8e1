from __future__ import annotations

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from plaudit.errors import ArtifactError
from plaudit.pipeline import Pipeline
from plaudit.readers import FORMATS
from plaudit.service import score as score_module
from plaudit.service.output import MANIFEST, RESULT_FILES, result_files
from tests.commands import run as run
from tests.commands import start
from tests.fakes import fake_pipeline

DUMP = """id,text,author,parent_id,post_id
a,so cool,ann,,p
b,"How long did the glue take, overnight?",ben,,p
c,,cem,,p
a,so cool,ann,,p
d,I sanded my own table last week and the varnish went cloudy,dee,b,q
"""


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    path = tmp_path / "dump.csv"
    path.write_text(DUMP)
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def report_of(out: Path) -> dict:
    return json.loads((out / "report.json").read_bytes())


def test_a_dump_becomes_five_files_and_a_summary(run, dump, out):
    result = run("score", dump, "--out", out)
    assert result.exit_code == 0
    assert sorted(file.name for file in out.iterdir()) == sorted(RESULT_FILES)
    coverage = report_of(out)["coverage"]
    assert (coverage["read"], coverage["scored"]) == (5, 3)
    assert coverage["rejected"] == {"empty_text": 1, "duplicate_id": 1}
    rows = pq.read_table(out / "comments.parquet").to_pylist()
    assert [(row["id"], row["label"], row["post_id"], row["parent_id"]) for row in rows] == [
        ("a", "generic_praise", "p", None),
        ("b", "question", "p", None),
        ("d", "genuine", "q", "b"),
    ]
    rejected = [json.loads(line) for line in (out / "rejected.jsonl").read_text().splitlines()]
    assert [line["reason"] for line in rejected] == ["empty_text", "duplicate_id"]
    assert "<html" in (out / "report.html").read_text()
    assert result.stdout.strip()
    assert f"to {out.resolve()}." in result.stderr


def test_options_reach_the_report(run, tmp_path, out):
    (tmp_path / "dump.txt").write_text(json.dumps([{"body": "so cool", "who": "mia"}, {"body": "Why?"}]))
    arguments = ("--map", "text=body,author=who", "--creator", "mia", "--post", "p", "--platform", "blog")
    result = run("score", tmp_path / "dump.txt", "--out", out, "--format", "json", "--by", "post", *arguments)
    assert result.exit_code == 0, result.stderr
    assert [group["key"] for group in report_of(out)["groups"]] == ["p"]
    rows = pq.read_table(out / "comments.parquet").to_pylist()
    assert [(row["post_id"], row["creator_id"]) for row in rows] == [("p", "mia"), ("p", "mia")]


def test_stdin_is_a_source(run, out):
    result = run("score", "-", "--out", out, stdin=DUMP)
    assert result.exit_code == 0, result.stderr
    assert report_of(out)["coverage"]["scored"] == 3


def test_the_default_folder_is_in_the_working_directory(run, dump, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert run("score", "dump.csv").exit_code == 0
    assert (tmp_path / "plaudit-report" / "report.json").exists()


def test_earlier_results_are_replaced_and_other_files_stay(run, dump, out):
    run("score", dump, "--out", out)
    (out / "notes.txt").write_text("mine")
    dump.write_text("id,text\na,so cool\n")
    result = run("score", dump, "--out", out)
    assert result.exit_code == 0
    assert "in place of the earlier results" in result.stderr
    assert report_of(out)["coverage"]["read"] == 1
    assert pq.read_table(out / "comments.parquet").num_rows == 1
    assert (out / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["comments.csv", "comments.ndjson", "report.json", "manifest.json"])
def test_no_file_of_others_is_replaced(run, dump, out, name):
    """The dump itself went, where it was called as a result is."""
    out.mkdir()
    (out / name).write_text(DUMP)
    result = run("score", dump, "--out", out)
    assert result.exit_code == 2
    assert f"--out {out.resolve()} holds a {name} that is " in result.stderr
    assert "name another folder" in result.stderr
    assert {file.name: file.read_text() for file in out.iterdir()} == {name: DUMP}


def test_results_that_are_read_are_not_replaced(run, dump, out):
    assert run("score", dump, "--out", out, "--output-format", "csv", "--by", "post").exit_code == 0
    before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file()}
    result = run("score", out / "comments.csv", "--map", "text=label", "--out", out)
    assert result.exit_code == 2
    assert "is the folder of comments.csv, which is read and would be replaced" in result.stderr
    assert {file: file.read_bytes() for file in out.rglob("*") if file.is_file()} == before
    assert "in place of the earlier" in run("score", dump, "--out", out).stderr
    assert sorted(file.name for file in out.iterdir()) == sorted(RESULT_FILES)


def test_what_a_kill_between_moves_leaves_is_known_for_results(run, dump, out, monkeypatch):
    """At any moment the manifest in the folder lists what lies there of results."""
    assert run("score", dump, "--out", out, "--output-format", "csv", "--by", "post").exit_code == 0
    states, replace = [], Path.replace

    def watched(self: Path, other: Path) -> Path:
        states.append(({file.name for file in out.iterdir()}, (out / MANIFEST).exists()))
        return replace(self, other)

    monkeypatch.setattr(Path, "replace", watched)
    assert run("score", dump, "--out", out).exit_code == 0
    assert len(states) == 11
    assert all(has_manifest or not names for names, has_manifest in states)


@pytest.mark.parametrize("table_format", ["parquet", "csv", "ndjson"])
def test_names_that_are_not_utf_8_are_told_with_question_marks(run, tmp_path, monkeypatch, table_format):
    """They may be told, not written: one such file ended a run of any length."""
    monkeypatch.setattr("plaudit.partition.spill._BUFFER_BYTES", 1)  # parts of groups go to disk
    folder, out = tmp_path / os.fsdecode(b"dumps\xff"), tmp_path / os.fsdecode(b"out\xff")
    folder.mkdir()
    (folder / os.fsdecode(b"d\xff.csv")).write_text(DUMP)
    (folder / os.fsdecode(b"notes\xff.pdf")).write_text("no dump")
    arguments = ("--out", out, "--by", "post", "--output-format", table_format)
    result = run("score", folder, *arguments)
    assert result.exit_code == 0, result.stderr
    told = json.loads((out / MANIFEST).read_bytes())
    assert [each["name"] for each in told["inputs"]] == ["d?.csv"]
    assert told["inputs"][0]["n_bytes"] == len(DUMP)
    assert told["passed_over"] == [f"{tmp_path}/dumps?/notes?.pdf"]
    lines = [json.loads(line) for line in (out / "rejected.jsonl").read_text().splitlines()]
    assert lines[0]["where"] == "d?.csv:4"
    assert "nothing to do" in run("score", folder, *arguments, "--resume").stderr
    compared = json.loads(run("compare", out, out, "--json").stdout)
    assert compared["shared"]["n_common"] == 3


def test_the_same_input_gives_the_same_bytes(run, dump, out, tmp_path):
    run("score", dump, "--out", out)
    run("score", dump, "--out", tmp_path / "again")
    for name in {*RESULT_FILES} - {MANIFEST}:  # which tells the time
        assert (out / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


BAD_SOURCES = {
    "missing.csv": None,
    "empty.csv": b"",
    "blank.txt": b"\n \n\n",
    "textless.csv": b"id,likes\na,3\nb,4\n",
    "picture.csv": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40,
    "broken.csv.gz": b"\x1f\x8b but no archive",
    "cut.json.gz": gzip.compress(DUMP.encode(), mtime=0)[:12],
}


@pytest.mark.parametrize("name", BAD_SOURCES)
def test_an_unusable_source_is_one_sentence(run, tmp_path, out, name):
    source = tmp_path / name
    if BAD_SOURCES[name] is not None:
        source.write_bytes(BAD_SOURCES[name])
    expect_sentence(run("score", source, "--out", out), code=2, mention=name)
    assert not out.exists()


def test_a_cut_archive_keeps_what_could_be_read(run, tmp_path, out):
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(DUMP.encode())[:-12])
    result = run("score", tmp_path / "cut.csv.gz", "--out", out)
    assert result.exit_code == 0, result.stderr
    coverage = report_of(out)["coverage"]
    assert coverage["rejected"]["truncated_archive"] == 1
    assert "The gzip archive ends too early. What came before was kept" in result.stderr
    assert coverage["read"] == coverage["scored"] + sum(coverage["rejected"].values())


def test_a_folder_is_read_in_spite_of_a_file_that_is_none(run, tmp_path, out):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "dump.csv").write_text(DUMP)
    (folder / "notes.json").write_text('{"theme": "dark"}')
    result = run("score", folder, "--out", out)
    assert result.exit_code == 0, result.stderr
    assert report_of(out)["coverage"]["rejected"]["unusable_file"] == 1
    assert "Passed over: notes.json" in result.stderr


def test_files_that_are_passed_over_are_told(run, tmp_path, out):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "dump.csv").write_text(DUMP)
    (folder / "notes.dat").write_text("more")
    result = run("score", folder, "--out", out)
    assert result.exit_code == 0, result.stderr
    assert f"1 file passed over: {folder / 'notes.dat'}. If one holds comments" in result.stderr
    assert json.loads((out / "manifest.json").read_bytes())["passed_over"] == [str(folder / "notes.dat")]
    assert not report_of(out)["coverage"]["rejected"].get("unusable_file")


def test_an_empty_folder_is_one_sentence(run, tmp_path, out):
    (tmp_path / "folder").mkdir()
    expect_sentence(run("score", tmp_path / "folder", "--out", out), code=2, mention="folder")
    assert not out.exists()


def test_a_good_source_does_not_save_a_missing_one(run, dump, tmp_path, out):
    expect_sentence(run("score", dump, tmp_path / "gone", "--out", out), code=2, mention="gone")
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "mention"),
    [
        (("--format", "sonnet"), "sonnet"),
        (("--map", "text=nothing"), "nothing"),
        (("--map", "txet=text"), "txet"),
        (("--map", "text"), "NAME=COLUMN"),
        (("--by", "mood"), "mood"),
        (("--platform", "myspace"), "myspace"),
        (("--threads", "0"), "threads"),
        (("--model", "nowhere"), "nowhere"),
        (("--nonsense",), "nonsense"),
    ],
)
def test_wrong_usage_is_told_and_writes_nothing(run, dump, out, arguments, mention):
    result = run("score", dump, "--out", out, *arguments)
    assert result.exit_code == 2
    assert mention in result.stderr
    assert result.stdout == ""
    assert not out.exists()


def test_a_folder_that_cannot_be_written_is_refused_before_the_model_is_loaded(
    run, dump, tmp_path, monkeypatch
):
    monkeypatch.setattr(Pipeline, "load", staticmethod(lambda path=None, *, threads=None: 1 / 0))
    expect_sentence(run("score", dump, "--out", dump), code=2, mention="is a file")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    expect_sentence(run("score", dump, "--out", tmp_path), code=2, mention="no permission")
    assert dump.read_text() == DUMP


def expect_sentence(result, *, code: int, mention: str = "") -> None:
    assert result.exit_code == code, result.stderr
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("plaudit: ")
    assert lines[0].endswith(".")
    assert mention in lines[0]
    assert "Traceback" not in lines[0]


def failing(monkeypatch, error: BaseException) -> None:
    def report(self, facts, **more):
        raise error

    monkeypatch.setattr(Pipeline, "report", report)


@pytest.mark.parametrize("table_format", ["parquet", "csv", "ndjson"])
def test_columns_of_the_dump_are_kept_on_request(run, dump, out, table_format):
    result = run(
        "score", dump, "--out", out, "--keep-columns", "text,author", "--output-format", table_format
    )
    assert result.exit_code == 0, result.stderr
    path = out / f"comments.{table_format}"
    if table_format == "parquet":
        rows = pq.read_table(path).to_pylist()
    elif table_format == "csv":
        rows = list(csv.DictReader(path.read_text().splitlines()))
    else:
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(row["id"], row["original_text"], row["original_author"]) for row in rows] == [
        ("a", "so cool", "ann"),
        ("b", "How long did the glue take, overnight?", "ben"),
        ("d", "I sanded my own table last week and the varnish went cloudy", "dee"),
    ]


def test_a_column_to_keep_that_is_not_there_is_told(run, dump, out):
    expect_sentence(
        run("score", dump, "--out", out, "--keep-columns", "mood"), code=2, mention="'mood' to keep"
    )


def test_a_column_that_no_file_of_a_folder_has_is_told(run, dump, out, tmp_path):
    """An archive cut off before its first record has none either, and makes no report of nothing."""
    folder = tmp_path / "folder"
    folder.mkdir()
    dump.rename(folder / dump.name)
    (folder / "cut.ndjson.gz").write_bytes(gzip.compress(b"{}" * 500)[:20])
    done = run("score", folder, "--out", out, "--keep-columns", "mood")
    expect_sentence(done, code=2, mention="'mood' to keep")


def test_a_column_that_one_file_lacks_is_told_and_null_there(run, dump, out, tmp_path):
    (tmp_path / "more.csv").write_text("text,mood\nWhich glue was it?,glad\n")
    done = run("score", dump, tmp_path / "more.csv", "--out", out, "--keep-columns", "mood,text")
    assert done.exit_code == 0, done.stderr
    told = "plaudit: dump.csv has no column 'mood' to keep; it has: id, text, author, parent_id, post_id."
    assert done.stderr.count(told) == done.stderr.count("mood") == 1
    rows = pq.read_table(out / "comments.parquet").to_pylist()
    assert [row["original_mood"] for row in rows] == [None, None, None, "glad"]


def test_another_format_takes_the_place_of_the_former(run, dump, out):
    assert run("score", dump, "--out", out).exit_code == 0
    result = run("score", dump, "--out", out, "--output-format", "ndjson")
    assert "comments.ndjson" in result.stderr
    assert sorted(file.name for file in out.iterdir()) == sorted(result_files("ndjson"))
    rows = [json.loads(line) for line in (out / "comments.ndjson").read_text().splitlines()]
    assert [row["label"] for row in rows] == ["generic_praise", "question", "genuine"]


@pytest.mark.parametrize(
    ("error", "mention"),
    [
        (KeyboardInterrupt(), "Interrupted"),
        (ArtifactError("The model is gone; fetch it again."), "fetch it again"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (MemoryError(), "memory"),
        (ValueError("so cool"), "ValueError"),
    ],
)
def test_a_failure_in_the_middle_leaves_all_as_it_was(run, dump, out, tmp_path, monkeypatch, error, mention):
    run("score", dump, "--out", out)
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    failing(monkeypatch, error)
    result = run("score", dump, "--out", out)
    expect_sentence(result, code=1, mention=mention)
    assert "so cool" not in result.stderr
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before
    expect_sentence(run("score", dump, "--out", tmp_path / "fresh" / "out"), code=1, mention=mention)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["dump.csv", "out"]


def test_a_traceback_comes_when_asked_for(run, dump, out, monkeypatch):
    monkeypatch.setenv("PLAUDIT_DEBUG", "1")
    failing(monkeypatch, ValueError("where?"))
    assert isinstance(run("score", dump, "--out", out).exception, ValueError)


def test_a_source_that_goes_while_scoring_costs_only_the_quotes(run, dump, out, monkeypatch):
    monkeypatch.setattr("plaudit.service.evidence.MEMORY_BYTES", 0)
    monkeypatch.setattr("plaudit.service.evidence.evidence_ids", lambda report: {"a"})
    measure = score_module._Run._measure

    def measure_and_lose(*arguments):
        found = measure(*arguments)
        dump.unlink()
        return found

    monkeypatch.setattr(score_module._Run, "_measure", measure_and_lose)
    assert run("score", dump, "--out", out).exit_code == 0
    assert not dump.exists()
    assert (out / "report.html").exists()


def test_progress_is_told_on_stderr_where_asked_for(run, dump, out):
    assert "a second" not in run("score", dump, "--out", out).stderr
    result = run("score", dump, "--out", out, "--progress")
    assert "3 comments" in result.stderr
    assert "3 comments, " not in result.stdout


def test_version_formats_and_help(run):
    assert run("--version").stdout == f"plaudit {version('plaudit')}\n"
    listed = run("formats").stdout.splitlines()
    assert [line.split()[0] for line in listed] == list(FORMATS)
    for command in ("score", "classify", "serve", "formats"):
        assert "Exit codes: 0 done; 2" in " ".join(run(command, "--help").stdout.split())


def test_serve_refuses_settings_that_make_no_sense(run, monkeypatch):
    monkeypatch.setenv("PLAUDIT_CONCURRENCY", "none")
    expect_sentence(run("serve"), code=2, mention="PLAUDIT_CONCURRENCY")


def test_serve_hands_its_options_on(run, monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr("plaudit.service.serve.serve", seen.append)
    result = run("serve", "--host", "::1", "--port", "0", "--threads", "2", "--model", tmp_path)
    assert result.exit_code == 0, result.stderr
    (settings,) = seen
    assert (settings.host, settings.port, settings.threads, settings.model_path) == ("::1", 0, 2, tmp_path)


def test_an_empty_folder_for_results_is_refused(run):
    for command in (("score", "-"), ("validate", "--simulated")):
        result = run(*command, "--out", "", stdin="why oak?")
        assert result.exit_code == 2
        assert "expected a folder for the results" in " ".join(result.stderr.replace("│", " ").split())


def test_a_device_is_handed_on(run, monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(Pipeline, "load", lambda *_, **given: seen.append(given) or fake_pipeline())
    assert run("classify", "--device", "cuda:1", stdin="why oak?").exit_code == 0
    arguments = ("--out", tmp_path / "out", "--format", "lines", "--device", "cuda")
    assert run("score", "-", *arguments, stdin="why oak?").exit_code == 0
    assert [each["device"] for each in seen] == ["cuda:1", "cuda"]
    monkeypatch.setattr("plaudit.service.serve.serve", seen.append)
    assert run("serve", "--device", "cuda").exit_code == 0
    assert seen[-1].device == "cuda"


def test_a_polite_kill_cleans_up(tmp_path):
    os.mkfifo(tmp_path / "endless")
    arguments = ("--out", tmp_path / "out", "--format", "lines", "--threads", 1)
    process = start("score", tmp_path / "endless", *arguments)
    with (tmp_path / "endless").open("wb") as endless:
        for _ in range(20_000):
            endless.write(b"so cool\n")
        endless.flush()
        while not list(tmp_path.glob(".out.*")) and process.poll() is None:
            endless.write(b"so cool\n" * 1000)
            endless.flush()
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        stderr = process.communicate()[1].decode()
    assert process.returncode == 1, stderr
    assert "Interrupted" in stderr
    left = {file.name for file in tmp_path.iterdir()}
    assert left <= {"endless", "out.checkpoints"}
    assert ("--resume goes on." in stderr) == ("out.checkpoints" in left)


def test_a_reader_of_stdout_that_has_enough_is_no_failure(dump, out):
    process = start("score", dump, "--out", out)
    process.stdout.close()
    stderr = process.stderr.read().decode()
    process.stdin.close()
    process.stderr.close()
    assert process.wait(30) == 0, stderr
    assert "Traceback" not in stderr
    assert "Broken" not in stderr
    assert (out / "report.json").exists()


def test_help_needs_no_heavy_import():
    code = "import sys, plaudit.service.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"numpy", "pyarrow", "onnxruntime", "spacy", "fastapi", "pydantic"} & set(loaded.split())


def test_a_file_in_an_older_encoding_is_told_with_what_to_do(run, tmp_path):
    dump = tmp_path / "export.csv"
    dump.write_bytes("text,author\nschöne Schüssel,ann\nWelche Glasur?,bob\nfür mich,cid\n".encode("cp1252"))
    done = run("score", dump, "--out", tmp_path / "out")
    assert done.exit_code == 0
    assert "not UTF-8 text: 2. If that is more than a few, save what they came from as UTF-8" in done.stderr
    dump.write_text("text,author\nschöne Schüssel,ann\n", "utf-8")
    assert "UTF-8" not in run("score", dump, "--out", tmp_path / "out").stderr
