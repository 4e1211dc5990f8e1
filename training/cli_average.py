"""The command of `plaudit-train` that averages models."""

from __future__ import annotations

from typing import Annotated

import typer

from plaudit.errors import MappingError
from plaudit.training.exits import exit_codes
from plaudit.training.options import Columns, Models, Tests, Threads, columns_of
from plaudit.training.telling import say, tell_figures, tell_parity


def average(
    parts: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL[=WEIGHT]",
            help="current, an id, or a folder; it counts once if no weight says else.",
        ),
    ],
    held_out: Annotated[
        list[str],
        typer.Option(
            metavar="FILE",
            help="Labelled comments none of them learnt, for temperatures and error counts; repeatable.",
        ),
    ],
    test: Tests = None,
    columns: Columns = None,
    models: Models = None,
    name: Annotated[str, typer.Option(metavar="WORD", help="First word of the model's id.")] = "minilm",
    threads: Threads = None,
) -> None:
    """Average the weights of models that go on from one start into one model.

    It answers better than most of them in the time of one, and forgets less than the last. It has no small
    network: `distil` teaches one.
    """
    with exit_codes():
        from plaudit import artifact
        from plaudit.training import averaging, dataset, evaluation, preparation, warm
        from plaudit.training import build as building
        from plaudit.training.progress import Meter

        building.check_name(name)
        folder, names = models or artifact.models_folder(), columns_of(columns)
        named = [_weighed(part) for part in parts]
        found = [
            averaging.Part(model=artifact.load(warm.folder_of(model, folder)), weight=weight)
            for model, weight in named
        ]
        with Meter(unit="comments") as meter:
            meter.say("Checking")
            tests = dataset.load_named(test or (), columns=names)
            frozen = [c for part in tests.values() for c in part]
            kept = preparation.held_out(held_out, frozen=frozen, columns=names)
            written = averaging.average(
                found, kept, models=folder, name=name, threads=threads, on_stage=meter.say
            )
            tell_parity(artifact.load(written).manifest)
            meter.say("Evaluating")
            figures = evaluation.record(written, {dataset.HELD_OUT: kept, **tests}, threads=threads)
        tell_figures(figures)
        say(f"wrote {written}.")


def _weighed(part: str) -> tuple[str, float]:
    model, sign, weight = part.rpartition("=")
    if not sign:
        return part, 1.0
    try:
        return model, float(weight)
    except ValueError:
        raise MappingError(f"{part!r}: expected MODEL=WEIGHT with a number, found {weight!r}.") from None
