"""From labelled comments to an artefact: vocabulary, fit, export, quantise, calibrate, write."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from plaudit import artifact
from plaudit.artifact import AnswerRecord, Manifest, StageRecord
from plaudit.calibration import Calibration
from plaudit.classifier import calibration_of
from plaudit.comment_network import CommentNetwork
from plaudit.errors import MappingError, TrainingDataError
from plaudit.inference import LogitModel
from plaudit.legible import legible
from plaudit.readers import ReadOptions, read
from plaudit.text import NORMALIZER_VERSION
from plaudit.training import (
    card,
    cascade,
    checkpoint,
    export,
    fitting,
    listening,
    network,
    quantize,
    records,
    unigram,
    vocabulary,
)
from plaudit.training.cascade import Cascade
from plaudit.training.config import Config
from plaudit.training.fitting import Progress
from plaudit.training.preparation import Parts, prepare
from plaudit.training.vocabulary import Vocabulary

__all__ = ["Parts", "build", "corpus_texts", "prepare"]

Say = Callable[[str], None]


def build(
    config: Config,
    parts: Parts,
    *,
    models: Path,
    name: str = "minilm",
    languages: Sequence[str] = ("en",),
    origin: str | None = None,
    work: Path | None = None,
    device: str = "cpu",
    threads: int | None = None,
    after_fit: Callable[[CommentNetwork], None] | None = None,
    students: Mapping[str, Mapping[str, NDArray[np.float32]]] = MappingProxyType({}),
    on_progress: Callable[[Progress], None] | None = None,
    on_stage: Say = lambda _: None,
) -> Path:
    """Train, export and write an artefact; return its folder.

    Args:
        config: Every knob.
        parts: As `prepare` returns them.
        models: Folder of artefacts; CURRENT is not touched.
        name: First word of the artefact's id.
        languages: ISO 639-1 codes the model is said to read.
        origin: Markdown for the card: where the labelled comments come from.
        work: Folder for checkpoints and a teacher's answers, to resume from; None: neither is kept.
        device: As torch names it.
        threads: Cores to use; None for all.
        after_fit: Called with the fitted network, to change it before it is exported.
        students: Weights that the small network begins with, by file; see `cascade.build`.
        on_progress: Called after every step.
        on_stage: Called with the name of each stage as it begins.

    Raises:
        TrainingDataError: The data, the encoder, the checkpoint or the device cannot be used.
        ArtifactError: The artefact cannot be written.
    """
    check_device(device)
    _make(models)
    if threads is not None:
        torch.set_num_threads(threads)
    started = time.time()
    on_stage("Preparing the vocabulary")
    tokenizer, fitted = _vocabulary(config)
    torch.manual_seed(config.train.seed)
    net = network.build(
        config.encoder.name,
        dropout=config.train.dropout,
        origin=None if fitted is None else fitted.origin,
        weights=() if fitted is None else fitted.weights,
        n_layers=config.encoder.n_layers,
        max_tokens=config.encoder.max_tokens,
    )
    on_stage("Training")
    fitting.fit(
        net,
        tokenizer,
        parts.train,
        config=config.train,
        max_tokens=config.encoder.max_tokens,
        checkpoint=None if work is None else _make(work) / checkpoint.NAME,
        device=device,
        on_progress=on_progress,
    )
    if after_fit is not None:
        after_fit(net)
    on_stage("Exporting")
    graph = quantize.quantize(export.to_onnx(net)).SerializeToString()
    served = LogitModel(graph, tokenizer, max_tokens=config.encoder.max_tokens, threads=threads)
    on_stage("Calibrating")
    quantized = served.split_logits([comment.text for comment in parts.held_out])
    answered = records.answer_record(quantized, parts.held_out)
    learnt = [comment.text for comment in parts.train]
    made = _cascade(
        config, net, served, tokenizer, learnt, calibration_of(answered), students, threads, work,
        on_progress, on_stage,
    )  # fmt: skip
    on_stage("Writing")
    folder = _write(
        config, parts, net, tokenizer, graph, served, quantized, answered, made, models=models, name=name,
        languages=languages, origin=origin, threads=threads, started=started,
    )  # fmt: skip
    if work is not None:
        (work / checkpoint.NAME).unlink(missing_ok=True)  # done: the next run starts anew
        listening.forget(work)
    return folder


def check_device(device: str) -> None:
    """Refuse a device that is not there, before hours are spent.

    Raises:
        TrainingDataError: torch knows no such device, or finds none.
    """
    try:
        kind = torch.device(device).type
    except RuntimeError:
        raise TrainingDataError(f"There is no device {device!r}; expected cpu or cuda.") from None
    if kind == "cuda" and not torch.cuda.is_available():
        raise TrainingDataError(f"Device {device!r} was asked for and torch finds no GPU; use --device cpu.")


def check_name(name: str) -> None:
    """Refuse a name no folder can begin with.

    Raises:
        MappingError: It holds anything but letters, digits, _ and -.
    """
    if not re.fullmatch(r"[A-Za-z0-9][\w-]*", name, re.ASCII):
        raise MappingError(f"The name {name!r} cannot begin a model's id; expected letters, digits, _ and -.")


def _make(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise TrainingDataError(
            f"Nothing can be written to {folder} ({error.strerror}); name another folder."
        ) from None


def _cascade(
    config: Config,
    net: CommentNetwork,
    served: LogitModel,
    tokenizer: Tokenizer,
    learnt: Sequence[str],
    calibration: Calibration,
    begun: Mapping[str, Mapping[str, NDArray[np.float32]]],
    threads: int | None,
    work: Path | None,
    on_progress: Callable[[Progress], None] | None,
    on_stage: Say,
) -> Cascade:
    if not config.cascade.texts:
        return Cascade()
    return cascade.build(
        config.cascade,
        net,
        served,
        tokenizer,
        corpus_texts(config.cascade.texts, limit=cascade.MAX_READ),
        max_tokens=config.encoder.max_tokens,
        calibration=calibration,
        labelled=learnt,
        begun=begun,
        threads=threads,
        work=work,
        on_progress=on_progress,
        on_stage=on_stage,
    )


def _write(
    config: Config,
    parts: Parts,
    net: CommentNetwork,
    tokenizer: Tokenizer,
    graph: bytes,
    served: LogitModel,
    quantized: records.LogitPair,
    answered: AnswerRecord,
    made: Cascade,
    *,
    models: Path,
    name: str,
    languages: Sequence[str],
    origin: str | None,
    threads: int | None,
    started: float,
) -> Path:
    max_tokens, students = config.encoder.max_tokens, made.students
    contents = {
        artifact.MODEL: graph,
        artifact.TOKENIZER: tokenizer.to_str().encode(),
        **{student.file: student.graph for student in students},
    }
    texts = [c.text for c in parts.held_out]
    exact = fitting.logits(net, tokenizer, texts, max_tokens=max_tokens)
    answers = {artifact.EXACT: answered}
    stages: tuple[StageRecord, ...] = ()
    if students:
        whole = LogitModel(
            graph, tokenizer, max_tokens=max_tokens, stages=[s.stage for s in students], threads=threads
        )
        stages, answers[artifact.CASCADE] = records.cascade_records(whole, students, answered, parts.held_out)
    created = datetime.now(UTC).date().isoformat()
    manifest = Manifest(
        format_version=artifact.FORMAT_VERSION,
        id=artifact.content_id(name, created=created, contents=contents),
        created=created,
        labels=records.LABEL_DEFINITIONS,
        flags=records.FLAG_DEFINITIONS,
        base_model=records.encoder_name(config),
        languages=tuple(languages),
        max_tokens=max_tokens,
        normalizer_version=NORMALIZER_VERSION,
        files=artifact.file_records(contents),
        answers=answers,
        stages=stages,
        references={},
        golden=records.golden_records(served),
        golden_tolerance=records.GOLDEN_TOLERANCE,
        data=records.data_record(config, parts, origin=origin),
        training=records.training_record(
            config, net, tokenizer, exact=exact, served=quantized, seconds=time.time() - started
        )
        | records.student_record(made),
        metrics={},
    )
    return artifact.write(
        models, manifest, contents=contents | {artifact.CARD: card.render(manifest).encode()}
    )


def _vocabulary(config: Config) -> tuple[Tokenizer, Vocabulary | None]:
    base = network.load_tokenizer(config.encoder.name)
    knobs = config.vocabulary
    if not knobs.corpus:
        return base, None
    kind = json.loads(base.to_str())["model"]["type"]
    texts = corpus_texts(knobs.corpus, limit=knobs.max_corpus_texts)
    if kind == "WordPiece":
        fitted = vocabulary.fit(
            base,
            texts,
            min_count=knobs.min_count,
            n_emoji=knobs.n_emoji,
            max_new_words=knobs.max_new_words,
        )
    elif kind == "Unigram":
        fitted = unigram.fit(
            base,
            texts,
            size=knobs.size,
            min_count=knobs.min_count,
            n_emoji=knobs.n_emoji,
            language_share=knobs.language_share,
        )
    else:
        raise TrainingDataError(
            f"The vocabulary of {config.encoder.name!r} is of the kind {kind!r} and cannot be pruned; "
            "expected WordPiece or Unigram. Leave vocabulary.corpus empty."
        )
    return fitted.tokenizer, fitted


def corpus_texts(paths: Sequence[str], *, limit: int) -> Iterator[str]:
    """Yield distinct texts of comment dumps as the model reads them."""
    seen: set[str] = set()
    for batch in read([Path(p) for p in paths], options=ReadOptions()):
        for text in batch.comments.column("text").to_pylist():
            if len(seen) >= limit:
                return
            as_read = legible(text)
            if as_read not in seen:
                seen.add(as_read)
                yield as_read
