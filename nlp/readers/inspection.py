"""What is seen of dumps by their first records, before hours of work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from plaudit.comment import Batch
from plaudit.errors import UsageError
from plaudit.readers.dates import Dates
from plaudit.readers.options import ReadOptions
from plaudit.readers.preparation import Prepared, prepare
from plaudit.readers.reading import batches_of
from plaudit.readers.source import Source, sources_of

_CONTAINERS: Final = {
    "json": "it is a JSON document",
    "ndjson": "its lines are JSON objects",
    "csv": "its first line names columns",
    "tsv": "its first line names columns, with tabs between them",
    "parquet": "it begins as Parquet files do",
    "arrow": "it begins as Arrow files and streams do",
    "excel": "it is a ZIP archive with the parts of a workbook",
    "lines": "it is nothing more structured, so each line is a comment",
}
_N_NAMES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is seen of one source.

    Attributes:
        source: Its name.
        format: A name in `FORMATS`; None where it can't be used.
        title: The format as a person calls it.
        container: One of `format.CONTAINERS`.
        why: One sentence: what told the format, or why it can't be used.
        columns: Each field that is found, to the names it has there, the one that counts first.
        others: Names that mean nothing here.
        unread: Columns of types that are not read, to those.
        dates: How its first times are written.
        batch: What its first records became.
        is_whole: Whether there are no more records.
    """

    source: str
    why: str
    format: str | None = None
    title: str = ""
    container: str = ""
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    others: Sequence[str] = ()
    unread: Mapping[str, str] = field(default_factory=dict)
    dates: Dates = Dates()  # noqa: RUF009  # it is frozen
    batch: Batch | None = None
    is_whole: bool = True


def inspect(sources: Sequence[Path | str], *, options: ReadOptions, n_records: int = 1000) -> Iterator[Seen]:
    """Look at the first records of each source, as they would be read.

    Args:
        sources: As for `read`.
        options: What the files don't say.
        n_records: How many records to read of each.

    Raises:
        UsageError: A source that was named cannot be used at all; one that was found in a folder or an
            archive is seen with the reason instead.
    """
    for source in sources_of(sources):
        try:
            prepared = prepare(source, options=options)
        except UsageError as error:
            if not source.found:
                raise
            yield Seen(source=source.name, why=str(error))
            continue
        if prepared is None:
            yield Seen(source=source.name, why="It is empty.")
        else:
            yield _seen(source, prepared, options=replace(options, batch_size=n_records))


def _seen(source: Source, prepared: Prepared, *, options: ReadOptions) -> Seen:
    with closing(batches_of([prepared], options=options)) as batches:
        batch = next(batches)
        is_whole = next(batches, None) is None
    return Seen(
        source=source.name,
        why=_why(prepared, named=options.format is not None),
        format=prepared.format.name,
        title=prepared.format.title,
        container=prepared.container,
        columns=prepared.columns,
        others=prepared.others,
        unread=prepared.unread,
        dates=prepared.dates,
        batch=batch,
        is_whole=is_whole,
    )


def _why(prepared: Prepared, *, named: bool) -> str:
    if named:
        return "The format was named."
    if prepared.format.container is not None:
        dialect = prepared.dialect
        between = f", with {dialect.delimiter!r} between them" if prepared.container == "csv" else ""
        marks = ', and quotation marks are written \\"' if dialect.escapes else ""
        marks = r", and a backslash escapes, \N being null" if dialect.is_unquoted else marks
        return f"By its content: {_CONTAINERS[prepared.container]}{between}{marks}."
    names = list(dict.fromkeys(names[0] for names in prepared.columns.values()))[:_N_NAMES]
    return f"By its content: records with {', '.join(names)}, as {prepared.format.title} has them."
