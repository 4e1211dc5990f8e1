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
        "--map",
        metavar="OURS=NAME",
        help="A column of ours and its name in the files (none: not read), or a label; repeatable.",
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
    """Read `OURS=NAME` arguments.

    Returns:
        Our columns to theirs, "" for one that is not to be read; and, each behind `columns.THEIR_LABEL`,
        their labels to ours.

    Raises:
        MappingError: One of another form, or a column or label that is none of ours.
    """
    from plaudit.scores import LABELS
    from plaudit.training.columns import COLUMNS, THEIR_LABEL

    found = {}
    for argument in arguments or ():
        ours, separator, name = argument.partition("=")
        needed = ours in ("text", "label", *LABELS)
        if not separator or (needed and not name) or ours not in (*COLUMNS, *LABELS):
            raise MappingError(
                f"--map {argument!r}: expected COLUMN=NAME with one of {', '.join(COLUMNS)}, as text=body, "
                f"or one of the labels {', '.join(LABELS)}, as {LABELS[0]}=real."
            )
        found.update({f"{THEIR_LABEL}{name}": ours} if ours in LABELS else {ours: name})
    return found
