from __future__ import annotations

import json
import resource
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from plaudit.pipeline import Pipeline
from plaudit.service.callers import Bodies
from plaudit.service.gathering import Gathering
from plaudit.service.keys import generate
from plaudit.service.problems import Problem
from tests.fakes import KeywordClassifier, fake_pipeline
from tests.http import JSON, serving
from tests.live import chunk, head, line, living, read_until
from tests.test_app_errors import problem

ONE = {"comments": [{"id": "c", "text": "Is it?"}]}
FORM = "multipart/form-data; boundary=x"
TEXT = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n'


class Paced(KeywordClassifier):
    """Takes a time for each comment, as a model does."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds, self.texts = seconds, []

    def classify(self, texts):
        self.texts += texts
        time.sleep(self.seconds * len(texts))
        return super().classify(texts)


def paced(seconds: float) -> Pipeline:
    fake = fake_pipeline()
    return Pipeline(classifier=Paced(seconds), references=fake.references, policy=fake.policy)


class Stuck(KeywordClassifier):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.go = threading.Event(), threading.Event()
        self.go.set()

    def classify(self, texts):
        if not self.go.is_set():
            self.entered.set()
        assert self.go.wait(60)
        return super().classify(texts)


def stuck() -> Pipeline:
    fake = fake_pipeline()
    return Pipeline(classifier=Stuck(), references=fake.references, policy=fake.policy)


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def comments(n: int, prefix: str = "n") -> dict:
    return {"comments": [{"id": str(i), "text": f"{prefix}{i}" + "?" * (i % 2)} for i in range(n)]}


def form(n: int, prefix: str = "n") -> bytes:
    lines = "\n".join(each["text"] for each in comments(n, prefix)["comments"])
    return TEXT + lines.encode() + b"\r\n--x--\r\n"


def is_right(body: dict, response: httpx.Response) -> bool:
    results = response.json()["results"]
    return [each["id"] for each in results] == [each["id"] for each in body["comments"]] and all(
        (each["label"] == "question") == ("?" in sent["text"])
        for each, sent in zip(results, body["comments"], strict=True)
    )


def test_large_bodies_have_a_bound_and_small_ones_their_place():
    bodies = Bodies(1_000_000)
    one, two, small = bodies.open(), bodies.open(), bodies.open()
    one.set(500_000)
    one.set(800_000)
    with pytest.raises(Problem) as caught:
        two.set(300_000)
    assert caught.value.status_code == 429
    small.set(60_000)
    one.close()
    two.set(300_000)
    for each in (one, two, small):
        each.close()
    assert bodies._n_bytes == 0


@pytest.mark.parametrize(
    ("path", "kind", "begun"),
    [
        ("/v1/classify", "application/json", b'{"comments": ['),
        ("/", FORM, TEXT + b"Is it?\r\n"),
        ("/", FORM, b"-"),
    ],
)
def test_a_body_that_does_not_come_is_a_clear_4xx_and_harms_nobody(path, kind, begun):
    with living(body_seconds=0.4) as live, live.connect() as slow:
        slow.sendall(head(path, content_type=kind) + chunk(begun))
        assert live.client.post("/v1/classify", json=ONE).status_code == 200
        answer = read_until(slow, b"}")
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"urn:plaudit:problem:request-timeout" in answer
    assert b"connection: close" in answer.lower()


def test_a_form_that_does_not_come_is_not_waited_for_because_it_may_hold_a_key():
    with living(body_seconds=0.4, api_keys=str(generate("anna")[1])) as live:
        for begun in (b"", chunk(b"--x\r\n")):
            with live.connect() as slow:
                slow.sendall(head("/", content_type=FORM) + begun)
                answer = read_until(slow, b"}")
            assert answer.startswith(b"HTTP/1.1 408")
            assert b"connection: close" in answer.lower()
        with live.connect() as leaver:
            leaver.sendall(head("/", content_type=FORM))
        end = time.monotonic() + 5
        while not live.value("plaudit_callers_gone_total") and time.monotonic() < end:
            time.sleep(0.01)
        assert live.value("plaudit_callers_gone_total") == 1


def test_forms_count_as_bodies_that_are_held():
    with living(max_body_bytes=2**20, max_bodies_bytes=2**20) as live:
        with live.connect() as slow:
            slow.sendall(head("/", content_type=FORM) + chunk(TEXT + b"x" * 700_000))
            end = time.monotonic() + 4
            while not live.app.state.bodies._n_bytes >= 700_000 and time.monotonic() < end:
                time.sleep(0.01)
            refused = live.client.post("/", data={"text": "x" * 700_000})
            problem(refused, "overloaded")
            assert live.client.post("/", data={"text": "x"}).status_code == 200
        end = time.monotonic() + 4
        while live.app.state.bodies._n_bytes and time.monotonic() < end:
            time.sleep(0.01)
        assert live.value("plaudit_callers_gone_total") == 1
        taken = live.client.post("/", data={"text": "x" * 700_000})
        assert problem(taken, "invalid-request")["detail"].startswith("The pasted text")  # it was read
        assert live.app.state.bodies._n_bytes == 0


def test_a_head_that_does_not_come_or_does_not_end_is_given_up():
    with living(body_seconds=0.5) as live:
        with live.connect() as silent, live.connect() as half:
            half.sendall(b"POST /v1/classify HTTP/1.1\r\nHost")
            assert silent.recv(100) == b""
            assert half.recv(100) == b""
        with live.connect() as endless:
            endless.sendall(b"GET / HTTP/1.1\r\nX: ")
            with pytest.raises(OSError, match=r"reset|Broken pipe|aborted"):
                endless.sendall(b"x" * (100 * 65536))
        assert live.client.get("/health/live").status_code == 200


def test_half_open_connections_harm_nobody():
    with living(body_seconds=20) as live:
        silent = [live.connect() for _ in range(200)]
        for each in silent[::2]:
            each.sendall(b"POST /v1/classify HTTP/1.1\r\nHost: t\r\nContent-Length: 9")
        started = time.monotonic()
        assert live.client.post("/v1/classify", json=ONE).status_code == 200
        assert time.monotonic() - started < 20  # the silent ones are still there
        for each in silent:
            each.close()


@pytest.mark.parametrize(
    ("path", "kind", "body", "mark"),
    [
        ("/v1/classify", "application/json", json.dumps(comments(200)).encode(), b'"label"'),
        ("/v1/classify/stream", "application/x-ndjson", line("Is it?") * 200, b'"label"'),
        ("/", FORM, form(200), b"data-label="),
    ],
)
def test_a_body_in_chunks_of_one_byte_is_read(path, kind, body, mark):
    with living() as live, live.connect() as connection:
        pieces = b"".join(chunk(body[i : i + 1]) for i in range(len(body))) + chunk(b"")
        connection.sendall(head(path, content_type=kind, more="Connection: close\r\n") + pieces)
        answer = read_until(connection, b"never", seconds=20)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.count(mark) == 200


def test_a_million_chunks_of_one_byte_do_not_stop_the_others():
    with living(max_body_bytes=2**20) as live, live.connect() as connection:
        pieces = chunk(b" ") * 50_000

        def send() -> None:
            connection.sendall(head("/v1/classify", content_type="application/json"))
            for _ in range(22):
                connection.sendall(pieces)

        thread = threading.Thread(target=send)
        thread.start()
        while thread.is_alive():
            assert live.client.post("/v1/classify", json=ONE).status_code == 200
        answer = read_until(connection, b"}")
        thread.join()
    assert answer.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("tiny", [b'{"text":"a"}', b"{}", b'{"text":"{"}'])
def test_a_million_tiny_comments_are_refused_before_they_cost_memory(tiny):
    body = b'{"comments":[' + b",".join([tiny] * 1_000_000) + b"]}"
    with serving(max_body_bytes=64 * 2**20, max_comments=10_000) as client:
        before = peak_mib()
        response = client.post("/v1/classify", content=body, headers=JSON)
        problem(response, "too-many-comments")
        assert peak_mib() - before < 8 * len(body) / 2**20 + 40
    with serving() as client:
        assert client.post("/v1/classify", content=body, headers=JSON).status_code == 413


def test_braces_in_texts_are_no_comments():
    body = {"comments": [{"text": "{" * 5000}]}
    with serving(max_comments=2) as client:
        assert client.post("/v1/classify", json=body).status_code == 200


def test_a_million_tiny_lines_need_no_more_memory_than_a_thousand():
    body = b'{"text":"?"}\n' * 10_000
    with living() as live, live.connect() as connection:
        connection.sendall(head("/v1/classify/stream"))
        n_answers, peaks = 0, []

        def read() -> None:
            nonlocal n_answers
            while got := connection.recv(2**18):
                n_answers += got.count(b'"label"')
                if got.endswith(b"0\r\n\r\n"):
                    return

        reader = threading.Thread(target=read)
        reader.start()
        for i in range(30):
            connection.sendall(chunk(body))
            if i in (5, 29):
                peaks.append(peak_mib())
        connection.sendall(chunk(b""))
        reader.join(60)
    assert n_answers > 299_000  # a few marks lie over the border of two reads
    assert peaks[1] - peaks[0] < 30


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [("/v1/classify", "application/json", json.dumps(comments(2000)).encode()), ("/", FORM, form(2000))],
)
def test_who_leaves_is_dropped_and_makes_room(path, kind, body):
    pipeline = paced(0.005)
    with living(lambda: pipeline) as live:
        with live.connect() as leaver:
            leaver.sendall(
                b"POST %b HTTP/1.1\r\nHost: t\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b"
                % (path.encode(), kind.encode(), len(body), body)
            )
            end = time.monotonic() + 5
            while live.app.state.engine.room.taken < 2000 and time.monotonic() < end:
                time.sleep(0.01)
            leaver.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        while live.app.state.engine.room.taken and time.monotonic() < end:
            time.sleep(0.01)
        assert live.app.state.engine.room.taken == 0
        assert live.value("plaudit_callers_gone_total") == 1
        assert live.client.post("/v1/classify", json=ONE).status_code == 200
        assert len(pipeline.classifier.texts) < 1000


class Held:
    """A step of the work beside the model that lasts until it is told to end."""

    def __init__(self) -> None:
        self.n_running, self.n_begun, self.most, self.lock = 0, 0, 0, threading.Lock()
        self.go = threading.Event()

    def __call__(self, *_: object, **__: object) -> None:
        with self.lock:
            self.n_running, self.n_begun = self.n_running + 1, self.n_begun + 1
            self.most = max(self.most, self.n_running)
        assert self.go.wait(60)
        with self.lock:
            self.n_running -= 1
        raise ValueError("nobody asks any more")


def posted(path: str, body: dict) -> bytes:
    content = json.dumps(body).encode()
    kind = "Host: t\r\nContent-Type: application/json\r\n"
    return f"POST {path} HTTP/1.1\r\n{kind}Content-Length: {len(content)}\r\n\r\n".encode() + content


def until(condition, *, seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.01)
    return bool(condition())


def test_who_leaves_during_the_report_keeps_thread_and_room_until_it_ends(monkeypatch, caplog):
    report = Held()
    monkeypatch.setattr(Gathering, "report", report)
    with living(concurrency=2) as live:
        room = live.app.state.engine.room
        for n in range(1, 7):  # as one who is not patient, and asks again
            with live.connect() as leaver:
                leaver.sendall(posted("/v1/index", comments(10)))
                assert until(lambda n=n: room.taken == 10 * min(n, 3) and report.n_begun == min(n, 2))
            left = min(n, 2)  # of those who waited for a thread nothing stays
            assert until(lambda left=left: room.taken == 10 * left)
        assert live.value("plaudit_callers_gone_total") >= 4
        assert (report.most, report.n_begun) == (2, 2)
        assert live.client.post("/v1/classify", json=ONE).status_code == 200
        report.go.set()
        assert until(lambda: room.taken == 0)
        assert live.value("plaudit_callers_gone_total") == 6
    assert report.n_begun == 2
    assert not [each for each in caplog.records if each.name == "asyncio"]


def test_a_burst_of_forms_is_answered_rightly_or_refused():
    with living(lambda: paced(0.01), max_waiting=100) as live:

        def post(i: int) -> httpx.Response:
            return httpx.post(
                f"{live.url}/", content=form(40, prefix=f"b{i}-"), headers={"Content-Type": FORM}, timeout=60
            )

        with ThreadPoolExecutor(16) as pool:
            found = list(pool.map(post, range(16)))
        statuses = [response.status_code for response in found]
        assert set(statuses) == {200, 429}
        for response in found:
            if response.status_code == 200:
                assert "40 of 40 comments scored" in response.text
            else:
                assert 1 <= int(response.headers["retry-after"]) <= 60
        assert live.app.state.engine.room.taken == 0
        assert live.value("plaudit_problems_total", kind="overloaded") == statuses.count(429)


def test_forms_that_wait_for_the_model_keep_no_thread_from_others():
    class Held(Stuck):
        def classify(self, texts):
            return super().classify(texts) if "n1?" in texts else KeywordClassifier.classify(self, texts)

    fake, classifier = fake_pipeline(), Held()
    pipeline = Pipeline(classifier=classifier, references=fake.references, policy=fake.policy)
    with living(lambda: pipeline, concurrency=1, batches=2) as live, ThreadPoolExecutor(1) as pool:
        classifier.go.clear()
        sent = {"content": form(2), "headers": {"Content-Type": FORM}, "timeout": 60}
        waiting = pool.submit(httpx.post, f"{live.url}/", **sent)
        try:
            assert classifier.entered.wait(20)
            assert live.app.state.engine.room.taken == 2
            large = comments(1000, prefix="m")  # more than is worked on without a thread
            assert is_right(large, live.client.post("/v1/classify", json=large))
            assert live.client.post("/v1/index", json=large).status_code == 200
        finally:
            classifier.go.set()
        assert waiting.result().status_code == 200


def test_bursts_over_capacity_are_answered_rightly_or_refused():
    with living(lambda: paced(0.0005), max_waiting=1000) as live:
        bodies = [comments(40, prefix=f"b{i}-") for i in range(240)]

        def post(body: dict) -> tuple[dict, httpx.Response]:
            return body, httpx.post(f"{live.url}/v1/classify", json=body, timeout=60)

        with ThreadPoolExecutor(60) as pool:
            found = list(pool.map(post, bodies))
        statuses = [response.status_code for _, response in found]
        assert set(statuses) == {200, 429}
        assert statuses.count(200) >= 20
        for body, response in found:
            if response.status_code == 200:
                assert is_right(body, response)
            else:
                assert 1 <= int(response.headers["retry-after"]) <= 60
        assert live.app.state.engine.room.taken == 0
        assert live.value("plaudit_problems_total", kind="overloaded") == statuses.count(429)


@pytest.mark.parametrize(("path", "kind"), [("/v1/classify", "application/json"), ("/", FORM)])
def test_refusals_need_neither_the_body_nor_the_model(path, kind):
    pipeline = stuck()
    with living(lambda: pipeline, max_waiting=100) as live:
        pipeline.classifier.go.clear()
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(httpx.post, f"{live.url}/v1/classify", json=comments(90), timeout=60)
            assert pipeline.classifier.entered.wait(20)
            with live.connect() as silent:  # declares a body of which not a byte comes
                declared = f"Content-Type: {kind}\r\nContent-Length: 100000\r\n\r\n"
                silent.sendall(f"POST {path} HTTP/1.1\r\nHost: t\r\n{declared}".encode())
                answer = read_until(silent, b"}")
            assert answer.startswith(b"HTTP/1.1 429")
            assert b"retry-after: " in answer.lower()
            with live.connect() as quick:
                body = json.dumps(ONE).encode()
                quick.sendall(
                    b"POST /v1/classify HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
                )
                pipeline.classifier.go.set()
                assert read_until(quick, b"}]").startswith(b"HTTP/1.1 200")
            assert waiting.result().status_code == 200


def test_a_single_comment_is_not_stuck_behind_bulk_clients():
    pipeline = paced(0.001)
    with living(lambda: pipeline) as live:
        stop = threading.Event()

        def bulk(n: int) -> None:
            with httpx.Client(base_url=live.url, timeout=60) as client:
                for round_ in range(1000):
                    if stop.is_set():
                        return
                    client.post("/v1/classify", json=comments(1000, prefix=f"{n}-{round_}-"))

        threads = [threading.Thread(target=bulk, args=(n,)) for n in range(3)]
        for each in threads:
            each.start()
        time.sleep(0.5)
        n_before_it = []
        for i in range(40):
            begun = len(pipeline.classifier.texts)
            response = live.client.post("/v1/classify", json={"comments": [{"text": f"single {i}"}]})
            n_before_it.append(len(pipeline.classifier.texts) - begun)
            assert response.status_code == 200
        stop.set()
        for each in threads:
            each.join()
    assert sorted(n_before_it)[20] < 200  # of the 2,000 and more that wait; seconds: tests/benchmarks/load.py


def test_readiness_goes_first_and_requests_are_still_taken():
    with living(lambda: paced(0.2), drain_notice_seconds=1) as live:
        live.server.handle_exit(15, None)
        ready = live.client.get("/health/ready")
        assert problem(ready, "not-ready")["detail"] == "The service is stopping."
        assert live.client.post("/v1/classify", json=ONE).status_code == 200
        time.sleep(0.3)
        assert live.client.post("/v1/classify", json=ONE).headers["connection"] == "close"
        live.server._captured_signals.clear()
