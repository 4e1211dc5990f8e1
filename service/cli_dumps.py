"""`plaudit inspect` and `plaudit formats`: what dumps are, seen before one is scored."""

from __future__ import annotations

from typing import Annotated

import typer

from plaudit.service.exits import exit_codes


def inspect(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE", help="As for `plaudit score`; - is stdin.")
    ],
    format_: Annotated[
        str | None, typer.Option("--format", help="As `plaudit formats` lists them. Default: sniffed.")
    ] = None,
    creator: Annotated[str | None, typer.Option(help="Author id or name of the posts' creator.")] = None,
    post: Annotated[str | None, typer.Option(help="Id of the post, where the file does not say.")] = None,
    map_: Annotated[
        list[str] | None, typer.Option("--map", metavar="NAME=COLUMN,...", help="As for `plaudit score`.")
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="Records to look at in each file.")] = 1000,
    json_: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say what a dump is taken for: format, fields, first rows, rejections, and which signals it allows."""
    with exit_codes():
        import orjson

        from plaudit.readers import ReadOptions
        from plaudit.service.inspect import Sight
        from plaudit.service.mapping import columns_of

        options = ReadOptions(format=format_, creator=creator, post=post, columns=columns_of(map_ or ()))
        sight = Sight.of(sources, options=options, n_records=rows)
        if json_:
            typer.echo(orjson.dumps(sight.to_dict(), option=orjson.OPT_INDENT_2))
        else:
            for line in sight.lines():
                typer.echo(line)


def formats() -> None:
    """List the formats that can be read."""
    with exit_codes():
        from plaudit.readers import FORMATS

        width = max(map(len, FORMATS))
        for name, format_ in FORMATS.items():
            typer.echo(f"{name:<{width}}  {format_.title}: {format_.description}")
