"""Rounded times among more comments than memory holds: `signals.rounding`, some posts at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.partition.counting import among
from plaudit.partition.spill import Spill
from plaudit.signals.keys import Keys
from plaudit.signals.rounding import HOUR_MS, LEAST, Hours, Rounding


class Rounded:
    """Gathers times, then tells which are rounded; of posts only those that have some are held."""

    def __init__(self, folder: Path, *, n_parts: int) -> None:
        """Prepare; `folder` is for nothing else."""
        self._spill = Spill(folder, n_parts=n_parts)
        self._low, self._high, self._n = HOUR_MS, -1, 0

    def add(self, post: Keys, time: NDArray[np.int64], by_audience: NDArray[np.bool_]) -> None:
        """Add times that are said to be exact, their posts, and which of them are the audience's."""
        if not len(post):
            return
        hours = Hours.of(post, time)
        n_heard = np.bincount(np.searchsorted(hours.post, post[by_audience]), minlength=len(hours.post))
        self._low, self._high = min(self._low, int(hours.low.min())), max(self._high, int(hours.high.max()))
        self._n += len(post)
        columns = {"post": hours.post, "low": hours.low, "high": hours.high, "n": hours.n}
        self._spill.add(pa.table(columns | {"n_heard": n_heard}), hours.post)

    def settle(self) -> tuple[Rounding, int]:
        """Return what is rounded, and how many other times are the audience's; to be asked once."""
        if self._n >= LEAST and self._low == self._high:
            return Rounding(everywhere=True), 0
        found, n_exact = [np.empty(0, np.uint64)], 0
        for part in self._spill.parts():
            post, low, high, n, n_heard = (column.to_numpy() for column in part.columns)
            found.append(Hours.joined(post, low, high, n).rounded())
            n_exact += int(n_heard[~among(post, found[-1])].sum())
        return Rounding(posts=np.sort(np.concatenate(found))), n_exact
