"""How many comments each API key may send per minute and day.

The rule: every comment of an answered request counts one, whether it could be labelled or not, and
however many are equal; a request that is refused as a whole, by its status, counts nothing. A request
that does not fit into what is left is refused whole, before any work. A stream counts as it goes, and ends
where nothing is left. A dump is taken in while anything is left and counts when it has been read, so that
it can use up more than is left, never the same comments twice. A corrected label counts as one comment.

A window begins with the first comment counted in it and ends a minute, or a day, later. Counts are kept in
the process: each of several workers has its own, and a restart forgets them, unless they are kept in a
Redis that all share. Where that Redis can't be reached, or does not answer within a second, requests are
answered without being counted, and do not wait for it, until it is back: quotas share out a machine, they do
not guard it.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, Storage
from limits.errors import ConfigurationError
from limits.storage import storage_from_string
from starlette.requests import HTTPConnection

from plaudit.errors import UsageError
from plaudit.service.counting import Counting
from plaudit.service.problems import Problem

MEMORY: Final = "memory://"
_Window = tuple[str, RateLimitItem]


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What a key has left in one window.

    Attributes:
        window: "minute" or "day".
        amount: Comments in a whole window.
        left: Comments that still fit.
        resets_in: Seconds until it is whole again, rounded up; the whole window where none has begun.
    """

    window: str
    amount: int
    left: int
    resets_in: int


