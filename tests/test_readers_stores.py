"""Object stores as sources, on servers of this machine that speak their protocols."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from plaudit.errors import FetchError, InputError
from plaudit.readers import read
from plaudit.service import chunks
from plaudit.service.output import MANIFEST
from tests.commands import run as run

CSV = b"id,text\n1,From a table\n2,\n"
LINES = b"".join(b'{"id": "%d", "text": "From lines"}\n' % i for i in range(20_000))

pytestmark = pytest.mark.filterwarnings("ignore")  # of the servers and their clients


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    reason = "is not installed: pip install 'moto[server]' s3fs"
    server = pytest.importorskip("moto.server", reason=f"moto {reason}")
    pytest.importorskip("s3fs", reason=f"s3fs {reason}")
    store = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    store.start()
    host, port = store.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "anybody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "anything")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield "s3"
    store.stop()


@pytest.fixture(scope="module")
def gs() -> Iterator[str]:
    reason = "is not installed: pip install gcp-storage-emulator gcsfs"
    server = pytest.importorskip("gcp_storage_emulator.server", reason=f"gcp-storage-emulator {reason}")
    pytest.importorskip("gcsfs", reason=f"gcsfs {reason}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = server.create_server("127.0.0.1", port, in_memory=True)
    store.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        patch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")  # it asks over gRPC, which is not there
        yield "gs"
    store.stop()


@pytest.fixture(params=["s3", "gs"])
def bucket(request: Any, tmp_path: Path) -> str:
    """The address of a bucket with dumps in it."""
    kind = request.getfixturevalue(request.param)
    import fsspec

    filesystem, name = fsspec.filesystem(kind), f"bucket-{tmp_path.name.replace('_', '-').lower()}"[:60]
    filesystem.mkdir(name)
    pq.write_table(pa.table({"text": ["Columns"] * 50_000}), tmp_path / "c.parquet")
    for path, data in {
        "d/a.csv": CSV,
        "d/b.jsonl.gz": gzip.compress(LINES),
        "d/deep/c.parquet": (tmp_path / "c.parquet").read_bytes(),
        "d/notes.md": b"no dump",
        "other/notes.md": b"no dump",
    }.items():
        filesystem.pipe_file(f"{name}/{path}", data)
    return f"{kind}://{name}"


def counts(*addresses: str) -> tuple[int, list[str]]:
    batches = list(read(addresses))
    rejected = [f"{each.reason} {each.where}" for batch in batches for each in batch.rejections]
    return sum(batch.comments.num_rows for batch in batches), rejected


def test_files_folders_and_patterns(bucket: str) -> None:
    assert counts(f"{bucket}/d/a.csv") == (1, ["empty_text a.csv:3"])
    assert counts(f"{bucket}/d/deep/c.parquet") == (50_000, [])
    assert counts(f"{bucket}/d") == (70_001, ["empty_text a.csv:3"])
    assert counts(f"{bucket}/d/*.gz", f"{bucket}/**/*.parquet") == (70_000, [])


def test_what_is_not_there_is_told_in_a_sentence(bucket: str) -> None:
    for path, sentence in {
        "d/z.csv": "There is nothing at",
        "d/*.xlsx": "No file matches",
        "other": "holds no file to read",
    }.items():
        with pytest.raises(InputError, match=sentence):
            read([f"{bucket}/{path}"])
    with pytest.raises(InputError, match="There is nothing at"):
        read([f"{bucket}-nobody-made/a.csv"])


def test_a_run(bucket: str, run: Any, tmp_path: Path) -> None:
    done = run("score", f"{bucket}/d/b.jsonl.gz", "--out", tmp_path / "out", "--threads", 1)
    assert done.exit_code == 0, done.stderr
    assert pq.read_table(tmp_path / "out" / "comments.parquet").num_rows == 20_000


def test_what_s3_holds_packed_and_what_it_is_taken_for(s3: str, run: Any) -> None:
    put("packed", {"a.jsonl.zst": zstandard.compress(LINES), "b.csv": CSV})
    assert counts("s3://packed/a.jsonl.zst") == (20_000, [])
    assert counts("s3://packed") == (20_001, ["empty_text b.csv:3"])
    told = run("inspect", "s3://packed/a.jsonl.zst", "s3://packed/b.csv")
    assert told.exit_code == 0, told.stderr
    assert "From lines" in told.stdout
    assert "From a table" in told.stdout
    for path in ("nothing", "packed/c.csv"):
        told = run("inspect", f"s3://{path}")
        assert (told.exit_code, "There is nothing at" in told.stderr) == (2, True), told.stderr


def test_who_may_not_read_s3_is_told(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put("locked", {"d/a.csv": CSV})
    with monkeypatch.context() as patch:
        patch.setattr("moto.settings.INITIAL_NO_AUTH_ACTION_COUNT", 0)  # it looks at keys, and knows none
        forget()
        for path in ("d/a.csv", "d", "d/*.csv", ""):
            with pytest.raises(InputError, match=r"s3://locked.* cannot be read \(.*check the address and"):
                read([f"s3://locked/{path}"])
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    forget()
    with pytest.raises(InputError, match=r"cannot be read \(Unable to locate credentials\)"):
        read(["s3://locked/d/a.csv"])


def test_an_endpoint_that_does_not_answer_is_told(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        forget()
        for path in ("a.csv", "*.csv"):
            with pytest.raises(InputError, match=r"cannot be read \(Could not connect to the .*check the ad"):
                read([f"s3://bucket/{path}"])


def put(bucket: str, files: dict[str, bytes]) -> None:
    """Make a bucket with files in it."""
    import s3fs

    forget()
    store = s3fs.S3FileSystem()
    store.mkdir(bucket)
    for path, data in files.items():
        store.pipe_file(f"{bucket}/{path}", data)
    forget()


def forget() -> None:
    """Take the next address to the server, and with the keys, that the environment names then."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()


