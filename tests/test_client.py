from __future__ import annotations

import asyncio
import errno
import inspect
import io
import json
import re
import threading
import time
from typing import get_args

import httpx
import pyarrow.parquet as pq
import pytest
import uvicorn

from plaudit.errors import (
    AccessError,
    BusyError,
    OverloadedError,
    RefusedError,
    ServiceError,
    StorageError,
    UsageError,
)
from plaudit.service import calls
from plaudit.service.app import create_app
from plaudit.service.asking import Asking
from plaudit.service.client import AsyncClient, Client, Retries
from plaudit.service.keys import generate
from plaudit.service.replies import DumpFile
from plaudit.service.settings import Settings
from tests.fakes import fake_pipeline

KEY, HASH = generate("audit")
TEXTS = ["Which glue is it?", "so cool", "", "I sanded mine twice."]
LABELS = ["question", "generic_praise", None, "genuine"]
QUICK = Retries(n_tries=4, first_seconds=0.001, patience_seconds=0.5)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A service on a port of this machine, as clients meet it."""
    settings = Settings(api_keys=str(HASH), data_dir=tmp_path_factory.mktemp("data"))
    config = uvicorn.Config(
        create_app(settings, load=fake_pipeline), port=0, log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()
    yield f"http://{host}:{port}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture(params=["waiting", "awaited"])
def client(request, address):
    """Both clients behind one face, so that every test asks both."""
    if request.param == "waiting":
        with Client(address, key=KEY) as client:
            yield client
    else:
        yield Awaited(address, key=KEY)


class Awaited:
    def __init__(self, *arguments, **options):
        self._made = (arguments, options)

    def __getattr__(self, name):
        def call(*arguments, **options):
            async def work():
                async with AsyncClient(*self._made[0], **self._made[1]) as client:
                    found = getattr(client, name)(*arguments, **options)
                    return [each async for each in found] if inspect.isasyncgen(found) else await found

            return asyncio.run(work())

        return call


def labels_of(results):
    return [each.get("label") for each in results]


def test_classify(client):
    found = client.classify([*TEXTS[:2], {"id": 7, "text": TEXTS[2]}, {"text": TEXTS[3]}])
    assert labels_of(found["results"]) == LABELS
    assert [each["id"] for each in found["results"]] == ["1", "2", "7", "4"]
    assert found["model"]["id"] == "keyword-fake"


def test_a_stream_is_answered_in_order_whatever_its_length(client):
    n_comments = 3 * calls.BLOCK_COMMENTS + 5
    found = list(client.classify_stream(TEXTS[i % 4] for i in range(n_comments)))
    assert [each["id"] for each in found] == [str(i + 1) for i in range(n_comments)]
    assert labels_of(found) == [LABELS[i % 4] for i in range(n_comments)]


def test_a_stream_keeps_ids_with_any_sign(client):
    ids = ["a\u2028b", "c\x85d", "e\nf", "ü", "\U0001f389"]
    assert [each["id"] for each in client.classify_stream({"id": i, "text": "x"} for i in ids)] == ids


def test_a_stream_of_nothing_is_nothing(client):
    assert list(client.classify_stream([])) == []


def test_long_texts_make_short_blocks():
    assert len(list(calls.blocks(["x" * 400_000] * 9))) == 3


def test_index_and_its_stream_agree(client):
    comments = [{"text": TEXTS[i % 4], "author": f"a{i % 50}", "post_id": "p"} for i in range(200)]
    whole = client.index(comments, platform="youtube", by="post", posts=[{"id": "p", "text": "Glue"}])
    streamed = client.index_stream(iter(comments), platform="youtube", by="post")
    assert whole["coverage"] == streamed["coverage"]
    assert whole["coverage"]["read"] == 200
    assert len(streamed["groups"]) == 1


@pytest.mark.parametrize("as_file", [False, True])
def test_a_dump_is_handed_in_waited_for_and_deleted(client, tmp_path, as_file):
    path = tmp_path / "comments.csv"
    path.write_text("id,text\n" + "".join(f"{i},Which glue {i}?\n" for i in range(50)))
    sent = client.send_dump(io.BytesIO(path.read_bytes()) if as_file else path, platform="youtube")
    assert sent["status"] in ("queued", "running", "done")
    report = client.wait_for_dump(sent["id"], seconds=30)
    assert report["coverage"]["read"] == 50
    done = client.dump(sent["id"])
    assert (done["status"], done["progress"]["comments"]) == ("done", 50)
    assert client.delete_dump(sent["id"]) is None
    with pytest.raises(RefusedError, match="no dump of this id") as caught:
        client.dump(sent["id"])
    assert (caught.value.status, caught.value.kind) == (404, "not-found")


def test_a_dump_that_fails_says_why(client):
    sent = client.send_dump(io.BytesIO(b"\x00\x01" * 50))
    with pytest.raises(RefusedError, match="The dump failed: "):
        client.wait_for_dump(sent["id"], seconds=30)


def test_feedback_is_kept_and_forgotten(client):
    kept = client.send_feedback("Why oak?", "question", flags=["addressed"], note="mine")["id"]
    with pytest.raises(RefusedError, match="label"):
        client.send_feedback("Why oak?", "quest")
    assert client.delete_feedback(kept) is None
    with pytest.raises(RefusedError, match="no corrected label of this id"):
        client.delete_feedback(kept)


@pytest.fixture
def asked(monkeypatch):
    """Method and path of whatever is asked."""
    found, request = set(), Asking._request

    def note(self, call, content):
        found.add((call.method, call.path))
        return request(self, call, content)

    monkeypatch.setattr(Asking, "_request", note)
    return found


def test_every_operation_of_the_service_can_be_asked_for(client, asked, address, tmp_path):
    records = [{"text": f"Which glue {i}?", "author": f"a{i % 9}", "post_id": f"p{i % 2}"} for i in range(60)]
    end = time.monotonic() + 60
    while not client.is_ready():  # the service may be loading still
        assert time.monotonic() < end
        time.sleep(0.05)
    assert client.is_live() is True
    assert client.model()["id"] == "keyword-fake"
    assert client.policy()["id"]
    assert client.classify(records)["results"] == list(client.classify_stream(records))
    assert client.index(records)["coverage"] == client.index_stream(records)["coverage"]
    client.delete_feedback(client.send_feedback("Why oak?", "question")["id"])
    dump = io.BytesIO(b"\n".join(json.dumps(each).encode() for each in [*records, [1]]))
    dump_id = client.send_dump(dump, by="post")["id"]
    report = client.wait_for_dump(dump_id, seconds=120)
    assert dump_id in [each["id"] for each in client.dumps()]
    for name in get_args(DumpFile):
        assert client.save_dump_file(dump_id, name, tmp_path / name) == tmp_path / name
    assert json.loads((tmp_path / "report.json").read_bytes()) == report
    assert pq.read_table(tmp_path / "comments.parquet").num_rows == 60
    assert json.loads((tmp_path / "rejected.jsonl").read_bytes())["reason"] == "not_a_record"
    pages = [tmp_path / "report.html", client.save_dump_group(dump_id, 2, str(tmp_path / "group.html"))]
    assert all(page.read_text("utf-8").startswith("<!doctype html>") for page in pages)
    with pytest.raises(RefusedError, match="no page of such a group"):
        client.save_dump_group(dump_id, 3, tmp_path / "none.html")
    assert not (tmp_path / "none.html").exists()
    client.delete_dump(dump_id)
    document = httpx.get(f"{address}/openapi.json", timeout=60).json()
    unasked = [
        operation["operationId"]
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if not any(method.upper() == given and _fits(path, to) for given, to in asked)
    ]
    assert unasked == []


def _fits(template, path):
    return re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), path)


def test_facts(client):
    assert client.model()["id"] == "keyword-fake"
    assert client.policy()["id"]


def test_both_clients_do_the_same():
    def face(kind):
        found = inspect.getmembers(kind, inspect.isfunction)
        return {name: str(inspect.signature(each)) for name, each in found if not name.startswith("_")}

    waiting, awaited = face(Client), face(AsyncClient)
    assert {n: s.replace("Iterator", "AsyncIterator") for n, s in waiting.items()} == awaited


@pytest.mark.parametrize(
    ("comments", "said"),
    [
        (
            [{"text": object()}],
            r"The request can't be written as JSON \(Type is not JSON serializable: object\)",
        ),
        ([{"text": "\ud800"}], "can't be written as JSON"),
    ],
)
def test_what_is_no_json_is_refused_here(comments, said):
    with Client() as client, pytest.raises(UsageError, match=said):
        client.classify(comments)
    with Client() as client, pytest.raises(UsageError, match="Comment 2 can't be written"):
        next(client.classify_stream(["x", *comments]))


def test_a_file_that_is_not_there_is_refused_here():
    with Client() as client, pytest.raises(UsageError, match=r"There is no file 'none\.csv'"):
        client.send_dump("none.csv")


class Script:
    """Answers as written, one after the other, and keeps what it was asked."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def __call__(self, request):
        self.asked.append(
            (request.method, request.url.path, request.read(), dict(request.headers), request.url.query)
        )
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class LaterScript(Script):
    async def __call__(self, request):
        await request.aread()
        return super().__call__(request)


