"""How well a model labels a labelled set, as it is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from plaudit import artifact
from plaudit.classifier import ArtifactClassifier
from plaudit.scores import FLAGS, LABELS, Classifier, Scores
from plaudit.training import dataset, metrics, reliability
from plaudit.training.dataset import LabelledComment
from plaudit.training.metrics import Labels
from plaudit.training.revision import replace_manifest
from plaudit.training.slices import slices
from plaudit.training.targets import flag_targets

_QUESTION, _PRAISE = LABELS.index("question"), LABELS.index("generic_praise")
_MIN_SLICE: Final = 30
_PAGE_ONLY: Final = ("speed",)
_MIN_SOURCE: Final = 100
"""Comments a source needs for a calibration error of its own."""


def evaluate(classifier: Classifier, comments: Sequence[LabelledComment]) -> dict[str, Any]:
    """Return the figures of a labelled set as JSON types.

    Shares and scores are in [0, 1], intervals are 95 % bootstrap ones over posts, else authors, else
    comments (these too where there are too few posts; see `metrics`); a figure is None where there was
    nothing to measure.
    """
    return figures_of(classifier.model.id, classifier.classify([c.text for c in comments]), comments)


def figures_of(model: str, scores: Scores, comments: Sequence[LabelledComment]) -> dict[str, Any]:
    """Return the figures of answers that were given already; see `evaluate`."""
    truth, clusters = truth_of(comments), clusters_of(comments)
    found = scores.labels.astype(np.int64)
    unmarked = np.array(["?" not in c.text for c in comments])
    table = metrics.counts(truth, found, clusters)
    return {
        "model": model,
        "sha256": dataset.digest(comments),
        "n": len(comments),
        "n_clusters": len(table),
        **label_figures(table),
        "f1_question_unmarked": metrics.figure(
            metrics.label_f1(_QUESTION), metrics.counts(truth[unmarked], found[unmarked], clusters[unmarked])
        ).to_dict(),
        "precision_generic_praise": metrics.figure(metrics.precision(_PRAISE), table).to_dict(),
        "flag_f1": flag_figures(scores, comments),
        "calibration_error": round(reliability.calibration_error(scores.probabilities, truth), 4),
        "calibration": _calibration(scores, truth, clusters, comments),
        "confusion": metrics.confusion(truth, found),
        "unsupported_share": round(float((~scores.supported).mean()), 4),
        "slices": _slices(comments, truth, found, clusters),
    }


def truth_of(comments: Sequence[LabelledComment]) -> Labels:
    """Return the index of each comment's label, shape (n,)."""
    return np.array([LABELS.index(c.label) for c in comments], np.int64)


def clusters_of(comments: Sequence[LabelledComment]) -> Labels:
    """Return the cluster of each comment, shape (n,): its post, else its author, else itself."""
    return metrics.clusters_of([c.group or c.post or c.author for c in comments])


def label_figures(table: metrics.Counts) -> dict[str, Any]:
    """Return macro-F1 and the F1 of each label, of a table of confusions a cluster."""
    return {
        "macro_f1": metrics.figure(metrics.macro_f1, table).to_dict(),
        "f1": {label: metrics.figure(metrics.label_f1(i), table).to_dict() for i, label in enumerate(LABELS)},
    }


def flag_figures(scores: Scores, comments: Sequence[LabelledComment]) -> dict[str, float | None]:
    """Return the F1 of each flag; None for one that neither side holds."""
    found = metrics.flag_f1(flag_targets(comments), scores.flags)
    return {flag: None if f1 is None else round(f1, 4) for flag, f1 in zip(FLAGS, found, strict=True)}


def _calibration(
    scores: Scores, truth: Labels, clusters: Labels, comments: Sequence[LabelledComment]
) -> dict[str, Any]:
    sources = np.array([c.source for c in comments])
    masks = {name: sources == name for name in sorted(set(sources.tolist()))}
    return {
        "overall": reliability.with_interval(scores.probabilities, truth, clusters).to_dict(),
        "by_source": {
            name or "unknown": reliability.with_interval(
                scores.probabilities[mask], truth[mask], clusters[mask]
            ).to_dict()
            for name, mask in masks.items()
            if mask.sum() >= _MIN_SOURCE and len(masks) > 1
        },
        "points": reliability.points(scores.probabilities, truth),
    }


def _slices(
    comments: Sequence[LabelledComment], truth: Labels, found: Labels, clusters: Labels
) -> dict[str, Any]:
    figures = {}
    for name, mask in slices(comments).items():
        if mask.sum() < _MIN_SLICE:
            continue
        table = metrics.counts(truth[mask], found[mask], clusters[mask])
        figure = metrics.figure(metrics.macro_f1, table)
        rounded = figure.to_dict() or {}
        figures[name] = {
            "n": int(mask.sum()),
            "macro_f1": rounded["value"],
            "low": rounded["low"],
            "high": rounded["high"],
            "accuracy": round(float(metrics.accuracy(table.sum(0))), 4),
        }
    return figures


def compact(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a manifest keeps of figures: without what only a page shows."""
    kept = {name: value for name, value in figures.items() if name not in _PAGE_ONLY}
    calibration = {name: value for name, value in figures["calibration"].items() if name != "points"}
    return kept | {"calibration": calibration}


def record(
    folder: Path, sets: Mapping[str, Sequence[LabelledComment]], *, threads: int | None = None
) -> dict[str, Any]:
    """Evaluate an artefact on named sets and write the figures into its manifest and card.

    Figures already there under other names stay. Returns the new ones by name.

    Raises:
        ArtifactError: The artefact is damaged, or cannot be written.
    """
    classifier = ArtifactClassifier(artifact.load(folder), threads=threads)
    figures = {name: compact(evaluate(classifier, comments)) for name, comments in sets.items()}
    write(folder, figures)
    return figures


def write(folder: Path, figures: Mapping[str, Any]) -> None:
    """Write named figures into an artefact's manifest and card; those under other names stay.

    Raises:
        ArtifactError: The artefact is damaged, or cannot be written.
    """
    replace_manifest(folder, metrics={**artifact.load(folder).manifest.metrics, **figures})
