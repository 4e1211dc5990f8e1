"""HEAD: what GET answers, without its body."""

from __future__ import annotations

import pytest

from tests.live import living, read_until


@pytest.fixture(scope="module")
def live():
    with living() as live:
        yield live


@pytest.mark.parametrize(
    "path", ["/", "/health/live", "/health/ready", "/v1/model", "/docs", "/openapi.json"]
)
def test_it_has_the_head_of_get_and_no_body(live, path):
    whole, head = live.client.get(path), live.client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-length"):
        assert head.headers[name] == whole.headers[name]


def test_the_connection_goes_on_after_it(live):
    with live.connect() as connection:
        for method in (b"HEAD", b"GET"):
            connection.sendall(method + b" /health/live HTTP/1.1\r\nHost: t\r\n\r\n")
            answer = read_until(connection, b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.count(b"HTTP/1.1") == 1


def test_where_there_is_no_get_there_is_no_head(live):
    answer = live.client.head("/v1/classify")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert live.client.post("/health/live").headers["allow"] == "GET, HEAD"