@pytest.fixture(params=["waiting", "awaited"])
def scripted(request, monkeypatch):
    """Makes a client that meets a script; waits are noted, not waited."""
    waits: list[float] = []

    async def note(seconds):
        waits.append(seconds)

    monkeypatch.setattr("plaudit.service.client.time.sleep", waits.append)
    monkeypatch.setattr("plaudit.service.async_client.anyio.sleep", note)

    def make(*answers, retries=QUICK):
        script = (Script if request.param == "waiting" else LaterScript)(*answers)
        transport = httpx.MockTransport(script)
        options = {"transport": transport, "retries": retries, "key": "k"}
        made = (
            Client("http://h/", **options) if request.param == "waiting" else Awaited("http://h", **options)
        )
        return made, script, waits

    return make


def problem(status, kind="x", *, headers=None, detail="It is so."):
    body = {"type": f"urn:plaudit:problem:{kind}", "detail": detail, "hint": "Do this.", "request_id": "r-1"}
    return httpx.Response(status, json=body, headers=headers)


OK = {"results": []}


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_passes_is_asked_again(scripted, status):
    client, script, waits = scripted(problem(status), problem(status), httpx.Response(200, json=OK))
    assert client.classify(["x"]) == OK
    assert len(script.asked) == 3
    assert len({each[2] for each in script.asked}) == 1
    assert len(waits) == 2
    assert script.asked[0][3]["authorization"] == "Bearer k"


