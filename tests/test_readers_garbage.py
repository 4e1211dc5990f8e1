"""Bytes and files that are no dump: a sentence or counted rejections, never a crash, hang or silent loss."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import random
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import orjson
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plaudit.errors import InputError, MappingError
from plaudit.readers import read
from plaudit.readers.source import listing_of
from tests.commands import Run, run

from .test_readers_errors import zipped
from .test_readers_formats import rows_of, write
from .test_readers_fuzz import ANYWHERE, n_read
from .test_readers_generic import as_arrow, as_parquet, as_workbook

__all__ = ["run"]

MAGICS = {
    "gzip": b"\x1f\x8b\x08\0",
    "zstd": b"\x28\xb5\x2f\xfd",
    "zstd, skippable": b"\x50\x2a\x4d\x18",
    "bzip2": b"BZh9",
    "xz": b"\xfd7zXZ\0",
    "Parquet": b"PAR1",
    "Arrow": b"ARROW1\0\0",
    "Arrow stream": b"\xff\xff\xff\xff",
    "ZIP": b"PK\x03\x04",
    "ZIP, empty": b"PK\x05\x06",
    "Excel": b"PK\x03\x04" + b"\0" * 26 + b"xl/workbook.xml",
    "SQLite": b"SQLite format 3\0",
    "UTF-16": b"\xff\xfe",
    "UTF-32": b"\0\0\xfe\xff",
}
NAMES = ("a", "a.csv", "a.json", "a.jsonl", "a.parquet", "a.zip", "a.csv.gz")


@settings(ANYWHERE, max_examples=150)
@given(
    kind=st.sampled_from([*MAGICS]),
    data=st.binary(max_size=200)
    | st.integers(0, 2**20).map(lambda seed: random.Random(seed).randbytes(4000)),
    is_closed=st.booleans(),
    name=st.sampled_from(NAMES),
)
def test_anything_behind_what_announces_a_format(
    tmp_path: Path, kind: str, data: bytes, is_closed: bool, name: str
) -> None:
    magic = MAGICS[kind]
    end = {"Parquet": b"\x10\0\0\0PAR1", "Arrow": b"\x10\0\0\0ARROW1"}.get(kind, b"") if is_closed else b""
    try:
        n_read([write(tmp_path, name, magic + data + end)])
    except (InputError, MappingError) as error:
        told = str(error)
        assert name in told
        assert told.endswith(".")
        assert "\n" not in told


N_ROWS = 60
ROWS = [
    {"id": str(i), "text": f"which glue was No. {i * 7919 % 997}?", "author": f"a{i}"} for i in range(N_ROWS)
]
LINES = b"".join(orjson.dumps(row) + b"\n" for row in ROWS)
TABLE = "id,text,author\n" + "".join(f'{row["id"]},"{row["text"]}",{row["author"]}\n' for row in ROWS)
WHOLE: dict[str, Callable[[], bytes]] = {
    "a.jsonl": lambda: LINES,
    "a.json": lambda: json.dumps({"id": "p", "comments": ROWS}).encode(),
    "a.csv": lambda: TABLE.encode(),
    "b.csv": lambda: TABLE.encode("utf-16-le"),
    "a.jsonl.gz": lambda: gzip.compress(LINES),
    "a.jsonl.zst": lambda: zstandard.compress(LINES),
    "a.jsonl.xz": lambda: lzma.compress(LINES),
    "a.zip": lambda: zipped({"a.jsonl": LINES, "b.csv": TABLE.encode()}),
    "a.parquet": as_parquet,
    "a.feather": as_arrow,
    "a.arrow": lambda: as_arrow(stream=True),
    "a.xlsx": as_workbook,
}


@pytest.mark.parametrize("name", WHOLE)
def test_cut_short_anywhere_it_gives_what_came_first_and_tells(tmp_path: Path, name: str) -> None:
    data = WHOLE[name]()
    whole, rejected = rows_of(write(tmp_path, name, data))
    assert whole
    assert not rejected
    for end in {*range(1, 40), *range(40, len(data), len(data) // 40), *range(len(data) - 12, len(data))}:
        with suppress(InputError, MappingError):
            rows, rejected = rows_of(write(tmp_path, name, data[:end]))
            # Nothing tells that a table of text went on, and its last cell may be cut.
            n_sure = max(0, len(rows) - (name in ("a.csv", "b.csv")))
            assert [row["text"] for row in rows[:n_sure]] == [row["text"] for row in whole[:n_sure]]
            assert (
                len(rows) == len(whole)
                or rejected
                or name in ("a.csv", "b.csv")
                or data[end - 1 : end] in b"}\n"
            )


@settings(ANYWHERE, max_examples=100)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    order=st.sampled_from(["utf-16-le", "utf-16-be"]),
    n_lost=st.integers(0, 3),
)
@example(text='"', order="utf-16-be", n_lost=1)
def test_utf_16_without_a_mark(tmp_path: Path, text: str, order: str, n_lost: int) -> None:
    data = ("text\nfine\n" + text).encode(order)
    with suppress(InputError, MappingError):
        assert n_read([write(tmp_path, "a.csv", data[: len(data) - n_lost])]) >= 1
    with suppress(InputError, MappingError):
        n_read([write(tmp_path, "b.txt", text.encode(order))])


LONG = b"so good " * (50 << 17)
VERY_LONG: dict[str, tuple[bytes, int | None]] = {  # and how many records; None: it is refused
    "a.txt": (LONG, None),
    "zeros.txt": (bytes(len(LONG)), None),
    "a.jsonl": (b'{"text": "' + LONG + b'"}', 2),
    "nested.jsonl": (b"[" * len(LONG), 2),
    "a.json": (b'[{"text": "' + LONG, None),
    "nested.json": (b'{"a":' * (len(LONG) // 5), None),
    "a.csv": (b'"' + LONG, 2),
    "marks.csv": (b'"' * len(LONG), 2),
    "commas.csv": (b"," * len(LONG), 2),
    "header.csv": (b"," * len(LONG) + b"\ntext\nfine\n", None),
}


@pytest.mark.parametrize("name", VERY_LONG)
def test_fifty_megabytes_in_a_line(tmp_path: Path, name: str) -> None:
    line, n = VERY_LONG[name]
    first = {".jsonl": b'{"text": "fine"}\n', ".csv": b"text\nfine\n"}.get(Path(name).suffix, b"")
    first = b"" if name == "header.csv" else first
    path = write(tmp_path, name, first + line)
    if n is None:
        with pytest.raises((InputError, MappingError), match=name):
            read([path])
    else:
        assert n_read([path]) == n


@pytest.mark.parametrize("depth", [99, 101, 253, 255, 900, 2000, 200_000])
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_nesting_of_any_depth(tmp_path: Path, depth: int, opening: str) -> None:
    deep = f'{{"text": "deep", "meta": {opening * depth}1{("]" if opening == "[" else "}") * depth}}}'
    path = write(tmp_path, "a.jsonl", f'{{"text": "fine"}}\n{deep}\n')
    rows, rejected = rows_of(path, keep=("meta",) if depth < 300 else ())
    assert rows[0]["text"] == "fine"
    assert len(rows) + len(rejected) == 2
    assert (len(rows) == 2) == (depth < 1000)
    with suppress(InputError):
        assert n_read([write(tmp_path, "a.json", f"[{deep}]")]) == 1


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * 400, "-0.0"])
def test_numbers_that_are_none(tmp_path: Path, number: str) -> None:
    fields = (
        "id",
        "author",
        "parent_id",
        "post_id",
        "created_at",
        "likes",
        "is_creator",
        "total_reply_count",
    )
    whole = ", ".join([f'"{name}": {number}' for name in fields] + ['"text": "fine"'])
    data = f'{{"text": "fine"}}\n{{{whole}}}\n{{"text": {number}}}\n'
    rows, rejected = rows_of(write(tmp_path, "a.jsonl", data))
    assert len(rows) + len(rejected) == 3
    assert len(rows) >= 2
    assert rows[1]["created_at"] is None
    assert rows[1]["total_reply_count"] in (None, 0)
    assert n_read([write(tmp_path, "a.json", f"[{data.strip().replace(chr(10), ',')}]")]) == 3


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_of_two_keys_of_a_name_the_last_counts(tmp_path: Path, name: str) -> None:
    rows, rejected = rows_of(write(tmp_path, name, '{"id": "1", "text": "first", "id": "2", "text": "last"}'))
    assert [(row["id"], row["text"]) for row in rows] == [("2", "last")]
    assert not rejected


def test_links_that_lead_in_circles(tmp_path: Path) -> None:
    folder = tmp_path / "dumps"
    (folder / "sub").mkdir(parents=True)
    write(folder, "a.csv", "text\nfine\n")
    write(folder / "sub", "b.csv", "text\nalso fine\n")
    (folder / "up").symlink_to(folder)
    (folder / "sub" / "up").symlink_to("..")
    (folder / "itself.csv").symlink_to("itself.csv")
    for named in (folder, f"{folder}/**/*.csv", f"{folder}/**"):
        found = list(read([named]))
        assert [text for batch in found for text in batch.comments["text"].to_pylist()] == [
            "fine",
            "also fine",
        ]
        (rejection,) = [each for batch in found for each in batch.rejections]
        assert rejection.reason == "unusable_file"
        assert rejection.detail.endswith(
            "itself.csv is a link to a file that is not there; fetch that file, or remove the link."
        )
    listing = listing_of([folder])
    assert listing.passed_over == [f"{folder}/sub/up/", f"{folder}/up/"]
    (sentence,) = listing.sentences()
    assert sentence.startswith("2 links to folders not followed: ")
    assert sentence.endswith("up/. If one leads to comments, name it too.")


def test_a_link_to_a_file_that_was_never_fetched(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "text\nfine\n")
    (tmp_path / "b.csv").symlink_to(".git/annex/objects/b.csv")
    for named in (tmp_path, f"{tmp_path}/*.csv"):
        (batch,) = read([named])
        assert [each.where for each in batch.rejections] == ["b.csv:1"]
    with pytest.raises(InputError, match="There is no file"):
        read([tmp_path / "b.csv"])
    (tmp_path / "a.csv").unlink()
    with pytest.raises(InputError, match="a link to a file that is not there"):
        read([tmp_path])


def test_hidden_files_match_where_the_pattern_says_so(tmp_path: Path) -> None:
    (tmp_path / ".kept").mkdir()
    for name in ("a.csv", ".b.csv", ".kept/c.csv"):
        write(tmp_path, name, f"text\n{name}\n")
    assert [each.name for each in listing_of([f"{tmp_path}/**/*.csv"]).sources] == ["a.csv"]
    assert [each.name for each in listing_of([f"{tmp_path}/**/.*.csv"]).sources] == [".b.csv"]
    assert [each.name for each in listing_of([f"{tmp_path}/.k*/**/*.csv"]).sources] == ["c.csv"]


@pytest.mark.parametrize("data", [b"text\nfine\n", gzip.compress(LINES, mtime=0), b"\x89PNG\r\n\x1a\n", b""])
def test_a_pipe_is_read_once_and_only_where_it_is_named(tmp_path: Path, data: bytes) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    try:
        with suppress(InputError):
            assert n_read([pipe]) in (1, N_ROWS)
    finally:
        writer.join(10)
    assert not writer.is_alive()
    with pytest.raises(InputError, match="is a pipe, a socket or a device"):
        read([tmp_path])


def test_a_socket_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        with pytest.raises(InputError, match="is a socket, which cannot be read"):
            read([path])
        write(tmp_path, "b.csv", "text\nfine\n")
        (batch,) = read([tmp_path])
    assert [each.where for each in batch.rejections] == ["a.csv:1"]


@pytest.mark.parametrize(("device", "told"), [("null", "empty"), ("zero", "binary"), ("urandom", "binary")])
def test_devices(device: str, told: str) -> None:
    with pytest.raises(InputError, match=f"{device} is .*{told}"):
        read([f"/dev/{device}"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text\nfine\n")
    path.chmod(0)
    with pytest.raises(InputError, match="Permission denied"):
        read([path])


GARBAGE = {
    **{f"{i}.csv": magic + random.Random(i).randbytes(2000) for i, magic in enumerate(MAGICS.values())},
    "noise.txt": random.Random(99).randbytes(5000),
    "deep.json": b"[" * 50_000,
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_ends_a_run_with_a_sentence_and_its_code(run: Run, tmp_path: Path, name: str) -> None:
    path = write(tmp_path, name, GARBAGE[name])
    done = run("score", path, "--out", tmp_path / "report")
    assert done.exit_code == 2
    assert name in done.stderr
    assert "Traceback" not in done.output
    assert not (tmp_path / "report").exists()


def test_garbage_beside_a_dump_is_counted(run: Run, tmp_path: Path) -> None:
    folder, out = tmp_path / "dumps", tmp_path / "report"
    folder.mkdir()
    for name, data in {**GARBAGE, "z.csv": TABLE.encode()}.items():
        write(folder, name, data)
    done = run("score", folder, "--out", out)
    assert done.exit_code == 0, done.output
    coverage = json.loads((out / "report.json").read_bytes())["coverage"]
    assert coverage["scored"] == N_ROWS
    assert coverage["read"] == coverage["scored"] + sum(coverage["rejected"].values())
    rejected = [json.loads(line) for line in (out / "rejected.jsonl").read_text().splitlines()]
    assert {each["where"].partition(":")[0] for each in rejected} == set(GARBAGE)


def test_a_member_of_an_archive_whose_name_is_lost_ends_nothing(tmp_path: Path) -> None:
    whole = zipped({"x": LINES, "a.jsonl": LINES})
    entry = whole.index(b"PK\x01\x02")
    path = tmp_path / "a.zip"
    path.write_bytes(whole[: entry + 28] + b"\0\0\1\0" + whole[entry + 32 :])  # its letter is no name now
    (tmp_path / "alone.zip").write_bytes(zipped({"a.jsonl": LINES}))
    found, expected = (
        sum(batch.comments.num_rows for batch in read([tmp_path / name])) for name in ("a.zip", "alone.zip")
    )
    assert found == expected > 0
