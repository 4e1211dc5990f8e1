from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plaudit.errors import UsageError
from plaudit.service import logs
from plaudit.service.access import is_open
from plaudit.service.app import create_app
from plaudit.service.keys import generate
from plaudit.service.settings import Settings
from tests.fakes import fake_pipeline
from tests.http import serving

KEY, HASH = generate("audit")
OTHER, OTHER_HASH = generate("web")
BEARER = {"Authorization": f"Bearer {KEY}"}
ONE = {"comments": [{"id": "c", "text": "secret-text", "author": "secret-name"}]}


@pytest.fixture(scope="module")
def client():
    with serving(api_keys=f"{HASH},{OTHER_HASH}") as client:
        yield client


def is_refused(response):
    body = response.json()
    assert body["type"] == "urn:plaudit:problem:unauthorized"
    assert body["request_id"] == response.headers["x-request-id"]
    assert response.headers["www-authenticate"] == 'Bearer realm="plaudit"'
    return response.status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        BEARER,
        {"Authorization": f"bearer   {KEY}"},
        {"X-API-Key": KEY},
        {"x-api-key": OTHER},
        {**BEARER, "X-API-Key": KEY},
        {"Authorization": "Basic YTpi", "X-API-Key": KEY},
    ],
)
def test_a_key_is_taken_in_either_header(client, headers):
    assert client.post("/v1/classify", json=ONE, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": KEY},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": f"Bearer {KEY[:-1]}"},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Bearer {KEY} {KEY}"},
        {"Authorization": f"Bearer {KEY.upper()}"},
        {"Authorization": f"Bearer {HASH.digest.hex()}"},
        {"X-API-Key": str(HASH)},
        {"X-API-Key": f"{KEY},{OTHER}"},
        {"X-API-Key": "é".encode()},
        {"X-API-Key": "k" * 10_000},
        {**BEARER, "X-API-Key": "wrong"},
        {**BEARER, "X-API-Key": OTHER},
        {"Cookie": f"key={KEY}"},
    ],
)
@pytest.mark.parametrize("path", ["/v1/classify", "/v1/index", "/nowhere"])
def test_any_other_is_refused_before_anything_is_read(client, path, headers):
    before = client.app.state.engine.classifier.n_seen
    assert is_refused(client.post(path, content=b"{", headers=headers))
    assert client.app.state.engine.classifier.n_seen == before


def test_two_different_keys_are_named_as_the_mistake(client):
    response = client.post("/v1/classify", json=ONE, headers={**BEARER, "X-API-Key": OTHER})
    assert "several API keys" in response.json()["detail"]


def test_a_key_in_the_address_is_not_taken(client):
    assert is_refused(client.post(f"/v1/classify?key={KEY}&api_key={KEY}", json=ONE))
    assert is_refused(client.get(f"/v1/model?key={KEY}"))


def test_two_headers_of_one_name_must_agree(client):
    both = [("X-API-Key", KEY), ("X-API-Key", OTHER)]
    assert is_refused(client.post("/v1/classify", json=ONE, headers=both))
    assert client.post("/v1/classify", json=ONE, headers=both[:1] * 2).status_code == 200


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/health/live", "/health/ready"])
def test_health_docs_and_the_page_are_open(client, path):
    assert client.get(path).status_code == 200


def test_open_paths_are_a_setting_and_health_is_always():
    with serving(api_keys=str(HASH), open_paths="/v1/model, /docs") as client:
        assert client.get("/v1/model").status_code == 200
        assert client.get("/health/ready").status_code == 200
        assert is_refused(client.get("/"))
        assert is_refused(client.get("/openapi.json"))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_open_paths_are_open_for_reading_only(client, method):
    assert is_refused(client.request(method, "/"))


@pytest.mark.parametrize(
    "path",
    [
        "/docs/../v1/model",
        "/docs/%2e%2e/v1/model",
        "/health/..%2fv1/model",
        "//v1/model",
        "/v1/model/",
        "/V1/model",
        "/v1/model%00",
        "/v1/model;/docs",
        "/docs%2f..%2fv1%2fmodel",
        "/healthy",
        "/docsx",
        "/v1/model?/docs",
        "/v1/model#/docs",
    ],
)
def test_no_spelling_of_a_path_gets_around(client, path):
    response = client.get(path)
    assert response.status_code in (401, 404)
    assert "keyword-fake" not in response.text


