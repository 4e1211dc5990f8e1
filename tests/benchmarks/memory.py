"""The memory of a process and all below it, shared pages counted once."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_PAUSE_SECONDS = 0.1


class PeakMemory:
    """Looks again and again while the block runs; `peak_bytes` is the most it saw, 0 without /proc."""

    def __init__(self, pid: int) -> None:
        self._pid, self._over = pid, threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self.peak_bytes = 0

    def __enter__(self) -> Self:
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._over.wait(_PAUSE_SECONDS):
            self.peak_bytes = max(self.peak_bytes, sum(map(_pss_bytes, family(self._pid))))


def family(pid: int) -> list[int]:
    """Return the process and its descendants."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found, young = [pid], [pid]
    while young:
        young = [child for child, parent in parents.items() if parent in young]
        found += young
    return found


def _pss_bytes(pid: int) -> int:
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) << 10
    return 0
