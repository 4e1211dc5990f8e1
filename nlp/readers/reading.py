"""Dumps in, batches out."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

from plaudit.comment import Batch
from plaudit.errors import InputError, UsageError
from plaudit.readers.assembly import Assembler, Place
from plaudit.readers.format import Format, Problem
from plaudit.readers.json_values import BAD_BYTE
from plaudit.readers.mapping import Mapper
from plaudit.readers.notes import refuse_missing
from plaudit.readers.options import ReadOptions
from plaudit.readers.preparation import Prepared, Unusable, format_of, prepare
from plaudit.readers.registry import FORMATS, format_named
from plaudit.readers.source import Source, Sources, sources_of
from plaudit.readers.stream import ByteStream

_DEFAULTS = ReadOptions()

_N_BATCH: Final = 16 << 20
"""Bytes of records after which a batch ends, however few they are: what one comment is, nobody promises."""

_N_NAMED: Final = 5

Part = Prepared | Unusable
"""One source of a run; picklable where it gives the same bytes at every pass."""


def read(sources: Sources, *, options: ReadOptions = _DEFAULTS) -> Iterator[Batch]:
    """Read dumps, in the order named, as batches of `options.batch_size` records over file borders.

    A batch ends earlier where its records are long: it holds some 16 MiB of them, or one. Every source is
    looked at before this returns, so that an unusable one is told at once; one that was only found, in a
    folder or an archive, is a rejection among the others instead. Every record ends as a comment or as a
    rejection. There is at least one batch; an empty one where the dumps hold no record.

    Args:
        sources: Files, folders (with what is below them), patterns, ZIP archives, addresses, "-" for
            standard input; or what `sources_of` found behind such.
        options: What the files don't say.

    Raises:
        InputError: A source cannot be used at all.
        MappingError: No text column, or a mapped column that is not there, or one to keep in no source.
    """
    return batches_of(parts_of(sources, options=options), options=options)


def parts_of(sources: Sources, *, options: ReadOptions = _DEFAULTS) -> list[Part]:
    """Settle how each source of a run is read, as `read` does, so that other processes may read them.

    Raises:
        InputError: A source cannot be used at all.
        MappingError: No text column, or a mapped column that is not there, or one to keep in no source.
    """
    prepared: list[Part] = []
    found = sources_of(sources)
    for source in found:
        try:
            each = prepare(source, options=options)
            prepared += [] if each is None else [each]
        except UsageError as error:
            if not source.found:
                raise
            prepared.append(Unusable(source=source, error=error))
    unusable = [each for each in prepared if isinstance(each, Unusable)]
    # An archive cut off before its first record is readable, but an empty report of the rest helps nobody.
    if not any(isinstance(each, Prepared) and (each.columns or not unusable) for each in prepared):
        raise _nothing_usable(unusable, found)
    refuse_missing([each for each in prepared if isinstance(each, Prepared)], keep=options.keep)
    return prepared


def read_records(
    records: Iterable[Mapping[str, object]], *, options: ReadOptions = _DEFAULTS, source: str = "request"
) -> Iterator[Batch]:
    """Read records with generic columns (or those of `options.format`) that are already in memory.

    Yields at least one batch. Rejections are found at `source:record`, counted from 1.
    """
    found = FORMATS["json"] if options.format is None else format_named(options.format)
    mapper, assembler = Mapper(found, columns=options.columns), Assembler(options)
    place = _place(source, found, options=options)
    is_first = True
    for number, record in enumerate(records, start=1):
        value = dict(record) if isinstance(record, Mapping) else record
        _add(assembler, value, number=number, mapper=mapper, place=place)
        if assembler.n_records >= options.batch_size:
            assembler.seal(place)
            yield assembler.take(n_bytes=0)
            is_first = False
    assembler.seal(place)
    if assembler.n_records or is_first:
        yield assembler.take(n_bytes=0)


def detect(path: Path | str) -> Format:
    """Return the format of a file, told from its content.

    Raises:
        InputError: It cannot be used at all.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no file {path}; check the path.")
    return format_of(Source(path, name=path.name))


