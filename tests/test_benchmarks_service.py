"""What the service is compared with, and what is sent to both; how fast they are, is not tested."""

from __future__ import annotations

import asyncio
import json
import re
import sys

import pytest
from fastapi.testclient import TestClient

from plaudit.errors import PlauditError
from plaudit.pipeline import Pipeline
from tests.benchmarks import compare, load
from tests.benchmarks.apart import fire, floor
from tests.benchmarks.compare import table
from tests.benchmarks.plain import PEERS, app_of
from tests.benchmarks.processes import running
from tests.benchmarks.texts import Texts
from tests.benchmarks.wire import CLASSIFY_STREAM, INDEX, Answer, request_of
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


def test_a_run_under_load_tells_by_its_status_what_was_out_of_bounds(monkeypatch, capfd):
    monkeypatch.setenv("TEST_SECONDS_A_COMMENT", "0")  # it is set there, and put back afterwards
    for name, value in {"_BURST_EVERY_SECONDS": 0.4, "_FILL_CACHES": 100, "_STOP_AFTER_SECONDS": 1}.items():
        monkeypatch.setattr(load, name, value)
    size = "--seconds 1.5 --clients 4 --comments 5 --burst 20 --texts 50000 --paced 0.0005"
    kinds, bounds = "--keys --mixed 0.5", "--refusal-ms 60000 --growth-mib -1000"
    with pytest.raises(SystemExit) as caught:
        load.main([*size.split(), *kinds.split(), *bounds.split()])
    told = capfd.readouterr()
    assert caught.value.code == 1
    (sentence,) = [line for line in told.err.splitlines() if line.startswith("out of bounds: ")]
    assert re.fullmatch(r"out of bounds: the memory grew by -?\d+ MiB, expected -1,000 at most", sentence)
    assert re.search(r"mixed in +n +[1-9]", told.out)
    assert "status" not in told.out


def test_a_run_under_load_counts_what_was_lost_wrong_or_refused_slowly():
    run, bounds = load.Load(None, None, seconds=1, n=2), load.Bounds(growth_mib=20, refusal_ms=100)
    one, report, stream = (
        request_of(["a", "b"], path=path) for path in ("/v1/classify", INDEX, CLASSIFY_STREAM)
    )

    def note(request, status, body=b"", *, seconds=0.01, times=1, **kind):
        run._note([(request, Answer(status=status, body=body, seconds=seconds))] * times, kind="bulk", **kind)

    def results(ids):
        return json.dumps({"results": [{"id": each} for each in ids]}).encode()

    lines = [json.dumps({"id": each}).encode() for each in stream.ids]
    note(one, 200, results(one.ids))
    note(report, 200, b'{"coverage": {"read": 2}}')
    note(stream, 200, b"\n".join(lines))
    note(stream, 200, lines[0] + b'\n{"type": "urn:plaudit:problem:overloaded", "status": 429}\n')
    note(one, 429, times=200)
    note(one, 429, seconds=9, times=200, refused="refused in a burst")
    assert (run.counts["accepted"], run.broken(), run.slow(bounds)) == (3, [], [])
    note(one, 0)
    note(one, 503)
    note(one, 200, results(one.ids[::-1]))
    note(report, 200, b'{"coverage": {"read": 1}}')
    note(stream, 200, b'{"type": "urn:plaudit:problem:internal", "status": 500}\n')
    note(one, 429, seconds=0.2, times=3)
    assert run.broken() == [
        "1 answers: lost", "1 answers: status 500", "1 answers: status 503", "2 answers: wrong"
    ]  # fmt: skip
    assert run.slow(bounds) == ["refused outside a burst: p99 200 ms, expected 100 at most"]
