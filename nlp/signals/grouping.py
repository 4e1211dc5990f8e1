"""Finding groups of rows that resemble each other, at linear cost, and cutting them down to a fixed size."""

from __future__ import annotations

from math import exp, lgamma
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plaudit.facts import ONE
from plaudit.signals.keys import order_of

Rows = NDArray[np.int64]
Whole = NDArray[np.int64]

N_AUTHORS: Final = 100
"""The number of authors every section is thought to be cut down to."""


def neighbours(buckets: NDArray[np.uint64]) -> tuple[Rows, Rows]:
    """Pair each row with the first of its bucket and with the one before it there; the lower row first."""
    order = order_of(buckets)
    ordered = buckets[order]
    same = np.flatnonzero(ordered[1:] == ordered[:-1]) + 1
    start = np.arange(len(order))
    start[same] = 0
    start = np.maximum.accumulate(start) if len(start) else start
    return order[np.concatenate((start[same], same - 1))], order[np.concatenate((same, same))]


def unique_pairs(pairs: list[tuple[Rows, Rows]], n: int) -> tuple[Rows, Rows]:
    """Join lists of pairs of rows below n, each pair once."""
    key = np.sort(np.concatenate([one * np.int64(n) + other for one, other in pairs]))
    key = key[np.concatenate(([True], key[1:] != key[:-1]))] if len(key) else key
    return key // n, key % n


def joined(n: int, one: Rows, other: Rows) -> Rows:
    """Return for each of n rows the lowest row it is linked to over any number of links."""
    lowest = np.arange(n)
    link(lowest, one, other)
    return followed(lowest, lowest)


def link(lowest: NDArray[Any], one: Rows, other: Rows) -> None:
    """Add links to `lowest`, which tells of each row one that it is linked to, itself where none is lower."""
    while len(one):
        a, b = followed(lowest, one), followed(lowest, other)
        lowest[one], lowest[other] = a, b
        apart = a != b
        one, other, a, b = one[apart], other[apart], a[apart], b[apart]
        np.minimum.at(lowest, np.maximum(a, b), np.minimum(a, b))


def followed(lowest: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
    """Return the lowest row that each of some rows is linked to."""
    found = lowest[rows]
    while ((further := lowest[found]) != found).any():
        found = further
    return found


def chances(n_same: Whole, *, n_authors: int, among: int = N_AUTHORS, others: int = 1) -> tuple[Whole, Whole]:
    """Return, in 1/65536, the chance c to meet others of the k alike among some authors, and its pull.

    c = 1 - C(N - m, k - 1) / C(N - 1, k - 1) for m authors drawn from N, one of the k among them
    (rarefaction, Hurlbert 1971); where two others are asked for, less the chance to meet exactly one, of the
    same hypergeometric distribution. One of them more or less moves the class's total k c(k), not only their
    own c: the pull is the step of that total (for pairs, twice c: the factor of a two-sample U-statistic).

    Args:
        n_same: k of each row, itself counted.
        n_authors: N.
        among: m, or N where that is less.
        others: How many others have to be met: 1 or 2.
    """
    sizes, inverse = np.unique(n_same, return_inverse=True)
    chance = np.array([_chance_of(int(k), n_authors, among, others) for k in sizes])
    before = np.array([_chance_of(int(k) - 1, n_authors, among, others) for k in sizes])
    pull = sizes * chance - (sizes - 1) * before
    return _fixed(chance)[inverse], _fixed(pull)[inverse]


def _chance_of(n_same: int, n_authors: int, among: int, others: int) -> float:
    found = _chance(n_same, n_authors, among)
    return found if others == 1 else max(found - _chance_of_one(n_same, n_authors, among), 0.0)


def _chance_of_one(n_same: int, n_authors: int, among: int) -> float:
    drawn, others, rest = min(among, n_authors) - 1, n_same - 1, n_authors - n_same
    if others < 1 or drawn < 1 or drawn - 1 > rest:
        return 0.0
    return others * exp(_log_choose(rest, drawn - 1) - _log_choose(n_authors - 1, drawn))


def _chance(n_same: int, n_authors: int, among: int) -> float:
    m, others = min(among, n_authors), n_same - 1
    if others <= 0:
        return 0.0
    if others > n_authors - m:
        return 1.0
    return 1.0 - exp(_log_choose(n_authors - m, others) - _log_choose(n_authors - 1, others))


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def _fixed(shares: NDArray[np.float64]) -> Whole:
    return np.rint(shares * ONE).astype(np.int64)
