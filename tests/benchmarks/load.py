"""The service under load: `python -m tests.benchmarks.load --seconds 60 --burst 1500`; prints a table.

It starts the service itself, with the model in use. First one client sends 100 comments at a time, as fast as
it is answered, beside one that sends single comments. Then 64 such clients do, and now and then a burst comes
that is far over what can wait: in turns to the service and to a server that does nothing but refuse, since
clients and machine have their part in what a refusal takes. In the end SIGTERM comes while all of them go on.
`--paced 0.001` puts a model in its place that takes so long for a comment, asleep: what is left then is the
service's own part, also on a machine that has other work.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.apart import Apart, Sent, apart, floor
from tests.benchmarks.processes import SERVE, Process, running
from tests.benchmarks.texts import Texts
from tests.benchmarks.wire import Answer, Connection, Request, request_of, request_with
from tests.servers import SERVICE

_KEPT_SHARE = 0.05
_MOST_CHECKED = 40
_PAUSE_SECONDS = 0.3  # of a client that was refused
_BURST_EVERY_SECONDS = 5
_FILL_CACHES = 50_000  # distinct comments: twice the 20,000 answers that are kept, and some


KINDS = ("single", "bulk", "refused", "refused in a burst", "floor of a burst")


class Load:
    """What was sent, and what came back."""

    def __init__(self, process: Process, texts: Texts, *, seconds: float, n: int) -> None:
        self._process, self._texts, self._n = process, texts, n
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
            request = request_of(self._texts.take(self._n))
            try:
                answer = await connection.send(request)
            except ConnectionRefusedError:
                self.counts["found the door closed"] += 1
                return
            self._note([(request, answer)], kind="bulk")
            await asyncio.sleep(_PAUSE_SECONDS if answer.status == 429 else 0)
        connection.close()

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
            if answer.status == 200:
                self._look_at(request, answer)
                self.waits[kind].append(answer.seconds)
            elif answer.status == 429:
                self.counts["refused with 429"] += 1
                self.waits[refused].append(answer.seconds)
            else:
                self.counts["lost" if not answer.status else f"status {answer.status}"] += 1

    def _look_at(self, request: Request, answer: Answer) -> None:
        right = [each["id"] for each in answer.json()["results"]] == request.ids
        self.counts["accepted" if right else "wrong"] += 1
        self.counts["comments"] += len(request.ids)
        if random.random() < _KEPT_SHARE and len(self._kept) < _MOST_CHECKED:
            self._kept.append((request, answer))

    async def check_again(self) -> None:
        """Ask once more, each comment alone, for some of what was answered: it must be the same."""
        connection = Connection(self._process.port)
        for request, answer in self._kept:
            for text, one in list(zip(request.texts, answer.json()["results"], strict=True))[:5]:
                two = (await connection.send(request_with([text], ["again"]))).json()["results"][0]
                off = max(abs(value - two["probabilities"][k]) for k, value in one["probabilities"].items())
                self.counts["checked"] += 1
                self.counts["wrong"] += off > 1e-4 or one["label"] != two["label"]


async def beside(process: Process, texts: Texts, client: Apart, *, seconds: float, n: int) -> None:
    """Send single comments while a bulk client is at full speed."""
    run, cpu = Load(process, texts, seconds=seconds, n=n), process.cpu_seconds()
    await asyncio.gather(run.client(), run.singles(client))
    print("single comments beside one bulk client")
    _report(run, seconds=seconds, cpu=process.cpu_seconds() - cpu)


async def load(
    process: Process,
    texts: Texts,
    clients: tuple[Apart, Apart],
    *,
    seconds: float,
    n_clients: int,
    n: int,
    burst: int,
    floor_port: int,
) -> None:
    """Run the clients, beside single comments and bursts."""
    before, (alone, many) = process.memory_mib(), clients
    # Two bursts at least: all there is room for has been held once. Then until caches, all bounded, are full.
    warm = Load(process, texts, seconds=2.5 * _BURST_EVERY_SECONDS, n=n)
    await asyncio.gather(*(warm.client() for _ in range(n_clients)), warm.bursts(many, burst))
    while warm.counts["comments"] < _FILL_CACHES:
        warm.end = time.perf_counter() + _BURST_EVERY_SECONDS
        await asyncio.gather(*(warm.client() for _ in range(n_clients)))
    memory, cpu = process.memory_mib(), process.cpu_seconds()
    run = Load(process, texts, seconds=seconds, n=n)
    bulk = (run.client() for _ in range(n_clients))
    await asyncio.gather(*bulk, run.singles(alone), run.bursts(many, burst, floor_port=floor_port))
    grown, used = process.memory_mib(), process.cpu_seconds() - cpu
    await run.check_again()
    print(f"{n_clients} bulk clients, bursts of {burst:,} requests, single comments")
    _report(run, seconds=seconds, cpu=used)
    grows = f"{grown:,.0f} at the end ({grown - memory:+,.0f})"
    print(f"  memory, MiB: {before:,.0f} idle, {memory:,.0f} warm, {grows}")


async def stop(process: Process, texts: Texts, *, n_clients: int, n: int) -> None:
    """Send SIGTERM while all clients send; every request that was taken in must be answered."""
    run = Load(process, texts, seconds=600, n=n)
    sending = [asyncio.create_task(run.client()) for _ in range(n_clients)]
    await asyncio.sleep(3)
    process.terminate()
    await asyncio.gather(*sending)
    print("SIGTERM at full load")
    _report(run, seconds=3, cpu=0)


def _report(run: Load, *, seconds: float, cpu: float) -> None:
    for name, value in sorted(run.counts.items()):
        print(f"  {name:24} {value:>10,}")
    if cpu:
        print(f"  {'comments a second':24} {run.counts['comments'] / seconds:>10,.0f}")
        print(f"  {'a processor second':24} {run.counts['comments'] / cpu:>10,.0f}")
    for kind, waits in run.waits.items():
        print(f"  {kind:18} n {len(waits):>6,}  p50 {_at(waits, 0.5)} ms  p99 {_at(waits, 0.99)} ms")


def _at(values: list[float], share: float) -> str:
    return f"{1000 * sorted(values)[min(int(share * len(values)), len(values) - 1)]:,.0f}" if values else "-"


def main() -> None:
    """Run it from a shell."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=60)
    arguments.add_argument("--clients", type=int, default=64)
    arguments.add_argument("--comments", type=int, default=100)
    arguments.add_argument("--burst", type=int, default=1500)
    arguments.add_argument("--paced", type=float, help="seconds a comment, asleep, instead of the model")
    arguments.add_argument("--workers", type=int, default=1, help="processes that serve")
    arguments.add_argument("--dump", type=Path, help="where to take the texts from; default: made ones")
    arguments.add_argument("--texts", type=int, default=100_000, help="how many distinct ones at most")
    given = arguments.parse_args()
    os.environ["TEST_SECONDS_A_COMMENT"] = str(given.paced or 0)
    texts = Texts(given.texts, dump=given.dump)
    many = {"n_clients": given.clients, "n": given.comments}
    with ExitStack() as stack:
        process = stack.enter_context(running(SERVICE if given.paced else SERVE, workers=given.workers))
        alone, burst = (stack.enter_context(apart(texts)) for _ in range(2))
        floor_port = stack.enter_context(floor())
        asyncio.run(beside(process, texts, alone, seconds=given.seconds / 3, n=given.comments))
        bursts = {"burst": given.burst, "floor_port": floor_port}
        asyncio.run(load(process, texts, (alone, burst), seconds=given.seconds, **bursts, **many))
        asyncio.run(stop(process, texts, **many))


if __name__ == "__main__":
    main()
