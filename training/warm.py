"""Going on from a served model: new labels are learned, and what the model knew is kept.

Self-distillation keeps it: part of each new row's target is what the model said of it before, texts to
replay, which need no label, are answered as before, and so are flags that nobody gave. Without texts to
replay, the trained weights are averaged with those they began from.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plaudit import artifact
from plaudit.artifact import AnswerRecord, Manifest, StageRecord
from plaudit.classifier import ArtifactClassifier
from plaudit.comment_network import CommentNetwork
from plaudit.errors import MappingError
from plaudit.float_weights import Weights
from plaudit.scores import LABELS
from plaudit.training import restoring
from plaudit.training.candidates import distinct, read_candidates, sample
from plaudit.training.config import TrainConfig
from plaudit.training.dataset import LabelledComment, letters
from plaudit.training.preparation import Parts
from plaudit.training.records import part_record
from plaudit.training.revision import replace_manifest
from plaudit.training.targets import flag_targets, label_targets

KNOBS: Final = (
    "train.epochs=3",
    "train.learning_rate=5e-5",  # half of what the first training takes: a short way from a good start
    "train.embedding_learning_rate=2e-5",
    "data.n_applause=0",  # it has learnt them
    "cascade.max_texts=40000",  # what fits in ten minutes beside the rest
    "vocabulary.corpus=[]",  # that of the model, pruned already
    "encoder.n_layers=0",  # all that it has
)
"""What differs from the default configuration; anything the user sets comes after."""
OLD_SHARE: Final = 0.3
"""Of a new row's target: what the model said before. An annotator is right more often than it was."""
KEPT_SHARE: Final = 0.4
"""Of the weights, where nothing is replayed: those the training began from. On 1,068 comments of a new
topic it gave back half of what was forgotten elsewhere (macro-F1 0.848 to 0.798, then 0.822); beside
replayed texts it gave nothing back and took from the new topic."""
_REPLAYED: Final = 2
"""Texts to replay a new row."""
_MAX_REPLAYED: Final = 8_000
_SEED: Final = 13

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A model to go on from.

    Attributes:
        manifest: Of the artefact.
        encoder: Folder with its weights as floats; see `restoring`.
        classifier: The artefact as it is served.
    """

    manifest: Manifest
    encoder: Path
    classifier: ArtifactClassifier

    @property
    def knobs(self) -> list[str]:
        """Overrides of the configuration."""
        return [*KNOBS, f'encoder.name="{self.encoder}"', f"encoder.max_tokens={self.manifest.max_tokens}"]

    def students(self) -> Mapping[str, Weights]:
        """Return the weights of its small networks, by file and name.

        Raises:
            ArtifactError: A graph cannot be turned back.
        """
        return restoring.small(self.classifier.artifact)

    def languages(self, parts: Parts) -> tuple[str, ...]:
        """Return what the model read before, and what the new rows add."""
        return tuple(dict.fromkeys([*self.manifest.languages, *parts.languages()]))

    def with_memory(
        self,
        parts: Parts,
        *,
        dumps: Sequence[Path] = (),
        frozen: Sequence[LabelledComment] = (),
        config: TrainConfig,
    ) -> Parts:
        """Return the parts with targets that remember, and with texts to replay.

        Args:
            parts: Of the new labels. What is held out stays as it is.
            dumps: Comments to replay; two a new row are drawn, 8,000 at the most.
            frozen: Test comments, never replayed.
            config: Its smoothing is that of the new labels.
        """
        new = _softened(parts.train, self._answers([c.text for c in parts.train]), config=config)
        taken = {letters(c) for c in (*frozen, *parts.train, *parts.held_out)}
        texts = _drawn(dumps, n=min(_REPLAYED * len(new), _MAX_REPLAYED), taken=taken)
        return replace(parts, train=[*new, *_replayed(texts, self._answers(texts))])

    def blend(self, network: CommentNetwork) -> None:
        """Average a trained network with the one it began as."""
        places = getattr(network.encoder.config, "max_position_embeddings", None)
        start = restoring.load_network(self.encoder, max_tokens=places).state_dict()
        restoring.blend(network, start, share=1 - KEPT_SHARE)

    def finish(self, folder: Path, *, given: Parts, n_replayed: int) -> None:
        """Write what the new model inherits: references, and counts of errors beside its own.

        Args:
            folder: The new artefact.
            given: The parts as they were labelled.
            n_replayed: Texts learned beside them.

        Raises:
            ArtifactError: An artefact is damaged, or cannot be written.
        """
        manifest = artifact.load(folder).manifest
        usual = self.manifest.data.get("references")
        inherited = {} if usual is None else {"references": {"learned_with": self.manifest.id} | usual}
        start: dict[str, Any] = {"from_model": self.manifest.id, "n_replayed": n_replayed}
        replace_manifest(
            folder,
            references=self.manifest.references,
            answers={
                name: joined(record, self.manifest.answers.get(name))
                for name, record in manifest.answers.items()
            },
            stages=joined_stages(
                manifest.stages, self.manifest.stages, share=_share_of_new(manifest, self.manifest)
            ),
            data={**manifest.data, **inherited, "train": part_record(given.train)},
            training={**manifest.training, **start},
        )

    def _answers(self, texts: Sequence[str]) -> Floats:
        """Return probabilities of labels, then flags, as served; shape (n, 6)."""
        scores = self.classifier.classify(texts)
        return np.concatenate([scores.probabilities, scores.flags], axis=1)


@contextmanager
def started_from(name: str, models: Path, *, threads: int | None = None) -> Iterator[Start]:
    """Lend a model to go on from; its weights as floats are gone afterwards.

    Args:
        name: "current", the id of a model in `models`, or a folder.
        models: Folder of models.
        threads: Cores to use; None for all.

    Raises:
        MappingError: There is no such model.
        ArtifactError: It is damaged, or cannot be turned back.
    """
    classifier = ArtifactClassifier(artifact.load(folder_of(name, models)), exact=True, threads=threads)
    with TemporaryDirectory(prefix="plaudit-") as scratch:
        encoder = restoring.restore(classifier.artifact.folder, Path(scratch))
        yield Start(
            manifest=classifier.artifact.manifest,
            encoder=encoder,
            classifier=classifier,
        )


def students_of(name: str, models: Path) -> Mapping[str, Weights]:
    """Return the weights of a model's small networks, by file and name.

    Args:
        name: As in `started_from`.
        models: Folder of models.

    Raises:
        MappingError: There is no such model, or it has no small network.
        ArtifactError: It is damaged, or cannot be turned back.
    """
    found = restoring.small(artifact.load(folder_of(name, models)))
    if not found:
        raise MappingError(f"Model {name!r} has no small network to begin as; expected one with a cascade.")
    return found


def folder_of(name: str, models: Path) -> Path:
    """Return the folder of a model: "current", the id of one in `models`, or a folder.

    Where none was ever made the current one of `models`, "current" is the shipped one.

    Raises:
        MappingError: There is no such model.
        ArtifactError: None is current.
    """
    if name == "current":
        return artifact.current(models if (models / artifact.CURRENT).exists() else None)
    for folder in (models / name, Path(name)):
        if (folder / artifact.MANIFEST).is_file():
            return folder
    known = sorted(path.parent.name for path in models.glob(f"*/{artifact.MANIFEST}"))
    raise MappingError(
        f"There is no model {name!r} to go on from; expected current, a folder, or one of "
        f"{', '.join(known) or 'none here'}."
    )


def _softened(
    comments: Sequence[LabelledComment], before: Floats, *, config: TrainConfig
) -> list[LabelledComment]:
    n = len(LABELS)
    given, flags = label_targets(comments, config=config), flag_targets(comments)
    labels = (1 - OLD_SHARE) * given + OLD_SHARE * before[:, :n]
    known = np.where(flags < 0, before[:, n:], (1 - OLD_SHARE) * flags + OLD_SHARE * before[:, n:])
    targets = np.concatenate([labels, known], axis=1)
    return [
        replace(c, taught=tuple(row.tolist()), annotated=False)
        for c, row in zip(comments, targets, strict=True)
    ]


def _drawn(dumps: Sequence[Path], *, n: int, taken: set[str]) -> list[str]:
    found = distinct(read_candidates(dumps), taken=taken, with_emoji=True) if dumps else iter(())
    return [candidate.text for candidate in sample(found, n=n, seed=_SEED)]


def _replayed(texts: Sequence[str], before: Floats) -> list[LabelledComment]:
    return [
        LabelledComment(
            text=text,
            label=LABELS[int(row[: len(LABELS)].argmax())],
            taught=tuple(row.tolist()),
            annotated=False,
        )
        for text, row in zip(texts, before, strict=True)
    ]


def joined(new: AnswerRecord, old: AnswerRecord | None) -> AnswerRecord:
    """Return calibration and error counts on the rows both records rest on.

    The new rows are of one topic; the old ones say how the model errs elsewhere, where it still answers
    nearly as before. Counts add up, by language only where the old ones are told apart; how sources differ is
    what the old ones tell, where they tell it; temperature and lines are averaged by rows (temperature as its
    logarithm). A line of flags that the new rows did not have
    is the old one.
    """
    if old is None:
        return new
    share = new.n_held_out / max(1, new.n_held_out + old.n_held_out)
    return AnswerRecord.model_validate(
        {
            **_averaged(new, old, share=share),
            "error_counts": _summed(new.error_counts, old.error_counts),
            "error_counts_by_language": _by_language(new, old),
            "error_concentration": old.error_concentration
            if any(old.error_concentration)
            else new.error_concentration,
            "n_held_out": new.n_held_out + old.n_held_out,
        }
    )


def joined_stages(
    new: Sequence[StageRecord], old: Sequence[StageRecord], *, share: float
) -> tuple[StageRecord, ...]:
    """Return the small networks' records with a calibration that rests on both models' held-out comments.

    Most comments are answered by them. What is not fitted, as the new held-out part is too small for a
    network that answers a tenth of it, is as it was before.

    Args:
        new: Of the new model.
        old: Of the one gone on from.
        share: Of the new held-out comments among all.
    """
    before = {stage.file: stage for stage in old}
    return tuple(
        stage.model_copy(update=_averaged(stage, before[stage.file], share=share))
        if stage.file in before
        else stage
        for stage in new
    )


def _share_of_new(new: Manifest, old: Manifest) -> float:
    n, before = (each.answers[artifact.EXACT].n_held_out for each in (new, old))
    return n / max(1, n + before)


def _averaged(
    new: AnswerRecord | StageRecord, old: AnswerRecord | StageRecord, *, share: float
) -> dict[str, Any]:
    """Return temperature and lines of flags between two, `share` of the first; what is not fitted is old."""
    lines = [
        (a, b) if (s, t) == (1.0, 0.0) else (share * s + (1 - share) * a, share * t + (1 - share) * b)
        for s, t, a, b in zip(new.flag_scale, new.flag_bias, old.flag_scale, old.flag_bias, strict=True)
    ]
    # A stage that answers too few to fit has exactly 1.
    weight = 0.0 if isinstance(new, StageRecord) and new.temperature == 1.0 else share
    logs = weight * math.log(new.temperature) + (1 - weight) * math.log(old.temperature)
    return {
        "temperature": math.exp(logs),
        "flag_scale": tuple(scale for scale, _ in lines),
        "flag_bias": tuple(bias for _, bias in lines),
    }


def _by_language(new: AnswerRecord, old: AnswerRecord) -> dict[str, Any]:
    one, other = new.error_counts_by_language, old.error_counts_by_language
    if not other:
        return {}  # the new rows alone, of one topic, would pass for how it errs
    nothing = np.zeros((len(LABELS), len(LABELS)))
    return {
        code: _summed(one.get(code, nothing), other.get(code, nothing)) for code in sorted({*one, *other})
    }


def _summed(one: Any, other: Any) -> Any:
    return tuple(tuple(row) for row in (np.asarray(one) + np.asarray(other)).round(4).tolist())
