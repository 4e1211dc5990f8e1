"""How large the batches of an Arrow file are once unpacked, read from its messages, not by unpacking.

The layout is that of `Message.fbs` of the Arrow format: a message of flatbuffers names the buffers of its
body, and each packed buffer begins with its length unpacked, which Arrow's own reader insists on.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.ipc

from plaudit.readers.magic import ARROW_MAGIC

_TAIL: Final = 4 + len(ARROW_MAGIC)  # length of the footer, and the magic once more
_BLOCKS: Final = (2, 3)  # dictionaries and batches, of a Footer
_HEADER: Final = 2  # fields of a Message, by their place in its table
_DATA: Final = 1  # of a DictionaryBatch
_LENGTH, _BUFFERS, _COMPRESSION = 0, 2, 3  # of a RecordBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What a batch takes once read.

    Attributes:
        n_rows: As it says of itself.
        n_bytes: Of its buffers, unpacked.
        is_packed: Whether they are packed as they lie there.
    """

    n_rows: int
    n_bytes: int
    is_packed: bool = False


def sizes_of(file: BinaryIO) -> Iterator[Size]:
    """Yield the size of each batch of an Arrow file or stream, dictionaries too.

    It ends where Arrow's own reader would find damage.

    Raises:
        ValueError: Its messages are not laid out as they should be.
    """
    file.seek(0)
    is_file = file.read(len(ARROW_MAGIC)) == ARROW_MAGIC
    file.seek(0)
    try:
        for message in _listed(file) if is_file else pa.ipc.MessageReader.open_stream(file):
            if message.type in ("record batch", "dictionary"):
                yield _size_of(message.metadata.to_pybytes(), message.body, kind=message.type)
    except (pa.ArrowException, OSError, EOFError):
        return
    except (struct.error, ValueError, IndexError, OverflowError) as error:
        raise ValueError("messages that are none") from error


def _listed(file: BinaryIO) -> Iterator[pa.ipc.Message]:
    """Yield the messages that the footer of a file lists: its readers go by that, wherever they lie."""
    file.seek(-_TAIL, os.SEEK_END)
    n_footer = _uint(file.read(4), 0)
    file.seek(-_TAIL - n_footer, os.SEEK_END)
    data = file.read(n_footer)
    footer = _Table(data, _uint(data, 0))
    opened = file if isinstance(file, pa.NativeFile) else pa.PythonFile(file, mode="r")
    for place in _BLOCKS:
        for at, _, _ in footer.structs(place, "<qi4xq"):
            opened.seek(at)
            yield pa.ipc.read_message(opened)


def _size_of(metadata: bytes, body: pa.Buffer, *, kind: str) -> Size:
    root = _Table(metadata, _uint(metadata, 0))
    batch = root.table(_HEADER)
    if batch is not None and kind == "dictionary":
        batch = batch.table(_DATA)
    if batch is None:
        raise ValueError("a batch without a header")
    is_packed = batch.table(_COMPRESSION) is not None
    n_bytes = 0
    for offset, length in batch.structs(_BUFFERS, "<qq"):
        if is_packed and length >= 8:
            (unpacked,) = struct.unpack("<q", body.slice(offset, 8).to_pybytes())
            n_bytes += length if unpacked < 0 else unpacked  # -1: this one is not packed
        else:
            n_bytes += length
    return Size(n_rows=batch.number(_LENGTH), n_bytes=n_bytes, is_packed=is_packed)


class _Table:
    """A table of flatbuffers: fields by their place, absent ones left out."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at
        self._vtable = at - struct.unpack_from("<i", data, at)[0]
        self._n_vtable = struct.unpack_from("<H", data, self._vtable)[0]

    def _field(self, place: int) -> int:
        slot = 4 + 2 * place
        if slot + 2 > self._n_vtable:
            return 0
        offset: int = struct.unpack_from("<H", self._data, self._vtable + slot)[0]
        return self._at + offset if offset else 0

    def table(self, place: int) -> _Table | None:
        at = self._field(place)
        return _Table(self._data, at + _uint(self._data, at)) if at else None

    def number(self, place: int) -> int:
        at = self._field(place)
        return int(struct.unpack_from("<q", self._data, at)[0]) if at else 0

    def structs(self, place: int, layout: str) -> Iterator[tuple[int, ...]]:
        at = self._field(place)
        if not at:
            return
        start = at + _uint(self._data, at)
        for i in range(_uint(self._data, start)):
            yield struct.unpack_from(layout, self._data, start + 4 + struct.calcsize(layout) * i)


def _uint(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", data, at)[0])
