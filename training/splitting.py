"""Splits that keep apart what belongs together: a post, an author, copies of a text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from plaudit.errors import TrainingDataError
from plaudit.training import duplicates
from plaudit.training.dataset import LabelledComment, letters

TIES: Final = ("text", "near_duplicate", "group", "post", "author")
"""What ties two comments together, closest first."""
_NOBODY: Final = frozenset(
    {"", "[deleted]", "deleted", "anonymous", "anonym", "unknown", "none", "null", "nan"}
)
_WOVEN: Final = 0.5  # of all rows in one knot: authors who write under many posts tie everything together
_LEAST_REST: Final = 0.1  # of all rows, to train on: less comes of a column that ties them all together


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Two parts that share nothing, and the rows that would have tied them.

    Attributes:
        rest: Row numbers of the larger part.
        chosen: Row numbers of the part that was asked for.
        left_out: Row numbers in neither.
    """

    rest: Sequence[int]
    chosen: Sequence[int]
    left_out: Sequence[int] = ()


def ties(comments: Sequence[LabelledComment]) -> dict[str, list[str]]:
    """Return for each of `TIES` a key a comment, "" where there is nothing to tie it by."""
    clusters = duplicates.clusters([c.text for c in comments])
    return {
        "text": [letters(c) for c in comments],
        "near_duplicate": [letters(comments[first]) for first in clusters],
        "group": [_known(c.group) for c in comments],
        "post": [_known(c.post) for c in comments],
        "author": [_known(c.author) for c in comments],
    }


def _known(name: str) -> str:
    return "" if name.strip().lower() in _NOBODY else name


def group_keys(
    comments: Sequence[LabelledComment],
    *,
    by: Sequence[str] = TIES,
    found: dict[str, list[str]] | None = None,
) -> list[str]:
    """Return the key no split may tear apart: rows that share any tie, however far along, share it.

    The key of a comment tied to nothing is its letters; the order of rows changes no key.

    Args:
        comments: Rows to group.
        by: Ties that count, of `TIES`.
        found: As `ties` returns them, where they are known already.
    """
    found = found or ties(comments)
    parent: dict[Hashable, Hashable] = {}

    def find(key: Hashable) -> Hashable:
        while (above := parent.setdefault(key, key)) != key:
            parent[key] = parent[above]
            key = parent[key]
        return key

    for row in range(len(comments)):
        for name in by:
            if found[name][row]:
                parent[find((name, found[name][row]))] = find(row)
    names: dict[Hashable, str] = {}
    for row, comment in enumerate(comments):
        root, name = find(row), letters(comment)
        names[root] = min(names.get(root, name), name)
    return [names[find(row)] for row in range(len(comments))]


def split(comments: Sequence[LabelledComment], *, share: float, seed: int) -> Split:
    """Choose `share` of the rows at random, whole groups only.

    Where authors tie more than half of all rows into one knot, posts alone are kept whole, and rows of
    the rest that share an author or a copy with the chosen part are left out.
    """
    found = ties(comments)
    keys = unwoven_keys(comments, found=found)
    order = sorted(set(keys), key=lambda key: sha256(f"{seed}:{key}".encode("utf-8", "replace")).digest())
    return _apart(comments, _first_groups(keys, order, n_wanted=round(share * len(comments))), found)


def unwoven_keys(comments: Sequence[LabelledComment], *, found: dict[str, list[str]]) -> list[str]:
    """Return `group_keys` by all ties, or by fewer where all of them make one knot of most rows.

    Args:
        comments: Rows to group.
        found: As `ties` returns them.
    """
    keys = group_keys(comments, found=found)
    if _woven(keys):
        keys = group_keys(comments, by=("text", "near_duplicate", "group", "post"), found=found)
    if _woven(keys):
        keys = group_keys(comments, by=("group", "post"), found=found)
    return keys


