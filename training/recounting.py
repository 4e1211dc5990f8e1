"""How often a finished model errs, counted anew on labelled comments that it has not learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaudit import artifact
from plaudit.artifact import Artifact, Manifest
from plaudit.classifier import ArtifactClassifier
from plaudit.errors import TrainingDataError
from plaudit.prevalence import MIN_HELD_OUT
from plaudit.scores import LABELS
from plaudit.training import dataset, records
from plaudit.training.dataset import LabelledComment
from plaudit.training.revision import replace_manifest


def recount(folder: Path, held_out: Sequence[LabelledComment], *, threads: int | None = None) -> Manifest:
    """Count each way of answering's errors on held-out comments, and write the counts into the manifest.

    Calibration stays as it is: it is fitted on logits, which the counts follow.

    Args:
        folder: The artefact.
        held_out: What it was not trained on; rows chosen for being hard are left out where enough others
            stand.
        threads: Cores to use; None for all.

    Raises:
        TrainingDataError: There are too few comments of a label, or the model was trained on just these.
        ArtifactError: The artefact is damaged, or cannot be written.
    """
    comments = [held_out[row] for row in records.as_they_come(held_out)]
    truth = np.array([LABELS.index(c.label) for c in comments], np.int64)
    _check(truth)
    loaded = artifact.load(folder)
    origin = {"n": len(comments), "sha256": dataset.digest(comments)}
    if loaded.manifest.data.get("train", {}).get("sha256") in {origin["sha256"], dataset.digest(held_out)}:
        raise TrainingDataError(
            f"{loaded.manifest.id} was trained on these comments, where it errs too seldom; name others."
        )
    counted = {
        name: _counted(loaded, comments, truth, exact=name == artifact.EXACT, threads=threads)
        for name in loaded.manifest.answers
    }
    answers = {
        name: {**record.model_dump(), **counted[name]} for name, record in loaded.manifest.answers.items()
    }
    return replace_manifest(
        folder, answers=answers, data=loaded.manifest.data | {"errors_counted_on": origin}
    )


def _check(truth: NDArray[np.int64]) -> None:
    n_of = dict(zip(LABELS, np.bincount(truth, minlength=len(LABELS)).tolist(), strict=True))
    rarest = min(n_of, key=lambda label: n_of[label])
    if n_of[rarest] < MIN_HELD_OUT:
        raise TrainingDataError(
            f"Error counts need {MIN_HELD_OUT:.0f} held-out comments of each label, and there are "
            f"{n_of[rarest]} of {rarest}; name more."
        )


def _counted(
    loaded: Artifact,
    comments: Sequence[LabelledComment],
    truth: NDArray[np.int64],
    *,
    exact: bool,
    threads: int | None,
) -> Mapping[str, Any]:
    scores = ArtifactClassifier(loaded, exact=exact, threads=threads).classify([c.text for c in comments])
    return records.counts_record(scores.probabilities, truth, scores.languages, [c.source for c in comments])
