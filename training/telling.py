"""What the commands read of words and say of their work: stdout is data, stderr is talk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import typer
from rich.console import Console

from plaudit.errors import InputError

if TYPE_CHECKING:
    from plaudit.training.fitting import Progress
    from plaudit.training.preparation import Parts
    from plaudit.training.progress import Meter


class Terminal(Console):
    """A console on stdout that leaves it to the command what a closed pipe means."""

    def on_broken_pipe(self) -> None:
        """Raise on; rich itself would end the process as failed."""
        raise BrokenPipeError


def say(sentence: str) -> None:
    """Say a sentence on stderr."""
    typer.echo(f"plaudit-train: {sentence}", err=True)


def tell_parts(parts: Parts) -> None:
    """Say how many comments there are, and which were left out."""
    say(f"{len(parts.train):,} comments to train on, {len(parts.held_out):,} held out.")
    if parts.n_leaked:
        say(f"{parts.n_leaked:,} rows were left out: their texts are in a test file.")
    if parts.n_conflicting:
        say(f"{parts.n_conflicting:,} rows were left out: their texts stand with two labels.")


def tell_figures(figures: Mapping[str, Any]) -> None:
    """Print the figures of each named set on stdout."""
    from plaudit.training import evaluation

    for name, each in figures.items():
        evaluation.show(each, Terminal(), title=name)


def write_json(path: Path, figures: Mapping[str, Any]) -> None:
    """Write figures to a file, or to stdout for "-"."""
    content = orjson.dumps(figures, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if str(path) == "-":
        typer.echo(content.decode(), nl=False)
    else:
        path.write_bytes(content)


def words_of(path: Path) -> str:
    """Read the Markdown that goes into a card.

    Raises:
        InputError: It is not there, or no text.
    """
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}); expected Markdown.") from None


def step_reporter(meter: Meter, *, batch_size: int) -> Callable[[Progress], None]:
    """Return what shows each step of a fit."""

    def report(progress: Progress) -> None:
        n_comments = progress.step * batch_size
        meter.update(progress.step, total=progress.n_steps, n=n_comments, note=f"loss {progress.loss:.3f}")

    return report


def batch_reporter(meter: Meter, *, n_bytes: int) -> Callable[[int, int], None]:
    """Return what shows each batch of dumps of `n_bytes` in all."""
    n_read = n_comments = 0

    def report(more_comments: int, more_bytes: int) -> None:
        nonlocal n_read, n_comments
        n_comments += more_comments
        n_read += more_bytes
        meter.update(n_read, total=n_bytes, n=n_comments)

    return report
