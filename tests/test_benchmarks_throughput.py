"""The benchmark of throughput runs on a small made dump; how fast it is, is not tested."""

from __future__ import annotations

import os

import pytest

from tests.benchmarks import throughput
from tests.benchmarks.dumps import head_of, make_dump, texts_of
from tests.benchmarks.memory import PeakMemory, family
from tests.benchmarks.throughput import Measure, measure, table


def test_a_made_dump_is_the_same_every_time(tmp_path):
    one, other = (make_dump(tmp_path / name, n=300) for name in ("a.ndjson", "b.ndjson"))
    assert one.read_bytes() == other.read_bytes()
    assert len(one.read_text("utf-8").splitlines()) == 300
    assert len(head_of(one, tmp_path / "part.ndjson", share=0.5).read_text("utf-8").splitlines()) == 300


@pytest.mark.parametrize("task", ["unclassified", "read"])
def test_a_task_tells_what_it_took(tmp_path, task):
    dump = make_dump(tmp_path / "made.ndjson", n=400)
    found = measure(task, dump, *([1] if task == "unclassified" else []))
    assert isinstance(found, Measure)
    assert found.n == 400
    assert found.seconds > 0
    assert found.peak_bytes > 10 << 20


def test_distinct_texts_are_labelled_once_each_in_all_processes(tmp_path):
    dump = make_dump(tmp_path / "made.ndjson", n=200)
    found = measure("classify", dump, 2)
    assert isinstance(found, Measure)
    assert found.n == len(set(texts_of(str(dump)))) < 200


def test_what_is_not_installed_is_told_in_the_table(monkeypatch, tmp_path):
    found = {
        "score": [Measure(n=10, seconds=2.0, cpu_seconds=1.0, peak_bytes=2**20)] * 3,
        "floor": [Measure(n=10, seconds=s, cpu_seconds=1.0, peak_bytes=2**20) for s in (0.5, 1.0, 9.0)],
        "peer": ["needs torch: pip install '.[bench]'"],
    }
    _, score, floor, peer = table(found, base="score").splitlines()
    assert score.split() == ["score", "5", "1.00", "1.0", "1"]
    assert floor.split()[1:3] == ["10", "2.00"]
    assert "needs torch" in peer


def test_the_command_prints_a_row_a_measure(monkeypatch, capsys, tmp_path):
    def measured(task, *arguments):
        return Measure(n=100, seconds=2.0 if arguments[1:] == (1,) else 1.0, cpu_seconds=1.0, peak_bytes=0)

    monkeypatch.setattr(throughput, "measure", measured)
    throughput.main(["--n", "50", "--rounds", "1", "--cores", "2", "--growth", "--peers", "--device", "cuda"])
    out = capsys.readouterr().out
    assert "2 cores against one: 2.00 times" in out
    assert all(
        name in out
        for name in (
            "classify, distinct",
            "floor: read",
            "1/4 of the dump",
            "MiniLM, batch 32",
            "int8",
            "bf16 arithmetic",
        )
    )


def test_memory_is_that_of_the_whole_family():
    assert family(os.getpid())[0] == os.getpid()
    with PeakMemory(os.getpid()) as memory:
        held = bytearray(64 << 20)
        held[::4096] = b"x" * len(held[::4096])
        memory._over.wait(0.5)
    assert memory.peak_bytes > 64 << 20
