"""Zstandard archives cut between their blocks, each of which unpacks to 128 KiB at most.

The library gives out at once all that its input holds: for 8 KiB of a dull or malicious archive 256 MiB.
Layout: RFC 8878, 3.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_SKIPPED: Final = b"\x2a\x4d\x18"  # how the magic of a frame that holds no data ends
_SINGLE, _CHECKED = 0x20, 0x04  # flags: no window but the frame itself; a checksum stands behind it
_N_DICTIONARY, _N_SIZE = (0, 1, 2, 4), (0, 2, 4, 8)  # bytes of these fields, by two bits of the descriptor
_N_CHECKSUM: Final = 4
_REPEATED: Final = 1  # the kind of block in which one byte stands for all
_N_PIECE: Final = 1 << 20
_N_BITE: Final = 8  # bytes of what is no frame; were they blocks all the same, they would be two


def cut(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the bytes of an archive, damaged or not, in pieces with one block at most; some may be empty."""
    taken = _Taken(chunks)
    while magic := taken.take(4):
        if magic == _MAGIC:
            yield from _frame(taken)
        elif magic[1:] == _SKIPPED and magic[0] >> 4 == 5:
            size = taken.take(4)
            yield magic + size
            yield from taken.pieces(_N_PIECE, n=int.from_bytes(size, "little"))
        else:
            yield magic
            yield from taken.pieces(_N_BITE)


def _frame(taken: _Taken) -> Iterator[bytes]:
    descriptor = taken.take(1)
    flags = descriptor[0] if descriptor else 0
    n_more = _N_DICTIONARY[flags & 3] + (_N_SIZE[flags >> 6] or bool(flags & _SINGLE))
    yield _MAGIC + descriptor + taken.take(n_more + (not flags & _SINGLE))
    is_last = False
    while not is_last:
        head = taken.take(3)
        fields = int.from_bytes(head, "little")
        is_last = bool(fields & 1) or len(head) < 3
        yield head + taken.take(1 if fields >> 1 & 3 == _REPEATED else fields >> 3)
    yield taken.take(_N_CHECKSUM if flags & _CHECKED else 0)


class _Taken:
    """Chunks, taken as many bytes at a time as asked for."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._held, self._at = chunks, b"", 0

    def take(self, n: int) -> bytes:
        """Return n bytes; fewer where there are no more."""
        parts = []
        while n:
            if self._at == len(self._held):
                self._held, self._at = next(self._chunks, b""), 0
                if not self._held:
                    break
            parts.append(self._held[self._at : self._at + n])
            self._at, n = self._at + len(parts[-1]), n - len(parts[-1])
        return b"".join(parts)

    def pieces(self, n_piece: int, *, n: int | None = None) -> Iterator[bytes]:
        """Yield n bytes, or all there are, a few at a time."""
        while (n is None or n > 0) and (piece := self.take(n_piece if n is None else min(n, n_piece))):
            n = None if n is None else n - len(piece)
            yield piece