class Memory(MemoryStorage):
    """Counts in this process, by a clock that never jumps: limits' own uses the one on the wall.

    Set back by a day, that would make a minute that is used up last a day.
    """

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Add to a count, and begin its window of `expiry` seconds where it was 0; return the count."""
        count = self.storage[key] = await self.get(key) + amount
        if count == amount:
            self.expirations[key] = time.monotonic() + expiry
        return count

    async def get(self, key: str) -> int:
        """Return a count; 0 where its window is over."""
        if self.expirations.get(key, 0) <= time.monotonic():
            await self.clear(key)
        return self.storage.get(key, 0)

    async def get_expiry(self, key: str) -> float:
        """Return when its window ends, by the clock on the wall as it is now."""
        now = time.monotonic()
        return time.time() + self.expirations.get(key, now) - now


class Quotas:
    """Counts comments by key; with no limits set it lets everything pass."""

    def __init__(
        self,
        *,
        per_minute: int | None,
        per_day: int | None,
        storage: str = MEMORY,
        on_missed: Callable[[], object] = lambda: None,
    ) -> None:
        """Prepare the counters.

        Args:
            per_minute: Comments a key may send a minute; None: as many as it likes.
            per_day: Comments a key may send a day; None: as many as it likes.
            storage: Where to count, as the library limits spells it: "memory://", "redis://host:6379".
            on_missed: Called for every question that it left unanswered.

        Raises:
            UsageError: There is no such storage, or its driver is not installed.
        """
        windows = (
            ("minute", per_minute and RateLimitItemPerMinute(per_minute, namespace="plaudit")),
            ("day", per_day and RateLimitItemPerDay(per_day, namespace="plaudit")),
        )
        self._windows: list[_Window] = [(name, item) for name, item in windows if item]
        self._storage = _storage(storage)
        self._counting = Counting(self._storage, on_missed=on_missed)
        self._lock = asyncio.Lock()  # taking back a refused batch must not show to its neighbours

    def __bool__(self) -> bool:
        """Tell whether anything is limited."""
        return bool(self._windows)

    async def take(self, key: str, n_comments: int) -> None:
        """Count comments, or none of them where they do not fit.

        Args:
            key: Whose they are.
            n_comments: How many; 0 asks only whether anything is left.

        Raises:
            Problem: They do not fit into what is left (429), or into no window at all (413).
        """
        if not n_comments:
            await self.admit(key)
            return
        async with self._lock:
            self.check(n_comments)
            taken: list[RateLimitItem] = []
            for name, item in self._windows:
                taken.append(item)
                if not await self._hit(item, key, n_comments):
                    found = [await self._balance(name, item, key=key, given_back=n_comments)]
                    for each in taken:
                        await self._add(each, key, -n_comments)
                    found += [
                        await self._balance(*each, key=key) for each in self._windows if each[0] != name
                    ]
                    raise _exceeded(found, n_comments)

    def check(self, n_comments: int) -> None:
        """Refuse what can't be asked for as one, however long its caller waits.

        Raises:
            Problem: They fit into no window (413).
        """
        for name, item in self._windows:
            if n_comments > item.amount:
                raise _too_many(n_comments, name=name, amount=item.amount)

    async def debit(self, key: str, n_comments: int) -> None:
        """Count comments that have been answered already, even beyond the limit; negative gives back."""
        async with self._lock:
            for _, item in self._windows:
                await self._add(item, key, n_comments)

    async def admit(self, key: str) -> None:
        """Let pass while anything is left.

        Raises:
            Problem: Nothing is left (429).
        """
        balances = await self.balances(key)
        if not all(balance.left for balance in balances):
            raise _exceeded(balances, 1)

    async def balances(self, key: str) -> list[Balance]:
        """Return what is left in each window, the scarcest first."""
        found = [await self._balance(name, item, key=key) for name, item in self._windows]
        return sorted(found, key=lambda balance: balance.left)

    async def _balance(self, name: str, item: RateLimitItem, *, key: str, given_back: int = 0) -> Balance:
        ask, of_key = self._counting.ask, item.key_for(key)
        count = await ask(lambda: self._storage.get(of_key), or_=0) - given_back
        end = await ask(lambda: self._storage.get_expiry(of_key), or_=0.0)
        running = end - time.time() if count > 0 else item.get_expiry()
        resets_in = min(item.get_expiry(), max(1, math.ceil(running)))
        left = min(item.amount, max(0, item.amount - count))
        return Balance(window=name, amount=item.amount, left=left, resets_in=resets_in)

    async def _hit(self, item: RateLimitItem, key: str, n_comments: int) -> bool:
        return await self._count(item, key, n_comments) <= item.amount

    async def _add(self, item: RateLimitItem, key: str, n_comments: int) -> None:
        count = await self._count(item, key, n_comments)
        if count < 0:  # the window in which they were taken has ended since
            await self._count(item, key, -count)

    async def _count(self, item: RateLimitItem, key: str, n_comments: int) -> int:
        return await self._counting.add(item.key_for(key), n=n_comments, seconds=item.get_expiry(), or_=0)


class Account:
    """What one request takes from the quotas of its key, given back where it is refused after all."""

    def __init__(self, quotas: Quotas, *, key: str) -> None:
        self.quotas, self.key, self._n_taken = quotas, key, 0

    async def take(self, n_comments: int) -> None:
        """Count comments of this request.

        Raises:
            Problem: They do not fit.
        """
        await self.quotas.take(self.key, n_comments)
        self._n_taken += n_comments

    def check(self, n_comments: int) -> None:
        """Refuse a request that takes more in all than any window has.

        Args:
            n_comments: That are to be taken beside those that were.

        Raises:
            Problem: It does (413).
        """
        self.quotas.check(self._n_taken + n_comments)

    async def give_back(self) -> None:
        """Uncount what this request has taken."""
        taken, self._n_taken = self._n_taken, 0
        if taken:
            await self.quotas.debit(self.key, -taken)

    async def headers(self) -> dict[str, str]:
        """Return the headers that tell what is left; none where nothing is limited.

        The names are those of draft-ietf-httpapi-ratelimit-headers-07, in comments and seconds.
        """
        balances = await self.quotas.balances(self.key)
        if not balances:
            return {}
        policies = (f"{each.amount};w={_SECONDS[each.window]}" for each in balances)
        return {
            "RateLimit-Limit": str(balances[0].amount),
            "RateLimit-Remaining": str(balances[0].left),
            "RateLimit-Reset": str(balances[0].resets_in),
            "RateLimit-Policy": ", ".join(policies),
        }


_SECONDS: Final = {"minute": 60, "day": 86_400}


async def count(request: HTTPConnection, n_comments: int, *, is_one: bool = False) -> None:
    """Count comments of a request against its key's quotas; without keys nothing is counted.

    Args:
        request: Whose key it is.
        n_comments: How many; 0 asks only whether anything is left.
        is_one: Whether all comments of the request stand or fall together, though they come in parts.

    Raises:
        Problem: They do not fit now (429), or, with those of the same request, into no window at all (413).
    """
    account = request.scope["state"].get("account")
    if account is not None:
        if is_one:
            account.check(n_comments)
        await account.take(n_comments)


def _storage(uri: str) -> Storage:
    if uri == MEMORY:
        return Memory(wrap_exceptions=True)
    try:
        made = storage_from_string(f"async+{uri}", wrap_exceptions=True)
    except (ConfigurationError, ValueError):  # what they say quotes the address, and that may hold a password
        raise UsageError(
            f"PLAUDIT_QUOTA_STORAGE names no place to count in: use {MEMORY}, or redis://host:6379 after "
            "`pip install plaudit[redis]`."
        ) from None
    assert isinstance(made, Storage)  # noqa: S101 - what "async+" asks for
    return made


def _exceeded(balances: Sequence[Balance], n_comments: int) -> Problem:
    # Of several that are too small now the one that lasts longest: before that they would not fit either.
    short = [balance for balance in balances if balance.left < n_comments] or balances
    balance = max(short, key=lambda balance: balance.resets_in)
    return Problem(
        "quota-exceeded",
        f"{n_comments:,} more do not fit: of {balance.amount:,} comments a {balance.window}, "
        f"{balance.left:,} are left for {balance.resets_in:,} seconds.",
        hint="Wait as long as Retry-After says, or send fewer comments.",
        headers={"Retry-After": str(balance.resets_in)},
    )


def _too_many(n_comments: int, *, name: str, amount: int) -> Problem:
    return Problem(
        "too-many-comments",
        f"The request holds {n_comments:,} comments, the quota of this key is {amount:,} a {name}.",
        hint="Send them in smaller requests, spread over time.",
    )
