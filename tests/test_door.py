"""The door to the model: who is refused there, and that nothing behind it is asked."""

from __future__ import annotations

import gc

import pytest

from plaudit.service.door import declared_bytes
from plaudit.service.keys import generate
from plaudit.service.server import settle
from tests.http import JSON, serving

KEY, HASH = generate("audit")


@pytest.fixture
def full():
    """A client of a service of which all room is taken."""
    with serving(max_waiting=100) as client, client.app.state.engine.room.hold(100):
        yield client


@pytest.mark.parametrize("path", ["/v1/classify", "/v1/index"])
@pytest.mark.parametrize("n_bytes", [10, 100_000])
def test_what_finds_no_room_is_refused_unread(full, path, n_bytes):
    answer = full.post(path, content=b"?" * n_bytes, headers={**JSON, "X-Request-Id": "r-1"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert answer.json()["type"] == "urn:plaudit:problem:overloaded"
    assert answer.headers["x-request-id"] == "r-1"
    value = full.app.state.metrics.registry.get_sample_value
    labels = {"route": path, "method": "POST", "status": "429"}
    assert value("plaudit_requests_total", labels) == 1


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


def test_what_is_loaded_is_not_looked_through_again():
    kept = [{"loaded": {}} for _ in range(1000)]
    before = gc.get_freeze_count()
    settle()
    try:
        assert gc.get_freeze_count() >= before + len(kept)
    finally:
        gc.unfreeze()
