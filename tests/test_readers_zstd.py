"""Zstandard archives come out a block at a time, whatever they hold."""

from __future__ import annotations

import io
import random
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.readers import zstd_blocks
from plaudit.readers.stream import ByteStream

LINE = b'{"text": "so good, which glue?"}\n'
N_BLOCK = 128 << 10
IN_LITTLE_MEMORY = """
import resource, sys
from plaudit.readers.stream import ByteStream
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
before, n, n_most = peak(), 0, 0
for chunk in ByteStream(open(sys.argv[1], "rb")):
    n, n_most = n + len(chunk), max(n_most, len(chunk))
print(n >> 20, n_most, peak() - before)
"""


def packed(data: bytes, *, checksum: bool = False, size: bool = True, streamed: bool = False) -> bytes:
    packer = zstandard.ZstdCompressor(write_checksum=checksum, write_content_size=size)
    if not streamed:
        return packer.compress(data)
    frame = packer.compressobj()
    return frame.compress(data) + frame.flush()


def came(data: bytes) -> tuple[bytes, str | None]:
    stream = ByteStream(io.BytesIO(data))
    return b"".join(stream.unpacked()), stream.damage


def test_a_window_of_128_mib_is_all_that_is_held(tmp_path: Path) -> None:
    """600 MiB of one sentence are 60 kB, which would come out in two or three pieces."""
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27)
    with (
        (tmp_path / "a.zst").open("wb") as file,
        zstandard.ZstdCompressor(compression_params=parameters).stream_writer(file) as writer,
    ):
        for _ in range(600):
            writer.write(LINE * ((1 << 20) // len(LINE)) + b"\n" * ((1 << 20) % len(LINE)))
    assert (tmp_path / "a.zst").stat().st_size < 200_000
    told = subprocess.run(
        [sys.executable, "-c", IN_LITTLE_MEMORY, tmp_path / "a.zst"],
        capture_output=True,
        text=True,
        check=True,
    )
    n, n_most, grown = map(int, told.stdout.split())
    assert n == 600
    assert n_most <= N_BLOCK
    assert grown < 128 + 40


@settings(max_examples=60)
@given(
    parts=st.lists(
        st.tuples(st.binary(max_size=3000), st.integers(0, 200), st.booleans(), st.booleans(), st.booleans()),
        min_size=1,
        max_size=4,
    ),
    n_chunk=st.integers(1, 5000),
    skipped=st.binary(max_size=40),
)
def test_pieces_are_the_whole_and_unpack_to_it(
    parts: list[tuple[bytes, int, bool, bool, bool]], n_chunk: int, skipped: bytes
) -> None:
    frames = [
        packed(data * n, checksum=checksum, size=size, streamed=streamed)
        for data, n, checksum, size, streamed in parts
    ]
    whole = (b"\x5a\x2a\x4d\x18" + len(skipped).to_bytes(4, "little") + skipped).join([b"", *frames])
    chunks = (whole[start : start + n_chunk] for start in range(0, len(whole), n_chunk))
    pieces = list(zstd_blocks.cut(chunks))
    assert b"".join(pieces) == whole
    unpacker = zstandard.ZstdDecompressor()
    frame = unpacker.decompressobj()
    for piece in filter(None, pieces):
        if frame.eof:
            frame = unpacker.decompressobj()
        assert len(frame.decompress(piece)) <= N_BLOCK
        assert not frame.unused_data  # no piece goes beyond its frame
    assert frame.eof
    assert came(whole) == (b"".join(data * n for data, n, *_ in parts), None)


@pytest.mark.parametrize("checksum", [False, True])
def test_damage_costs_what_comes_after_it(checksum: bool) -> None:
    draw = random.Random(5)
    data = b"".join(b"No. %d\n" % draw.randrange(10**9) for _ in range(80_000))
    whole = packed(data, checksum=checksum)
    assert came(whole + whole) == (data + data, None)
    for cut in (4, 5, 17, len(whole) // 2):
        kept, damage = came(whole[:cut])
        assert damage == "The zstd archive ends too early."
        assert data.startswith(kept)
    assert len(kept) > len(data) // 4
    kept, damage = came(whole[: len(whole) // 2] + bytes(300_000))
    assert damage is not None
    assert "is damaged" in damage
    assert len(kept) > len(data) // 4
    kept, damage = came(whole + b"no archive" * 1000)
    assert kept == data
    assert damage is not None
    assert "is damaged" in damage
    for at in range(60):
        turned = whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]
        if turned.startswith(whole[:4]):
            came(turned)  # whatever comes of it: it ends