def test_retry_after_is_honoured(scripted):
    busy = problem(429, headers={"Retry-After": "20"})
    client, _, waits = scripted(busy, httpx.Response(200, json=OK), retries=Retries())
    client.classify(["x"])
    assert 20 <= waits[0] <= 23


def test_nobody_waits_longer_than_patience(scripted):
    client, script, waits = scripted(problem(429, "quota-exceeded", headers={"Retry-After": "3000"}))
    with pytest.raises(BusyError, match=r"^It is so\. \(request r-1\) Do this\.$") as caught:
        client.classify(["x"])
    error = caught.value
    assert (error.status, error.kind, error.request_id, error.retry_after) == (
        429,
        "quota-exceeded",
        "r-1",
        3000,
    )
    assert isinstance(error, OverloadedError)
    assert (len(script.asked), waits) == (1, [])


def test_after_some_tries_it_is_over(scripted):
    client, script, _ = scripted(*(problem(503) for _ in range(9)))
    with pytest.raises(ServiceError):
        client.classify(["x"])
    assert len(script.asked) == 4


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, RefusedError) for status in (400, 404, 413)),
        *((status, AccessError) for status in (401, 403)),
        *((422, UsageError), (500, ServiceError), (302, ServiceError)),
    ],
)
def test_what_stays_is_raised_at_once(scripted, status, kind):
    client, script, waits = scripted(problem(status))
    with pytest.raises(kind, match="It is so"):
        client.classify(["x"])
    assert (len(script.asked), waits) == (1, [])


def test_an_answer_that_is_no_problem_is_told_by_its_status(scripted):
    client, _, _ = scripted(httpx.Response(418, content=b"<html>"))
    with pytest.raises(RefusedError, match="answered with status 418"):
        client.model()


def test_an_answer_that_is_no_json_is_told(scripted):
    client, _, _ = scripted(httpx.Response(200, content=b"<html>"))
    with pytest.raises(ServiceError, match="is this the address of a Plaudit service"):
        client.model()


@pytest.mark.parametrize("error", [httpx.ConnectError("x"), httpx.ReadError("x"), httpx.ReadTimeout("x")])
def test_a_lost_answer_is_asked_for_again(scripted, error):
    client, script, _ = scripted(error, httpx.Response(200, json=OK))
    assert client.classify(["x"]) == OK
    assert len(script.asked) == 2


def test_what_would_happen_twice_is_not_sent_twice(scripted):
    client, script, _ = scripted(httpx.ReadError("secret"))
    with pytest.raises(ServiceError, match=r"The service at 'h' can't be reached \(ReadError\)") as caught:
        client.send_feedback("x", "question")
    assert len(script.asked) == 1
    assert "secret" not in str(caught.value)
    client, script, _ = scripted(problem(502))
    with pytest.raises(ServiceError):
        client.send_feedback("x", "question")
    assert len(script.asked) == 1


