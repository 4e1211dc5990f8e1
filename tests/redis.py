"""As much of a Redis as counts quotas, which can be told to fall silent."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress


class Redis:
    """Listens on a port of this machine.

    Attributes:
        is_silent: It accepts connections and reads, and answers nothing.
        asked: Names of the commands that came.
        counts: By key; with the time at which each window ends.
    """

    def __init__(self) -> None:
        self.is_silent, self.asked = False, list[bytes]()
        self.counts: dict[bytes, tuple[int, float]] = {}
        self._open: dict[asyncio.Task, asyncio.StreamWriter] = {}

    async def _serve(self, reader, writer) -> None:
        self._open[asyncio.current_task()] = writer
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                n = int((await reader.readuntil(b"\r\n"))[1:])
                words = []
                for _ in range(n):
                    size = int((await reader.readuntil(b"\r\n"))[1:])
                    words.append((await reader.readexactly(size + 2))[:-2])
                answer = self._answer(*words)
                if not self.is_silent:
                    writer.write(answer)

    def _answer(self, command: bytes, *words: bytes) -> bytes:
        name = command.upper()
        self.asked.append(name)
        if name == b"HELLO":
            return b"%4\r\n+server\r\n+redis\r\n+version\r\n+7.0.0\r\n+proto\r\n:3\r\n+id\r\n:1\r\n"
        if name == b"CLIENT":
            return b"+OK\r\n"
        if name == b"EVALSHA":
            _, _, key, seconds, n = words
            count = self._count(key)[0] + int(n)
            end = time.monotonic() + int(seconds) if count == int(n) else self._count(key)[1]
            self.counts[key] = count, end
            return b":%d\r\n" % count
        if name == b"GET":
            count = b"%d" % self._count(words[0])[0]
            return b"$%d\r\n%b\r\n" % (len(count), count)
        if name == b"TTL":
            return b":%d\r\n" % max(-2, round(self._count(words[0])[1] - time.monotonic()))
        return b"-ERR unknown command\r\n"

    def _count(self, key: bytes) -> tuple[int, float]:
        count, end = self.counts.get(key, (0, 0.0))
        return (count, end) if end > time.monotonic() else (0, 0.0)

    @asynccontextmanager
    async def running(self):
        """Lend its URL."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for writer in self._open.values():
                writer.close()
            await asyncio.gather(*self._open)
