from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from plaudit.errors import ArtifactError, UsageError
from plaudit.pipeline import Pipeline
from plaudit.service import app as application
from plaudit.service import logs
from plaudit.service.serve import serve
from plaudit.service.settings import Settings
from plaudit.service.storage import Storage
from tests.fakes import KeywordClassifier, fake_pipeline
from tests.http import serving, starting, wait_for
from tests.live import chunk, head, line, read_until
from tests.test_callers import posted

ROOT = Path(__file__).parents[1]
ONE = {"comments": [{"id": "c", "text": "secret-text", "author": "secret-name"}]}


class Blocked(KeywordClassifier):
    """Answers the warm-up, then waits to be let go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.let_go, self.is_armed = threading.Semaphore(0), threading.Event(), False

    def classify(self, texts):
        if self.is_armed:
            self.entered.release()
            assert self.let_go.wait(20)
        return super().classify(texts)


def pipeline_with(classifier) -> Pipeline:
    fake = fake_pipeline()
    return Pipeline(classifier=classifier, references=fake.references, policy=fake.policy)


@pytest.fixture
def quiet_loggers():
    """Undo what `logs.configure` does to loggers that other tests share."""
    loggers = [logging.getLogger(name) for name in ("", "plaudit", "uvicorn")]
    before = [(logger.handlers, logger.propagate, logger.level) for logger in loggers]
    hooks = (warnings.showwarning, threading.excepthook, sys.excepthook)
    yield
    warnings.showwarning, threading.excepthook, sys.excepthook = hooks
    for logger, (handlers, propagate, level) in zip(loggers, before, strict=True):
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


def test_while_loading_only_liveness_answers():
    loaded = threading.Event()

    def load():
        assert loaded.wait(20)
        return fake_pipeline()

    with starting(load) as client:
        assert client.get("/health/live").status_code == 200
        assert client.get("/docs").status_code == 200
        for response in (
            client.get("/health/ready"),
            client.get("/v1/model"),
            client.get("/v1/policy"),
            client.post("/v1/classify", json=ONE),
            client.post("/v1/index", json=ONE),
        ):
            assert response.status_code == 503
            assert response.json()["type"] == "urn:plaudit:problem:not-ready"
            assert response.headers["retry-after"] == "1"
        loaded.set()
        assert wait_for(client, "/health/ready", 200)
        assert client.post("/v1/classify", json=ONE).status_code == 200


def test_ready_means_that_the_model_has_answered():
    class Mute(KeywordClassifier):
        def classify(self, texts):
            raise RuntimeError("no answer")

    with starting(lambda: pipeline_with(Mute())) as client:
        assert wait_for(client, "/health/live", 503)
        assert client.get("/health/ready").status_code == 503


def test_a_model_that_cannot_be_loaded_makes_the_process_unhealthy():
    def load():
        raise ArtifactError("models/x/model.onnx is damaged.")

    with starting(load) as client:
        assert wait_for(client, "/health/live", 503)
        response = client.get("/health/ready")
        assert "could not be loaded" in response.json()["detail"]
        assert "model.onnx" not in response.text
        assert client.post("/v1/classify", json=ONE).status_code == 503


def test_when_too_many_wait_the_next_is_refused_at_once():
    classifier = Blocked()
    with serving(lambda: pipeline_with(classifier), max_waiting=0) as client:
        classifier.is_armed = True
        with ThreadPoolExecutor() as pool:
            running = pool.submit(client.post, "/v1/classify", json=ONE)
            assert classifier.entered.acquire(timeout=20)
            refused = client.post("/v1/index", json=ONE)
            live = client.get("/health/live")
            classifier.let_go.set()
            accepted = running.result()
    assert refused.status_code == 429
    assert refused.json()["type"] == "urn:plaudit:problem:overloaded"
    assert refused.headers["retry-after"] == "1"
    assert (accepted.status_code, live.status_code) == (200, 200)


def test_a_slow_batch_does_not_hold_up_what_needs_no_model():
    classifier = Blocked()
    with serving(lambda: pipeline_with(classifier), batches=2) as client:
        classifier.is_armed = True
        with ThreadPoolExecutor() as pool:
            running = []
            for _ in range(2):
                running.append(pool.submit(client.post, "/v1/classify", json=ONE))
                assert classifier.entered.acquire(timeout=20)
            running.append(pool.submit(client.post, "/v1/classify", json=ONE))
            assert not classifier.entered.acquire(timeout=0.2)
            assert client.get("/v1/model").status_code == 200
            classifier.let_go.set()
            assert [each.result().status_code for each in running] == [200] * 3


def test_a_model_that_never_answers_takes_readiness_away(monkeypatch):
    monkeypatch.setattr("plaudit.service.batching._STUCK_SECONDS", 0.2)
    classifier = Blocked()
    with serving(lambda: pipeline_with(classifier)) as client:
        classifier.is_armed = True
        with ThreadPoolExecutor() as pool:
            running = pool.submit(client.post, "/v1/classify", json=ONE)
            assert classifier.entered.acquire(timeout=20)
            assert wait_for(client, "/health/ready", 503)
            response = client.get("/health/ready")
            assert response.json()["detail"] == "The model has not answered for long."
            assert client.get("/health/live").status_code == 200
            classifier.let_go.set()
            assert running.result().status_code == 200
            assert wait_for(client, "/health/ready", 200)


def test_a_model_that_hangs_takes_liveness_away(monkeypatch):
    monkeypatch.setattr("plaudit.service.batching._STUCK_SECONDS", 0.1)
    monkeypatch.setattr("plaudit.service.batching._HUNG_SECONDS", 1)
    monkeypatch.setattr("plaudit.service.batching._CLOSE_SECONDS", 0.1)
    classifier = Blocked()
    with serving(lambda: pipeline_with(classifier), batches=2) as client:
        time.sleep(1.2)  # nobody waits for anything: idle is not hung
        assert client.get("/health/live").status_code == 200
        classifier.is_armed = True
        with ThreadPoolExecutor() as pool:
            running = pool.submit(client.post, "/v1/classify", json=ONE)
            assert classifier.entered.acquire(timeout=20)
            assert wait_for(client, "/health/ready", 503)
            assert client.get("/health/live").status_code == 200  # slow, as far as anybody can tell
            assert wait_for(client, "/health/live", 503)
            assert client.get("/health/live").json()["detail"] == "The model hangs."
            classifier.let_go.set()
            assert running.result().status_code == 200
            assert wait_for(client, "/health/live", 200)  # it did come back


def test_a_slow_machine_is_alive_however_long_what_waits_has_to_wait(monkeypatch):
    monkeypatch.setattr("plaudit.service.batching._HUNG_SECONDS", 0.6)

    class Slow(KeywordClassifier):
        def classify(self, texts):
            time.sleep(0.2 if "slow" in texts[0] else 0)
            return super().classify(texts)

    many = {"comments": [{"text": f"slow {'x' * 500} {i}"} for i in range(60)]}
    with serving(lambda: pipeline_with(Slow()), batches=1) as client, ThreadPoolExecutor() as pool:
        started, running = time.monotonic(), pool.submit(client.post, "/v1/classify", json=many)
        while not running.done():
            assert client.get("/health/live").status_code == 200
            time.sleep(0.02)
        assert running.result().status_code == 200
        assert time.monotonic() - started > 2 * 0.6


def test_a_dump_that_hangs_the_model_is_not_begun_anew_for_ever(monkeypatch, tmp_path):
    for name, seconds in (("batching._HUNG", 0.3), ("batching._CLOSE", 0.1), ("workers._STOP", 0.3)):
        monkeypatch.setattr(f"plaudit.service.{name}_SECONDS", seconds)
    classifier, url = Blocked(), f"sqlite:///{tmp_path / 'x.db'}"
    lines = b"".join(b"line %d\n" % i for i in range(300))  # some are with the model, the others wait
    with serving(
        lambda: pipeline_with(classifier),
        data_dir=tmp_path,
        database_url=url,
        dump_lease_seconds=3600,
        batches=1,
    ) as client:
        classifier.is_armed = True
        dump_id = client.post("/v1/dumps", content=lines).json()["id"]
        assert classifier.entered.acquire(timeout=120)
        assert wait_for(client, "/health/live", 503, seconds=60)
    for thread in client.app.state.workers._threads:
        thread.join(60)
    storage = Storage(Settings(data_dir=tmp_path, database_url=url))
    found = storage.dumps.get(dump_id)
    classifier.let_go.set()
    assert (found.state, found.n_runs) == ("running", 1)
    storage.close()


def test_serving_a_broken_model_ends_with_its_sentence(monkeypatch, quiet_loggers):
    def load(path=None, **_):
        raise ArtifactError("models/x/model.onnx is damaged: reinstall plaudit.")

    monkeypatch.setattr(Pipeline, "load", load)
    with pytest.raises(ArtifactError, match="is damaged: reinstall plaudit"):
        serve(Settings(port=0, log_level="error"))


def test_a_taken_port_is_one_sentence(quiet_loggers, monkeypatch):
    monkeypatch.setattr("plaudit.service.serve._PATIENCE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"^Can't listen on 127.0.0.1 port {port} \(Address already"):
            serve(Settings(port=port))


def test_an_unknown_host_is_one_sentence(quiet_loggers):
    with pytest.raises(UsageError, match=r"^Can't listen on nowhere\.invalid"):
        serve(Settings(host="nowhere.invalid"))


_SLOW_SERVICE = """
import sys, time
from tests.fakes import KeywordClassifier, fake_pipeline
from plaudit.pipeline import Pipeline
from plaudit.service.serve import serve
from plaudit.service.settings import Settings
from plaudit.service.storage import Storage

