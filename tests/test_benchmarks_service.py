"""What the service is compared with, and what is sent to both; how fast they are, is not tested."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest
from fastapi.testclient import TestClient

from plaudit.errors import PlauditError
from plaudit.pipeline import Pipeline
from tests.benchmarks import compare
from tests.benchmarks.apart import fire, floor
from tests.benchmarks.compare import table
from tests.benchmarks.plain import PEERS, app_of
from tests.benchmarks.processes import running
from tests.benchmarks.texts import Texts
from tests.benchmarks.wire import request_of
from tests.live import living

COMMENTS = ["Which lens is that?", "so cool!!!", "My first bench wobbled until I planed the legs.", "nice ❤️"]


@pytest.fixture(scope="module")
def texts():
    return Texts(50_000)


def test_no_text_comes_twice_before_all_have_come(texts):
    sent = [text for _ in range(500) for text in texts.take(100)]
    assert len(set(sent)) == 50_000
    assert texts.take(60) == sent[:60]


def test_a_short_dump_is_refused(tmp_path):
    dump = tmp_path / "short.ndjson"
    dump.write_text("".join(json.dumps({"id": i, "text": f"number {i}"}) + "\n" for i in range(30)))
    with pytest.raises(SystemExit, match=r"gives 30 distinct texts, expected 50,000"):
        Texts(60_000, dump=dump)


@pytest.mark.parametrize("peer", PEERS)
def test_every_peer_answers_with_the_shipped_model(peer):
    try:
        expected = Pipeline.load(threads=1, exact="library" not in peer or "exact" in peer).classify(COMMENTS)
    except PlauditError as error:
        pytest.skip(f"no model: {error}")
    body = {"comments": [{"id": str(i), "text": text} for i, text in enumerate(COMMENTS)]}
    with TestClient(app_of(PEERS[peer]())) as client:
        found = client.post("/v1/classify", json=body).json()["results"]
    assert [each["id"] for each in found] == ["0", "1", "2", "3"]
    names = ("genuine", "generic_praise", "question")
    assert [each["label"] for each in found] == [names[label] for label in expected.labels]
    assert all(sum(each["probabilities"].values()) == pytest.approx(1, abs=1e-5) for each in found)


def test_the_comparison_runs(texts, monkeypatch):
    monkeypatch.setattr(compare, "_WARM_SECONDS", 0.1)
    with running([sys.executable, "-m", "tests.benchmarks.plain", "library"]) as process:
        rates = asyncio.run(compare.speed(process, texts, seconds=0.5, clients=2, n=10))
    assert min(rates) > 0


def test_the_table_gives_medians_and_ratios_to_the_first():
    _, one, other = table({"one": [(10, 20), (30, 40), (20, 30)], "other": [(80, 60)]}).splitlines()
    assert one.split() == ["one", "20", "1.00", "30", "1.00"]
    assert other.split() == ["other", "80", "4.00", "60", "2.00"]


def test_a_burst_is_answered_on_all_of_its_connections():
    requests = [request_of([f"text {i}", "nice"]) for i in range(200)]
    with floor() as port:
        refused = fire(port, requests)
    assert {answer.status for _, answer in refused} == {429}
    assert {id(request) for request, _ in refused} == set(map(id, requests))
    with living() as live:
        sent = fire(live.port, requests[:50])
    assert [answer.status for _, answer in sent] == [200] * 50
    assert all([each["id"] for each in answer.json()["results"]] == request.ids for request, answer in sent)


def test_a_burst_into_nothing_comes_back():
    with floor() as port:
        pass
    assert [answer.status for _, answer in fire(port, [request_of(["x"])] * 3)] == [0] * 3
