"""Measure what the numbers are worth, into a folder of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import pyarrow as pa

from plaudit.comment import COMMENT_SCHEMA, PLATFORMS
from plaudit.errors import InputError, MappingError, UsageError
from plaudit.pipeline import Pipeline
from plaudit.readers import ReadOptions, read
from plaudit.report.claims import Validation
from plaudit.report.validation import render_validation
from plaudit.service.folder import ResultFolder
from plaudit.service.steps import Steps
from plaudit.validation import chosen, groups_of, shipped_groups, validate
from plaudit.validation.bench import Bench
from plaudit.validation.material import Material, Post, bot_texts_of, labelled_of, posts_of
from plaudit.validation.records import records_of
from plaudit.validation.remembering import Remembering
from plaudit.validation.scale import SCALES
from plaudit.validation.simulation import simulated
from plaudit.validation.study import Study

PAGE, FIGURES = "validation.html", "validation.json"
RESULT_FILES: Final = (PAGE, FIGURES)

DEFAULT_DATA: Final = Path("../shared/data")
"""Where threads, bot lists and labelled comments are looked for, from the working directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file of threads: where its comments are from (None: as it says), and its columns of other names."""

    path: Path
    platform: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


_SOURCES: Final = (
    Source(path=Path("threads/youtube_threads.jsonl.zst"), platform="youtube"),
    Source(path=Path("threads/instagram_brand.jsonl.zst"), platform="instagram"),
    Source(path=Path("threads/creators.jsonl.zst")),
    Source(path=Path("threads/youtube_2013.jsonl.zst"), platform="youtube"),
    Source(path=Path("threads/youtube_api_threads.jsonl.zst"), platform="youtube"),
    Source(path=Path("benchmarks/youtube_spam.jsonl.zst"), platform="youtube", columns={"post_id": "video"}),
)
_BOTS: Final = Path("bots/bot_comments.jsonl.zst")
_LABELS: Final = Path("labels/test.jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to validate on, and how.

    Attributes:
        sources: `[PLATFORM=]FILE` each; none: those of `DEFAULT_DATA`.
        out: Folder for the results.
        simulate: Take simulated communities in place of sources.
        bots: File of what bots post; None: that of `DEFAULT_DATA`, where sources are.
        labels: File of labelled comments; None likewise.
        groups: TOML file of known groups; None: those shipped.
        scale: A name in `SCALES`.
        seed: Of every random choice.
        only: Experiments to run; none: all.
        cache: File to keep labels in from one run to the next; None: they are forgotten.
        model: Artefact folder; None for the shipped one.
        threads: Of the model; None lets it choose.
    """

    sources: Sequence[str]
    out: Path
    simulate: bool = False
    bots: Path | None = None
    labels: Path | None = None
    groups: Path | None = None
    scale: str = "small"
    seed: int = 0
    only: Sequence[str] = ()
    cache: Path | None = None
    model: Path | None = None
    threads: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A finished run: what it found, and where it is."""

    validation: Validation
    folder: Path


def run(job: Job, *, steps: Steps) -> Outcome:
    """Read, label, experiment; the results appear together at the end or not at all.

    Raises:
        UsageError: An option or a file that cannot be used.
        ArtifactError: The model is missing or damaged.
    """
    folder, only = ResultFolder(job.out, names=RESULT_FILES), chosen(job.only)
    sources = () if job.simulate else _sources(job)
    groups = shipped_groups() if job.groups is None else groups_of(_text(job.groups))
    with steps:
        pipeline = Pipeline.load(job.model, threads=job.threads)
        remembering = Remembering(pipeline.classifier)
        if job.cache is not None:
            remembering.load(job.cache)
        material, counts = _material(job, sources, steps=steps, languages=remembering.languages)
        study = Study(
            bench=Bench(replace(pipeline, classifier=remembering)),
            material=material if job.simulate else replace(material, groups=groups),
            scale=SCALES[job.scale],
            seed=job.seed,
            on_step=steps,
        )
        try:
            validation = validate(study, only=only, sources=counts)
        finally:  # what was labelled before Ctrl-C need not be labelled again
            if job.cache is not None:
                remembering.save(job.cache)
        with folder as scratch:
            (scratch / PAGE).write_bytes(render_validation(validation).encode("utf-8", "replace"))
            (scratch / FIGURES).write_bytes(validation.to_json() + b"\n")
            folder.publish()
    return Outcome(validation=validation, folder=folder.target)


def _sources(job: Job) -> tuple[Source, ...]:
    if job.sources:
        return tuple(map(_source, job.sources))
    found = [replace(each, path=DEFAULT_DATA / each.path) for each in _SOURCES]
    found = [each for each in found if each.path.is_file()]
    if not found:
        raise UsageError(
            f"No threads were named and there are none in {DEFAULT_DATA}; name files of comments, or take "
            "--simulated for communities that never were."
        )
    return tuple(found)


def _source(argument: str) -> Source:
    platform, separator, path = argument.partition("=")
    if not separator or Path(argument).exists():
        platform, path = "", argument
    if platform and platform not in PLATFORMS:
        raise MappingError(
            f"{argument}: there is no platform '{platform}'; name one of: {', '.join(PLATFORMS)}."
        )
    return Source(path=Path(path), platform=platform or None)


def _material(
    job: Job, sources: Sequence[Source], *, steps: Steps, languages: Sequence[str]
) -> tuple[Material, dict[str, int]]:
    if job.simulate:
        material = simulated(
            n_posts=2 * SCALES[job.scale].n_posts, n_big=SCALES[job.scale].n_big, seed=job.seed
        )
        return material, {"simulated": sum(len(post.comments) for post in material.posts)}
    posts: list[Post] = []
    counts: dict[str, int] = {}
    options = [ReadOptions(platform=each.platform, columns=each.columns) for each in sources]
    readings = [read([each.path], options=how) for each, how in zip(sources, options, strict=True)]
    for done, (source, batches) in enumerate(zip(sources, readings, strict=True)):
        steps("Reading", done, len(sources))
        comments = pa.Table.from_batches([batch.comments for batch in batches], schema=COMMENT_SCHEMA)
        counts[source.path.name] = len(comments)
        posts += posts_of(comments, file=source.path.name.partition(".")[0]) if len(comments) else []
    bots, labels = job.bots or _there(_BOTS), job.labels or _there(_LABELS)
    return (
        Material(
            posts=tuple(posts),
            bots=tuple(bot_texts_of(records_of(bots), languages=languages)) if bots else (),
            labelled=tuple(labelled_of(records_of(labels))) if labels else (),
        ),
        counts,
    )


def _there(name: Path) -> Path | None:
    path = DEFAULT_DATA / name
    return path if path.is_file() else None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read ({error}); name a TOML file of known groups.") from error
