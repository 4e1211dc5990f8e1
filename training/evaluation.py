"""How well a model labels a labelled set, as it is served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from plaudit.scores import FLAGS, LABELS, Classifier
from plaudit.training import metrics
from plaudit.training.dataset import LabelledComment
from plaudit.training.targets import flag_targets

_QUESTION, _PRAISE = LABELS.index("question"), LABELS.index("generic_praise")


def evaluate(classifier: Classifier, comments: Sequence[LabelledComment]) -> dict[str, Any]:
    """Return every figure of a labelled set as JSON types.

    Shares and scores are in [0, 1], intervals are 95 % bootstrap ones over comments.
    """
    scores = classifier.classify([c.text for c in comments])
    truth = np.array([LABELS.index(c.label) for c in comments])
    found = scores.labels.astype(np.int64)
    unmarked = np.array(["?" not in c.text for c in comments])
    flags = metrics.flag_f1(flag_targets(comments), scores.flags)
    masks = metrics.slices([c.text for c in comments], [c.language for c in comments], [c.source for c in comments])
    return {
        "model": classifier.model.id,
        "n": len(comments),
        "macro_f1": metrics.with_interval(metrics.macro_f1, truth, found).to_dict(),
        "f1": {
            label: metrics.with_interval(metrics.label_f1(i), truth, found).to_dict() for i, label in enumerate(LABELS)
        },
        "f1_question_unmarked": metrics.with_interval(
            metrics.label_f1(_QUESTION), truth[unmarked], found[unmarked]
        ).to_dict(),
        "precision_generic_praise": metrics.with_interval(metrics.precision(_PRAISE), truth, found).to_dict(),
        "flag_f1": {flag: round(value, 4) for flag, value in zip(FLAGS, flags, strict=True)},
        "calibration_error": round(metrics.calibration_error(scores.probabilities, truth), 4),
        "confusion": metrics.confusion(truth, found),
        "unsupported_share": round(float((~scores.supported).mean()), 4),
        "slices": {
            name: {"n": int(mask.sum()), "macro_f1": round(metrics.macro_f1(truth[mask], found[mask]), 4)}
            for name, mask in masks.items()
            if mask.sum() >= 30
        },
    }


def show(figures: dict[str, Any], console: Console, *, title: str) -> None:
    """Print the figures as tables."""
    table = Table(title=f"{title}: {figures['n']:,} comments, {figures['model']}")
    for heading in ("figure", "value", "95 % interval"):
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    rows = {"macro-F1": figures["macro_f1"], **{f"F1 {k}": v for k, v in figures["f1"].items()}}
    rows["F1 question, no question mark"] = figures["f1_question_unmarked"]
    rows["precision generic_praise"] = figures["precision_generic_praise"]
    for name, figure in rows.items():
        table.add_row(name, f"{figure['value']:.3f}", f"{figure['low']:.3f} to {figure['high']:.3f}")
    for flag, value in figures["flag_f1"].items():
        table.add_row(f"F1 flag {flag}", f"{value:.3f}", "")
    table.add_row("calibration error (debiased)", f"{figures['calibration_error']:.3f}", "")
    console.print(table)
    console.print(_slice_table(figures["slices"]))


def _slice_table(slices: dict[str, Any]) -> Table:
    table = Table(title="Slices of 30 comments or more")
    for heading in ("slice", "n", "macro-F1"):
        table.add_column(heading, justify="left" if heading == "slice" else "right")
    for name, figure in slices.items():
        table.add_row(name, f"{figure['n']:,}", f"{figure['macro_f1']:.3f}")
    return table
