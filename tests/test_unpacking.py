from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tracemalloc
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.errors import InputError
from plaudit.service import unpacking
from plaudit.service.unpacking import Limits, check

LIMITS = Limits(n_bytes=1 << 20, ratio=250)
ROWS = b"\n".join(json.dumps({"text": f"Why is part {i} loose?"}).encode() for i in range(2000))


def zeros(n_bytes: int, *, packer: str) -> bytes:
    if packer != "zst":
        return {"gz": gzip, "bz2": bz2, "xz": lzma}[packer].compress(bytes(n_bytes))
    return zstandard.ZstdCompressor().compress(bytes(n_bytes))


@pytest.mark.parametrize(
    "data", [b"", ROWS, gzip.compress(ROWS), zstandard.compress(ROWS), b"\x1f\x8bno", b"(\xb5/\xfd"]
)
def test_what_is_small_or_damaged_passes(tmp_path, data):
    (tmp_path / "dump").write_bytes(data)
    check(tmp_path / "dump", limits=LIMITS)


@pytest.mark.parametrize("packer", ["gz", "zst", "bz2", "xz"])
@pytest.mark.parametrize("n_members", [1, 3])
def test_what_unpacks_to_too_much_is_refused_in_little_memory(tmp_path, packer, n_members):
    (tmp_path / "dump").write_bytes(zeros(100 << 20, packer=packer) * n_members)
    tracemalloc.start()
    with pytest.raises(InputError, match="unpacks to more than 1,048,576 bytes"):
        check(tmp_path / "dump", limits=LIMITS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 24 << 20


@pytest.mark.parametrize("packer", ["gz", "zst", "bz2", "xz"])
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
    with pytest.raises(InputError, match="in 400,000 rows, more than is taken"):
        check(tmp_path / "dump", limits=LIMITS)
    check(tmp_path / "dump", limits=Limits(n_bytes=1 << 30, ratio=250))


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
    packer=st.sampled_from(["gz", "zst"]),
    cut=st.integers(0, 40),
)
def test_sizes_are_those_of_what_comes_out(tmp_path_factory, parts, packer, cut):
    pack = gzip.compress if packer == "gz" else zstandard.compress
    path = tmp_path_factory.mktemp("x") / "dump"
    data = b"".join(map(pack, parts))
    path.write_bytes(data)
    with path.open("rb") as file:
        sizes = [0, *unpacking._sizes(file, data[:4])]
    assert sizes == sorted(sizes)
    assert sizes[-1] == sum(map(len, parts))
    path.write_bytes(data[: len(data) - cut])
    with path.open("rb") as file:
        list(unpacking._sizes(file, data[:4]))


def zipped(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "."), data)
    return out.getvalue()


def test_archives_of_archives_are_not_taken(tmp_path):
    (tmp_path / "dump").write_bytes(zipped(a__csv__gz=gzip.compress(ROWS)))
    with pytest.raises(InputError, match="ZIP archives are not taken"):
        check(tmp_path / "dump", limits=LIMITS)
    sheet = zipped(**{"[Content_Types]__xml": b"<x/>", "xl/sheet__xml": bytes(8 << 20)})
    (tmp_path / "dump").write_bytes(sheet)
    with pytest.raises(InputError, match="unpacks to more than"):
        check(tmp_path / "dump", limits=LIMITS)
    check(tmp_path / "dump", limits=Limits(n_bytes=1 << 30, ratio=250))
    for data in (b"ARROW1\0\0", b"\xff\xff\xff\xff\0\0\0\0"):
        (tmp_path / "dump").write_bytes(data)
        with pytest.raises(InputError, match="Parquet"):
            check(tmp_path / "dump", limits=LIMITS)
