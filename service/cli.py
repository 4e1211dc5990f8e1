"""The `plaudit` command: score a dump, classify a stream, serve over HTTP.

Only what every command needs is imported here; each command imports its own, so that help and errors
come at once.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from plaudit.service import cli_compare, cli_dumps, cli_keys, cli_serve, cli_storage
from plaudit.service.exits import EXIT_CODES, end_on_sigterm, exit_codes

app = typer.Typer(
    name="plaudit",
    help="Tell conversation from applause: label comments, and score how authentic and how deep a comment "
    "section is.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

_BATCH = 4096  # comments; a bar that moves every other second, and runs of texts that are mostly full


class Platform(StrEnum):
    """Where the comments were written."""

    youtube = "youtube"
    instagram = "instagram"
    tiktok = "tiktok"
    reddit = "reddit"
    facebook = "facebook"
    blog = "blog"
    other = "other"


class TableFormat(StrEnum):
    """What the table of comments is written as."""

    parquet = "parquet"
    csv = "csv"
    ndjson = "ndjson"


class Engine(StrEnum):
    """What scores."""

    local = "local"
    ray = "ray"


class By(StrEnum):
    """What a report is broken down by."""

    none = "none"
    post = "post"
    creator = "creator"


class Scale(StrEnum):
    """How much a validation measures."""

    small = "small"
    full = "full"


Model = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        exists=True,
        file_okay=False,
        help="Folder of a model, or of models. Default: shipped.",
    ),
]
Exact = Annotated[
    bool, typer.Option("--exact", help="One network reads every comment: no cascade, some times slower.")
]
Device = Annotated[
    str, typer.Option(metavar="DEVICE", help="cpu; or cuda, where one network reads every comment.")
]
Threads = Annotated[int | None, typer.Option(min=1, help="Cores to use. Default: all.")]


def _folder(value: str | Path) -> Path:
    if not str(value).strip():  # an unset variable of a shell; the current folder is "."
        raise typer.BadParameter("it is empty, expected a folder for the results.")
    return Path(value)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"plaudit {version('plaudit')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command(epilog=EXIT_CODES)
def score(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE", help="Files, folders, patterns, ZIP archives or addresses; - is stdin."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR", parser=_folder, help="Folder for the results; earlier results in it are replaced."
        ),
    ] = Path("plaudit-report"),
    format_: Annotated[
        str | None, typer.Option("--format", help="As `plaudit formats` lists them. Default: sniffed.")
    ] = None,
    creator: Annotated[str | None, typer.Option(help="Author id or name of the posts' creator.")] = None,
    post: Annotated[str | None, typer.Option(help="Id of the post, where the file does not say.")] = None,
    platform: Annotated[
        Platform | None, typer.Option(help="Where the comments were written. Default: from the format.")
    ] = None,
    by: Annotated[By, typer.Option(help="Also report every post or creator on its own.")] = By.none,
    posts: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The posts' own texts: id, title or text a line.")
    ] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="NAME=COLUMN,...", help="Which column holds what: text=body,author=who."
        ),
    ] = None,
    model: Model = None,
    exact: Exact = False,
    device: Device = "cpu",
    threads: Threads = None,
    keep_columns: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME,...", help="Columns of the dump to keep beside the labels: text,author."),
    ] = None,
    output_format: Annotated[
        TableFormat, typer.Option(help="Format of the table of labelled comments.")
    ] = TableFormat.parquet,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where such a run was interrupted; it may have ended.")
    ] = False,
    engine: Annotated[
        Engine, typer.Option(help="This machine, or the cluster that RAY_ADDRESS names.")
    ] = Engine.local,
    work: Annotated[
        str | None, typer.Option(metavar="DIR", help="Folder or address that a cluster's machines share.")
    ] = None,
    progress: Annotated[
        bool | None, typer.Option("--progress/--no-progress", help="Default: on a terminal only.")
    ] = None,
) -> None:
    """Score a comment section: labels, signals and both indices.

    Writes report.json, report.html, comments.parquet, rejected.jsonl and manifest.json into DIR, all or none,
    and prints a summary. What is done of a long run is kept beside DIR until it ends.
    """
    with exit_codes():
        from plaudit.readers import ReadOptions, listing_of
        from plaudit.service.mapping import columns_of, names_of
        from plaudit.service.progress import Meter, total_bytes
        from plaudit.service.score import Job
        from plaudit.service.score import score as run

        options = ReadOptions(
            format=format_,
            creator=creator,
            post=post,
            platform=platform,
            columns=columns_of(map_ or ()),
            batch_size=_BATCH,
            keep=names_of(keep_columns or ()),
        )
        job = Job(
            sources=listing_of(sources),
            out=out,
            options=options,
            group_by=None if by is By.none else by.value,
            posts=posts,
            model=model,
            exact=exact,
            device=device,
            threads=threads,
            table_format=output_format.value,
            checkpoints=engine is Engine.local,
            pages=True,
            resume=resume,
            engine=engine.value,
            work=work,
        )
        _tell(run(job, meter=Meter(n_bytes=total_bytes(job.sources), shown=progress)))


def _tell(outcome: Any) -> None:
    if outcome is None:
        typer.echo("plaudit: the results of this run are there already; nothing to do.", err=True)
        return
    from plaudit.report.summary import print_summary
    from plaudit.service.output import PAGE
    from plaudit.service.terminal import Terminal

    print_summary(outcome.report, Terminal())
    replaced = ", in place of the earlier results" if outcome.replaced else ""
    typer.echo(f"plaudit: wrote {', '.join(outcome.files)} to {outcome.folder}{replaced}.", err=True)
    typer.echo(f"plaudit: open {outcome.folder / PAGE} to read the report.", err=True)


app.command(epilog=EXIT_CODES)(cli_compare.compare)


@app.command(epilog=EXIT_CODES)
def classify(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Lines to label; - is stdin.")] = "-",
    model: Model = None,
    exact: Exact = False,
    device: Device = "cpu",
    threads: Threads = None,
) -> None:
    """Label comments, one a line, as NDJSON on stdout.

    A line that is a JSON object with "text" is a record, any other line is a text. Each line gets one line
    in the same order: its labels, or {"id", "error"}.
    """
    with exit_codes():
        from plaudit.service.opening import chunks_of

        chunks = chunks_of(file)
        from plaudit.pipeline import Pipeline
        from plaudit.service.classify import classify as run

        pipeline = Pipeline.load(model, exact=exact, threads=threads, device=device)
        run(chunks, pipeline=pipeline, write=_write)


def _write(lines: bytes) -> None:
    out: BinaryIO = sys.stdout.buffer
    out.write(lines)
    out.flush()


app.command(epilog=EXIT_CODES)(cli_serve.serve)
app.add_typer(cli_keys.keys, name="key")
app.add_typer(cli_storage.database, name="database")
app.add_typer(cli_storage.feedback, name="feedback")


@app.command(epilog=EXIT_CODES)
def validate(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PLATFORM=]FILE", help="Threads to experiment on. Default: those in ../shared/data."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", parser=_folder, help="Folder for the results.")] = Path(
        "plaudit-validation"
    ),
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Take simulated communities in place of files.")
    ] = False,
    bots: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What bots post: JSON lines with text, kind, family.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Labelled comments: JSON lines with text and label.")
    ] = None,
    groups: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML of groups known to differ. Default: shipped.")
    ] = None,
    scale: Annotated[Scale, typer.Option(help="A sample of the posts, or all there are.")] = Scale.small,
    seed: Annotated[int, typer.Option(min=0, help="Of every random choice.")] = 0,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Run this experiment alone; may be repeated.")
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep labels here, so that a later run need not label."),
    ] = None,
    model: Model = None,
    threads: Threads = None,
    progress: Annotated[
        bool | None, typer.Option("--progress/--no-progress", help="Default: on a terminal only.")
    ] = None,
) -> None:
    """Show what the numbers are worth: inject bots, resample, split, damage, game, and hold against targets.

    Writes validation.html and validation.json into DIR and prints the table. Claims that fall short are told
    and do not change the exit code.
    """
    with exit_codes():
        from plaudit.service.steps import Steps
        from plaudit.service.validate import Job, run

        job = Job(
            sources=sources or (),
            out=out,
            simulate=simulated,
            bots=bots,
            labels=labels,
            groups=groups,
            scale=scale.value,
            seed=seed,
            only=only or (),
            cache=cache,
            model=model,
            threads=threads,
        )
        _tell_validation(run(job, steps=Steps(shown=progress)))


def _tell_validation(outcome: Any) -> None:
    from plaudit.report.validation import print_validation
    from plaudit.service.terminal import Terminal
    from plaudit.service.validate import PAGE, RESULT_FILES

    print_validation(outcome.validation, Terminal())
    typer.echo(f"plaudit: wrote {', '.join(RESULT_FILES)} to {outcome.folder}.", err=True)
    typer.echo(f"plaudit: open {outcome.folder / PAGE} to see the figures.", err=True)


for _command in (cli_dumps.inspect, cli_dumps.formats):
    app.command(epilog=EXIT_CODES)(_command)


def main() -> None:
    """Run the command line."""
    end_on_sigterm()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal of another encoding loses a sign, not the run
            stream.reconfigure(errors="replace")
    app(prog_name="plaudit")
