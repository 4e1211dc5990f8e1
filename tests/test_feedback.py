from __future__ import annotations

import json

import pytest

from plaudit.scores import FLAGS, LABELS
from plaudit.service import feedback
from plaudit.service.keys import generate
from tests.commands import run
from tests.databases import database_url
from tests.http import serving
from tests.test_app_errors import problem

__all__ = ["database_url", "run"]

ONE = {
    "text": "Which oil keeps oak pale?",
    "label": "question",
    "flags": ["addressed"],
    "id": 7,
    "note": "a \0 b",
}


@pytest.fixture
def settings(database_url, tmp_path, monkeypatch):
    monkeypatch.setenv("PLAUDIT_DATABASE_URL", database_url)
    monkeypatch.setenv("PLAUDIT_DATA_DIR", str(tmp_path / "data"))
    return {"data_dir": tmp_path / "data", "database_url": database_url}


def exported(run, file):
    done = run("feedback", "export", file)
    assert done.exit_code == 0, done.stderr
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def test_a_correction_is_kept_exported_and_forgotten(settings, run, tmp_path):
    with serving(**settings) as client:
        answer = client.post("/v1/feedback", json=ONE)
        assert answer.status_code == 201
        (row,) = exported(run, tmp_path / "out.jsonl")
        assert row.pop("created_at").endswith("+00:00")
        assert row == {
            "text": ONE["text"],
            "label": "question",
            "flags": ["addressed"],
            "comment_id": "7",
            "note": "a \0 b",
        }
        path = f"/v1/feedback/{answer.json()['id']}"
        assert [client.delete(path).status_code for _ in range(2)] == [204, 404]
        assert exported(run, tmp_path / "out.jsonl") == []


def test_the_last_correction_of_a_text_counts(settings, run, tmp_path):
    with serving(**settings) as client:
        for label, text in (("genuine", "a"), ("genuine", "b"), ("question", "a")):
            client.post("/v1/feedback", json={"text": text, "label": label})
    rows = exported(run, tmp_path / "out.jsonl")
    assert [(row["text"], row["label"]) for row in rows] == [("b", "genuine"), ("a", "question")]


def test_a_correction_that_is_sent_once_more_is_kept_once(settings, run, tmp_path):
    with serving(**settings) as client:
        sent = [client.post("/v1/feedback", json=ONE, headers={"Idempotency-Key": '"k-1"'}) for _ in range(2)]
        assert [each.status_code for each in sent] == [201, 201]
        assert sent[0].json() == sent[1].json()
        other = {**ONE, "label": "genuine"}
        answer = client.post("/v1/feedback", json=other, headers={"Idempotency-Key": '"k-1"'})
        assert "sent before, with something else" in problem(answer, "invalid-request")["detail"]
        assert client.post("/v1/feedback", json=other, headers={"Idempotency-Key": "k-2"}).status_code == 201
        assert (
            client.post("/v1/feedback", json=ONE, headers={"Idempotency-Key": "k" * 256}).status_code == 422
        )
    assert [row["label"] for row in exported(run, tmp_path / "out.jsonl")] == ["genuine"]


def test_training_reads_what_is_exported(settings, run, tmp_path):
    dataset = pytest.importorskip("plaudit.training.dataset")
    sent = [
        {"text": f"{i} {text}", "label": LABELS[i % 3], "flags": flags}
        for i, text in enumerate(["a \u2028 b", 'q"\\', "これ", "x\ny", "z\0z", "é"])
        for flags in (list(FLAGS[: i % 4]) if i else None,)
    ]
    with serving(**settings) as client:
        for row in sent:
            assert client.post("/v1/feedback", json=row).status_code == 201
    exported(run, tmp_path / "out.jsonl")
    comments = dataset.load(str(tmp_path / "out.jsonl"))
    assert [(c.text, c.label, c.flags) for c in comments] == [
        (row["text"], row["label"], None if row["flags"] is None else frozenset(row["flags"])) for row in sent
    ]


