"""Everything that is looked at in a model: its figures, what it has to beat, and what it withstands."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from plaudit.scores import FLAGS, Classifier, Scores
from plaudit.training import baselines, dataset, evaluation, metrics, obfuscation
from plaudit.training.baselines import CountedWords
from plaudit.training.dataset import LabelledComment
from plaudit.training.metrics import Labels
from plaudit.training.shares import share_errors
from plaudit.training.splitting import without_leaks

_SEED: Final = 17

Say = Callable[[str], None]


def examine(
    classifier: Classifier,
    comments: Sequence[LabelledComment],
    *,
    exact: Classifier | None = None,
    train: Sequence[LabelledComment] = (),
    on_stage: Say = lambda _: None,
) -> dict[str, Any]:
    """Return `evaluate`'s figures and with them baselines, obfuscated texts, shares and speed.

    Args:
        classifier: Fresh, so that its speed is not that of its cache.
        comments: Labelled, kept out of training.
        exact: The same model with its large network alone; None where it has no other: what its cascade gives
            up for speed is then not there.
        train: What the counted words are fitted on; rows tied to `comments` are left out. Empty: that
            baseline is not there.
        on_stage: Called with the name of each stage as it begins.
    """
    on_stage("Classifying")
    texts = [c.text for c in comments]
    wall, cpu = time.perf_counter(), time.process_time()
    scores = classifier.classify(texts)
    speed = _speed(len(set(texts)), wall=time.perf_counter() - wall, cpu=time.process_time() - cpu)
    figures = evaluation.figures_of(classifier.model.id, scores, comments)
    truth, clusters = evaluation.truth_of(comments), evaluation.clusters_of(comments)
    clean = metrics.counts(truth, scores.labels.astype(np.int64), clusters)
    on_stage("Hiding words")
    hidden = {kind: _hidden(classifier, comments, kind, clean) for kind in obfuscation.KINDS}
    if exact is not None:
        on_stage("Reading all with the large network")
        figures["exact"] = _given_up(scores, exact.classify(texts), comments, clean)
    on_stage("Baselines")
    return figures | {
        "baselines": _baselines(comments, truth, clusters, clean, train=train),
        "obfuscated": hidden,
        "shares": share_errors(scores, truth, classifier.error_counts),
        "speed": speed,
    }


def _speed(n: int, *, wall: float, cpu: float) -> dict[str, Any]:
    return {
        "n": n,
        "comments_per_second": round(n / max(wall, 1e-9), 1),
        "comments_per_cpu_second": round(n / max(cpu, 1e-9), 1),
    }


def _given_up(
    scores: Scores, exact: Scores, comments: Sequence[LabelledComment], clean: metrics.Counts
) -> dict[str, Any]:
    """Return the large network's figures on the same comments, and where the cascade answers otherwise."""
    truth, clusters = evaluation.truth_of(comments), evaluation.clusters_of(comments)
    table = metrics.counts(truth, exact.labels.astype(np.int64), clusters)
    same_flags = ((scores.flags > 0.5) == (exact.flags > 0.5)).mean(axis=0)
    shift = np.abs(scores.probabilities.mean(axis=0) - exact.probabilities.mean(axis=0))
    return evaluation.label_figures(table) | {
        "model_leads_by": metrics.difference(metrics.macro_f1, clean, table).to_dict(),
        "flag_f1": evaluation.flag_figures(exact, comments),
        "same_label": round(float((scores.labels == exact.labels).mean()), 4),
        "same_flags": {flag: round(float(same), 4) for flag, same in zip(FLAGS, same_flags, strict=True)},
        "share_shift": round(float(shift.max()), 4),
    }


def _hidden(
    classifier: Classifier, comments: Sequence[LabelledComment], kind: str, clean: metrics.Counts
) -> dict[str, Any]:
    rng = random.Random(f"{_SEED}:{kind}")  # noqa: S311 - reproducible, not secret
    scores = classifier.classify([obfuscation.obfuscate(c.text, kind, rng) for c in comments])
    truth, clusters = evaluation.truth_of(comments), evaluation.clusters_of(comments)
    table = metrics.counts(truth, scores.labels.astype(np.int64), clusters)
    return {
        "macro_f1": metrics.figure(metrics.macro_f1, table).to_dict(),
        "against_clean": metrics.difference(metrics.macro_f1, table, clean).to_dict(),
    }


def _baselines(
    comments: Sequence[LabelledComment],
    truth: Labels,
    clusters: Labels,
    clean: metrics.Counts,
    *,
    train: Sequence[LabelledComment],
) -> dict[str, Any]:
    answers = {"majority": baselines.majority(comments), "rules": baselines.rules([c.text for c in comments])}
    fit_on = without_leaks(dataset.without_conflicts(train), comments)
    if len({c.label for c in fit_on}) > 1:
        probabilities = CountedWords(fit_on).probabilities([c.text for c in comments])
        answers["counted words (TF-IDF)"] = probabilities.argmax(1).astype(np.int64)
    figures = {}
    for name, found in answers.items():
        table = metrics.counts(truth, found, clusters)
        lead = metrics.difference(metrics.macro_f1, clean, table)
        figures[name] = evaluation.label_figures(table) | {"model_leads_by": lead.to_dict()}
    return figures
