from __future__ import annotations

import asyncio
import json
import threading

import pytest

from plaudit.scores import FLAGS, LABELS
from plaudit.service import perspective
from plaudit.service.keys import generate
from tests.http import JSON, serving
from tests.live import living, read_until

PATH = "/v1alpha1/comments:analyze"
KEY, HASH = generate("audit")
QUESTION = "How long did you let the glue dry?"


@pytest.fixture(scope="module")
def client():
    with serving(perspective=True) as client:
        yield client


def ask(client, *attributes, text=QUESTION, **more):
    body = {"comment": {"text": text}, "requestedAttributes": {name: {} for name in attributes}, **more}
    return client.post(PATH, json=body)


def error_of(response):
    error = response.json()["error"]
    assert response.headers["content-type"] == "application/json"
    assert error["code"] == response.status_code
    assert response.headers["x-request-id"]
    return error


def test_it_is_off_unless_asked_for():
    with serving() as client:
        assert ask(client, "QUESTION").status_code == 404
        assert PATH not in client.get("/openapi.json").json()["paths"]


def test_attributes_are_our_labels_and_flags(client):
    assert set(perspective.ATTRIBUTES) == {name.upper() for name in (*LABELS, *FLAGS)}
    body = ask(client, *perspective.ATTRIBUTES).json()
    (answer,) = client.post("/v1/classify", json={"comments": [{"text": QUESTION}]}).json()["results"]
    for name in LABELS:
        assert body["attributeScores"][name.upper()]["summaryScore"]["value"] == answer["probabilities"][name]
    for name in FLAGS:
        assert body["attributeScores"][name.upper()]["summaryScore"]["value"] == answer["flags"][name]


def test_the_answer_has_perspective_s_shape(client):
    text = "so cool 🎉"
    response = ask(
        client,
        "GENERIC_PRAISE",
        text=text,
        languages=["en-GB"],
        clientToken="t-1",
        doNotStore=True,
        spanAnnotations=True,
    )
    score = {"value": pytest.approx(0.96), "type": "PROBABILITY"}
    assert response.json() == {
        "attributeScores": {
            "GENERIC_PRAISE": {
                "spanScores": [{"begin": 0, "end": len(text), "score": score}],
                "summaryScore": score,
            }
        },
        "languages": ["en-GB"],
        "detectedLanguages": ["en"],
        "clientToken": "t-1",
    }
    perspective.AnalyzeCommentResponse.model_validate(response.json())


def test_the_model_is_named(client):
    response, model = ask(client, "QUESTION"), client.get("/v1/model").json()
    assert (response.headers["x-model-id"], response.headers["x-model-hash"]) == (model["id"], model["hash"])


def test_where_there_is_no_room_it_is_refused_unread_and_in_google_s_shape():
    with living(perspective=True, max_waiting=100) as live, live.app.state.engine.room.hold(100):
        with live.connect() as silent:  # declares a body of which not a byte comes
            silent.sendall(
                f"POST {PATH} HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n".encode()
                + b"Content-Length: 1000\r\n\r\n"
            )
            answer = read_until(silent, b"}")
        assert answer.startswith(b"HTTP/1.1 429")
        assert b"retry-after: 1" in answer.lower()
        assert error_of(ask(live.client, "QUESTION"))["status"] == "RESOURCE_EXHAUSTED"


def test_who_leaves_is_dropped(monkeypatch):
    with living(perspective=True) as live:
        begun, ended = threading.Event(), threading.Event()

        async def never(_comments):
            begun.set()
            try:
                await asyncio.sleep(60)
            finally:
                ended.set()

        monkeypatch.setattr(live.app.state.engine, "classify", never)
        with live.connect() as leaver:
            body = json.dumps({"comment": {"text": QUESTION}, "requestedAttributes": {"QUESTION": {}}})
            leaver.sendall(
                f"POST {PATH} HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
            )
            assert begun.wait(10)
        assert ended.wait(10)


def test_without_a_token_none_comes_back(client):
    body = ask(client, "QUESTION").json()
    assert "clientToken" not in body
    assert body["languages"] == body["detectedLanguages"] == ["en"]


def test_what_scores_below_the_threshold_is_left_out(client):
    wanted = {
        "QUESTION": {"scoreThreshold": 0.5},
        "GENUINE": {"scoreThreshold": 0.5, "scoreType": "PROBABILITY"},
    }
    response = client.post(PATH, json={"comment": {"text": QUESTION}, "requestedAttributes": wanted})
    assert list(response.json()["attributeScores"]) == ["QUESTION"]


def test_what_perspective_takes_and_nobody_uses_is_taken(client):
    more = {
        "sessionId": "s",
        "communityId": "c",
        "context": {"entries": [{"text": "x", "type": "PLAIN_TEXT"}]},
    }
    assert ask(client, "QUESTION", **more).status_code == 200


