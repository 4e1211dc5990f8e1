"""Where dumps lie: folders, patterns, archives, other machines."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import threading
import warnings
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from plaudit.errors import FetchError, InputError
from plaudit.readers import read
from plaudit.readers.origin import sifted
from plaudit.readers.remote import shown
from plaudit.readers.source import Listing, listing_of, sources_of

from .test_readers_errors import zipped
from .test_readers_formats import INFO, rows_of, write
from .test_readers_tools import CONVOKIT, as_lines

CSV = b"text\nFrom a table\n"
LINES = b'{"text": "From lines"}\n'


def texts(*sources: str | Path) -> list[str]:
    return [text for batch in read(list(sources)) for text in batch.comments["text"].to_pylist()]


def parquet(text: str) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"text": [text]}), out)
    return out.getvalue()


def test_patterns(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    write(tmp_path, "a.csv", CSV)
    write(tmp_path / "sub", "b.jsonl", LINES)
    write(tmp_path, "c.txt", "Not asked for\n")
    assert texts(f"{tmp_path}/*.csv") == ["From a table"]
    assert texts(f"{tmp_path}/**/*.[cj]s*") == ["From a table", "From lines"]
    with pytest.raises(InputError, match="No file matches"):
        read([f"{tmp_path}/*.parquet"])
    odd = write(tmp_path, "a[1].csv", CSV)
    assert texts(odd) == ["From a table"]


def test_an_unusable_file_of_a_folder_is_counted(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", CSV)
    write(tmp_path, "b.json", {"settings": {"dark": True}})
    write(tmp_path, "c.csv", b"\x89PNG\r\n\x1a\n")
    rows, rejected = rows_of(tmp_path)
    assert len(rows) == 1
    assert rejected == [("unusable_file", "b.json:1"), ("unusable_file", "c.csv:1")]
    with pytest.raises(InputError, match=r"PNG"):  # named, it is an error
        read([tmp_path / "a.csv", tmp_path / "c.csv"])
    (tmp_path / "a.csv").unlink()
    with pytest.raises(Exception, match=r"b\.json.*None of 1 others"):
        read([tmp_path])


def locked(data: bytes) -> bytes:
    """An archive of one file, made to say that it takes a password."""
    changed = bytearray(data)
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        changed[changed.rindex(magic) + at] |= 1
    return bytes(changed)


BAD_ARCHIVES: dict[str, tuple[bytes, str]] = {
    "photos.zip": (zipped({"a.png": b"x", "b.mp4": b"x"}), "holds no file to read"),
    "nothing.zip": (zipped({}), "holds no file to read"),
    "broken.zip": (b"PK\x03\x04" + b"\xff" * 60, "damaged ZIP archive"),
    "locked.zip": (locked(zipped({"a.csv": CSV})), "locked with a password"),
}


@pytest.mark.parametrize("name", BAD_ARCHIVES)
def test_a_bad_archive_of_a_folder_is_counted(tmp_path: Path, name: str) -> None:
    data, hint = BAD_ARCHIVES[name]
    path = write(tmp_path, name, data)
    with pytest.raises(InputError, match=hint):
        read([path])
    with pytest.raises(InputError, match=hint):
        read([tmp_path])
    good = write(tmp_path, "good.csv", CSV)
    for place in (tmp_path, f"{tmp_path}/*"):
        (batch,) = read([place])
        assert batch.comments["text"].to_pylist() == ["From a table"]
        (rejection,) = batch.rejections
        assert rejection.reason == "unusable_file"
        assert rejection.where.startswith(name)
        assert hint in rejection.detail
    if name != "locked.zip":  # a locked file is one of those in a named archive
        with pytest.raises(InputError, match=hint):
            read([good, path])


def test_a_locked_file_of_an_archive_is_counted(tmp_path: Path) -> None:
    rows, rejected = rows_of(write(tmp_path, "a.zip", locked(zipped({"a.csv": CSV, "b.csv": CSV}))))
    assert [row["source"] for row in rows] == ["a.zip/a.csv"]
    assert rejected == [("unusable_file", "a.zip/b.csv:1")]


def test_a_file_of_a_folder_that_cannot_be_opened_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a.csv", CSV)
    write(tmp_path, "b.csv", CSV)
    opened = Path.open

    def refuse(self: Path, *arguments: Any, **more: Any) -> Any:
        if self.name == "b.csv":
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, *arguments, **more)

    monkeypatch.setattr(Path, "open", refuse)
    (batch,) = read([tmp_path])
    assert batch.comments.num_rows == 1
    assert [each.reason for each in batch.rejections] == ["unusable_file"]
    assert "b.csv cannot be opened (Permission denied)" in batch.rejections[0].detail
    with pytest.raises(InputError, match=r"b\.csv cannot be opened"):
        read([tmp_path / "a.csv", tmp_path / "b.csv"])


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n", b""])
def test_what_a_pattern_matches_may_be_no_dump(tmp_path: Path, data: bytes) -> None:
    pytest.importorskip("fsspec", reason="the extra [remote] is not installed")
    write(tmp_path, "a.csv", CSV)
    write(tmp_path, "b.csv", data)
    for pattern in (f"{tmp_path}/*.csv", f"file://{tmp_path}/*.csv"):
        (batch,) = read([pattern])
        assert batch.comments["text"].to_pylist() == ["From a table"]
        assert [each.where for each in batch.rejections] == (["b.csv:1"] if data else [])
    (tmp_path / "a.csv").unlink()
    for pattern in (f"{tmp_path}/*.csv", f"file://{tmp_path}/*.csv"):
        with pytest.raises(InputError, match="PNG" if data else "empty"):
            read([pattern])


UNTOLD: dict[str, bytes] = {
    **{"RC_2019-04": LINES, "sub/part-00000": CSV, "LICENSE": b"You may copy this.\n", "_SUCCESS": b""},
    **{
        "notes.dat": CSV,
        "sub/clip.mp4": b"x",
        ".DS_Store": b"x",
        ".git/HEAD": b"ref: x\n",
        ".git/a.sh": b"x",
    },
}


@pytest.mark.parametrize("kind", ["folder", "archive", "address"])
def test_files_whose_names_do_not_say_what_they_are(tmp_path: Path, kind: str) -> None:
    if kind == "address":
        pytest.importorskip("fsspec", reason="the extra [remote] is not installed")
    place = tmp_path / "dumps"
    for name, data in UNTOLD.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        write(place, name, data)
    packed = write(tmp_path, "dumps.zip", zipped(UNTOLD))
    named: str | Path = {"folder": place, "archive": packed, "address": f"file://{place}"}[kind]
    (batch,) = read([named])
    assert batch.comments["text"].to_pylist() == ["From lines", "From a table"]
    (rejection,) = batch.rejections
    assert rejection.where.endswith("LICENSE:1")
    assert rejection.reason == "unusable_file"
    assert "has no suffix" in rejection.detail
    listing = listing_of([named])
    assert [name[-12:] for name in listing.passed_over] == ["ps/notes.dat", "sub/clip.mp4"] or (
        kind == "archive" and listing.passed_over == ["dumps.zip/notes.dat", "dumps.zip/sub/clip.mp4"]
    )
    (sentence,) = listing.sentences()
    assert sentence.startswith("2 files passed over: ")
    assert "clip.mp4. If one" in sentence


def test_what_was_passed_over_is_told_in_short() -> None:
    assert listing_of(["-"]).sentences() == []
    listing = Listing(sources=[], passed_over=[f"{i}.dat" for i in range(1007)])
    assert listing.sentences()[0].startswith(
        "1,007 files passed over: 0.dat, 1.dat, 2.dat, 3.dat, 4.dat and 1,002 more."
    )
    assert Listing(sources=[], passed_over=["a.dat"]).sentences()[0].startswith("1 file passed over: a.dat. ")


def test_a_file_without_a_suffix_is_read_as_it_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, "part-00000", b"From a line\n")
    assert texts(path) == texts(f"{tmp_path}/part-*") == ["From a line"]
    rows, _ = rows_of(tmp_path, format="lines")
    assert len(rows) == 1
    with pytest.raises(InputError, match="part-00000 has no suffix"):
        read([tmp_path])


def test_names_of_files_found_somewhere() -> None:
    names = [
        "d/",
        "d/sub/",
        "d/a.CSV",
        "d/b",
        "d/.c.csv",
        "d/.e/f.csv",
        "d/.e/g",
        "d/.e/h.dat",
        "d/i.dat",
        "",
    ]
    assert sifted(names, below="d/") == (["d/a.CSV", "d/b", "d/.e/f.csv"], ["d/i.dat"])


def test_a_file_is_read_once_where_a_link_gives_it_a_suffix(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    write(tmp_path / "blobs", "3f2a", parquet("From columns"))
    (tmp_path / "train.parquet").symlink_to("blobs/3f2a")
    assert texts(tmp_path) == ["From columns"]


def test_a_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.csv", CSV)
    (tmp_path / "locked").mkdir()
    scan = os.scandir

    def refuse(path: Any) -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match=r"locked cannot be listed \(Permission denied\)"):
        read([tmp_path])


def test_an_archive_is_the_dumps_in_it(tmp_path: Path) -> None:
    members = {
        **{"b/info.json": json.dumps(INFO).encode(), "a.csv": CSV, "c.jsonl.gz": gzip.compress(LINES)},
        **{"notes.md": b"none", "d.parquet": parquet("From columns"), "e.csv": b"", "f.json": b"no JSON"},
    }
    path = write(tmp_path, "export.zip", zipped(members))
    rows, rejected = rows_of(path)
    assert [row["source"] for row in rows if "From" in row["text"]] == [
        "export.zip/a.csv",
        "export.zip/c.jsonl.gz",
        "export.zip/d.parquet",
    ]
    assert len(rows) == 3 + 3
    assert ("unusable_file", "export.zip/f.json:1") in rejected
    assert texts(path.rename(tmp_path / "unnamed")) == [row["text"] for row in rows]
    corpus = {f"corpus/{name}": b"{}" for name in ("index.json", "conversations.json")}
    path = write(tmp_path, "corpus.zip", zipped({**corpus, "corpus/utterances.jsonl": as_lines(CONVOKIT)}))
    assert len(rows_of(path)[0]) == 3
    assert sum(source.n_bytes or 0 for source in sources_of([path])) == len(as_lines(CONVOKIT))


def test_a_damaged_member_keeps_what_came(tmp_path: Path) -> None:
    lines = b"".join(
        json.dumps({"id": i, "text": f"No. {i * 7919 % 9973}"}).encode() + b"\n" for i in range(40_000)
    )
    data = bytearray(zipped({"a.jsonl": lines}))
    data[len(data) * 3 // 4] ^= 0xFF
    rows, rejected = rows_of(write(tmp_path, "a.zip", bytes(data)))
    assert 1000 < len(rows) <= 40_000
    assert "truncated_archive" in [reason for reason, _ in rejected]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_cut_short_keeps_what_came(tmp_path: Path, streamed: bool, method: int) -> None:
    lines = b"".join(b'{"id": "%d", "text": "No. %d"}\n' % (i, i * 7919 % 9973) for i in range(20_000))
    out = io.BytesIO()
    with zipfile.ZipFile(_Unseekable(out) if streamed else out, "w", method) as archive:
        for name, data in {"a.csv": CSV, "notes.md": b"none" * 50, "b.jsonl": lines}.items():
            archive.writestr(name, data)
    data = out.getvalue()
    for cut in (20, len(data) // 4):
        path = write(tmp_path, "export.zip", data[:-cut])
        if streamed and method == zipfile.ZIP_STORED:  # nothing says where such a file ends
            with pytest.raises(InputError, match="ZIP"):
                read([path])
            continue
        rows, rejected = rows_of(path)
        reasons = [reason for reason, _ in rejected]
        assert rows[0]["source"] == "export.zip/a.csv"
        assert reasons[-1] == "unusable_file"
        if cut == 20:
            assert len(rows) == 20_001
        else:
            assert 5_000 < len(rows) < 20_000
            assert reasons == ["truncated_archive", "unusable_file"]


class _Unseekable(io.RawIOBase):
    """What an archive is written to that cannot put sizes before files it did not know then."""

    def __init__(self, out: io.BytesIO) -> None:
        self._out = out

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        return self._out.write(data)


def test_a_locked_archive(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="password"):
        read([write(tmp_path, "a.zip", locked(zipped({"a.csv": CSV})))])


fsspec = pytest.importorskip("fsspec", reason="the extra [remote] is not installed")


def test_addresses_of_stores(memory: Any) -> None:
    for name, data in {
        **{
            "dump/a.csv": CSV,
            "dump/sub/b.jsonl.gz": gzip.compress(LINES),
            "dump/c.parquet": parquet("Columns"),
        },
        **{"dump/.hidden.csv": CSV, "dump/e.zip": zipped({"x.csv": CSV}), "other/video.mp4": b"x"},
    }.items():
        memory.pipe_file(f"/{name}", data)
    assert texts("memory://dump/a.csv") == ["From a table"]
    assert texts("memory://dump/c.parquet") == ["Columns"]
    assert texts("memory://dump") == ["From a table", "Columns", "From a table", "From lines"]
    assert texts("memory://dump/**/*.jsonl*") == ["From lines"]
    (batch,) = read(["memory://dump/e.zip"])
    assert batch.comments["source"].to_pylist() == ["e.zip/x.csv"]
    assert [source.n_bytes for source in sources_of(["memory://dump/a.csv"])] == [len(CSV)]
    for address, hint in {
        "memory://nowhere.csv": "nothing at",
        "memory://dump/*.xlsx": "No file matches",
        "memory://other": "no file to read",
        "nosuch://bucket/a.csv": "nosuch",
    }.items():
        with pytest.raises(InputError, match=hint):
            read([address])


def test_an_address_on_this_machine(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", CSV)
    assert texts(f"file://{tmp_path}/a.csv", f"local://{tmp_path}") == ["From a table"]


def test_a_store_that_fails_midway_ends_the_run(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.pipe_file("/a.jsonl", LINES)
    monkeypatch.setattr("plaudit.readers.remote._PAUSES", (0.0, 0.0))
    monkeypatch.setattr(memory, "open", lambda path, mode: _Failing(memory.cat_file(path)))
    with pytest.raises(FetchError, match=r"a\.jsonl cannot be read on from byte 24 \(the line is down\)"):
        list(read(["memory://a.jsonl"]))


class _Failing(io.BytesIO):
    def read(self, n: int | None = -1) -> bytes:
        if self.tell():
            raise RuntimeError("the line is down")
        return super().read(n)


def test_without_the_extra_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(InputError, match=r"plaudit\[remote\]"):
        read(["s3://bucket/a.csv"])


def test_secrets_in_addresses_are_never_shown() -> None:
    assert shown("https://me:key@x.example/a.csv?sig=secret#part") == "https://x.example/a.csv"


class _Plain(BaseHTTPRequestHandler):
    """Answers without parts of files and without saying how long they are."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(parquet("Streamed") if self.path.startswith("/c") else CSV)

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Any]:
    servers = []

    def start(handler: Any) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_http(tmp_path: Path, serve: Any) -> None:
    pytest.importorskip("aiohttp", reason="the extra [remote] is not installed")
    write(tmp_path, "a.csv.gz", gzip.compress(CSV))
    write(tmp_path, "b.parquet", parquet("Columns"))
    files = serve(partial(_Files, directory=str(tmp_path)))
    assert texts(f"{files}/a.csv.gz", f"{files}/b.parquet") == ["From a table", "Columns"]
    with pytest.raises(InputError, match="nothing at"):
        read([f"{files}/absent.csv"])
    plain = serve(_Plain)
    assert texts(f"{plain}/a.csv?key=secret", f"{plain}/c.parquet") == ["From a table", "Streamed"]
    (batch,) = read([f"{plain}/a.csv?key=secret"])
    assert batch.comments["source"].to_pylist() == ["a.csv"]
    with pytest.raises(InputError):
        read(["http://127.0.0.1:9/a.csv"])


def test_names_that_come_twice_in_an_archive_or_lead_out_of_it(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i, name in enumerate(["a.csv", "a.csv", "../a.csv", "/b.csv", "a.csv", ".hidden/c.csv"]):
            archive.writestr(name, f"id,text\n{i},no. {i}\n")
    rows, rejected = rows_of(write(tmp_path, "x.zip", packed.getvalue()))
    assert sorted(row["id"] for row in rows) == ["0", "1", "2", "3", "4"]
    assert len({row["source"] for row in rows}) == 5
    assert not rejected
