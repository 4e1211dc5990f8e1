"""Load a running service: `python -m tests.benchmarks.load URL --seconds 60`; prints a table."""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections import Counter
from typing import Any

import httpx

_WORDS = """
which glue lens great video love this part about loops saved exam how long dry sanding chair leg
""".split()


def body_of(n: int, chance: random.Random) -> dict[str, Any]:
    """Return a request of new texts."""
    texts = (
        " ".join(chance.choices(_WORDS, k=chance.randint(2, 24))) + f" {chance.random():.6f}"
        for _ in range(n)
    )
    return {"comments": [{"id": f"{i}-{chance.random():.9f}", "text": text} for i, text in enumerate(texts)]}


class Load:
    """What was sent, and what came back."""

    def __init__(self, url: str) -> None:
        limits = httpx.Limits(max_connections=1000, max_keepalive_connections=200)
        self.client = httpx.AsyncClient(base_url=url, timeout=120, limits=limits, trust_env=False)
        self.counts: Counter[str] = Counter()
        self.waits: dict[str, list[float]] = {"single": [], "bulk": [], "refused": []}
        self.kept: list[tuple[list[str], list[dict[str, Any]]]] = []

    async def send(self, n: int, chance: random.Random, *, kind: str) -> None:
        """Send one request and look at its answer."""
        body, started = body_of(n, chance), time.perf_counter()
        try:
            response = await self.client.post("/v1/classify", json=body)
        except httpx.HTTPError as error:
            self.counts[f"lost {type(error).__name__}"] += 1
            return
        seconds = time.perf_counter() - started
        if response.status_code == 200:
            results = response.json()["results"]
            right = [each["id"] for each in results] == [each["id"] for each in body["comments"]]
            self.counts["accepted" if right else "wrong"] += 1
            self.counts["comments"] += n
            self.waits[kind].append(seconds)
            if chance.random() < 0.05:
                self.kept.append(([each["text"] for each in body["comments"]], results))
        else:
            self.counts[str(response.status_code)] += 1
            self.waits["refused"].append(seconds)

    async def memory(self) -> float:
        """Return the service's memory in MiB; 0 where several processes hide it."""
        text = (await self.client.get("/metrics")).text
        found = [line for line in text.splitlines() if line.startswith("process_resident_memory_bytes ")]
        return float(found[0].split()[1]) / 2**20 if found else 0.0

    async def check_again(self) -> None:
        """Ask once more, alone, for some of what was answered: labels and probabilities must be the same."""
        for texts, results in self.kept[:60]:
            body = {"comments": [{"text": text} for text in texts]}
            again = (await self.client.post("/v1/classify", json=body)).json()["results"]
            for one, two in zip(results, again, strict=True):
                off = max(
                    abs(one["probabilities"][k] - two["probabilities"][k]) for k in one["probabilities"]
                )
                self.counts["checked"] += 1
                self.counts["wrong"] += off > 1e-4


def _at(values: list[float], share: float) -> str:
    return f"{1000 * sorted(values)[min(int(share * len(values)), len(values) - 1)]:,.0f}" if values else "-"


async def load(url: str, *, seconds: float, clients: int, n: int, burst: int) -> None:
    """Run clients that send n comments at a time, one that sends single ones, and bursts."""
    run, end = Load(url), time.perf_counter() + seconds

    async def client(seed: int, n: int, kind: str) -> None:
        chance = random.Random(seed)
        while time.perf_counter() < end:
            refused = len(run.waits["refused"])
            await run.send(n, chance, kind=kind)
            await asyncio.sleep(0.3 if len(run.waits["refused"]) > refused else 0.02 * (kind == "single"))

    async def bursts() -> None:
        chance = random.Random(-1)
        while burst and time.perf_counter() < end - 5:
            await asyncio.sleep(5)
            await asyncio.gather(*(run.send(n, chance, kind="bulk") for _ in range(burst)))

    for seed in range(3):
        await run.send(n, random.Random(seed - 9), kind="bulk")
    memory = [await run.memory()]
    await asyncio.gather(*(client(i, n, "bulk") for i in range(clients)), client(-2, 1, "single"), bursts())
    memory.append(await run.memory())
    await run.check_again()
    for name, value in sorted(run.counts.items()):
        print(f"{name:24} {value:>10,}")
    print(f"{'comments a second':24} {run.counts['comments'] / seconds:>10,.0f}")
    for kind, waits in run.waits.items():
        print(f"{kind:8} n {len(waits):>6,}  p50 {_at(waits, 0.5)} ms  p99 {_at(waits, 0.99)} ms")
    print(f"memory {memory[0]:,.0f} -> {memory[1]:,.0f} MiB ({memory[1] - memory[0]:+,.0f})")
    await run.client.aclose()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("url")
    arguments.add_argument("--seconds", type=float, default=60)
    arguments.add_argument("--clients", type=int, default=64)
    arguments.add_argument("--comments", type=int, default=100)
    arguments.add_argument("--burst", type=int, default=0)
    given = arguments.parse_args()
    asyncio.run(
        load(given.url, seconds=given.seconds, clients=given.clients, n=given.comments, burst=given.burst)
    )
