from __future__ import annotations

import errno
import gzip
import io
import json
import shutil
import threading
import time

import pyarrow.parquet as pq
import pytest
import zstandard

from plaudit.errors import StorageError
from plaudit.pipeline import Context
from plaudit.readers import ReadOptions, read
from plaudit.service import dump_files, dumps, storage
from plaudit.service.arrivals import Arrival
from plaudit.service.keys import generate
from plaudit.service.settings import Settings
from plaudit.service.store.dumps import Dumps
from plaudit.service.upload import Upload
from tests.databases import database_url
from tests.fakes import fake_pipeline
from tests.http import serving
from tests.live import chunk, head, living, read_until
from tests.test_app_errors import problem

__all__ = ["database_url"]

ROWS = [
    {"id": f"c{i}", "text": f"Why is joint {i} loose?", "author": f"u{i % 9}", "post_id": f"p{i % 2}"}
    for i in range(80)
]
NDJSON = b"\n".join(json.dumps(row).encode() for row in ROWS)
NOWHERE = "0" * 32


@pytest.fixture
def client(database_url, tmp_path):
    with serving(data_dir=tmp_path / "data", database_url=database_url) as client:
        yield client


@pytest.fixture
def idle(database_url, tmp_path):
    """A service that takes dumps in and does not work on them."""
    with serving(data_dir=tmp_path / "data", database_url=database_url, dump_workers=0) as client:
        yield client


@pytest.fixture
def on_disk(tmp_path):
    """The service's default storage: SQLite in its data folder; nothing is worked on."""
    with serving(data_dir=tmp_path / "data", dump_workers=0) as client:
        yield client


def send(client, body=NDJSON, **query):
    return client.post("/v1/dumps", content=body, params={"wait": 20, **query})


def expected_report(tmp_path, *, by=None, **options):
    (tmp_path / "dump.ndjson").write_bytes(NDJSON)
    batches = read([tmp_path / "dump.ndjson"], options=ReadOptions(**options))
    context = Context(creator_id=options.get("creator"), platform=options.get("platform"))
    return fake_pipeline().score(batches, context=context, group_by=by).to_json()


def test_a_small_dump_is_answered_with_the_library_s_report(client, tmp_path):
    answer = send(client)
    assert answer.status_code == 200
    assert answer.content.strip() == expected_report(tmp_path)
    assert client.get(f"{answer.headers['location']}/report").content == answer.content


def test_a_dump_goes_through_its_states_and_can_be_fetched(client):
    answer = client.post("/v1/dumps", content=NDJSON + b"\n[1]\n")
    assert answer.status_code == 202
    status = answer.json()
    assert (status["status"], status["links"], status["error"]) == ("queued", {}, None)
    assert status["progress"] == {"bytes_read": 0, "bytes_total": len(NDJSON) + 5, "comments": 0}
    path = answer.headers["location"]
    send(client)  # those that wait longest come first, so the earlier one is done then
    status = client.get(path).json()
    assert status["status"] == "done"
    assert status["progress"] == {
        "bytes_read": len(NDJSON) + 5,
        "bytes_total": len(NDJSON) + 5,
        "comments": 80,
    }
    assert status["created_at"] <= status["started_at"] <= status["finished_at"] < status["expires_at"]
    assert set(status["links"]) == {"report", "report.html", "comments.parquet", "rejected.jsonl"}
    files = {name: client.get(link) for name, link in status["links"].items()}
    assert pq.read_table(io.BytesIO(files["comments.parquet"].content)).num_rows == 80
    assert json.loads(files["rejected.jsonl"].content)["reason"] == "not_a_record"
    assert files["report"].json()["coverage"]["scored"] == 80
    page = files["report.html"]
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-disposition"] == 'attachment; filename="report.html"'
    assert "sandbox" in page.headers["content-security-policy"]
    assert all(each.headers["x-content-type-options"] == "nosniff" for each in files.values())


