"""The service as a process, for benchmarks: started on a free port, watched, told to stop."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.benchmarks.memory import family

ROOT = Path(__file__).parents[2]
SERVE = [sys.executable, "-c", "from plaudit.service.cli import main; main()", "serve"]


class Process:
    """A process that serves on a port."""

    def __init__(self, command: list[str], **settings: object) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        given = {"port": self.port, "log_level": "warning", "dump_workers": 0, **settings}
        environment = {
            **os.environ,
            **{f"PLAUDIT_{name.upper()}": str(value) for name, value in given.items()},
        }
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment)

    def wait_until_ready(self, *, seconds: float = 120) -> None:
        """Wait for `/health/ready`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise SystemExit(f"the service ended with {self._process.returncode}")
            try:
                url = f"http://127.0.0.1:{self.port}/health/ready"
                if httpx.get(url, timeout=5, trust_env=False).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.2)
        raise SystemExit("the service did not become ready")

    def memory_mib(self) -> float:
        """Return what it and its children hold."""
        found = _resident_kib(self._process.pid)
        return found / 1024

    def cpu_seconds(self) -> float:
        """Return the processor time that it and its children have taken so far."""
        return sum(map(_cpu_seconds, family(self._process.pid)))

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._process.send_signal(signal.SIGTERM)

    def end(self) -> int:
        """Wait for its end; return its exit status."""
        return self._process.wait(120)


def _resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    own = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(_resident_kib(int(child)) for child in children)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(command: list[str], **settings: object) -> Iterator[Process]:
    """A process that is ready, and gone afterwards."""
    process = Process(command, **settings)
    try:
        process.wait_until_ready()
        yield process
    finally:
        process.terminate()
        process.end()