def test_paths_are_open_by_whole_parts():
    assert is_open("/docs/assets/x.js", open_paths=("/docs",))
    assert not is_open("/docs2", open_paths=("/docs",))
    assert is_open("/", open_paths=("/",))
    assert not is_open("/v1", open_paths=("/",))


# Named: a key of its own each time would give a test another name in each process that collects it.
@pytest.mark.parametrize(
    "header", [f"{KEY}\r\nX-API-Key: {KEY}", f"{KEY}\n", f"\x00{KEY}"], ids=["second", "end", "nothing"]
)
def test_line_ends_in_a_header_open_nothing(client, header):
    assert is_refused(client.post("/v1/classify", json=ONE, headers={"X-API-Key": f"z{header}"}))


def test_a_revoked_key_is_refused_without_a_restart(tmp_path):
    file = tmp_path / "keys"
    file.write_text(f"{HASH}\n{OTHER_HASH}\n")
    with serving(api_keys_file=file) as client:
        assert client.get("/v1/model", headers=BEARER).status_code == 200
        file.write_text(f"{OTHER_HASH}\n")
        assert is_refused(client.get("/v1/model", headers=BEARER))
        assert client.get("/v1/model", headers={"X-API-Key": OTHER}).status_code == 200
        file.unlink()
        response = client.get("/v1/model", headers={"X-API-Key": OTHER})
        assert (response.status_code, response.headers["retry-after"]) == (503, "10")
        assert str(tmp_path) not in response.text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"api_keys": "secret"}, "Entry 1 of PLAUDIT_API_KEYS is no key"),
        ({"api_keys_file": "/nowhere/keys"}, "can't be read"),
        ({"quota_per_minute": 5}, "no API keys to count by"),
        ({"api_keys": str(HASH), "open_paths": "docs"}, "PLAUDIT_OPEN_PATHS holds 'docs'"),
        ({"api_keys": str(HASH), "open_paths": "/docs/"}, "PLAUDIT_OPEN_PATHS holds '/docs/'"),
        ({"quota_storage": "disk://"}, "PLAUDIT_QUOTA_STORAGE"),
    ],
)
def test_nonsense_is_refused_at_the_start(given, said):
    with pytest.raises(UsageError, match=said) as caught:
        create_app(Settings(**given), load=fake_pipeline)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def few():
    with serving(api_keys=f"{HASH},{OTHER_HASH}", quota_per_minute=5, quota_per_day=100) as client:
        yield client


def ask(client, n_comments, *, headers=BEARER, text="x"):
    return client.post("/v1/classify", json={"comments": [{"text": text}] * n_comments}, headers=headers)


def test_every_answer_tells_what_is_left(few):
    assert ask(few, 3).headers["ratelimit-remaining"] == "2"
    answer = ask(few, 1, text="")  # a comment that can't be labelled counts like any other
    assert answer.headers["ratelimit-remaining"] == "1"
    assert answer.headers["ratelimit-limit"] == "5"
    assert 0 < int(answer.headers["ratelimit-reset"]) <= 60
    assert answer.headers["ratelimit-policy"] == "5;w=60, 100;w=86400"
    assert few.get("/v1/model", headers=BEARER).headers["ratelimit-remaining"] == "1"
    assert few.get("/nowhere", headers=BEARER).headers["ratelimit-remaining"] == "1"
    assert ask(few, 1, headers={"X-API-Key": OTHER}).headers["ratelimit-remaining"] == "4"
    assert "ratelimit-remaining" not in few.get("/health/live").headers


def test_beyond_the_quota_a_request_waits(few):
    assert ask(few, 4).status_code == 200
    refused = ask(few, 2)
    assert refused.status_code == 429
    assert refused.json()["type"] == "urn:plaudit:problem:quota-exceeded"
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit-remaining"] == "1"
    assert ask(few, 1).status_code == 200
    assert ask(few, 6).status_code == 413


