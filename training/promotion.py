"""Whether a model may take the place of the one in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from plaudit.artifact import Manifest
from plaudit.errors import TrainingDataError
from plaudit.scores import FLAGS, LABELS, Classifier
from plaudit.training import dataset, evaluation, metrics
from plaudit.training.dataset import LabelledComment
from plaudit.training.targets import flag_targets

_MARGIN: Final = 0.005
"""Macro-F1 a model may lose where the difference could be chance: what a rerun with another seed moves."""

_HELD: Final = 0.5  # from which a flag counts as held, as in reports
_LABEL: Final = "label"
_KINDS: Final = (_LABEL, *FLAGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a comparison amounts to.

    Attributes:
        compared: Per named set, and "together": macro-F1, F1 of each label and of each flag that the set
            knows, of both, and paired differences with intervals.
        drift: As `drift.drift` returns it.
        against: Sentences that speak against the new model; empty: it may be promoted.
    """

    compared: Mapping[str, Any]
    drift: Mapping[str, Any]
    against: Sequence[str]

    @property
    def figures(self) -> str:
        """The difference in macro-F1 in a few words."""
        lead = self.compared["together"]["macro_f1"]["difference"]
        return f"{lead['value']:+.3f} ({lead['low']:+.3f} to {lead['high']:+.3f}), {lead['n']:,} comments"

    @property
    def moves(self) -> str:
        """The drift of the panel in a few words."""
        if not self.drift["n"]:
            return "none has an index"
        return (
            f"median {self.drift['median_move']:.1f}, largest {self.drift['largest_move']:.1f} points, "
            f"{self.drift['n_outside']} of {self.drift['n']} outside the old interval"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types."""
        return {"compared": self.compared, "drift": self.drift, "against": list(self.against)}


def check_frozen(sets: Mapping[str, Sequence[LabelledComment]], manifest: Manifest) -> None:
    """Refuse a test set that is not the one the current model was measured on under the same name.

    Raises:
        TrainingDataError: It has another digest.
    """
    for name, comments in sets.items():
        recorded = manifest.metrics.get(name, {}).get("sha256")
        if recorded is not None and recorded != (found := dataset.digest(comments)):
            raise TrainingDataError(
                f"{name} is not the set that {manifest.id} was measured on: expected {recorded[:12]}…, found "
                f"{found[:12]}…. A frozen set never moves; give the new one a new name."
            )


def compare(
    new: Classifier, old: Classifier, sets: Mapping[str, Sequence[LabelledComment]]
) -> dict[str, Any]:
    """Compare two models on the same comments, paired, as JSON types.

    Args:
        new: The model that would be promoted.
        old: The model in use.
        sets: Frozen labelled sets, by name.
    """
    tables = {name: [_tables(each, comments) for each in (new, old)] for name, comments in sets.items()}
    together = [
        {kind: np.concatenate([sides[side][kind] for sides in tables.values()]) for kind in _KINDS}
        for side in (0, 1)
    ]
    return {name: _compared(*sides) for name, sides in {**tables, "together": together}.items()}


def _tables(classifier: Classifier, comments: Sequence[LabelledComment]) -> dict[str, metrics.Counts]:
    """Return confusions of labels, and of each flag (0: not, 1: held) over the comments that know it."""
    truth, clusters = evaluation.truth_of(comments), evaluation.clusters_of(comments)
    scores, flags = classifier.classify([c.text for c in comments]), flag_targets(comments)
    known = flags[:, 0] >= 0
    marks = {
        flag: metrics.counts(
            flags[known, i].astype(np.int64),
            (scores.flags[known, i] > _HELD).astype(np.int64),
            clusters[known],
        )
        for i, flag in enumerate(FLAGS)
    }
    return {_LABEL: metrics.counts(truth, scores.labels.astype(np.int64), clusters), **marks}


def _compared(new: Mapping[str, metrics.Counts], old: Mapping[str, metrics.Counts]) -> dict[str, Any]:
    named: list[tuple[str, str, metrics.Metric]] = [("macro_f1", _LABEL, metrics.macro_f1)]
    named += [(f"f1_{label}", _LABEL, metrics.label_f1(i)) for i, label in enumerate(LABELS)]
    named += [(f"f1_flag_{flag}", flag, metrics.label_f1(1)) for flag in FLAGS if len(new[flag])]
    return {
        name: {
            "new": metrics.figure(metric, new[kind]).to_dict(),
            "old": metrics.figure(metric, old[kind]).to_dict(),
            "difference": metrics.difference(metric, new[kind], old[kind]).to_dict(),
        }
        for name, kind, metric in named
    }


def judge(compared: Mapping[str, Any], drift: Mapping[str, Any], *, new: Manifest, old: Manifest) -> Verdict:
    """Say what speaks against a model, from its comparison with the one in use."""
    against = [_worse(name, each["difference"]) for name, each in compared["together"].items()]
    against += [_worse_on(name, each["macro_f1"]["difference"]) for name, each in compared.items()]
    if drift["lost"]:
        against.append(
            f"The panel loses a number: {dataset.listed(drift['lost'])}; {drift['n_lost']} are lost in all, "
            f"{drift['n_gained']} gained."
        )
    if old.references and not new.references:
        against.append(
            f"{new.id} has no references, so its signals are held against rough defaults and no index can be "
            "compared: learn them with `plaudit-train references`."
        )
    if missing := sorted(set(old.languages) - set(new.languages)):
        against.append(f"{new.id} no longer reads {', '.join(missing)}.")
    return Verdict(compared=compared, drift=drift, against=[each for each in against if each])


def _worse_on(set_: str, lead: Mapping[str, Any] | None) -> str:
    # What is won on one set must not be paid for on another: sets stand for topics, or hard cases.
    if set_ == "together" or lead is None or lead["high"] >= 0:
        return ""
    return f"On {set_} macro f1 falls by {-lead['value']:.3f} ({lead['low']:+.3f} to {lead['high']:+.3f})."


def _worse(name: str, lead: Mapping[str, Any] | None) -> str:
    if lead is None:
        return ""
    told = (
        f"{name.replace('_', ' ')} falls by {-lead['value']:.3f} ({lead['low']:+.3f} to {lead['high']:+.3f})"
    )
    if lead["high"] < 0:
        return f"{told}, more than chance explains."
    if name == "macro_f1" and lead["value"] < -_MARGIN:
        return f"{told}, more than {_MARGIN} even if it may be chance."
    return ""