def test_what_has_not_begun_may_be_sent_again(scripted, tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"text\nhello\n" * 50_000)
    client, script, _ = scripted(httpx.ConnectError("x"), problem(429), httpx.Response(202, json={"id": "d"}))
    assert client.send_dump(path) == {"id": "d"}
    assert [each[2] for each in script.asked] == [path.read_bytes()] * 3
    assert script.asked[0][3]["content-type"] == "text/csv"


def test_what_would_happen_twice_is_known_again(scripted):
    """A service that is told to stop may answer 503 to what it has kept already."""
    kept = httpx.Response(201, json={"id": "f"})
    client, script, _ = scripted(problem(503, "not-ready"), kept, kept)
    for _ in range(2):
        assert client.send_feedback("x", "question") == {"id": "f"}
    keys = [each[3]["idempotency-key"] for each in script.asked]
    assert keys[0] == keys[1] != keys[2]
    assert keys[0].startswith('"')
    client, script, _ = scripted(problem(503), httpx.Response(202, json={"id": "d"}))
    client.send_dump(__file__)
    assert len({each[3]["idempotency-key"] for each in script.asked}) == 1
    client, script, _ = scripted(httpx.Response(200, json=OK))
    client.classify(["x"])
    assert "idempotency-key" not in script.asked[0][3]


def test_what_can_be_read_only_once_is_sent_once(scripted):
    for send in ("index_stream", "send_dump"):
        client, script, _ = scripted(problem(429))
        with pytest.raises(BusyError):
            getattr(client, send)(iter(["x"]) if send == "index_stream" else io.BytesIO(b"x"))
        assert len(script.asked) == 1
    client, script, _ = scripted(problem(429), httpx.Response(200, json={}))
    assert client.index_stream(["x"]) == {}
    assert len(script.asked) == 2


def test_each_block_of_a_stream_is_asked_again_on_its_own(scripted):
    line = json.dumps({"id": "1", "label": "genuine"}).encode() + b"\n"
    client, script, _ = scripted(problem(503), httpx.Response(200, content=line))
    assert list(client.classify_stream(["x"])) == [{"id": "1", "label": "genuine"}]
    assert len(script.asked) == 2


def test_a_stream_that_ends_early_is_an_error(scripted):
    ended = {"type": "urn:plaudit:problem:quota-exceeded", "status": 429, "detail": "No more."}
    lines = b'{"id": "1"}\n' + json.dumps(ended).encode()
    client, _, _ = scripted(httpx.Response(200, content=lines))
    with pytest.raises(BusyError, match=r"No more\."):
        list(client.classify_stream(["x"]))


def test_a_stream_whose_answers_are_cut_is_an_error(address):
    def cut(_request):
        def lines():
            yield b'{"id": "1"}\n'
            raise httpx.RemoteProtocolError("cut")

        return httpx.Response(200, content=lines())

    client = Client(transport=httpx.MockTransport(cut))
    answers = client.classify_stream(["x", "y"])
    assert next(answers) == {"id": "1"}
    with pytest.raises(ServiceError, match="RemoteProtocolError"):
        next(answers)


class Cut(httpx.SyncByteStream, httpx.AsyncByteStream):
    """An answer that breaks off."""

    def __iter__(self):
        yield b"half of"
        raise httpx.ReadError("cut")

    async def __aiter__(self):
        for each in self:
            yield each


