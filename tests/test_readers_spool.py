"""What lies on the disk while it is read: never in memory, and a full disk is no damaged dump."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest

from plaudit.errors import StorageError
from plaudit.readers import read
from plaudit.readers.spool import Spool, spooled
from tests.commands import run as run

TABLE = pa.table({"id": [str(i) for i in range(3000)], "text": [f"which glue, {i}?" for i in range(3000)]})
GROWTH = """
import resource, sys
from plaudit.readers import read
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
(small,) = read([sys.argv[1]])
before, n = peak(), 0
for batch in read([sys.argv[2]]):
    n += batch.comments.num_rows
print(n, peak() - before)
"""


def parquet(table: pa.Table = TABLE, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()


def arrow() -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_file(out, TABLE.schema) as writer:
        writer.write_table(TABLE)
    return out.getvalue()


def workbook() -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in [("id", "text"), *zip(*TABLE.to_pydict().values(), strict=True)]:
        book.active.append(row)
    book.save(out)
    return out.getvalue()


def document() -> bytes:
    return json.dumps({"comments": TABLE.to_pylist()}, indent=1).encode()


class FullDisk(io.FileIO):
    """Takes a little, and then no more."""

    def write(self, data: Any, /) -> int:
        if self.tell() + len(data) > 4096:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data) or 0


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def opened(*_: Any, **__: Any) -> Any:
        return io.BufferedRandom(FullDisk(tmp_path / "temporary", "w+"))  # type: ignore[arg-type]

    monkeypatch.setattr(tempfile, "TemporaryFile", opened)
    monkeypatch.setattr("plaudit.readers.spool.TemporaryFile", opened, raising=False)


FILES = {
    "a.parquet.gz": lambda: gzip.compress(parquet()),
    "a.arrow.gz": lambda: gzip.compress(arrow()),
    "a.xlsx.gz": lambda: gzip.compress(workbook()),
}
STREAMS = {"parquet": parquet, "arrow": arrow, "excel": workbook, "json": document}


@pytest.mark.parametrize("name", FILES)
def test_a_full_disk_is_no_damaged_file(tmp_path: Path, full_disk: None, name: str) -> None:
    (tmp_path / name).write_bytes(FILES[name]())
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "a.csv").write_text("text\nlovely\n")
    (tmp_path / "others" / name).write_bytes(FILES[name]())
    for source in (tmp_path / name, tmp_path / "others"):
        with pytest.raises(StorageError, match=r"No space left on device in .*a larger place with TMPDIR"):
            list(read([source]))


@pytest.mark.parametrize("kind", STREAMS)
def test_a_full_disk_is_no_damaged_stream(
    monkeypatch: pytest.MonkeyPatch, full_disk: None, kind: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(STREAMS[kind]())))
    with pytest.raises(StorageError, match=r"No space left on device in .*a larger place with TMPDIR"):
        list(read(["-"]))


def test_a_run_on_a_full_disk_ends(tmp_path: Path, run: Any, full_disk: None) -> None:
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress(parquet()))
    done = run("score", tmp_path / "a.parquet.gz", "--out", tmp_path / "out", "--threads", 1)
    assert (done.exit_code, "TMPDIR" in done.stderr) == (1, True)
    assert not (tmp_path / "out").exists()


def test_disks_that_are_full_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any) -> Any:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr("plaudit.readers.spool.TemporaryFile", none)
    monkeypatch.setattr("plaudit.readers.spool.gettempdir", none)
    with pytest.raises(StorageError, match=r"^No usable temporary directory found in \['/tmp'\]: .* TMPDIR"):
        spooled([b"a"])


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("kind", STREAMS)
def test_a_stream_is_read_as_a_file_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, pack: Any
) -> None:
    data = pack(STREAMS[kind]())
    (tmp_path / "stdin").write_bytes(data)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    by_file, by_stream = (
        pa.Table.from_batches([batch.comments for batch in read([source])])
        for source in (tmp_path / "stdin", "-")
    )
    assert by_file.num_rows == 3000
    assert by_stream.equals(by_file)


def test_a_table_from_a_pipe_is_held_on_disk(tmp_path: Path) -> None:
    """Some 190 MiB of a table take no more memory through a pipe than as a file."""
    words = os.urandom(100 << 20).hex()
    texts = [words[start : start + 20_000] for start in range(0, len(words), 20_000)]
    (tmp_path / "dump").write_bytes(
        parquet(pa.table({"text": texts}), row_group_size=500, compression="none")
    )
    del words, texts
    (tmp_path / "small.txt").write_text("one comment\n")
    grown = {}
    for name in (str(tmp_path / "dump"), "-"):
        with (tmp_path / "dump").open("rb") as dump:
            cat = subprocess.Popen(["cat"], stdin=dump, stdout=subprocess.PIPE)
            command = [sys.executable, "-c", GROWTH, tmp_path / "small.txt", name]
            told = subprocess.run(command, stdin=cat.stdout, capture_output=True, text=True, check=True)
            cat.kill()
            cat.communicate()
        n, grown[name] = map(int, told.stdout.split())
        assert n > 10_000
    assert grown["-"] < grown[str(tmp_path / "dump")] + 60


def test_passes_over_a_spool_do_not_disturb_each_other() -> None:
    spool = Spool([b"abc", b"", b"defg"])
    with spool.view() as one, spool.view() as other:
        assert (one.read(2), other.read(), one.read(-1), one.read(5)) == (b"ab", b"abcdefg", b"cdefg", b"")
        assert (one.seek(-3, 2), one.tell(), one.read(2), one.seek(-1, 1), one.seek(1)) == (4, 4, b"ef", 5, 1)
    with spool.view() as again:
        assert again.read() == b"abcdefg"
    spool.close()
    with pytest.raises(ValueError, match="closed"):
        spool.read_at(0, 1)


def test_what_goes_wrong_while_it_is_filled_goes_through() -> None:
    def chunks() -> Any:
        yield b"a"
        raise OSError(errno.EIO, "the pipe broke")

    with pytest.raises(OSError, match="the pipe broke"):
        spooled(chunks())


def test_reading_from_a_named_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dump").write_bytes(parquet())
    with subprocess.Popen(["cp", tmp_path / "dump", tmp_path / "pipe"]) as filling:
        (batch,) = read([tmp_path / "pipe"])
        assert batch.comments.num_rows == 3000
        assert filling.wait(60) == 0
