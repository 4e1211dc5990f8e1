"""A long answer keeps its place until it is sent, or nobody is there to take it."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from plaudit.report import group_file
from plaudit.service import routes
from plaudit.service.sections import Sections, _in_chunks
from tests.http import serving
from tests.live import chunk, head, living, read_until
from tests.servers import running
from tests.test_app_errors import problem
from tests.test_streams import NDJSON, lines_of, until

PATHS = ["/v1/index", "/v1/index/stream"]
FEW = 100
N = 600  # a report of them is longer than what sockets hold for a caller who does not read


@pytest.fixture
def few(monkeypatch):
    """Groups of which memory holds few, so that tests need not wait for thousands."""
    monkeypatch.setitem(group_file.in_order.__kwdefaults__, "most", FEW)
    monkeypatch.setattr(routes, "MAX_HELD", FEW)


def comments(n: int) -> list[dict[str, str]]:
    return [{"id": f"c{i}", "text": "Why so?", "author": f"u{i}", "post_id": f"p{i:04d}"} for i in range(n)]


@contextmanager
def asking(port: int, path: str, *, n: int = N, receive_bytes: int = 4096) -> Iterator[socket.socket]:
    """A caller with a report of `n` groups on the way to it, of which it has read the head."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.settimeout(60)
        connection.connect(("127.0.0.1", port))
        if path == "/v1/index":
            body = json.dumps({"comments": comments(n), "by": "post"}).encode()
            connection.sendall(head(path, content_type="application/json") + chunk(body) + chunk(b""))
        else:
            connection.sendall(head(f"{path}?by=post") + chunk(lines_of(comments(n))) + chunk(b""))
        assert read_until(connection, b"\r\n\r\n", seconds=60).startswith(b"HTTP/1.1 200")
        yield connection


def rest_of(connection: socket.socket) -> bytes:
    """Read to the end of a chunked answer."""
    content = b""
    while not content.endswith(b"\r\n0\r\n\r\n"):
        got = connection.recv(1 << 20)
        assert got, "the answer was cut"
        content += got
    return content


def test_sections_together_have_a_bound_and_one_alone_its_chance():
    sections = Sections(100)
    one, two = sections.open(), sections.open()
    assert one.take(5000)
    assert not two.take(1)
    one.close()
    assert two.take(60)
    assert one.take(40)
    assert not one.take(1)
    two.close()
    assert sections.n_comments == 40


def test_an_answer_in_parts_is_joined_again():
    parts = [b"a" * 100_000] * 7 + [b"b"]
    chunks = [*_in_chunks(parts)]
    assert b"".join(chunks) == b"".join(parts)
    assert len(chunks) == 3


@pytest.mark.parametrize("path", PATHS)
def test_a_long_answer_keeps_its_place_until_it_is_sent(few, path):
    with living() as live:
        sections = live.app.state.sections
        with asking(live.port, path) as connection:
            assert sections.n_comments == N
            content = rest_of(connection)
        assert until(lambda: sections.n_comments == 0, seconds=20)
        assert live.value("plaudit_callers_gone_total") == 0
        assert content.count(b'"key":"p') == N


@pytest.mark.parametrize("path", PATHS)
def test_a_long_answer_nobody_takes_gives_up_its_place(few, path):
    with living(body_seconds=2) as live:
        sections = live.app.state.sections
        with asking(live.port, path):
            assert sections.n_comments == N
        assert until(lambda: sections.n_comments == 0, seconds=1.5)  # the caller has left
        assert live.value("plaudit_callers_gone_total") == 1
        with asking(live.port, path) as connection:  # and this one does not read
            assert until(lambda: sections.n_comments == 0, seconds=20)
            assert live.value("plaudit_callers_gone_total") == 2
            with pytest.raises((AssertionError, ConnectionError)):
                rest_of(connection)


@pytest.mark.parametrize("path", PATHS)
def test_where_others_fill_the_disk_there_is_no_long_answer(few, path):
    with serving(max_stream_comments=N) as client:
        client.app.state.sections.n_comments = 100
        if path == "/v1/index":
            refused = client.post(path, json={"comments": comments(N), "by": "post"})
            assert client.post(path, json={"comments": comments(N)}).status_code == 200
        else:
            refused = client.post(f"{path}?by=post", content=lines_of(comments(N)), headers=NDJSON)
        assert int(problem(refused, "overloaded")["status"]) == 429
        assert client.app.state.sections.n_comments == 100


@pytest.mark.parametrize("path", PATHS)
def test_sigterm_waits_for_a_long_answer(path, tmp_path):
    n = group_file.MAX_HELD + 50
    with (
        running(data_dir=tmp_path, drain_seconds=300) as server,
        asking(server.port, path, n=n, receive_bytes=1 << 16) as connection,
    ):
        server.process.send_signal(signal.SIGTERM)
        assert until(lambda: is_closed(server.port), seconds=20)
        time.sleep(0.5)
        assert server.process.poll() is None
        assert rest_of(connection).count(b'"key":"p') == n
        assert server.process.wait(20) == 0


def is_closed(port: int) -> bool:
    with socket.socket() as knocking:
        return knocking.connect_ex(("127.0.0.1", port)) != 0
