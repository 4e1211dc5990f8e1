"""Facts that come part by part: in memory while they are few, on disk once they are many."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
import pyarrow as pa

from plaudit.facts import Facts
from plaudit.partition.counting import Distinct
from plaudit.partition.filed import Filed, load, store
from plaudit.partition.room import room, told_if_full
from plaudit.partition.spill import PART_ROWS, Spill, n_parts_for

_FILE_ROWS: Final = 1 << 15
_KEY_PARTS: Final = 64  # eight bytes a comment: a hundred million fit


class Gathered:
    """Takes facts, then gives all of them, each key once, as `Facts.concat` would.

    As a context manager it removes what it put on disk.
    """

    def __init__(self, folder: Path | None = None, *, most: int | None = None) -> None:
        """Prepare; nothing is made before there are more than `most`.

        Args:
            folder: For nothing else, removed at the end; None: where the system puts temporary files.
            most: Comments that memory holds; None for as many as are measured together.
        """
        self._folder, self._most = folder, PART_ROWS if most is None else most
        self._held: list[Facts] = []
        self._n = self._n_held = 0
        self._paths: list[Path] = []
        self._keys: Distinct | None = None
        self._found: Facts | Filed | None = None
        self._stack = ExitStack()
        self._place = Path()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held, self._found = [], None
        self._stack.close()  # what the caller failed at is not this place's fault

    def add(self, facts: Facts) -> None:
        """Append facts.

        Raises:
            StorageError: The disk is full.
        """
        self._n += len(facts)
        self._n_held += len(facts)
        self._held.append(facts)
        if self._n > self._most and self._n_held >= min(_FILE_ROWS, self._most):
            with told_if_full(self._folder):
                self._put_away()

    def facts(self) -> Facts | Filed:
        """Return all that was added; nothing may be added afterwards.

        Raises:
            StorageError: The disk is full.
        """
        if self._found is None:
            with told_if_full(self._folder):
                self._found = Facts.concat(self._held) if self._keys is None else self._filed()
        return self._found

    def _filed(self) -> Filed:
        assert self._keys is not None  # noqa: S101 - the caller looked
        if self._held:
            self._put_away()
        n, _ = self._keys.count()
        if n < self._n:
            self._leave_out_doubles()
        return Filed(self._paths, n=n)

    def _put_away(self) -> None:
        table = pa.concat_tables([part.to_table() for part in self._held])
        self._held, self._n_held = [], 0
        if self._keys is None:
            self._place = self._stack.enter_context(room(self._folder))
            self._keys = Distinct(self._place / "keys", n_parts=_KEY_PARTS)
        for start in range(0, len(table), _FILE_ROWS):
            rows = table.slice(start, _FILE_ROWS)
            self._store(rows)
            self._keys.add(rows.column("key").to_numpy(), np.zeros(len(rows), bool))

    def _leave_out_doubles(self) -> None:
        spill = Spill(self._place / "doubles", n_parts=n_parts_for(self._n))
        before, self._paths = self._paths, []
        for path in before:
            rows = load(path)
            spill.add(rows, rows.column("key").to_numpy())
            path.unlink()
        for part in spill.parts():
            self._store(Facts.from_table(part).to_table())

    def _store(self, rows: pa.Table) -> None:
        self._paths.append(self._place / f"{len(self._paths):06d}.facts")
        store(self._paths[-1], rows)
