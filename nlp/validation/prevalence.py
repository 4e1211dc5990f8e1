"""Are label shares right? The artificial prevalence protocol (Forman 2008) on labelled comments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.comment import COMMENT_SCHEMA
from plaudit.report.claims import Chart, Claim, Row, Series, Target
from plaudit.scores import LABELS
from plaudit.validation import editing
from plaudit.validation.statistics import Z_90
from plaudit.validation.study import Study

SAMPLE: Final = 200
MIN_LABELLED: Final = 20
MOST_ERROR: Final = 0.03
LEAST_COVERED: Final = 0.87
_METHOD: Final = (
    f"Samples of {SAMPLE} labelled comments drawn with replacement at every class mix; the mean absolute "
    "error of each reported share, and of plain counting of the most probable label on the same samples. "
    "Intervals: the same on resampled labelled comments."
)
Errors = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Protocol:
    """Shares of n samples, each of shape (n, 3): as drawn, as reported, as counted; the bounds reported."""

    truth: Errors
    reported: Errors
    counted: Errors
    low: Errors
    high: Errors

    def covered(self) -> Errors:
        """Return how often the interval holds the share as drawn, where that is not 0 or 1; shape (3,)."""
        inside = (self.truth > 0) & (self.truth < 1)
        held = (self.low <= self.truth) & (self.truth <= self.high) & inside
        return np.asarray(held.sum(axis=0) / np.maximum(inside.sum(axis=0), 1))

    def errors(self) -> Errors:
        """Return mean absolute errors, shape (2, 3): reported, counted."""
        return np.stack([np.abs(each - self.truth).mean(axis=0) for each in (self.reported, self.counted)])


def prevalence(study: Study) -> Claim:
    """Hold reported label shares against known ones, and against plain counting."""
    labels = np.array([each.label for each in study.material.labelled], np.intp)
    pools = [np.flatnonzero(labels == label) for label in range(len(LABELS))]
    base = Claim(name="prevalence", title="Label shares are right", method=_METHOD)
    if min(map(len, pools)) < MIN_LABELLED:
        lacking = f"It needs {MIN_LABELLED} labelled comments of each label; there are {len(labels)} in all."
        return replace(base, lacking=lacking)
    comments = editing.joined([_as_comments([each.text for each in study.material.labelled])])
    whole = _run(study, comments, pools, n=study.scale.n_mixes, name="whole")
    random = study.random("prevalence", "pools")
    errors = [
        _run(
            study, comments, [random.choice(pool, len(pool)) for pool in pools], n=1, name=f"pool {i}"
        ).errors()
        for i in study.watched("Prevalence", range(study.scale.n_pools))
    ]
    return replace(base, rows=_rows(whole, np.array(errors), len(labels)), charts=(_chart(whole),))


def _as_comments(texts: list[str]) -> editing.Comments:
    blank = {"source": "labelled", "platform": "other", "is_creator": False, "key": 0}
    rows = [{**blank, "text": text, "id": str(i)} for i, text in enumerate(texts)]
    return pa.RecordBatch.from_pylist(rows, schema=COMMENT_SCHEMA)


def _mixes(step: float) -> list[tuple[int, int, int]]:
    n = round(1 / step)
    cells = [(i, j, n - i - j) for i in range(n + 1) for j in range(n + 1 - i)]
    return [
        (i * SAMPLE // n, j * SAMPLE // n, SAMPLE - i * SAMPLE // n - j * SAMPLE // n) for i, j, _ in cells
    ]


def _run(
    study: Study, comments: editing.Comments, pools: list[NDArray[np.intp]], *, n: int, name: str
) -> _Protocol:
    random = study.random("prevalence", name)
    truth, found_in = [], []
    for mix in _mixes(study.scale.mix_step):
        for _ in range(n):
            rows = np.concatenate([random.choice(pool, size) for pool, size in zip(pools, mix, strict=True)])
            found = study.bench.of(editing.as_new(editing.taken(comments, rows), prefix="p")).labels
            shares = [found[label] for label in LABELS]
            if all(shares):
                truth.append(np.array(mix) / SAMPLE)
                found_in.append([(s.share, s.raw_share, s.low, s.high) for s in shares if s])
    reported, counted, low, high = np.moveaxis(np.array(found_in).reshape(-1, len(LABELS), 4), 2, 0)
    return _Protocol(
        truth=np.array(truth).reshape(-1, len(LABELS)), reported=reported, counted=counted, low=low, high=high
    )


def _rows(whole: _Protocol, resampled: Errors, n_labelled: int) -> tuple[Row, ...]:
    # Resampled pools differ from their own comments as those do from all: their spread is what is wanted,
    # not their mean, to which the resampling adds.
    errors, spread = whole.errors(), Z_90 * resampled.std(axis=0, ddof=1)
    gain, gain_spread = errors[0] - errors[1], Z_90 * (resampled[:, 0] - resampled[:, 1]).std(axis=0, ddof=1)
    shared: dict[str, Any] = {"unit": "share", "n": n_labelled, "of": "labelled comments"}
    rows = []
    for i, label in enumerate(LABELS):
        value, counted = float(errors[0, i]), float(errors[1, i])
        rows.append(
            Row(
                name=f"mean absolute error, {label}",
                value=value,
                low=max(value - spread[0, i], 0.0),
                high=value + spread[0, i],
                target=Target(most=MOST_ERROR),
                note=f"Plain counting: {counted:.3f}.",
                **shared,
            )
        )
    for i, label in enumerate(LABELS):
        low, high = float(gain[i] - gain_spread[i]), float(gain[i] + gain_spread[i])
        rows.append(
            Row(
                name=f"error less than by counting, {label}: upper end",
                value=high,
                low=low,
                high=high,
                target=Target(most=0.0),
                note=f"Paired difference {gain[i]:+.3f}; its whole interval has to lie below 0.",
                **shared,
            )
        )
    for label, covered in zip(LABELS, whole.covered(), strict=True):
        rows.append(
            Row(
                name=f"90 % intervals that hold the share, {label}",
                value=float(covered),
                target=Target(least=LEAST_COVERED),
                note="Of mixes with some of the label and some of another.",
                **shared,
            )
        )
    return tuple(rows)


def _chart(whole: _Protocol) -> Chart:
    series = []
    for i, label in enumerate(LABELS):
        levels = np.unique(whole.truth[:, i])
        at = [whole.truth[:, i] == level for level in levels]
        for kind, shares in (("", whole.reported), (", counted", whole.counted)):
            series.append(
                Series(
                    name=label + kind,
                    x=tuple(map(float, levels)),
                    y=tuple(float(shares[rows, i].mean()) for rows in at),
                    joined=not kind,
                )
            )
    return Chart(
        title="Reported share by true share",
        x_title="true share",
        y_title="reported share",
        series=tuple(series),
        diagonal=True,
    )
