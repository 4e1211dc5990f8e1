"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from plaudit.errors import MappingError

Models = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Folder of models. Default: the one plaudit reads.")
]
Model = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Folder of one model. Default: the current one.")
]
Threads = Annotated[int | None, typer.Option(metavar="N", min=1, help="Cores to use. Default: all.")]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--map", metavar="COLUMN=NAME", help="A column of ours and its name in the files; repeatable."
    ),
]
Tests = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE", help="Labelled comments to test on, kept out of training; repeatable."),
]
Json = Annotated[
    Path | None, typer.Option("--json", metavar="OUT", help="Write all of it to a file, - for stdout.")
]


def columns_of(arguments: Sequence[str] | None) -> dict[str, str]:
    """Read `COLUMN=NAME` arguments.

    Raises:
        MappingError: One of another form, or a column that is none of ours.
    """
    from plaudit.training.dataset import COLUMNS

    found = {}
    for argument in arguments or ():
        column, separator, name = argument.partition("=")
        if not separator or not name or column not in COLUMNS:
            raise MappingError(
                f"--map {argument!r}: expected COLUMN=NAME with one of {', '.join(COLUMNS)}, as text=body."
            )
        found[column] = name
    return found
