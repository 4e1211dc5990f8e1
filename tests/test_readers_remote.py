"""Lines that break are no files that end: tried again, gone on with, and told in the end."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest

from plaudit.errors import FetchError, InputError
from plaudit.readers import read, sources_of
from plaudit.readers.remote import _version_of
from plaudit.service import chunks
from plaudit.service.output import MANIFEST
from tests.commands import run as run

fsspec = pytest.importorskip("fsspec", reason="the extra [remote] is not installed")

LINES = b"".join(b'{"id": "%d", "text": "Which glue, %d?"}\n' % (i, i) for i in range(40_000))
N_BROKEN = 600_000  # bytes that come before the line breaks
ANONYMOUS = """
import sys
from plaudit.readers import read
def held():
    for line in open("/proc/self/status"):
        if line.startswith("RssAnon"):
            return int(line.split()[1]) >> 10
(small,) = read([sys.argv[1]])
before, n, grown = held(), 0, 0
for batch in read([sys.argv[2]]):
    n, grown = n + batch.comments.num_rows, max(grown, held() - before)
import pyarrow
print(n, grown, pyarrow.default_memory_pool().max_memory() >> 20)
"""


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr("plaudit.readers.remote.time.sleep", waited.append)
    return waited


class Line(io.BytesIO):
    """A file whose bytes come in pieces, and which fails as it is told to."""

    def __init__(self, data: bytes, fails: Callable[[int], Exception | None]) -> None:
        super().__init__(data)
        self._fails = fails

    def read(self, n: int | None = -1, /) -> bytes:
        error = self._fails(self.tell())
        if error is not None:
            raise error
        return super().read(min(n, 100_000) if n and n > 0 else n)


@pytest.fixture
def breaking(memory: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], Any]], None]:
    def start(fails: Callable[[int], Exception | None]) -> None:
        monkeypatch.setattr(memory, "open", lambda path, mode: Line(memory.cat_file(path), fails))

    return start


def ids(*sources: str) -> list[str]:
    return [each for batch in read(sources) for each in batch.comments["id"].to_pylist()]


def test_a_line_that_breaks_is_taken_up_again(memory: Any, breaking: Any, pauses: list[float]) -> None:
    times: list[int] = []

    def fails(at: int) -> Exception | None:
        times.append(at)
        return ConnectionResetError("reset") if at > 0 and len(times) % 3 else None

    memory.pipe_file("/a.jsonl", LINES)
    memory.pipe_file("/b.jsonl.gz", gzip.compress(LINES, mtime=0))
    breaking(fails)
    assert ids("memory://a.jsonl") == [str(i) for i in range(40_000)]
    assert ids("memory://b.jsonl.gz") == [str(i) for i in range(40_000)]
    assert set(pauses) == {1.0, 4.0}


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.parquet", "a.parquet.gz", "a.zip"])
def test_a_line_that_stays_down_is_told_and_no_damage(
    memory: Any, breaking: Any, pauses: list[float], tmp_path: Path, name: str
) -> None:
    texts = [f"Which glue, {i * 7919 % 104_729}?" for i in range(40_000)]
    if "parquet" in name:
        pq.write_table(pa.table({"text": texts}), tmp_path / "a", row_group_size=2000, compression="none")
        data = (tmp_path / "a").read_bytes()
    elif name == "a.zip":
        data = zipped(LINES)
    else:
        data = LINES
    memory.pipe_file(f"/{name}", gzip.compress(data) if name.endswith(".gz") else data)
    is_up = threading.Event()
    is_up.set()
    breaking(lambda at: None if is_up.is_set() or not at else TimeoutError("no answer"))
    batches = read([f"memory://{name}"])
    is_up.clear()
    with pytest.raises(FetchError, match=rf"{name} cannot be read on from byte .*no answer.*run it again"):
        list(batches)
    assert pauses[-3:] == [1.0, 4.0, 15.0]


def zipped(data: bytes) -> bytes:
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jsonl", data)
    return out.getvalue()


def test_what_another_try_would_not_mend_is_told_at_once(
    memory: Any, breaking: Any, pauses: list[float]
) -> None:
    memory.pipe_file("/a.jsonl", LINES)
    breaking(lambda at: PermissionError("the token has expired") if at > N_BROKEN else None)
    with pytest.raises(FetchError, match="the token has expired"):
        ids("memory://a.jsonl")
    assert pauses == []


def test_a_file_replaced_meanwhile_is_not_mixed(
    memory: Any, breaking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe_file("/a.jsonl", LINES)
    tag, info = ["one"], memory.info
    monkeypatch.setattr(memory, "info", lambda path, **options: info(path, **options) | {"ETag": tag[0]})

    def fails(at: int) -> Exception | None:
        if at > N_BROKEN and tag[0] == "one":
            tag[0] = "two"
            return TimeoutError("no answer")
        return None

    breaking(fails)
    with pytest.raises(FetchError, match="has changed while it was read"):
        ids("memory://a.jsonl")


def test_an_archive_cut_short_in_a_store_keeps_what_came(memory: Any, pauses: list[float]) -> None:
    packed = gzip.compress(LINES)
    memory.pipe_file("/a.jsonl.gz", packed[: len(packed) // 2])
    batches = list(read(["memory://a.jsonl.gz"]))
    assert sum(len(batch.comments) for batch in batches) > 10_000
    assert [each.reason for batch in batches for each in batch.rejections] == ["truncated_archive"]
    assert pauses == []


def test_a_run_that_lost_its_store_goes_on(
    memory: Any, breaking: Any, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_RECORDS", 500)
    monkeypatch.setattr("plaudit.service.cli._BATCH", 250)
    monkeypatch.setattr("plaudit.readers.stream._N_CHUNK", 1 << 14)
    lines = b"".join(LINES.splitlines(keepends=True)[:6000])
    memory.pipe_file("/a.jsonl", lines)
    command = ("score", "memory://a.jsonl", "--threads", 1, "--out")
    assert run(*command, tmp_path / "whole").exit_code == 0
    is_up = threading.Event()
    is_up.set()

    def fails(at: int) -> Exception | None:
        is_second = threading.current_thread() is threading.main_thread() and not is_up.is_set()
        return TimeoutError("no answer") if is_second and at > 100_000 else None

    part = chunks.Chunks._close

    def closing(self: Any) -> None:
        part(self)
        is_up.clear()  # once something is kept

    with monkeypatch.context() as patch:
        patch.setattr(chunks.Chunks, "_close", closing)
        breaking(fails)
        done = run(*command, tmp_path / "out")
    assert done.exit_code == 1, done.stderr
    assert "cannot be read on" in done.stderr
    assert "--resume goes on." in done.stderr
    assert not (tmp_path / "out").exists()
    is_up.set()
    again = run(*command, tmp_path / "out", "--resume")
    assert again.exit_code == 0, again.stderr
    told = json.loads((tmp_path / "out" / MANIFEST).read_bytes())
    assert told["run"]["comments_before"] >= 500
    for name in ("comments.parquet", "rejected.jsonl", "report.json", "report.html"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


class _Whole(BaseHTTPRequestHandler):
    """Says how long files are, and sends them whole whatever part is asked for."""

    folder = Path()
    tag = '"one"'

    def do_HEAD(self) -> None:
        self._begin()

    def do_GET(self) -> None:
        data = self._begin()
        try:
            self.wfile.write(data)
        except OSError:  # it was enough
            self.close_connection = True

    def _begin(self) -> bytes:
        data = (self.folder / self.path[1:]).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", self.tag)
        self.end_headers()
        return data

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    pytest.importorskip("aiohttp", reason="the extra [remote] is not installed")
    handler = type("Handler", (_Whole,), {"folder": tmp_path})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_server_that_sends_no_parts_of_files(web: str, tmp_path: Path, pauses: list[float]) -> None:
    texts = [f"{i:06d} which{' glue' * 200}" for i in range(7000)]  # more than is fetched at once
    (tmp_path / "a.txt").write_text("\n".join(texts))
    pq.write_table(
        pa.table({"text": texts}), tmp_path / "a.parquet", compression="none", use_dictionary=False
    )
    for name in ("a.txt", "a.parquet"):
        assert [t for batch in read([f"{web}/{name}"]) for t in batch.comments["text"].to_pylist()] == texts
    assert pauses == []


def test_what_tells_a_file_from_a_later_one(web: str, tmp_path: Path, memory: Any) -> None:
    for info, version in {
        (("ETag", '"1"'), ("LastModified", "today")): 'etag:"1"',
        (("etag", "1"), ("generation", "7")): "generation:7",
        (("Last-Modified", "today"), ("size", 3)): "lastmodified:today",
        (("mtime", 1.5), ("created", 1.0)): "mtime:1.5",
        (("size", 3), ("ETag", "")): None,
    }.items():
        assert _version_of(dict(info)) == version
    (tmp_path / "a.csv").write_text("text\na\n")
    assert [each.version for each in sources_of([f"{web}/a.csv"])] == ['etag:"one"']
    (on_disk,) = sources_of([f"file://{tmp_path}/a.csv"])
    assert on_disk.version == f"mtime:{(tmp_path / 'a.csv').stat().st_mtime}"


def test_a_store_is_looked_through_once_a_run(
    memory: Any, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(5):
        memory.pipe_file(f"/d/{i}.csv", b"id,text\n%d,Which glue?\n" % i)
    found, opened = [], []
    find, open_ = memory.find, memory.open
    monkeypatch.setattr(memory, "find", lambda *a, **k: found.append(a) or find(*a, **k))
    monkeypatch.setattr(memory, "open", lambda path, *a, **k: opened.append(path) or open_(path, *a, **k))
    done = run("score", "memory://d", "--out", tmp_path / "out", "--threads", 1)
    assert done.exit_code == 0, done.stderr
    assert len(found) == 1
    # Is it an archive, how does it begin, its first records, all of it, and what the page quotes.
    assert len(opened) <= 5 * 5


def test_an_unpacked_batch_of_a_remote_arrow_file_is_not_held_whole(tmp_path: Path) -> None:
    """As `file://` it is read as from a store; 256 MiB in one batch."""
    texts = pa.array([f"{i:06d}{'which glue? ' * 85}" for i in range(64_000)]).cast(pa.large_string())
    texts = pa.concat_arrays([texts] * 4)
    schema = pa.schema([("text", pa.large_string())])
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as file, pa.ipc.new_file(file, schema) as writer:
        writer.write_batch(pa.record_batch([texts], schema=schema))
    del texts
    assert (tmp_path / "a.arrow").stat().st_size > 250 << 20
    (tmp_path / "small.txt").write_text("one comment\n")
    command = [sys.executable, "-c", ANONYMOUS, tmp_path / "small.txt", f"file://{tmp_path}/a.arrow"]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    n, grown, in_arrow = map(int, told.stdout.split())
    assert n == 256_000
    assert grown < 160
    assert in_arrow < 160


def test_a_folder_of_empty_files_is_told_by_their_names(tmp_path: Path) -> None:
    for i in range(9):
        (tmp_path / f"{i}.csv").write_bytes(b"")
    with pytest.raises(InputError, match=r"are empty: 0\.csv, 1\.csv, 2\.csv, 3\.csv, 4\.csv and 4 more;"):
        read([tmp_path])
