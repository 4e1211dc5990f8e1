from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tracemalloc
import zipfile
from contextlib import suppress

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.errors import InputError
from plaudit.readers.arrow_sizes import sizes_of
from plaudit.service import unpacking
from plaudit.service.unpacking import Limits, check

LIMITS = Limits(n_bytes=1 << 20, ratio=250)
ROWS = b"\n".join(json.dumps({"text": f"Why is part {i} loose?"}).encode() for i in range(2000))


PACK = {
    "gz": gzip.compress,
    "zst": zstandard.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


def zeros(n_bytes: int, *, packer: str) -> bytes:
    return PACK[packer](bytes(n_bytes))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        ROWS,
        b"\x1f\x8bno",
        b"(\xb5/\xfd",
        b"BZhno",
        b"\xfd7zXZ\0no",
        *(pack(ROWS) for pack in PACK.values()),
    ],
)
def test_what_is_small_or_damaged_passes(tmp_path, data):
    (tmp_path / "dump").write_bytes(data)
    check(tmp_path / "dump", limits=LIMITS)


@pytest.mark.parametrize("packer", PACK)
@pytest.mark.parametrize("n_members", [1, 3])
def test_what_unpacks_to_too_much_is_refused_in_little_memory(tmp_path, packer, n_members):
    (tmp_path / "dump").write_bytes(zeros(100 << 20, packer=packer) * n_members)
    tracemalloc.start()
    with pytest.raises(InputError, match="unpacks to more than 1,048,576 bytes"):
        check(tmp_path / "dump", limits=LIMITS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 24 << 20


@pytest.mark.parametrize("packer", PACK)
def test_what_unpacks_to_many_times_its_size_is_refused(tmp_path, packer):
    (tmp_path / "dump").write_bytes(zeros(100 << 20, packer=packer))
    with pytest.raises(InputError, match="more than 250 times its size"):
        check(tmp_path / "dump", limits=Limits(n_bytes=1 << 40, ratio=250))
    (tmp_path / "dump").write_bytes(zeros(60 << 20, packer=packer))  # small enough for any ratio
    check(tmp_path / "dump", limits=Limits(n_bytes=1 << 40, ratio=250))


def test_an_archive_that_takes_much_memory_to_unpack_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "_WINDOW", 4 << 20)
    long = zstandard.ZstdCompressionParameters.from_level(3, window_log=27)
    packer = zstandard.ZstdCompressor(compression_params=long).compressobj()
    small = zstandard.compress(ROWS)
    (tmp_path / "dump").write_bytes(small + packer.compress(bytes(8 << 20)) + packer.flush())
    with pytest.raises(InputError, match="MiB of memory to unpack; pack it again without --long"):
        check(tmp_path / "dump", limits=Limits(n_bytes=1 << 40, ratio=250))
    packer = zstandard.ZstdCompressor(compression_params=long).compressobj()
    (tmp_path / "dump").write_bytes(packer.compress(ROWS) + packer.flush())  # declares much, takes little
    check(tmp_path / "dump", limits=LIMITS)


def test_a_table_of_too_many_rows_is_refused(tmp_path):
    same = pa.table({"text": pa.array(["the same"] * 400_000).dictionary_encode()})
    pq.write_table(same, tmp_path / "dump")
    assert (tmp_path / "dump").stat().st_size < 10_000
    with pytest.raises(InputError, match="more than 1,048,576 bytes, the most that is taken, within"):
        check(tmp_path / "dump", limits=LIMITS)
    check(tmp_path / "dump", limits=Limits(n_bytes=1 << 30, ratio=250))


@pytest.mark.parametrize("encoding", ["dictionary", "DELTA_BYTE_ARRAY"])
def test_a_table_of_one_long_text_many_times_is_refused_by_what_it_stands_for(tmp_path, encoding):
    """Its footer tells of the 33 MB that lie in it, and nothing of 2 GiB."""
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 2048, pa.int32()), pa.array(["ab" * (1 << 19)]))
    options = {} if encoding == "dictionary" else {"column_encoding": encoding, "use_dictionary": False}
    with pq.ParquetWriter(tmp_path / "dump", pa.schema([("text", pa.string())]), **options) as writer:
        for start in range(0, 2048, 64):
            rows = text.slice(start, 64).dictionary_decode()
            writer.write_batch(pa.record_batch([rows], ["text"]))
    metadata = pq.read_metadata(tmp_path / "dump")
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    assert sum(group.total_byte_size for group in groups) < 40 << 20
    check(tmp_path / "dump", limits=Limits(n_bytes=3 << 30, ratio=250))
    with pytest.raises(InputError, match="The table unpacks to more than 1,073,741,824 bytes"):
        check(tmp_path / "dump", limits=Limits(n_bytes=1 << 30, ratio=250))


def arrow(table: pa.Table, *, kind: str, packing: str | None) -> bytes:
    sink, make = io.BytesIO(), pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with make(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=packing)) as writer:
        writer.write_table(table, max_chunksize=1000)
    return sink.getvalue()


