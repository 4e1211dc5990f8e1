"""Who scores a run: this process, processes of this machine, or the machines of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from plaudit.classifier import CPU
from plaudit.comment import Batch
from plaudit.errors import UsageError
from plaudit.partition.stored import Stored
from plaudit.pipeline import Pipeline, Spread
from plaudit.readers.reading import Part, batches_of
from plaudit.service.scorers import Load, Scored, Scorers, n_cores, score_here

if TYPE_CHECKING:
    from plaudit.service.score import Job

_FEW: Final = 2  # batches; a dump of fewer is done before other processes have loaded the model


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Who scores: a pipeline to measure with, and a function that scores batches in order.

    Attributes:
        pipeline: May be without its weights.
        batches: All batches.
        score: Scores some of them.
        n: Processes that score.
        dismiss: Ends them; they are of no more use once all is scored.
        spread: Measures groups on other machines; None: here.
        facts: Those of all that was scored, where they lie elsewhere; None: they come with the batches.
    """

    pipeline: Pipeline
    batches: Iterator[Batch]
    score: Callable[[Iterable[Batch]], Iterator[Scored]]
    n: int = 1
    dismiss: Callable[[], None] = lambda: None
    spread: Spread | None = None
    facts: Stored | None = None


@contextmanager
def crew_of(job: Job, parts: Sequence[Part], *, pipeline: Pipeline | None) -> Iterator[Crew]:
    """Lend who scores a job: this process, some on this machine, or a cluster.

    Raises:
        UsageError: The cluster can't be reached, or can't do what the job asks for.
        ArtifactError: The model can't be loaded.
    """
    if job.engine != "local":
        with ExitStack() as stack:
            yield _cluster(job, parts, stack, pipeline=pipeline)
        return
    if job.work is not None:
        raise UsageError("--work is the folder that the machines of a cluster share; add --engine ray.")
    batches: Iterator[Batch] = batches_of(parts, options=job.options)
    head = list(islice(batches, _FEW))
    batches = chain(head, batches)
    n = 1 if pipeline is not None or len(head) < _FEW else job.threads or n_cores()
    if n > 1:
        with ExitStack() as stack:
            scorers = stack.enter_context(Scorers(_load(job, threads=1), n=n))
            yield Crew(
                pipeline=scorers.pipeline(), batches=batches, score=scorers.score, n=n, dismiss=stack.close
            )
        return
    if pipeline is None:
        pipeline = _load(job, threads=job.threads)()
    yield Crew(pipeline=pipeline, batches=batches, score=partial(score_here, pipeline=pipeline))


def _cluster(job: Job, parts: Sequence[Part], stack: ExitStack, *, pipeline: Pipeline | None) -> Crew:
    from plaudit.service.cluster import ClusterScorers
    from plaudit.service.cluster_groups import ClusterGroups
    from plaudit.service.cluster_place import Place

    if job.device != CPU:
        raise UsageError("A run on a cluster is scored on its cores: leave out --device, or --engine ray.")
    if job.resume:
        raise UsageError("A run on a cluster keeps no checkpoints: leave out --resume, or --engine ray.")
    load = _load(job, threads=1)
    pipeline = pipeline or load()
    place = None if job.work is None else Place.new(job.work)
    if place is not None:
        stack.callback(place.remove)
    scorers = ClusterScorers(
        parts, options=job.options, pipeline=pipeline, load=load, n=job.threads, place=place
    )
    return Crew(
        pipeline=pipeline,
        batches=iter(()),
        score=lambda _: scorers.score(),
        n=scorers.n,
        spread=ClusterGroups(n=job.threads, place=place),
        facts=scorers.facts,
    )


def _load(job: Job, *, threads: int | None) -> Load:
    """Return what loads a job's pipeline, in this process or in another."""
    return job.load or partial(Pipeline.load, job.model, exact=job.exact, threads=threads, device=job.device)