def test_many_corrections_are_exported_in_order(settings, run, tmp_path, monkeypatch):
    monkeypatch.setattr("plaudit.service.store.feedback._PAGE", 7)
    with serving(**settings) as client:
        for i in range(21):
            client.post("/v1/feedback", json={"text": f"t{i}", "label": "genuine"})
    assert [row["text"] for row in exported(run, tmp_path / "out.jsonl")] == [f"t{i}" for i in range(21)]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"label": "genuine"}, "text"),
        ({"text": "x"}, "label"),
        ({"text": "x", "label": "spam"}, "label"),
        ({"text": " \u200b", "label": "genuine"}, "text"),
        ({"text": "", "label": "genuine"}, "text"),
        ({"text": "x" * 20_001, "label": "genuine"}, "text"),
        ({"text": "x", "label": "genuine", "flags": ["rude"]}, "flags[0]"),
        ({"text": "x", "label": "genuine", "flags": "experience"}, "flags"),
        ({"text": "x", "label": "genuine", "lable": "x"}, "lable"),
        ({"text": "x", "label": "genuine", "note": "n" * 2_001}, "note"),
        ([], "body"),
    ],
)
def test_what_makes_no_sense_is_refused_and_not_kept(tmp_path, body, field):
    with serving(data_dir=tmp_path / "data") as client:
        answer = client.post("/v1/feedback", json=body)
        assert answer.status_code == 422
        assert problem(answer, "invalid-request")["errors"][0]["field"] == field
    assert not (tmp_path / "data").exists()


def test_keys_forget_their_own_only(settings):
    made = [generate(name) for name in ("one", "two")]
    one, two = ({"X-API-Key": key} for key, _ in made)
    with serving(**settings, api_keys=",".join(str(line) for _, line in made)) as client:
        sent = client.post("/v1/feedback", json=ONE, headers=one).json()
        assert client.delete(f"/v1/feedback/{sent['id']}", headers=two).status_code == 404
        assert client.delete(f"/v1/feedback/{sent['id']}", headers=one).status_code == 204


def test_a_correction_counts_as_a_comment_of_the_quota(tmp_path):
    key, line = generate("one")
    with serving(data_dir=tmp_path, api_keys=str(line), quota_per_minute=2) as client:
        client.headers = {"X-API-Key": key}
        assert client.post("/v1/feedback", json={**ONE, "label": "no"}).status_code == 422  # counts nothing
        kept = [client.post("/v1/feedback", json=ONE) for _ in range(2)]
        assert [(each.status_code, each.headers["ratelimit-remaining"]) for each in kept] == [
            (201, "1"),
            (201, "0"),
        ]
        problem(client.post("/v1/feedback", json=ONE), "quota-exceeded")
        # What is forgotten is neither counted nor given back.
        assert client.delete(f"/v1/feedback/{kept[0].json()['id']}").status_code == 204
        assert client.post("/v1/feedback", json=ONE).status_code == 429


@pytest.mark.parametrize("feedback_id", ["x", "0" * 32, "%00", "A" * 32, "..%2f"])
def test_unknown_ids_are_not_found(settings, feedback_id):
    with serving(**settings) as client:
        client.post("/v1/feedback", json=ONE)
        assert client.delete(f"/v1/feedback/{feedback_id}").status_code in (404, 405)


def test_exporting_from_nowhere_is_one_sentence(run, tmp_path, monkeypatch):
    monkeypatch.setenv("PLAUDIT_DATA_DIR", str(tmp_path / "nowhere"))
    done = run("feedback", "export", tmp_path / "out.jsonl")
    assert done.exit_code == 2
    assert "There is no database in" in done.stderr
    assert not (tmp_path / "nowhere").exists()


def test_exporting_to_where_nothing_can_be_written_is_one_sentence(settings, run, tmp_path):
    with serving(**settings) as client:
        client.post("/v1/feedback", json=ONE)
    done = run("feedback", "export", tmp_path / "no" / "out.jsonl")
    assert done.exit_code == 1
    assert "No such file or directory" in done.stderr


def test_stdout_takes_it_too(settings, run):
    with serving(**settings) as client:
        client.post("/v1/feedback", json=ONE)
    done = run("feedback", "export", "-")
    assert json.loads(done.stdout)["text"] == ONE["text"]


def test_the_text_gets_into_no_log(tmp_path, caplog):
    with serving(data_dir=tmp_path) as client, caplog.at_level("DEBUG"):
        client.post("/v1/feedback", json={**ONE, "text": "secret-text"})
        client.post("/v1/feedback", json={**ONE, "text": "secret-text", "label": "no"})
    assert "secret" not in caplog.text


def test_labels_and_flags_are_the_library_s():
    properties = feedback.Correction.model_json_schema()["properties"]
    assert tuple(properties["label"]["enum"]) == LABELS
    assert tuple(properties["flags"]["anyOf"][0]["items"]["enum"]) == FLAGS
