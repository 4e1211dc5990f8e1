"""What moves if a model is shipped: the indices of fixed posts, by the old model and by the new."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from plaudit.errors import InputError
from plaudit.pipeline import Pipeline
from plaudit.readers import ReadOptions, read
from plaudit.report.envelope import Finding, Report

_NUMBERS: Final = ("index", "authenticity", "community_depth")
_EXAMPLE: Final = Path("examples") / "ceramics_channel.ndjson"
_CHANCE: Final = 0.05
_MAX_POSTS: Final = 200  # of a dump, those with the most comments


def panel_of(dumps: Sequence[Path]) -> list[Path]:
    """Return the dumps of the panel: the example that comes with the source, where it is, and those named.

    Raises:
        InputError: A dump is not there, or there is none at all.
    """
    found = [root / _EXAMPLE for root in (Path(__file__).resolve().parent.parent, Path.cwd())]
    shipped = [path for path in found if path.is_file()][:1]
    missing = [str(path) for path in dumps if not path.is_file()]
    if missing:
        raise InputError(f"There is no file {missing[0]}; expected a dump for the panel.")
    if not (panel := [*shipped, *dumps]):
        raise InputError(f"There is no {_EXAMPLE} here to be the panel; name dumps with --panel.")
    return panel


def drift(old: Pipeline, new: Pipeline, dumps: Sequence[Path]) -> dict[str, Any]:
    """Return how the numbers of every post of a panel move, as JSON types.

    Each row names the dump, the post ("" for the whole dump), the number, its old and new value (None where
    it cannot be said) and whether the new one lies outside the old one's 90 % interval.
    """
    rows = [row for dump in dumps for row in _rows(dump, _report(old, dump), _report(new, dump))]
    moves = np.array(
        [abs(row["new"] - row["old"]) for row in rows if _both(row) and row["number"] == "index"]
    )
    return {
        "panel": [dump.name for dump in dumps],
        "n": len(moves),
        "median_move": round(float(np.median(moves)), 1) if len(moves) else None,
        "largest_move": round(float(moves.max()), 1) if len(moves) else None,
        "n_outside": sum(row["outside"] for row in rows if row["number"] == "index"),
        "n_lost": sum(_gone(row) for row in rows),
        "n_gained": sum(_come(row) for row in rows),
        "lost": [f"{row['number']} of {_place(row)}" for row in lost(rows)],
        "rows": rows,
    }


def lost(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows of `drift` whose number is lost for worse.

    A post at the limit of certainty has a number by one model and none by the next, whichever is better. So
    posts that lose one speak against a model where they are more than those that gain one, and by more than
    chance (sign test, one-sided, 5 %); a whole dump always.
    """
    found = []
    for number in _NUMBERS:
        of_it = [row for row in rows if row["number"] == number]
        gone = [row for row in of_it if _gone(row)]
        posts = [row for row in gone if row["post"]]
        n_gained = sum(_come(row) for row in of_it if row["post"])
        is_chance = _tail(len(posts), len(posts) + n_gained) >= _CHANCE
        found += [row for row in gone if not (row["post"] and is_chance)]
    return found


def _tail(least: int, n: int) -> float:
    """Return the chance of at least so many heads in n throws."""
    return sum(math.comb(n, k) for k in range(least, n + 1)) / 2**n


def _gone(row: Mapping[str, Any]) -> bool:
    return row["old"] is not None and row["new"] is None


def _come(row: Mapping[str, Any]) -> bool:
    return row["old"] is None and row["new"] is not None


def _report(pipeline: Pipeline, dump: Path) -> Report:
    return pipeline.score(read([dump], options=ReadOptions()), group_by="post")


def _rows(dump: Path, old: Report, new: Report) -> Iterator[dict[str, Any]]:
    others = {group.key: group for group in new.groups}
    pairs: list[tuple[str, Finding, Finding]] = [("", old, new)]
    pairs += [(g.key, g, others[g.key]) for g in old.groups[:_MAX_POSTS] if g.key in others]
    for post, before, after in pairs:
        for number in _NUMBERS:
            one, other = getattr(before, number), getattr(after, number)
            yield {
                "dump": dump.name,
                "post": post,
                "number": number,
                "old": None if one is None else round(one.value, 1),
                "new": None if other is None else round(other.value, 1),
                "outside": bool(one and other and not one.low <= other.value <= one.high),
            }


def _both(row: Mapping[str, Any]) -> bool:
    return row["old"] is not None and row["new"] is not None


def _place(row: Mapping[str, Any]) -> str:
    return f"{row['dump']}, post {row['post']}" if row["post"] else str(row["dump"])
