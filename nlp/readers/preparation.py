"""Everything that is settled about a source before the first record of a run is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from plaudit.errors import InputError, MappingError, UsageError
from plaudit.readers import columnar, containers, sniffing, table, unquoted, workbook
from plaudit.readers.coercion import as_time
from plaudit.readers.dates import Dates, is_day_first, shape_of
from plaudit.readers.format import FIELDS, Format, Problem, Record
from plaudit.readers.keeping import holds
from plaudit.readers.mapping import Mapper, records_in, value_at
from plaudit.readers.options import ReadOptions
from plaudit.readers.registry import FORMATS, format_named
from plaudit.readers.source import Source
from plaudit.readers.stream import ByteStream

_N_SAMPLE: Final = 1000
_N_ENOUGH: Final = 4 << 20  # bytes, of whatever records
_N_LIMIT: Final = 80 << 20  # bytes: garbage must not be read to its end; a line may have 64 MiB
_N_LISTED: Final = 30
_N_LOOKED_AT: Final = 100  # records whose columns are listed; of the others only whether they have a text
_BY_COLUMN: Final = frozenset({"columns", "data"})  # as pandas writes with orient="split"
_TIME: Final = FIELDS.index("created_at")
_BINARY: Final = frozenset({"parquet", "arrow", "excel"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A source that is known to be readable, and how.

    Attributes:
        source: What is read.
        format: What it was taken for.
        container: One of `format.CONTAINERS`.
        dialect: How it is written, where it is a table of text.
        mapper: Finds its comments and their fields.
        columns: Each field found in the first records, to its names there, the one that counts first.
        names: All names found there; none where there is no record.
        missing: Of the columns to keep those that are not among them.
        unread: Columns that are passed over, to their types, which are not read.
        dates: How the times of the first records are written.
    """

    source: Source
    format: Format
    container: str
    dialect: table.Dialect
    mapper: Mapper
    columns: Mapping[str, tuple[str, ...]]
    names: tuple[str, ...]
    missing: tuple[str, ...]
    unread: Mapping[str, str]
    dates: Dates = Dates()  # noqa: RUF009  # it is frozen

    @property
    def others(self) -> tuple[str, ...]:
        """Names that mean nothing."""
        heads = {name.partition(".")[0] for names in self.columns.values() for name in names}
        return tuple(name for name in self.names if name not in heads)

    def values(self, stream: ByteStream) -> containers.Numbered:
        """Yield the numbered values of a pass over the source."""
        if self.container == "json":
            return containers.document_values(stream, again=self.source.open)
        return _values(stream, container=self.container, dialect=self.dialect, mapper=self.mapper)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """A source that was found beside others and cannot be read, and why."""

    source: Source
    error: UsageError


def _values(
    stream: ByteStream, *, container: str, dialect: table.Dialect, mapper: Mapper | None
) -> containers.Numbered:
    match container:
        case "json":
            return containers.document_values(stream)
        case "ndjson":
            return containers.ndjson_values(stream)
        case "lines":
            return containers.plain_values(stream)
        case "parquet":
            return columnar.parquet_rows(stream, wanted=None if mapper is None else mapper.used)
        case "arrow":
            return columnar.arrow_rows(stream, wanted=None if mapper is None else mapper.used)
        case "excel":
            return workbook.workbook_rows(stream, has_text=None if mapper is None else mapper.has_text)
        case _:
            if dialect.is_unquoted:
                return unquoted.unquoted_rows(stream)
            return table.table_rows(stream, dialect=dialect)


def prepare(source: Source, *, options: ReadOptions) -> Prepared | None:
    """Settle how a source is read; None where it is an empty file of a folder.

    Raises:
        InputError: The source holds nothing that could be read, or is not of the format named.
        MappingError: Its text column cannot be told, or a mapped column is not in it.
    """
    try:
        return _prepared(source, options=options)
    except UsageError:
        source.close()  # a pipe, which would else stay open, and whoever writes to it wait
        raise


def _prepared(source: Source, *, options: ReadOptions) -> Prepared | None:
    head = sniffing.head_of(source)
    if not head.data.strip():
        return None
    named = None if options.format is None else format_named(options.format)
    container = _container(source, head, named=named, options=options)
    if container in _BINARY:  # all of it is needed to see the first record
        source.put_on_disk()
    dialect = _dialect(head, container=container)
    sample, unread = _sample(source, container=container, dialect=dialect)
    found = named or _format(sample, container=container)
    mapper = Mapper(found, columns=options.columns, keep=options.keep)
    if not sample and container in ("csv", "tsv"):
        sample = [dict.fromkeys(sniffing.header_of(head, delimiter=dialect.delimiter))]
    records, times, problem = _records(sample, mapper=mapper)
    _refuse_by_column(source, sample)
    _refuse_unread(source, records, mapper=mapper, unread=unread, options=options)
    _check(source, records, mapper=mapper, source_format=found, problem=problem, options=options)
    return Prepared(
        source=source,
        format=found,
        container=container,
        dialect=dialect,
        mapper=mapper,
        columns=_columns(records[:_N_LOOKED_AT], mapper=mapper),
        names=tuple(_names_in(records)),
        missing=tuple(name for name in options.keep if not any(holds(record, name) for record in records)),
        unread=unread,
        dates=_dates(times),
    )


