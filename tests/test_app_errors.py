from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plaudit.comment import GENERIC_COLUMNS
from plaudit.service.answers import ProblemBody
from plaudit.service.problems import KINDS, Problem, body_of
from tests.fakes import fake_pipeline
from tests.http import JSON, serving

LIMIT = 4096


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with serving(max_body_bytes=LIMIT, max_comments=5) as client:
        yield client


def problem(response, kind):
    """Check the form of a problem and return it."""
    body = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"urn:plaudit:problem:{kind}"
    assert (body["status"], body["title"]) == (response.status_code, KINDS[kind].title)
    assert body["request_id"] == response.headers["x-request-id"]
    assert set(body) <= {"type", "title", "status", "detail", "hint", "request_id", "errors"}
    assert body["detail"].endswith(".")
    assert body["hint"].endswith(".")
    return body


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_says_what_to_do(kind):
    body = json.loads(body_of(Problem(kind, "So it is."), request_id="r"))
    assert body["hint"] == KINDS[kind].hint
    assert body["hint"].endswith(".")
    assert body["title"] != body["hint"]
    assert ProblemBody.model_validate(body)
    own = json.loads(body_of(Problem(kind, "So it is.", hint="Do this."), request_id="r"))
    assert own["hint"] == "Do this."


def test_a_wrong_media_type_is_not_said_to_be_no_json_where_json_is_not_expected(client):
    response = client.post("/v1/classify/stream", content=b"{}", headers=JSON)
    found = problem(response, "unsupported-media-type")
    assert "JSON" not in found["title"]
    assert "application/x-ndjson" in found["hint"]


@pytest.mark.parametrize(
    ("path", "body", "field", "expected"),
    [
        ("classify", {}, "comments", "this field to be there"),
        ("classify", {"comments": "x"}, "comments", "a valid list"),
        ("classify", {"comments": [{"id": "1"}]}, "comments[0].text", "this field to be there"),
        ("classify", {"comments": [{"text": "x"}, {"text": 4}]}, "comments[1].text", "a valid string"),
        ("classify", {"comments": ["x"]}, "comments[0]", "a JSON object"),
        ("classify", {"comments": [{"text": "x", "id": True}]}, "comments[0].id", "a string or an integer"),
        ("classify", {"comments": [{"text": "x", "id": 1.5}]}, "comments[0].id", "a string or an integer"),
        ("classify", {"comments": [{"text": "x", "id": 2**64}]}, "comments[0].id", "a string or an integer"),
        ("classify", [], "body", "a JSON object"),
        ("classify", 7, "body", "a JSON object"),
        ("classify", None, "body", "a JSON object"),
        ("index", {"comments": []}, "comments", "a list of at least 1 item"),
        ("index", {"comments": [{"text": "x", "likes": [1]}]}, "comments[0].likes", "a number, or a string"),
        ("index", {"comments": [{"text": "x", "is_creator": {}}]}, "comments[0].is_creator", "true or false"),
        ("index", {"comments": [{"text": "x"}], "platform": "vimeo"}, "platform", "'youtube', 'instagram'"),
        ("index", {"comments": [{"text": "x"}], "follower_count": -1}, "follower_count", "greater than"),
        ("index", {"comments": [{"text": "x"}], "follower_count": "9"}, "follower_count", "an integer"),
        ("index", {"comments": [{"text": "x"}], "posts": [{"text": "x"}]}, "posts[0].id", "this field"),
        ("index", {"comments": [{"text": "x"}], "by": "day"}, "by", "'none', 'post' or 'creator'"),
    ],
)
def test_a_wrong_field_is_named_with_what_was_expected(client, path, body, field, expected):
    response = client.post(f"/v1/{path}", content=json.dumps(body), headers=JSON)
    found = problem(response, "invalid-request")
    assert response.status_code == 422
    assert found["errors"][0]["field"] == field
    assert expected in found["errors"][0]["expected"]
    assert field in found["detail"]


def test_no_value_comes_back_in_an_error(client):
    comments = [{"text": ["secret-text"], "author": {"name": "secret-name"}, "id": 271828.5}]
    text = client.post("/v1/classify", json={"comments": comments}).text
    assert "secret" not in text
    assert "271828" not in text


