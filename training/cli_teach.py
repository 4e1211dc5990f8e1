"""The command of `plaudit-train` that asks teachers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from plaudit.training.exchange import Row
from plaudit.training.exits import exit_codes
from plaudit.training.options import Columns, Threads, columns_of
from plaudit.training.telling import say


def teach(
    model: Annotated[
        list[Path], typer.Option(metavar="DIR", help="Folder of a teacher's model; repeatable.")
    ],
    out: Annotated[Path, typer.Option(metavar="OUT.jsonl", help="Where the taught comments are written.")],
    labelled: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="Labelled comments to ask about; repeatable.")
    ] = None,
    texts: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Dumps of comments nobody labelled; repeatable."),
    ] = None,
    n: Annotated[int, typer.Option(metavar="N", min=1, help="Distinct texts to take of the dumps.")] = 60_000,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the random choice.")] = 13,
    columns: Columns = None,
    threads: Threads = None,
) -> None:
    """Ask models about comments, for `build` to learn from: give it OUT.jsonl as a labelled file.

    Labelled comments keep their label, and what the teachers say is mixed in (train.teacher_share); of
    the others only what the teachers say is learnt.
    """
    with exit_codes():
        from plaudit import artifact
        from plaudit.classifier import ArtifactClassifier
        from plaudit.training import teaching
        from plaudit.training.progress import Meter

        rows = list(_rows(labelled or (), texts or (), n=n, seed=seed, columns=columns_of(columns)))
        teachers = [ArtifactClassifier(artifact.load(m), exact=True, threads=threads) for m in model]
        with Meter(unit="comments") as meter:
            meter.say("Asking")
            done = 0

            def count(more: int) -> None:
                nonlocal done
                done += more
                meter.update(done, total=len(rows), n=done)

            n_written = teaching.write(teaching.teach(rows, teachers, on_batch=count), out)
        say(f"wrote {out}: {n_written:,} comments.")


def _rows(
    labelled: Sequence[str],
    texts: Sequence[str],
    *,
    n: int,
    seed: int,
    columns: Mapping[str, str],
) -> Iterator[Row]:
    import random

    from plaudit.errors import TrainingDataError
    from plaudit.training.build import corpus_texts
    from plaudit.training.dataset import tasks

    for path in labelled:
        yield from tasks(path, columns=columns)
    if texts:
        found = list(corpus_texts(texts, limit=20 * n))
        random.Random(seed).shuffle(found)  # noqa: S311 - reproducible, not secret
        yield from ({"text": text, "source": "taught"} for text in found[:n])
    if not labelled and not texts:
        raise TrainingDataError("Nothing to ask about: name --labelled files, --texts dumps, or both.")
