"""The fine-tuned classifier: logits of an artefact, calibrated, with the language of each text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit import artifact as artifacts
from plaudit import language
from plaudit.artifact import MEND, Artifact
from plaudit.calibration import Calibration
from plaudit.errors import ArtifactError, UsageError
from plaudit.inference import LogitModel, Logits, Network, Stage, load_tokenizer
from plaudit.manifest import AnswerRecord, GoldenRecord, StageRecord
from plaudit.pieces import pieced
from plaudit.scores import FLAGS, LABELS, NO_LANGUAGE, ErrorCounts, ModelInfo, Scores
from plaudit.sureness import Sureness

CPU: Final = "cpu"
"""The device that needs no torch."""
_FLOAT_TOLERANCE: Final = 0.4  # logits; int8 activations alone move single ones by 0.2


def calibration_of(record: AnswerRecord | StageRecord) -> Calibration:
    """Return the calibration that a record tells of: an answer's is the exact network's."""
    return Calibration(
        temperature=record.temperature, flag_scale=record.flag_scale, flag_bias=record.flag_bias
    )


def sureness_of(record: StageRecord) -> Sureness:
    """Return when a small network answers, as its record tells."""
    return Sureness(
        least_margin=record.least_margin,
        unsure_flags=record.unsure_flags,
        slack_per_doubling=record.slack_per_doubling,
    )


def stages_of(artifact: Artifact) -> tuple[Stage, ...]:
    """Return the small networks of an artefact, in the order they are asked."""
    return tuple(
        Stage(model=artifact.path(record.file), sureness=sureness_of(record))
        for record in artifact.manifest.stages
    )


class ArtifactClassifier:
    """Scores texts with an artefact; safe to call from several threads."""

    def __init__(
        self, artifact: Artifact, *, exact: bool = False, threads: int | None = None, device: str = CPU
    ) -> None:
        """Load the weights and recompute the golden logits.

        Args:
            artifact: A checked model folder.
            exact: Let the exact network read every text, though the model has a cascade.
            threads: Cores to use; None for all.
            device: As torch names it: "cuda", "cuda:1". There the exact network reads every text in
                bfloat16, with its own calibration and error counts; on the "cpu" it is int8, without torch.

        Raises:
            ArtifactError: The model cannot be run, or answers otherwise than it did when exported.
            UsageError: There is no such device, or what drives it is not installed.
        """
        manifest = artifact.manifest
        stages = () if exact or device != CPU else manifest.stages
        self._artifact = artifact
        self._answer = artifacts.CASCADE if stages else artifacts.EXACT if device == CPU else artifacts.FLOAT
        self._runtime = "onnxruntime" if device == CPU else "torch"
        self._tolerance = manifest.golden_tolerance if device == CPU else _FLOAT_TOLERANCE
        counted = artifacts.CASCADE if stages else artifacts.EXACT
        self._error_counts = _error_counts(manifest.answers[counted])
        records: list[StageRecord | AnswerRecord] = [*stages, manifest.answers[artifacts.EXACT]]
        self._calibrations = [calibration_of(record) for record in records]
        self._model = LogitModel(
            artifact.path(artifacts.MODEL) if device == CPU else _on_device(artifact, device),
            load_tokenizer(artifact.path(artifacts.TOKENIZER)),
            max_tokens=manifest.max_tokens,
            stages=stages_of(artifact) if stages else (),
            threads=threads,
        )
        self._check_golden()

    @property
    def model(self) -> ModelInfo:
        """The model that answers."""
        return replace(self._artifact.model, answer=self._answer)

    @property
    def artifact(self) -> Artifact:
        """The folder it was loaded from."""
        return self._artifact

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes of the languages the model reads."""
        return self._artifact.manifest.languages

    @property
    def error_counts(self) -> ErrorCounts | None:
        """How it errs on held-out comments."""
        return self._error_counts

    def watch(self, *, on_tokenised: Callable[[float], None], on_known: Callable[[int], None]) -> None:
        """Tell of each batch the seconds of cleaning and tokenising, and how many texts were known."""
        self._model.on_tokenised, self._model.on_known = on_tokenised, on_known

    def classify(self, texts: Sequence[str]) -> Scores:
        """Score texts, in order; an empty text gets an answer without meaning, never an error."""
        texts = pieced(texts)
        codes = language.identify(texts)
        found = self._model.answers(texts)
        labels, flags = self._calibrated(found)
        readable = {*self.languages, *NO_LANGUAGE}
        supported = np.fromiter((code in readable for code in codes), bool, len(codes))
        return Scores(
            probabilities=labels,
            flags=flags,
            languages=tuple(codes),
            supported=supported,
            truncated=found.truncated,
        )

    def _calibrated(self, found: Logits) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        labels = np.empty((len(found.values), len(LABELS)), np.float32)
        flags = np.empty((len(found.values), len(FLAGS)), np.float32)
        for place, calibration in enumerate(self._calibrations):
            rows = found.stage == place
            labels[rows] = calibration.label_probabilities(found.values[rows, : len(LABELS)])
            flags[rows] = calibration.flag_probabilities(found.values[rows, len(LABELS) :])
        return labels, flags

    def _check_golden(self) -> None:
        manifest = self._artifact.manifest
        stages = manifest.stages if self._answer == artifacts.CASCADE else ()
        for place, stage in enumerate(stages):
            self._check_network(stage.file, place, stage.golden)
        self._check_network(artifacts.MODEL, -1, manifest.golden)

    def _check_network(self, file: str, place: int, golden: Sequence[GoldenRecord]) -> None:
        path, tolerance = self._artifact.path(file), self._tolerance
        expected = np.asarray([[*g.label_logits, *g.flag_logits] for g in golden], np.float32)
        try:
            found = self._model.logits_of(place, [record.text for record in golden])
        except Exception as error:  # exceptions of onnxruntime and torch share no public root
            reason = " ".join(str(error).split())[:200]
            raise ArtifactError(
                f"{path}: expected logits of its golden texts, found that it cannot run ({reason}). {MEND}"
            ) from error
        difference = float(np.abs(found - expected).max())
        if not difference <= tolerance:  # written so that NaN fails
            raise ArtifactError(
                f"{path}: expected its golden logits within {tolerance}, found them "
                f"{difference:.3f} off; the version of {self._runtime} may be unfit. {MEND}"
            )


def _on_device(artifact: Artifact, device: str) -> Network:
    try:
        from plaudit.torch_network import TorchNetwork
    except ImportError as error:
        raise UsageError(
            f"Device {device!r} needs {error.name}, which is not installed: pip install 'plaudit[gpu]'."
        ) from error
    return TorchNetwork(artifact, device=device)


def _worth(concentration: float | None) -> float:
    return inf if concentration is None else concentration


def _error_counts(record: AnswerRecord) -> ErrorCounts:
    genuine, praise, question = record.error_concentration
    return ErrorCounts(
        pooled=np.asarray(record.error_counts, np.float64),
        languages={
            code: np.asarray(counts, np.float64) for code, counts in record.error_counts_by_language.items()
        },
        concentration=(_worth(genuine), _worth(praise), _worth(question)),
    )
