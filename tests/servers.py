"""The service as a process of its own, with the fake pipeline, to be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx

_ROOT = Path(__file__).parents[1]
SERVICE = [sys.executable, "-m", "tests.served"]


class Server:
    """A process that serves, and a client of it."""

    def __init__(
        self,
        *,
        fake: Mapping[str, object] | None = None,
        log: Path | None = None,
        open_files: int | None = None,
        **settings: object,
    ) -> None:
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
        self._log, self._command = log, SERVICE
        if open_files:
            self._command = ["sh", "-c", f'ulimit -Sn {open_files} && exec "$@"', "sh", *SERVICE]
        self.start()

    def start(self) -> None:
        """Start it, once more after it has ended; returns when it is ready."""
        self.launch()
        try:
            self.wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def launch(self) -> None:
        """Start it and do not wait for it."""
        with ExitStack() as stack:
            log = stack.enter_context(self._log.open("ab")) if self._log else None
            self.process = subprocess.Popen(self._command, cwd=_ROOT, env=self._environment, stderr=log)
        self.connect()

    def wait_until_ready(self) -> None:
        """Return when it is."""
        assert _is_ready(self.client, self.process)

    def connect(self) -> None:
        """Begin anew as a client: what kept its connection would be lost with the worker it is of."""
        transport = httpx.HTTPTransport(retries=8)
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", transport=transport, timeout=60, trust_env=False
        )

    def workers(self) -> list[int]:
        """The processes that serve where there are several; Linux alone tells them."""
        of = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found = map(int, of.read_text().split())
        return [each for each in found if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()]

    def kill(self) -> None:
        """End it in the middle of whatever it does; of several processes the parent alone."""
        self.process.kill()
        self.process.wait(20)
        self.client.close()

    def stop(self) -> None:
        """Tell it to end; returns when it has."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(40)
        self.client.close()


def _is_ready(client: httpx.Client, process: subprocess.Popen[bytes], *, seconds: float = 300) -> bool:
    """Wait for it; a process that shares its socket takes nobody's call before it is loaded."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with suppress(httpx.TransportError):
            if client.get("/health/ready").status_code == 200:
                return True
        time.sleep(0.05)
    return False


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended, also where nobody has asked how yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@contextmanager
def running(
    *,
    seconds_a_comment: float = 0,
    seconds_to_load: float = 0,
    seconds_to_hang: float = 300,
    log: Path | None = None,
    open_files: int | None = None,
    **settings: object,
) -> Iterator[Server]:
    """A server that is gone afterwards.

    Args:
        seconds_a_comment: What the fake model takes.
        seconds_to_load: What it takes to load.
        seconds_to_hang: After which a batch is taken for one that hangs.
        log: Gets what it writes to stderr, through all its starts.
        open_files: That it may have to begin with.
        **settings: Of the service.
    """
    fake = {
        "seconds_a_comment": seconds_a_comment,
        "seconds_to_load": seconds_to_load,
        "seconds_to_hang": seconds_to_hang,
    }
    server = Server(fake=fake, log=log, open_files=open_files, **settings)
    try:
        yield server
    finally:
        server.kill()