def split_by_time(comments: Sequence[LabelledComment], *, share: float) -> Split:
    """Choose the latest `share` of the rows; earlier rows tied to one of them are left out.

    Raises:
        TrainingDataError: A row has no time.
    """
    missing = [c.where or str(row) for row, c in enumerate(comments, start=1) if c.created_at is None]
    if missing:
        raise TrainingDataError(
            f"{len(missing):,} of {len(comments):,} rows have no created_at ({missing[0]} first); expected "
            "a time (ISO 8601, or Unix seconds) in each to split by it."
        )
    order = sorted(range(len(comments)), key=lambda row: (comments[row].created_at or 0.0, row))
    n_wanted = round(share * len(comments))
    return _apart(comments, set(order[len(order) - n_wanted :]), ties(comments))


def check_rest(comments: Sequence[LabelledComment], found: Split) -> None:
    """Refuse a split after which next to nothing is left beside what was chosen.

    Raises:
        TrainingDataError: One post, author or group holds most rows, or they are all woven together.
    """
    if len(found.rest) > _LEAST_REST * len(comments) or not (found.chosen or found.left_out):
        return
    n_most = {
        name: max(Counter(filter(None, (_known(getattr(c, name)) for c in comments))).values(), default=0)
        for name in ("post", "author", "group")
    }
    name = max(n_most, key=lambda each: n_most[each])
    raise TrainingDataError(
        f"{len(comments) - len(found.rest):,} of {len(comments):,} rows share a post, an author or a group "
        f"with the part to keep apart (one {name} has {n_most[name]:,}), so {len(found.rest):,} are left to "
        f"train on. Add comments of another {name}, or do without that column: --map {name}= (the parts then "
        "share it, and figures flatter)."
    )


def _woven(keys: Sequence[str]) -> bool:
    return max(Counter(keys).values(), default=0) > _WOVEN * len(keys)


def _first_groups(keys: Sequence[str], order: Sequence[str], *, n_wanted: int) -> set[int]:
    rows: dict[str, list[int]] = {}
    for row, key in enumerate(keys):
        rows.setdefault(key, []).append(row)
    chosen: set[int] = set()
    for key in order:
        if len(chosen) >= n_wanted:
            break
        chosen.update(rows[key])
    return chosen


def _apart(comments: Sequence[LabelledComment], chosen: set[int], found: dict[str, list[str]]) -> Split:
    is_tied = _tied_to(found, chosen)
    others = [row for row in range(len(comments)) if row not in chosen]
    return Split(
        rest=[row for row in others if not is_tied(row)],
        chosen=sorted(chosen),
        left_out=[row for row in others if is_tied(row)],
    )


def _tied_to(found: dict[str, list[str]], rows: Iterable[int]) -> Callable[[int], bool]:
    taken = {name: {keys[row] for row in rows} - {""} for name, keys in found.items()}
    return lambda row: any(keys[row] in taken[name] for name, keys in found.items())


def leaks(comments: Sequence[LabelledComment], frozen: Sequence[LabelledComment]) -> dict[str, list[int]]:
    """Return for each of `TIES` the rows tied so to a frozen set; a row counts once, by its closest tie."""
    found = ties([*frozen, *comments])
    leaking: dict[str, list[int]] = {name: [] for name in TIES}
    taken = {name: set(found[name][: len(frozen)]) - {""} for name in TIES}
    for row in range(len(comments)):
        closest = next((name for name in TIES if found[name][len(frozen) + row] in taken[name]), None)
        if closest is not None:
            leaking[closest].append(row)
    return leaking


def without_leaks(
    comments: Sequence[LabelledComment], frozen: Sequence[LabelledComment]
) -> list[LabelledComment]:
    """Return the comments that share no text, near duplicate, post or author with a frozen set."""
    if not frozen:
        return list(comments)
    leaking = {row for rows in leaks(comments, frozen).values() for row in rows}
    return [c for row, c in enumerate(comments) if row not in leaking]
