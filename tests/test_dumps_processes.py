from __future__ import annotations

import io
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest

from plaudit.service.settings import Settings
from plaudit.service.storage import Storage
from tests.databases import database_url, new_url, outage
from tests.servers import Server, running

__all__ = ["database_url"]


def dump(n_comments: int, *, name: str = "a") -> bytes:
    """Comments that only this dump holds, and so many of them."""
    rows = (
        {"id": f"{name}{i}", "text": f"{name} {i}: why so?", "author": f"u{i % 9}"} for i in range(n_comments)
    )
    return b"\n".join(json.dumps(row).encode() for row in rows)


def wait_until(is_so: Callable[[], bool], *, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come to pass in time"
        time.sleep(0.05)


def send(client: httpx.Client, *bodies: bytes) -> list[str]:
    answers = [client.post("/v1/dumps", content=body) for body in bodies]
    assert [answer.status_code for answer in answers] == [202] * len(bodies)
    return [answer.json()["id"] for answer in answers]


def states(client: httpx.Client, ids: Sequence[str]) -> list[str]:
    return [client.get(f"/v1/dumps/{each}").json()["status"] for each in ids]


def check_all_done(server: Server, ids: Sequence[str], sizes: Sequence[int]) -> None:
    wait_until(lambda: set(states(server.client, ids)) == {"done"})
    for each, size in zip(ids, sizes, strict=True):
        status = server.client.get(f"/v1/dumps/{each}").json()
        assert status["progress"]["comments"] == size
        assert server.client.get(f"/v1/dumps/{each}/report").json()["coverage"]["scored"] == size


def left_on_disk(folder) -> list[str]:
    """Uploads, and results but one of each dump."""
    uploads = [str(path) for path in (folder / "uploads").glob("*/*")]
    results = [sorted(path.iterdir()) for path in (folder / "results").iterdir()]
    return uploads + [str(path) for folders in results for path in folders[1:]]


def test_dumps_outlive_a_kill_and_each_is_done_once(database_url, tmp_path):
    folder, sizes = tmp_path / "data", [1500, 40, 700, 3]
    settings = {"data_dir": folder, "database_url": database_url, "dump_lease_seconds": 3, "dump_workers": 2}
    with running(**settings, seconds_a_comment=0.001) as server:
        ids = send(server.client, *(dump(size, name=f"d{size}x") for size in sizes))
        wait_until(lambda: server.client.get(f"/v1/dumps/{ids[0]}").json()["progress"]["comments"] > 0)
        server.kill()
        server.start()
        wait_until(lambda: "done" in states(server.client, ids))
        server.kill()
        server.start()
        check_all_done(server, ids, sizes)
        wait_until(lambda: left_on_disk(folder) == [])
        runs = _runs(database_url, folder, ids)
        assert max(runs) <= 3
        assert runs[0] >= 2
        assert len(server.client.get("/v1/dumps").json()["dumps"]) == len(sizes)


def _runs(url: str, folder, ids: Sequence[str]) -> list[int]:
    storage = Storage(Settings(data_dir=folder, database_url=url))
    found = [storage.dumps.get(each).n_runs for each in ids]
    storage.close()
    return found


def check_nothing_lost_or_doubled(server: Server, ids: Sequence[str], sizes: Sequence[int]) -> None:
    """Each dump is there once, and each of its comments once in its table."""
    listed = [each["id"] for each in server.client.get("/v1/dumps").json()["dumps"]]
    assert sorted(listed) == sorted(ids)
    for each, size in zip(ids, sizes, strict=True):
        table = pq.read_table(io.BytesIO(server.client.get(f"/v1/dumps/{each}/comments.parquet").content))
        assert table.column("id").to_pylist() == [f"d{size}x{i}" for i in range(size)]


def times_done(log: Path) -> Counter[str]:
    """How often a service told of each dump that it is done."""
    told = map(json.loads, log.read_text("utf-8").splitlines())
    return Counter(each["dump"] for each in told if each["message"] == "a dump is done")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux, to tell who the workers are")
def test_whichever_of_several_processes_is_killed_each_dump_is_done_once(database_url, tmp_path):
    folder, log, sizes = tmp_path / "data", tmp_path / "log", [900, 1000, 40, 50, 60]
    settings = {"data_dir": folder, "database_url": database_url, "dump_lease_seconds": 3, "workers": 2}
    with running(**settings, log=log, log_level="info", seconds_a_comment=0.005) as server:
        ids = send(server.client, *(dump(size, name=f"d{size}x") for size in sizes))
        wait_until(lambda: states(server.client, ids[:2]) == ["running"] * 2)
        os.kill(server.workers()[0], signal.SIGKILL)
        server.client.close()
        server.connect()
        wait_until(lambda: "done" in states(server.client, ids))
        killed = server.workers()
        server.kill()  # the parent; its workers end by themselves
        server.start()
        assert not set(killed) & set(server.workers())
        check_all_done(server, ids, sizes)
        wait_until(lambda: left_on_disk(folder) == [])
        check_nothing_lost_or_doubled(server, ids, sizes)
        assert max(_runs(database_url, folder, ids)) >= 2
        done = times_done(log)
        assert set(done) <= set(ids)
        assert set(done.values()) == {1}


def test_a_polite_end_gives_back_what_is_worked_on(database_url, tmp_path):
    settings = {"data_dir": tmp_path / "data", "database_url": database_url, "dump_lease_seconds": 3600}
    with running(**settings, seconds_a_comment=0.001) as server:
        ids = send(server.client, dump(2500))
        wait_until(lambda: states(server.client, ids) == ["running"])
        server.stop()
        assert _runs(database_url, tmp_path / "data", ids) == [0]
        server.start()  # the lease is an hour: only what was given back is begun at once
        check_all_done(server, ids, [2500])


def test_two_processes_share_the_work_and_do_nothing_twice(database_url, tmp_path):
    folder, sizes = tmp_path / "data", [30 + i for i in range(12)]
    settings = {"data_dir": folder, "database_url": database_url, "dump_lease_seconds": 2}
    with ExitStack() as stack:
        first, second = (stack.enter_context(running(**settings, seconds_a_comment=0.003)) for _ in range(2))
        ids = []
        for i, size in enumerate(sizes):
            ids += send((first, second)[i % 2].client, dump(size, name=f"d{size}x"))
        check_all_done(second, ids, sizes)
        assert _runs(database_url, folder, ids) == [1] * len(ids)
        # One dies in the middle; the other takes over.
        ids = send(first.client, dump(900, name="x"), dump(900, name="y"))
        wait_until(lambda: states(second.client, ids) == ["running"] * 2)
        first.kill()
        check_all_done(second, ids, [900, 900])
        wait_until(lambda: left_on_disk(folder) == [])


def test_a_dump_that_kills_processes_is_given_up(database_url, tmp_path):
    with running(data_dir=tmp_path / "data", database_url=database_url, dump_lease_seconds=1) as server:
        ids = send(server.client, b"this one is deadly\nand more\n")
        for _ in range(3):
            server.process.wait(120)
            server.kill()
            server.launch()  # it may be over again before anybody has found it ready
        server.wait_until_ready()
        wait_until(lambda: states(server.client, ids) == ["failed"])
        status = server.client.get(f"/v1/dumps/{ids[0]}").json()
        assert "ended 3 times in the middle of it" in status["error"]
        assert status["fault"] == "service"
        assert (
            server.client.post("/v1/dumps?wait=20", content=b"a harmless one\nand more\n").status_code == 200
        )


def test_a_stalled_process_that_wakes_up_changes_nothing(database_url, tmp_path):
    settings = {"data_dir": tmp_path / "data", "database_url": database_url, "dump_lease_seconds": 1}
    with running(**settings, seconds_a_comment=0.002) as first:
        ids = send(first.client, dump(900))
        wait_until(lambda: states(first.client, ids) == ["running"])
        first.process.send_signal(signal.SIGSTOP)
        with running(**settings) as second:
            check_all_done(second, ids, [900])
            before = second.client.get(f"/v1/dumps/{ids[0]}").json()
            report = second.client.get(f"/v1/dumps/{ids[0]}/report").content
            first.process.send_signal(signal.SIGCONT)
            time.sleep(3)
            assert second.client.get(f"/v1/dumps/{ids[0]}").json() == before
            assert second.client.get(f"/v1/dumps/{ids[0]}/report").content == report
            assert left_on_disk(tmp_path / "data") == []


@pytest.mark.parametrize("when", ["queued", "running"])
def test_a_dump_that_is_deleted_leaves_nothing(database_url, tmp_path, when):
    folder = tmp_path / "data"
    settings = {"data_dir": folder, "database_url": database_url, "dump_lease_seconds": 4}
    with running(**settings, seconds_a_comment=0.002) as server:
        busy, deleted = send(server.client, dump(700, name="x"), dump(700, name="y"))
        if when == "running":
            busy, deleted = deleted, busy
            wait_until(lambda: states(server.client, [deleted]) == ["running"])
        assert server.client.delete(f"/v1/dumps/{deleted}").status_code == 204
        assert server.client.get(f"/v1/dumps/{deleted}").status_code == 404
        check_all_done(server, [busy], [700])
        wait_until(lambda: not list(folder.rglob(f"*{deleted}*")), seconds=20)


def test_a_dump_outlives_a_crash_of_the_database_and_is_done_once(tmp_path):
    url, folder, log = new_url("postgresql", tmp_path), tmp_path / "data", tmp_path / "log"
    settings = {"data_dir": folder, "database_url": url, "dump_lease_seconds": 3, "log_level": "info"}
    with running(**settings, log=log, seconds_a_comment=0.003) as server:
        ids = send(server.client, dump(1500, name="d1500x"))
        path = f"/v1/dumps/{ids[0]}"
        wait_until(lambda: server.client.get(path).json()["progress"]["comments"] > 0)
        assert states(server.client, ids) == ["running"]
        with outage():
            answer = server.client.get(path)
            assert (answer.status_code, answer.json()["type"]) == (
                503,
                "urn:plaudit:problem:storage-unavailable",
            )
            body = {"comments": [{"text": "why so?"}]}
            assert server.client.post("/v1/classify", json=body).status_code == 200
            assert server.client.get("/health/ready").status_code == 200
            time.sleep(1)
        wait_until(lambda: server.client.get(path).status_code == 200)
        check_all_done(server, ids, [1500])
        check_nothing_lost_or_doubled(server, ids, [1500])
        wait_until(lambda: left_on_disk(folder) == [])
        assert times_done(log) == {ids[0]: 1}
