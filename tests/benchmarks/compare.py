"""The service beside the same model in a plain handler: `python -m tests.benchmarks.compare`.

32 clients send 100 comments a request to one, then to the other. Comments a processor second are told
beside comments a second: they hold on a machine that has other work as well.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from tests.benchmarks.load import Load
from tests.benchmarks.processes import SERVE, Process, running

PLAIN = [sys.executable, "-m", "tests.benchmarks.plain"]


async def speed(process: Process, *, seconds: float, clients: int, n: int) -> tuple[float, float]:
    """Return comments a second and comments a processor second."""
    warm = Load(process, seconds=1, n=n)
    await warm.client(-1, n=n, kind="bulk")
    run, cpu, started = Load(process, seconds=seconds, n=n), process.cpu_seconds(), time.perf_counter()
    await asyncio.gather(*(run.client(i, n=n, kind="bulk") for i in range(clients)))
    assert not run.counts["wrong"] + run.counts["lost"], run.counts
    n_comments = run.counts["comments"]
    return n_comments / (time.perf_counter() - started), n_comments / (process.cpu_seconds() - cpu)


def main() -> None:
    """Run it from a shell."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=30)
    arguments.add_argument("--clients", type=int, default=32)
    arguments.add_argument("--comments", type=int, default=100)
    given = arguments.parse_args()
    found = {}
    for name, command in (("plain handler", PLAIN), ("plaudit serve", SERVE)):
        with running(command) as process:
            found[name] = asyncio.run(
                speed(process, seconds=given.seconds, clients=given.clients, n=given.comments)
            )
        print(f"{name}: {found[name][0]:,.0f} comments a second, {found[name][1]:,.0f} a processor second")
    plain, ours = found.values()
    print(f"ratio: {ours[0] / plain[0]:.1f} in time, {ours[1] / plain[1]:.1f} in processor time")


if __name__ == "__main__":
    main()