def format_of(source: Source) -> Format:
    """Return the format of a source, told from its content.

    Raises:
        InputError: The source holds nothing that could be read.
    """
    head = sniffing.head_of(source)
    container = _container(source, head, named=None, options=ReadOptions())
    sample, _ = _sample(source, container=container, dialect=_dialect(head, container=container))
    return _format(sample, container=container)


def _container(source: Source, head: sniffing.Head, *, named: Format | None, options: ReadOptions) -> str:
    found = sniffing.container_of(source, head, mapped=frozenset(options.columns.values()))
    wanted = found if named is None or named.container is None else named.container
    if sniffing.is_web_page(head) and not (named is not None and wanted == "lines"):
        raise InputError(f"{source.name} is a web page or XML; export the comments as CSV or JSON.")
    if wanted == "lines" and named is None and source.is_guess:
        raise InputError(
            f"{source.name} has no suffix, and is no table and no JSON; name it itself, or give it the suffix"
            " .txt, if each of its lines is a comment."
        )
    if wanted == "lines" and named is None and source.suffix in sniffing.BINARY_SUFFIXES:
        raise InputError(
            f"{source.name} is not what its name says, nor a table or JSON; fetch or write it again, or"
            " give it the suffix .txt, if each of its lines is a comment."
        )
    if wanted == "lines" and not head.is_whole and b"\n" not in head.data:
        n_bytes = f"{sniffing.N_HEAD >> 10} KiB"
        raise InputError(f"{source.name} has no line end in its first {n_bytes}; name a file of comments.")
    if wanted == "lines" and named is None and sniffing.is_code(head):
        raise InputError(
            f"{source.name} holds lines of code without a blank, no comments; name a file of comments, or"
            " --format lines if they are."
        )
    if wanted != found and not _BINARY.isdisjoint((wanted, found)):
        raise InputError(f"{source.name} is not {wanted} but {found}; leave the format out, or name another.")
    return wanted


def _dialect(head: sniffing.Head, *, container: str) -> table.Dialect:
    if container not in ("csv", "tsv"):
        return table.Dialect(delimiter="")
    return sniffing.dialect_of(head, delimiter="\t" if container == "tsv" else sniffing.delimiter_of(head))


def _sample(source: Source, *, container: str, dialect: table.Dialect) -> tuple[list[Any], Mapping[str, str]]:
    """Return the first values, and columns of types that are not read, which are null in them."""
    with closing(source.open()) as stream:
        stream.limit = _N_LIMIT
        seen = []
        for _, value in _values(stream, container=container, dialect=dialect, mapper=None):
            seen.append(value)
            if len(seen) == _N_SAMPLE or stream.n_unpacked >= _N_ENOUGH:
                break
    problems = [value for value in seen if isinstance(value, Problem)]
    if container in _BINARY and not seen and stream.damage is not None:
        raise InputError(f"{source.name} cannot be read: {stream.damage} Fetch or write it again.")
    if problems and len(problems) == len(seen) and container in ("json", "ndjson"):
        kind = "is not JSON" if problems[0].reason == "not_json" else "holds no comments"
        raise InputError(f"{source.name} {kind}: {problems[0].detail} Fetch or write it again.")
    return [value for value in seen if not isinstance(value, Problem)], stream.unread


def _format(sample: Sequence[Any], *, container: str) -> Format:
    if container == "lines":
        return FORMATS["lines"]
    return next(matching(sample), FORMATS[container])


def matching(sample: Iterable[Any]) -> Iterator[Format]:
    """Yield every format of a tool that claims one of some values, the first of them being the one taken."""
    records = list(islice((record for value in sample for record in records_in(value)), _N_SAMPLE))
    return (each for each in FORMATS.values() if any(each.matches(record) for record in records))


