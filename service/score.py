"""Score dumps into a folder of results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self

import pyarrow as pa

from plaudit.classifier import CPU
from plaudit.comment import Batch, Rejection
from plaudit.errors import PlauditError, UsageError
from plaudit.partition.stored import Stored
from plaudit.pipeline import Context, Pipeline
from plaudit.readers import ReadOptions
from plaudit.readers.keeping import kept_schema
from plaudit.readers.notes import notes_of
from plaudit.readers.preparation import Prepared
from plaudit.readers.reading import Part, batches_of, parts_of
from plaudit.readers.source import Listing, Sources, listing_of
from plaudit.report.envelope import Report
from plaudit.service.chunks import Chunks
from plaudit.service.comment_table import TABLE_FORMATS
from plaudit.service.crew import Crew, crew_of
from plaudit.service.evidence import Texts
from plaudit.service.exits import NOTE
from plaudit.service.folder import ResultFolder
from plaudit.service.output import LABELLED_SCHEMA, MANIFEST, Outputs, result_files
from plaudit.service.post_texts import post_texts_of
from plaudit.service.provenance import Clock, Inputs, is_made_by, job_of, manifest, refuse_others
from plaudit.service.report_pages import GROUPS, ReportPages
from plaudit.service.scorers import Load

MEASURING: Final = "measuring"
"""Folder beside the results in the making; gone before they appear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to score and how.

    Attributes:
        sources: Files or folders, "-" is stdin; or what `listing_of` found behind such.
        out: Folder for the results.
        options: How to read the sources.
        group_by: "post", "creator" or None.
        posts: File of the posts' own texts, as `post_texts.post_texts_of` reads it.
        model: Artefact folder; None for the shipped one.
        exact: Let the exact network read every comment; no cascade.
        threads: Cores to use; None for all.
        device: "cpu", or a GPU as torch names it, which the processes share.
        table_format: One of `TABLE_FORMATS`.
        checkpoints: Whether a run that is ended early leaves what it has done, in a folder beside the
            results.
        resume: Go on from there.
        pages: Whether each of the largest groups has a page of its own in a folder beside the main one.
        load: Makes the pipeline, in other processes too; None loads the model.
        engine: "local", or "ray" for all machines of a cluster (`cluster.py`).
        work: Folder or address that these share, for what they pass on to each other; None: it comes here.
    """

    sources: Sources
    out: Path
    options: ReadOptions
    group_by: str | None = None
    posts: Path | None = None
    model: Path | None = None
    exact: bool = False
    threads: int | None = None
    device: str = CPU
    table_format: str = "parquet"
    checkpoints: bool = False
    resume: bool = False
    pages: bool = False
    load: Load | None = None
    engine: str = "local"
    work: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A finished run: its report, where which results are, and whether earlier ones were replaced."""

    report: Report
    folder: Path
    files: Sequence[str]
    replaced: bool


class Steps(AbstractContextManager["Steps"], Protocol):
    """Is told how far a run is; it may raise to end the run, which then leaves nothing half-done."""

    def say(self, step: str) -> None:
        """Name what is being done."""

    def advance(self, n_comments: int, *, n_bytes: int) -> None:
        """Count comments that are done, and the bytes they were read from."""

    def warn(self, sentence: str) -> None:
        """Tell what does not stop the run, and should not be overlooked."""


