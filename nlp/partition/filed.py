"""Facts in files, read a few columns at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, cast

import pyarrow as pa
import pyarrow.ipc

from plaudit.facts import FACTS_SCHEMA

_OPTIONS: Final = pa.ipc.IpcWriteOptions(compression="lz4")


class Filed:
    """Facts as `store` wrote them; each key is there once."""

    def __init__(self, paths: Sequence[Path], *, n: int) -> None:
        """Name the files, and how many rows they hold together."""
        self._paths, self._n = tuple(paths), n

    def __len__(self) -> int:
        return self._n

    def tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield a table a file."""
        for path in self._paths:
            yield load(path, columns=columns)


def store(path: Path, table: pa.Table) -> None:
    """Write a table, packed."""
    with path.open("wb") as file:
        pack(file, table)


def pack(file: Any, table: pa.Table) -> None:
    """Write a table into an open file, or what pyarrow takes for one."""
    with pa.ipc.new_file(file, table.schema, options=_OPTIONS) as writer:
        writer.write_table(table.combine_chunks())


def load(path: Path, *, columns: Sequence[str] = ()) -> pa.Table:
    """Read a table of any columns, or some columns of facts.

    Raises:
        ArrowException: The file is damaged.
    """
    with path.open("rb") as file:
        return unpack(file, columns=columns)


def unpack(file: Any, *, columns: Sequence[str] = ()) -> pa.Table:
    """Read from an open file what `load` reads; raises as it does."""
    options = pa.ipc.IpcReadOptions(
        included_fields=sorted(map(FACTS_SCHEMA.get_field_index, columns)) or None
    )
    table = cast(pa.Table, pa.ipc.open_file(file, options=options).read_all())
    return table.select(columns) if columns else table
