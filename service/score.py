"""Score dumps into a folder of results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from plaudit.comment import Batch, Rejection
from plaudit.errors import PlauditError
from plaudit.pipeline import Context, Pipeline
from plaudit.readers import ReadOptions, read
from plaudit.readers.source import sources_of
from plaudit.report.envelope import Report
from plaudit.report.html import render_html
from plaudit.scores import Scores
from plaudit.service.evidence import Texts
from plaudit.service.folder import ResultFolder
from plaudit.service.output import RESULT_FILES, Outputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to score and how.

    Attributes:
        sources: Files or folders; "-" is stdin.
        out: Folder for the results.
        options: How to read the sources.
        group_by: "post", "creator" or None.
        model: Artefact folder; None for the shipped one.
        threads: Of the model; None lets it choose.
    """

    sources: Sequence[str]
    out: Path
    options: ReadOptions
    group_by: str | None = None
    model: Path | None = None
    threads: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A finished run: its report, where the results are, and whether earlier ones were replaced."""

    report: Report
    folder: Path
    replaced: bool


class Steps(AbstractContextManager["Steps"], Protocol):
    """Is told how far a run is; it may raise to end the run, which then leaves nothing behind."""

    def say(self, step: str) -> None:
        """Name what is being done."""

    def advance(self, n_comments: int, *, n_bytes: int) -> None:
        """Count comments that are done, and the bytes they were read from."""

    def warn(self, sentence: str) -> None:
        """Tell what does not stop the run, and should not be overlooked."""


def score(job: Job, *, meter: Steps, pipeline: Pipeline | None = None) -> Outcome:
    """Read, label and measure; the results appear together at the end or not at all.

    Args:
        job: What to do.
        meter: Is told how far it is.
        pipeline: None loads the model that the job names.

    Raises:
        UsageError: The folder can't be written, or a source can't be used; nothing was written then.
    """
    folder = ResultFolder(job.out, names=RESULT_FILES)
    with meter:
        batches = read(job.sources, options=job.options)  # looks at every source: unusable ones come first
        if pipeline is None:
            meter.say("Loading the model")
            pipeline = Pipeline.load(job.model, threads=job.threads)
        meter.say("Scoring")
        with folder as scratch, closing(Outputs(scratch)) as outputs:
            report = _scored(job, batches, pipeline, outputs=outputs, meter=meter)
            return Outcome(report=report, folder=folder.target, replaced=folder.publish())


def _scored(
    job: Job, batches: Iterator[Batch], pipeline: Pipeline, *, outputs: Outputs, meter: Steps
) -> Report:
    texts = Texts()

    def on_batch(batch: Batch, scores: Scores) -> None:
        outputs.write(batch, scores)
        texts.keep(batch.comments)
        meter.advance(len(scores), n_bytes=batch.n_bytes)
        for sentence in warnings_of(batch.rejections):
            meter.warn(sentence)

    context = Context(creator_id=job.options.creator, platform=job.options.platform)
    report = pipeline.score(batches, context=context, group_by=job.group_by, on_batch=on_batch)
    meter.say("Writing the report")
    again = (lambda: _read_again(job)) if _lasting(job.sources) else None
    outputs.finish(report, page=render_html(report, texts=texts.of(report, read_again=again)))
    return report


def _read_again(job: Job) -> Iterator[Batch]:
    # The labels are done: a source that has gone since costs the page its quotes, not the run.
    with suppress(PlauditError, OSError):
        yield from read(job.sources, options=job.options)


def warnings_of(rejections: Iterable[Rejection]) -> Iterator[str]:
    """Yield a sentence for each rejection that stands for more than one record."""
    for each in rejections:
        if each.reason == "truncated_archive":
            yield f"{each.where}: {each.detail} What came before was kept; the rest is not counted."
        elif each.reason == "unusable_file":
            yield f"Passed over: {each.detail}"


def _lasting(sources: Sequence[str]) -> bool:
    # Stdin, pipes and sockets give what they hold only once.
    try:
        return all(source.is_lasting for source in sources_of(sources))
    except PlauditError:  # gone since
        return False
