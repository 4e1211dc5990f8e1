"""Facts that lie somewhere else than in memory, and those of some rows of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, Protocol, cast

import numpy as np
import pyarrow as pa

from plaudit.facts import FACTS_SCHEMA, Facts
from plaudit.partition.spill import streams_of
from plaudit.posts import PostWords

_BLOCK: Final = 1 << 15


class Stored(Protocol):
    """Facts at rest; each key is there once."""

    def __len__(self) -> int:
        """Return how many comments there are."""

    def tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield these columns of all rows, some rows at a time, the same at every call."""


def pieces_of(stored: Stored, *, n_rows: int) -> Sequence[Stored]:
    """Return facts in pieces of at least so many rows that any machine can read; none where only this can."""
    cut = getattr(stored, "pieces", None)
    return () if cut is None else cast(Sequence[Stored], cut(n_rows))


class Held:
    """Facts in memory, given out as if they were not."""

    def __init__(self, facts: Facts) -> None:
        """Hold facts."""
        self._facts = facts

    def __len__(self) -> int:
        return len(self._facts)

    def tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield blocks of rows."""
        for start in range(0, len(self._facts), _BLOCK):
            yield self._facts.between(start, min(start + _BLOCK, len(self._facts))).to_table().select(columns)


class Streamed:
    """Facts in a file of Arrow streams one behind the other, as `spill.Spill` leaves them."""

    def __init__(self, path: Path, *, n: int) -> None:
        """Name a file with n rows."""
        self._path, self._n = path, n

    def __len__(self) -> int:
        return self._n

    def tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield a table a stream."""
        for table in streams_of(self._path):
            yield table.select(columns)


class WithPosts:
    """Stored facts in which `n_of_post` is known where their post's text is."""

    def __init__(self, stored: Stored, posts: Mapping[str, str]) -> None:
        """Name the facts, and texts by the id of the post."""
        self._stored, self._words = stored, PostWords(posts)

    def __len__(self) -> int:
        return len(self._stored)

    def pieces(self, n_rows: int) -> Sequence[Stored]:
        """Return what `pieces_of` gives of what is stored, each with the posts."""
        found = []
        for piece in pieces_of(self._stored, n_rows=n_rows):
            found.append(copy(self))
            found[-1]._stored = piece
        return found

    def tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield what is stored, but for the one column."""
        if "n_of_post" not in columns:
            yield from self._stored.tables(columns)
            return
        for rows in self._stored.tables(list(dict.fromkeys([*columns, "post", "content"]))):
            content = rows.column("content").combine_chunks()
            shared = pa.array(self._words.shared(rows.column("post").to_numpy(), content))
            at = rows.column_names.index("n_of_post")
            yield rows.set_column(at, FACTS_SCHEMA.field("n_of_post"), shared).select(columns)


def whole(stored: Stored) -> Facts:
    """Return all facts, in memory."""
    return Facts.from_table(
        pa.concat_tables([FACTS_SCHEMA.empty_table(), *stored.tables(FACTS_SCHEMA.names)])
    )


def facts_of_part(rows: pa.Table) -> Facts:
    """Return facts with the columns that are there, in order of the key; the others are blank."""
    order = np.argsort(rows.column("key").to_numpy())
    rows = rows.take(pa.array(order)).combine_chunks()
    columns: dict[str, Any] = {}
    for each in fields(Facts):
        kind = FACTS_SCHEMA.field(each.name).type
        if each.name not in rows.column_names:
            columns[each.name] = _blank(kind, len(rows))
        elif pa.types.is_string(kind) or pa.types.is_list(kind):
            columns[each.name] = rows.column(each.name).combine_chunks()
        else:
            columns[each.name] = rows.column(each.name).to_numpy()
    return Facts(**columns)


def _blank(kind: pa.DataType, n: int) -> Any:
    if pa.types.is_list(kind):
        return pa.ListArray.from_arrays(
            pa.array(np.zeros(n + 1, np.int32)), pa.array([], pa.uint32()), type=kind
        )
    return pa.repeat("", n) if kind == pa.string() else np.zeros(n, kind.to_pandas_dtype())