class _Line(BaseHTTPRequestHandler):
    """Passes on what is asked for, and, while it is cut, half of what comes back of a large file."""

    server: Any

    def do_HEAD(self) -> None:
        self._pass_on()

    def do_GET(self) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        store = http.client.HTTPConnection(self.server.store, timeout=30)
        store.request(self.command, self.path, headers=dict(self.headers))
        answer = store.getresponse()
        data = answer.read()
        store.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"connection", "date", "server", "transfer-encoding", "content-length"}:
                self.send_header(name, value)
        self.send_header(
            "Content-Length", str(len(data)) if data else answer.getheader("Content-Length", "0")
        )
        self.end_headers()
        if self.server.cuts and self.path.split("?")[0].endswith(self.server.cuts):
            self.server.n_cut += 1
            data = data[: len(data) // 2]
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def line(s3: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The way to S3 leads over it; it breaks in the middle of files whose names end in `cuts`."""
    import s3fs

    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Line)
    server.store, server.cuts, server.n_cut = os.environ["AWS_ENDPOINT_URL"].removeprefix("http://"), "", 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr("plaudit.readers.remote.time.sleep", lambda _: None)
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)  # else s3fs tries again by itself, and waits
    yield server
    server.shutdown()
    server.server_close()
    forget()


def over(line: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{line.server_address[1]}")
    forget()


def test_a_body_cut_short_is_no_file_that_ends(line: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    put("cut", {"a.jsonl": LINES, "b.jsonl.gz": gzip.compress(LINES)})
    over(line, monkeypatch)
    assert counts("s3://cut/a.jsonl", "s3://cut/b.jsonl.gz") == (40_000, [])
    for name in ("a.jsonl", "b.jsonl.gz"):
        batches, line.cuts = read([f"s3://cut/{name}"]), name
        with pytest.raises(FetchError, match=rf"s3://cut/{name} cannot be read on from byte .* run it again"):
            list(batches)
        assert line.n_cut >= 4
        line.cuts, line.n_cut = "", 0


def test_a_run_that_s3_broke_off_goes_on(
    line: Any, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_RECORDS", 500)
    monkeypatch.setattr("plaudit.service.cli._BATCH", 250)
    lines = [b'{"id": "%d", "text": "Which glue, %d?"}\n' % (i, i) for i in range(4000)]
    put("long", {"1.ndjson": b"".join(lines[:2000]), "2.ndjson.gz": gzip.compress(b"".join(lines[2000:]))})
    over(line, monkeypatch)
    command = ("score", "s3://long/*.ndjson*", "--threads", 1, "--out")
    assert run(*command, tmp_path / "whole").exit_code == 0
    close = chunks.Chunks._close

    def closing(self: Any) -> None:
        close(self)
        line.cuts = "2.ndjson.gz"  # once something is kept

    with monkeypatch.context() as patch:
        patch.setattr(chunks.Chunks, "_close", closing)
        done = run(*command, tmp_path / "out")
    assert done.exit_code == 1, done.stderr
    assert "s3://long/2.ndjson.gz cannot be read on from byte 1 " in done.stderr
    assert "--resume goes on." in done.stderr
    line.cuts = ""
    again = run(*command, tmp_path / "out", "--resume")
    assert again.exit_code == 0, again.stderr
    told = json.loads((tmp_path / "out" / MANIFEST).read_bytes())
    assert told["run"]["comments_before"] >= 500
    assert all(each["version"].startswith("etag:") for each in told["inputs"])
    for name in ("comments.parquet", "rejected.jsonl", "report.json", "report.html"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
