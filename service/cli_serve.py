"""`plaudit serve`: the service, with flags for what changes from one start by hand to the next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plaudit.service.exits import exit_codes


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1.")] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one. Default: 8000."),
    ] = None,
    root_path: Annotated[
        str | None, typer.Option(metavar="PATH", help="Path prefix of a proxy in front, such as /plaudit.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that serve; each loads the model. Default: 1.")
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of dumps, results, long index streams, SQLite. Default: plaudit-data.",
        ),
    ] = None,
    log_level: Annotated[
        str | None,
        typer.Option(metavar="LEVEL", help="Least level logged: debug, info, warning, error. Default: info."),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            exists=True,
            file_okay=False,
            help="Folder of a model, or of models with CURRENT; the shipped one if unset.",
        ),
    ] = None,
    exact: Annotated[
        bool,
        typer.Option("--exact", help="One network reads every comment; no cascade of small ones."),
    ] = False,
    device: Annotated[
        str | None,
        typer.Option(metavar="DEVICE", help="cpu; or cuda, where one network reads all. Default: cpu."),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Cores of the model; all if unset.")] = None,
) -> None:
    """Answer over HTTP; /docs describes how.

    Flags beat the PLAUDIT_* variables of the same names (--model: PLAUDIT_MODEL_PATH). Keys, the database,
    quotas and bounds are variables alone, as the README lists them: others see a command line.
    """
    given = {
        "host": host,
        "port": port,
        "root_path": root_path,
        "workers": workers,
        "data_dir": data_dir,
        "log_level": log_level,
        "model_path": model,
        "exact": exact or None,
        "device": device,
        "threads": threads,
    }
    with exit_codes():
        from plaudit.service.serve import serve as run
        from plaudit.service.settings import load_settings

        run(load_settings(**given))