def score(job: Job, *, meter: Steps, pipeline: Pipeline | None = None) -> Outcome | None:
    """Read, label and measure; the results appear together at the end or not at all.

    Args:
        job: What to do.
        meter: Is told how far it is.
        pipeline: None loads the model that the job names, in a process a core where the dump is long.

    Returns:
        None where the job is to be resumed and its results are there: nothing was done.

    Raises:
        UsageError: The folder can't be written, or a source can't be used; nothing was written then.
    """
    # The manifest goes last and comes first: where a run is killed in between, it tells which files are its.
    names = sorted(result_files(job.table_format), key=lambda name: name != MANIFEST)
    names[1:1] = [GROUPS] if job.pages and job.group_by else []
    others = {GROUPS, *(name for each in TABLE_FORMATS for name in result_files(each))}.difference(names)
    folder = ResultFolder(job.out, names=names, others=sorted(others), folders={GROUPS: "*.html"})
    with meter:
        listing = listing_of(job.sources)
        refuse_others(folder.target, names=[*names, *others], sources=listing.sources)
        # Looks at every source: unusable ones come first.
        parts = parts_of(listing.sources, options=job.options)
        for sentence in notes_of([each for each in parts if isinstance(each, Prepared)]):
            meter.warn(sentence)
        run = _Run(job, folder, listing=listing, parts=parts, meter=meter)
        meter.say("Loading the model")
        with crew_of(job, parts, pipeline=pipeline) as crew:
            run.prepare(crew)
            if job.resume and run.is_done():
                run.forget()
                return None
            with run, folder as scratch:
                return run.work(crew, scratch)


