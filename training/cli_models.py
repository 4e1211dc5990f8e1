"""The commands of `plaudit-train` that judge models and choose the one in use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plaudit.training.exits import exit_codes
from plaudit.training.options import Columns, Json, Model, Models, Threads, columns_of
from plaudit.training.telling import Terminal, say, tell_figures, tell_verdict, write_json

if TYPE_CHECKING:
    from plaudit.pipeline import Pipeline

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
    """Say how well a model labels comments as it is served, what it has to beat, and what speed costs.

    Whether it was trained on them cannot be told from the files: keep test comments apart.
    """
    with exit_codes():
        from plaudit import artifact
        from plaudit.classifier import ArtifactClassifier
        from plaudit.errors import MappingError
        from plaudit.training import dataset, evaluation, examination
        from plaudit.training.page import page
        from plaudit.training.progress import Meter
        from plaudit.training.replacing import replace_file

        folder, names = model or artifact.current(), columns_of(columns)
        if record == dataset.HELD_OUT:
            raise MappingError(
                f"{record} names the part a model was calibrated on; give --record another name."
            )
        sets = dataset.load_named(files, columns=names)
        fit_on = [c for path in train or () for c in dataset.load(path, columns=names, taught=False)]
        together = [c for part in sets.values() for c in part]
        with Meter(unit="comments") as meter:
            loaded = artifact.load(folder)
            classifier = ArtifactClassifier(loaded, threads=threads)
            exact = (
                ArtifactClassifier(loaded, exact=True, threads=threads) if loaded.manifest.stages else None
            )
            found = examination.examine(classifier, together, exact=exact, train=fit_on, on_stage=meter.say)
        figures = {record or " + ".join(sets): found}
        if json_ is None or str(json_) != "-":
            tell_figures(figures)  # before anything that a full disk may refuse
        if json_ is not None:
            write_json(json_, figures)
        if html is not None:
            replace_file(html, page(figures, model=classifier.model.id).encode())
        if record is not None:
            evaluation.write(folder, {record: evaluation.compact(found)})


def recount(files: Files, model: Model = None, columns: Columns = None, threads: Threads = None) -> None:
    """Count anew how a model errs, in each language, and write it into its manifest: label shares follow.

    On comments that it was not trained on and that nothing is tested on; fit `references` afterwards.
    """
    with exit_codes():
        from plaudit import artifact
        from plaudit.training import dataset, recounting

        folder, names = model or artifact.current(), columns_of(columns)
        comments = [c for path in files for c in dataset.load(path, columns=names, taught=False)]
        manifest = recounting.recount(folder, comments, threads=threads)
        say(
            f"wrote the error counts of {manifest.id}: "
            f"{manifest.data['errors_counted_on']['n']:,} comments of {len(comments):,}."
        )


def promote(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Id of a model, the name of its folder.")],
    test: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE", help="Frozen labelled comments neither model was trained on; repeatable."
        ),
    ] = None,
    panel: Annotated[
        list[Path] | None,
        typer.Option(metavar="DUMP", help="Dumps whose indices are watched, beside the example; repeatable."),
    ] = None,
    columns: Columns = None,
    force: Annotated[bool, typer.Option("--force", help="Promote it whatever speaks against it.")] = False,
    reason: Annotated[str, typer.Option(metavar="WORDS", help="Why, for the log.")] = "",
    models: Models = None,
    json_: Json = None,
    threads: Threads = None,
) -> None:
    """Make a model the current one if it is no worse: paired on frozen comments, and on a panel of posts.

    Refuses a worse one unless forced with a reason; logs what was found in the models' README.
    """
    with exit_codes():
        from plaudit import artifact
        from plaudit.errors import MappingError, TrainingDataError
        from plaudit.training import dataset, drift, model_log, promotion

        folder = models or artifact.models_folder()
        new = _known(folder, name)
        if force and not reason.strip():
            raise MappingError("--force needs a --reason, which goes into the log.")
        old = model_log.current_name(folder)
        if old == name:
            raise MappingError(f"{name} is the current model already.")
        if not old and (folder / artifact.CURRENT).exists():
            artifact.current(folder)  # raises: there is one, and it cannot be found to compare with
        if not old:
            _pipeline(new, threads)
            model_log.switch(folder, name, what="promote", why=reason or "there was none before")
            say(f"{name} is now the current model; there was none to compare it with.")
            return
        if not test:
            raise MappingError("Name the frozen comments to compare on: --test FILE.")
        sets, dumps = dataset.load_named(test, columns=columns_of(columns)), drift.panel_of(panel or ())
        pipelines = _pipeline(new, threads), _pipeline(folder / old, threads)
        manifests = [artifact.load(each).manifest for each in (new, folder / old)]
        promotion.check_frozen(sets, manifests[1])
        compared = promotion.compare(pipelines[0].classifier, pipelines[1].classifier, sets)
        moved = drift.drift(pipelines[1], pipelines[0], dumps)
        verdict = promotion.judge(compared, moved, new=manifests[0], old=manifests[1])
        if json_ is not None:
            write_json(json_, verdict.to_dict())
        if json_ is None or str(json_) != "-":
            tell_verdict(verdict, Terminal())
        if verdict.against and not force:
            raise TrainingDataError(
                f"{name} is not promoted, and {old} stays. {' '.join(verdict.against)} "
                "Train a better one, or insist with --force --reason WORDS."
            )
        why = f"forced: {reason} ({' '.join(verdict.against)})" if verdict.against else reason
        model_log.switch(folder, name, what="promote", figures=verdict.figures, drift=verdict.moves, why=why)
        say(f"{name} is now the current model; before it: {old}.")


def rollback(
    reason: Annotated[str, typer.Option(metavar="WORDS", help="Why, for the log.")] = "",
    models: Models = None,
    threads: Threads = None,
) -> None:
    """Go back to the model that was in use before the current one, after loading and checking it."""
    with exit_codes():
        from plaudit import artifact
        from plaudit.training import model_log

        folder = models or artifact.models_folder()
        name, left = model_log.previous(folder), model_log.current_name(folder)
        _pipeline(_known(folder, name), threads)
        model_log.switch(folder, name, what="rollback", why=reason)
        say(f"{name} is the current model again; {left} was left.")


def use(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Id of a model, the name of its folder.")],
    reason: Annotated[str, typer.Option(metavar="WORDS", help="Why, for the log.")] = "",
    models: Models = None,
    threads: Threads = None,
) -> None:
    """Make a model the current one after loading and checking it, without comparing; see `promote`."""
    with exit_codes():
        from plaudit import artifact
        from plaudit.training import model_log

        folder = models or artifact.models_folder()
        _pipeline(_known(folder, name), threads)
        if model_log.current_name(folder) != name:
            model_log.switch(folder, name, what="use", why=reason or "not compared")
        say(f"{name} is now the current model.")


def _known(folder: Path, name: str) -> Path:
    from plaudit import artifact
    from plaudit.errors import MappingError

    if Path(name).name != name or not (folder / name).is_dir():
        known = sorted(path.parent.name for path in folder.glob(f"*/{artifact.MANIFEST}"))
        raise MappingError(
            f"There is no model {name!r} in {folder}; there are: {', '.join(known) or 'none'}."
        )
    return folder / name


def _pipeline(folder: Path, threads: int | None) -> Pipeline:
    from plaudit.pipeline import Pipeline

    return Pipeline.load(folder, threads=threads)
