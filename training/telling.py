"""What the commands read of words and say of their work: stdout is data, stderr is talk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from plaudit.errors import InputError
from plaudit.training.replacing import replace_file

if TYPE_CHECKING:
    from plaudit.artifact import Manifest
    from plaudit.training.checking import Checked
    from plaudit.training.fitting import Progress
    from plaudit.training.label_keys import Joined
    from plaudit.training.preparation import Parts
    from plaudit.training.progress import Meter
    from plaudit.training.promotion import Verdict
    from plaudit.training.suspects import Suspect

_MAX_ROWS: Final = 12  # of a kind, as languages
_MAX_SUSPECTS: Final = 30
_MAX_DRIFT: Final = 30
_LEAST_AGREEMENT: Final = 0.97  # 0.99 is usual


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
        say(f"{parts.n_leaked:,} rows were left out: their texts, posts or authors are in a test file.")
    if parts.n_conflicting:
        say(f"{parts.n_conflicting:,} rows were left out: their texts stand with two labels.")


def tell_parity(manifest: Manifest) -> None:
    """Say so where a model lost much of what it learned when it was quantised."""
    agreement = manifest.training["int8_against_float"]["label_agreement"]
    if agreement < _LEAST_AGREEMENT:
        say(
            f"int8 weights give the label of float32 on only {agreement:.1%} of the held-out part; expected "
            f"{_LEAST_AGREEMENT:.0%} or more: compare it with `plaudit-train promote` before it is used."
        )


def tell_checked(checked: Checked, console: Console) -> None:
    """Print what is in labelled files, and what is wrong with them."""
    table = Table(title="What is there")
    for heading in ("", *checked.sets):
        table.add_column(heading, justify="right" if heading else "left")
    for title, key in (("rows", "n"), ("label", "labels"), ("words", "words"), ("language", "languages")):
        for name, cells in _count_rows(checked.sets, key):
            table.add_row(f"{title} {name}".strip(), *cells)
    console.print(table)
    if checked.agreement is not None:
        found = checked.agreement
        alpha = "-" if found["alpha"] is None else f"{found['alpha']:.2f}"
        console.print(
            f"{found['n']:,} rows were labelled by two or more: {found['agree']:.1%} of pairs agree, "
            f"Krippendorff's alpha {alpha}."
        )
    if not checked.findings:
        console.print("Nothing was found wrong.")
        return
    table = Table(title="What was found", show_lines=True)
    for heading in ("", "rows", "what"):
        table.add_column(heading, justify="right" if heading == "rows" else "left")
    for finding in checked.findings:
        table.add_row(finding.level, f"{finding.n:,}", escape(finding.says))
    console.print(table)


def _count_rows(sets: Mapping[str, Mapping[str, Any]], key: str) -> Iterator[tuple[str, list[str]]]:
    if key == "n":
        yield "", [f"{part['n']:,}" for part in sets.values()]
        return
    names = list(dict.fromkeys(name for part in sets.values() for name in part[key]))[:_MAX_ROWS]
    for name in names:
        yield name, [f"{part[key].get(name, 0):,}" for part in sets.values()]


def tell_joined(joined: Joined, console: Console) -> None:
    """Print how many labels found their texts, by source."""
    table = Table(title=f"{len(joined.rows):,} of {joined.n_labels:,} labels found their texts")
    for heading in ("source", "labels", "found", "share"):
        table.add_column(heading, justify="left" if heading == "source" else "right")
    for source, n in sorted(joined.n_wanted.items()):
        n_found = joined.n_found.get(source, 0)
        table.add_row(source or "unknown", f"{n:,}", f"{n_found:,}", f"{n_found / n:.1%}")
    console.print(table)


def tell_suspects(found: Sequence[Suspect], console: Console, *, n: int) -> None:
    """Print the rows whose labels are most doubtful, without their texts."""
    table = Table(title=f"{len(found):,} of {n:,} labels are doubtful, the surest first")
    for heading in ("row", "label", "suggested", "given", "suggested", ""):
        table.add_column(heading, no_wrap=heading == "row")
    for each in found[:_MAX_SUSPECTS]:
        numbers = (f"{each.given_probability:.2f}", f"{each.probability:.2f}")
        note = "unsure" if each.comment.unsure else ""
        table.add_row(each.comment.where, each.comment.label, each.suggested, *numbers, note)
    console.print(table)


def tell_verdict(verdict: Verdict, console: Console) -> None:
    """Print how a model compares with the one in use, and what moves if it is shipped."""
    table = Table(title="The new model against the one in use, paired")
    for heading in ("set", "figure", "new", "old", "difference", "95 % interval"):
        table.add_column(heading, justify="left" if heading in ("set", "figure") else "right")
    for name, figures in verdict.compared.items():
        for figure, each in figures.items():
            if each["difference"] is None:
                continue
            lead = each["difference"]
            interval = f"{lead['low']:+.3f} to {lead['high']:+.3f}"
            sides = [f"{each[side]['value']:.3f}" if each[side] else "-" for side in ("new", "old")]
            table.add_row(name, figure.replace("_", " "), *sides, f"{lead['value']:+.3f}", interval)
    console.print(table)
    table = Table(title=f"The panel: {', '.join(verdict.drift['panel'])}")
    for heading in ("dump", "post", "number", "old", "new", "outside its interval"):
        table.add_column(heading, justify="right" if heading in ("old", "new") else "left")
    rows = [row for row in verdict.drift["rows"] if row["old"] is not None or row["new"] is not None]
    for row in rows[:_MAX_DRIFT]:
        values = ["-" if row[side] is None else f"{row[side]:.1f}" for side in ("old", "new")]
        post = escape(row["post"] or "all")
        table.add_row(row["dump"], post, row["number"], *values, "yes" if row["outside"] else "")
    console.print(table)
    console.print(f"Macro-F1: {verdict.figures}. Panel: {verdict.moves}.")


def tell_figures(figures: Mapping[str, Any]) -> None:
    """Print the figures of each named set on stdout."""
    from plaudit.training import showing

    for name, each in figures.items():
        showing.show(each, Terminal(), title=name)


def write_json(path: Path, figures: Mapping[str, Any]) -> None:
    """Write figures to a file, whole or not at all, or to stdout for "-".

    Raises:
        TrainingDataError: The file cannot be written.
    """
    content = orjson.dumps(figures, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if str(path) == "-":
        typer.echo(content.decode(), nl=False)
    else:
        replace_file(path, content)


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
    """Return what shows each step of a fit, or each block of texts a model is asked for."""

    def report(progress: Progress) -> None:
        n_comments = progress.step * batch_size if progress.n_texts is None else progress.n_texts
        note = "" if progress.loss is None else f"loss {progress.loss:.3f}"
        meter.update(progress.step, total=progress.n_steps, n=n_comments, note=note)

    return report


def bytes_of(dumps: Sequence[Path]) -> int:
    """Return the bytes of files, and of what lies in folders; at least 1."""
    files = (file for dump in dumps for file in (dump.rglob("*") if dump.is_dir() else [dump]))
    return max(1, sum(file.stat().st_size for file in files if file.is_file()))


def batch_reporter(meter: Meter, *, n_bytes: int) -> Callable[[int, int], None]:
    """Return what shows each batch of dumps of `n_bytes` in all."""
    n_read = n_comments = 0

    def report(more_comments: int, more_bytes: int) -> None:
        nonlocal n_read, n_comments
        n_comments += more_comments
        n_read += more_bytes
        meter.update(n_read, total=n_bytes, n=n_comments)

    return report
