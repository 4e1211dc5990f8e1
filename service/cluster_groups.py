"""Measuring groups on all machines of a cluster: a task a bucket, which gives back findings alone.

A bucket is what `partition.groups` puts on disk here: it goes to a task in pieces, and what that task needs
beside it lies on the disk of its machine. Tasks have no side effects: Ray runs those of a lost machine again.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from plaudit.partition.groups import Bucket
from plaudit.partition.room import room
from plaudit.pipeline import Named
from plaudit.service.cluster import cause_of, connect

_AHEAD: Final = 2  # buckets a core: one in work, one behind it
_PIECE_BYTES: Final = 16 << 20
_CPUS: Final = 1

Measure = Callable[[Bucket, Path], Iterable[Named]]


class ClusterGroups:
    """What `pipeline.Spread` asks for.

    Attributes:
        n_groups: How many groups each node measured, by its id.
    """

    def __init__(self, *, n: int | None = None) -> None:
        """Prepare; n tasks at a time, None for one a core of the cluster."""
        self._n = n
        self.n_groups: Counter[str] = Counter()

    def __call__(self, buckets: Iterable[Bucket], measure: Measure) -> Iterator[Named]:
        """Yield the findings of all groups, bucket by bucket in their order.

        Raises:
            PlauditError: What went wrong on another machine, or with Ray itself.
        """
        ray = connect()
        n = self._n or max(1, int(ray.cluster_resources().get("CPU", 1)))
        # All buckets lie here; tasks that stay close to what they need would never leave this machine.
        task = ray.remote(num_cpus=_CPUS, max_retries=-1, scheduling_strategy="SPREAD")(_measured)
        shared, waiting = ray.put(measure), deque[Any]()
        try:
            for bucket in buckets:
                if len(waiting) >= _AHEAD * n:
                    yield from self._taken(ray.get(waiting.popleft()))
                pieces = [ray.put(piece) for piece in _pieces(bucket.path)]
                waiting.append(task.remote(shared, pieces, by=bucket.by, n=bucket.n))
            while waiting:
                yield from self._taken(ray.get(waiting.popleft()))
        except ray.exceptions.RayError as error:
            raise cause_of(error) from error

    def _taken(self, told: tuple[str, list[Named]]) -> list[Named]:
        node, found = told
        self.n_groups[node] += len(found)
        return found


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
