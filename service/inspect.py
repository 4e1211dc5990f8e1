"""`plaudit inspect`: what a dump is taken for, before it is scored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

import pyarrow as pa

from plaudit import policy as policies
from plaudit.availability import Availability, availability
from plaudit.comment import Batch, Rejection
from plaudit.readers import ReadOptions
from plaudit.readers.inspection import Seen, inspect
from plaudit.readers.source import Listing, listing_of

N_ROWS: Final = 5
_N_TEXT: Final = 70
_N_OTHERS: Final = 12
_WORDED: Final = "weeks and less count back from a column fetched_at."
_FIELDS: Final = (
    *("id", "text", "author", "parent_id", "post_id", "creator_id", "created_at", "likes", "is_creator"),
    "total_reply_count",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """All that is seen: each source, what is none of them, and which signals they allow together."""

    seen: Sequence[Seen]
    listing: Listing
    signals: Sequence[Availability]

    @classmethod
    def of(cls, sources: Sequence[str], *, options: ReadOptions, n_records: int) -> Sight:
        """Look at sources.

        Raises:
            UsageError: One that was named cannot be used at all.
        """
        seen = list(inspect(sources, options=options, n_records=n_records))
        comments = [each.batch.comments for each in seen if each.batch is not None]
        signals = availability(comments, policy=policies.load())
        return cls(seen=seen, listing=listing_of(sources), signals=signals)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        return {
            "sources": [_as_dict(each) for each in self.seen],
            "passed_over": self.listing.passed_over,
            "signals": [
                {
                    "name": each.name,
                    "title": each.title,
                    "index": each.index,
                    "available": each.absent is None,
                    "reason": each.absent,
                }
                for each in self.signals
            ],
        }

    def lines(self) -> Iterator[str]:
        """Yield all of it as a person reads it."""
        for each in self.seen:
            yield from _lines(each)
            yield ""
        for sentence in self.listing.sentences():
            yield sentence
            yield ""
        yield from _signal_lines(self.signals)


def _as_dict(seen: Seen) -> dict[str, Any]:
    found: dict[str, Any] = {"source": seen.source, "format": seen.format, "why": seen.why}
    if seen.batch is None:
        return found
    return found | {
        "title": seen.title,
        "container": seen.container,
        "fields": {
            name: {"columns": list(seen.columns.get(name, ())), "filled": _filled(seen.batch, name)}
            for name in _FIELDS
        },
        "other_columns": list(seen.others),
        "unread_columns": dict(seen.unread),
        "times_in_words": _n_worded(seen.batch),
        "unread_times": seen.dates.note(),
        "read": _n_read(seen.batch),
        "usable": seen.batch.comments.num_rows,
        "is_whole": seen.is_whole,
        "rejected": {
            reason: {"n": n, "where": example.where, "detail": example.detail}
            for reason, n, example in _rejected(seen.batch)
        },
        "rows": list(_rows(seen.batch)),
    }


def _lines(seen: Seen) -> Iterator[str]:
    if seen.batch is None:
        yield f"{seen.source}: not used"
        yield f"  {seen.why}"
        return
    yield f"{seen.source}: {seen.title} ({seen.format}), as {seen.container}"
    yield f"  {seen.why}"
    n_usable, n_read = seen.batch.comments.num_rows, _n_read(seen.batch)
    which = "All" if seen.is_whole else "First"
    yield f"  {which} {n_read:,} records: {n_usable:,} usable, {n_read - n_usable:,} not."
    for reason, n, example in _rejected(seen.batch):
        yield f"    {n:,} {reason}, as at {example.where}: {example.detail}"
    yield "  Fields"
    for name in _FIELDS:
        yield f"    {name:<18}{_filled(seen.batch, name):>5.0%}  {_origin(seen, name)}"
    if note := seen.dates.note():
        yield f"    {note}"
    elif n_worded := _n_worded(seen.batch):
        yield f'    {n_worded:,} times say no moment, as "2 years ago" does; {_WORDED}'
    if seen.others:
        more = f" and {len(seen.others) - _N_OTHERS} more" if len(seen.others) > _N_OTHERS else ""
        yield f"    Not used: {', '.join(seen.others[:_N_OTHERS])}{more}"
    for name, kind in islice(seen.unread.items(), _N_OTHERS):
        yield f"    Not read: {name}, of type {kind}"
    yield "  Rows"
    for row in _rows(seen.batch):
        yield "    " + "  ".join(
            str(row[name]) for name in ("id", "author", "created_at") if row[name] is not None
        )
        yield f"      {_short(row['text'])}"


def _signal_lines(signals: Sequence[Availability]) -> Iterator[str]:
    there = [each for each in signals if each.absent is None]
    yield f"Signals: {len(there)} of {len(signals)} can be measured by these records"
    for each in there:
        yield f"  + {each.title}"
    for each in signals:
        if each.absent is not None:
            yield f"  - {each.title}: {each.absent}"


def _n_read(batch: Batch) -> int:
    return batch.comments.num_rows + len(batch.rejections)


def _rejected(batch: Batch) -> Iterator[tuple[str, int, Rejection]]:
    """Yield each reason, how often it holds, and its first record; the commonest first."""
    first: dict[str, Rejection] = {}
    for each in batch.rejections:
        first.setdefault(each.reason, each)
    for reason, n in Counter(each.reason for each in batch.rejections).most_common():
        yield reason, n, first[reason]


def _filled(batch: Batch, name: str) -> float:
    """Return the share of usable comments that say something of a field; of flags, that have it set."""
    column, n = batch.comments.column(name), batch.comments.num_rows
    if not n:
        return 0.0
    return (sum(column.to_pylist()) if pa.types.is_boolean(column.type) else n - column.null_count) / n


def _n_worded(batch: Batch) -> int:
    """Return how many usable comments have words for a time of which none was made."""
    rows = batch.comments.select(["created_at", "time_precision"]).to_pylist()
    return sum(1 for row in rows if row["created_at"] is None and row["time_precision"] is not None)


def _origin(seen: Seen, name: str) -> str:
    names = seen.columns.get(name, ())
    if names:
        return " or ".join(names)
    return "" if not _filled(seen.batch, name) else "given by what encloses it, or worked out"  # type: ignore[arg-type]


def _rows(batch: Batch) -> Iterator[dict[str, Any]]:
    people: dict[int, str] = {}
    for row in batch.comments.slice(0, N_ROWS).to_pylist():
        author, moment = row["author"], row["created_at"]
        yield {
            "id": row["id"],
            "text": row["text"],
            "author": None if author is None else people.setdefault(author, f"author {len(people) + 1}"),
            "parent_id": row["parent_id"],
            "post_id": row["post_id"],
            "created_at": None if moment is None else datetime.fromtimestamp(moment / 1000, UTC).isoformat(),
            "time_precision": row["time_precision"],
            "likes": row["likes"],
            "is_creator": row["is_creator"],
        }


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _N_TEXT else words[:_N_TEXT] + "…"
