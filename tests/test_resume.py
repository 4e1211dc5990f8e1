"""A run that is killed, interrupted or runs out of disk goes on to the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from plaudit.partition import filed
from plaudit.pipeline import Pipeline
from plaudit.service import chunks
from plaudit.service.output import MANIFEST, RESULT_FILES
from tests.commands import run as run

ROOT = Path(__file__).parent.parent
SLOW = """
import sys, time
import plaudit.pipeline as p
from plaudit.service import chunks, cli
from tests.fakes import fake_pipeline
p.Pipeline.load = staticmethod(lambda path=None, **_: fake_pipeline())
part = p.Pipeline.part
p.Pipeline.part = lambda self, comments: (time.sleep(0.02), part(self, comments))[1]
chunks.CHUNK_RECORDS, cli._BATCH = 64, 16
cli.main()
"""
IN_PROCESSES = """
import multiprocessing, sys, time
from pathlib import Path
from plaudit.readers import ReadOptions
from plaudit.service import chunks
from plaudit.service.progress import Meter
from plaudit.service.score import Job, score
from tests.fakes import fake_pipeline
class Telling(Meter):
    def advance(self, n_comments, *, n_bytes):
        print(*(child.pid for child in multiprocessing.active_children()), flush=True)
        time.sleep(0.2)
chunks.CHUNK_RECORDS = 64
job = Job(sources=[sys.argv[1]], out=Path(sys.argv[2]), options=ReadOptions(batch_size=16), threads=2,
          load=fake_pipeline, checkpoints=True, resume="resume" in sys.argv)
