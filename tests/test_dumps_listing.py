"""Dumps listed page by page while they change, and the links of their page."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from plaudit.service.client import Client
from tests.http import serving
from tests.live import living

DUMP = b'{"text": "Which glue?"}\n'


@pytest.fixture
def idle(tmp_path) -> Iterator[object]:
    with serving(data_dir=tmp_path / "data", dump_workers=0) as client:
        yield client


def test_dumps_are_all_listed_though_each_is_deleted_as_it_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr("plaudit.service.calls.dumps", _small_pages)
    with living(data_dir=tmp_path) as live, Client(live.url) as client:
        for _ in range(7):
            live.client.post("/v1/dumps", content=DUMP)
        for dump in client.dumps():
            client.delete_dump(dump["id"])
        assert list(client.dumps()) == []


def _small_pages(before):
    from plaudit.service.calls import Call

    return Call(method="GET", path="/v1/dumps", query={"before": before, "limit": 2})


@pytest.mark.parametrize("before", ["0" * 32, "x", "", "-1"])
def test_what_is_no_next_of_a_page_is_told(idle, before):
    idle.post("/v1/dumps", content=DUMP)
    answer = idle.get("/v1/dumps", params={"before": before})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "before"


def test_who_waits_while_the_service_stops_is_told_where_the_dump_is(idle):
    engine = idle.app.state.engine
    stop = threading.Timer(0.5, lambda: setattr(engine, "is_draining", True))
    started = time.monotonic()
    stop.start()
    answer = idle.post("/v1/dumps?wait=20", content=DUMP)
    assert time.monotonic() - started < 10
    assert answer.status_code == 202
    assert answer.headers["location"].endswith(answer.json()["id"])