@pytest.mark.parametrize("kind", ["file", "stream"])
@pytest.mark.parametrize("packing", [None, "lz4", "zstd"])
def test_the_sizes_of_arrow_batches_are_read_off(kind, packing):
    words = pa.array(["the same", None] * 1250).dictionary_encode()
    table = pa.table({"text": ["x" * 99] * 2500, "n": range(2500), "word": words, "none": pa.nulls(2500)})
    data = arrow(table, kind=kind, packing=packing)
    sizes = list(sizes_of(io.BytesIO(data)))
    assert [each.n_rows for each in sizes] == [1, 1000, 1000, 500]
    assert abs(sum(each.n_bytes for each in sizes) - table.nbytes) < 1000
    for end in range(0, len(data), 97):
        with suppress(ValueError):
            list(sizes_of(io.BytesIO(data[:end])))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_damaged_arrow_files_are_no_accident(data):
    kind = data.draw(st.sampled_from(["file", "stream"]))
    whole = bytearray(arrow(pa.table({"text": ["why?"] * 20}), kind=kind, packing="lz4"))
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=6)):
        whole[at] = data.draw(st.integers(0, 255))
    with suppress(ValueError):
        list(sizes_of(io.BytesIO(bytes(whole))))


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_an_arrow_file_with_any_byte_turned_over_is_no_accident(kind):
    whole = arrow(pa.table({"text": ["why?"] * 20}), kind=kind, packing="lz4")
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        with suppress(ValueError):
            list(sizes_of(io.BytesIO(bytes(damaged))))


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_an_arrow_bomb_is_refused(tmp_path, kind):
    (tmp_path / "dump").write_bytes(arrow(pa.table({"text": ["x" * 1000] * 5000}), kind=kind, packing="zstd"))
    assert (tmp_path / "dump").stat().st_size < 60_000
    with pytest.raises(InputError, match="The table unpacks to more than 1,048,576 bytes"):
        check(tmp_path / "dump", limits=LIMITS)
    check(tmp_path / "dump", limits=Limits(n_bytes=1 << 30, ratio=250))
    (tmp_path / "dump").write_bytes(arrow(pa.table({"text": pa.nulls(10**6)}), kind=kind, packing=None))
    with pytest.raises(InputError, match="within 44,000 rows"):
        check(tmp_path / "dump", limits=LIMITS)


def test_a_workbook_that_is_a_bomb_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "dump", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", b"<x/>")
        archive.writestr("xl/worksheets/sheet1.xml", bytes(2 << 20))
    with pytest.raises(InputError, match="The table unpacks to more than 1,048,576 bytes"):
        check(tmp_path / "dump", limits=LIMITS)
    (tmp_path / "dump").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(InputError, match="damaged"):
        check(tmp_path / "dump", limits=LIMITS)


def test_archives_of_archives_are_not_taken(tmp_path):
    with zipfile.ZipFile(tmp_path / "dump", "w") as archive:
        archive.writestr("a.csv.gz", gzip.compress(ROWS))
    with pytest.raises(InputError, match="ZIP archives are not taken"):
        check(tmp_path / "dump", limits=LIMITS)


@pytest.mark.parametrize("packer", PACK)
@pytest.mark.parametrize("start", [b"PAR1", b"ARROW1", b"PK\x03\x04", b"\xff\xff\xff\xff"])
def test_a_table_inside_an_archive_is_refused(tmp_path, packer, start):
    (tmp_path / "dump").write_bytes(PACK[packer](start + bytes(100)))
    with pytest.raises(InputError, match="send that as it is"):
        check(tmp_path / "dump", limits=LIMITS)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_long_json_document_is_refused_and_long_lines_of_json_are_not(tmp_path, pack):
    limits = Limits(n_bytes=1 << 30, ratio=250, n_document_bytes=1000)
    rows = [{"text": f"Why is part {i} loose?"} for i in range(2000)]
    (tmp_path / "dump.json").write_bytes(pack(json.dumps(rows, indent=1).encode()))
    with pytest.raises(InputError, match="one record a line"):
        check(tmp_path / "dump.json", limits=limits)
    (tmp_path / "dump.json").write_bytes(pack(ROWS))
    check(tmp_path / "dump.json", limits=limits)


def test_it_can_be_stopped_on_the_way(tmp_path):
    (tmp_path / "dump").write_bytes(zeros(50 << 20, packer="zst"))

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(tmp_path / "dump", limits=Limits(n_bytes=1 << 40, ratio=250), on_step=stop)


@settings(max_examples=60, deadline=None)
@given(
    parts=st.lists(st.binary(max_size=3000), min_size=1, max_size=4),
    packer=st.sampled_from(list(PACK)),
    cut=st.integers(0, 40),
)
def test_sizes_are_those_of_what_comes_out(tmp_path_factory, parts, packer, cut):
    pack = PACK[packer]
    path = tmp_path_factory.mktemp("x") / "dump"
    data = b"".join(map(pack, parts))
    path.write_bytes(data)
    with path.open("rb") as file:
        sizes = [0, *unpacking._sizes(file, data[:6])]
    assert sizes == sorted(sizes)
    assert sizes[-1] == sum(map(len, parts))
    path.write_bytes(data[: len(data) - cut])
    with path.open("rb") as file:
        list(unpacking._sizes(file, data[:6]))


def test_a_zip_archive_without_its_list_is_not_taken(tmp_path):
    with zipfile.ZipFile(tmp_path / "dump", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", bytes(8 << 20))
    (tmp_path / "dump").write_bytes((tmp_path / "dump").read_bytes()[:-22])
    with pytest.raises(InputError, match="damaged"):
        check(tmp_path / "dump", limits=LIMITS)
