"""The commands of `plaudit-train` around annotation: what to label, with which tool, what to doubt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plaudit.training.exits import exit_codes
from plaudit.training.options import Columns, Model, Threads, columns_of
from plaudit.training.telling import Terminal, batch_reporter, bytes_of, say, tell_suspects

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Kind = Annotated[str, typer.Option("--to", metavar="KIND", help="jsonl, label-studio, prodigy or argilla.")]


def choose_next(
    dumps: Annotated[list[Path], typer.Argument(metavar="DUMP", help="Files or folders of comments.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the comments to label go.")],
    n: Annotated[int, typer.Option("--n", metavar="N", min=1, help="How many.")] = 200,
    labelled: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="What has labels already; repeatable.")
    ] = None,
    columns: Columns = None,
    to: Kind = "jsonl",
    random: Annotated[
        float, typer.Option(metavar="SHARE", min=0, max=1, help="Of them, picked blindly.")
    ] = 0.2,
    model: Model = None,
    threads: Threads = None,
) -> None:
    """Choose comments to label: the model is unsure of them, and they are unlike each other."""
    with exit_codes():
        from plaudit import artifact
        from plaudit.classifier import ArtifactClassifier
        from plaudit.training import candidates, dataset, exchange, selection
        from plaudit.training.progress import Meter
        from plaudit.training.replacing import replace_file

        exchange.check_kind(to)
        names = columns_of(columns)
        known = [row["text"] for path in labelled or () for row in dataset.tasks(path, columns=names)]
        classifier = ArtifactClassifier(artifact.load(model or artifact.current()), threads=threads)
        with Meter(unit="comments") as meter:
            meter.say("Choosing")
            report = batch_reporter(meter, n_bytes=bytes_of(dumps))
            rows = selection.choose(
                candidates.read_candidates(dumps, on_batch=report),
                classifier,
                n=n,
                labelled=known,
                random_share=random,
            )
        replace_file(out, exchange.written(rows, to))
        say(f"wrote {len(rows):,} comments to label to {out}; labels there are the model's guesses.")


def suspects(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Labelled comments.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.jsonl", help="Write all of them, with their texts.")
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Judge by this model, which must not have seen the rows."),
    ] = None,
    columns: Columns = None,
    threads: Threads = None,
) -> None:
    """List labels that are probably wrong, the surest first.

    Judges each row by counted words fitted on the others, or by a model that never saw it.
    """
    with exit_codes():
        from plaudit import artifact
        from plaudit.classifier import ArtifactClassifier
        from plaudit.training import dataset, exchange
        from plaudit.training import suspects as doubting
        from plaudit.training.replacing import replace_file

        names = columns_of(columns)
        comments = [c for path in files for c in dataset.load(path, columns=names, taught=False)]
        if model is None:
            probabilities: NDArray[np.floating] = doubting.out_of_fold(comments)
        else:
            classifier = ArtifactClassifier(artifact.load(model), threads=threads)
            probabilities = classifier.classify([c.text for c in comments]).probabilities
        found = doubting.suspects(comments, probabilities)
        tell_suspects(found, Terminal(), n=len(comments))
        if out is not None:
            replace_file(out, exchange.written([each.to_dict() for each in found], "jsonl"))
            say(f"wrote {len(found):,} rows to {out}.")


def convert(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Labelled comments, or tasks of a tool.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where they go.")],
    to: Kind = "jsonl",
    columns: Columns = None,
) -> None:
    """Turn labelled comments into a file of an annotation tool, or a tool's export into ours."""
    with exit_codes():
        from plaudit.training import dataset, exchange
        from plaudit.training.replacing import replace_file

        exchange.check_kind(to)
        rows = dataset.tasks(str(file), columns=columns_of(columns))
        replace_file(out, exchange.written(rows, to))
        say(f"wrote {len(rows):,} rows to {out}.")
