"""A model's small network distilled anew: the exact network stays as it is, to the byte."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from plaudit import artifact
from plaudit.artifact import Artifact
from plaudit.classifier import calibration_of
from plaudit.errors import MappingError
from plaudit.float_weights import Weights
from plaudit.inference import LogitModel, load_tokenizer
from plaudit.training import cascade, listening, records, restoring
from plaudit.training.build import corpus_texts
from plaudit.training.config import Config
from plaudit.training.fitting import Progress
from plaudit.training.preparation import Parts
from plaudit.training.revision import derive
from plaudit.training.warm import Start

Say = Callable[[str], None]


def redistil(
    config: Config,
    start: Start,
    parts: Parts,
    *,
    models: Path,
    name: str = "minilm",
    begun: Mapping[str, Weights] | None = None,
    work: Path | None = None,
    threads: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_stage: Say = lambda _: None,
) -> Path:
    """Write a model with the exact network of another and a new small one before it; return its folder.

    Temperatures and error counts, which belong to a way of answering, are fitted anew on what is held out;
    references are inherited.

    Args:
        config: Its `cascade` counts.
        start: The model whose exact network is kept.
        parts: The small network learns from the texts of `train` too; `held_out` as in `build`.
        models: Folder of artefacts; CURRENT is not touched.
        name: First word of the artefact's id.
        begun: Weights that the small network begins with, by file; None: those of `start`.
        work: A folder for the exact network's answers; see `listening.heard`.
        threads: Cores to use; None for all.
        on_progress: Called after every step.
        on_stage: Called with the name of each stage as it begins.

    Raises:
        MappingError: No dumps are named.
        TrainingDataError: There are too few texts.
        ArtifactError: The artefact cannot be written.
    """
    if not config.cascade.texts:
        raise MappingError("No dumps were named to learn from; give them as --texts DUMP or cascade.texts.")
    started = time.time()
    old = start.classifier.artifact
    tokenizer, max_tokens = load_tokenizer(old.path(artifact.TOKENIZER)), old.manifest.max_tokens
    graph = old.path(artifact.MODEL).read_bytes()
    on_stage("Calibrating")
    served = LogitModel(graph, tokenizer, max_tokens=max_tokens, threads=threads)
    exact = records.answer_record(
        served.split_logits([comment.text for comment in parts.held_out]), parts.held_out
    )
    made = cascade.build(
        config.cascade,
        restoring.load_network(start.encoder),
        served,
        tokenizer,
        corpus_texts(config.cascade.texts, limit=cascade.MAX_READ),
        max_tokens=max_tokens,
        calibration=calibration_of(exact),
        labelled=[comment.text for comment in parts.train],
        begun=start.students() if begun is None else begun,
        threads=threads,
        work=work,
        on_progress=on_progress,
        on_stage=on_stage,
    )
    on_stage("Writing")
    contents = {
        artifact.MODEL: graph,
        artifact.TOKENIZER: old.path(artifact.TOKENIZER).read_bytes(),
        **{student.file: student.graph for student in made.students},
    }
    stages = [student.stage for student in made.students]
    whole = LogitModel(graph, tokenizer, max_tokens=max_tokens, stages=stages, threads=threads)
    stage_records, answered = records.cascade_records(whole, made.students, exact, parts.held_out)
    if work is not None:
        listening.forget(work)
    return derive(
        old,
        parts.held_out,
        models=models,
        name=name,
        contents=contents,
        answers={artifact.EXACT: exact, artifact.CASCADE: answered},
        stages=stage_records,
        training=_training(config, old, seconds=time.time() - started) | records.student_record(made),
    )


def _training(config: Config, old: Artifact, *, seconds: float) -> dict[str, Any]:
    training = dict(old.manifest.training)
    settings, cascade = dict(training.get("config", {})), records.cascade_settings(config)
    taught = {"cascade_from_model": old.manifest.id, "cascade_seconds": round(seconds)}
    if not config.cascade.window_epochs:  # taught as before: only its thresholds are new
        moved = {name: cascade[name] for name in ("window_differing", "window_flags_differing")}
        cascade = dict(settings.get("cascade", cascade)) | moved
        taught = {name: training[name] for name in taught if name in training}
    return training | {"config": settings | {"cascade": cascade}} | taught
