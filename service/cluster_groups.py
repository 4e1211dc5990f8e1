"""Measuring groups on all machines of a cluster: a task a bucket, which gives back findings alone.

A bucket is what `partition.groups` puts on disk here, and goes to a task in pieces. Where the facts lie in a
place that all machines share, tasks cut them into parts there, and others take a part each: none pass through
this machine. What a task needs beside lies on the disk of its machine. Tasks have no other side effects than
files that are the same each time: Ray runs those of a lost machine again.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plaudit.partition.groups import Bucket, Buckets, buckets_of
from plaudit.partition.room import room
from plaudit.partition.spill import n_parts_for
from plaudit.partition.stored import Stored, pieces_of
from plaudit.pipeline import Named
from plaudit.service.cluster import cause_of, connect
from plaudit.service.cluster_facts import PartFacts, cut
from plaudit.service.cluster_place import Place

_AHEAD: Final = 2  # buckets a core: one in work, one behind it
_PIECE_BYTES: Final = 16 << 20
_CPUS: Final = 1
_PARTS: Final = 4  # for each so many rows as are looked at together, as `partition.groups` has
_MOST_PARTS: Final = 1024  # each is a slice of every file that the facts were cut into

Measure = Callable[[Bucket, Path], Iterable[Named]]


class ClusterGroups:
    """What `pipeline.Spread` asks for.

    Attributes:
        n_groups: How many groups each node measured, by its id.
        n_cut: How many files each node cut facts into.
    """

    def __init__(self, *, n: int | None = None, place: Place | None = None) -> None:
        """Prepare; n tasks at a time, None for one a core of the cluster; the place of the facts, if any."""
        self._n, self._place = n, place
        self.n_groups: Counter[str] = Counter()
        self.n_cut: Counter[str] = Counter()

    def __call__(self, buckets: Iterable[Bucket], measure: Measure) -> Iterator[Named]:
        """Yield the findings of all groups, bucket by bucket in their order.

        Raises:
            PlauditError: What went wrong on another machine, or with Ray itself.
        """
        ray = connect()
        most = _AHEAD * (self._n or max(1, int(ray.cluster_resources().get("CPU", 1))))
        try:
            for node, found in _ahead(self._tasks(buckets, ray.put(measure), most=most), most=most):
                self.n_groups[node] += len(found)
                yield from found
        except ray.exceptions.RayError as error:
            raise cause_of(error) from error

    def _tasks(self, buckets: Iterable[Bucket], measure: Any, *, most: int) -> Iterator[Any]:
        if self._place is not None and isinstance(buckets, Buckets):
            shared = pieces_of(buckets.stored, n_rows=buckets.part_rows)
            if shared:
                yield from self._tasks_of_parts(buckets, shared, measure, place=self._place, most=most)
                return
        ray, task = import_module("ray"), _task(_measured)
        for bucket in buckets:
            pieces = [ray.put(piece) for piece in _pieces(bucket.path)]
            yield task.remote(measure, pieces, by=bucket.by, n=bucket.n)

    def _tasks_of_parts(
        self, buckets: Buckets, shared: Sequence[Stored], measure: Any, *, place: Place, most: int
    ) -> Iterator[Any]:
        n_parts = min(_PARTS * n_parts_for(len(buckets.stored), part_rows=buckets.part_rows), _MOST_PARTS)
        names, task = [f"groups/{number:06d}" for number in range(len(shared))], _task(_cut)
        cutting = (
            task.remote(piece, place, name, by=buckets.by, n_parts=n_parts)
            for piece, name in zip(shared, names, strict=True)
        )
        found = []
        for node, ends_and_rows in _ahead(cutting, most=most):
            self.n_cut[node] += 1
            found.append(ends_and_rows)
        ends = np.stack([each[:, 0] for each in found])
        rows = np.stack([each[:, 1] for each in found])
        starts = np.concatenate((np.zeros((len(ends), 1), np.int64), ends[:, :-1]), axis=1)
        task = _task(_measured_part)
        for part in np.flatnonzero(rows.sum(axis=0)).tolist():
            there = np.flatnonzero(rows[:, part]).tolist()
            slices = [(names[i], int(starts[i, part]), int(ends[i, part])) for i in there]
            facts = PartFacts(place, slices, n=int(rows[:, part].sum()))
            yield task.remote(measure, facts, by=buckets.by, part_rows=buckets.part_rows)


def _task(function: Callable[..., Any]) -> Any:
    # What tasks need lies here, or nowhere in particular: staying close to it, they would never leave here.
    return import_module("ray").remote(num_cpus=_CPUS, max_retries=-1, scheduling_strategy="SPREAD")(function)


def _ahead(tasks: Iterable[Any], *, most: int) -> Iterator[Any]:
    """Yield what tasks return, in order, with so many under way."""
    ray, waiting = import_module("ray"), deque[Any]()
    for task in tasks:
        waiting.append(task)
        if len(waiting) > most:
            yield ray.get(waiting.popleft())
    while waiting:
        yield ray.get(waiting.popleft())


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _measured(measure: Measure, pieces: Sequence[Any], *, by: str, n: int | None) -> tuple[str, list[Named]]:
    ray = import_module("ray")
    with room(None) as place:
        path = place / "bucket"
        with path.open("wb") as file:
            for piece in pieces:
                file.write(ray.get(piece))
        found = list(measure(Bucket(path=path, by=by, n=n), place))
    node: str = ray.get_runtime_context().get_node_id()
    return node, found


def _cut(piece: Stored, place: Place, name: str, *, by: str, n_parts: int) -> tuple[str, NDArray[np.int64]]:
    found = cut(piece, place, name, by=by, n_parts=n_parts)
    return import_module("ray").get_runtime_context().get_node_id(), found


def _measured_part(measure: Measure, facts: Stored, *, by: str, part_rows: int) -> tuple[str, list[Named]]:
    with room(None) as place:
        buckets = buckets_of(facts, place / "buckets", by=by, part_rows=part_rows)
        found = [named for bucket in buckets for named in measure(bucket, place)]
    return import_module("ray").get_runtime_context().get_node_id(), found
