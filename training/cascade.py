"""The cascade: small networks distilled from the exact one, and how sure each has to be to answer."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto
from tokenizers import Tokenizer
from torch import nn

from plaudit.calibration import sigmoid, softmax
from plaudit.errors import TrainingDataError
from plaudit.inference import LogitModel, Stage, margins
from plaudit.legible import legible
from plaudit.scores import LABELS
from plaudit.training import curve, export, fitting, quantize, students, window_graph
from plaudit.training.config import CascadeConfig
from plaudit.training.distillation import Lesson, distil, tokens_of
from plaudit.training.fitting import Progress
from plaudit.training.network import CommentNetwork

FILES: Final = ("window.onnx", "shallow.onnx")
_MIN_TEXTS: Final = 1000  # fewer say nothing of how often a student is right
_TEST_SHARE: Final = 0.15  # of the texts: thresholds are chosen where no student has learnt
_MAX_TEST: Final = 21_000  # a budget of 0.4 % is 84 answers then; float32 reads some 200 a second
_STRICTEST: Final = min(factor for factor in curve.FACTORS if factor > 0)
_BLOCK: Final = 4096
_N_TIMED: Final = 4000

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Student:
    """A stage as it will be written.

    Attributes:
        file: Name in the artefact.
        stage: Graph and threshold.
        share_answered: Of the distinct texts that no student has learnt from.
        share_differing: Of the same: answered, and with another label than the teacher's.
    """

    file: str
    stage: Stage
    share_answered: float
    share_differing: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """The students in the order they are asked, and what they would answer at other thresholds."""

    students: tuple[Student, ...] = ()
    curve: tuple[curve.Point, ...] = ()


@dataclass(slots=True)
class _Plan:
    file: str
    network: nn.Module
    epochs: int
    batch_size: int
    learning_rate: float
    differing: float
    graph: bytes = b""


def build(
    config: CascadeConfig,
    teacher: CommentNetwork,
    served: LogitModel,
    tokenizer: Tokenizer,
    texts: Iterable[str],
    *,
    max_tokens: int,
    labelled: Sequence[str] = (),
    begun: Mapping[str, Mapping[str, NDArray[np.float32]]] = MappingProxyType({}),
    threads: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_stage: Say = lambda _: None,
) -> Cascade:
    """Distil the students, choose their thresholds and draw the curve of speed against agreement.

    Args:
        config: Sizes, epochs and how many labels may differ.
        teacher: Whose table and layers the students start from.
        served: The same as it is served, which answers faster; what it says is what is learnt.
        tokenizer: Of both.
        texts: Distinct unlabelled comments, normalised or raw.
        max_tokens: Longer texts are cut.
        labelled: Texts the teacher learnt from; the students learn from them too, with its answers. What bots
            post is among them and hardly among the others. No threshold is chosen by them.
        begun: By file, weights that students begin with, by name; those of other shapes than the
            configuration's are left aside.
        threads: Cores to use; None for all.
        on_progress: Called after every step.
        on_stage: Called with the name of each stage as it begins.

    Raises:
        TrainingDataError: There are too few texts to choose a threshold by.
    """
    learnt = {legible(text) for text in labelled}
    chosen = [text for text in _drawn(texts, config.max_texts) if legible(text) not in learnt]
    n_drawn = len(chosen)
    chosen += dict.fromkeys(labelled)
    on_stage("Asking the model")
    logits = _asked(served, chosen, on_progress)
    tokens = tokens_of(chosen, tokenizer, max_tokens=max_tokens)
    n_test = min(_MAX_TEST, round(_TEST_SHARE * n_drawn))
    truth = logits[:n_test, : len(LABELS)].argmax(1)
    # Other letters may be the same tokens.
    tested = {row.tobytes() for row in tokens[:n_test]}
    taught = np.array([i for i in range(n_test, len(chosen)) if tokens[i].tobytes() not in tested], np.int64)
    lesson = Lesson(
        tokens=[tokens[i] for i in taught],
        labels=softmax(logits[taught, : len(LABELS)]).astype(np.float32),
        flags=sigmoid(logits[taught, len(LABELS) :].astype(np.float64)).astype(np.float32),
    )
    plans = [plan for plan in _plans(config, teacher) if plan.epochs]
    heard: list[NDArray[np.float32]] = []
    seconds: list[float] = []
    lessons = [chosen[i] for i in taught]
    for plan in plans:
        begins = plan.file in begun
        fits = students.take(plan.network, begun.get(plan.file, {}))
        anew = " anew, as it had another size" if begins and not fits else ""
        on_stage(f"Distilling {plan.file.removesuffix('.onnx')}{anew}")
        distil(
            plan.network, lesson, epochs=plan.epochs, batch_size=plan.batch_size,
            learning_rate=plan.learning_rate, seed=config.seed, bf16=config.bf16, on_progress=on_progress,
        )  # fmt: skip
        plan.graph = _graph(plan.network).SerializeToString()
        alone = LogitModel(plan.graph, tokenizer, max_tokens=max_tokens, threads=threads)
        heard.append(alone.logits_of(-1, chosen[:n_test]))
        seconds.append(_seconds(alone, chosen[:n_test]))
        if plan is not plans[-1]:
            # What this one answers is never asked of the next, so the next need not learn it.
            strictest = _STRICTEST * plan.differing * n_test
            least, _, _ = curve.threshold(heard[-1], truth, n_differing=strictest)
            doubted = np.flatnonzero(margins(alone.logits_of(-1, lessons)) < np.float32(least))
            if len(doubted) >= _MIN_TEXTS:
                lesson, lessons = lesson.part(doubted), [lessons[i] for i in doubted]
    on_stage("Comparing with float32")
    float32, _ = fitting.logits(teacher, tokenizer, chosen[:n_test], max_tokens=max_tokens)
    seconds.append(_seconds(served, chosen[:n_test]))
    points = [
        curve.point(
            heard, logits[:n_test], float32, factor=factor, differing=[p.differing for p in plans],
            seconds=seconds,
        )
        for factor in curve.FACTORS
    ]  # fmt: skip
    return Cascade(students=tuple(_students(plans, heard, logits[:n_test])), curve=tuple(points))


def _graph(network: nn.Module) -> ModelProto:
    if isinstance(network, students.WindowNetwork):
        return window_graph.to_onnx(network)
    return quantize.quantize(export.to_onnx(network))


def _plans(config: CascadeConfig, teacher: CommentNetwork) -> list[_Plan]:
    return [
        _Plan(
            FILES[0],
            students.window_network(teacher, size=config.window_size, width=config.window_width),
            config.window_epochs,
            config.window_batch_size,
            config.window_learning_rate,
            config.window_differing,
        ),
        _Plan(
            FILES[1],
            students.shallow_network(
                teacher,
                layers=config.shallow_layers,
                feed_forward_share=config.shallow_feed_forward_share,
            ),
            config.shallow_epochs,
            config.shallow_batch_size,
            config.shallow_learning_rate,
            config.shallow_differing,
        ),
    ]


def _students(
    plans: Sequence[_Plan], heard: Sequence[NDArray[np.float32]], exact: NDArray[np.float32]
) -> Iterator[Student]:
    left = np.arange(len(exact))
    truth = exact[:, : len(LABELS)].argmax(1)
    for plan, logits in zip(plans, heard, strict=True):
        n_differing = plan.differing * len(exact)
        least, sure, wrong = curve.threshold(logits[left], truth[left], n_differing=n_differing)
        yield Student(
            file=plan.file,
            stage=Stage(model=plan.graph, least_margin=least),
            share_answered=round(int(sure.sum()) / len(exact), 4),
            share_differing=round(wrong / len(exact), 4),
        )
        left = left[~sure]


def _seconds(model: LogitModel, texts: Sequence[str]) -> float:
    """Return the seconds a network takes for one of these texts, tokenising included."""
    started = time.perf_counter()
    model.logits_of(-1, texts[:_N_TIMED])
    return (time.perf_counter() - started) / len(texts[:_N_TIMED])


def _drawn(texts: Iterable[str], most: int) -> list[str]:
    distinct = list(dict.fromkeys(texts))
    if len(distinct) < _MIN_TEXTS:
        raise TrainingDataError(
            f"The cascade's dumps hold {len(distinct):,} distinct texts; expected at least {_MIN_TEXTS:,}: "
            "name more in cascade.texts, or leave it empty for a model without a cascade."
        )
    random.Random(0).shuffle(distinct)  # noqa: S311 - reproducible, not secret
    return distinct[:most]


def _asked(
    served: LogitModel, texts: Sequence[str], on_progress: Callable[[Progress], None] | None
) -> NDArray[np.float32]:
    found = []
    for start in range(0, len(texts), _BLOCK):
        found.append(served.logits_of(-1, texts[start : start + _BLOCK]))
        if on_progress is not None:
            on_progress(Progress(step=start // _BLOCK + 1, n_steps=-(-len(texts) // _BLOCK), loss=0.0))
    return np.concatenate(found)
