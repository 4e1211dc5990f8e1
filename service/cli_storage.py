"""`plaudit database` and `plaudit feedback`: what is kept, seen by whoever runs the service."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from plaudit.service.exits import EXIT_CODES, exit_codes

database = typer.Typer(help="Look after the database of `plaudit serve`.", no_args_is_help=True)
feedback = typer.Typer(help="Take out the corrected labels that were sent in.", no_args_is_help=True)


@database.command(epilog=EXIT_CODES)
def upgrade() -> None:
    """Make or change the tables as this version needs them.

    `plaudit serve` does so by itself. PLAUDIT_DATABASE_URL and PLAUDIT_DATA_DIR name the database.
    """
    with exit_codes():
        from plaudit.service.settings import load_settings
        from plaudit.service.storage import Storage

        with closing(Storage(load_settings())) as storage:
            storage.open()
        typer.echo(f"plaudit: {storage.url.render_as_string(hide_password=True)} is up to date.", err=True)


@feedback.command(epilog=EXIT_CODES)
def export(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", dir_okay=False, allow_dash=True, help="Where to; - is stdout.")
    ],
) -> None:
    """Write the corrected labels as NDJSON, ready for `plaudit-train build FILE`.

    Of several corrections of one text with one key only the last is written.
    """
    with exit_codes():
        from plaudit.errors import UsageError
        from plaudit.service.settings import load_settings
        from plaudit.service.storage import Storage
        from plaudit.service.store.export import write

        storage = Storage(load_settings())
        if not storage.exists():
            raise UsageError(
                f"There is no database in {storage.folder}: set PLAUDIT_DATA_DIR or PLAUDIT_DATABASE_URL."
            )
        with closing(storage):
            n_written = write(storage.corrections, file)
        typer.echo(f"plaudit: wrote {n_written:,} corrected labels to {file}.", err=True)


@feedback.callback()
def _feedback() -> None:
    pass


@database.callback()
def _database() -> None:
    pass
