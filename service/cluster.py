"""Scoring on Ray Data: read by tasks, labelled by actors that hold the model, joined here in order.

This module and `cluster_groups` alone know Ray; they are imported only where a cluster is asked for. What
travels are whole batches, packed as Arrow streams, each with its place: (source, batch). Tasks have no side
effects, so Ray may run one again when a machine is lost; that nothing was lost or doubled by it is checked
here, batch by batch.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from importlib.metadata import version
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from plaudit.comment import Batch, Rejection
from plaudit.errors import PlauditError, UsageError
from plaudit.pipeline import Pipeline
from plaudit.readers import ReadOptions
from plaudit.readers.duplicates import SeenComments, SeenKeys, problem_of
from plaudit.readers.reading import Part, batches_of
from plaudit.service.cluster_facts import SharedFacts, write_facts
from plaudit.service.cluster_place import Place
from plaudit.service.cluster_rows import batch_of, row_of, stream_of, unpacked
from plaudit.service.cluster_rows import packed as _packed
from plaudit.service.output import labelled, with_kept
from plaudit.service.scorers import Load, Scored

INSTALL: Final = "pip install 'plaudit[cluster]'"
_ACTOR_CPUS: Final = 0.1
"""Asked of the scheduler for an actor. It keeps a core busy; but where it asked for one, the actors of a lost
machine would find no place on a full one, and what they were at would wait for ever."""
_READER_CPUS: Final = 1
_AHEAD: Final = 2  # batches an actor holds: one in work, one behind it


_AGAIN: Final = "nothing was written: run it again."


class _Place(NamedTuple):
    source: int
    batch: int

    def __str__(self) -> str:
        return f"batch {self.batch} of source {self.source}"

    @property
    def file(self) -> str:
        return f"facts/{self.source:06d}/{self.batch:08d}"

    def after(self, *, is_last: bool) -> _Place:
        return _Place(self.source + 1, 0) if is_last else _Place(self.source, self.batch + 1)


def connect() -> Any:
    """Return Ray, connected: to the cluster that RAY_ADDRESS names, or to this machine alone.

    Raises:
        UsageError: Ray is not installed, or the cluster can't be reached.
    """
    try:
        ray = import_module("ray")
        import_module("ray.data")
    except ImportError as error:
        raise UsageError(
            f"--engine ray needs Ray, which is not installed ({error.name}): {INSTALL}, here and on every "
            "machine of the cluster."
        ) from error
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    if not ray.is_initialized():
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers of every cluster
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # of Ray's own plans
                ray.init(log_to_driver=False, logging_level="ERROR", include_dashboard=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UsageError(
                f"The Ray cluster can't be reached ({reason}); check RAY_ADDRESS, or unset it and run "
                "`ray stop` to work on this machine alone."
            ) from error
    return ray


def read_again(parts: Sequence[Part], *, options: ReadOptions) -> Iterator[Batch]:
    """Yield the comments of a run once more, read by all machines; ends early where one of them can't."""
    ray, seen = connect(), SeenKeys()
    with suppress(ray.exceptions.RayError):
        for row in _rows_of(_reading(parts, options=options)):
            comments = batch_of(row["comments"])
            fresh = seen.add(comments.column("key").to_numpy())
            yield Batch(comments=comments.filter(pa.array(fresh)))


def _reading(parts: Sequence[Part], *, options: ReadOptions) -> Any:
    """Return the dataset of all batches, packed, in order."""
    data = import_module("ray.data")
    context = data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    context.target_max_block_size = 1  # a block a batch, so that one long source keeps all actors busy
    pack = import_module("ray").cloudpickle.dumps
    items = [{"source": i, "part": pack(part)} for i, part in enumerate(parts)]
    return data.from_items(items, override_num_blocks=len(items)).map_batches(
        _read,
        batch_size=1,
        batch_format="pyarrow",
        fn_kwargs={"options": options, "folder": os.getcwd()},  # noqa: PTH109
        num_cpus=_READER_CPUS,
    )


