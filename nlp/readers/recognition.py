"""Telling formats apart by the names of their fields, whatever case and punctuation a table gave them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache

from plaudit.readers.format import Record
from plaudit.readers.mapping import fold


@lru_cache(maxsize=4096)
def _folded(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(fold, map(str, names)))


def names_of(record: Record) -> frozenset[str]:
    """Return the record's names as `mapping.fold` writes them, "DIGG_COUNT" as "diggcount"."""
    return _folded(tuple(record))


def has_names(*needed: str, some: Collection[str] = ()) -> Callable[[Record], bool]:
    """Return a test for records with all needed names and, where any are given, one of `some`.

    Names are given folded ("diggcount").
    """
    all_of, any_of = frozenset(needed), frozenset(some)

    def matches(record: Record) -> bool:
        names = names_of(record)
        return all_of <= names and (not any_of or not any_of.isdisjoint(names))

    return matches
