"""The service beside handlers with the same model: `python -m tests.benchmarks.compare [--dump FILE]`.

32 clients send 100 comments a request to each in turn, round after round, and never a text twice: caches
answer nothing. `tests/benchmarks/plain.py` says what the handlers are; the first of those named is the base
of the ratios. Given are medians; comments a processor second stand beside comments a second, as they hold
better on a machine that has other work as well. Without `--dump` the texts are made of the example dump's
words; of those the small networks of the cascade answer fewer than of real comments.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from pathlib import Path
from typing import Final

from tests.benchmarks.load import Load
from tests.benchmarks.plain import PEERS
from tests.benchmarks.processes import SERVE, Process, running
from tests.benchmarks.texts import Texts

_OURS: Final[dict[str, dict[str, object]]] = {
    "plaudit serve": {},
    "plaudit serve, exact": {"exact": True},
    "plaudit serve, a process a core": {"workers": 2},
}
_WARM_SECONDS: Final = 2.0

Rates = tuple[float, float]
"""Comments a second, and a processor second."""


async def speed(process: Process, texts: Texts, *, seconds: float, clients: int, n: int) -> Rates:
    """Return what a process that is ready comes to."""
    for length, n_clients in ((_WARM_SECONDS, 2), (seconds, clients)):
        run, cpu = Load(process, texts, seconds=length, n=n), process.cpu_seconds()
        started = time.perf_counter()
        await asyncio.gather(*(run.client() for _ in range(n_clients)))
        taken, used = time.perf_counter() - started, process.cpu_seconds() - cpu
    assert not run.counts["wrong"] + run.counts["lost"], run.counts
    return run.counts["comments"] / taken, run.counts["comments"] / used


def table(found: dict[str, list[Rates]]) -> str:
    """Return medians, and their ratios to those of the first."""
    lines = [f"{'':34} {'comments/s':>10} {'ratio':>6} {'a CPU second':>13} {'ratio':>6}"]
    base = _medians(next(iter(found.values())))
    for name, rates in found.items():
        rate, cpu_rate = _medians(rates)
        ratios = rate / base[0], cpu_rate / base[1]
        lines.append(f"{name:34} {rate:10,.0f} {ratios[0]:6.2f} {cpu_rate:13,.0f} {ratios[1]:6.2f}")
    return "\n".join(lines)


def _medians(rates: list[Rates]) -> Rates:
    return statistics.median(rate for rate, _ in rates), statistics.median(rate for _, rate in rates)


def main() -> None:
    """Run it from a shell."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=20)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--clients", type=int, default=32)
    arguments.add_argument("--comments", type=int, default=100)
    arguments.add_argument("--dump", type=Path, help="where to take the texts from; default: made ones")
    arguments.add_argument(
        "--texts", type=int, default=100_000, help="how many at most, for each measurement"
    )
    arguments.add_argument("--only", nargs="+", choices=[*PEERS, *_OURS], help="these, in this order")
    given = arguments.parse_args()
    names = given.only or [*PEERS, *_OURS]
    found: dict[str, list[Rates]] = {name: [] for name in names}
    for i in range(given.rounds):
        for name in names:
            print(f"round {i + 1}: {name}", file=sys.stderr, flush=True)
            texts = Texts(given.texts, dump=given.dump, seed=i)
            plain = [sys.executable, "-m", "tests.benchmarks.plain", name]
            with running(SERVE if name in _OURS else plain, **_OURS.get(name, {})) as process:
                measured = speed(
                    process, texts, seconds=given.seconds, clients=given.clients, n=given.comments
                )
                found[name].append(asyncio.run(measured))
    print(table(found))


if __name__ == "__main__":
    main()
