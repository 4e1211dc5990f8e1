"""What can't be read at all: one clear sentence with a remedy, before anything else happens."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import sys
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import zstandard

from plaudit.errors import InputError, MappingError, UsageError
from plaudit.readers import ReadOptions, detect, json_cutting, preparation, read, sniffing, stream
from plaudit.readers.source import Source

from .test_readers_formats import write


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


UNUSABLE: dict[str, tuple[bytes, str]] = {
    "empty.csv": (b"", "empty"),
    "blank.txt": (b" \n\r\n", "empty"),
    "hollow.jsonl.gz": (gzip.compress(b"", mtime=0), "empty"),
    "a.pdf": (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
    "a.png": (b"\x89PNG\r\n\x1a\n\0\0", "PNG"),
    "empty.zip": (zipped({}), "no file to read"),
    "strange.zip": (
        zipped({"video.mp4": b"x", ".hidden.csv": b"text\na\n", "__MACOSX/a.csv": b"x"}),
        "no file",
    ),
    "pictures.zip": (zipped({"a.csv": b"\x89PNG\r\n", "b.json": b"no JSON"}), "PNG"),
    "cut.zip": (zipped({"a.csv": b"text\nhello\n"})[:34], "ZIP"),
    "document.zip": (
        zipped({"[Content_Types].xml": b"<x/>", "word/document.xml": b"<x/>"}),
        "cannot be read",
    ),
    "letter.odt": (zipped({"mimetype": b"application/vnd.oasis.opendocument.text"}), "document"),
    "sheet.xlsx": (b"PK\x03\x04" + b"\0" * 26 + b"xl/workbook.xml", "ZIP"),
    "sheet.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ".xlsx"),
    "cut.arrow": (b"ARROW1\0\0" + b"\0" * 100, "Arrow"),
    "cut.arrows": (b"\xff\xff\xff\xff" + b"\0" * 100, "Arrow"),
    "twice.csv.bz2": (bz2.compress(bz2.compress(b"text\na\n")), "packed twice"),
    "a.csv.xz": (b"\xfd7zXZ\0" + b"\xff" * 50, "unpacked"),
    "page.html": (b"\n<!DOCTYPE html><html><body>text</body></html>", "web page"),
    "noise.bin": (bytes(range(256)) * 64, "binary"),
    "noise.json": (bytes(range(256)) * 64, "binary"),
    "old.csv": (b"id,text\n" + b"1,caf\xe9\n" * 40, "iconv"),
    "a.csv.gz": (b"id,text\n1,plain\n", "archive"),
    "a.jsonl.gz": (b"\x1f\x8b" + b"\xff" * 50, "unpacked"),
    "a.jsonl.zst": (b"\x28\xb5\x2f\xfd" + b"\xff" * 50, "unpacked"),
    "twice.jsonl.gz": (gzip.compress(zstandard.compress(b'{"text": "a"}'), mtime=0), "packed twice"),
    "a.json": (b"this is no JSON", "JSON"),
    "a.ndjson": (b"nor\nis\nthis\n", "JSON"),
    "cut.parquet": (b"PAR1" + b"\0" * 100, "Parquet"),
    "endless.txt": (b"a" * 300_000, "line end"),
    "numbers.csv": (b"id;count\n1;2\n", "id, count"),
    "numbers.json": (b'[{"id": 1, "count": 2}]', "--map text=COLUMN"),
    "by_column.json": (b'{"text": {"0": "a"}, "author": {"0": "b"}}', "to_json(orient='records')"),
    "split.json": (b'{"columns": ["text"], "index": [0], "data": [["a"]]}', "to_json(orient='records')"),
    "struct.jsonl": (b'{"comment": {"text": "a"}}\n', "--map text=comment.PART"),
    "object.json": (b'{"error": {"code": 403}}', "error"),
    "quiet.info.json": (b'{"id": "v", "extractor": "youtube", "comment_count": 3}', "comments"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_files(tmp_path: Path, name: str) -> None:
    data, hint = UNUSABLE[name]
    path = write(tmp_path, name, data)
    with pytest.raises((InputError, MappingError)) as caught:
        read([path])
    message = str(caught.value)
    assert hint in message
    assert name in message
    assert "\n" not in message
    assert message.endswith(".")


def test_an_archive_that_comes_in_as_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(zipped({"a.csv": b"text\na\n"}))))
    with pytest.raises(InputError, match=r"stdin is a ZIP archive .* name the file"):
        read(["-"])


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no file"):
        read([tmp_path / "absent.csv"])
    with pytest.raises(InputError, match="no file to read"):
        read([tmp_path])
    with pytest.raises(InputError, match="There is no file"):
        detect(tmp_path)
    with pytest.raises(InputError, match="Nothing to read"):
        read([])
    write(tmp_path, "a.csv", "")
    with pytest.raises(InputError, match="empty"):
        read([tmp_path])


def test_every_source_is_looked_at_first(tmp_path: Path) -> None:
    good = write(tmp_path, "a.csv", "text\nhello\n")
    with pytest.raises(InputError):
        read([good, tmp_path / "absent.csv"])


def test_unknown_names_list_the_known(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text\nhello\n")
    with pytest.raises(InputError, match=r"no format 'word'.*youtube-api.*parquet"):
        read([path], options=ReadOptions(format="word"))
    with pytest.raises(MappingError, match=r"no platform 'myspace'.*youtube"):
        ReadOptions(platform="myspace")
    with pytest.raises(MappingError, match=r"no column 'body' to map to.*parent_id"):
        ReadOptions(columns={"body": "text"})
    with pytest.raises(UsageError):
        ReadOptions(batch_size=0)


def test_a_mapping_to_nothing_lists_the_columns(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "id,text\n1,hello\n")
    with pytest.raises(MappingError, match="no column 'remark' to read as text; it has: id, text"):
        read([path], options=ReadOptions(columns={"text": "remark"}))
    header_only = write(tmp_path, "b.csv", "id,remarks\n")
    with pytest.raises(MappingError, match="id, remarks"):
        read([header_only])


@pytest.mark.parametrize(
    "format_", ["youtube-api", "yt-dlp", "youtube-comment-downloader", "reddit", "parquet"]
)
def test_a_named_format_that_it_is_not(tmp_path: Path, format_: str) -> None:
    path = write(tmp_path, "a.csv", "id,comment\n1,hello\n")
    with pytest.raises((InputError, MappingError), match=r"a\.csv"):
        read([path], options=ReadOptions(format=format_))


@pytest.mark.parametrize(
    ("name", "data", "format_"),
    [
        ("a.csv", "id,text\n1,hello\n", "lines"),
        ("a.txt", "id\ttext\n1\thello\n", "tsv"),
        ("a.txt", "id,text\n1,hello\n", "CSV"),
        ("a.dat", '{"text": "hello"}\n{"text": "hello"}', "jsonl"),
        ("a.dat", '{"text": "hello"}\n{"text": "hello"}', "json"),
        ("page.html", "<html>\n<p>hello", "lines"),
    ],
)
def test_a_named_format_wins(tmp_path: Path, name: str, data: str, format_: str) -> None:
    path = write(tmp_path, name, data)
    (batch,) = read([path], options=ReadOptions(format=format_))
    assert "hello" in batch.comments["text"][-1].as_py()
    assert len(batch.comments) == (1 if format_ in ("CSV", "tsv") else 2)


@pytest.mark.parametrize("data", ["[]", '{"comments": []}', "id,text\n"])
def test_a_dump_without_comments_is_read(tmp_path: Path, data: str) -> None:
    (batch,) = read([write(tmp_path, "a.csv" if "," in data else "a.json", data)])
    assert len(batch.comments) == 0
    assert not batch.rejections


@pytest.mark.parametrize(
    "data",
    [
        "Great finish, body and all\nSecond comment, longer\n",
        "text me when it is done\nIt is\n",
        "{sarcasm} lovely\nindeed\n",
        "[Verse 1]\nso good\n",
        "First!\n",
    ],
)
def test_lines_are_not_taken_for_tables_or_json(tmp_path: Path, data: str) -> None:
    path: Any = write(tmp_path, "unnamed", data)
    assert detect(path).name == "lines"


ENDLESS: dict[str, bytes] = {
    "a.csv": b"a" * 1000,
    "b.csv": b"id,text\n1," + b"a" * 990,
    "c.jsonl": b"{" * 1000,
    "d.jsonl": b"no JSON\n" * 125,
    "e.json": b"[" * 1000,
    "f.json": b'[{"text": "' + b"a" * 990,
    "g.json": b'{"a": [[1, 2], [3]], ' * 50,
    "h.json": b"[[1, 2], " + b"[1, 2], " * 125,
    "i.txt": b"a" * 1000,
    "j": b"[1, 2]\n" * 150,
    "k": base64.encodebytes(bytes(range(256)) * 4),
    "l.json": b" " * 1000,
}


@pytest.mark.parametrize("name", ENDLESS)
def test_garbage_is_told_by_its_beginning(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sniffing, "N_HEAD", 2000)
    monkeypatch.setattr(preparation, "_N_LIMIT", 4000)
    monkeypatch.setattr(json_cutting, "N_WHOLE", 3000)
    monkeypatch.setattr(json_cutting, "N_LOOK", 3000)
    monkeypatch.setattr(stream, "_N_CHUNK", 500)
    monkeypatch.setattr(stream, "_N_BEGINNING", 500)
    passes: list[stream.ByteStream] = []
    opened = Source.open
    monkeypatch.setattr(Source, "open", lambda self: passes.append(opened(self)) or passes[-1])
    path = write(tmp_path, name, ENDLESS[name] * 200)
    with suppress(InputError, MappingError):
        read([path])
        assert name in ("b.csv", "f.json")  # whose header or beginning is fine: bad records, then
    assert sum(each.n_bytes for each in passes) < 20_000


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.jsonl", "a.txt", "unnamed"])
def test_five_gigabytes_of_nothing_are_one_sentence(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with path.open("wb") as out:
        out.truncate(5 << 30)  # takes no room on the disk
    with pytest.raises(InputError, match="binary data"):
        read([path])


def test_comments_deeper_than_is_looked_for_are_to_be_unwrapped(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", {"thing": {"list": [{"words": "Which oil?"}]}, "id": "3"})
    with pytest.raises(MappingError, match=r"it has: thing, id\. If comments lie within one of these, write"):
        read([path])
    path = write(tmp_path, "b.json", [{"words": "Which oil?", "id": "3"}])
    with pytest.raises(MappingError, match="--map text=COLUMN"):
        read([path])