def test_a_request_refused_as_a_whole_counts_nothing(few, monkeypatch):
    few.post("/v1/classify", content=b"{", headers=BEARER)
    few.post("/v1/classify", json={"comments": [{"text": 1}] * 3}, headers=BEARER)
    few.post("/v1/index", json={"comments": [{"text": "x"}] * 3, "platform": "none"}, headers=BEARER)
    assert ask(few, 0).headers["ratelimit-remaining"] == "5"

    async def fail(*_, **__):
        raise ValueError("broken")

    with monkeypatch.context() as patched:
        patched.setattr(few.app.state.engine, "classify", fail)
        assert ask(few, 4).status_code == 500
    assert ask(few, 5).status_code == 200


def test_quotas_are_exact_when_many_ask_at_once():
    with (
        serving(api_keys=str(HASH), quota_per_minute=40, max_waiting=1000) as client,
        ThreadPoolExecutor(16) as pool,
    ):
        statuses = list(pool.map(lambda _: ask(client, 2).status_code, range(60)))
    assert (statuses.count(200), statuses.count(429)) == (20, 40)


def test_workers_that_count_on_their_own_are_warned_of(caplog):
    given = {"api_keys": str(HASH), "quota_per_day": 5}
    create_app(Settings(**given), load=fake_pipeline)
    assert "on its own" not in caplog.text
    create_app(Settings(**given, workers=2), load=fake_pipeline)
    assert "each worker counts quotas on its own" in caplog.text


def test_without_keys_nothing_changes():
    with serving() as client:
        answer = client.post("/v1/classify", json=ONE)
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("ratelimit")]
        document = client.get("/openapi.json").json()
    assert "security" not in document
    assert "securitySchemes" not in document["components"]


def test_the_document_says_where_a_key_is_needed(client):
    document = client.get("/openapi.json").json()
    assert document["security"] == [{"Bearer": []}, {"ApiKey": []}]
    assert set(document["components"]["securitySchemes"]) == {"Bearer", "ApiKey"}
    assert document["paths"]["/health/live"]["get"]["security"] == []
    assert "401" not in document["paths"]["/health/live"]["get"]["responses"]
    assert "401" in document["paths"]["/v1/classify"]["post"]["responses"]
    assert "security" not in document["paths"]["/v1/classify"]["post"]


_SECRETS = st.text(
    st.characters(min_codepoint=48, max_codepoint=122, categories=["Lu", "Ll", "Nd"]), min_size=12
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    secret=_SECRETS, where=st.sampled_from(["path", "query", "header", "key", "body", "broken", "id", "type"])
)
def test_no_log_line_holds_key_text_or_author(client, caplog, secret, where):
    secret = f"zq{secret}qz"
    caplog.clear()
    body = {"comments": [{"id": secret, "text": secret, "author": secret, secret: secret}]}
    path, headers, content = "/v1/classify", dict(BEARER), json.dumps(body)
    if where == "path":
        path = f"/v1/{secret}/{KEY}"
    elif where == "query":
        path += f"?key={KEY}&text={secret}"
    elif where in ("header", "key"):
        headers = {
            "X-API-Key" if where == "key" else "X-Author": secret,
            "Referer": secret,
            "User-Agent": secret,
        }
    elif where == "broken":
        content = content[:-1]
    elif where == "id":
        headers["X-Request-Id"] = f"{secret} {KEY}"
    elif where == "type":
        content = json.dumps({"comments": [{"text": [secret]}], secret: secret})
    with caplog.at_level("DEBUG", logger="plaudit"):
        for address in (path, path.replace("classify", "index")):
            client.post(address, content=content, headers={**headers, "Content-Type": "application/json"})
    lines = "\n".join(logs.JsonFormatter().format(r) for r in caplog.records if r.name.startswith("plaudit"))
    assert lines
    for hidden in (secret, KEY, HASH.digest.hex()):
        assert hidden not in lines


def test_a_log_line_names_the_key_and_the_route(client, caplog):
    with caplog.at_level("INFO", logger="plaudit.service"):
        caplog.clear()
        ask(client, 2)
        client.get("/v9/someone", headers=BEARER)
    known, unknown = (record.fields for record in caplog.records)
    assert (known["key"], known["path"], known["n_comments"]) == ("audit", "/v1/classify", 2)
    assert (unknown["key"], unknown["path"], unknown["status"]) == ("audit", "unknown", 404)