def test_errors_are_listed_up_to_a_bound():
    with serving() as client:
        response = client.post("/v1/classify", json={"comments": [{"text": 1}] * 500})
    assert len(problem(response, "invalid-request")["errors"]) == 20
    assert "and 499 more" in response.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"comments": [{"text": NaN}]}',
        b'{"comments": [{"text": "x", "likes": Infinity}]}',
        b'{"comments": [{"text": "x", "likes": 1e999}]}',
        b'{"comments": [{"text": "\\ud800"}]}',
        b'{"comments": [{"text": "\xed\xa0\x80"}]}',
        b'{"comments": [{"text": "\xff"}]}',
        b"[" * 4000,
        b'{"a":' * 700,
        b"1" * 4000,
        '{"comments": []}'.encode("utf-16"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/classify", "/v1/index"])
def test_bodies_that_are_no_strict_json_are_refused(client, path, body):
    response = client.post(path, content=body, headers=JSON)
    assert response.status_code == 422
    assert problem(response, "invalid-request")["errors"][0]["field"] == "body"


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(body=st.binary(max_size=60) | st.text(max_size=40).map(lambda text: json.dumps(text).encode()))
def test_no_body_is_an_internal_error(client, body):
    for path in ("/v1/classify", "/v1/index"):
        response = client.post(path, content=body, headers=JSON)
        assert response.status_code == 422


_JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
_FIELDS = st.sampled_from(
    [*GENERIC_COLUMNS, "creator", "replies", "error", "comments", "author.name", "body"]
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(comments=st.lists(st.dictionaries(_FIELDS, _JSON_VALUES, max_size=5), max_size=3), by=_JSON_VALUES)
def test_no_json_is_an_internal_error(client, comments, by):
    body = json.dumps({"comments": comments, "creator_id": by}).encode()
    for path in ("/v1/classify", "/v1/index"):
        assert client.post(path, content=body, headers=JSON).status_code in (200, 413, 422)


@pytest.mark.parametrize("path", ["/v1/classify", "/v1/index", "/nowhere"])
def test_a_long_body_is_refused_by_its_declared_length(client, path):
    response = client.post(path, content=b" " * (LIMIT + 1), headers=JSON)
    assert response.status_code == 413
    told = problem(response, "body-too-large")
    assert "4,096 bytes" in told["detail"]
    assert "/v1/index/stream" in told["hint"]


@pytest.mark.parametrize("size", [1, 1000, LIMIT + 1])
def test_a_long_body_is_refused_while_it_is_read(client, size):
    chunks = (b" " * size for _ in range(LIMIT // size + 2))
    response = client.post("/v1/classify", content=chunks, headers=JSON)
    assert response.request.headers["transfer-encoding"] == "chunked"
    assert response.status_code == 413
    problem(response, "body-too-large")


def test_a_body_of_just_the_limit_is_read(client):
    body = b'{"comments": []}'.ljust(LIMIT)
    assert client.post("/v1/classify", content=body, headers=JSON).status_code == 200
    assert client.post("/v1/classify", content=iter([body]), headers=JSON).status_code == 200


@pytest.mark.parametrize("path", ["/v1/classify", "/v1/index"])
def test_too_many_comments_are_refused_before_any_work(path):
    pipeline = fake_pipeline()
    with serving(lambda: pipeline, max_comments=5) as client:
        before = pipeline.classifier.n_seen
        response = client.post(path, json={"comments": [{"text": 1}] * 6})
        assert response.status_code == 413
        told = problem(response, "too-many-comments")
        assert "6 comments, at most 5" in told["detail"]
        assert f"{path}/stream" in told["hint"]  # one index over all is not had in several requests
        assert pipeline.classifier.n_seen == before
        assert client.post("/v1/classify", json={"comments": [{"text": "x"}] * 5}).status_code == 200


def test_a_string_without_end_is_refused_like_any_body(client):
    """Looked for again at each of its quotes it would take days."""
    body = b'"' + b'\\"' * 500_000 + b"{" * 200_000
    assert client.post(
        "/v1/classify", content=body, headers={"Content-Type": "application/json"}
    ).status_code in (
        413,
        422,
    )
    assert client.get("/health/live").status_code == 200


def test_no_comments_are_no_section(client):
    told = problem(client.post("/v1/index", json={"comments": []}), "invalid-request")
    assert told["detail"] == "comments: expected a list of at least 1 item, found an empty list."


def test_too_many_posts_are_refused(client):
    body = {"comments": [{"text": "x"}], "posts": [{"id": str(i)} for i in range(6)]}
    assert "6 posts" in problem(client.post("/v1/index", json=body), "too-many-comments")["detail"]


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/xml"}])
def test_a_body_must_be_declared_as_json(client, headers):
    response = client.post("/v1/classify", content=b'{"comments": []}', headers=headers)
    assert response.status_code == 415
    assert "Content-Type: application/json" in problem(response, "unsupported-media-type")["hint"]


def test_a_compressed_body_is_refused(client):
    response = client.post("/v1/classify", content=b"\x1f\x8b", headers={**JSON, "Content-Encoding": "gzip"})
    assert response.status_code == 415
    assert "compressed" in problem(response, "unsupported-media-type")["detail"]


def test_unknown_paths_and_methods_are_problems(client):
    assert problem(client.get("/v2/classify"), "not-found")["status"] == 404
    response = client.get("/v1/classify")
    assert problem(response, "method-not-allowed")["status"] == 405
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize("given_id", ["a", "job-7.step_2", "x" * 64])
def test_a_fit_request_id_is_taken_over(client, given_id):
    for path in ("/health/live", "/nowhere"):
        assert client.get(path, headers={"X-Request-Id": given_id}).headers["x-request-id"] == given_id


@pytest.mark.parametrize("given_id", ["", "a b", "x" * 65, "é", "a/../b", "a;b", '"', "a\tb"])
def test_another_request_id_is_replaced(client, given_id):
    response = client.get("/health/live", headers={"X-Request-Id": given_id.encode()})
    assert len(response.headers["x-request-id"]) == 32


def test_what_nobody_foresaw_leaks_nothing(client, monkeypatch):
    def fail(*_, **__):
        raise ValueError("secret-text")

    monkeypatch.setattr(client.app.state.engine, "classify", fail)
    response = client.post("/v1/classify", json={"comments": [{"text": "x"}]})
    assert response.status_code == 500
    assert "request id" in problem(response, "internal")["hint"]
    assert "secret" not in response.text
