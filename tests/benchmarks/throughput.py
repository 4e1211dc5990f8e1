"""How fast a dump is scored: `python -m tests.benchmarks.throughput [--dump FILE] [--peers]`; prints a table.

Without `--dump` it makes one. Everything is measured in turn, round after round, and given as the median: the
speed of one machine swings. CPU seconds stand beside, as other work on the machine costs time and not those.
Rows that begin with "floor" say what no program could beat; `--peers` (extra `[bench]`) sets others beside.
`SPEED.md` says what brought what.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.dumps import head_of, make_dump
from tests.benchmarks.memory import PeakMemory

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measurement: n texts or comments, in so many seconds, with so much memory of all processes."""

    n: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int

    @property
    def rate(self) -> float:
        """Texts a second."""
        return self.n / self.seconds


def measure(task: str, *arguments: object) -> Measure | str:
    """Run one task of `tests.benchmarks.tasks` in a process of its own; or the sentence why it can't run."""
    command = [sys.executable, "-m", "tests.benchmarks.tasks", task, *map(str, arguments)]
    with (
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, env=os.environ) as process,
        PeakMemory(process.pid) as memory,
    ):
        out, _ = process.communicate()
    told = json.loads(out.splitlines()[-1]) if out.strip() else {"missing": f"{task} failed"}
    if "missing" in told:
        return str(told["missing"])
    return Measure(**told, peak_bytes=memory.peak_bytes)


def rows_on(device: str, dump: Path, *, cores: int) -> Iterator[tuple[str, str, tuple[object, ...]]]:
    """Yield what is measured on a GPU: its share of the peak is the second row's rate by the third's."""
    yield f"score, {device}", "score", (dump, cores, device)
    yield f"classify, distinct texts, {device}", "classify", (dump, cores, device)
    yield f"floor: bf16 arithmetic, {device}", "arithmetic", (dump, cores, "exact", device)
    peer = (dump, cores, 256, "minilm", device)
    yield f"peer: transformers, MiniLM, batch 256, {device}", "transformers", peer


def rows_of(dump: Path, *, n: int, cores: int, peers: bool) -> Iterator[tuple[str, str, tuple[object, ...]]]:
    """Yield name, task and arguments of what is measured in each round."""
    yield f"score, {cores} cores", "score", (dump, cores)
    yield "score, 1 core", "score", (dump, 1)
    yield f"score but for the classifier, {cores} cores", "unclassified", (dump, cores)
    yield "classify, distinct texts", "classify", (dump, cores)
    yield "floor: read, normalise, hash", "read", (dump,)
    yield "floor: int8 arithmetic, the cascade", "arithmetic", (dump, cores, "cascade")
    yield "floor: int8 arithmetic, the large one for all", "arithmetic", (dump, cores, "exact")
    if peers:
        for network in ("DistilBERT", "MiniLM"):
            for batch in (1, 32):
                name = f"peer: transformers, {network}, batch {batch}"
                yield name, "transformers", (dump, cores, batch, network.lower())
        yield "peer: ONNX Runtime int8, MiniLM, sorted", "onnx", (dump, cores)


def table(found: dict[str, list[Measure | str]], *, base: str) -> str:
    """Return the medians as a table, with the ratio of each rate to that of the base."""
    lines = [f"{'':45} {'texts/s':>9} {'ratio':>7} {'CPU s':>7} {'MiB':>6}"]
    reference = _median(found[base], lambda each: each.rate)
    for name, measures in found.items():
        said = next((each for each in measures if isinstance(each, str)), None)
        if said is not None:
            lines.append(f"{name:45} {said}")
            continue
        rate = _median(measures, lambda each: each.rate)
        ratio = f"{rate / reference:7.2f}" if reference else f"{'':7}"
        cpu = _median(measures, lambda each: each.cpu_seconds)
        peak = _median(measures, lambda each: each.peak_bytes) / 2**20
        lines.append(f"{name:45} {rate:9,.0f} {ratio} {cpu:7.1f} {peak:6.0f}")
    return "\n".join(lines)


def _median(measures: list[Measure | str], value: Callable[[Measure], float]) -> float:
    values = [value(each) for each in measures if isinstance(each, Measure)]
    return statistics.median(values) if values else 0.0


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dump", type=Path, help="a dump of any format; default: a made one")
    parser.add_argument("--n", type=int, default=40_000, help="comments of the made dump")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--peers", action="store_true", help="measure others too; needs the extra [bench]")
    parser.add_argument("--device", help="a GPU, such as cuda, beside the cores; needs the extra [bench]")
    parser.add_argument("--growth", action="store_true", help="also a quarter and a half of the dump")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        dump = given.dump or make_dump(Path(folder) / "made.ndjson", n=given.n)
        tasks = list(rows_of(dump.resolve(), n=given.n, cores=given.cores, peers=given.peers))
        if given.device:
            tasks.extend(rows_on(given.device, dump.resolve(), cores=given.cores))
        if given.growth:
            for share in (4, 2):
                part = head_of(dump, Path(folder) / f"part{share}.ndjson", share=1 / share)
                tasks.append((f"score, 1/{share} of the dump", "score", (part, given.cores)))
        found: dict[str, list[Measure | str]] = {name: [] for name, _, _ in tasks}
        for i in range(given.rounds):
            for name, task, rest in tasks:
                print(f"round {i + 1}: {name}", file=sys.stderr, flush=True)
                found[name].append(measure(task, *rest))
    print(f"{dump.name}, {time.strftime('%Y-%m-%d')}, {given.cores} cores, {given.rounds} rounds, medians")
    print(table(found, base=tasks[0][0]))
    second = [_median(found[name], lambda each: each.rate) for name, _, _ in tasks[:2]]
    if all(second):
        print(f"{given.cores} cores against one: {second[0] / second[1]:.2f} times")


if __name__ == "__main__":
    main()
