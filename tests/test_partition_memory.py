"""Measuring takes about as much memory for many comments as for few."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PART_ROWS = 4096
FEW, MANY = 4 * PART_ROWS, 28 * PART_ROWS
MOST_GROWTH_BYTES = 40 << 20
"""Slack for what allocators keep; held all at once, each of a hundred thousand more takes 1,500."""

CODE = """
import sys, tempfile
from pathlib import Path
from plaudit.partition import spill
from plaudit.partition.measuring import tallied_in_parts
from tests.benchmarks.measuring import Files, seed_facts, store, tables

spill._BUFFER_BYTES = 1 << 20  # full with few comments as well

def highest():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))

with tempfile.TemporaryDirectory() as folder:
    seed, found = seed_facts(2048), []
    for n in map(int, sys.argv[2:]):
        place = Path(folder, str(n))
        place.mkdir()
        for i, table in enumerate(tables(n, seed=seed)):
            store(place / f"{i:06d}.arrow", table)
        told = tallied_in_parts(Files(place, n), place / "room", part_rows=int(sys.argv[1]))
        assert told.counts.n_comments == n
        found.append(highest())
    print(*found)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell")
def test_memory_hardly_grows_with_the_comments() -> None:
    command = [sys.executable, "-c", CODE, *map(str, (PART_ROWS, FEW, MANY))]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    few, many = map(int, done.stdout.split())
    assert many - few < MOST_GROWTH_BYTES
