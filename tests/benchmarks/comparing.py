"""What `plaudit compare` costs where there are many groups: `python -m tests.benchmarks.comparing [N ...]`.

Two folders of results are made, not measured: N groups each, nine in ten of them in both, with as many
comments in their tables as `--each` says. For each form a process of its own compares them; a line says the
seconds, CPU seconds, the most memory it held, and what it wrote.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import orjson
import pyarrow as pa

from plaudit.report.envelope import Coverage, Group, with_groups
from plaudit.scores import LABELS
from plaudit.service.comment_table import TABLE_FORMATS
from plaudit.service.output import LABELLED_SCHEMA, REPORT, result_files
from tests import reports
from tests.benchmarks.memory import PeakMemory

ROOT: Final = Path(__file__).parents[2]
FORMS: Final = ("text", "json", "html")
_COMMAND: Final = "from plaudit.service.cli import main; main()"
_ROWS: Final = 65_536
_N_KINDS: Final = 64  # different groups; the others have their numbers, each under a name of its own


def make_results(folder: Path, *, n: int, first: int = 0, each: int = 10, seed: int = 1) -> Path:
    """Write a folder of results with n groups as large as measured ones are, without measuring; return it.

    Args:
        folder: Is made.
        n: Groups, named by numbers.
        first: Number of the first one.
        each: Comments of a group in the table of comments; 0 for no table.
        seed: Another one gives the same groups other numbers.
    """
    folder.mkdir(parents=True)
    whole = orjson.dumps(reports.full_report(groups=()), option=orjson.OPT_INDENT_2)
    with (folder / REPORT).open("wb") as file:
        file.writelines(with_groups(whole, _bodies(n, first=first, seed=seed)))
    if each:
        table = TABLE_FORMATS["parquet"](folder / result_files()[0], LABELLED_SCHEMA)
        for rows in _tables(n, first=first, each=each, seed=seed):
            table.write(rows)
        table.close()
    return folder


def _bodies(n: int, *, first: int, seed: int) -> Iterator[bytes]:
    draw = random.Random(seed)
    kinds = [orjson.dumps(_group(draw)) for _ in range(_N_KINDS)]
    for i in range(first, first + n):
        yield draw.choice(kinds).replace(b'"key":""', b'"key":"creator-%07d"' % i)


def _group(draw: random.Random) -> Group:
    n_read = int(10 * draw.paretovariate(1))
    found = reports.group("", shift=draw.uniform(-40, 20))
    coverage = Coverage(read=n_read, scored=n_read, languages={"en": n_read})
    signals = (*found.signals, *found.signals[:5])  # as many as a real one has
    found = replace(found, coverage=coverage, signals=signals)
    return found if draw.random() < 0.7 else replace(found, index=None, community_depth=None)


def _tables(n: int, *, first: int, each: int, seed: int) -> Iterator[pa.Table]:
    draw = np.random.default_rng(seed)
    for start in range(first * each, (first + n) * each, _ROWS):
        numbers = range(start, min(start + _ROWS, (first + n) * each))
        columns = {
            "id": pa.array([f"comment-{i}" for i in numbers]),
            "post_id": pa.array([f"post-{i // each}" for i in numbers]),
            "creator_id": pa.array([f"creator-{i // each:07d}" for i in numbers]),
            "label": pa.array(LABELS).take(pa.array(draw.integers(0, len(LABELS), len(numbers)))),
        }
        rest = {field.name: pa.nulls(len(numbers), field.type) for field in LABELLED_SCHEMA}
        yield pa.table(rest | columns, schema=LABELLED_SCHEMA)


def compare(first: Path, second: Path, *, form: str, out: Path) -> dict[str, float]:
    """Run the command in a process of its own: what it took, the most memory in MiB, and bytes it wrote."""
    command = [sys.executable, "-c", _COMMAND, "compare", str(first), str(second)]
    page = out.with_suffix(".html")
    command += {"text": [], "json": ["--json"], "html": ["--html", str(page)]}[form]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with (
        out.open("wb") as file,
        subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=subprocess.PIPE, env=os.environ) as process,
        PeakMemory(process.pid) as memory,
    ):
        _, said = process.communicate()
    if process.returncode:
        raise RuntimeError(said.decode())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "peak_mib": memory.peak_bytes / 2**20,
        "written": (page if form == "html" else out).stat().st_size,
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", type=int, nargs="*", default=[25_000, 100_000], help="groups of each run")
    parser.add_argument("--each", type=int, default=10, help="comments of a group")
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=FORMS)
    given = parser.parse_args(arguments)
    for n in given.n:
        with tempfile.TemporaryDirectory() as folder:
            one, other = (
                make_results(Path(folder, str(i)), n=n, first=i * n // 10, each=given.each, seed=i)
                for i in range(2)
            )
            size = (one / REPORT).stat().st_size / 2**20
            print(f"{n:,} groups, {n * given.each:,} comments, a report of {size:,.0f} MiB", flush=True)
            for form in given.forms:
                told = compare(one, other, form=form, out=Path(folder, "out"))
                print(
                    f"  {form:5} {told['seconds']:8.1f} s {told['cpu_seconds']:8.1f} CPU s "
                    f"{told['peak_mib']:8.0f} MiB, wrote {told['written'] / 2**20:,.2f} MiB",
                    flush=True,
                )


if __name__ == "__main__":
    main()