score(job, meter=Telling(n_bytes=None) if "slow" in sys.argv else Meter(n_bytes=None))
"""


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    draw = random.Random(3)
    words = ["glue", "great", "which", "varnish", "nice?", "clamp", "my second one", "", "overnight"]
    with (tmp_path / "dump.ndjson").open("w") as file:
        for i in range(600):
            text = " ".join(draw.choices(words, k=draw.randrange(6)))
            fields = {"id": str(i % 590), "text": text, "author": f"a{i % 70}", "post_id": f"p{i % 3}"}
            file.write(json.dumps(fields) + "\n")
    return tmp_path / "dump.ndjson"


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_RECORDS", 64)
    monkeypatch.setattr("plaudit.service.cli._BATCH", 16)


def results(out: Path) -> dict[str, bytes]:
    assert sorted(path.name for path in out.iterdir() if path.is_file()) == sorted(RESULT_FILES)
    files = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    return {name: data for name, data in files.items() if name != MANIFEST}


def manifest(out: Path) -> dict:
    return json.loads((out / MANIFEST).read_bytes())


def checkpoints(out: Path) -> Path:
    return out.with_name(out.name + ".checkpoints")


def start(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    while not path.exists():
        assert process.poll() is None, process.communicate()[1].decode()
        time.sleep(0.01)


@pytest.fixture
def whole(run, dump: Path, tmp_path: Path) -> dict[str, bytes]:
    """The results of a run that nothing interrupts."""
    assert run("score", dump, "--out", tmp_path / "whole", "--by", "post", "--threads", 1).exit_code == 0
    assert not checkpoints(tmp_path / "whole").exists()
    return results(tmp_path / "whole")


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_killed_run_goes_on_to_the_same_bytes(run, dump, tmp_path, whole, kind):
    out = tmp_path / "out"
    process = start(SLOW, "score", dump, "--out", out, "--by", "post", "--threads", 1)
    wait_for(checkpoints(out) / "000001", process)
    process.send_signal(kind)
    stderr = process.communicate(timeout=60)[1].decode()
    assert process.returncode == (-9 if kind == signal.SIGKILL else 1)
    assert kind == signal.SIGKILL or "--resume goes on." in stderr
    assert not out.exists()
    result = run("score", dump, "--out", out, "--by", "post", "--threads", 1, "--resume")
    assert result.exit_code == 0, result.stderr
    assert results(out) == whole
    assert manifest(out)["run"]["comments_before"] >= 100
    assert not checkpoints(out).exists()


def test_killed_processes_leave_none_behind(dump, tmp_path, whole):
    out = tmp_path / "out"
    with start(IN_PROCESSES, dump, out, "slow") as process:
        wait_for(checkpoints(out) / "000001", process)
        assert process.stdout is not None
        children = [int(word) for word in process.stdout.readline().split()]
        process.kill()
    assert len(children) == 2
    deadline = time.monotonic() + 60
    while any(map(is_alive, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_alive, children))
    with start(IN_PROCESSES, dump, out, "resume") as again:
        assert again.wait(120) == 0
    found = results(out)
    tables = [name for name in found if not name.endswith((".html", "report.json"))]
    assert len(tables) == 2
    assert {name: found[name] for name in tables} == {name: whole[name] for name in tables}


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_full_disk_costs_only_what_was_not_yet_kept(run, dump, tmp_path, whole, monkeypatch):
    out, store, n_stored = tmp_path / "out", chunks.store, []

    def failing(path, table):
        n_stored.append(path)
        path.write_bytes(b"half")
        if len(n_stored) > 5:  # in the middle of the third chunk
            raise OSError(28, "No space left on device")
        store(path, table)

    monkeypatch.setattr(chunks, "store", failing)
    result = run("score", dump, "--out", out, "--by", "post", "--threads", 1)
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert "128 comments" not in result.stderr  # some were rejected
    assert "--resume goes on." in result.stderr
    assert sorted(path.name for path in checkpoints(out).iterdir()) == [
        "000000",
        "000001",
        "job.json",
        "lock",
    ]
    monkeypatch.setattr(chunks, "store", store)
    assert run("score", dump, "--out", out, "--by", "post", "--threads", 1, "--resume").exit_code == 0
    assert results(out) == whole


def interrupted(run, dump: Path, out: Path, monkeypatch: pytest.MonkeyPatch, *options: object) -> None:
    n_parts, part = [], Pipeline.part

    def failing(self, comments):
        n_parts.append(1)
        if len(n_parts) > 20:
            raise KeyboardInterrupt
        return part(self, comments)

    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "part", failing)
        assert run("score", dump, "--out", out, "--threads", 1, *options).exit_code == 1
    assert checkpoints(out).is_dir()


def test_a_new_folder_is_simply_a_run_and_a_finished_one_needs_nothing(
    run, dump, tmp_path, whole, monkeypatch
):
    out = tmp_path / "out"
    arguments = ("score", dump, "--out", out, "--by", "post", "--threads", 1, "--resume")
    assert run(*arguments).exit_code == 0
    assert results(out) == whole
    before = (out / MANIFEST).stat().st_mtime_ns
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "nothing to do" in result.stderr
    assert (out / MANIFEST).stat().st_mtime_ns == before
    assert run(*arguments, "--by", "none").exit_code == 0  # another report of it
    assert results(out) != whole


@pytest.mark.parametrize("name", ["rejected.jsonl", "groups/0002.html"])
def test_results_that_were_tampered_with_are_made_again(run, dump, tmp_path, whole, name):
    out = tmp_path / "whole"
    (out / name).write_bytes(b"")
    assert run("score", dump, "--out", out, "--by", "post", "--threads", 1, "--resume").exit_code == 0
    assert results(out) == whole


def test_checkpoints_serve_another_report_and_another_format(run, dump, tmp_path, whole, monkeypatch):
    out = tmp_path / "out"
    interrupted(run, dump, out, monkeypatch, "--by", "creator")
    assert run("score", dump, "--out", out, "--by", "post", "--threads", 1, "--resume").exit_code == 0
    assert results(out) == whole
    assert manifest(out)["run"]["comments_before"] > 0


def test_without_resume_the_run_starts_anew(run, dump, tmp_path, whole, monkeypatch):
    out = tmp_path / "out"
    interrupted(run, dump, out, monkeypatch, "--platform", "blog")
    assert run("score", dump, "--out", out, "--by", "post", "--threads", 1).exit_code == 0
    assert results(out) == whole
    assert manifest(out)["run"]["comments_before"] == 0
    assert not checkpoints(out).exists()


def test_checkpoints_of_another_run_are_refused(run, dump, tmp_path, monkeypatch):
    out = tmp_path / "out"
    interrupted(run, dump, out, monkeypatch)
    result = run("score", dump, "--out", out, "--threads", 1, "--resume", "--platform", "blog")
    assert result.exit_code == 2
    assert "(options differ)" in result.stderr
    assert checkpoints(out).is_dir()


def test_an_input_that_changed_in_secret_is_refused(run, dump, tmp_path, monkeypatch):
    out = tmp_path / "out"
    interrupted(run, dump, out, monkeypatch)
    status = dump.stat()
    dump.write_bytes(dump.read_bytes().replace(b'"id": "7"', b'"id": "x"'))
    os.utime(dump, ns=(status.st_atime_ns, status.st_mtime_ns))
    result = run("score", dump, "--out", out, "--threads", 1, "--resume")
    assert result.exit_code == 2
    assert "The input differs" in result.stderr


def test_a_damaged_chunk_and_what_follows_is_scored_again(run, dump, tmp_path, whole, monkeypatch):
    out = tmp_path / "out"
    interrupted(run, dump, out, monkeypatch)
    (checkpoints(out) / "000001" / "facts.arrow").write_bytes(b"short")
    (checkpoints(out) / "000003.partial").mkdir()
    assert run("score", dump, "--out", out, "--by", "post", "--threads", 1, "--resume").exit_code == 0
    assert results(out) == whole


def test_two_runs_at_once_do_not_mix(run, dump, tmp_path, monkeypatch):
    out = tmp_path / "out"
    interrupted(run, dump, out, monkeypatch)
    first = chunks.Chunks(checkpoints(out), job={}, resume=False)
    result = run("score", dump, "--out", out, "--threads", 1, "--resume")
    assert result.exit_code == 2
    assert "Another run is at work" in result.stderr
    first.close()


def test_checkpoints_hold_no_text_and_no_name(run, tmp_path, monkeypatch):
    with (tmp_path / "dump.ndjson").open("w") as file:
        for i in range(500):
            file.write(
                json.dumps({"id": i, "text": f"a sentence nowhere else {i}", "author": "Zebedee"}) + "\n"
            )
    out = tmp_path / "out"
    interrupted(run, tmp_path / "dump.ndjson", out, monkeypatch)
    monkeypatch.setattr(filed, "_OPTIONS", None)
    kept = b"".join(path.read_bytes() for path in checkpoints(out).rglob("*") if path.is_file())
    assert b"nowhere" not in kept
    assert b"Zebedee" not in kept


def test_the_manifest_says_what_was_done(run, dump, tmp_path, whole):
    told = manifest(tmp_path / "whole")
    (source,) = told["inputs"]
    assert (source["name"], source["n_bytes"]) == ("dump.ndjson", dump.stat().st_size)
    assert len(source["sha256"]) == 64
    counts = told["counts"]
    assert counts["read"] == counts["scored"] + sum(counts["rejected"].values()) == 600
    digests = {each["name"]: each["sha256"] for each in told["results"]}
    assert digests == {name: hashlib.sha256(data).hexdigest() for name, data in whole.items()}
    assert {"groups/0001.html", "comments.parquet"} < set(digests)
    assert told["versions"]["plaudit"]
    assert told["options"]["by"] == "post"
    assert set(told["run"]["seconds"]) == {"loading", "scoring", "measuring", "writing", "total"}
