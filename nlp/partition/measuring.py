"""Everything that is told of a community, read off facts that memory need not hold."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from plaudit.partition.people import People
from plaudit.partition.spill import PART_ROWS
from plaudit.partition.stored import Stored
from plaudit.partition.survey import survey
from plaudit.partition.talk import Talk
from plaudit.scores import LABELS
from plaudit.signals import NAMES
from plaudit.signals.tally import Tallied, Tally


def tallied_in_parts(stored: Stored, folder: Path, *, part_rows: int = PART_ROWS) -> Tallied:
    """Read every signal, some rows at a time, as `signals.tallied` does of all at once.

    Args:
        stored: The facts; each key is there once.
        folder: For nothing else; gone afterwards.
        part_rows: About how many rows are looked at together; the tests' to change.
    """
    try:
        return _tallied(stored, folder, part_rows=part_rows)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tallied(stored: Stored, folder: Path, *, part_rows: int) -> Tallied:
    found = survey(stored, folder / "survey", part_rows=part_rows)
    talk = Talk(found)
    people = People(found.community, folder / "audience", n=len(stored), part_rows=part_rows)
    people.read(talk.read(stored, folder / "talk", part_rows=part_rows))
    counts, is_flat = found.counts + talk.counts + people.counts, not found.community.has_threads
    del found
    by_name = dict(people.tallies)
    for tally, n_authors in zip(talk.tallies, people.n_talkers, strict=True):
        by_name[tally.name] = tally if is_flat else replace(tally, n_authors=n_authors)
    for tally in (*people.copies(), people.bursts(), people.company()):
        by_name[tally.name] = tally
    signals = tuple(by_name[name] for name in NAMES)
    return Tallied(
        signals=signals,
        census=tuple(people.census[f"census/{label}"] for label in LABELS),
        counts=counts,
        community=people.community,
        ids=_ids(signals, stored),
    )


def _ids(signals: Iterable[Tally], stored: Stored) -> dict[int, str]:
    wanted = pa.array(sorted({key for tally in signals for key in tally.keys.tolist()}), pa.uint64())
    found: dict[int, str] = {}
    for rows in stored.tables(["key", "id"]):
        shown = rows.filter(pc.is_in(rows.column("key"), value_set=wanted))
        found.update(zip(shown.column("key").to_pylist(), shown.column("id").to_pylist(), strict=True))
    return found
