"""One long run with the real model: `python -m tests.benchmarks.whole [N] [--like DUMP] [--by creator]`.

A dump is made, five million comments unless told otherwise, and scored by `plaudit score` in processes of
its own: a line says the rate, CPU seconds, the most memory of all processes, and what the results weigh.
Texts are like those of the dump that `--like` names. What is there more than once comes again, as often; each
other text comes with some words changed for others of that dump, so that most are distinct, as in a real one.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from tests.benchmarks.dumps import make_dump, texts_of
from tests.benchmarks.memory import PeakMemory

ROOT: Final = Path(__file__).parents[2]
_COMMAND: Final = "from plaudit.service.cli import main; main()"
_CHANGED: Final = 0.3  # of the words of a text that comes once
_A_POST, _A_CREATOR = 400, 20_000  # comments
_REPLIES: Final = 0.3
_LATEST: Final = 40  # comments of a post that are answered


def grow(path: Path, *, n: int, like: Sequence[str], seed: int = 1) -> Path:
    """Write n comments as NDJSON with texts like those given; return the path.

    Args:
        path: The file.
        n: Comments.
        like: All texts of a dump, as often as they are there.
        seed: The same gives the same bytes.
    """
    draw = random.Random(seed)
    text = _texts(like, draw)
    latest: list[str] = []
    with path.open("wb") as file:
        for i in range(n):
            if i % _A_POST == 0:
                latest = []
            id_ = f"c{i}"
            fields = {
                "id": id_,
                "text": text(),
                "author": f"u{int(draw.paretovariate(0.8)) % max(n // 3, 1)}",
                "post_id": f"p{i // _A_POST}",
                "creator_id": f"channel{i // _A_CREATOR}",
                "parent_id": draw.choice(latest) if latest and draw.random() < _REPLIES else None,
                "created_at": 1_500_000_000 + 30 * i,
                "is_creator": draw.random() < 0.02,
            }
            latest = [*latest[1 - _LATEST :], id_]
            file.write(orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE))
    return path


def _texts(like: Sequence[str], draw: random.Random) -> Callable[[], str]:
    counts = Counter(like)
    words = [word for text in like for word in text.split()] or ["nice"]

    def text() -> str:
        chosen = draw.choice(like)
        if counts[chosen] > 1:
            return chosen
        said = chosen.split(" ")
        said[draw.randrange(len(said))] = draw.choice(words)
        return " ".join(draw.choice(words) if draw.random() < _CHANGED else word for word in said)

    return text


def score(
    dump: Path, out: Path, *, cores: int, by: str | None = None, model: Path | None = None
) -> dict[str, Any]:
    """Run the command: its manifest's account of the run, CPU seconds, the most memory, bytes of results."""
    command = [sys.executable, "-c", _COMMAND, "score", str(dump), "--out", str(out)]
    command += ["--threads", str(cores), *(["--by", by] if by else [])]
    command += ["--model", str(model)] if model else []
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with (
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, env=os.environ) as process,
        PeakMemory(process.pid) as memory,
    ):
        process.communicate()
    if process.returncode:
        raise RuntimeError(f"plaudit score ended with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "peak_bytes": memory.peak_bytes,
        "scored": json.loads((out / "manifest.json").read_bytes())["counts"]["scored"],
        "weights": {
            each.name: sum(file.stat().st_size for file in (each.rglob("*") if each.is_dir() else [each]))
            for each in sorted(out.iterdir())
        },
    }


def main(arguments: list[str] | None = None) -> None:
    """Make, score and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", type=int, nargs="?", default=5_000_000)
    parser.add_argument("--like", help="a dump of any format; default: one of made words")
    parser.add_argument("--by", choices=["post", "creator"])
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--folder", type=Path, help="where the dump and the results lie meanwhile")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        like = texts_of(given.like or str(make_dump(folder / "made.ndjson", n=min(given.n, 100_000))))
        dump = grow(folder / "dump.ndjson", n=given.n, like=like)
        size = dump.stat().st_size / 2**20
        print(f"{given.n:,} comments, {size:,.0f} MiB, {given.cores} cores", flush=True)
        told = score(dump, folder / "out", cores=given.cores, by=given.by)
    print(
        f"{told['scored'] / told['seconds']:,.0f} comments/s, {told['seconds']:,.0f} s, "
        f"{told['cpu_seconds']:,.0f} CPU s, at most {told['peak_bytes'] / 2**20:,.0f} MiB"
    )
    for what, n_bytes in told["weights"].items():
        print(f"  {what:20} {n_bytes / 2**20:10,.1f} MiB")


if __name__ == "__main__":
    main()
