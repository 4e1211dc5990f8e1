"""Several processes that serve: who was let in is answered, at the start, at the end and when one dies."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from plaudit import artifact
from tests.live import read_until
from tests.servers import is_gone, running


def asking_of(text: bytes) -> bytes:
    """A whole request."""
    body = b'{"comments": [{"id": "1", "text": "%b"}, {"id": "2", "text": "nice"}]}' % text
    return (
        b"POST /v1/classify HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
        b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )


def ask(port: int) -> str:
    """Ask on a connection of its own; tell the status, or how it ended without one."""
    try:
        connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    except ConnectionRefusedError:
        return "refused"
    with connection:
        try:
            connection.sendall(asking_of(b"why so?"))
            answer = read_until(connection, b"nothing that comes", seconds=60)
        except OSError as error:
            return type(error).__name__
    head, _, body = answer.partition(b"\r\n\r\n")
    return head[9:12].decode() if body.endswith(b"}}") else f"lost after {len(answer)} bytes"


class Asking:
    """Callers that ask again and again, until nobody is there or they are told to end."""

    def __init__(self, port: int, *, n: int) -> None:
        self.port, self.counts, self.ends = port, Counter[str](), threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(n)]
        for each in self._threads:
            each.start()

    def _run(self) -> None:
        while not self.ends.is_set():
            outcome = ask(self.port)
            self.counts[outcome] += 1
            if outcome == "refused":
                return

    def join(self) -> Counter[str]:
        for each in self._threads:
            each.join(90)
        return self.counts


def wait_for_answers(asking: Asking, *, n: int) -> None:
    end, n = time.monotonic() + 60, asking.counts["200"] + n
    while asking.counts["200"] < n:
        assert time.monotonic() < end, f"too few answers: {asking.counts}"
        time.sleep(0.01)


ON_LINUX = pytest.mark.skipif(
    not Path("/proc/self/task").exists(),
    reason="needs Linux, whose door can be shut and who tells the workers",
)


@ON_LINUX
@pytest.mark.parametrize("workers", [1, 3])
def test_all_who_were_let_in_are_answered_at_the_end(workers):
    with running(workers=workers, dump_workers=0, seconds_a_comment=0.01) as server:
        asking = Asking(server.port, n=24)
        wait_for_answers(asking, n=100)
        server.process.send_signal(signal.SIGTERM)
        counts = asking.join()
        assert server.process.wait(60) == 0
    assert counts["refused"] == 24
    assert set(counts) == {"200", "refused"}


@ON_LINUX
def test_one_that_dies_is_replaced_and_nobody_meets_one_that_loads():
    with running(workers=2, dump_workers=0, seconds_to_load=1.5) as server:
        asking = Asking(server.port, n=4)
        wait_for_answers(asking, n=20)
        before = server.workers()
        assert len(before) == 2
        asking.ends.set()
        assert set(asking.join()) == {"200"}
        os.kill(before[0], signal.SIGKILL)
        asking = Asking(server.port, n=4)
        end = time.monotonic() + 60
        while len(server.workers()) < 2 or before[0] in server.workers():
            assert time.monotonic() < end, "none has taken its place"
            time.sleep(0.05)
        wait_for_answers(asking, n=20)
        time.sleep(2)  # in which it loads
        asking.ends.set()
        counts = asking.join()
    # What waited in the killed one is lost, and nothing after it.
    assert set(counts) <= {"200", "ConnectionResetError", "lost after 0 bytes"}
    assert counts.total() - counts["200"] <= 4


def wait_until_gone(workers: list[int], *, seconds: float) -> None:
    end = time.monotonic() + seconds
    while left := [each for each in workers if not is_gone(each)]:
        assert time.monotonic() < end, f"{left} live on"
        time.sleep(0.05)


@ON_LINUX
def test_workers_end_with_their_parent_and_leave_the_port_to_the_next():
    # The notice of the settings would keep the door open for a minute.
    with running(workers=3, dump_workers=0, drain_notice_seconds=60, seconds_a_comment=0.3) as server:
        workers = server.workers()
        asking = Asking(server.port, n=1)
        wait_for_answers(asking, n=1)
        server.kill()
        asking.ends.set()
        assert set(asking.join()) == {"200"}  # it was let in
        server.start()
        assert ask(server.port) == "200"
        wait_until_gone(workers, seconds=30)
        assert not set(workers) & set(server.workers())


@ON_LINUX
def test_a_worker_that_cannot_end_is_ended_some_time_after_its_parent():
    with running(workers=2, dump_workers=0, drain_seconds=1) as server:
        workers = server.workers()
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as stuck:
            stuck.sendall(asking_of(b"bottomless"))
            time.sleep(1)
            server.kill()
            wait_until_gone(workers, seconds=60)


@ON_LINUX
def test_the_numbers_of_workers_are_not_cleared_away_as_old_files(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with running(workers=2, dump_workers=0) as server:
        (folder,) = tmp_path.glob("plaudit-metrics-*")
        handle = os.open(folder, os.O_RDONLY)
        with pytest.raises(BlockingIOError):  # as systemd-tmpfiles asks
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(handle)
        server.stop()
        assert not folder.exists()


@ON_LINUX
def test_more_connections_are_taken_than_a_shell_allows_files():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if most != resource.RLIM_INFINITY and most < 1024:
        pytest.skip("the system gives too few files")
    with running(dump_workers=0, open_files=200) as server, ExitStack() as stack:
        idle = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
            for _ in range(300)
        ]
        assert ask(server.port) == "200"
        for each in idle[::50]:
            each.sendall(asking_of(b"why so?"))
            assert b" 200 " in each.recv(100)


@ON_LINUX
def test_a_worker_whose_model_hangs_is_replaced(tmp_path):
    log = tmp_path / "log"
    with running(
        workers=2, batches=1, dump_workers=0, drain_seconds=1, seconds_to_hang=0.5, log=log, log_level="error"
    ) as server:
        workers = server.workers()
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as stuck:
            stuck.sendall(asking_of(b"bottomless"))
            end = time.monotonic() + 60
            while len(set(server.workers()) & set(workers)) == 2:
                assert time.monotonic() < end
                time.sleep(0.1)
        assert "the model hangs" in log.read_text()
        while len(server.workers()) < 2:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert [ask(server.port) for _ in range(20)] == ["200"] * 20


@pytest.mark.parametrize("workers", [1, 2])
def test_a_corrupt_artifact_ends_the_service_with_one_sentence(tmp_path, workers):
    folder = shutil.copytree(artifact.current(), tmp_path / artifact.current().name)
    content = bytearray((folder / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.onnx").write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", "from plaudit.service.cli import main; main()", "serve", "--port", "0"],
        env={**os.environ, "PLAUDIT_MODEL_PATH": str(folder), "PLAUDIT_WORKERS": str(workers)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    *log, sentence = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (1, "")
    assert sentence.startswith("plaudit: ")
    assert "model.onnx" in sentence
    assert all(json.loads(line) for line in log)  # no traceback is among them