class _Run:
    """One run from the first batch to the results; as a context manager it lets go of its checkpoints."""

    def __init__(
        self, job: Job, folder: ResultFolder, *, listing: Listing, parts: Sequence[Part], meter: Steps
    ) -> None:
        self._job, self._folder, self._parts, self._meter = job, folder, parts, meter
        self._clock, self._inputs, self._texts = Clock(), Inputs(listing), Texts()
        self._checkpoints = folder.target.with_name(f"{folder.target.name}.checkpoints")
        self._told: dict[str, Any] = {}
        for sentence in self._inputs.listing.sentences():
            meter.warn(sentence)
        self._posts = {} if job.posts is None else post_texts_of(job.posts)
        self._chunks: Chunks | None = None

    def prepare(self, crew: Crew) -> None:
        """Settle what decides the results."""
        self._told = job_of(self._inputs, self._job.options, crew.pipeline)
        self._options = {"by": self._job.group_by, "table_format": self._job.table_format}
        if self._job.posts is not None:
            self._options["posts"] = sha256(self._job.posts.read_bytes()).hexdigest()
        self._clock.lap("loading")

    def is_done(self) -> bool:
        """Tell whether the results of this very run are there."""
        target = self._folder.target
        if GROUPS in self._folder.names and not (target / GROUPS).is_dir():
            return False
        return is_made_by(target, names=self._folder.files, job=self._told, options=self._options)

    def forget(self) -> None:
        """Remove the checkpoints of this very run, which was killed once its results were there."""
        with suppress(UsageError):  # of another run, or one at work
            Chunks(self._checkpoints, job=self._told, resume=True).remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._chunks is not None:
            if error is not None and self._job.checkpoints and len(self._chunks):
                n_done = f"{self._chunks.n_comments:,}"
                error.add_note(f"{NOTE}What was done of it, {n_done} comments, is kept: --resume goes on.")
            self._chunks.close()

    def work(self, crew: Crew, scratch: Path) -> Outcome:
        """Do it, publish the results, and remove the checkpoints."""
        target, kept = self._folder.target, self._job.checkpoints
        place = self._checkpoints if kept else scratch / "chunks"
        chunks = self._chunks = Chunks(place, job=self._told, resume=self._job.resume)
        n_resumed = chunks.n_comments
        self._score(crew, chunks)
        crew.dismiss()
        self._clock.lap("scoring")
        facts = chunks.facts() if crew.facts is None else crew.facts
        report = self._measure(crew, chunks, facts, scratch / MEASURING)
        self._clock.lap("measuring")
        self._write(report, chunks, facts, scratch)
        self._clock.lap("writing")
        if not kept:  # it lies in what is published
            chunks.remove()
        (scratch / MANIFEST).write_bytes(self._manifest(report, scratch, n=crew.n, n_resumed=n_resumed))
        replaced = self._folder.publish()
        chunks.remove()
        shown = (GROUPS, *result_files(self._job.table_format))
        files = [name for name in shown if name in self._folder.names]
        return Outcome(report=report, folder=target, files=files, replaced=replaced)

    def _score(self, crew: Crew, chunks: Chunks) -> None:
        self._meter.say("Finding the place" if chunks.n_batches else "Scoring")
        for batch in chunks.check(crew.batches):
            self._pass(batch, n_scored=0)
        self._meter.say("Scoring")
        for scored in crew.score(crew.batches):
            chunks.add(scored)
            self._pass(scored.batch, n_scored=len(scored.labelled))

    def _pass(self, batch: Batch, *, n_scored: int) -> None:
        self._texts.keep(batch.comments)
        self._meter.advance(n_scored, n_bytes=batch.n_bytes)
        for sentence in warnings_of(batch.rejections):
            self._meter.warn(sentence)

    def _measure(self, crew: Crew, chunks: Chunks, facts: Stored, folder: Path) -> Report:
        if n_unread := chunks.rejected()["bad_encoding"]:
            self._meter.warn(
                f"Records left out that are not UTF-8 text: {n_unread:,}. If that is more than a few, save "
                "what they came from as UTF-8 and score it again."
            )
        self._meter.say("Measuring")
        options = self._job.options
        context = Context(creator_id=options.creator, platform=options.platform, posts=self._posts)
        return crew.pipeline.report(
            facts,
            folder=folder,
            rejected=chunks.rejected(),
            context=context,
            group_by=self._job.group_by,
            spread=crew.spread,
        )

    def _write(self, report: Report, chunks: Chunks, facts: Stored, scratch: Path) -> None:
        self._meter.say("Writing the report")
        # Stdin, pipes and sockets give what they hold only once.
        lasts = all(part.source.is_lasting for part in self._parts)
        again = (lambda: _read_again(self._parts, job=self._job)) if lasts else None
        by = self._job.group_by if self._job.pages else None
        pages = ReportPages.of(report, facts, by=by, folder=scratch / MEASURING)
        found = self._texts.find(report, keys=pages.keys(), read_again=again)
        if by:
            pages.write(scratch / GROUPS, found)
        schema = pa.schema([*LABELLED_SCHEMA, *kept_schema(self._job.options.keep)])
        with closing(Outputs(scratch, table_format=self._job.table_format, schema=schema)) as outputs:
            for comments, rejected in chunks.parts():
                outputs.write(comments, rejected=rejected)
            outputs.finish(report, page=pages.main(found))

    def _manifest(self, report: Report, scratch: Path, *, n: int, n_resumed: int) -> bytes:
        clock, n_scored = self._clock, report.coverage.scored - n_resumed
        run = {
            "started_at": clock.started.isoformat(timespec="seconds"),
            "seconds": clock.seconds | {"total": clock.total},
            "processes": n,
            "comments_before": n_resumed,
            "comments_a_second": round(n_scored / max(clock.total, 1e-3), 1),
        }
        return manifest(
            report, inputs=self._inputs, job=self._told, options=self._options, results=scratch, run=run
        )


def _read_again(parts: Sequence[Part], *, job: Job) -> Iterator[Batch]:
    # The labels are done: a source that has gone since costs the page its quotes, not the run.
    with suppress(PlauditError, OSError):
        if job.engine == "local":
            yield from batches_of(parts, options=job.options)
        else:
            from plaudit.service.cluster import read_again

            yield from read_again(parts, options=job.options)


def warnings_of(rejections: Iterable[Rejection]) -> Iterator[str]:
    """Yield a sentence for each rejection that stands for more than one record."""
    for each in rejections:
        if each.reason == "truncated_archive":
            yield f"{each.where}: {each.detail} What came before was kept; the rest is not counted."
        elif each.reason == "unusable_file":
            yield f"Passed over: {each.detail}"
