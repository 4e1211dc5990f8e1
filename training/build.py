"""From labelled files to an artefact: split, vocabulary, fit, export, quantise, calibrate, write."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from plaudit import artifact, calibration
from plaudit.artifact import AnswerRecord, GoldenRecord, Manifest
from plaudit.inference import LogitModel
from plaudit.errors import TrainingDataError
from plaudit.readers import ReadOptions, read
from plaudit.scores import FLAGS, LABELS
from plaudit.text import NORMALIZER_VERSION, normalize
from plaudit.training import card, dataset, export, fitting, network, quantize, vocabulary
from plaudit.training.config import Config
from plaudit.training.dataset import LabelledComment
from plaudit.training.fitting import Progress
from plaudit.training.targets import flag_targets

LABEL_DEFINITIONS = {
    "genuine": "Conversation about this content, its maker or another commenter.",
    "generic_praise": "Could be pasted unchanged under almost any other post: applause, emoji, slogans, promotion.",
    "question": "Sincerely asks for information, advice, an opinion, or asks the creator for something.",
}
FLAG_DEFINITIONS = {
    "experience": "Tells something of the writer's own life, use or past.",
    "solicitation": "Promotes, sells, begs for follows or clicks, gives a contact, or is a scam.",
    "addressed": "Answers or addresses one particular commenter or the creator.",
}
GOLDEN_TEXTS = (
    "Great post!",
    "Which glue did you use on the handle, the two-part one?",
    "@user mine cracked in the second firing too, slower cooling fixed it",
    "🔥🔥🔥",
    "DM me to grow your page to 10k followers",
    "please do one about glazing next",
    "muy buena explicación, lo del minuto tres me salvó",
    "no way this holds for a year, the seam is already lifting at the end of the video and he never mentions it",
)
GOLDEN_TOLERANCE = 0.1  # int8 sums are exact; what differs between machines is float32 rounding before them


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What training holds apart: the weights see `train` only."""

    train: Sequence[LabelledComment]
    held_out: Sequence[LabelledComment]


def prepare(config: Config, *, frozen: Sequence[LabelledComment] = ()) -> Parts:
    """Load, check and split the labelled files.

    Args:
        config: Names the files.
        frozen: Test comments; training rows with the same letters are left out.

    Raises:
        TrainingDataError: No files, a label missing, or too few rows to hold some out.
    """
    if not config.data.train:
        raise TrainingDataError("no labelled files were named; give them as arguments or as data.train.")
    comments = [c for path in config.data.train for c in dataset.load(path)]
    comments = dataset.without_leaks(comments, frozen)
    train, held_out = dataset.split(comments, share=config.data.calibration_share, seed=config.train.seed)
    for name, part in (("training", train), ("held-out", held_out)):
        missing = set(LABELS) - {c.label for c in part}
        if missing:
            raise TrainingDataError(
                f"the {name} part ({len(part)} of {len(comments)} rows) has no {', '.join(sorted(missing))}; "
                "expected rows of every label: add some, or raise data.calibration_share."
            )
    return Parts(train=train, held_out=held_out)


def build(
    config: Config,
    parts: Parts,
    *,
    models: Path,
    name: str = "minilm",
    languages: Sequence[str] = ("en",),
    work: Path | None = None,
    device: str = "cpu",
    on_progress: Callable[[Progress], None] | None = None,
) -> Path:
    """Train, export and write an artefact; return its folder.

    Args:
        config: Every knob.
        parts: As `prepare` returns them.
        models: Folder of artefacts; CURRENT is not touched.
        name: First word of the artefact's id.
        languages: ISO 639-1 codes the model is said to read.
        work: Folder for checkpoints, to resume from; None: no checkpoints.
        device: As torch names it.
        on_progress: Called after every step.

    Raises:
        TrainingDataError: The data or the device is not there.
        ArtifactError: The artefact cannot be written.
    """
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise TrainingDataError(f"device {device} was asked for and torch finds no GPU; use --device cpu.")
    started = time.time()
    tokenizer, origin = _vocabulary(config)
    torch.manual_seed(config.train.seed)
    net = network.build(config.encoder.name, dropout=config.train.dropout, origin=origin)
    fitting.fit(
        net,
        tokenizer,
        parts.train,
        config=config.train,
        max_tokens=config.encoder.max_tokens,
        checkpoint=work / "checkpoint.pt" if work else None,
        device=device,
        on_progress=on_progress,
    )
    model = quantize.quantize(export.to_onnx(net)).SerializeToString()
    contents = {artifact.MODEL: model, artifact.TOKENIZER: tokenizer.to_str().encode()}
    served = LogitModel(model, tokenizer, max_tokens=config.encoder.max_tokens)
    answers = {"exact": _answer(served, parts.held_out)}
    created = datetime.now(UTC).date().isoformat()
    manifest = Manifest(
        format_version=artifact.FORMAT_VERSION,
        id=artifact.content_id(name, created=created, contents=contents),
        created=created,
        labels=LABEL_DEFINITIONS,
        flags=FLAG_DEFINITIONS,
        base_model=config.encoder.name,
        languages=tuple(languages),
        max_tokens=config.encoder.max_tokens,
        normalizer_version=NORMALIZER_VERSION,
        files=artifact.file_records(contents),
        answers=answers,
        references={},
        golden=_golden(served),
        golden_tolerance=GOLDEN_TOLERANCE,
        data=_data_record(config, parts),
        training=_training_record(config, net, tokenizer, parts, served, seconds=time.time() - started),
        metrics={},
    )
    return artifact.write(models, manifest, contents=contents | {artifact.CARD: card.render(manifest).encode()})


