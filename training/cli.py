"""The `plaudit-train` command: build a model, evaluate it, learn what is usual, put it to use.

Only what every command needs is imported here; each command imports its own, so that help and errors
come at once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from plaudit.training import (
    cli_average,
    cli_build,
    cli_choosing,
    cli_data,
    cli_distil,
    cli_models,
    cli_scripted,
    cli_teach,
)
from plaudit.training.exits import EXIT_CODES, end_on_sigterm, exit_codes
from plaudit.training.options import Model, Threads
from plaudit.training.telling import (
    Terminal,
    batch_reporter,
    say,
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
    "build": cli_build.build,
    "check": cli_data.check,
    "split": cli_data.split,
    "hash": cli_data.hash_,
    "join": cli_data.join,
    "next": cli_choosing.choose_next,
    "suspects": cli_choosing.suspects,
    "convert": cli_choosing.convert,
    "teach": cli_teach.teach,
    "distil": cli_distil.distil,
    "average": cli_average.average,
    "scripted": cli_scripted.scripted,
    "evaluate": cli_models.evaluate,
    "recount": cli_models.recount,
    "promote": cli_models.promote,
    "rollback": cli_models.rollback,
    "use": cli_models.use,
}
for _name, _command in _COMMANDS.items():
    app.command(_name, epilog=EXIT_CODES)(_command)


@app.command(epilog=EXIT_CODES)
def references(
    dumps: Annotated[
        list[str], typer.Argument(metavar="[PLATFORM=]DUMP", help="Files of comments, one topic each.")
    ],
    weight: Annotated[
        list[str] | None,
        typer.Option(metavar="DUMP=WEIGHT", help="How much a topic counts, if not 1. Repeatable."),
    ] = None,
    model: Model = None,
    threads: Threads = None,
) -> None:
    """Measure real communities with a model, and write what is usual into its manifest."""
    with exit_codes():
        from plaudit import artifact
        from plaudit.training import references as usual
        from plaudit.training.progress import Meter

        folder = model or artifact.current()
        found = usual.dumps_of(dumps, weights=weight or ())
        n_bytes = sum(dump.path.stat().st_size for dump in found)
        lost: list[str] = []
        with Meter(unit="comments") as meter:
            meter.say("Measuring")
            manifest = usual.fit_references(
                folder,
                found,
                threads=threads,
                on_batch=batch_reporter(meter, n_bytes=n_bytes),
                on_loss=lost.extend,
            )
        usual.show(manifest, Terminal())
        say(f"wrote the references of {manifest.id}.")
        if lost:
            say(f"no longer there, for want of communities in these dumps: {', '.join(lost)}.")


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


def main() -> None:
    """Run the command line."""
    end_on_sigterm()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal of another encoding loses a sign, not the run
            stream.reconfigure(errors="replace")
    app(prog_name="plaudit-train")


if __name__ == "__main__":
    main()
