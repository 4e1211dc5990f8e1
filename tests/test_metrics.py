from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from plaudit.pipeline import Pipeline
from tests.fakes import KeywordClassifier, fake_pipeline
from tests.http import JSON, serving

COMMENTS = [
    {"id": "1", "text": "Is it?"},
    {"id": "2", "text": "so cool"},
    {"id": "3", "text": "これは secret-text"},
    {"id": "4", "text": ""},
]


def numbers(client) -> dict[tuple[str, ...], float]:
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


@pytest.fixture
def client():
    with serving(max_comments=10, max_body_bytes=2048) as client:
        yield client


def test_labels_and_what_has_none_are_counted(client):
    client.post("/v1/classify", json={"comments": COMMENTS})
    client.post("/v1/index", json={"comments": COMMENTS})
    found = numbers(client)
    assert found["plaudit_labels_total", "question"] == 2
    assert found["plaudit_labels_total", "generic_praise"] == 2
    assert found["plaudit_unscorable_total", "unsupported_language"] == 2
    assert found["plaudit_unscorable_total", "empty_text"] == 2
    assert found["plaudit_batch_comments_sum",] == 6
    assert found["plaudit_wait_seconds_count",] == found["plaudit_inference_seconds_count",] == 2
    assert found["plaudit_queue_comments",] == 0


def test_what_the_page_could_not_use_is_counted(client):
    assert client.post("/", data={"text": '{"text": "Is it?"}\n{"text": ""}\n'}).status_code == 200
    found = numbers(client)
    assert found["plaudit_labels_total", "question"] == 1
    assert found["plaudit_unscorable_total", "empty_text"] == 1


def test_tokenising_is_timed_as_a_part_of_each_batch():
    with serving(Pipeline.load) as client:
        client.post("/v1/classify", json={"comments": COMMENTS})
        found = numbers(client)
        client.post("/v1/classify", json={"comments": COMMENTS})
        again = numbers(client)
    assert found["plaudit_tokenise_seconds_count",] == found["plaudit_inference_seconds_count",] == 1
    assert 0 < found["plaudit_tokenise_seconds_sum",] < found["plaudit_inference_seconds_sum",]
    assert (found["plaudit_cached_texts_total",], again["plaudit_cached_texts_total",]) == (0, 3)


def test_requests_are_counted_by_declared_route_and_status(client):
    client.post("/v1/classify", json={"comments": []})
    client.post("/v1/classify", content=b"{", headers=JSON)
    client.post("/v1/classify", content=b" " * 3000, headers=JSON)
    for i in range(20):
        client.get(f"/nowhere/{i}")
    client.request("BREW", "/nowhere")
    found = numbers(client)
    assert found["plaudit_requests_total", "POST", "/v1/classify", "200"] == 1
    assert found["plaudit_requests_total", "POST", "/v1/classify", "422"] == 1
    assert sum(v for k, v in found.items() if k[0] == "plaudit_requests_total" and k[3] == "413") == 1
    assert found["plaudit_requests_total", "GET", "none", "404"] == 20
    assert {key[1] for key in found if key[0] == "plaudit_requests_total"} == {"POST", "GET", "other"}
    assert found["plaudit_requests_running",] == 1  # this one


def test_failures_are_counted_by_kind(client):
    client.get("/nowhere")
    client.post("/v1/classify", json={"comments": [{"text": "x"}] * 11})
    found = numbers(client)
    assert found["plaudit_problems_total", "not-found"] == 1
    assert found["plaudit_problems_total", "too-many-comments"] == 1


def test_a_model_that_breaks_is_counted():
    class Broken(KeywordClassifier):
        def classify(self, texts):
            if "poison" in texts:
                raise ValueError("poison")
            return super().classify(texts)

    fake = fake_pipeline()
    broken = Pipeline(classifier=Broken(), references=fake.references, policy=fake.policy)
    with serving(lambda: broken) as client:
        assert client.post("/v1/classify", json={"comments": [{"text": "poison"}]}).status_code == 500
        found = numbers(client)
    assert found["plaudit_inference_failures_total",] == 1
    assert found["plaudit_problems_total", "internal"] == 1


def test_no_text_and_no_id_is_among_the_numbers(client):
    client.post("/v1/classify?x=secret-text", json={"comments": COMMENTS})
    client.get("/secret-text")
    assert "secret-text" not in client.get("/metrics").text


def test_the_process_tells_its_memory(client):
    assert numbers(client)["process_resident_memory_bytes",] > 10_000_000