def _nothing_usable(unusable: Sequence[Unusable], sources: Sequence[Source]) -> UsageError:
    if not unusable:
        more = f" and {len(sources) - _N_NAMED} more" if len(sources) > _N_NAMED else ""
        names = ", ".join(source.name for source in sources[:_N_NAMED])
        return InputError(f"All files found are empty: {names}{more}; name some with comments.")
    error = unusable[0].error
    more = f" None of {len(unusable) - 1} others found with it can be read." if len(unusable) > 1 else ""
    return type(error)(f"{error}{more}")


def batches_of(prepared: Sequence[Part], *, options: ReadOptions) -> Generator[Batch, None, None]:
    """Yield the batches of sources that have been looked at; at least one, maybe empty."""
    assembler, n_bytes, is_first = Assembler(options), 0, True
    for each in prepared:
        if isinstance(each, Unusable):
            problem = Problem("unusable_file", str(each.error))
            assembler.reject(
                problem, place=_place(each.source.name, FORMATS["lines"], options=options), number="1"
            )
            continue
        each.source.begin_last_pass(twice=each.container == "json")
        place = _place(each.source.name, each.format, options=options)
        place = replace(place, day_first=each.dates.day_first)
        reported = n_unpacked = 0
        with closing(each.source), closing(each.source.open()) as stream:
            records = _records(assembler, each, stream=stream, place=place)
            for place in records:
                if (
                    assembler.n_records >= options.batch_size
                    or assembler.n_chars >= _N_BATCH
                    or stream.n_unpacked - n_unpacked >= _N_BATCH
                ):
                    assembler.seal(place)
                    yield assembler.take(n_bytes=n_bytes + stream.n_bytes - reported)
                    n_bytes, reported, is_first = 0, stream.n_bytes, False
                    n_unpacked = stream.n_unpacked
        assembler.seal(place)
        n_bytes += stream.n_bytes - reported
    if assembler.n_records or is_first:
        yield assembler.take(n_bytes=n_bytes)


def _records(
    assembler: Assembler, prepared: Prepared, *, stream: ByteStream, place: Place
) -> Iterator[Place]:
    """Add the records of a source one by one, stopping after each, with the place it lies in."""
    number, n_records, single = 0, 0, prepared.mapper.single
    for number, value in prepared.values(stream):
        if stream.part != place.part:
            assembler.seal(place)
            place = replace(place, part=stream.part)
        row = single(value)
        if row is not None and not stream.is_marked:
            n_records += 1
            assembler.add(value, row, number=str(number or n_records))
            yield place
            continue
        if isinstance(value, Problem):
            n_records += 1
            assembler.reject(value, place=place, number=str(number or n_records))
            yield place
            continue
        for n_here, each in enumerate(prepared.mapper.unpack(value)):
            n_records += 1
            label = f"{number}.{n_here}" if number and n_here else str(number or n_records)
            if isinstance(each, Problem):
                assembler.reject(each, place=place, number=label.partition(".")[0])
            elif stream.is_marked and any(isinstance(v, str) and BAD_BYTE in v for v in each[1]):
                problem = Problem("bad_encoding", "The record holds bytes that are not UTF-8 text.")
                assembler.reject(problem, place=place, number=label.partition(".")[0])
            else:
                assembler.add(*each, number=label)
            yield place
    if stream.damage is not None:
        problem = Problem("truncated_archive", stream.damage)
        assembler.reject(problem, place=place, number=str((number or n_records) + 1))
        yield place


def _add(assembler: Assembler, value: object, *, number: int, mapper: Mapper, place: Place) -> None:
    row = mapper.single(value)
    if row is not None and isinstance(value, dict):
        assembler.add(value, row, number=str(number))
        return
    for n_here, each in enumerate(mapper.unpack(value)):
        if isinstance(each, Problem):
            assembler.reject(each, place=place, number=str(number))
        else:
            assembler.add(*each, number=f"{number}.{n_here}" if n_here else str(number))


def _place(source: str, source_format: Format, *, options: ReadOptions) -> Place:
    private = frozenset(options.columns[name] for name in ("author",) if name in options.columns)
    return Place(source=source, format=source_format, private=private)
