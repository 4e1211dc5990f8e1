"""How large the pages of a Parquet file are once unpacked, read from their headers, not by unpacking.

What the footer says of sizes nobody checks; what a page's header says its reader insists on. Headers are
structs of Thrift's compact protocol, laid out as `PageHeader` in the format's `parquet.thrift`.
"""

from __future__ import annotations

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


def size_of(file: BinaryIO, chunk: Any) -> Size:
    """Return the size of a column chunk (pyarrow's `ColumnChunkMetaData`).

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


def pages_of(file: BinaryIO, chunk: Any) -> Iterator[Page]:
    """Yield the pages of a column chunk as its reader would meet them.

    Raises:
        ValueError: A page's header is none.
    """
    starts = [chunk.data_page_offset]
    if chunk.has_dictionary_page and chunk.dictionary_page_offset:
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
        """Return the fields by their numbers: integers and structs as they are, others as None."""
        if depth > _N_DEEP:
            raise ValueError("a page header too deep")
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
        else:  # nothing else stands in a page's header
            raise ValueError("a page header of another kind")
        return None

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
