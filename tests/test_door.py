"""The door to the model: who is refused there, and that nothing behind it is asked."""

from __future__ import annotations

import gc
import json
import re

import pytest

from plaudit.service.app import create_app
from plaudit.service.door import declared_bytes
from plaudit.service.keys import generate
from plaudit.service.server import settle
from plaudit.service.settings import Settings
from tests.http import JSON, serving
from tests.live import living, read_until

KEY, HASH = generate("audit")


@pytest.fixture
def full():
    """A client of a service of which all room is taken."""
    with serving(max_waiting=100) as client, client.app.state.engine.room.hold(100):
        yield client


@pytest.mark.parametrize("path", ["/v1/classify", "/v1/index", "/"])
@pytest.mark.parametrize("n_bytes", [10, 100_000])
def test_what_finds_no_room_is_refused_unread(full, path, n_bytes):
    answer = full.post(path, content=b"?" * n_bytes, headers={**JSON, "X-Request-Id": "r-1"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert answer.json()["type"] == "urn:plaudit:problem:overloaded"
    assert answer.headers["x-request-id"] == "r-1"
    value = full.app.state.metrics.registry.get_sample_value
    labels = {"route": path, "method": "POST", "status": "429"}
    assert value("plaudit_requests_total", labels) == 1


def test_a_browser_is_refused_with_a_page(full):
    answer = full.post("/", data={"text": "is it?"}, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert "There is no room for more work now" in answer.text
    assert full.get("/").status_code == 200


def test_on_a_socket_a_browser_is_refused_with_a_page_too():
    with living(max_waiting=100) as live, live.app.state.engine.room.hold(100):
        answer = live.client.post("/", data={"text": "is it?"}, headers={"Accept": "text/html"})
    assert answer.status_code == 429
    assert answer.headers["content-type"].startswith("text/html")


def test_a_refusal_is_logged_with_its_path(full, caplog):
    with caplog.at_level("INFO", logger="plaudit.service"):
        full.post("/v1/classify", content=b"?" * 5000, headers=JSON)
    (record,) = caplog.records
    assert (record.fields["path"], record.fields["status"]) == ("/v1/classify", 429)


def test_what_needs_no_room_passes(full):
    assert full.get("/v1/classify").status_code == 405
    assert full.get("/v1/model").status_code == 200
    assert full.post("/v1/feedback", json={}).status_code == 422
    assert full.post("/v1/nothing", content=b"?" * 5000).status_code == 404


def test_keys_are_looked_at_before_and_quotas_told():
    with (
        serving(max_waiting=100, api_keys=str(HASH), quota_per_day=1000) as client,
        client.app.state.engine.room.hold(100),
    ):
        assert client.post("/v1/classify", content=b"?" * 5000, headers=JSON).status_code == 401
        answer = client.post(
            "/v1/classify", content=b"?" * 5000, headers={**JSON, "Authorization": f"Bearer {KEY}"}
        )
    assert answer.status_code == 429
    assert answer.headers["ratelimit-remaining"] == "1000"


@pytest.mark.parametrize(
    ("headers", "n_bytes"),
    [([], None), ([(b"content-length", b"12")], 12), ([(b"content-length", b"-1")], None)],
)
def test_a_body_is_as_long_as_its_head_says(headers, n_bytes):
    assert declared_bytes({"headers": headers}) == n_bytes


def post(n_bytes: int, *, more: str = "") -> bytes:
    body = json.dumps({"comments": [{"text": "why so?"}], "x": ""})
    body = body[:-2] + "y" * (n_bytes - len(body)) + body[-2:]
    head = f"POST /v1/classify HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n{more}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def status_of(connection) -> int:
    head, _, body = read_until(connection, b"\r\n\r\n").partition(b"\r\n\r\n")
    n_bytes = int(re.search(rb"content-length: (\d+)", head)[1])
    while len(body) < n_bytes:
        body += connection.recv(n_bytes - len(body))
    return json.loads(body).get("status", 200) if len(body) == n_bytes else 0


@pytest.mark.parametrize("n_bytes", [100, 200_000])
def test_who_was_turned_away_is_taken_on_the_same_connection_once_there_is_room(n_bytes):
    with living(max_waiting=100) as live, live.connect() as connection:
        with live.app.state.engine.room.hold(100):
            for _ in range(3):
                connection.sendall(post(n_bytes))
                assert status_of(connection) == 429
        connection.sendall(post(n_bytes))
        assert status_of(connection) in (200, 422)
        assert live.value("plaudit_requests_total", route="/v1/classify", method="POST", status="429") == 3
        assert live.value("plaudit_problems_total", kind="overloaded") == 3


def test_a_thousand_pipelined_requests_are_each_turned_away():
    with living(max_waiting=100) as live, live.app.state.engine.room.hold(100), live.connect() as connection:
        connection.sendall(post(100) * 999 + post(100, more="Connection: close\r\n"))
        content = read_until(connection, b"never", seconds=20)
    assert content.count(b"HTTP/1.1 429") == 1000
    assert content.count(b"\r\nconnection: close") == 1


def test_a_body_that_is_announced_is_not_asked_for():
    with living(max_waiting=100) as live, live.app.state.engine.room.hold(100), live.connect() as connection:
        head, end, _ = post(5000, more="Expect: 100-continue\r\n").partition(b"\r\n\r\n")
        connection.sendall(head + end)
        assert read_until(connection, b"\r\n\r\n").startswith(b"HTTP/1.1 429")


@pytest.mark.parametrize("settings", [{"api_keys": str(HASH)}, {"traces": True}])
def test_who_needs_a_key_or_leaves_a_trace_goes_the_whole_way(settings):
    app = create_app(Settings(**settings))
    assert app.state.doorkeeper is None
    assert create_app(Settings()).state.doorkeeper is not None


def test_what_is_loaded_is_not_looked_through_again():
    kept = [{"loaded": {}} for _ in range(1000)]
    before = gc.get_freeze_count()
    settle()
    try:
        assert gc.get_freeze_count() >= before + len(kept)
    finally:
        gc.unfreeze()


def test_who_was_turned_away_and_falls_silent_within_the_body_is_not_held_for_ever():
    with (
        living(max_waiting=100, body_seconds=1) as live,
        live.app.state.engine.room.hold(100),
        live.connect() as connection,
    ):
        head, end, body = post(5000).partition(b"\r\n\r\n")
        connection.sendall(head + end)
        assert status_of(connection) == 429
        connection.sendall(body[:1])
        assert connection.recv(1) == b""  # within the 20 s that the connection waits


def test_the_last_request_of_a_connection_is_turned_away_with_a_goodbye():
    with living(max_waiting=100) as live, live.app.state.engine.room.hold(100), live.connect() as connection:
        connection.sendall(post(100, more="Connection: close\r\n"))
        content = read_until(connection, b"never", seconds=20)
    assert content.startswith(b"HTTP/1.1 429")
    assert b"\r\nconnection: close" in content


@pytest.mark.parametrize(
    ("declared", "n_bytes"), [("0" * 5000 + "12", 12), ("0" * 5000, 0), ("12", 12), ("-1", None), ("²", None)]
)
def test_a_length_is_read_however_many_zeros_it_begins_with(declared, n_bytes):
    assert declared_bytes({"headers": [(b"content-length", declared.encode("latin-1"))]}) == n_bytes


def test_a_length_beyond_all_digits_is_long():
    assert declared_bytes({"headers": [(b"content-length", b"9" * 5000)]}) >= 10**19
