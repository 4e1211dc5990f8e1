"""The `plaudit key` commands."""

from __future__ import annotations

from typing import Annotated

import typer

from plaudit.service.exits import EXIT_CODES, exit_codes

keys = typer.Typer(help="Make API keys for `plaudit serve`.", no_args_is_help=True)


@keys.command("new", epilog=EXIT_CODES)
def new_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who it is for; logs and quotas go by it.")],
) -> None:
    """Make an API key: shown once, kept nowhere.

    The key goes to stderr, the line with its hash to stdout: `plaudit key new audit >> keys` adds it to the
    file that PLAUDIT_API_KEYS_FILE names. Taking the line out again revokes the key.
    """
    with exit_codes():
        from plaudit.service.keys import generate

        key, line = generate(name)
        typer.echo(f"plaudit: the key, shown this once: {key}", err=True)
        typer.echo(str(line))
