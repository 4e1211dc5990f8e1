"""The commands of `plaudit-train` that look after labelled comments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plaudit.training.exits import UNUSABLE, exit_codes
from plaudit.training.options import Columns, Json, Tests, columns_of
from plaudit.training.telling import (
    Terminal,
    batch_reporter,
    bytes_of,
    say,
    tell_checked,
    tell_joined,
    write_json,
)

Files = Annotated[
    list[str], typer.Argument(metavar="FILE", help="Labelled comments: files, folders or Hub names.")
]


def check(files: Files, test: Tests = None, columns: Columns = None, json_: Json = None) -> None:
    """Say what is wrong with labelled comments: bad rows, contradictions, leaks, copies, balance.

    Ends with 2 where it found an error.
    """
    with exit_codes():
        from plaudit.training import checking, dataset

        names = columns_of(columns)
        examined = [dataset.examine(path, columns=names) for path in files]
        tests = dataset.examine_named(test or (), columns=names)
        dataset.check_mapped([*examined, *tests.values()], names)
        checked = checking.check(examined, tests=tests)
        if json_ is not None:
            write_json(json_, checked.to_dict())
        if json_ is None or str(json_) != "-":
            tell_checked(checked, Terminal())
        if checked.failed:
            raise typer.Exit(UNUSABLE)


def split(
    files: Files,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for train.jsonl, test.jsonl and split.json.")
    ],
    share: Annotated[
        float, typer.Option(metavar="SHARE", min=0.01, max=0.9, help="Of the rows, to test on.")
    ] = 0.1,
    by_time: Annotated[
        bool, typer.Option("--by-time", help="Test on the latest rows, not on random ones.")
    ] = False,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the random choice.")] = 13,
    columns: Columns = None,
) -> None:
    """Split labelled comments into a training and a frozen test file that share no text, post or author.

    Where DIR holds a test file already it stays as it is, and new rows are added to those to train on; of a
    text that is there already the new label counts.
    """
    with exit_codes():
        from plaudit.training import dataset, freezing

        names = columns_of(columns)
        examined = [dataset.examine(path, columns=names) for path in files]
        dataset.check_mapped(examined, names)
        record = freezing.write(examined, out, share=share, seed=seed, by_time=by_time, columns=names)
        n = {name: f"{part['n']:,}" for name, part in record["parts"].items()}
        kept = " (as it was)" if record["test_kept"] else ""
        earlier = f", {record['n_earlier']:,} rows being there before" if record["n_earlier"] else ""
        say(
            f"wrote {out}: {n['train']} rows to train on, {n['test']} to test on{kept}; "
            f"{n['left_out']} left out, being tied to the test{earlier}."
        )


def hash_(
    files: Files,
    out: Annotated[Path, typer.Option(metavar="FILE.jsonl", help="Where the labels go.")],
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Leave out texts that stand with two labels.")
    ] = False,
    columns: Columns = None,
) -> None:
    """Write labels under hashes of their texts: what may be published where the texts may not."""
    with exit_codes():
        from plaudit.training import dataset, label_keys

        names = columns_of(columns)
        comments = [c for path in files for c in dataset.load(path, columns=names, taught=False)]
        if leave_out:
            comments = dataset.without_conflicts(comments)
        say(f"wrote {label_keys.write(comments, out):,} labels to {out}.")


def join(
    dumps: Annotated[list[Path], typer.Argument(metavar="DUMP", help="Files or folders with the texts.")],
    out: Annotated[Path, typer.Option(metavar="FILE.jsonl", help="Where the labelled comments go.")],
    labels: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="Labels under hashes; repeatable. Default: the training ones shipped."
        ),
    ] = None,
) -> None:
    """Join labels kept under hashes to the texts they were given to, wherever those lie."""
    with exit_codes():
        from plaudit.errors import TrainingDataError
        from plaudit.training import exchange, label_keys
        from plaudit.training.progress import Meter
        from plaudit.training.replacing import replace_file

        known = {
            key: row for path in labels or label_keys.shipped() for key, row in label_keys.load(path).items()
        }
        with Meter(unit="comments") as meter:
            meter.say("Looking for texts")
            report = batch_reporter(meter, n_bytes=bytes_of(dumps))
            joined = label_keys.join(known, dumps, on_batch=report)
        if not joined.rows:
            raise TrainingDataError(
                f"No label found its text among the comments of {', '.join(map(str, dumps))}; "
                "training/labels/README.md names the sources."
            )
        replace_file(out, exchange.written(joined.rows, "jsonl"))
        tell_joined(joined, Terminal())
        say(f"wrote {len(joined.rows):,} labelled comments to {out}.")