class Slow(KeywordClassifier):
    def classify(self, texts):
        time.sleep(1)
        return super().classify(texts)

fake = fake_pipeline()
Pipeline.load = lambda *_, **__: Pipeline(classifier=Slow(), references=fake.references, policy=fake.policy)
serve(Settings(port=int(sys.argv[1])))
"""


def test_sigterm_answers_what_was_accepted():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-c", _SLOW_SERVICE, str(port)]
    where = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": where}
    )
    base = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=base, transport=httpx.HTTPTransport(retries=20)) as client:
        assert wait_for(client, "/health/ready", 200, seconds=120)
        address = ("127.0.0.1", port)
        with (
            ThreadPoolExecutor() as pool,
            socket.create_connection(address, 20) as stream,
            socket.create_connection(address, 20) as report,
        ):
            stream.sendall(head("/v1/classify/stream") + chunk(line("secret-text")))
            assert b'"label"' in read_until(stream, b'"label"', seconds=20)
            running = pool.submit(httpx.post, f"{base}/v1/classify", json=ONE, timeout=20)
            report.sendall(posted("/v1/index", ONE))
            stream.sendall(chunk(line("more secret-text")))
            assert not running.done()
            threading.Event().wait(0.4)
            process.send_signal(signal.SIGTERM)
            assert running.result().status_code == 200
            assert read_until(report, b"}", seconds=20).startswith(b"HTTP/1.1 200")
            rest = read_until(stream, b"0\r\n\r\n", seconds=20)
            assert b'"id":"2","label"' in rest
            assert b"urn:plaudit:problem:not-ready" in rest
            assert b"the first 2 lines are answered" in rest
    _, talk = process.communicate(timeout=60)
    assert process.returncode == 0
    lines = [json.loads(line) for line in talk.splitlines()]
    assert {"level", "logger", "message", "time"} <= set.intersection(*map(set, lines))
    assert b"secret" not in talk


def test_a_request_is_one_line_of_json_without_text_or_author(caplog):
    with serving() as client, caplog.at_level("INFO", logger="plaudit.service"):
        caplog.clear()
        client.post("/v1/classify", json=ONE, headers={"X-Request-Id": "r-1"})
    lines = [json.loads(logs.JsonFormatter().format(record)) for record in caplog.records]
    assert len(lines) == 1
    line = lines[0]
    assert line.pop("duration_ms") >= 0
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "plaudit.service",
        "message": "request",
        "method": "POST",
        "path": "/v1/classify",
        "status": 200,
        "request_id": "r-1",
        "n_comments": 1,
    }


def test_a_failure_is_logged_by_kind_and_place_only(caplog, monkeypatch):
    def fail(*_, **__):
        raise ValueError("secret-text")

    with serving() as client:
        monkeypatch.setattr(client.app.state.engine, "classify", fail)
        client.post("/v1/classify", json=ONE, headers={"X-Request-Id": "r-2"})
    record = next(record for record in caplog.records if record.exc_info)
    line = json.loads(logs.JsonFormatter().format(record))
    assert (line["error"], line["request_id"]) == ("ValueError", "r-2")
    assert line["where"][-1].endswith("fail")
    assert "secret" not in json.dumps(line)


def test_our_own_errors_are_logged_with_their_sentence():
    try:
        raise ArtifactError("It is damaged.")
    except ArtifactError:
        record = logging.LogRecord("plaudit", logging.ERROR, "", 0, "broken", (), sys.exc_info())
    line = json.loads(logs.JsonFormatter().format(record))
    assert (line["error"], line["reason"]) == ("ArtifactError", "It is damaged.")


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_where_it_listens_is_told(monkeypatch, quiet_loggers, capfd, host, shown):
    monkeypatch.setattr("plaudit.service.server.run", lambda *_: None)
    try:
        serve(Settings(host=host, port=0))
    except UsageError:
        pytest.skip(f"this machine has no {host}")
    (line,) = map(json.loads, capfd.readouterr().err.splitlines())
    assert line["message"] == "listening"
    assert line["url"].startswith(f"http://{shown}:")
    assert not line["url"].endswith(":0/")


def test_no_more_waits_than_half_of_the_time_to_drain_works_off() -> None:
    # Which is enough as long as the machine does not turn slower than half as fast.
    assert application._capacity(Settings(drain_seconds=30), n_batches=1).wait_seconds == 15
    assert application._capacity(Settings(drain_seconds=0), n_batches=1).wait_seconds is None