def test_groups_have_pages_of_their_own_until_the_dump_goes(client, tmp_path):
    path = send(client, by="post").headers["location"]
    links = client.get(path).json()["links"]
    first, second = client.get(links["groups/0001.html"]), client.get(f"{path}/groups/0002.html")
    assert [each.status_code for each in (first, second)] == [200, 200]
    assert first.headers["content-type"] == "text/html; charset=utf-8"
    assert "sandbox" in first.headers["content-security-policy"]
    groups = [each["key"] for each in client.get(links["report"]).json()["groups"]]
    assert all(f"<bdi>{key}</bdi>" in page.text for key, page in zip(groups, (first, second), strict=True))
    assert 'href="groups/0001.html"' in client.get(links["report.html"]).text
    for number in ("0003", "0000", "1", "..%2f..%2freport"):
        found = problem(client.get(f"{path}/groups/{number}.html"), "not-found")
        assert number != "0003" or "numbered from 0001" in found["hint"]
    assert "groups/0001.html" not in client.get(send(client).headers["location"]).json()["links"]
    assert list((tmp_path / "data" / "results").rglob("0001.html"))
    assert client.delete(path).status_code == 204
    problem(client.get(f"{path}/groups/0001.html"), "not-found")
    assert not list((tmp_path / "data" / "results").rglob("0001.html"))


@pytest.mark.parametrize("packer", [bytes, gzip.compress, zstandard.compress])
def test_packed_dumps_are_read(client, packer):
    assert send(client, packer(NDJSON)).json()["coverage"]["scored"] == 80
    encoding = {bytes: "identity", gzip.compress: "gzip", zstandard.compress: "zstd"}[packer]
    answer = client.post("/v1/dumps?wait=20", content=packer(NDJSON), headers={"Content-Encoding": encoding})
    assert answer.json()["coverage"]["scored"] == 80


def test_options_come_as_query_or_as_fields_of_a_form(client, tmp_path):
    options = {"creator": "u3", "platform": "youtube", "by": "post"}
    expected = expected_report(tmp_path, **options)
    assert send(client, **options).content.strip() == expected
    answer = client.post("/v1/dumps", files={"file": ("a.ndjson", NDJSON)}, data={**options, "wait": "20"})
    assert answer.content.strip() == expected
    answer = client.post(
        "/v1/dumps", files={"file": ("a.csv", b"who;said\nx;Why?\ny;How?\n")},
        data={"columns": "text=said,author=who", "wait": "20"},
    )  # fmt: skip
    assert answer.json()["coverage"]["scored"] == 2


@pytest.mark.parametrize(
    ("options", "field", "expected"),
    [
        ({"by": "day"}, "by", "'none', 'post' or 'creator'"),
        ({"format": "vhs"}, "format", "one of "),
        ({"platform": "vimeo"}, "platform", "'youtube'"),
        ({"wait": "-1"}, "wait", "greater than or equal to 0"),
        ({"wait": "1e9"}, "wait", "less than or equal to 25"),
        ({"wait": "nan"}, "wait", ""),
        ({"nonsense": "1"}, "nonsense", ""),
    ],
)
def test_wrong_options_are_named(on_disk, tmp_path, options, field, expected):
    for answer in (
        on_disk.post("/v1/dumps", content=NDJSON, params=options),
        on_disk.post("/v1/dumps", files={"file": ("a", NDJSON)}, data=options),
    ):
        found = problem(answer, "invalid-request")
        assert found["errors"][0]["field"] == field
        assert expected in found["errors"][0]["expected"]
    assert list(tmp_path.glob("data/uploads/*")) == []


def test_columns_that_make_no_sense_are_refused_before_the_upload(on_disk):
    answer = on_disk.post("/v1/dumps", content=NDJSON, params={"columns": "txt=body"})
    assert "names 'txt'" in problem(answer, "invalid-request")["detail"]


@pytest.mark.parametrize(
    ("body", "detail"), [(b"", "holds no dump"), (b"  \n", "is empty"), (b"\x89PNG", "PNG image")]
)
def test_what_is_no_dump_is_told(client, body, detail):
    answer = send(client, body)
    assert answer.status_code == 422
    assert detail in answer.json()["detail"]


def test_a_failed_dump_tells_why_and_has_no_results(client):
    path = send(client, b"%PDF-1.7 and so on").headers["location"]
    status = client.get(path).json()
    assert (status["status"], status["fault"]) == ("failed", "dump")
    assert "PDF document" in status["error"]
    found = problem(client.get(f"{path}/report"), "no-results")
    assert "PDF document" in found["detail"]


