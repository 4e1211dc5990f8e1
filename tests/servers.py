"""The service as a process of its own, with the fake pipeline, to be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

_ROOT = Path(__file__).parents[1]
SERVICE = [sys.executable, "-m", "tests.served"]


class Server:
    """A process that serves, and a client of it."""

    def __init__(self, *, fake: Mapping[str, object] | None = None, **settings: object) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        environment = {f"PLAUDIT_{name.upper()}": str(value) for name, value in settings.items()}
        self._environment: Mapping[str, str] = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH")))),
            "PLAUDIT_PORT": str(self.port),
            "PLAUDIT_THREADS": "1",
            "PLAUDIT_LOG_LEVEL": "warning",
            **environment,
            **{f"TEST_{name.upper()}": str(value) for name, value in (fake or {}).items()},
        }
        self.start()

    def start(self) -> None:
        """Start it, once more after it has ended; returns when it is ready."""
        self.process = subprocess.Popen(SERVICE, cwd=_ROOT, env=self._environment)
        transport = httpx.HTTPTransport(retries=8)
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", transport=transport, timeout=30, trust_env=False
        )
        try:
            assert _is_ready(self.client, self.process)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        self.process.kill()
        self.process.wait(20)
        self.client.close()

    def stop(self) -> None:
        """Tell it to end; returns when it has."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(40)
        self.client.close()


def _is_ready(client: httpx.Client, process: subprocess.Popen[bytes], *, seconds: float = 120) -> bool:
    """Wait for it; a process that shares its socket takes nobody's call before it is loaded."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with suppress(httpx.TransportError):
            if client.get("/health/ready").status_code == 200:
                return True
        time.sleep(0.05)
    return False


@contextmanager
def running(
    *, seconds_a_comment: float = 0, seconds_to_load: float = 0, **settings: object
) -> Iterator[Server]:
    """A server that is gone afterwards."""
    fake = {"seconds_a_comment": seconds_a_comment, "seconds_to_load": seconds_to_load}
    server = Server(fake=fake, **settings)
    try:
        yield server
    finally:
        server.kill()