def _rows_of(dataset: Any) -> Iterator[dict[str, Any]]:
    for table in dataset.iter_batches(batch_size=None, batch_format="pyarrow"):
        yield from table.to_pylist()


class ClusterScorers:
    """Scores the parts of a run on all machines of a cluster.

    Attributes:
        n: Actors that label, each with one thread.
        n_comments: How many comments each node labelled, by its id.
        facts: Those of all comments, where they lie in a place that all machines share.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        options: ReadOptions,
        pipeline: Pipeline,
        load: Load,
        n: int | None = None,
        place: Place | None = None,
    ) -> None:
        """Connect.

        Args:
            parts: As `readers.reading.parts_of` settles them; what they name is there on every machine.
            options: How to read them.
            pipeline: Says which model and policy the actors must have.
            load: Makes the pipeline of an actor.
            n: Actors; None for one a core of the cluster.
            place: Where actors leave facts, of which no batch then has any; None: they come with the batch.

        Raises:
            UsageError: Ray is not installed, the cluster can't be reached, or a source can't be read there.
        """
        for part in parts:
            if not part.source.is_lasting:
                name = part.source.name
                raise UsageError(f"{name} gives its bytes once, to this process; name files for a cluster.")
        self._ray = connect()
        self._parts, self._options, self._load = parts, options, load
        self._wanted = _identity(pipeline)
        self.n = n or max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self.n_comments: Counter[str] = Counter()
        self._place, self.facts = place, None if place is None else SharedFacts(place)
        self._seen = SeenComments() if len(parts) > 1 else None  # each reader knows its own source only

    def score(self) -> Iterator[Scored]:
        """Yield every batch with what is known of it, in the order of the sources.

        Raises:
            PlauditError: A machine has another model, or Ray lost or doubled a batch.
            UsageError: A source can't be read where a task runs.
        """
        expected = _Place(0, 0)
        try:
            for row in self._rows():
                place = _Place(row["source"], row["batch"])
                if place != expected:
                    raise PlauditError(f"Ray gave {place} where {expected} was due; {_AGAIN}")
                expected = place.after(is_last=row["is_last"])
                self._check_place(place, node=row["node"])
                self.n_comments[row["node"]] += row["n_comments"]
                scored = unpacked(row)
                fresh = self._without_doubles(scored)
                self._note_facts(place, scored.batch.comments, fresh.batch.comments)
                yield fresh
        except self._ray.exceptions.RayError as error:
            raise cause_of(error) from error
        if expected != (len(self._parts), 0):
            raise PlauditError(f"Ray ended before {expected}; {_AGAIN}")

    def _rows(self) -> Iterator[dict[str, Any]]:
        data = import_module("ray.data")
        scored = _reading(self._parts, options=self._options).map_batches(
            _Scorer,
            batch_size=1,
            batch_format="pyarrow",
            fn_constructor_kwargs={"load": self._load, "wanted": self._wanted, "place": self._place},
            compute=data.ActorPoolStrategy(size=self.n, max_tasks_in_flight_per_actor=_AHEAD),
            num_cpus=_ACTOR_CPUS,
        )
        return _rows_of(scored)

    def _check_place(self, place: _Place, *, node: str) -> None:
        if self._place is not None and node not in self.n_comments and not self._place.has(place.file):
            raise UsageError(
                f"What a machine of the cluster wrote to {self._place.address} is not there for this one: "
                "name a folder that all of them share with --work, or an address."
            )

    def _note_facts(self, place: _Place, comments: pa.RecordBatch, fresh: pa.RecordBatch) -> None:
        if self.facts is not None:
            told, kept = (each.column("key").to_numpy() for each in (comments, fresh))
            self.facts.add(place.file, n=len(kept), doubles=np.setdiff1d(told, kept, assume_unique=True))

    def _without_doubles(self, scored: Scored) -> Scored:
        """Leave out comments that an earlier source had, as one reader of all sources does."""
        if self._seen is None or not scored.batch.comments.num_rows:
            return scored
        keys, texts = (scored.batch.comments.column(name) for name in ("key", "text"))
        fresh, changed = self._seen.add(keys.to_numpy(), texts.to_pylist())
        if fresh.all():
            return scored
        known = scored.batch.comments.filter(pa.array(~fresh))
        batch = replace(
            scored.batch,
            comments=scored.batch.comments.filter(pa.array(fresh)),
            rejections=(*scored.batch.rejections, *_doubles(known, changed[~fresh])),
        )
        in_facts = pc.invert(pc.is_in(scored.facts.column("key"), value_set=known.column("key")))
        return Scored(
            batch=batch,
            labelled=scored.labelled.filter(pa.array(fresh)),
            facts=scored.facts.filter(in_facts),
        )


def _doubles(comments: pa.RecordBatch, changed: NDArray[np.bool_]) -> Iterator[Rejection]:
    for row, is_changed in zip(comments.select(["source", "id"]).to_pylist(), changed.tolist(), strict=True):
        problem = problem_of(is_changed=is_changed)
        where = f"{row['source']}:{row['id']}"
        yield Rejection(reason=problem.reason, where=where, detail=problem.detail)


def _identity(pipeline: Pipeline) -> dict[str, str]:
    return {
        "version": version("plaudit"),
        "model": pipeline.classifier.model.hash,
        "policy": pipeline.policy.hash,
    }


def cause_of(error: Exception) -> Exception:
    """Return what went wrong on another machine as it would have been raised on this one."""
    cause: Any = error
    while cause is not None:
        if isinstance(cause, PlauditError):
            return cause
        cause = getattr(cause, "cause", None) or cause.__cause__
    reason = next((line for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)
    return PlauditError(f"Ray gave up ({reason.strip()[:200]}); {_AGAIN}")


def _read(rows: pa.Table, *, options: ReadOptions, folder: str) -> Iterator[pa.Table]:
    """Read one source, named from this folder: a row a batch."""
    with suppress(OSError):
        os.chdir(folder)
    cloudpickle = import_module("ray").cloudpickle
    (row,) = rows.to_pylist()
    batches = batches_of([cloudpickle.loads(row["part"])], options=options)
    number, batch = 0, next(batches)
    for following in batches:
        yield _packed(batch, source=row["source"], number=number, is_last=False)
        number, batch = number + 1, following
    yield _packed(batch, source=row["source"], number=number, is_last=True)


class _Scorer:
    """Labels batches, in an actor."""

    _place: Place | None = None

    def __init__(self, *, load: Load, wanted: Mapping[str, str], place: Place | None = None) -> None:
        pa.set_cpu_count(1)
        self._place = place
        self._node = import_module("ray").get_runtime_context().get_node_id()
        self._pipeline = load()
        found = _identity(self._pipeline)
        for what, expected in wanted.items():
            if found[what] != expected:
                raise PlauditError(
                    f"A machine of the cluster has {what} {found[what][:12]}, this one {expected[:12]}: "
                    "install the same Plaudit and model on all of them."
                )

    def __call__(self, rows: pa.Table) -> pa.Table:
        (row,) = rows.to_pylist()
        batch = batch_of(row["comments"])
        part = self._pipeline.part(batch)
        kept = None if row["kept"] is None else batch_of(row["kept"])
        found, facts = with_kept(labelled(batch, part.scores), kept), part.facts.to_table()
        if self._place is not None:
            write_facts(self._place, _Place(row["source"], row["batch"]).file, facts)
            facts = facts.schema.empty_table()
        new = {
            "kept": None,  # it lies in the rows from here on
            "labelled": stream_of(pa.Table.from_batches([found])),
            "facts": stream_of(facts),
            "n_comments": batch.num_rows,
            "node": self._node,
        }
        return row_of(row | new)
