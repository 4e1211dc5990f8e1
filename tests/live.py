"""The service on a real socket, in a thread of this process, with the fake pipeline."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from plaudit.pipeline import Pipeline
from plaudit.service.app import create_app
from plaudit.service.connection import protocol
from plaudit.service.server import Server
from plaudit.service.settings import Settings
from tests.fakes import fake_pipeline
from tests.http import wait_for


class Live:
    """A running service."""

    def __init__(self, app: FastAPI, server: Server, *, port: int) -> None:
        self.app, self.server, self.port = app, server, port
        self.url = f"http://127.0.0.1:{port}"
        self.client = httpx.Client(base_url=self.url, timeout=30, trust_env=False)

    def connect(self, *, receive_bytes: int | None = None) -> socket.socket:
        """Return a bare connection; a small receive buffer makes a reader slow at once."""
        found = socket.socket()
        if receive_bytes:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        found.settimeout(20)
        found.connect(("127.0.0.1", self.port))
        return found

    def value(self, name: str, **labels: str) -> float:
        """Return a number of the metrics; 0 where it was never counted."""
        return self.app.state.metrics.registry.get_sample_value(name, labels) or 0.0


@contextmanager
def living(load: Callable[[], Pipeline] = fake_pipeline, **settings: Any) -> Iterator[Live]:
    """A service that is ready, and gone afterwards."""
    chosen = Settings(**{"body_seconds": 5, "dump_workers": 0, **settings})
    app = create_app(chosen, load=load)
    http = protocol(
        head_seconds=chosen.body_seconds, doorkeeper=app.state.doorkeeper, unreadable=app.state.unreadable
    )
    patience = min(chosen.drain_seconds, 5)
    config = uvicorn.Config(app, http=http, ws="none", log_config=None, timeout_graceful_shutdown=patience)
    server = Server(config, app=app, notice_seconds=chosen.drain_notice_seconds)
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    live = Live(app, server, port=listener.getsockname()[1])
    try:
        assert wait_for(live.client, "/health/ready", 200)
        yield live
    finally:
        live.client.close()
        server.should_exit = True
        thread.join(20)


def head(path: str, *, content_type: str = "application/x-ndjson", more: str = "") -> bytes:
    """Return the head of a POST with a chunked body."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: t\r\nContent-Type: {content_type}\r\n"
        f"Transfer-Encoding: chunked\r\n{more}\r\n"
    ).encode()


def chunk(content: bytes) -> bytes:
    """Return content as one chunk of a body; empty content ends it."""
    return b"%x\r\n%b\r\n" % (len(content), content)


def line(text: object, **fields: object) -> bytes:
    """Return one comment as a line."""
    return json.dumps({"text": text, **fields}).encode() + b"\n"


def read_until(connection: socket.socket, mark: bytes, *, seconds: float = 10) -> bytes:
    """Read until a mark has come, or the connection ends."""
    content, end = b"", time.monotonic() + seconds
    while mark not in content and time.monotonic() < end:
        got = connection.recv(65536)
        if not got:
            break
        content += got
    return content
