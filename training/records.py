"""What a build writes down about itself, in the manifest's words."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from plaudit import calibration, language
from plaudit.artifact import AnswerRecord, GoldenRecord, StageRecord
from plaudit.calibration import Calibration
from plaudit.classifier import calibration_of
from plaudit.comment_network import CommentNetwork
from plaudit.inference import LogitModel
from plaudit.prevalence import MIN_HELD_OUT
from plaudit.scores import LABELS
from plaudit.training import dataset, dispersion, restoring
from plaudit.training.cascade import Cascade, Student
from plaudit.training.config import Config
from plaudit.training.dataset import LabelledComment
from plaudit.training.preparation import Parts
from plaudit.training.targets import flag_targets

LABEL_DEFINITIONS: Final = {
    "genuine": "Conversation about this content, its maker or another commenter.",
    "generic_praise": "Could be pasted under almost any other post: applause, emoji, slogans, promotion.",
    "question": "Sincerely asks for information, advice, an opinion, or asks the creator for something.",
}
FLAG_DEFINITIONS: Final = {
    "experience": "Tells something of the writer's own life, use or past.",
    "solicitation": "Promotes, sells, begs for follows or clicks, gives a contact, or is a scam.",
    "addressed": "Answers or addresses one particular commenter or the creator.",
}
GOLDEN_TEXTS: Final = (
    "Great post!",
    "Which glue did you use on the handle, the two-part one?",
    "@user mine cracked in the second firing too, slower cooling fixed it",
    "🔥🔥🔥",
    "DM me to grow your page to 10k followers",
    "please do one about glazing next",
    "muy buena explicación, lo del minuto tres me salvó",
    "no way this holds for a year, the seam is already lifting at the end of the video and he never says so",
)
GOLDEN_TOLERANCE: Final = (
    0.1  # int8 sums are exact; what differs between machines is float32 rounding before them
)

_PLAIN: Final = Calibration(temperature=1.0, flag_scale=(1.0, 1.0, 1.0), flag_bias=(0.0, 0.0, 0.0))

LogitPair = tuple[NDArray[np.float32], NDArray[np.float32]]


def answer_record(served: LogitPair, held_out: Sequence[LabelledComment]) -> AnswerRecord:
    """Return calibration and error counts, fitted on what the served graph says of the held-out part.

    Rows that were chosen for being hard are left out where enough others stand: they overstate how often
    the classifier errs on comments as they come, and the correction of shares would overshoot.
    """
    rows = as_they_come(held_out)
    label_logits, flag_logits = served[0][rows], served[1][rows]
    comments = [held_out[row] for row in rows]
    truth = np.array([LABELS.index(c.label) for c in comments])
    fitted = calibration.fit(label_logits, truth, flag_logits, flag_targets(comments).astype(np.int64))
    probabilities = fitted.label_probabilities(label_logits)
    return AnswerRecord.model_validate(
        {
            "temperature": fitted.temperature,
            "flag_scale": fitted.flag_scale,
            "flag_bias": fitted.flag_bias,
            "n_held_out": len(comments),
            **counts_record(
                probabilities,
                truth,
                language.identify([c.text for c in comments]),
                [c.source for c in comments],
            ),
        }
    )


def counts_record(
    probabilities: NDArray[np.float32],
    truth: NDArray[np.int64],
    languages: Sequence[str],
    sources: Sequence[str],
) -> dict[str, Any]:
    """Return error counts, of all and by language, and how sources differ, as an answer's record holds them.

    Args:
        probabilities: Of held-out comments, shape (n, 3).
        truth: Their labels, shape (n,).
        languages: What each is taken for when served.
        sources: Where each comes from; "" where unknown.
    """
    codes = np.array(languages, object)
    by_language = {
        code: _counts(probabilities[codes == code], truth[codes == code]) for code in sorted(set(languages))
    }
    return {
        "error_counts": _counts(probabilities, truth),
        "error_counts_by_language": by_language,
        "error_concentration": dispersion.concentrations(probabilities, truth, sources),
    }


def _counts(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> Any:
    return tuple(_floats(row, digits=4) for row in calibration.error_counts(probabilities, truth))


def cascade_records(
    model: LogitModel, students: Sequence[Student], exact: AnswerRecord, held_out: Sequence[LabelledComment]
) -> tuple[tuple[StageRecord, ...], AnswerRecord]:
    """Return each stage's own calibration, and the error counts of the cascade as a whole.

    A stage is calibrated on the held-out comments that it answers: of what it passes on it says nothing.
    Where it answers too few to fit, its logits are taken as they are.
    """
    rows = as_they_come(held_out)
    comments = [held_out[row] for row in rows]
    truth = np.array([LABELS.index(c.label) for c in comments])
    flags = flag_targets(comments).astype(np.int64)
    found = model.answers([c.text for c in comments])
    probabilities = np.empty((len(comments), len(LABELS)), np.float32)
    stages = []
    last = calibration_of(exact)
    for place in range(len(students) + 1):
        taken = found.stage == place
        labels, marks = found.values[taken, : len(LABELS)], found.values[taken, len(LABELS) :]
        fitted = last
        if place < len(students):
            is_enough = int(taken.sum()) >= MIN_HELD_OUT
            fitted = calibration.fit(labels, truth[taken], marks, flags[taken]) if is_enough else _PLAIN
            stages.append(_stage_record(model, students[place], place, fitted))
        probabilities[taken] = fitted.label_probabilities(labels)
    counts = counts_record(
        probabilities, truth, language.identify([c.text for c in comments]), [c.source for c in comments]
    )
    return tuple(stages), AnswerRecord.model_validate(exact.model_dump() | counts)


def _stage_record(model: LogitModel, student: Student, place: int, fitted: Calibration) -> StageRecord:
    logits = model.logits_of(place, GOLDEN_TEXTS)
    return StageRecord(
        file=student.file,
        least_margin=student.sureness.least_margin,
        unsure_flags=tuple(student.sureness.unsure_flags),
        slack_per_doubling=student.sureness.slack_per_doubling,
        temperature=fitted.temperature,
        flag_scale=_floats(np.asarray(fitted.flag_scale), digits=8),
        flag_bias=_floats(np.asarray(fitted.flag_bias), digits=8),
        golden=_golden(logits[:, : len(LABELS)], logits[:, len(LABELS) :]),
    )


def student_record(made: Cascade) -> dict[str, Any]:
    """Return of each student what it answers, how often otherwise than the exact network, and the curve."""
    if not made.students:
        return {}
    return {
        "students": [
            {
                "file": s.file,
                "share_answered": s.share_answered,
                "share_differing": s.share_differing,
                "flags_differing": list(s.flags_differing),
            }
            for s in made.students
        ],
        "curve": [point.to_dict() for point in made.curve],
    }


def as_they_come(held_out: Sequence[LabelledComment]) -> list[int]:
    """Return the rows that were not chosen for being hard; all where too few of a label then are left."""
    random = [row for row, comment in enumerate(held_out) if not comment.active]
    counts = Counter(held_out[row].label for row in random)
    return random if all(counts[label] >= MIN_HELD_OUT for label in LABELS) else list(range(len(held_out)))


def golden_records(model: LogitModel) -> tuple[GoldenRecord, ...]:
    """Return the texts whose logits are recomputed at every load."""
    return _golden(*model.split_logits(GOLDEN_TEXTS))


def _golden(labels: NDArray[np.float32], flags: NDArray[np.float32]) -> tuple[GoldenRecord, ...]:
    rows = zip(GOLDEN_TEXTS, labels, flags, strict=True)
    return tuple(GoldenRecord(text=t, label_logits=_floats(a), flag_logits=_floats(b)) for t, a, b in rows)


def _floats(row: NDArray[Any], *, digits: int = 5) -> Any:
    return tuple(round(float(value), digits) for value in row)


def data_record(config: Config, parts: Parts, *, origin: str | None) -> dict[str, Any]:
    """Return names, counts and digests of the labelled data, and the words on where it comes from."""
    record = {
        "files": [Path(p).name for p in (*config.data.train, *config.data.held_out)],
        "train": part_record(parts.train),
        "held_out": part_record(parts.held_out),
        "left_out": {"in_a_test_set": parts.n_leaked, "two_labels": parts.n_conflicting},
    }
    return record if origin is None else record | {"origin": origin.strip()}


def part_record(comments: Sequence[LabelledComment]) -> dict[str, Any]:
    """Return counts and digest of a part of the labelled data."""
    labels = {label: sum(c.label == label for c in comments) for label in LABELS}
    return {"n": len(comments), "sha256": dataset.digest(comments), "labels": labels}


def training_record(
    config: Config,
    network: CommentNetwork,
    tokenizer: Tokenizer,
    *,
    exact: LogitPair,
    served: LogitPair,
    seconds: float,
) -> dict[str, Any]:
    """Return knobs, time, machine, versions, and how far int8 is from float32 on the held-out part."""
    return {
        "config": _settings(config),
        "seconds": round(seconds),
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
        "versions": {
            "torch": torch.__version__,
            "onnxruntime": ort.__version__,
            "plaudit": version("plaudit"),
        },
        "architecture": restoring.architecture(network.encoder.config),
        "vocabulary_size": tokenizer.get_vocab_size(),
        "int8_against_float": parity(exact, served),
    }


def _settings(config: Config) -> dict[str, Any]:
    # Names only: the folders of the machine that trained concern nobody.
    settings = config.to_dict()
    settings["data"]["train"] = [Path(p).name for p in config.data.train]
    settings["data"]["held_out"] = [Path(p).name for p in config.data.held_out]
    settings["vocabulary"]["corpus"] = [Path(p).name for p in config.vocabulary.corpus]
    settings["cascade"] = cascade_settings(config)
    settings["encoder"]["name"] = encoder_name(config)
    return settings


def cascade_settings(config: Config) -> dict[str, Any]:
    """Return the knobs of the small network, dumps by their names alone."""
    return {**asdict(config.cascade), "texts": [Path(p).name for p in config.cascade.texts]}


def encoder_name(config: Config) -> str:
    """Return what to call the encoder: its own name, of a folder the last part."""
    name = config.encoder.name
    return Path(name).resolve().name if Path(name).is_dir() else name


def parity(exact: LogitPair, served: LogitPair) -> Mapping[str, float]:
    """Return how far int8 is from float32 on the same texts: share of equal labels, differences of logits."""
    return {
        "label_agreement": round(float((exact[0].argmax(1) == served[0].argmax(1)).mean()), 4),
        "mean_absolute_logit_difference": round(float(np.abs(exact[0] - served[0]).mean()), 4),
        "largest_flag_logit_difference": round(float(np.abs(exact[1] - served[1]).max()), 4),
    }
