"""Columns of a dump that are kept as they were, where asked for."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import orjson
import pyarrow as pa

from plaudit.readers.format import Record
from plaudit.readers.mapping import value_at

PREFIX: Final = "original_"
"""Before the name of a kept column: the dump's `label` is not ours."""

DEPTH: Final = 100
"""Objects and lists in each other that are kept; orjson itself writes no more than 254."""

_N_BITS: Final = 14_000  # some 4,200 digits; Python itself writes no more than 4,300


def kept_schema(names: Sequence[str]) -> pa.Schema:
    """Return the schema of kept columns; all are text, since one dump may hold 1, "1" and null."""
    return pa.schema([pa.field(f"{PREFIX}{name}", pa.string()) for name in names])


def kept_columns(records: Iterable[Record], names: Sequence[str]) -> pa.RecordBatch:
    """Return the columns of these names, one row a record.

    Text is kept as it was written, anything else as JSON, cut where it nests deeper than `DEPTH`; null where
    it is missing. A name reaches into objects by dots where no column has it whole.
    """
    schema, rows = kept_schema(names), list(records)
    columns = [pa.array([_shown(value_of(record, name)) for record in rows], pa.string()) for name in names]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def value_of(record: Record, name: str) -> object:
    """Return what a record holds under a name; None where nothing."""
    if name in record:
        value: object = record[name]
        return value
    return value_at(record, name.split("."))


def holds(record: Record, name: str) -> bool:
    """Return whether a record has something under a name, if only null."""
    *heads, last = name.split(".")
    above = value_at(record, heads)
    return name in record or (isinstance(above, Mapping) and last in above)


def _cut(value: object, depth: int = 0) -> object:
    """Return a value as `json` can write it."""
    if isinstance(value, (Mapping, list, tuple)) and depth == DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {str(key): _cut(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_cut(item, depth + 1) for item in value]
    if isinstance(value, int) and value.bit_length() > _N_BITS:
        return "…"
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def _shown(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        value = _as_json(value)
    try:
        value.encode()
    except UnicodeEncodeError:  # lone halves of UTF-16 pairs; whole pairs become their character
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def _as_json(value: object) -> str:
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:  # integers of more than 64 bits, lone halves of UTF-16 pairs, too deep
        return json.dumps(_cut(value), ensure_ascii=False, separators=(",", ":"))
