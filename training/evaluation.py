"""How well a model labels a labelled set, as it is served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from plaudit import artifact
from plaudit.classifier import OnnxClassifier
from plaudit.scores import FLAGS, LABELS, Classifier
from plaudit.training import dataset, metrics
from plaudit.training.dataset import LabelledComment
from plaudit.training.revision import replace_manifest
from plaudit.training.targets import flag_targets

_QUESTION, _PRAISE = LABELS.index("question"), LABELS.index("generic_praise")
_MIN_SLICE: Final = 30


def evaluate(classifier: Classifier, comments: Sequence[LabelledComment]) -> dict[str, Any]:
    """Return every figure of a labelled set as JSON types.

    Shares and scores are in [0, 1], intervals are 95 % bootstrap ones over comments; a figure is None
    where there was nothing to measure.
    """
    scores = classifier.classify([c.text for c in comments])
    truth = np.array([LABELS.index(c.label) for c in comments])
    found = scores.labels.astype(np.int64)
    unmarked = np.array(["?" not in c.text for c in comments])
    flags = metrics.flag_f1(flag_targets(comments), scores.flags)
    question = metrics.label_f1(_QUESTION)
    return {
        "model": classifier.model.id,
        "sha256": dataset.digest(comments),
        "n": len(comments),
        "macro_f1": metrics.with_interval(metrics.macro_f1, truth, found).to_dict(),
        "f1": {
            label: metrics.with_interval(metrics.label_f1(i), truth, found).to_dict()
            for i, label in enumerate(LABELS)
        },
        "f1_question_unmarked": metrics.with_interval(question, truth[unmarked], found[unmarked]).to_dict(),
        "precision_generic_praise": metrics.with_interval(metrics.precision(_PRAISE), truth, found).to_dict(),
        "flag_f1": {f: None if v is None else round(v, 4) for f, v in zip(FLAGS, flags, strict=True)},
        "calibration_error": round(metrics.calibration_error(scores.probabilities, truth), 4),
        "confusion": metrics.confusion(truth, found),
        "unsupported_share": round(float((~scores.supported).mean()), 4),
        "slices": _slices(comments, truth, found),
    }


def _slices(
    comments: Sequence[LabelledComment], truth: metrics.Labels, found: metrics.Labels
) -> dict[str, Any]:
    masks = metrics.slices(
        [c.text for c in comments], [c.language for c in comments], [c.source for c in comments]
    )
    return {
        name: {"n": int(mask.sum()), "macro_f1": round(metrics.macro_f1(truth[mask], found[mask]), 4)}
        for name, mask in masks.items()
        if mask.sum() >= _MIN_SLICE
    }


def record(
    folder: Path, sets: Mapping[str, Sequence[LabelledComment]], *, threads: int | None = None
) -> dict[str, Any]:
    """Evaluate an artefact on named sets and write the figures into its manifest and card.

    Figures already there under other names stay. Returns the new ones by name.

    Raises:
        ArtifactError: The artefact is damaged, or cannot be written.
    """
    loaded = artifact.load(folder)
    classifier = OnnxClassifier(loaded, threads=threads)
    figures = {name: evaluate(classifier, comments) for name, comments in sets.items()}
    replace_manifest(folder, metrics=loaded.manifest.metrics | figures)
    return figures


def show(figures: Mapping[str, Any], console: Console, *, title: str) -> None:
    """Print the figures as tables."""
    table = Table(title=f"{title}: {figures['n']:,} comments, {figures['model']}")
    for heading in ("figure", "value", "95 % interval"):
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    rows = {"macro-F1": figures["macro_f1"], **{f"F1 {k}": v for k, v in figures["f1"].items()}}
    rows["F1 question, no question mark"] = figures["f1_question_unmarked"]
    rows["precision generic_praise"] = figures["precision_generic_praise"]
    for name, figure in rows.items():
        table.add_row(name, *_cells(figure))
    for flag, value in figures["flag_f1"].items():
        table.add_row(f"F1 flag {flag}", "-" if value is None else f"{value:.3f}", "")
    table.add_row("calibration error (debiased)", f"{figures['calibration_error']:.3f}", "")
    console.print(table)
    if figures["slices"]:
        console.print(_slice_table(figures["slices"]))


def _cells(figure: Mapping[str, Any] | None) -> tuple[str, str]:
    if figure is None:
        return "-", "nothing to measure"
    return f"{figure['value']:.3f}", f"{figure['low']:.3f} to {figure['high']:.3f}"


def _slice_table(slices: Mapping[str, Any]) -> Table:
    table = Table(title=f"Slices of {_MIN_SLICE} comments or more")
    for heading in ("slice", "n", "macro-F1"):
        table.add_column(heading, justify="left" if heading == "slice" else "right")
    for name, figure in slices.items():
        table.add_row(name, f"{figure['n']:,}", f"{figure['macro_f1']:.3f}")
    return table
