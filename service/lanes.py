"""Whose turn it is: requests that wait for the model, cut into slices, short ones beside long ones."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

import numpy as np

from plaudit.scores import Scores

SLICE_TEXTS: Final = 16
SLICE_TOKENS: Final = 512
_SINGLE_TEXTS: Final = 2

_TOKENS_OF_ANY: Final = 8  # what the shortest text is padded to, and its share of the overhead
_CHARACTERS_READ: Final = 512  # about what a model of 128 tokens reads
_CHARACTERS_A_TOKEN: Final = 4


def tokens_of(text: str) -> int:
    """Return about how many tokens a text costs the model."""
    return _TOKENS_OF_ANY + min(len(text), _CHARACTERS_READ) // _CHARACTERS_A_TOKEN


class Order:
    """The texts of one request, and what is known of them so far.

    Attributes:
        future: Gets the scores of all texts; cancelled by a caller who left.
        since: When it began to wait; seconds of `time.perf_counter`.
    """

    __slots__ = ("_each", "_lock", "_n_missing", "_next", "_on_begin", "_parts", "_texts", "future", "since")

    def __init__(self, texts: Sequence[str], *, on_begin: Callable[[], None] | None = None) -> None:
        self._on_begin = on_begin
        self._texts, self._next = texts, 0
        sample = texts[:SLICE_TEXTS]
        self._each = sum(map(tokens_of, sample)) / max(len(sample), 1)
        self._lock, self._n_missing = threading.Lock(), len(texts)
        self._parts: dict[int, Scores] = {}
        self.future: Future[Scores] = Future()
        self.since = time.perf_counter()

    @property
    def n_left(self) -> int:
        """Texts that no slice holds yet."""
        return len(self._texts) - self._next

    @property
    def n_tokens_left(self) -> float:
        """What those cost, about: as much each as the first ones."""
        return self.n_left * self._each

    def cut(self) -> Slice:
        """Return the next slice: some texts, of about `SLICE_TOKENS` at most."""
        start, n_tokens = self._next, 0
        if self._on_begin and not start:
            self._on_begin()
        while self.n_left and self._next - start < SLICE_TEXTS:
            cost = tokens_of(self._texts[self._next])
            if n_tokens and n_tokens + cost > SLICE_TOKENS:
                break
            n_tokens += cost
            self._next += 1
        return Slice(order=self, start=start, texts=self._texts[start : self._next], n_tokens=n_tokens)

    def fill(self, start: int, scores: Scores) -> None:
        """Take the scores of the slice that began at `start`; slices may come in any order."""
        with self._lock:
            self._parts[start] = scores
            self._n_missing -= len(scores)
            is_whole = self._n_missing == 0
        if is_whole:
            with suppress(InvalidStateError):  # the caller left, or another slice failed
                self.future.set_result(joined([self._parts[each] for each in sorted(self._parts)]))

    def fail(self, error: Exception) -> None:
        """Give up: the caller gets the error."""
        self._next = len(self._texts)
        with suppress(InvalidStateError):
            self.future.set_exception(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Some consecutive texts of an order.

    Attributes:
        order: Whose they are.
        start: Place of the first in the order.
        texts: At least one.
        n_tokens: What they cost, about.
    """

    order: Order
    start: int
    texts: Sequence[str]
    n_tokens: int


@dataclass(slots=True)
class _Lane:
    """Orders of about one length.

    Attributes:
        most: Texts of the longest.
        orders: Those that wait.
        n_tokens: What it was given, so that the lanes get equal shares.
    """

    most: float
    orders: deque[Order] = field(default_factory=deque)
    n_tokens: int = 0


class Lanes:
    """Orders in waiting: single comments, those of one slice, and the long ones, each in a lane.

    The lane that was given the fewest tokens is next, so that lanes in which somebody waits share the
    machine equally; a lane that was empty gets no credit for it. In the first two who came first goes
    first; in the long one an order goes to the end after each slice. So neither one large request, nor many
    of them, nor a flood of small ones holds up the other kinds for longer than its share of the machine. And
    as all of a batch is answered when all of it is done, none that holds short orders is filled up with parts
    of long ones.
    """

    def __init__(self) -> None:
        self._lanes = (_Lane(_SINGLE_TEXTS), _Lane(SLICE_TEXTS), _Lane(math.inf))

    def __bool__(self) -> bool:
        return any(lane.orders for lane in self._lanes)

    def add(self, order: Order) -> None:
        """Put an order at the end of its lane."""
        lane = next(lane for lane in self._lanes if order.n_left <= lane.most)
        if not lane.orders:
            lane.n_tokens = max(lane.n_tokens, min((each.n_tokens for each in self._busy()), default=0))
        lane.orders.append(order)

    def n_tokens_waiting(self, *, most: float) -> float:
        """Return about what all that waits costs; where that is more than `most`, something above it."""
        n_tokens = 0.0
        for order in chain.from_iterable(lane.orders for lane in self._lanes):
            if n_tokens > most:
                break
            n_tokens += order.n_tokens_left
        return n_tokens

    def take(self, n_tokens: int) -> list[Slice]:
        """Return slices of about so many tokens, one at least; orders whose caller left are dropped."""
        slices: list[Slice] = []
        has_short, (*_, long) = False, self._lanes
        while n_tokens > 0 and (busy := self._busy()):
            lane = min(busy, key=lambda each: each.n_tokens)
            if lane is long and has_short:
                break
            found = _next(lane.orders)
            if found is not None:
                slices.append(found)
                has_short |= lane is not long
                lane.n_tokens += found.n_tokens
                n_tokens -= found.n_tokens
        return slices

    def clear(self) -> list[Order]:
        """Empty the lanes and return what was in them."""
        left = [order for lane in self._lanes for order in lane.orders]
        for lane in self._lanes:
            lane.orders.clear()
        return left

    def _busy(self) -> list[_Lane]:
        return [lane for lane in self._lanes if lane.orders]


def _next(lane: deque[Order]) -> Slice | None:
    while lane:
        order = lane.popleft()
        if order.future.done() or not order.n_left:
            continue
        try:
            found = order.cut()
        except Exception as error:  # one that can't be cut must not end the thread that works for all
            order.fail(error)
            continue
        if order.n_left:
            lane.append(order)
        return found
    return None


def joined(parts: Sequence[Scores]) -> Scores:
    """Return the scores of parts, one after the other, as one."""
    if len(parts) == 1:
        return parts[0]
    return Scores(
        probabilities=np.concatenate([part.probabilities for part in parts]),
        flags=np.concatenate([part.flags for part in parts]),
        languages=tuple(code for part in parts for code in part.languages),
        supported=np.concatenate([part.supported for part in parts]),
        truncated=np.concatenate([part.truncated for part in parts]),
    )


def taken(scores: Scores, rows: Sequence[int]) -> Scores:
    """Return the scores of some rows, in the order named."""
    places = np.fromiter(rows, np.int64, len(rows))
    return Scores(
        probabilities=scores.probabilities[places],
        flags=scores.flags[places],
        languages=tuple(scores.languages[row] for row in rows),
        supported=scores.supported[places],
        truncated=scores.truncated[places],
    )


def part(scores: Scores, start: int, stop: int) -> Scores:
    """Return the scores of consecutive rows, which are not copied."""
    return Scores(
        probabilities=scores.probabilities[start:stop],
        flags=scores.flags[start:stop],
        languages=scores.languages[start:stop],
        supported=scores.supported[start:stop],
        truncated=scores.truncated[start:stop],
    )