def _check(
    source: Source,
    records: Sequence[Record],
    *,
    mapper: Mapper,
    source_format: Format,
    problem: Problem | None,
    options: ReadOptions,
) -> None:
    if not records:
        if problem is not None:
            raise InputError(f"{source.name} holds no comments: {problem.detail} Name a file of comments.")
        return
    found = {name for layout in mapper.layouts(records) for name, paths in layout.paths.items() if paths}
    for name, column in options.columns.items():
        if name not in found:
            raise MappingError(
                f"{source.name} has no column '{column}' to read as {name}; it has: {_names(records)}."
            )
    if "text" in found:
        _check_text(source, records, mapper=mapper)
        return
    if source_format.container is None:
        raise InputError(
            f"{source.name} holds no comments of the format {source_format.title};"
            f" save it again with its comments, or name another format. It has: {_names(records)}."
        )
    raise MappingError(
        f"{source.name} has no column that is known to hold a comment's text; it has: {_names(records)}."
        + _advice(records)
    )


def _advice(records: Sequence[Record]) -> str:
    kinds = {type(value) for record in records for name, value in record.items() if name != "id"}
    if str in kinds or kinds.isdisjoint({dict, list}):
        return " Name the right one with --map text=COLUMN."
    return " If comments lie within one of these, write them as a list of their own, an object a comment."


def _refuse_unread(
    source: Source,
    records: Sequence[Record],
    *,
    mapper: Mapper,
    unread: Mapping[str, str],
    options: ReadOptions,
) -> None:
    """Refuse a source where a column that was asked for, or all that may hold a text, is of no use."""
    needed = [*options.keep, *(name.partition(".")[0] for name in options.keep)]
    for layout in mapper.layouts(records) if unread else ():
        needed += [paths[0][0] for field in options.columns if (paths := layout.paths[field])]
        texts = [path[0] for path in layout.paths["text"]]
        needed += texts[:1] if unread.keys() >= {*texts} else ()
    column = next((name for name in needed if name in unread), None)
    if column is not None:
        raise InputError(
            f"{source.name} holds in '{column}' a column of type {unread[column]}, which is not read;"
            " write it again as one of texts, numbers or lists, or name another."
        )


def _refuse_by_column(source: Source, sample: Iterable[Any]) -> None:
    if any(isinstance(each, dict) and each.keys() >= _BY_COLUMN for each in sample):
        raise InputError(
            f"{source.name} names its columns once and holds rows without names; write an object a comment,"
            " in pandas with to_json(orient='records')."
        )


def _check_text(source: Source, records: Sequence[Record], *, mapper: Mapper) -> None:
    """Refuse a source in which something else stands wherever a text should."""
    found: dict[type, str] = {}
    for record in records:
        for path in mapper.layout(record).paths["text"]:
            value = value_at(record, path)
            if value is not None:
                found.setdefault(type(value), ".".join(map(str, path)))
    if found and found.keys() <= {dict, list}:
        kind, column = next(iter(found.items()))
        what = "an object" if kind is dict else "a list"
        raise MappingError(
            f"{source.name} has {what} in column '{column}' where a comment's text should stand; name a part"
            f" of it with --map text={column}.PART, or write an object a comment with its text as a string,"
            " in pandas with to_json(orient='records')."
        )


def _records(sample: Iterable[Any], *, mapper: Mapper) -> tuple[list[Record], list[Any], Problem | None]:
    """Return the first records, their times as they are written, and the first problem among them."""
    unpacked = list(islice((each for value in sample for each in mapper.unpack(value)), _N_SAMPLE))
    problem = next((each for each in unpacked if isinstance(each, Problem)), None)
    found = [each for each in unpacked if not isinstance(each, Problem)]
    return [record for record, _ in found], [values[_TIME] for _, values in found], problem


def _dates(times: Sequence[Any]) -> Dates:
    day_first = is_day_first(times)
    words = [time for time in times if isinstance(time, str) and as_time(time, day_first)[0] is None]
    unread = tuple(shape for time in words if (shape := shape_of(time)) is not None)
    return Dates(day_first=day_first, n=sum(1 for time in times if time not in (None, "")), unread=unread)


def _names_in(records: Iterable[Record]) -> list[str]:
    return list(dict.fromkeys(str(key) for keys in dict.fromkeys(map(tuple, records)) for key in keys))


def _names(records: Iterable[Record]) -> str:
    return listed(_names_in(records))


def listed(names: Iterable[str]) -> str:
    """Return names as an error lists them."""
    names = [name[:40] for name in names]
    shown = ", ".join(names[:_N_LISTED]) or "none"
    return shown + (f" and {len(names) - _N_LISTED} more" if len(names) > _N_LISTED else "")


def _columns(records: Iterable[Record], *, mapper: Mapper) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for record in records:
        for field, paths in mapper.layout(record).paths.items():
            names = (".".join(map(str, path)) for path in paths if value_at(record, path) is not None)
            found.setdefault(field, {}).update(dict.fromkeys(names))
    return {field: tuple(names) for field, names in found.items() if names}
