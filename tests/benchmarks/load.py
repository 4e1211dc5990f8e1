"""The service under load: `python -m tests.benchmarks.load --seconds 60 --burst 1500`; prints a table.

Its exit status is 1 where an answer was lost or wrong, memory grew, or a refusal outside a burst was slow.

It starts the service itself, with the model in use. First one client sends 100 comments at a time, as fast as
it is answered, beside one that sends single comments. Then 64 such clients do, and now and then a burst comes
that is far over what can wait: in turns to the service and to a server that does nothing but refuse, since
clients and machine have their part in what a refusal takes. In the end SIGTERM comes while all of them go on.
`--paced 0.001` puts a model in its place that takes so long for a comment, asleep: what is left then is the
service's own part, also on a machine that has other work. `--mixed 0.1` sends every tenth request of the bulk
clients as a stream, or for a report, instead; `--keys` asks for a key, without which nobody is let in.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from plaudit.service.keys import generate
from tests.benchmarks.apart import Apart, Sent, apart, floor
from tests.benchmarks.processes import SERVE, Process, running
from tests.benchmarks.texts import Texts
from tests.benchmarks.wire import (
    CLASSIFY,
    CLASSIFY_STREAM,
    INDEX,
    INDEX_STREAM,
    Answer,
    Connection,
    Request,
    is_right,
    request_of,
    request_with,
    results_of,
    status_of,
)
from tests.servers import SERVICE

_KEPT_SHARE = 0.05
_MOST_CHECKED = 40
_PAUSE_SECONDS = 0.3  # of a client that was refused
_BURST_EVERY_SECONDS = 5
_FILL_CACHES = 50_000  # distinct comments: twice the 20,000 answers that are kept, and some
_STOP_AFTER_SECONDS = 3


KINDS = ("single", "bulk", "mixed in", "refused", "refused in a burst", "floor of a burst")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What is sent.

    Attributes:
        n_clients: Bulk clients.
        n: Comments of each of their requests.
        mixed: Share of those requests that go to a stream or ask for a report.
        burst: Requests of a burst.
        key: Goes with every request; None where none is asked for.
    """

    n_clients: int
    n: int
    mixed: float = 0.0
    burst: int = 0
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a run has to keep to, beside answering whatever it takes in.

    Attributes:
        growth_mib: What the memory may grow by once caches are full.
        refusal_ms: Within which 99 in 100 of those outside a burst are refused.
    """

    growth_mib: float
    refusal_ms: float


class Load:
    """What was sent, and what came back."""

    def __init__(
        self,
        process: Process,
        texts: Texts,
        *,
        seconds: float,
        n: int,
        mixed: float = 0.0,
        key: str | None = None,
    ) -> None:
        self._process, self._texts, self._n, self._mixed, self._key = process, texts, n, mixed, key
        self.seconds, self.end = seconds, time.perf_counter() + seconds
        self.counts: Counter[str] = Counter()
        self.waits: dict[str, list[float]] = {name: [] for name in KINDS}
        self._kept: list[Sent] = []

    @property
    def goes_on(self) -> bool:
        """Whether there is time left."""
        return time.perf_counter() < self.end

    async def client(self) -> None:
        """Send request after request, after a pause where one was refused, until the end or the stop."""
        connection = Connection(self._process.port)
        while self.goes_on:
            request = request_of(self._texts.take(self._n), path=self._path(), key=self._key)
            try:
                answer = await connection.send(request)
            except ConnectionRefusedError:
                self.counts["found the door closed"] += 1
                return
            self._note([(request, answer)], kind="bulk" if request.path == CLASSIFY else "mixed in")
            await asyncio.sleep(_PAUSE_SECONDS if answer.status == 429 else 0)
        connection.close()

    def _path(self) -> str:
        if random.random() < self._mixed:
            return random.choice((CLASSIFY_STREAM, INDEX, INDEX_STREAM))
        return CLASSIFY

    async def singles(self, client: Apart) -> None:
        """Send single comments until the end."""
        self._note(await client.singles(self._process.port, seconds=self.seconds), kind="single")

    async def bursts(self, client: Apart, n_requests: int, *, floor_port: int | None = None) -> None:
        """Now and then send many at once, in turns to the floor as well where there is one."""
        ports = [self._process.port, floor_port] if floor_port else [self._process.port]
        turn = 0
        while n_requests and time.perf_counter() < self.end - _BURST_EVERY_SECONDS:
            await asyncio.sleep(_BURST_EVERY_SECONDS / len(ports))
            port = ports[turn % len(ports)]
            sent = await client.burst(port, n_requests=n_requests, n=self._n)
            turn += 1
            if port == floor_port:
                self.waits["floor of a burst"].extend(answer.seconds for _, answer in sent)
            else:
                self._note(sent, kind="bulk", refused="refused in a burst")

    def _note(self, sent: Iterable[Sent], *, kind: str, refused: str = "refused") -> None:
        for request, answer in sent:
            status = status_of(request, answer)
            if status == 200:
                self._look_at(request, answer)
                self.waits[kind].append(answer.seconds)
            elif answer.status == 429:
                self.counts["refused with 429"] += 1
                self.waits[refused].append(answer.seconds)
            elif status == 429:
                self.counts["streams ended with 429"] += 1
            else:
                self.counts["lost" if not status else f"status {status}"] += 1

    def _look_at(self, request: Request, answer: Answer) -> None:
        self.counts["accepted" if is_right(request, answer) else "wrong"] += 1
        self.counts["comments"] += len(request.ids)
        has_labels = request.path in (CLASSIFY, CLASSIFY_STREAM)
        if has_labels and random.random() < _KEPT_SHARE and len(self._kept) < _MOST_CHECKED:
            self._kept.append((request, answer))

    async def check_again(self) -> None:
        """Ask once more, each comment alone, for some of what was answered: it must be the same."""
        connection = Connection(self._process.port)
        for request, answer in self._kept:
            for text, one in list(zip(request.texts, results_of(request, answer), strict=True))[:5]:
                again = request_with([text], ["again"], key=self._key)
                two = (await connection.send(again)).json()["results"][0]
                off = max(abs(value - two["probabilities"][k]) for k, value in one["probabilities"].items())
                self.counts["checked"] += 1
                self.counts["wrong"] += off > 1e-4 or one["label"] != two["label"]
        connection.close()

    def broken(self) -> list[str]:
        """Return a sentence for each kind of answer that should not have come."""
        wrong = {name: n for name, n in self.counts.items() if name in ("lost", "wrong") or "status" in name}
        return [f"{n:,} answers: {name}" for name, n in sorted(wrong.items()) if n]

    def slow(self, bounds: Bounds) -> list[str]:
        """Return a sentence where refusals outside bursts took too long."""
        milliseconds = 1000 * _at(self.waits["refused"], 0.99)
        if milliseconds <= bounds.refusal_ms:
            return []
        return [
            f"refused outside a burst: p99 {milliseconds:,.0f} ms, expected {bounds.refusal_ms:,.0f} at most"
        ]


async def beside(
    process: Process, texts: Texts, client: Apart, *, seconds: float, traffic: Traffic, bounds: Bounds
) -> list[str]:
    """Send single comments while a bulk client is at full speed; return what was out of bounds."""
    run, cpu = _load(process, texts, traffic, seconds=seconds), process.cpu_seconds()
    await asyncio.gather(run.client(), run.singles(client))
    print("single comments beside one bulk client")
    _report(run, seconds=seconds, cpu=process.cpu_seconds() - cpu)
    return [*run.broken(), *run.slow(bounds)]


async def load(
    process: Process,
    texts: Texts,
    clients: tuple[Apart, Apart],
    *,
    seconds: float,
    traffic: Traffic,
    bounds: Bounds,
    floor_port: int,
) -> list[str]:
    """Run the clients, beside single comments and bursts; return what was out of bounds."""
    before, (alone, many) = process.memory_mib(), clients
    await _warm(process, texts, many, traffic=traffic)
    memory, cpu = process.memory_mib(), process.cpu_seconds()
    run = _load(process, texts, traffic, seconds=seconds)
    bulk = (run.client() for _ in range(traffic.n_clients))
    bursts = run.bursts(many, traffic.burst, floor_port=floor_port)
    await asyncio.gather(*bulk, run.singles(alone), bursts)
    grown, used = process.memory_mib(), process.cpu_seconds() - cpu
    await run.check_again()
    print(f"{traffic.n_clients} bulk clients, bursts of {traffic.burst:,} requests, single comments")
    _report(run, seconds=seconds, cpu=used)
    grows = f"{grown:,.0f} at the end ({grown - memory:+,.0f})"
    print(f"  memory, MiB: {before:,.0f} idle, {memory:,.0f} warm, {grows}")
    return [*run.broken(), *run.slow(bounds), *_grown(grown - memory, bounds), *_idle(run)]


async def _warm(process: Process, texts: Texts, many: Apart, *, traffic: Traffic) -> None:
    # Two bursts at least: all there is room for has been held once. Then until caches, all bounded, are full.
    warm, n_clients = _load(process, texts, traffic, seconds=2.5 * _BURST_EVERY_SECONDS), traffic.n_clients
    await asyncio.gather(*(warm.client() for _ in range(n_clients)), warm.bursts(many, traffic.burst))
    while warm.counts["comments"] < _FILL_CACHES:
        warm.end = time.perf_counter() + _BURST_EVERY_SECONDS
        await asyncio.gather(*(warm.client() for _ in range(n_clients)))


async def stop(process: Process, texts: Texts, *, traffic: Traffic) -> list[str]:
    """Send SIGTERM while all clients send; every request that was taken in must be answered."""
    run = _load(process, texts, traffic, seconds=600)
    sending = [asyncio.create_task(run.client()) for _ in range(traffic.n_clients)]
    await asyncio.sleep(_STOP_AFTER_SECONDS)
    process.terminate()
    await asyncio.gather(*sending)
    print("SIGTERM at full load")
    _report(run, seconds=_STOP_AFTER_SECONDS, cpu=0)
    status = process.end()
    return [*run.broken(), *([f"the service ended with {status}"] if status else [])]


def _load(process: Process, texts: Texts, traffic: Traffic, *, seconds: float) -> Load:
    return Load(process, texts, seconds=seconds, n=traffic.n, mixed=traffic.mixed, key=traffic.key)


def _grown(mib: float, bounds: Bounds) -> list[str]:
    if mib <= bounds.growth_mib:
        return []
    return [f"the memory grew by {mib:,.0f} MiB, expected {bounds.growth_mib:,.0f} at most"]


def _idle(run: Load) -> list[str]:
    return [] if run.counts["accepted"] else ["nothing was answered"]


def _report(run: Load, *, seconds: float, cpu: float) -> None:
    for name, value in sorted(run.counts.items()):
        print(f"  {name:24} {value:>10,}")
    if cpu:
        print(f"  {'comments a second':24} {run.counts['comments'] / seconds:>10,.0f}")
        print(f"  {'a processor second':24} {run.counts['comments'] / cpu:>10,.0f}")
    for kind, waits in run.waits.items():
        middle, late = (f"{1000 * _at(waits, share):,.0f}" if waits else "-" for share in (0.5, 0.99))
        print(f"  {kind:18} n {len(waits):>6,}  p50 {middle} ms  p99 {late} ms")


def _at(values: list[float], share: float) -> float:
    return sorted(values)[min(int(share * len(values)), len(values) - 1)] if values else 0.0


def main(argv: Sequence[str] | None = None) -> None:
    """Run it from a shell.

    Raises:
        SystemExit: Something was out of bounds; stderr says what.
    """
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=60)
    arguments.add_argument("--clients", type=int, default=64)
    arguments.add_argument("--comments", type=int, default=100)
    arguments.add_argument("--burst", type=int, default=1500)
    arguments.add_argument("--paced", type=float, help="seconds a comment, asleep, instead of the model")
    arguments.add_argument("--workers", type=int, default=1, help="processes that serve")
    arguments.add_argument("--dump", type=Path, help="where to take the texts from; default: made ones")
    arguments.add_argument("--texts", type=int, default=100_000, help="how many distinct ones at most")
    arguments.add_argument("--keys", action="store_true", help="ask for a key, and send it")
    arguments.add_argument("--mixed", type=float, default=0.0, help="share of streams and reports")
    arguments.add_argument("--growth-mib", type=float, default=20.0, help="what the memory may grow by")
    arguments.add_argument(
        "--refusal-ms", type=float, default=100.0, help="for 99 in 100 refused outside bursts"
    )
    given = arguments.parse_args(argv)
    os.environ["TEST_SECONDS_A_COMMENT"] = str(given.paced or 0)
    bounds = Bounds(growth_mib=given.growth_mib, refusal_ms=given.refusal_ms)
    texts = Texts(given.texts, dump=given.dump)
    key, line = generate("load") if given.keys else (None, "")
    traffic = Traffic(
        n_clients=given.clients, n=given.comments, mixed=given.mixed, burst=given.burst, key=key
    )
    with ExitStack() as stack:
        settings = {"workers": given.workers, **({"api_keys": line} if key else {})}
        process = stack.enter_context(running(SERVICE if given.paced else SERVE, **settings))
        alone, burst = (stack.enter_context(apart(texts, key=key)) for _ in range(2))
        floor_port = stack.enter_context(floor())
        measured = {"traffic": traffic, "bounds": bounds}
        broken = asyncio.run(beside(process, texts, alone, seconds=given.seconds / 3, **measured))
        both = (alone, burst)
        broken += asyncio.run(
            load(process, texts, both, seconds=given.seconds, floor_port=floor_port, **measured)
        )
        broken += asyncio.run(stop(process, texts, traffic=traffic))
    for each in broken:
        print(f"out of bounds: {each}", file=sys.stderr)
    if broken:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
