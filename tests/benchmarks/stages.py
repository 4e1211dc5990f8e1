"""What each stage of a run costs a comment: CPU time on one core, and bytes.

    python -m tests.benchmarks.stages DUMP [N]

Reads the first N comments (20,000 if not said), and prints a line a stage. CPU seconds, not seconds on the
clock: on a busy machine they stay about the same. `.github/CLUSTER.md` works out what a billion costs.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from plaudit import language
from plaudit.comment import Batch
from plaudit.facts import Facts, facts_of
from plaudit.linguistics import describe
from plaudit.pieces import PiecedTexts, pieced
from plaudit.pipeline import Pipeline
from plaudit.readers import ReadOptions, read
from plaudit.scores import Scores
from plaudit.service import cluster
from plaudit.service.output import labelled
from plaudit.service.scorers import Scored

_BATCH = 4096
_T = TypeVar("_T")


def main(path: str, n_comments: int = 20_000) -> None:
    """Measure and print."""
    pipeline = Pipeline.load(threads=1)
    pipeline.classify(["Which glue?"])
    describe(["Which glue?"])
    batches, reading = _timed(lambda: list(_first(path, n_comments)))
    n = sum(batch.comments.num_rows for batch in batches)
    texts = [pieced(batch.comments.column("text").to_pylist()) for batch in batches]
    _, parting = _timed(lambda: [each.pieces for each in texts])
    _, hearing = _timed(lambda: [language.identify(each) for each in texts])
    scores, labelling = _timed(lambda: [pipeline.classify(each) for each in texts])
    facts, gathering = _timed(lambda: _facts(batches, scores, texts))
    tables = [labelled(batch.comments, each) for batch, each in zip(batches, scores, strict=True)]
    scored = [
        Scored(batch=batch, labelled=rows, facts=part.to_table())
        for batch, rows, part in zip(batches, tables, facts, strict=True)
    ]
    packed, travelling = _timed(lambda: [_there_and_back(each) for each in scored])
    joined, joining = _timed(lambda: Facts.concat(facts))
    _, measuring = _timed(lambda: pipeline.report(joined))
    n_parquet, writing = _timed(lambda: _written(tables))
    print(f"{n:,} comments, {len({text for each in texts for text in each}):,} distinct texts")
    for name, seconds in [
        ("read", reading),
        ("take apart", parting),
        ("language", hearing),
        ("label, with language", labelling),
        ("words and facts", gathering),
        ("pack and unpack, for Ray", travelling),
        ("join facts", joining),
        ("measure one community", measuring),
        ("write Parquet", writing),
    ]:
        print(f"{name:<26} {n / max(seconds, 1e-9):>12,.0f} comments a CPU second")
    for name, n_bytes in [
        ("packed between machines", sum(packed)),
        ("facts in memory", joined.to_table().nbytes),
        ("rows of Parquet", n_parquet),
    ]:
        print(f"{name:<26} {n_bytes / n:>12,.0f} bytes a comment")


def _first(path: str, n_comments: int) -> Iterator[Batch]:
    return islice(read([path], options=ReadOptions(batch_size=_BATCH)), -(-n_comments // _BATCH))


def _facts(batches: list[Batch], scores: list[Scores], texts: list[PiecedTexts]) -> list[Facts]:
    rows = zip(batches, scores, texts, strict=True)
    return [facts_of(batch.comments, each, describe(own), texts=own) for batch, each, own in rows]


def _there_and_back(scored: Scored) -> int:
    """Return the bytes that a batch has on its way: to an actor, and back with its labels and facts."""
    packed = cluster._packed(scored.batch, source=0, number=0, is_last=False)
    (row,) = packed.to_pylist()
    row |= {
        "labelled": cluster._stream_of(pa.Table.from_batches([scored.labelled])),
        "facts": cluster._stream_of(scored.facts),
    }
    back = cluster._row(row)
    cluster._unpacked(back.to_pylist()[0])
    return packed.nbytes + back.nbytes


def _written(tables: list[pa.RecordBatch]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "comments.parquet")
        pq.write_table(pa.Table.from_batches(tables), path, compression="zstd")
        return path.stat().st_size


def _timed(work: Callable[[], _T]) -> tuple[_T, float]:
    start = time.process_time()
    return work(), time.process_time() - start


if __name__ == "__main__":
    given: list[Any] = sys.argv[1:]
    main(given[0], *map(int, given[1:2]))
