"""A real Chromium and a real server, for tests that look at the page as people do."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from plaudit.pipeline import Pipeline
from plaudit.service.app import create_app
from plaudit.service.settings import Settings
from tests.fakes import fake_pipeline

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


def chromium() -> str:
    """Where Chromium is; skips the test that asks where there is none."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not path:
        pytest.skip("no chromium: apt-get install chromium, or set CHROMIUM to where it is")
    return path


@contextmanager
def running(*, load: Callable[[], Pipeline] = fake_pipeline, **settings: Any) -> Iterator[str]:
    """The address of a service, on a free port of this machine."""
    app = create_app(Settings(**settings), load=load)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=5))
    thread = threading.Thread(target=server.run, name="page-server")
    thread.start()
    try:
        end = time.monotonic() + 60
        while not (server.started and app.state.engine.state == "ready"):
            assert thread.is_alive()
            assert time.monotonic() < end
            time.sleep(0.02)
        (port,) = {socket.getsockname()[1] for each in server.servers for socket in each.sockets}
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.should_exit = True
        thread.join()
