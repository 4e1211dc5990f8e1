"""The cascade: a small network distilled from the exact one, and how sure it has to be to answer."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from plaudit import language
from plaudit.calibration import Calibration, sigmoid, softmax
from plaudit.comment_network import CommentNetwork
from plaudit.errors import TrainingDataError
from plaudit.inference import LogitModel, Stage
from plaudit.legible import legible
from plaudit.scores import LABELS
from plaudit.sureness import Sureness
from plaudit.training import curve, fitting, listening, padding, students, window_graph
from plaudit.training.config import CascadeConfig
from plaudit.training.distillation import Lesson, distil, tokens_of
from plaudit.training.fitting import Progress

FILE: Final = "window.onnx"
MAX_READ: Final = 1_000_000
"""Distinct texts that those it learns from are drawn from, the first of the dumps; they lie in memory."""
_MIN_TEXTS: Final = 1000  # fewer say nothing of how often a student is right
_TEST_SHARE: Final = 0.15  # of the distinct texts: thresholds are chosen where no student has learnt
_MAX_TEST: Final = 21_000  # a budget of 0.4 % is 84 answers then; float32 reads some 200 a second
_N_TIMED: Final = 4000

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Student:
    """A stage as it will be written.

    Attributes:
        file: Name in the artefact.
        graph: As ONNX.
        sureness: When it answers.
        share_answered: Of the distinct texts that no student has learnt from.
        share_differing: Of the same: answered, and with another label than the teacher's.
        flags_differing: The same of each flag.
    """

    file: str
    graph: bytes
    sureness: Sureness
    share_answered: float
    share_differing: float
    flags_differing: tuple[float, ...]

    @property
    def stage(self) -> Stage:
        """As it is served."""
        return Stage(model=self.graph, sureness=self.sureness)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """The students in the order they are asked, and what they would answer at other thresholds."""

    students: tuple[Student, ...] = ()
    curve: tuple[curve.Point, ...] = ()


def build(
    config: CascadeConfig,
    teacher: CommentNetwork,
    served: LogitModel,
    tokenizer: Tokenizer,
    texts: Iterable[str],
    *,
    max_tokens: int,
    calibration: Calibration,
    labelled: Sequence[str] = (),
    begun: Mapping[str, Mapping[str, NDArray[np.float32]]] = MappingProxyType({}),
    threads: int | None = None,
    work: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_stage: Say = lambda _: None,
) -> Cascade:
    """Distil the student, choose its threshold and draw the curve of speed against agreement.

    One student: whatever a second, larger one may answer costs more than the exact network takes for it
    once the first may differ as often as both together (`TRIED.md`).

    Args:
        config: Sizes, epochs and how many labels may differ.
        teacher: Whose table the student starts from.
        served: The same as it is served, which answers faster; what it says is what is learnt.
        tokenizer: Of both.
        texts: Distinct unlabelled comments, normalised or raw.
        max_tokens: Longer texts are cut.
        calibration: Of `served`: it says from which logit on a flag is called held.
        labelled: Texts the teacher learnt from; the student learns from them too, with its answers. What bots
            post is among them and hardly among the others. No threshold is chosen by them.
        begun: By file, weights that the student begins with, by name; see `students.take`.
        threads: Cores to use; None for all.
        work: A folder where the teacher's answers are kept as they come, and taken from; None:
            nowhere.
        on_progress: Called after every step.
        on_stage: Called with the name of each stage as it begins.

    Raises:
        TrainingDataError: There are too few texts to choose a threshold by, nothing to begin with and no
            epoch to learn, or `work` cannot be written.
    """
    learnt = {legible(text) for text in labelled}
    tested, drawn = _parted(texts, config.max_texts)
    chosen = [text for text in tested if legible(text) not in learnt]
    n_test = len(chosen)
    if config.window_epochs:  # a threshold is moved without a lesson
        chosen += [text for text in drawn if legible(text) not in learnt]
        chosen += dict.fromkeys(labelled)
    on_stage("Asking the model")
    logits = listening.heard(served, chosen, folder=work, on_progress=on_progress)
    student = students.window_network(teacher, size=config.window_size, width=config.window_width)
    fits = students.take(student, begun.get(FILE, {}))
    if config.window_epochs:
        on_stage("Distilling" if fits or FILE not in begun else "Distilling anew, as the student was larger")
        lesson = _lesson(config, chosen, logits, tokenizer, n_test=n_test, max_tokens=max_tokens)
        distil(
            student, lesson, epochs=config.window_epochs, batch_size=config.window_batch_size,
            learning_rate=config.window_learning_rate, flag_weight=config.window_flag_weight,
            seed=config.seed, bf16=config.bf16, on_progress=on_progress,
        )  # fmt: skip
    elif not fits:
        raise TrainingDataError(
            "With cascade.window_epochs=0 the small network stays as it was; there is none of these sizes "
            f"(window_size {config.window_size}, window_width {config.window_width}); let it learn an epoch."
        )
    student.eval()
    graph = window_graph.to_onnx(student).SerializeToString()
    alone = LogitModel(graph, tokenizer, max_tokens=max_tokens, threads=threads)
    answers, exact = alone.logits_of(-1, chosen[:n_test]), logits[:n_test]
    lengths = alone.lengths(chosen[:n_test])
    on_stage("Comparing with float32")
    float32 = np.concatenate(
        fitting.logits(teacher, tokenizer, chosen[:n_test], max_tokens=max_tokens), axis=1
    )
    seconds = _seconds(alone, chosen[:n_test]), _seconds(served, chosen[:n_test])
    borders = calibration.flag_borders()
    points = [
        curve.point(
            answers, exact, float32, lengths, factor=factor, borders=borders,
            differing=config.window_differing, flags_differing=config.window_flags_differing, seconds=seconds,
        )
        for factor in curve.FACTORS
    ]  # fmt: skip
    return Cascade(students=(_student(config, graph, answers, exact, lengths, borders),), curve=tuple(points))


def _student(
    config: CascadeConfig,
    graph: bytes,
    answers: NDArray[np.float32],
    exact: NDArray[np.float32],
    lengths: NDArray[np.int64],
    borders: Sequence[float],
) -> Student:
    sureness = curve.settle(
        answers, exact, lengths, borders=borders, differing=config.window_differing,
        flags_differing=config.window_flags_differing,
    )  # fmt: skip
    sure = sureness.of(answers, lengths)
    labels, true_labels = answers[:, : len(LABELS)].argmax(1), exact[:, : len(LABELS)].argmax(1)
    flags, true_flags = answers[:, len(LABELS) :] >= borders, exact[:, len(LABELS) :] >= borders
    flags_differing = ((flags != true_flags) & sure[:, None]).mean(0)
    return Student(
        file=FILE,
        graph=graph,
        sureness=sureness,
        share_answered=round(float(sure.mean()), 4),
        share_differing=round(float(((labels != true_labels) & sure).mean()), 4),
        flags_differing=tuple(round(float(share), 4) for share in flags_differing),
    )


def _lesson(
    config: CascadeConfig,
    chosen: Sequence[str],
    logits: NDArray[np.float32],
    tokenizer: Tokenizer,
    *,
    n_test: int,
    max_tokens: int,
) -> Lesson:
    """Return what the teacher said of texts after the first `n_test` that read like none of those."""
    tokens = tokens_of(chosen, tokenizer, max_tokens=max_tokens)
    # Other letters may be the same tokens.
    shown = {row.tobytes() for row in tokens[:n_test]}
    taught = np.array([i for i in range(n_test, len(chosen)) if tokens[i].tobytes() not in shown], np.int64)
    lesson = Lesson(
        tokens=[tokens[i] for i in taught],
        labels=softmax(logits[taught, : len(LABELS)]).astype(np.float32),
        flags=sigmoid(logits[taught, len(LABELS) :].astype(np.float64)).astype(np.float32),
    )
    return _with_filler(
        lesson, [chosen[i] for i in taught], tokenizer, share=config.padding_share, seed=config.seed,
        max_tokens=max_tokens,
    )  # fmt: skip


def _with_filler(
    lesson: Lesson, texts: Sequence[str], tokenizer: Tokenizer, *, share: float, seed: int, max_tokens: int
) -> Lesson:
    """Return the lesson with a share of its texts once more, stretched with filler and answered as before."""
    draw = random.Random(f"filler:{seed}")  # noqa: S311 - reproducible, not secret
    rows = sorted(draw.sample(range(len(texts)), round(share * len(texts))))
    languages = language.identify([texts[i] for i in rows])
    longer = [padding.padded(texts[i], code, draw) for i, code in zip(rows, languages, strict=True)]
    return Lesson(
        tokens=[*lesson.tokens, *tokens_of(longer, tokenizer, max_tokens=max_tokens)],
        labels=np.concatenate([lesson.labels, lesson.labels[rows]]),
        flags=np.concatenate([lesson.flags, lesson.flags[rows]]),
    )


def _seconds(model: LogitModel, texts: Sequence[str]) -> float:
    """Return the seconds a network takes for one of these texts, tokenising included."""
    started = time.perf_counter()
    model.logits_of(-1, texts[:_N_TIMED])
    return (time.perf_counter() - started) / len(texts[:_N_TIMED])


def _parted(texts: Iterable[str], most: int) -> tuple[list[str], list[str]]:
    """Return the texts thresholds are chosen on, and at most so many others to learn from.

    A text's digest decides: whatever is drawn, no student that one begins as has learnt what the next is
    tested on.
    """
    distinct = list(dict.fromkeys(texts))
    if len(distinct) < _MIN_TEXTS:
        raise TrainingDataError(
            f"The cascade's dumps hold {len(distinct):,} distinct texts; expected at least {_MIN_TEXTS:,}: "
            "name more in cascade.texts, or leave it empty for a model without a cascade."
        )
    places = {text: _place(text) for text in distinct}
    tested = sorted((text for text in distinct if places[text] < _TEST_SHARE), key=places.__getitem__)
    others = [text for text in distinct if places[text] >= _TEST_SHARE]
    random.Random(0).shuffle(others)  # noqa: S311 - reproducible, not secret
    return tested[:_MAX_TEST], others[:most]


def _place(text: str) -> float:
    """Return where a text lies between 0 and 1, evenly and for ever."""
    digest = hashlib.blake2b(legible(text).encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
