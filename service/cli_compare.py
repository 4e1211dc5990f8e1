"""`plaudit compare`: two runs side by side."""

from __future__ import annotations

import sys
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from plaudit.service.exits import exit_codes


def compare(
    before: Annotated[
        Path,
        typer.Argument(metavar="FIRST", help="Results of `plaudit score`: the folder or its report.json."),
    ],
    after: Annotated[Path, typer.Argument(metavar="SECOND", help="Those of another run.")],
    json: Annotated[
        bool, typer.Option("--json", help="Print everything as JSON in place of a table.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Also write a page that can be read.")
    ] = None,
) -> None:
    """Compare two runs: what changed, and whether it is more than noise.

    Runs are taken as independent samples, except where both folders hold their table of comments: then
    comments in both are counted once. Exit code 0 whatever changed.
    """
    with exit_codes():
        from plaudit.report.comparison_views import print_comparison, render_comparison
        from plaudit.service.compare import compare as run
        from plaudit.service.compare import write_page
        from plaudit.service.terminal import Terminal

        comparison = run(before, after)
        if html is not None:
            write_page(render_comparison(comparison), html)
            typer.echo(f"plaudit: wrote {html}.", err=True)
        if json:
            sys.stdout.buffer.writelines(chain(comparison.json_parts(), [b"\n"]))
        else:
            print_comparison(comparison, Terminal())
