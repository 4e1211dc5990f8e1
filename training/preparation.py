"""Labelled files to the parts of a run: loaded, checked, split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from plaudit.errors import TrainingDataError
from plaudit.scores import LABELS
from plaudit.training import applause, dataset, splitting
from plaudit.training.config import Config
from plaudit.training.dataset import LabelledComment

_MAX_CONFLICT_SHARE: Final = (
    0.02  # careful annotators contradict themselves on 0.02 %; more is a broken export
)
_MIN_LANGUAGE: Final = 200  # training comments below which a language is not said to be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What training holds apart: the weights see `train` only.

    Attributes:
        train: What the weights are fitted on.
        held_out: What calibration and error counts are fitted on.
        n_leaked: Rows left out because their text, a near duplicate, their post or author is in a test set.
        n_conflicting: Rows left out because the same text was given two labels.
    """

    train: Sequence[LabelledComment]
    held_out: Sequence[LabelledComment]
    n_leaked: int = 0
    n_conflicting: int = 0

    def languages(self) -> tuple[str, ...]:
        """Return the languages there is enough of to learn, most frequent first; at least one."""
        counts = Counter(c.language for c in self.train).most_common()
        return tuple(code for i, (code, n) in enumerate(counts) if i == 0 or n >= _MIN_LANGUAGE)


def prepare(
    config: Config,
    *,
    frozen: Sequence[LabelledComment] = (),
    columns: Mapping[str, str] | None = None,
) -> Parts:
    """Load, check and split the labelled files.

    Args:
        config: Names the files.
        frozen: Test comments; training rows that share a text, near duplicate, post or author are left out.
        columns: As `options.columns_of` returns them, where the usual names do not fit.

    Raises:
        TrainingDataError: No files, a label missing, too few rows to hold some out, or many texts with
            two labels.
    """
    if not config.data.train:
        raise TrainingDataError("No labelled files were named; give them as arguments or as data.train.")
    comments = [c for path in config.data.train for c in dataset.load(path, columns=columns)]
    clean = splitting.without_leaks(comments, frozen)
    annotated = [c for c in clean if c.annotated]
    usable = dataset.without_conflicts(annotated)
    _check_conflicts(annotated, usable)
    held_out, rest = _apart(config, usable, frozen=frozen, columns=columns)
    # What only teachers labelled says nothing of how often a model is right: never held out.
    taught = splitting.without_leaks([c for c in clean if not c.annotated], held_out)
    parts = Parts(
        train=[*rest, *taught, *_applause(config)],
        held_out=held_out,
        n_leaked=len(comments) - len(clean),
        n_conflicting=len(annotated) - len(usable),
    )
    for name, part in (("training", parts.train), ("held-out", parts.held_out)):
        _check_labels(name, part, n=len(comments), n_leaked=parts.n_leaked)
    return parts


def held_out(
    paths: Sequence[str],
    *,
    frozen: Sequence[LabelledComment] = (),
    columns: Mapping[str, str] | None = None,
) -> list[LabelledComment]:
    """Load files that are held out whole, without what shares a text, a post or an author with a test.

    Args:
        paths: Labelled files.
        frozen: Test comments.
        columns: As in `prepare`.

    Raises:
        TrainingDataError: A file cannot be used, or no comment of some label is left.
    """
    kept = _named(paths, frozen=frozen, columns=columns)
    _check_labels("held-out", kept, n=len(kept))
    return kept


def _named(
    paths: Sequence[str], *, frozen: Sequence[LabelledComment], columns: Mapping[str, str] | None
) -> list[LabelledComment]:
    named = [c for path in paths for c in dataset.load(path, columns=columns, taught=False)]
    return splitting.without_leaks(dataset.without_conflicts(named), frozen)


def _apart(
    config: Config,
    usable: Sequence[LabelledComment],
    *,
    frozen: Sequence[LabelledComment],
    columns: Mapping[str, str] | None,
) -> tuple[list[LabelledComment], list[LabelledComment]]:
    """Return what is held out, and what of the rest shares nothing with it."""
    if config.data.held_out:
        held_out = _named(config.data.held_out, frozen=frozen, columns=columns)
        return held_out, splitting.without_leaks(usable, held_out)
    found = splitting.split(usable, share=config.data.calibration_share, seed=config.train.seed)
    splitting.check_rest(usable, found)
    return [usable[row] for row in found.chosen], [usable[row] for row in found.rest]


def _applause(config: Config) -> list[LabelledComment]:
    # Never held out: they say nothing of how often people are misread.
    return applause.applause(config.data.n_applause, seed=config.train.seed) if config.data.n_applause else []


def _check_labels(name: str, part: Sequence[LabelledComment], *, n: int, n_leaked: int = 0) -> None:
    missing = sorted(set(LABELS) - {c.label for c in part})
    if missing:
        out = f"; {n_leaked:,} were left out, being in a test set" if n_leaked else ""
        raise TrainingDataError(
            f"The {name} part ({len(part):,} of {n:,} rows{out}) has no {', '.join(missing)}; "
            "expected rows of every label: add some, or hold out others (data.held_out)."
        )


def _check_conflicts(clean: Sequence[LabelledComment], usable: Sequence[LabelledComment]) -> None:
    n_conflicting = len(clean) - len(usable)
    if n_conflicting <= max(10, _MAX_CONFLICT_SHARE * len(clean)):
        return
    kept = {id(comment) for comment in usable}
    rows = [str(number) for number, c in enumerate(clean, start=1) if id(c) not in kept]
    raise TrainingDataError(
        f"{n_conflicting:,} of {len(clean):,} rows have a text that stands with another label as well "
        f"(row {dataset.listed(rows)}, counted over all files); expected one label a text: settle each. "
        "What several annotators said of one comment is settled by itself where a column `annotator` names "
        "them (--map annotator=NAME)."
    )
