"""The commands of `plaudit-train` that judge models and choose the one in use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plaudit.training.exits import exit_codes
from plaudit.training.options import Columns, Json, Model, Models, Threads, columns_of
from plaudit.training.telling import say, tell_figures, write_json

Files = Annotated[list[str], typer.Argument(metavar="FILE", help="Labelled comments.")]


def evaluate(
    files: Files,
    model: Model = None,
    columns: Columns = None,
    train: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Labelled comments to fit a TF-IDF baseline on; repeatable."),
    ] = None,
    record: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Write the figures of all files together into the model's card."),
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="OUT", help="Write a page with plots.")] = None,
    json_: Json = None,
    threads: Threads = None,
) -> None:
    """Say how well a model labels labelled comments, as it is served, and what it has to beat.

    Whether it was trained on them cannot be told from the files: keep test comments apart.
    """
    with exit_codes():
        from plaudit import artifact
        from plaudit.classifier import OnnxClassifier
        from plaudit.training import dataset, evaluation, examination
        from plaudit.training.page import page
        from plaudit.training.progress import Meter
        from plaudit.training.replacing import replace_file

        folder, names = model or artifact.current(), columns_of(columns)
        sets = dataset.load_named(files, columns=names)
        fit_on = [c for path in train or () for c in dataset.load(path, columns=names)]
        together = [c for part in sets.values() for c in part]
        with Meter(unit="comments") as meter:
            classifier = OnnxClassifier(artifact.load(folder), threads=threads)
            found = examination.examine(classifier, together, train=fit_on, on_stage=meter.say)
        figures = {record or " + ".join(sets): found}
        if record is not None:
            evaluation.write(folder, {record: evaluation.compact(found)})
        if html is not None:
            replace_file(html, page(figures, model=classifier.model.id).encode())
        if json_ is not None:
            write_json(json_, figures)
        if json_ is None or str(json_) != "-":
            tell_figures(figures)


def use(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Id of a model, the name of its folder.")],
    models: Models = None,
    threads: Threads = None,
) -> None:
    """Make a model the current one, after loading and checking it."""
    with exit_codes():
        from plaudit import artifact
        from plaudit.classifier import OnnxClassifier
        from plaudit.errors import MappingError

        folder = models or artifact.models_folder()
        if Path(name).name != name or not (folder / name).is_dir():
            known = sorted(path.parent.name for path in folder.glob(f"*/{artifact.MANIFEST}"))
            raise MappingError(
                f"There is no model {name!r} in {folder}; there are: {', '.join(known) or 'none'}."
            )
        OnnxClassifier(artifact.load(folder / name), threads=threads)
        artifact.make_current(folder, name)
        say(f"{name} is now the current model.")
