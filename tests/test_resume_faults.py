"""Runs that are ended after the scoring go on to the same bytes; another input in between is refused."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from plaudit.pipeline import Pipeline
from plaudit.service import chunks
from plaudit.service.output import MANIFEST, Outputs
from tests.commands import run as run
from tests.test_resume import checkpoints, interrupted, manifest, start
from tests.test_resume import small_chunks as small_chunks

ROWS = [
    {
        "id": str(i),
        "text": f"which glue {i % 7}?" if i % 9 else "",
        "author": f"a{i % 30}",
        "post_id": f"p{i % 2}",
    }
    for i in range(400)
]
LINES = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)
KILLED = """
import os, sys
from pathlib import Path
import plaudit.pipeline as p
from plaudit.service import chunks, cli
from tests.fakes import fake_pipeline
p.Pipeline.load = staticmethod(lambda path=None, **_: fake_pipeline())
chunks.CHUNK_RECORDS, cli._BATCH = 64, 16
replace, n = Path.replace, []
def killed(self, target):
    n.append(1)
    if len(n) == 9:
        os._exit(9)
    return replace(self, target)
Path.replace = killed
cli.main()
"""


def gz(folder: Path) -> Path:
    (folder / "dump.ndjson.gz").write_bytes(gzip.compress(LINES))
    return folder / "dump.ndjson.gz"


def parquet(folder: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "dump.parquet", row_group_size=50)
    return folder / "dump.parquet"


def files(out: Path) -> dict[str, bytes]:
    found = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    return {name: data for name, data in found.items() if name != MANIFEST}


def failing(owner: Any, name: str, *, at: int) -> Callable[[pytest.MonkeyPatch], None]:
    """Make a method raise what Ctrl-C raises, where it is called for this time."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        n_called, method = [], getattr(owner, name)

        def called(self: Any, *arguments: Any, **options: Any) -> Any:
            n_called.append(1)
            if len(n_called) == at:
                raise KeyboardInterrupt
            return method(self, *arguments, **options)

        monkeypatch.setattr(owner, name, called)

    return patch


MEASURING = failing(Pipeline, "report", at=1)
WRITING = failing(Outputs, "write", at=3)
PUBLISHING = failing(Path, "replace", at=9)  # in the middle of the new results, once the earlier are away


@pytest.mark.parametrize(
    ("fault", "make", "options"),
    [
        (MEASURING, gz, ("--keep-columns", "text,author")),
        (MEASURING, parquet, ("--output-format", "csv")),
        (WRITING, gz, ("--output-format", "ndjson", "--keep-columns", "text")),
        (WRITING, parquet, ("--keep-columns", "author")),
        (PUBLISHING, gz, ("--output-format", "csv", "--keep-columns", "text")),
        (PUBLISHING, parquet, ("--output-format", "ndjson")),
    ],
)
def test_a_run_ended_after_the_scoring_goes_on_to_the_same_bytes(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Any, make: Any, options: Any
) -> None:
    dump, out = make(tmp_path), tmp_path / "out"
    command = ("score", dump, "--threads", 1, "--by", "post", *options)
    assert run(*command, "--out", tmp_path / "whole").exit_code == 0
    earlier: dict[str, bytes] = {}
    if fault is PUBLISHING:
        other = tmp_path / "other.ndjson"
        other.write_bytes(b"".join(LINES.splitlines(keepends=True)[:50]))
        assert run("score", other, *command[2:], "--out", out).exit_code == 0
        earlier = files(out)
    with monkeypatch.context() as patch:
        fault(patch)
        ended = run(*command, "--out", out)
    assert ended.exit_code == 1
    assert "--resume goes on." in ended.stderr
    assert (files(out) if earlier else out.exists()) == (earlier or False)
    assert [path for path in tmp_path.iterdir() if path.name.endswith(".partial")] == []
    again = run(*command, "--out", out, "--resume")
    assert again.exit_code == 0, again.stderr
    assert files(out) == files(tmp_path / "whole")
    assert files(out) != earlier
    assert manifest(out)["run"]["comments_before"] >= 300
    counts = manifest(out)["counts"]
    assert counts["read"] == counts["scored"] + sum(counts["rejected"].values()) == 400
    assert not checkpoints(out).exists()


def test_a_kill_between_two_files_of_the_results(run: Any, tmp_path: Path) -> None:
    dump, out = gz(tmp_path), tmp_path / "out"
    command = ("score", dump, "--threads", 1)
    assert run(*command, "--out", tmp_path / "whole").exit_code == 0
    assert run(*command, "--out", out, "--platform", "blog").exit_code == 0
    with start(KILLED, *command, "--out", out) as process:
        assert process.wait(600) == 9
    assert not (out / "report.json").exists()  # the sign that results are complete
    again = run(*command, "--out", out, "--resume")
    assert again.exit_code == 0, again.stderr
    assert files(out) == files(tmp_path / "whole")


def test_checkpoints_that_outlived_their_results_are_removed(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dump, out = gz(tmp_path), tmp_path / "out"
    command = ("score", dump, "--threads", 1, "--out", out)
    with monkeypatch.context() as patch:
        failing(chunks.Chunks, "remove", at=1)(patch)
        assert run(*command).exit_code == 1
    assert checkpoints(out).is_dir()
    again = run(*command, "--resume")
    assert (again.exit_code, "nothing to do" in again.stderr) == (0, True)
    assert not checkpoints(out).exists()
    interrupted(run, dump, out, monkeypatch, "--platform", "blog")
    assert run(*command, "--resume").exit_code == 0
    assert checkpoints(out).is_dir()  # of another run, which may still want them


@pytest.mark.parametrize(
    ("old", "new"), [("which glue 3", "which glue 8"), ('"author": "a3"', '"author": "b3"')]
)
def test_another_standard_input_with_the_same_ids_is_refused(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    out = tmp_path / "out"
    command = ("score", "-", "--threads", 1, "--out", out)
    with monkeypatch.context() as patch:
        MEASURING(patch)
        assert run(*command, stdin=LINES).exit_code == 1
    refused = run(*command, "--resume", stdin=LINES.replace(old.encode(), new.encode()))
    assert refused.exit_code == 2
    assert "The input differs" in refused.stderr
    assert run(*command, "--resume", stdin=LINES).exit_code == 0


def test_other_columns_that_are_kept_or_other_records_left_out_are_another_input() -> None:
    from plaudit.readers import ReadOptions, read_records

    def digest(records: list[dict[str, Any]]) -> str:
        found = chunks._Digest()
        for batch in read_records(records, options=ReadOptions(batch_size=3)):
            found.add(batch)
        return found.hex

    rows = [{"id": "1", "text": "a", "likes": None}, {"id": "2", "text": ""}, {"id": "3", "text": "b"}]
    others = [
        [*rows[:2], {"id": "3", "text": "c"}],
        [*rows[:2], {"id": "3", "text": "b", "likes": 0}],
        [rows[0], {"id": "2", "text": " "}, rows[2]],
        [rows[0], rows[2], rows[1]],
        rows[:2],
    ]
    assert digest(rows) == digest([dict(row) for row in rows])
    assert len({digest(each) for each in [rows, *others]}) == 6
