"""The texts behind the evidence ids of a report, found once the report is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from plaudit.comment import Batch
from plaudit.report.envelope import Report

MEMORY_BYTES: Final = 64 << 20  # some 300,000 comments; longer runs are read a second time
MAX_QUOTED: Final = 300
"""Groups, those with the most comments, whose evidence is quoted; no more have a page or a section."""

_KEPT: Final = ["key", "id", "text", "post_id", "source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Texts of comments, by id and by key."""

    by_id: dict[str, str] = field(default_factory=dict)
    by_key: dict[int, str] = field(default_factory=dict)


def evidence_ids(report: Report) -> frozenset[str]:
    """Return every comment id that a signal of the report, or of a group that is shown, names."""
    findings = (report, *report.groups[:MAX_QUOTED])
    return frozenset(id_ for finding in findings for row in finding.signals for id_ in row.evidence)


class Texts:
    """The texts of a run: all of them while they are few, none once they are many."""

    def __init__(self, *, limit: int = MEMORY_BYTES) -> None:
        self._limit = limit
        self._kept: list[pa.RecordBatch] = []
        self._n_bytes = 0
        self._posts: set[tuple[str | None, str | None]] = set()

    def keep(self, comments: pa.RecordBatch) -> None:
        """Remember the texts of a batch, or forget all where it gets too much."""
        columns = comments.select(_KEPT)
        if len(self._posts) < 2:  # one or several, that is all that matters
            self._posts.update(_posts(columns))
        self._n_bytes += columns.nbytes
        if self._n_bytes <= self._limit:
            self._kept.append(columns)
        else:
            self._kept.clear()

    def of(self, report: Report, *, read_again: Callable[[], Iterable[Batch]] | None) -> dict[str, str]:
        """Return the text by id of the report's evidence; see `find`."""
        return self.find(report, keys=(), read_again=read_again).by_id

    def find(
        self, report: Report, *, keys: Iterable[int], read_again: Callable[[], Iterable[Batch]] | None
    ) -> Found:
        """Return the texts of the report's evidence by id, and those of some comments by key.

        Ids that several posts use are left out: whose text was meant can't be told.

        Args:
            report: What names the evidence.
            keys: Of the other comments.
            read_again: Gives the same batches anew; None where the input can be read only once, then a
                run too long to remember has no texts.
        """
        ids, wanted = evidence_ids(report), frozenset(keys)
        if not ids and not wanted:
            return Found()
        kept: Iterable[pa.RecordBatch] = self._kept
        if self._n_bytes > self._limit:
            kept = (batch.comments.select(_KEPT) for batch in (read_again() if read_again else ()))
        return _find(kept, ids, wanted, several_posts=len(self._posts) > 1)


def _posts(columns: pa.RecordBatch) -> Iterator[tuple[str | None, str | None]]:
    for post, source in zip(
        columns.column("post_id").to_pylist(), columns.column("source").to_pylist(), strict=True
    ):
        yield (post, None) if post is not None else (None, source)


def _find(
    comments: Iterable[pa.RecordBatch], ids: frozenset[str], keys: frozenset[int], *, several_posts: bool
) -> Found:
    wanted_ids, wanted_keys = pa.array(sorted(ids), pa.string()), pa.array(sorted(keys), pa.uint64())
    texts: dict[str, str] = {}
    by_key: dict[int, str] = {}
    unclear: set[str] = set()
    for batch in comments:
        by_key.update(_pairs(batch, "key", wanted_keys))
        for id_, text in _pairs(batch, "id", wanted_ids):
            unclear.update({id_} & texts.keys())
            texts[id_] = text
        if not several_posts and len(texts) == len(ids) and len(by_key) == len(keys):
            break
    return Found(
        by_id={id_: text for id_, text in texts.items() if id_ not in unclear},
        by_key=by_key,
    )


def _pairs(batch: pa.RecordBatch, name: str, wanted: pa.Array) -> Iterator[tuple[Any, str]]:
    found = batch.filter(pc.is_in(batch.column(name), value_set=wanted))
    return zip(found.column(name).to_pylist(), found.column("text").to_pylist(), strict=True)