def test_a_file_that_broke_off_is_asked_for_again(scripted, tmp_path):
    client, script, _ = scripted(httpx.Response(200, stream=Cut()), httpx.Response(200, content=b"all of it"))
    path = client.save_dump_file("d", "comments.parquet", tmp_path / "x.parquet")
    assert path.read_bytes() == b"all of it"
    assert [each[1] for each in script.asked] == ["/v1/dumps/d/comments.parquet"] * 2
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_there_whole_or_as_it_was(scripted, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_bytes(b"the one before")
    client, _, _ = scripted(*(httpx.Response(200, stream=Cut()) for _ in range(4)), problem(409))
    with pytest.raises(ServiceError, match="ReadError"):
        client.save_dump_file("d", "report.html", path)
    with pytest.raises(RefusedError, match="It is so"):
        client.save_dump_file("d", "report.html", path)

    def fail(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("plaudit.service.saving.os.fsync", fail)
    client, _, _ = scripted(httpx.Response(200, content=b"all of it"))
    with pytest.raises(StorageError, match=r"report\.html' can't be written \(No space left on device\)"):
        client.save_dump_file("d", "report.html", path)
    assert path.read_bytes() == b"the one before"
    assert list(tmp_path.iterdir()) == [path]


def test_where_no_file_can_be_nothing_is_asked(scripted, tmp_path):
    client, script, _ = scripted()
    with pytest.raises(UsageError, match="There is no folder"):
        client.save_dump_group("d", 1, tmp_path / "no" / "x.html")
    with pytest.raises(UsageError, match="is no file"):
        client.save_dump_group("d", 1, tmp_path)
    with pytest.raises(UsageError, match=r"no file 'manifest\.json', expected one of report\.json, "):
        client.save_dump_file("d", "manifest.json", tmp_path / "x")
    assert script.asked == []


def test_dumps_are_listed_page_by_page(scripted):
    pages = [{"dumps": [{"id": "c"}, {"id": "b"}], "next": "b"}, {"dumps": [{"id": "a"}], "next": None}]
    client, script, _ = scripted(*(httpx.Response(200, json=page) for page in pages))
    assert [each["id"] for each in client.dumps()] == ["c", "b", "a"]
    assert [each[4] for each in script.asked] == [b"", b"before=b"]


@pytest.mark.parametrize("name", ["is_live", "is_ready"])
def test_health_is_asked_once_and_only_what_it_says_is_believed(scripted, name):
    client, script, waits = scripted(
        problem(503, headers={"Retry-After": "1"}), problem(404), httpx.ConnectError("x")
    )
    assert getattr(client, name)() is False
    with pytest.raises(RefusedError):
        getattr(client, name)()
    with pytest.raises(ServiceError, match="can't be reached"):
        getattr(client, name)()
    assert (len(script.asked), waits) == (3, [])


def test_a_service_that_is_not_there_is_told():
    said = r"The service at '127\.0\.0\.1' can't be reached \(ConnectError\)"
    client = Client("http://127.0.0.1:9", retries=Retries(n_tries=1))
    with client, pytest.raises(ServiceError, match=said):
        client.model()


def test_a_wrong_key_is_told(address):
    with (
        Client(address, key="wrong-key") as client,
        pytest.raises(AccessError, match="unknown or revoked") as caught,
    ):
        client.classify(["x"])
    assert "wrong-key" not in str(caught.value)


def test_waiting_for_a_dump_ends(scripted):
    client, _, _ = scripted(*(httpx.Response(200, json={"status": "queued"}) for _ in range(3)))
    with pytest.raises(TimeoutError, match="still queued"):
        client.wait_for_dump("d", seconds=1e-9)


def test_ids_make_no_paths(scripted):
    client, script, _ = scripted(httpx.Response(200, json={}))
    client.dump("../model?x#y")
    assert script.asked[0][1] == "/v1/dumps/../model?x#y"  # decoded; as sent it has no slash of its own


def test_waiting_for_no_time_asks_once(scripted):
    client, script, _ = scripted(*(httpx.Response(200, json={"status": "queued"}) for _ in range(3)))
    with pytest.raises(TimeoutError, match="still queued"):
        client.wait_for_dump("d", seconds=0)
    assert len(script.asked) <= 2


@pytest.mark.parametrize("address", ["127.0.0.1:8000", "ftp://h", "", "http://", None])
def test_what_is_no_address_is_told_at_once(address):
    with pytest.raises(UsageError, match="begin with http:// or https://"):
        Client(address)


def test_a_key_is_stripped_and_one_that_no_header_takes_is_told_at_once():
    assert Client(key="abc\n")._known["headers"] == {"Authorization": "Bearer abc"}
    for key in ("a\nb", "schlüssel", "a\0b"):
        with pytest.raises(UsageError, match="API key holds characters") as caught:
            Client(key=key)
        assert key not in str(caught.value)


def test_what_is_no_comment_is_named(scripted):
    client, script, _ = scripted()
    for ask in (client.classify, client.index, lambda given: list(client.classify_stream(given))):
        with pytest.raises(UsageError, match="Comment 2 is of type NoneType, expected a text"):
            ask(["x", None])
    with pytest.raises(UsageError, match="id of the dump is empty"):
        client.dump("")
    assert script.asked == []


def test_what_could_not_be_asked_is_not_asked_again(scripted):
    client, script, waits = scripted(httpx.LocalProtocolError("x"))
    with pytest.raises(ServiceError, match="LocalProtocolError"):
        client.model()
    assert (len(script.asked), waits) == (1, [])
