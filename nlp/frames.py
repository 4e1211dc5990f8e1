"""Data frames of whoever made them, by way of Arrow: their rows as records, their columns as texts.

Nothing of pandas or polars is imported: a frame says itself how it is told (`__arrow_c_stream__`), and its
own methods put the new columns beside the old.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any, Final, cast

import pyarrow as pa

from plaudit.errors import InputError, MappingError
from plaudit.items import Item
from plaudit.pipeline import Pipeline
from plaudit.readers import FORMATS
from plaudit.readers.columnar import plain
from plaudit.readers.mapping import Mapper
from plaudit.scores import FLAGS, LABELS, Scores

LABEL_SCHEMA: Final = pa.schema(
    [
        pa.field("label", pa.string()),
        *(pa.field(name, pa.float32()) for name in (*LABELS, *FLAGS)),
        pa.field("language", pa.string()),
        pa.field("supported", pa.bool_()),
        pa.field("truncated", pa.bool_()),
    ]
)
"""What is said of a text, in columns named as in `comments.parquet`; all null where there is no text."""

_AT_ONCE: Final = 8192
_MAKERS: Final = ("pandas", "polars", "pyarrow")


def is_frame(value: object) -> bool:
    """Return whether a value has named columns: a frame of pandas or polars, an Arrow table, and the like.

    Raises:
        InputError: It is a frame of polars that is not worked out yet.
    """
    if type(value).__name__ == "LazyFrame" and _maker(value) == "polars":
        raise InputError("A LazyFrame was given, which holds no rows yet; give what its collect() returns.")
    return not isinstance(value, Mapping) and hasattr(value, "columns") and _is_told(value)


def is_column(value: object) -> bool:
    """Return whether a value is one column: a series of pandas or polars, an Arrow array."""
    return not hasattr(value, "columns") and _is_told(value)


def _is_told(value: object) -> bool:
    known = any(hasattr(value, name) for name in ("__arrow_c_stream__", "__arrow_c_array__"))
    return known or _maker(value) == "pandas"  # before 2.2 it could not say so


def table_of(frame: Any) -> pa.Table:
    """Return a frame as an Arrow table.

    Raises:
        InputError: A column of it holds what Arrow can't, such as values of several kinds.
        MappingError: Two of its columns have the same name.
    """
    if _maker(frame) == "pandas":
        _refuse_twins(frame.columns)
    try:
        table = frame if isinstance(frame, pa.Table) else pa.table(frame)
    except (pa.ArrowException, TypeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"The frame can't be read ({reason}); give each column one kind of value."
        ) from error
    _refuse_twins(table.column_names)
    return table


def _refuse_twins(names: Iterable[object]) -> None:
    twin = next((name for name, n in Counter(names).items() if n > 1), None)
    if twin is not None:
        raise MappingError(f"The frame has several columns '{twin}'; give each a name of its own.")


def records_of(frame: Any, *, columns: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a frame as records.

    Args:
        frame: With a column for each field, under the usual names.
        columns: Generic column to the name it has here.

    Raises:
        MappingError: No column holds texts, or a mapped one isn't there; told at once.
        InputError: The frame can't be read.
    """
    table = table_of(frame)
    names = table.column_names
    paths = Mapper(FORMATS["json"], columns=columns).layout(dict.fromkeys(names)).paths
    missing = [column for name, column in columns.items() if not paths[name]]
    if missing or not paths["text"]:
        what = f"no column '{missing[0]}'" if missing else "no column that is known to hold a comment's text"
        advice = "" if missing else " Name the right one with columns={'text': COLUMN}."
        raise MappingError(f"The frame has {what}; it has: {', '.join(names) or 'none'}.{advice}")
    return _records(table)


def _records(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(max_chunksize=_AT_ONCE):
        columns = [plain(column) for column in batch.columns]
        for row in zip(*columns, strict=True):
            yield dict(zip(batch.schema.names, row, strict=True))


def texts_of(column: Any) -> list[str | None]:
    """Return the values of a column of texts; None where it holds none.

    Raises:
        InputError: It holds something else.
    """
    try:
        # pandas has NaN where a text is missing.
        found = pa.array(column, from_pandas=True) if _maker(column) == "pandas" else pa.chunked_array(column)
    except (pa.ArrowException, TypeError, ValueError) as error:  # what they say may quote a text
        raise InputError("The column holds values of several kinds; expected texts.") from error
    if found.null_count == len(found):  # as a column of numbers, where it was read from an empty one
        return [None] * len(found)
    kind = found.type.value_type if pa.types.is_dictionary(found.type) else found.type
    if not any(is_kind(kind) for is_kind in _TEXTS):
        raise InputError(f"The column holds {kind}; expected texts.")
    return cast(list[str | None], found.to_pylist())


_TEXTS: Final = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_null)


def labels_of(texts: list[str | None], pipeline: Pipeline) -> pa.Table:
    """Return a row of `LABEL_SCHEMA` for each text."""
    readable = [text if text is not None and Item.of(text, id="").error is None else None for text in texts]
    scores = pipeline.classify([text for text in readable if text is not None])
    rows = iter(range(len(scores)))
    at = pa.array([None if text is None else next(rows) for text in readable], pa.int64())
    return _table(scores).take(at)


def _table(scores: Scores) -> pa.Table:
    columns = [
        pa.array(LABELS).take(pa.array(scores.labels)),
        *(pa.array(column, pa.float32()) for column in (*scores.probabilities.T, *scores.flags.T)),
        pa.array(scores.languages, pa.string()),
        pa.array(scores.supported),
        pa.array(scores.truncated),
    ]
    return pa.Table.from_arrays(columns, schema=LABEL_SCHEMA)


def with_labels(frame: Any, *, text: str, pipeline: Pipeline, prefix: str = "") -> Any:
    """Return a frame of the same kind with the columns of `LABEL_SCHEMA` behind its own.

    Raises:
        MappingError: There is no column of that name, or a new one has the name of an old one.
        InputError: That column holds no texts, or the value is no frame of pandas, polars or Arrow.
    """
    maker = _maker(frame)
    if maker not in _MAKERS or not is_frame(frame):
        raise InputError(f"A {type(frame).__name__} was given; expected a frame of {', '.join(_MAKERS)}.")
    names = frame.column_names if maker == "pyarrow" else list(frame.columns)
    if text not in names:
        raise MappingError(
            f"The frame has no column '{text}'; it has: {', '.join(map(str, names)) or 'none'}."
        )
    _refuse_twins(name for name in names if name == text)
    new = [prefix + name for name in LABEL_SCHEMA.names]
    taken = [name for name in new if name in names]
    if taken:
        raise MappingError(f"The frame has a column '{taken[0]}' already; give the new ones a prefix.")
    labels = labels_of(texts_of(frame[text]), pipeline).rename_columns(new)
    return _beside(frame, labels, maker=maker)


def _beside(frame: Any, labels: pa.Table, *, maker: str) -> Any:
    if maker == "pandas":
        columns = labels.to_pandas()
        return frame.assign(**{name: columns[name].array for name in labels.column_names})
    if maker == "polars":
        return frame.hstack(import_module("polars").from_arrow(labels))
    table = table_of(frame)
    for name in labels.column_names:
        table = table.append_column(name, labels.column(name))
    return table


def _maker(value: object) -> str:
    return type(value).__module__.partition(".")[0]
