"""What is told of the sources of a run before it begins: they can be read, though not all that was meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from plaudit.errors import MappingError
from plaudit.readers.preparation import Prepared, listed


def refuse_missing(prepared: Sequence[Prepared], *, keep: Iterable[str]) -> None:
    """Refuse a column to keep that none of the sources has; those without a record have no say.

    Raises:
        MappingError: There is one.
    """
    known = [each for each in prepared if each.names]
    for name in keep:
        without = [each for each in known if name in each.missing]
        if without and len(without) == len(known):
            raise MappingError(_missing(name, without))


def notes_of(prepared: Sequence[Prepared]) -> Iterator[str]:
    """Yield a sentence for each column to keep that some sources lack."""
    known = [each for each in prepared if each.names]
    for name in dict.fromkeys(name for each in known for name in each.missing):
        yield f"{_missing(name, [each for each in known if name in each.missing])} It is null there."


def _missing(name: str, without: Sequence[Prepared]) -> str:
    others = f", nor have {len(without) - 1} others" if len(without) > 1 else ""
    first = without[0]
    return f"{first.source.name} has no column '{name}' to keep{others}; it has: {listed(first.names)}."
