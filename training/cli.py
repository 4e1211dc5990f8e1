"""The `plaudit-train` command: build a model, evaluate it, learn what is usual, put it to use.

Only what every command needs is imported here; each command imports its own, so that help and errors
come at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from plaudit.training import cli_choosing, cli_data, cli_models
from plaudit.training.exits import EXIT_CODES, end_on_sigterm, exit_codes
from plaudit.training.options import Columns, Model, Models, Tests, Threads, columns_of
from plaudit.training.telling import (
    Terminal,
    batch_reporter,
    say,
    step_reporter,
    tell_figures,
    tell_parts,
    words_of,
)

app = typer.Typer(
    name="plaudit-train",
    help="From labelled comments to the model that plaudit serves.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

_COMMANDS: Mapping[str, Callable[..., None]] = {
    "check": cli_data.check,
    "split": cli_data.split,
    "hash": cli_data.hash_,
    "join": cli_data.join,
    "next": cli_choosing.choose_next,
    "suspects": cli_choosing.suspects,
    "convert": cli_choosing.convert,
    "evaluate": cli_models.evaluate,
    "promote": cli_models.promote,
    "rollback": cli_models.rollback,
    "use": cli_models.use,
}
for _name, _command in _COMMANDS.items():
    app.command(_name, epilog=EXIT_CODES)(_command)


@app.command(epilog=EXIT_CODES)
def build(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE", help="Labelled comments: files, folders or Hub names. Default: data.train."
        ),
    ] = None,
    test: Tests = None,
    columns: Columns = None,
    leave_out: Annotated[
        bool,
        typer.Option(
            "--leave-out", help="Train without rows that contradict each other or are in a test file."
        ),
    ] = False,
    config: Annotated[
        Path | None, typer.Option(metavar="TOML", help="What differs from the default configuration.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KNOB=VALUE", help="One knob, as train.epochs=3; repeatable."),
    ] = None,
    models: Models = None,
    name: Annotated[str, typer.Option(metavar="WORD", help="First word of the model's id.")] = "minilm",
    languages: Annotated[
        str | None,
        typer.Option(
            metavar="CODE,...",
            help="Languages the model reads, as en,es. Default: those of 200 rows or more.",
        ),
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep a checkpoint an epoch there, and go on from the one found."),
    ] = None,
    device: Annotated[str, typer.Option(metavar="DEVICE", help="cpu or cuda.")] = "cpu",
    origin: Annotated[
        Path | None,
        typer.Option(metavar="FILE.md", help="Words for the card: where the labelled comments come from."),
    ] = None,
    threads: Threads = None,
    use_: Annotated[bool, typer.Option("--use", help="Make the new model the current one.")] = False,
) -> None:
    """Check labelled comments, train a model on them and write it, calibrated and quantised.

    Ends in its figures on the held-out part and on each test file; they go into its manifest and card.
    """
    with exit_codes():
        from plaudit import artifact
        from plaudit.training import build as building
        from plaudit.training import config as configs
        from plaudit.training import dataset, evaluation, model_log, preflight
        from plaudit.training.progress import Meter

        building.check_device(device)
        building.check_name(name)
        knobs = configs.load(config, overrides=[*_files_override(files), *(set_ or ())])
        words = None if origin is None else words_of(origin)
        folder = models or artifact.models_folder()
        names = columns_of(columns)
        preflight.check_space(folder, work=work, encoder=knobs.encoder.name)
        preflight.check_checkpoint(work)
        with Meter(unit="comments") as meter:
            meter.say("Checking")
            tests = dataset.load_named(test or (), columns=names)
            _check(knobs.data.train, test or (), names, leave_out=leave_out)
            frozen = [c for part in tests.values() for c in part]
            parts = building.prepare(knobs, frozen=frozen, columns=names)
            tell_parts(parts)
            written = building.build(
                knobs,
                parts,
                models=folder,
                name=name,
                languages=languages.replace(" ", "").split(",") if languages else parts.languages(),
                origin=words,
                work=work,
                device=device,
                threads=threads,
                on_progress=step_reporter(meter, batch_size=knobs.train.batch_size),
                on_stage=meter.say,
            )
            meter.say("Evaluating")
            figures = evaluation.record(written, {dataset.HELD_OUT: parts.held_out, **tests}, threads=threads)
        if use_:
            model_log.switch(folder, written.name, what="use", why="built with --use, not compared")
        tell_figures(figures)
        say(f"wrote {written}{', now the current model' if use_ else ''}.")


@app.command(epilog=EXIT_CODES)
def references(
    dumps: Annotated[
        list[str], typer.Argument(metavar="[PLATFORM=]DUMP", help="Files of comments, one topic each.")
    ],
    model: Model = None,
    threads: Threads = None,
) -> None:
    """Measure real communities with a model, and write what is usual into its manifest."""
    with exit_codes():
        from plaudit import artifact
        from plaudit.training import references as usual
        from plaudit.training.progress import Meter

        folder = model or artifact.current()
        found = usual.dumps_of(dumps)
        n_bytes = sum(dump.path.stat().st_size for dump in found)
        with Meter(unit="comments") as meter:
            meter.say("Measuring")
            manifest = usual.fit_references(
                folder, found, threads=threads, on_batch=batch_reporter(meter, n_bytes=n_bytes)
            )
        usual.show(manifest, Terminal())
        say(f"wrote the references of {manifest.id}.")


@app.command(epilog=EXIT_CODES)
def card(
    model: Model = None,
    origin: Annotated[
        Path | None,
        typer.Option(metavar="FILE.md", help="New words on where the labelled comments come from."),
    ] = None,
) -> None:
    """Render a model's card anew from its manifest."""
    with exit_codes():
        from plaudit import artifact
        from plaudit.training.revision import replace_manifest

        folder = model or artifact.current()
        changes: dict[str, Any] = {}
        if origin is not None:
            changes["data"] = artifact.load(folder).manifest.data | {"origin": words_of(origin)}
        replace_manifest(folder, **changes)
        say(f"wrote {folder / artifact.CARD}.")


def _check(
    files: Sequence[str], tests: Sequence[str], columns: Mapping[str, str], *, leave_out: bool
) -> None:
    from plaudit.training import checking, dataset

    if not files:
        return  # told with the remedy where they are loaded
    examined = [dataset.examine(path, columns=columns) for path in files]
    checked = checking.check(examined, tests=dataset.examine_named(tests, columns=columns))
    checking.refuse(checked, leave_out=leave_out)
    for finding in checked.findings:
        if finding.level == "warning":
            say(finding.says)


def _files_override(files: Sequence[str] | None) -> list[str]:
    import json

    return [f"data.train={json.dumps(files, ensure_ascii=False)}"] if files else []


def main() -> None:
    """Run the command line."""
    end_on_sigterm()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal of another encoding loses a sign, not the run
            stream.reconfigure(errors="replace")
    app(prog_name="plaudit-train")