@pytest.mark.parametrize("name", ["TOXICITY", "SEVERE_TOXICITY", "question", ""])
def test_other_attributes_are_refused_with_ours(client, name):
    error = error_of(ask(client, "QUESTION", name))
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert error["message"].startswith(f"Attribute {name} is unknown: this is Plaudit")
    assert all(known in error["message"] for known in perspective.ATTRIBUTES)
    assert error["details"][0]["@type"].endswith("commentanalyzer.v1alpha1.Error")
    assert error["details"][0]["errorType"] == "UNKNOWN_ATTRIBUTE"


def test_no_attributes_are_refused(client):
    assert error_of(ask(client))["message"].startswith("No attributes are requested")


@pytest.mark.parametrize("text", ["", "  \n", "\u200b"])
def test_an_empty_comment_is_refused(client, text):
    error = error_of(ask(client, "QUESTION", text=text))
    assert (error["code"], error["details"][0]["errorType"]) == (400, "COMMENT_EMPTY")


def test_a_language_that_nobody_reads_is_refused_as_perspective_does(client):
    error = error_of(ask(client, "QUESTION", text="これはいい"))
    assert error["message"] == "Attribute QUESTION does not support request languages: ja"
    assert error["details"][0]["errorType"] == "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE"
    assert error["details"][0]["languageNotSupportedByAttributeError"] == {
        "detectedLanguages": ["ja"],
        "attribute": "QUESTION",
    }
    error = error_of(ask(client, "QUESTION", languages=["de", "fr"]))
    assert error["details"][0]["languageNotSupportedByAttributeError"]["requestedLanguages"] == ["de", "fr"]
    assert ask(client, "QUESTION", languages=["de", "en"]).status_code == 200
    assert ask(client, "QUESTION", text="これはいい", languages=["en"]).status_code == 200


@pytest.mark.parametrize(
    ("content", "headers", "code", "status", "said"),
    [
        (b"{", JSON, 400, "INVALID_ARGUMENT", "valid JSON"),
        (b"{}", JSON, 400, "INVALID_ARGUMENT", "comment: expected this field to be there"),
        (b'{"comment": {"text": 7}}', JSON, 400, "INVALID_ARGUMENT", "comment.text"),
        (b"{}", {}, 415, "INVALID_ARGUMENT", "content type"),
        (b" " * 5000, JSON, 413, "INVALID_ARGUMENT", "longer than 4,096 bytes"),
    ],
)
def test_every_error_of_the_path_has_google_s_shape(content, headers, code, status, said):
    with serving(perspective=True, max_body_bytes=4096) as client:
        error = error_of(client.post(PATH, content=content, headers=headers))
    assert (error["code"], error["status"]) == (code, status)
    assert said in error["message"]


def test_other_paths_keep_their_own(client):
    response = client.post("/v1/classify", content=b"{", headers=JSON)
    assert response.headers["content-type"] == "application/problem+json"
    assert error_of(client.get(PATH))["code"] == 405
    assert client.get(PATH).headers["allow"] == "POST"


def test_the_key_may_stand_in_the_address_and_is_not_logged(caplog):
    with (
        serving(perspective=True, api_keys=str(HASH), quota_per_minute=2) as client,
        caplog.at_level("DEBUG"),
    ):
        body = {"comment": {"text": QUESTION}, "requestedAttributes": {"QUESTION": {}}}
        error = error_of(client.post(PATH, json=body))
        assert (error["code"], error["status"]) == (401, "UNAUTHENTICATED")
        assert error_of(client.post(f"{PATH}?key=wrong", json=body))["code"] == 401
        answers = [client.post(f"{PATH}?key={KEY}", json=body) for _ in range(3)]
        assert client.post(f"/v1/classify?key={KEY}", json={"comments": []}).status_code == 401
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert answers[1].headers["ratelimit-remaining"] == "0"
    assert error_of(answers[2])["status"] == "RESOURCE_EXHAUSTED"
    assert 0 < int(answers[2].headers["retry-after"]) <= 60
    ours = [record for record in caplog.records if record.name.startswith("plaudit")]
    assert KEY not in json.dumps([str(record.__dict__) for record in ours])


def test_null_is_nothing_as_in_proto3_s_json(client):
    body = {
        "comment": {"text": QUESTION, "type": None},
        "requestedAttributes": {"QUESTION": None, "GENUINE": {"scoreThreshold": None, "scoreType": None}},
        **dict.fromkeys(("languages", "doNotStore", "spanAnnotations", "clientToken")),
    }
    answer = client.post(PATH, json=body)
    assert answer.status_code == 200
    assert set(answer.json()["attributeScores"]) == {"QUESTION", "GENUINE"}
    assert error_of(client.post(PATH, json={**body, "comment": None}))["code"] == 400
