"""What measuring costs when a run is long: `python -m tests.benchmarks.measuring N [N ...] [--by post]`.

Facts are made, not read: a few ten thousand comments of a made dump over and over, each time by mostly other
people in other words under other posts. For each N a process of its own measures them as `plaudit score` does
once all is labelled; a line says the seconds, CPU seconds and the most memory it held.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from plaudit.facts import FACTS_SCHEMA, Facts, facts_of
from plaudit.letters import GRAMS
from plaudit.linguistics import describe
from plaudit.readers import ReadOptions, read
from plaudit.signals.keys import mix
from tests.benchmarks.dumps import make_dump
from tests.benchmarks.memory import PeakMemory
from tests.benchmarks.tasks import HashClassifier, hash_pipeline

ROOT: Final = Path(__file__).parents[2]
N_CHUNK: Final = 32_768
N_SEED: Final = 65_536


def seed_facts(n: int = N_SEED) -> Facts:
    """Return the facts of a made dump."""
    with tempfile.TemporaryDirectory() as folder:
        dump = make_dump(Path(folder) / "made.ndjson", n=n)
        parts = []
        for batch in read([dump], options=ReadOptions(batch_size=2048, creator="u3")):
            texts = batch.comments.column("text").to_pylist()
            parts.append(facts_of(batch.comments, HashClassifier().classify(texts), describe(texts)))
    return Facts.concat(parts)


def tables(n: int, *, seed: Facts) -> Iterator[pa.Table]:
    """Yield tables of facts, n rows in all, in no order; the same n gives the same rows."""
    table, made, world = seed.to_table(), 0, 0
    order = np.random.RandomState(1).permutation(len(table))
    while made < n:
        rows = table.take(pa.array(order[: n - made]))
        yield from _chunks(_elsewhere(rows, world) if world else rows)
        made, world = made + len(rows), world + 1


def _chunks(table: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, len(table), N_CHUNK):
        yield table.slice(start, N_CHUNK).combine_chunks()


def _elsewhere(table: pa.Table, world: int) -> pa.Table:
    columns = {name: table.column(name).combine_chunks() for name in table.column_names}
    for name in ("key", "parent", "post", "letters"):
        columns[name] = pa.array(_other(columns[name].to_numpy(), world))
    author = columns["author"].to_numpy()
    columns["author"] = pa.array(np.where(author % 4 == 0, author, _other(author, world)))
    grams = columns["grams"]
    flat, row = grams.flatten().to_numpy(), np.repeat(np.arange(len(grams)), grams.value_lengths())
    other = _other(flat.astype(np.uint64), world).astype(np.uint32)
    flat = np.where(flat % 4 == 0, flat, other)  # some turns of phrase are everybody's
    flat = flat[np.lexsort((flat, row))]
    columns["grams"] = pa.ListArray.from_arrays(grams.offsets, pa.array(flat), type=GRAMS)
    columns["post_name"] = pa.array([f"{name} {world}" for name in columns["post_name"].to_pylist()])
    columns["id"] = pa.array([f"{name}-{world}" for name in columns["id"].to_pylist()])
    return pa.table([columns[name] for name in FACTS_SCHEMA.names], schema=FACTS_SCHEMA)


def _other(keys: np.ndarray[Any, Any], world: int) -> np.ndarray[Any, Any]:
    return np.where(keys == 0, np.uint64(0), mix(keys, np.full_like(keys, world)))


class Files:
    """Facts in Arrow files, as the checkpoints of a run hold them."""

    def __init__(self, folder: Path, n: int) -> None:
        self._folder, self._n = folder, n

    def __len__(self) -> int:
        return self._n

    def tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield a table a file."""
        for path in sorted(self._folder.glob("*.arrow")):
            fields = sorted(map(FACTS_SCHEMA.get_field_index, columns))
            with path.open("rb") as file:
                found = pa.ipc.open_file(file, options=pa.ipc.IpcReadOptions(included_fields=fields))
                yield found.read_all().select(columns)


def store(path: Path, table: pa.Table) -> None:
    """Write one of the files."""
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with path.open("wb") as file, pa.ipc.new_file(file, table.schema, options=options) as writer:
        writer.write_table(table)


def measure(folder: Path, n: int, by: str) -> None:
    """Measure what lies in a folder, print what it took."""
    pipeline, started, used = hash_pipeline(), time.perf_counter(), time.process_time()
    report = pipeline.report(Files(folder, n), folder=folder / "room", group_by=by or None)
    told = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - used}
    print(json.dumps({"n": report.coverage.scored} | told))


def measured(n: int, *, seed: Facts, by: str = "") -> dict[str, float]:
    """Make n facts and measure them in a process of their own: what it took, and the most memory, in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        for i, table in enumerate(tables(n, seed=seed)):
            store(Path(folder, f"{i:06d}.arrow"), table)
        command = [sys.executable, "-m", "tests.benchmarks.measuring", str(n), "--folder", folder, "--by", by]
        with (
            subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process,
            PeakMemory(process.pid) as memory,
        ):
            out, _ = process.communicate()
        return {**json.loads(out), "peak_mib": memory.peak_bytes / 2**20}


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", type=int, nargs="*", default=[250_000, 1_000_000])
    parser.add_argument("--by", default="", choices=["", "post", "creator"])
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.folder:
        measure(given.folder, given.n[0], given.by)
        return
    seed = seed_facts()
    for n in given.n:
        told = measured(n, seed=seed, by=given.by)
        print(
            f"{told['n']:>12,} comments {told['seconds']:8.1f} s {told['cpu_seconds']:8.1f} CPU s "
            f"{told['peak_mib']:8.0f} MiB",
            flush=True,
        )


if __name__ == "__main__":
    main()
