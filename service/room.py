"""How much work may wait: counted in comments, refused at once where there is no more room."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from plaudit.service.lanes import SLICE_TEXTS
from plaudit.service.metrics import Metrics
from plaudit.service.problems import Problem

_CHARACTERS: Final = 1000  # of one comment; a longer text counts as several
_LONGEST_WAIT: Final = 60


def weight_of(texts: Sequence[str]) -> int:
    """Return what texts count for: one each, and one more for every 1,000 characters."""
    return sum(1 + len(text) // _CHARACTERS for text in texts)


class Room:
    """Comments taken in and not yet answered, up to a bound.

    A quarter of the room is kept for requests that fit one slice: whoever sends ten thousand comments
    cannot shut out those who send one. Where nothing waits anything is taken, so that the largest
    request allowed always has its chance. Belongs to the event loop's thread.
    """

    def __init__(self, size: int, *, rate: Callable[[], float], metrics: Metrics) -> None:
        """Make an empty room.

        Args:
            size: Comments it holds.
            rate: Comments a second worked off now, to tell the refused when to come back.
            metrics: Told how full it is.
        """
        self._size, self._rate, self._metrics, self._taken = size, rate, metrics, 0
        self._freed = asyncio.Event()

    @property
    def taken(self) -> int:
        """Comments inside."""
        return self._taken

    @property
    def is_full(self) -> bool:
        """Whether it would refuse more than a short request."""
        return self._taken > 0 and self._taken >= self._size * 3 // 4

    @contextmanager
    def hold(self, n_comments: int) -> Iterator[None]:
        """Take room while the block runs.

        Raises:
            Problem: There is too little (429).
        """
        if not self._fits(n_comments):
            raise self.refusal(n_comments)
        with self._held(n_comments):
            yield

    @asynccontextmanager
    async def wait(self, n_comments: int) -> AsyncIterator[None]:
        """Take room as soon as there is some: for streams, which make their callers wait instead."""
        while not self._fits(n_comments):
            self._freed.clear()
            await self._freed.wait()
        with self._held(n_comments):
            yield

    def _fits(self, n_comments: int) -> bool:
        size = self._size if n_comments <= SLICE_TEXTS else self._size * 3 // 4
        return not self._taken or self._taken + n_comments <= size

    @contextmanager
    def _held(self, n_comments: int) -> Iterator[None]:
        self._change(n_comments)
        try:
            yield
        finally:
            self._change(-n_comments)
            self._freed.set()

    def _change(self, n_comments: int) -> None:
        self._taken += n_comments
        self._metrics.queue_comments.inc(n_comments)

    def refusal(self, n_comments: int) -> Problem:
        """Return the problem that tells a caller when to come back."""
        seconds = min(max(math.ceil(self._taken / max(self._rate(), 1.0)), 1), _LONGEST_WAIT)
        return Problem(
            "overloaded",
            f"{self._taken:,} comments are waiting already; there is no room for {n_comments:,} more.",
            hint=f"Try again in {seconds} s, or send fewer comments at a time.",
            headers={"Retry-After": str(seconds)},
        )
