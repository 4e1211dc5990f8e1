"""What is told of the sources of a run before it begins: they can be read, though not all that was meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from plaudit.errors import MappingError
from plaudit.readers.preparation import Prepared, listed

_N_UNREAD: Final = 20  # one time in so many that is not read is told
_N_TOLD: Final = 5  # columns that are named with their types


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
    """Yield a sentence for each column to keep that some sources lack, and for what is not read in some."""
    known = [each for each in prepared if each.names]
    for name in dict.fromkeys(name for each in known for name in each.missing):
        yield f"{_missing(name, [each for each in known if name in each.missing])} It is null there."
    for unread in dict.fromkeys(tuple(each.unread.items()) for each in prepared if each.unread):
        where = [each for each in prepared if tuple(each.unread.items()) == unread]
        told = [f"'{name[:40]}' ({kind})" for name, kind in unread[:_N_TOLD]]
        more = f" and {len(unread) - _N_TOLD} more" if len(unread) > _N_TOLD else ""
        others = f" and of {len(where) - 1} others" if len(where) > 1 else ""
        yield (
            f"Passed over columns of {where[0].source.name}{others}, of types that are not read:"
            f" {', '.join(told)}{more}."
        )
    for each in known:
        if len(each.dates.unread) * _N_UNREAD >= max(each.dates.n, 1):
            yield f"{each.source.name}: {each.dates.note()}"


def _missing(name: str, without: Sequence[Prepared]) -> str:
    others = f", nor have {len(without) - 1} others" if len(without) > 1 else ""
    first = without[0]
    return f"{first.source.name} has no column '{name}' to keep{others}; it has: {listed(first.names)}."
