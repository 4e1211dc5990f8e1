"""How large the pages of a Parquet file are once unpacked, read from their headers, not by unpacking.

What the footer says of sizes nobody checks; what a page's header says its reader insists on. Footer and
headers are structs of Thrift's compact protocol, `FileMetaData` and `PageHeader` in `parquet.thrift`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

_N_FIRST, _N_MOST = 1 << 10, 16 << 20  # bytes of a header: usual ones, and what Arrow takes at most
_UNPACKED, _PACKED, _DATA, _DATA_2 = 2, 3, 5, 8  # fields of a PageHeader
_N_VALUES = 1  # field of each kind of page
_ENCODING: Final = {_DATA: 2, _DATA_2: 4}
_IN_WORDS: Final = (2, 8)  # places in a dictionary
_LENGTHS_FIRST, _PREFIXED = 6, 7  # DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
_N_DEEP: Final = 16
_ROW_GROUPS, _COLUMNS, _CHUNK = 4, 1, 3  # fields that lead from the footer to a chunk
_VALUES, _COMPRESSED, _FIRST_PAGE, _WORDS = 5, 7, 9, 11  # fields of a chunk
_TAIL = struct.Struct("<I4s")  # length of the footer, and the magic once more


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Where a column of a row group lies; the names are pyarrow's."""

    num_values: int
    total_compressed_size: int
    data_page_offset: int
    dictionary_page_offset: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a column.

    Attributes:
        n_bytes: Unpacked.
        n_values: It holds; 0 for the words of a dictionary and whatever else is no data.
        encoding: Of its values, by its number in the format.
    """

    n_bytes: int
    n_values: int
    encoding: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of a column chunk comes out at once.

    Attributes:
        n_page: Bytes of its largest page.
        n_value: Bytes of a value: on the average of the page where that is most; at most, where values
            share bytes and each is written out.
        n_bytes: Of all its values, likewise.
        as_words: Whether its reader can keep texts that repeat as places in a dictionary.
    """

    n_page: int
    n_value: int
    n_bytes: int
    as_words: bool


def chunks_of(file: BinaryIO) -> list[list[Chunk]]:
    """Return the column chunks of each row group.

    pyarrow's own `row_group(i).column(j)` ends the process where a damaged footer contradicts itself.

    Raises:
        ValueError: The footer is none.
    """
    file.seek(-_TAIL.size, os.SEEK_END)
    n_footer, _ = _TAIL.unpack(file.read(_TAIL.size))
    file.seek(-_TAIL.size - n_footer, os.SEEK_END)
    try:
        groups = _Thrift(file.read(n_footer)).struct().get(_ROW_GROUPS)
        return [[_chunk(column[_CHUNK]) for column in group[_COLUMNS]] for group in groups or ()]
    except (IndexError, KeyError, TypeError, AttributeError) as error:
        raise ValueError("a footer that lacks a column") from error


def _chunk(fields: dict[int, Any]) -> Chunk:
    words = fields.get(_WORDS)
    return Chunk(
        num_values=_number(fields, _VALUES),
        total_compressed_size=_number(fields, _COMPRESSED),
        data_page_offset=_number(fields, _FIRST_PAGE),
        dictionary_page_offset=words if isinstance(words, int) else None,
    )


def size_of(file: BinaryIO, chunk: Chunk) -> Size:
    """Return the size of a column chunk.

    Raises:
        ValueError: A page's header is none.
    """
    n_page = n_value = n_plain = n_shared = 0
    as_words, seen = True, list[Page]()
    for page in pages_of(file, chunk):
        n_page = max(n_page, page.n_bytes)
        if page.n_values:
            seen.append(page)
            as_words &= page.encoding not in (_LENGTHS_FIRST, _PREFIXED)
    for page in seen:
        # One that leans on others is as long as a page at most, and takes next to nothing of its own.
        is_shared = page.encoding == _PREFIXED or (page.encoding in _IN_WORDS and not as_words)
        n_value = max(n_value, n_page if is_shared else page.n_bytes // page.n_values)
        n_plain += page.n_bytes
        n_shared += page.n_values if is_shared else 0
    return Size(n_page=n_page, n_value=n_value, n_bytes=n_plain + n_shared * n_page, as_words=as_words)


def pages_of(file: BinaryIO, chunk: Chunk) -> Iterator[Page]:
    """Yield the pages of a column chunk as its reader would meet them.

    Raises:
        ValueError: A page's header is none.
    """
    starts = [chunk.data_page_offset]
    if chunk.dictionary_page_offset:
        starts.append(chunk.dictionary_page_offset)
    at, n_values = min(starts), 0
    end = at + chunk.total_compressed_size
    while at < end and n_values < chunk.num_values:
        header, n_header = _header_at(file, at)
        n_packed = _number(header, _PACKED)
        if n_packed < 0:
            raise ValueError("a page of less than nothing")
        at += n_header + n_packed
        kind = next((field for field in _ENCODING if field in header), None)
        data = header.get(kind) if kind else None
        n_here = _number(data, _N_VALUES) if isinstance(data, dict) else 0
        yield Page(
            n_bytes=_number(header, _UNPACKED),
            n_values=n_here,
            encoding=_number(data, _ENCODING[kind]) if kind and isinstance(data, dict) else 0,
        )
        n_values += n_here


def _number(fields: dict[int, Any], name: int) -> int:
    value = fields.get(name)
    if not isinstance(value, int):
        raise ValueError("a page header that lacks a number")
    return value


def _header_at(file: BinaryIO, at: int) -> tuple[dict[int, Any], int]:
    n = _N_FIRST
    while True:
        file.seek(at)
        data = file.read(n)
        thrift = _Thrift(data)
        try:
            return thrift.struct(), thrift.at
        except IndexError:
            if len(data) < n or n >= _N_MOST:
                raise ValueError("a page header without an end") from None
            n *= 8


class _Thrift:
    """Reads structs of the compact protocol; raises IndexError where the bytes end before they do."""

    def __init__(self, data: bytes) -> None:
        self._data, self.at = data, 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Return the fields by their numbers: integers, structs and lists as they are, others as None."""
        if depth > _N_DEEP:
            raise ValueError("a header too deep")
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            step, kind = head >> 4, head & 15
            number = number + step if step else self._zigzag()
            fields[number] = self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (_TRUE, _FALSE):
            return None
        if kind in (_I16, _I32, _I64):
            return self._zigzag()
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in (_BYTE, _DOUBLE):
            self._skip(1 if kind == _BYTE else 8)
        elif kind == _BINARY:
            self._skip(self._varint())
        elif kind in (_LIST, _SET):
            return self._list(depth)
        else:  # nothing else stands there
            raise ValueError("a header of another kind")
        return None

    def _list(self, depth: int) -> list[Any]:
        head = self._byte()
        n, kind = head >> 4, head & 15
        if n == 15:
            n = self._varint()
        # A flag within a list takes a byte, as a field of its own none.
        return [self._value(_BYTE if kind in (_TRUE, _FALSE) else kind, depth) for _ in range(n)]

    def _byte(self) -> int:
        value = self._data[self.at]
        self.at += 1
        return value

    def _skip(self, n: int) -> None:
        self.at += n
        if self.at > len(self._data):
            raise IndexError

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 63:
                raise ValueError("a page header with a number too long")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
