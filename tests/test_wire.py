"""What arrives on the wire: what a proxy may read differently, and paths that lead away."""

from __future__ import annotations

import json

import pytest

from tests.live import living, read_until


@pytest.fixture(scope="module")
def live():
    with living() as live:
        yield live


_POST = "POST /v1/classify HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        f"{_POST}Content-Length: 2\r\nContent-Length: 9\r\n\r\n{{}}",
        f"{_POST}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        f"{_POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        f"{_POST}Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        f"{_POST}Content-Length: -1\r\n\r\n",
        f"{_POST}Content-Length: {'9' * 30}\r\n\r\n",
        f"{_POST}Content-Length: \N{SUPERSCRIPT TWO}\r\n\r\n",
        f"{_POST}X-Request-Id: a\nX-Evil: b\r\nContent-Length: 2\r\n\r\n{{}}",
        "CONNECT elsewhere:80 HTTP/1.1\r\nHost: t\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
    ],
)
def test_what_two_readers_could_read_differently_is_refused_once_and_for_all(live, request_bytes):
    with live.connect() as connection:
        connection.sendall(request_bytes.encode())
        content = read_until(connection, b"never")
    assert content.startswith(b"HTTP/1.1 400")
    assert content.count(b"HTTP/1.1") == 1
    assert b"evil" not in content.lower()


@pytest.mark.parametrize(
    ("request_bytes", "reason"),
    [
        (b"\x16\x03\x01\x00\xa5 secret-text\r\n\r\n", "Invalid HTTP request received."),
        (
            b"GET / HTTP/1.1\r\nX: " + 2**16 * b"x",
            "The head of the request is too",
        ),
    ],
)
def test_what_is_no_request_is_a_problem_counted_and_logged(live, caplog, request_bytes, reason):
    def counted() -> tuple[float, float]:
        return (
            live.value("plaudit_problems_total", kind="bad-request"),
            live.value("plaudit_requests_total", route="none", method="other", status="400"),
        )

    before = counted()
    with live.connect() as connection, caplog.at_level("INFO", logger="plaudit.service"):
        connection.sendall(request_bytes)
        head, _, body = read_until(connection, b"}").partition(b"\r\n\r\n")
    problem = json.loads(body)
    assert reason in problem["detail"]
    assert problem["type"] == "urn:plaudit:problem:bad-request"
    assert problem["hint"]
    headers = head.decode().lower().split("\r\n")
    assert {"content-type: application/problem+json", f"content-length: {len(body)}"} <= set(headers)
    assert f"x-request-id: {problem['request_id']}" in headers
    assert headers.count("connection: close") == 1
    assert counted() == (before[0] + 1, before[1] + 1)
    (line,) = [each.fields for each in caplog.records if each.getMessage() == "request"]
    assert (line["status"], line["method"], line["request_id"]) == (400, "other", problem["request_id"])
    assert "secret" not in head.decode() + body.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/v1/dumps/../../etc/passwd",
        "/v1/dumps/%2e%2e%2f%2e%2e%2fetc%2fpasswd/report",
        f"/v1/dumps/{'0' * 32}/groups/..%2f..%2freport.json",
        "/v1/dumps/%00",
        "/%ff%fe",
        "/v1/dumps/%0d%0aX-Evil:%20b",
    ],
)
def test_no_path_leads_anywhere_else(live, path):
    with live.connect() as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n".encode())
        head, _, body = read_until(connection, b"never").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404")
    assert b"evil" not in head.lower()
    assert json.loads(body)["type"] == "urn:plaudit:problem:not-found"