def test_a_dump_that_waits_has_no_results_yet(idle):
    path = idle.post("/v1/dumps?wait=0.2", content=NDJSON).headers["location"]
    answer = idle.get(f"{path}/report")
    assert "is queued" in problem(answer, "no-results")["detail"]
    assert answer.headers["retry-after"] == "2"


def test_a_bomb_fails_with_its_sentence(tmp_path):
    with serving(data_dir=tmp_path, max_unpacked_bytes=1 << 20) as client:
        found = problem(send(client, gzip.compress(bytes(50 << 20))), "unusable-dump")
    assert "unpacks to more than 1,048,576 bytes" in found["detail"]


NAMES = [
    "../../../etc/passwd",
    "/etc/passwd",
    "..\\..\\x.csv",
    "a\nSet-Cookie: x=1",
    "x" * 3000,
    "con.csv\0",
    "é ü.csv",
    ".",
]


@pytest.mark.parametrize("name", NAMES)
def test_no_name_of_a_file_reaches_the_disk(on_disk, tmp_path, name):
    head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    answer = on_disk.post(
        "/v1/dumps",
        content=head + NDJSON + b"\r\n--b--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    assert answer.status_code in (202, 422)
    paths = [path.relative_to(tmp_path / "data") for path in (tmp_path / "data").rglob("*")]
    assert {path.parts[0] for path in paths} <= {"uploads", "plaudit.db", "plaudit.db-wal", "plaudit.db-shm"}
    assert {path.name for path in paths if len(path.parts) == 3} <= {"dump", "dump.csv"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


IDS = [
    "..",
    "%2e%2e%2f%2e%2e",
    "..%2f..%2fplaudit.db",
    "a" * 33,
    "A" * 32,
    "%00",
    "a%0d%0aX-Evil:%201",
    "x' OR '1'='1",
    NOWHERE,
]


@pytest.mark.parametrize("dump_id", IDS)
def test_no_other_id_finds_anything(idle, dump_id):
    idle.post("/v1/dumps", content=NDJSON)
    for path in (f"/v1/dumps/{dump_id}", f"/v1/dumps/{dump_id}/report", f"/v1/dumps/{dump_id}/report.html"):
        answer = idle.get(path)
        assert answer.status_code in (404, 405) or path.startswith("/v1/dumps/..")
        assert "x-evil" not in answer.headers
    assert idle.delete(f"/v1/dumps/{dump_id}").status_code in (404, 405)
    assert len(idle.get("/v1/dumps").json()["dumps"]) == 1


def test_what_is_too_long_is_refused_and_leaves_nothing(database_url, tmp_path):
    settings = {"data_dir": tmp_path / "data", "database_url": database_url}
    with serving(**settings, max_dump_bytes=2048, max_body_bytes=1024) as client:
        declared = client.post("/v1/dumps", content=b"x" * 100_000)
        streamed = client.post("/v1/dumps", content=(b"x" * 100 for _ in range(1000)))
        filed = client.post("/v1/dumps", files={"file": ("a", b"x" * 2049)})
        for answer in (declared, streamed, filed):
            assert answer.status_code == 413
            problem(answer, "body-too-large")
        assert list((tmp_path / "data").glob("uploads/*")) == []
        just_right = client.post("/v1/dumps", content=b"x" * 2048)
        assert just_right.status_code == 202
        assert client.post("/v1/classify", json={"comments": [{"text": "x" * 2000}]}).status_code == 413


def test_an_unknown_packing_is_refused(on_disk):
    answer = on_disk.post("/v1/dumps", content=NDJSON, headers={"Content-Encoding": "br"})
    assert answer.status_code == 415


def test_no_more_may_wait_than_there_is_room_for(database_url, tmp_path):
    settings = {"data_dir": tmp_path, "database_url": database_url}
    with serving(**settings, dump_workers=0, max_open_dumps=2) as client:
        for _ in range(2):
            assert client.post("/v1/dumps", content=NDJSON).status_code == 202
        answer = client.post("/v1/dumps", content=NDJSON)
    assert "2 dumps are waiting" in problem(answer, "overloaded")["detail"]
    assert answer.headers["retry-after"] == "60"


def test_uploads_on_their_way_take_a_place_too(tmp_path):
    with living(data_dir=tmp_path / "data", max_open_dumps=1, body_seconds=60) as live:
        with live.connect() as first:
            first.sendall(head("/v1/dumps") + chunk(NDJSON))
            assert until(lambda: list(tmp_path.glob("data/uploads/*")))
            answer = live.client.post("/v1/dumps", content=NDJSON)
            assert "1 dumps are waiting or on their way" in problem(answer, "overloaded")["detail"]
            first.sendall(chunk(b""))
            assert read_until(first, b"\r\n").startswith(b"HTTP/1.1 202")
        assert live.client.post("/v1/dumps", content=NDJSON).status_code == 429
        (dump,) = live.client.get("/v1/dumps").json()["dumps"]
        assert live.client.delete(f"/v1/dumps/{dump['id']}").status_code == 204
        assert live.client.post("/v1/dumps", content=NDJSON).status_code == 202


def test_no_key_can_take_every_place(tmp_path):
    made = [generate(name) for name in ("one", "two")]
    keys = ",".join(str(line) for _, line in made)
    settings = {"data_dir": tmp_path, "dump_workers": 0, "max_open_dumps": 4, "api_keys": keys}
    with serving(**settings) as client:
        for (key, _), n_taken in zip(made, (2, 1), strict=True):
            for _ in range(n_taken):
                answer = client.post("/v1/dumps", content=NDJSON, headers={"X-API-Key": key})
                assert answer.status_code == 202
            answer = client.post("/v1/dumps", content=NDJSON, headers={"X-API-Key": key})
            assert f"{n_taken} dumps of this API key" in problem(answer, "overloaded")["detail"]
            assert answer.headers["retry-after"] == "60"


def test_a_disk_that_is_nearly_full_takes_no_upload(on_disk, tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "RESERVE_BYTES", 1 << 62)
    found = problem(on_disk.post("/v1/dumps", content=NDJSON), "storage-unavailable")
    assert "too little room for the dump" in found["detail"]
    assert list(tmp_path.glob("data/uploads/*")) == []
    free, n_asked = shutil.disk_usage(tmp_path), []

    def filling(_folder):  # while it is on its way
        n_asked.append(1)
        return free._replace(free=(1 << 63) if len(n_asked) == 1 else 0)

    monkeypatch.setattr(storage.shutil, "disk_usage", filling)
    problem(on_disk.post("/v1/dumps", content=NDJSON), "storage-unavailable")
    assert list(tmp_path.glob("data/uploads/*")) == []


def test_what_is_sent_once_more_is_the_same_dump(client):
    named = {"Idempotency-Key": '"8e03978e-40d5-43dd-bc93-6894a57f9324"'}
    first = client.post("/v1/dumps", content=NDJSON, headers=named)
    bare = {"Idempotency-Key": named["Idempotency-Key"].strip('"')}
    again = client.post("/v1/dumps?wait=20", content=NDJSON, headers=bare)
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.headers["location"] == first.headers["location"]
    for changed in (
        client.post("/v1/dumps", content=NDJSON + b"\n", headers=named),
        client.post("/v1/dumps?by=post", content=NDJSON, headers=named),
    ):
        assert "sent before, with something else" in problem(changed, "invalid-request")["detail"]
    assert len(client.get("/v1/dumps").json()["dumps"]) == 1
    for wrong in ("", "x" * 256, "ü".encode().decode("latin-1")):
        answer = client.post(
            "/v1/dumps", content=NDJSON, headers={"Idempotency-Key": wrong.encode("latin-1")}
        )
        assert answer.status_code == 422
    assert client.delete(first.headers["location"]).status_code == 204
    assert client.post("/v1/dumps", content=NDJSON, headers=named).json()["id"] not in first.text


def test_what_was_taken_is_found_again_where_no_more_fits(tmp_path):
    with serving(data_dir=tmp_path / "data", dump_workers=0, max_open_dumps=1) as client:
        answers = [
            client.post("/v1/dumps", content=NDJSON, headers={"Idempotency-Key": "k"}) for _ in range(3)
        ]
        assert [answer.status_code for answer in answers] == [202] * 3
        assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(list((tmp_path / "data" / "uploads").iterdir())) == 1


def test_an_upload_stays_where_the_database_kept_it_without_a_word(on_disk, tmp_path, monkeypatch):
    add, get = Dumps.add, Dumps.get

    def lose(self, **row):
        add(self, **row)
        raise StorageError("The database can't be reached.")

    monkeypatch.setattr(Dumps, "add", lose)
    assert on_disk.post("/v1/dumps", content=NDJSON).status_code == 202
    assert len(list(tmp_path.glob("data/uploads/*/dump"))) == 1

    def away(*_, **__):
        raise StorageError("The database can't be reached.")

    monkeypatch.setattr(Dumps, "get", away)  # and now nobody can tell
    problem(on_disk.post("/v1/dumps", content=NDJSON), "storage-unavailable")
    monkeypatch.setattr(Dumps, "get", get)
    assert len(on_disk.get("/v1/dumps").json()["dumps"]) == 2
    assert len(list(tmp_path.glob("data/uploads/*/dump"))) == 2


def test_an_upload_that_is_being_kept_is_not_dropped(tmp_path, monkeypatch):
    """A service that is told to stop ends who waits for the database, not the thread that asks it."""
    kept = storage.Storage(Settings(data_dir=tmp_path))
    add, entered, go_on = Dumps.add, threading.Event(), threading.Event()

    def slow(self, **row):
        entered.set()
        assert go_on.wait(60)
        return add(self, **row)

    monkeypatch.setattr(Dumps, "add", slow)
    arrival = Arrival(kept)
    arrival.make_folder()
    row = {"owner": "", "options": "{}", "suffix": "", "n_bytes": 1}
    thread = threading.Thread(target=lambda: arrival.keep(**row))
    thread.start()
    assert entered.wait(60)
    arrival.drop()
    go_on.set()
    thread.join(60)
    assert kept.dumps.get(arrival.id).state == "queued"
    assert (tmp_path / "uploads" / arrival.id).is_dir()
    late = Arrival(kept)
    late.make_folder()
    late.drop()
    with pytest.raises(StorageError):
        late.keep(**row)
    assert not (tmp_path / "uploads" / late.id).exists()
    assert kept.dumps.n_open() == 1
    kept.close()


def test_dumps_are_listed_page_by_page(idle):
    assert idle.get("/v1/dumps").json() == {"dumps": [], "next": None}
    ids = [idle.post("/v1/dumps", content=NDJSON).json()["id"] for _ in range(5)]
    found, before = [], None
    while True:
        page = idle.get("/v1/dumps", params={"limit": 2, **({"before": before} if before else {})}).json()
        found += [dump["id"] for dump in page["dumps"]]
        before = page["next"]
        if before is None:
            break
    assert found == ids[::-1]
    for wrong in ({"limit": 0}, {"limit": 501}, {"before": "x"}):
        assert idle.get("/v1/dumps", params=wrong).status_code == 422


def test_each_key_sees_its_own_dumps_and_is_charged_for_them(database_url, tmp_path):
    made = [generate(name) for name in ("one", "two")]
    keys = ",".join(str(line) for _, line in made)
    one, two = ({"X-API-Key": key} for key, _ in made)
    settings = {"data_dir": tmp_path, "database_url": database_url}
    with serving(**settings, api_keys=keys, quota_per_day=100) as client:
        assert client.post("/v1/dumps", content=NDJSON).status_code == 401
        answer = client.post("/v1/dumps?wait=20", content=NDJSON, headers=one)
        path = answer.headers["location"]
        assert client.get(path, headers=one).status_code == 200
        for other in (client.get(path, headers=two), client.get(f"{path}/report", headers=two)):
            assert other.status_code == 404
        assert client.delete(path, headers=two).status_code == 404
        assert client.get("/v1/dumps", headers=two).json()["dumps"] == []
        left = client.get("/v1/dumps", headers=one).headers["ratelimit-remaining"]
        assert left == "20"
        client.post("/v1/dumps?wait=20", content=NDJSON, headers=one)  # uses up more than is left
        assert client.post("/v1/dumps", content=NDJSON, headers=one).status_code == 429
        assert client.post("/v1/dumps?wait=20", content=NDJSON, headers=two).status_code == 200


def test_a_service_that_is_only_asked_leaves_nothing_on_the_disk(tmp_path):
    with serving(data_dir=tmp_path / "data") as client:
        client.post("/v1/classify", json={"comments": [{"text": "x"}]})
        client.get("/v1/dumps")
        client.get(f"/v1/dumps/{NOWHERE}")
        client.delete(f"/v1/feedback/{NOWHERE}")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_sentence(on_disk, tmp_path, monkeypatch, caplog):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device", "/secret")

    start = Upload.__init__

    def begin(self, *args, **named):
        start(self, *args, **named)
        self._file.close()
        self._file = Full()

    monkeypatch.setattr(Upload, "__init__", begin)
    found = problem(on_disk.post("/v1/dumps", content=NDJSON), "storage-unavailable")
    assert found["status"] == 503
    assert "No space left on device" in found["detail"]
    assert "secret" not in str(found)
    assert list(tmp_path.glob("data/uploads/*")) == []
    assert on_disk.post("/v1/classify", json={"comments": [{"text": "x"}]}).status_code == 200


def test_a_database_that_cannot_be_asked_harms_nobody_else(on_disk, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise StorageError("The database is locked by another process: try again in a few seconds.")

    monkeypatch.setattr(Dumps, "add", fail)
    answer = on_disk.post("/v1/dumps", content=NDJSON)
    assert "locked by another process" in problem(answer, "storage-unavailable")["detail"]
    assert answer.headers["retry-after"] == "5"
    assert list(tmp_path.glob("data/uploads/*")) == []
    assert on_disk.post("/v1/classify", json={"comments": [{"text": "x"}]}).status_code == 200


def test_the_head_of_a_file_is_told_without_reading_it(client, monkeypatch):
    path = send(client, by="post").headers["location"]
    files = ("report", "report.html", "comments.parquet", "rejected.jsonl", "groups/0001.html")
    whole = {name: client.get(f"{path}/{name}") for name in files}

    def read(_file):
        raise AssertionError("it is read")

    monkeypatch.setattr(dump_files, "_chunks", read)
    for name in files:
        head = client.head(f"{path}/{name}")
        assert (head.status_code, head.content) == (200, b"")
        for each in ("content-type", "content-length", "content-disposition", "cache-control"):
            assert head.headers[each] == whole[name].headers[each]
        assert int(head.headers["content-length"]) == len(whole[name].content)
    assert client.head(f"{path}/nothing").status_code == 404


def test_nobody_asks_on_for_a_caller_who_has_left(tmp_path, monkeypatch):
    """What waits for a report ends with its caller, not after `wait` seconds."""
    asked, get = [], Dumps.get
    monkeypatch.setattr(Dumps, "get", lambda *args, **named: asked.append(1) or get(*args, **named))
    monkeypatch.setattr(dumps, "_POLL_SECONDS", (0.02, 0.02))
    with living(data_dir=tmp_path / "data", dump_workers=0) as live:
        with live.connect() as connection:
            head = f"POST /v1/dumps?wait=25 HTTP/1.1\r\nHost: t\r\nContent-Length: {len(NDJSON)}\r\n\r\n"
            connection.sendall(head.encode() + NDJSON)
            assert until(lambda: len(asked) > 2)
        assert until(lambda: live.value("plaudit_callers_gone_total") == 1)
        n_asked = len(asked)
        time.sleep(0.5)
        assert len(asked) == n_asked


def until(is_so, *, seconds=20):
    end = time.monotonic() + seconds
    while not (so := is_so()) and time.monotonic() < end:
        time.sleep(0.02)
    return so


def test_results_that_are_gone_are_told(client, tmp_path):
    path = send(client).headers["location"]
    for file in (tmp_path / "data" / "results").rglob("report.*"):
        file.unlink()
    assert "not in the data folder" in problem(client.get(f"{path}/report"), "storage-unavailable")["detail"]


def test_deleting_while_it_waits_cancels_it(idle, tmp_path):
    path = idle.post("/v1/dumps", content=NDJSON).headers["location"]
    assert idle.delete(path).status_code == 204
    assert idle.delete(path).status_code == 404
    assert list(tmp_path.glob("data/uploads/*")) == []


def test_what_was_handed_in_is_scored_after_a_restart(database_url, tmp_path):
    settings = {"data_dir": tmp_path / "data", "database_url": database_url}
    with serving(**settings, dump_workers=0) as client:
        path = client.post("/v1/dumps", content=NDJSON).headers["location"]
    with serving(**settings) as client:
        send(client)
        assert client.get(path).json()["status"] == "done"


def test_many_uploads_at_once_are_all_done(client):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(send(client))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [answer.status_code for answer in answers] == [200] * 8
    assert len({answer.content for answer in answers}) == 1
