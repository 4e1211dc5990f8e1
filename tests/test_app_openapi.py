from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from plaudit.comment import PLATFORMS
from plaudit.scores import FLAGS, LABELS
from plaudit.service import answers, schemas
from plaudit.service.app import create_app
from plaudit.service.settings import Settings
from tests.fakes import fake_pipeline
from tests.http import serving

SNAPSHOT = Path(__file__).with_name("openapi.json")
UPDATE = "PLAUDIT_UPDATE_SNAPSHOTS"
_OTHER_TYPES = ("/v1/classify/stream", "/v1/dumps/", "/metrics")


@pytest.fixture(scope="module")
def document():
    return create_app(Settings(), load=fake_pipeline).openapi()


def test_the_document_is_the_agreed_one(document):
    """Run with PLAUDIT_UPDATE_SNAPSHOTS=1 to agree to a change."""
    current = json.loads(json.dumps(document))
    current["info"]["version"] = "0"
    if os.environ.get(UPDATE):
        SNAPSHOT.write_text(json.dumps(current, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    assert current == json.loads(SNAPSHOT.read_text()), f"{UPDATE}=1 pytest {__file__} agrees to the change"


def test_every_operation_is_described_and_names_its_errors(document):
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["description"].endswith("."), path
            assert "500" in operation["responses"] or path.startswith("/health")
            for status, response in operation["responses"].items():
                kinds = list(response.get("content", ()))
                if status == "204":
                    assert kinds == []
                elif status.startswith("2") and not path.startswith(_OTHER_TYPES):
                    assert kinds == ["application/json"], (path, status)
                elif not status.startswith("2"):
                    assert kinds == ["application/problem+json"], (path, status)


def test_what_takes_a_body_names_every_error(document):
    for path in ("/v1/classify", "/v1/index"):
        wanted = {"200", "408", "413", "415", "422", "429", "500", "503"}
        assert set(document["paths"][path]["post"]["responses"]) == wanted


def test_every_schema_has_a_title_and_a_description(document):
    for name, schema in document["components"]["schemas"].items():
        assert schema["title"] == name
        assert schema["description"].endswith("."), name


def test_report_fields_carry_the_library_s_documentation(document):
    report = document["components"]["schemas"]["Report"]["properties"]
    assert report["coverage"]["description"] == "What was read."
    assert all("description" in field for field in report.values())
    assert "None" not in json.dumps(document["components"]["schemas"]["SignalRow"])


def test_the_examples_are_answered():
    with serving() as client:
        document = client.get("/openapi.json").json()
        for path, schema in (("/v1/classify", "ClassifyRequest"), ("/v1/index", "IndexRequest")):
            for example in document["components"]["schemas"][schema]["examples"]:
                response = client.post(path, json=example)
                assert response.status_code == 200
        answers.ClassifyResponse.model_validate(
            client.post("/v1/classify", json={"comments": [{"text": "a"}]}).json()
        )
        answers.ModelCard.model_validate(client.get("/v1/model").json())


def test_docs_show_the_document():
    with serving() as client:
        page = client.get("/docs")
        assert page.status_code == 200
        assert "openapi.json" in page.text


def test_names_in_bodies_are_the_library_s():
    assert schemas.Platform.__args__ == PLATFORMS
    assert tuple(answers.Probabilities.model_fields) == LABELS
    assert tuple(answers.Flags.model_fields) == FLAGS
