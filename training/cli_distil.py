"""The command of `plaudit-train` that teaches the small network anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from plaudit.training.exits import exit_codes
from plaudit.training.options import Columns, Models, Tests, Threads, columns_of
from plaudit.training.telling import say, step_reporter, tell_figures, tell_parts


def distil(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE", help="Labelled comments the model learnt: its small network hears of them too."
        ),
    ],
    held_out: Annotated[
        list[str],
        typer.Option(
            metavar="FILE",
            help="Labelled comments it never learnt, for temperatures and error counts; repeatable.",
        ),
    ],
    texts: Annotated[
        list[Path], typer.Option(metavar="DUMP", help="Comments to learn from, no labels; repeatable.")
    ],
    model: Annotated[
        str, typer.Option(metavar="MODEL", help="Whose exact network stays: current, an id, or a folder.")
    ] = "current",
    student: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Whose small network it begins as. Default: that of --model."),
    ] = None,
    test: Tests = None,
    columns: Columns = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="cascade.KNOB=VALUE", help="One knob, as cascade.window_epochs=12; repeatable."
        ),
    ] = None,
    models: Models = None,
    name: Annotated[str, typer.Option(metavar="WORD", help="First word of the model's id.")] = "minilm",
    work: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep the exact network's answers there, and take them from there."),
    ] = None,
    threads: Threads = None,
) -> None:
    """Teach a model's small network anew; its exact network stays as it is.

    The small network answers what it is sure of, so it decides speed. A new one is worth it with more
    comments to learn from, or for another trade of speed against agreement (cascade.window_differing).
    """
    with exit_codes():
        from plaudit import artifact
        from plaudit.training import build as building
        from plaudit.training import config as configs
        from plaudit.training import dataset, evaluation, redistilling, warm
        from plaudit.training.progress import Meter

        building.check_name(name)
        folder, names = models or artifact.models_folder(), columns_of(columns)
        with warm.started_from(model, folder, threads=threads) as start, Meter(unit="comments") as meter:
            overrides = [
                *start.knobs,
                f"data.train={json.dumps(files)}",
                f"data.held_out={json.dumps(held_out)}",
                f"cascade.texts={json.dumps([str(dump) for dump in texts])}",
                f"cascade.max_texts={configs.load().cascade.max_texts}",
                *(set_ or ()),
            ]
            knobs = configs.load(overrides=overrides)
            begun = None if student is None else warm.students_of(student, folder)
            meter.say("Checking")
            tests = dataset.load_named(test or (), columns=names)
            frozen = [c for part in tests.values() for c in part]
            parts = building.prepare(knobs, frozen=frozen, columns=names)
            tell_parts(parts)
            written = redistilling.redistil(
                knobs, start, parts, models=folder, name=name, begun=begun, work=work, threads=threads,
                on_progress=step_reporter(meter, batch_size=knobs.cascade.window_batch_size),
                on_stage=meter.say,
            )  # fmt: skip
            meter.say("Evaluating")
            figures = evaluation.record(written, {dataset.HELD_OUT: parts.held_out, **tests}, threads=threads)
        tell_figures(figures)
        say(f"wrote {written}.")
