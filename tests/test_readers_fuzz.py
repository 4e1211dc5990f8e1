"""Whatever the bytes: no crash, no record lost in silence."""

from __future__ import annotations

import errno
import gzip
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import zstandard
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from plaudit.comment import COMMENT_SCHEMA, REJECTION_REASONS
from plaudit.errors import InputError, MappingError, StorageError
from plaudit.readers import FORMATS, ReadOptions, read, read_records
from plaudit.readers.duplicates import SeenKeys

NAMES = [
    "id",
    "text",
    "author",
    "parent_id",
    "likes",
    "created_at",
    "replies",
    "comments",
    "snippet",
    "items",
]
ANYWHERE = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150
)

SCALARS = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12)),
    st.sampled_from(["1.2K", "[deleted]", "2 years ago", "t1_a", "root", "\ud83d", "2024-01-01T00:00:00Z"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
RECORDS = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), VALUES, max_size=6)


def n_read(paths: list[Path], **options: Any) -> int:
    total = 0
    for batch in read(paths, options=ReadOptions(**options)):
        batch.comments.validate(full=True)
        assert batch.comments.schema == COMMENT_SCHEMA
        assert all(batch.comments[f.name].null_count == 0 for f in COMMENT_SCHEMA if not f.nullable)
        assert {rejection.reason for rejection in batch.rejections} <= REJECTION_REASONS.keys()
        total += batch.comments.num_rows + len(batch.rejections)
    return total


@ANYWHERE
@given(
    data=st.binary(max_size=400) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")),
    name=st.sampled_from(["a", "a.csv", "a.tsv", "a.json", "a.jsonl", "a.txt", "a.parquet", "a.gz", "a.zst"]),
    pack=st.sampled_from([bytes, gzip.compress, zstandard.compress]),
    format_=st.none() | st.sampled_from(sorted(FORMATS)),
)
@example(data=b"text\n\0", name="a.csv", pack=bytes, format_=None)
@example(data=b'id,text\n1,"', name="a.csv", pack=bytes, format_=None)
@example(data=b"[" * 100_000, name="a.json", pack=bytes, format_=None)
@example(data=b'[{"text":' * 3000, name="a.json", pack=bytes, format_=None)
@example(data=b'{"a":' * 5000 + b"NaN", name="a.jsonl", pack=bytes, format_="ndjson")
@example(data=b"\xff\xfe", name="a", pack=bytes, format_=None)
@example(data=b"PAR1PAR1", name="a.parquet", pack=bytes, format_=None)
def test_any_bytes(tmp_path: Path, data: bytes, name: str, pack: Any, format_: str | None) -> None:
    path = tmp_path / name
    path.write_bytes(pack(data))
    with suppress(InputError, MappingError):
        n_read([path], format=format_)


@ANYWHERE
@given(
    records=st.lists(RECORDS, max_size=8),
    as_lines=st.booleans(),
    format_=st.none() | st.sampled_from([*FORMATS]),
    keep=st.sampled_from([(), ("text",), ("id", "replies")]),
)
def test_any_json(
    tmp_path: Path, records: list[Any], as_lines: bool, format_: str | None, keep: tuple[str, ...]
) -> None:
    path = tmp_path / "a.json"
    path.write_text("\n".join(map(json.dumps, records)) if as_lines else json.dumps(records))
    with suppress(InputError, MappingError):
        n_read([path], format=format_, keep=keep)


@ANYWHERE
@given(records=st.lists(RECORDS, max_size=8), batch_size=st.integers(1, 4))
def test_any_records(records: list[Mapping[str, object]], batch_size: int) -> None:
    options = ReadOptions(batch_size=batch_size, creator="a", post="p", keep=("text", "replies", "id"))
    for batch in read_records(records, options=options):
        batch.comments.validate(full=True)


@ANYWHERE
@given(
    texts=st.lists(st.text(max_size=8), max_size=30), cut=st.integers(0, 200), batch_size=st.integers(1, 7)
)
def test_flat_records_add_up(tmp_path: Path, texts: list[str], cut: int, batch_size: int) -> None:
    lines = [orjson.dumps({"id": text[:1], "text": text}) for text in texts]
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "first"}\n' + b"\n".join(lines))
    assert n_read([path], batch_size=batch_size) == 1 + len(texts)


@ANYWHERE
@given(flips=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8))
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gz", "zst"])
def test_flipped_bytes(tmp_path: Path, flips: list[tuple[int, int]], pack: Any) -> None:
    lines = b"\n".join(orjson.dumps({"id": i, "text": f"No. {i}", "author": f"a{i}"}) for i in range(40))
    data = bytearray(pack(lines))
    for at, value in flips:
        data[at % len(data)] = value
    path = tmp_path / "a.jsonl"
    path.write_bytes(data)
    with suppress(InputError, MappingError):
        n_read([path])


@given(
    batches=st.lists(st.lists(st.integers(0, 20) | st.integers(2**63, 2**64 - 1), max_size=9), max_size=12),
    most=st.sampled_from([0, 1, 5, 100]),
    page=st.sampled_from([1, 2, 512]),
)
def test_seen_keys_are_a_set(batches: list[list[int]], most: int, page: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("plaudit.readers.duplicates._PAGE", page)
        seen, expected = SeenKeys(most=most), set()
        for batch in batches:
            fresh = seen.add(np.array(batch, np.uint64)).tolist()
            for key, is_new in zip(batch, fresh, strict=True):
                assert is_new == (key not in expected)
                expected.add(key)
            assert len(seen) == len(expected)


def test_seen_keys_on_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("plaudit.readers.duplicates.TemporaryFile", full)
    with pytest.raises(StorageError, match="eight bytes a comment"):
        SeenKeys(most=1).add(np.array([1, 2], np.uint64))
