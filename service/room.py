"""How much work may wait: counted in comments, refused at once where there is no more room."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from plaudit.service.lanes import SLICE_TEXTS
from plaudit.service.metrics import Metrics
from plaudit.service.problems import Problem

_CHARACTERS: Final = 1000  # of one comment; a longer text counts as several
_LONGEST_WAIT: Final = 60
_LONGEST_TURN_SECONDS: Final = 45.0  # that a stream waits, so that it is told before its caller gives up
_FIRST_BYTES_EACH: Final = 100.0
_LEARNING: Final = 0.05
_SHORT_BYTES: Final = 4096  # a longer body is hardly a short request


def weight_of(texts: Sequence[str]) -> int:
    """Return what texts count for: one each, and one more for every 1,000 characters."""
    return sum(1 + len(text) // _CHARACTERS for text in texts)


class _Turn:
    """A block of a stream that waits until its turn has come."""

    def __init__(self, n_comments: int) -> None:
        self.n_comments, self.has_come = n_comments, asyncio.Event()


class Room:
    """Comments taken in and not yet answered, up to a bound.

    A quarter of the room is kept for requests that fit one slice: whoever sends ten thousand comments
    cannot shut out those who send one. Where nothing waits anything is taken, so that the largest
    request allowed always has its chance.

    Blocks of streams wait for their turn, in the order in which they came. While the first does, no request
    takes what is to be its: neither what long ones leave, nor what short ones have beyond their quarter. But
    blocks take half of the room at most, so that requests have a part beside any number of streams. Belongs
    to the event loop's thread.
    """

    def __init__(
        self, size: int, *, rate: Callable[[], float], metrics: Metrics, seconds: float | None = None
    ) -> None:
        """Make an empty room.

        Args:
            size: Comments it holds.
            rate: Comments a second worked off now.
            metrics: Told how full it is.
            seconds: It holds no more than is worked off in that time; None for no such bound.
        """
        self._most, self._rate, self._metrics, self._taken = size, rate, metrics, 0
        self._seconds = math.inf if seconds is None else seconds
        self._bytes_each = _FIRST_BYTES_EACH
        self._n_long = self._n_streamed = 0  # of those taken
        self._waiting: deque[_Turn] = deque()

    @property
    def _size(self) -> float:
        return min(self._most, self._seconds * self._rate())

    @property
    def taken(self) -> int:
        """Comments inside."""
        return self._taken

    @property
    def is_full(self) -> bool:
        """Whether it would refuse more than a short request."""
        return self._taken > 0 and self._taken >= self._size * 3 / 4

    def check_door(self, n_bytes: int | None) -> None:
        """Refuse by its length what would find no room: reading it first would delay every refusal.

        What a comment takes is learnt from the bodies before. A large body may hold few comments, so it
        counts as a twentieth of the room at most; `hold` knows better once it is read.

        Args:
            n_bytes: As the body declares; None where it does not say.

        Raises:
            Problem: There is too little room (429).
        """
        if n_bytes is not None and n_bytes <= _SHORT_BYTES:
            if not self._fits(1):
                raise self.refusal()
            return
        likely = min((n_bytes or 0) / self._bytes_each, self._size / 20)
        if self._taken and (self._is_owed() or self._taken + likely >= self._size * 3 / 4):
            raise self.refusal()

    def learn(self, n_bytes: int, *, n_comments: int) -> None:
        """Take note of how long a body was."""
        self._bytes_each += _LEARNING * (n_bytes / max(n_comments, 1) - self._bytes_each)

    @contextmanager
    def hold(self, n_comments: int) -> Iterator[None]:
        """Take room while the block runs.

        Raises:
            Problem: There is too little (429).
        """
        if not self._fits(n_comments):
            raise self.refusal(n_comments)
        n_long = 0 if n_comments <= SLICE_TEXTS else n_comments
        self._change(n_comments, n_long=n_long)
        try:
            yield
        finally:
            self._change(-n_comments, n_long=-n_long)
            self._admit()

    @asynccontextmanager
    async def wait(self, n_comments: int) -> AsyncIterator[None]:
        """Take room when its turn has come: for streams, which make their callers wait instead.

        Raises:
            Problem: It did not come for long (429).
        """
        if n_comments <= SLICE_TEXTS and self._fits(n_comments):  # as a short request would
            with self.hold(n_comments):
                yield
            return
        turn = _Turn(n_comments)
        self._waiting.append(turn)
        self._admit()
        try:
            try:
                async with asyncio.timeout(_LONGEST_TURN_SECONDS):
                    await turn.has_come.wait()
            except TimeoutError:
                raise self.refusal(n_comments) from None
            yield
        finally:
            if turn.has_come.is_set():
                self._change(-n_comments, n_long=-n_comments, n_streamed=-n_comments)
            else:
                self._waiting.remove(turn)
            self._admit()

    def _admit(self) -> None:
        while self._is_due() and _is_within(self._taken, n := self._waiting[0].n_comments, self._size):
            self._change(n, n_long=n, n_streamed=n)
            self._waiting.popleft().has_come.set()

    def _fits(self, n_comments: int) -> bool:
        if not self._taken:
            return True
        if n_comments > SLICE_TEXTS:
            return not self._is_owed() and self._taken + n_comments <= self._size * 3 / 4
        return not self._is_due() and self._taken + n_comments <= self._size

    def _is_owed(self) -> bool:
        """Return whether what long requests leave goes to the block that waits first."""
        if not self._waiting:
            return False
        return _is_within(self._n_streamed, self._waiting[0].n_comments, self._size / 2)

    def _is_due(self) -> bool:
        """Return whether that block waits for nobody but short requests, if at all."""
        return self._is_owed() and _is_within(self._n_long, self._waiting[0].n_comments, self._size * 3 / 4)

    def _change(self, n_comments: int, *, n_long: int, n_streamed: int = 0) -> None:
        self._taken += n_comments
        self._n_long += n_long
        self._n_streamed += n_streamed
        self._metrics.queue_comments.inc(n_comments)

    def refusal(self, n_comments: int | None = None) -> Problem:
        """Return the problem that tells a caller when to come back."""
        more = f"what counts as {n_comments:,} more" if n_comments else "as many as the body may hold"
        seconds = min(max(math.ceil(self._taken / max(self._rate(), 1.0)), 1), _LONGEST_WAIT)
        return Problem(
            "overloaded",
            f"{self._taken:,} comments are waiting already; there is no room for {more}.",
            hint=f"Try again in {seconds} s, or send fewer comments at a time.",
            headers={"Retry-After": str(seconds)},
        )


def _is_within(n_taken: int, n_more: int, most: float) -> bool:
    return not n_taken or n_taken + n_more <= most
