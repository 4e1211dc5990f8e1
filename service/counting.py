"""The place where quotas are counted, asked with little patience: while it is away nobody waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from limits.aio.storage import RedisStorage, Storage
from limits.errors import StorageError

LOGGER: Final = logging.getLogger("plaudit.service")
_PATIENCE_SECONDS: Final = 1.0  # to connect, ask and be answered, which takes milliseconds
_PAUSE_SECONDS: Final = 1.0
_PROBE: Final = "plaudit/probe"
_T = TypeVar("_T")


class Counting:
    """Asks a storage until it fails or stays silent; then asks whether it is back, beside all requests.

    Both turns are logged, once each. Belongs to the event loop's thread.
    """

    def __init__(self, storage: Storage, *, on_missed: Callable[[], object] = lambda: None) -> None:
        """Prepare.

        Args:
            storage: What is asked.
            on_missed: Called for every question that was not answered.
        """
        self._storage, self._on_missed = storage, on_missed
        faults = storage.base_exceptions
        others = faults if isinstance(faults, tuple) else (faults,)
        self._faults: tuple[type[Exception], ...] = (StorageError, OSError, *others)
        self._return: asyncio.Task[None] | None = None  # waits for it while it is away

    async def ask(self, question: Callable[[], Awaitable[_T]], *, or_: _T) -> _T:
        """Return the answer; `or_` where there is none, at once while the storage is away."""
        if self._return is None:
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    return await question()
            except self._faults as error:
                self._lose(error)
        self._on_missed()
        return or_

    async def add(self, name: str, *, n: int, seconds: int, or_: int) -> int:
        """Add to a count, whose window of `seconds` begins where it was 0; return it, as `ask` does."""

        async def add() -> int:
            if not isinstance(self._storage, RedisStorage):
                return await self._storage.incr(name, seconds, amount=n)
            # Its `incr` asks twice. Whoever ended in between would leave a count for ever: a key used up.
            bridge: Any = self._storage.bridge
            return int(await bridge.lua_incr_expire.execute([bridge.prefixed_key(name)], [seconds, n]))

        return await self.ask(add, or_=or_)

    def _lose(self, error: Exception) -> None:
        if self._return is None:  # else another question has found out before
            cause = error.storage_error if isinstance(error, StorageError) else error
            LOGGER.error("quotas can't be counted", extra={"fields": {"cause": type(cause).__name__}})
            self._return = asyncio.create_task(self._wait())

    async def _wait(self) -> None:
        while not await self._is_back():
            await asyncio.sleep(_PAUSE_SECONDS)
        LOGGER.warning("quotas are counted again")
        self._return = None

    async def _is_back(self) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._storage.get(_PROBE)
        except Exception:  # whatever it is, nobody would look again if this ended
            return False
        return True