def _vocabulary(config: Config) -> tuple[Tokenizer, Sequence[Sequence[int]] | None]:
    base = Tokenizer.from_file(str(Path(network.encoder_folder(config.encoder.name)) / "tokenizer.json"))
    base.no_padding()
    base.no_truncation()
    if not config.vocabulary.corpus or json.loads(base.to_str())["model"]["type"] != "WordPiece":
        return base, None
    knobs = config.vocabulary
    fitted = vocabulary.fit(
        base,
        corpus_texts(knobs.corpus, limit=knobs.max_corpus_texts),
        min_count=knobs.min_count,
        n_emoji=knobs.n_emoji,
        max_new_words=knobs.max_new_words,
    )
    return fitted.tokenizer, fitted.origin


def corpus_texts(paths: Sequence[str], *, limit: int) -> Iterator[str]:
    """Yield distinct normalised texts of comment dumps."""
    seen: set[str] = set()
    for batch in read([Path(p) for p in paths], options=ReadOptions()):
        for text in batch.comments.column("text").to_pylist():
            if len(seen) >= limit:
                return
            if text not in seen:
                seen.add(text)
                yield normalize(text)


def _answer(served: LogitModel, held_out: Sequence[LabelledComment]) -> AnswerRecord:
    label_logits, flag_logits = served.split_logits([c.text for c in held_out])
    truth = np.array([LABELS.index(c.label) for c in held_out])
    fitted = calibration.fit(label_logits, truth, flag_logits, flag_targets(held_out).astype(np.int64))
    counts = calibration.error_counts(fitted.label_probabilities(label_logits), truth)
    return AnswerRecord(
        temperature=fitted.temperature,
        flag_scale=fitted.flag_scale,
        flag_bias=fitted.flag_bias,
        error_counts=tuple(tuple(round(float(v), 4) for v in row) for row in counts),
        n_held_out=len(held_out),
    )


def _golden(served: LogitModel) -> tuple[GoldenRecord, ...]:
    labels, flags = served.split_logits(GOLDEN_TEXTS)
    rows = zip(GOLDEN_TEXTS, labels, flags, strict=True)
    return tuple(GoldenRecord(text=t, label_logits=_floats(a), flag_logits=_floats(b)) for t, a, b in rows)


def _floats(row: NDArray[np.float32]) -> Any:
    return tuple(round(float(value), 5) for value in row)


def _data_record(config: Config, parts: Parts) -> dict[str, Any]:
    return {
        "files": [Path(p).name for p in config.data.train],
        "train": {"n": len(parts.train), "sha256": dataset.digest(parts.train), "labels": _label_counts(parts.train)},
        "held_out": {
            "n": len(parts.held_out),
            "sha256": dataset.digest(parts.held_out),
            "labels": _label_counts(parts.held_out),
        },
    }


def _label_counts(comments: Sequence[LabelledComment]) -> dict[str, int]:
    return {label: sum(c.label == label for c in comments) for label in LABELS}


def _training_record(
    config: Config,
    net: network.CommentNetwork,
    tokenizer: Tokenizer,
    parts: Parts,
    served: LogitModel,
    *,
    seconds: float,
) -> dict[str, Any]:
    sample = [c.text for c in parts.held_out]
    exact, flags = fitting.logits(net, tokenizer, sample, max_tokens=config.encoder.max_tokens)
    quantized, quantized_flags = served.split_logits(sample)
    settings = config.to_dict()
    settings["data"]["train"] = [Path(p).name for p in config.data.train]
    settings["vocabulary"]["corpus"] = [Path(p).name for p in config.vocabulary.corpus]
    settings["encoder"]["name"] = Path(config.encoder.name).name
    return {
        "config": settings,
        "seconds": round(seconds),
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
        "versions": {"torch": torch.__version__, "onnxruntime": ort.__version__, "plaudit": version("plaudit")},
        "vocabulary_size": tokenizer.get_vocab_size(),
        "int8_against_float": {
            "label_agreement": round(float((exact.argmax(1) == quantized.argmax(1)).mean()), 4),
            "mean_absolute_logit_difference": round(float(np.abs(exact - quantized).mean()), 4),
            "largest_flag_logit_difference": round(float(np.abs(flags - quantized_flags).max()), 4),
        },
    }


__all__ = ["FLAGS", "Parts", "build", "corpus_texts", "prepare"]
