"""The fine-tuned classifier: logits of an artefact, calibrated, with the language of each text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit import artifact as artifacts
from plaudit import language
from plaudit.artifact import MEND, Artifact
from plaudit.calibration import Calibration
from plaudit.errors import ArtifactError
from plaudit.inference import LogitModel, load_tokenizer
from plaudit.scores import LABELS, ModelInfo, Scores

_READ_ANYWAY: Final = ("zxx", "und")


class OnnxClassifier:
    """Scores texts with an artefact; safe to call from several threads."""

    def __init__(self, artifact: Artifact, *, threads: int | None = None) -> None:
        """Load the weights and recompute the golden logits.

        Args:
            artifact: A checked model folder.
            threads: Cores to use; None for all.

        Raises:
            ArtifactError: The model cannot be run, or answers otherwise than it did when exported.
        """
        answer = artifact.manifest.answers["exact"]
        self._artifact = artifact
        self._error_counts = np.asarray(answer.error_counts, np.float64)
        self._calibration = Calibration(
            temperature=answer.temperature, flag_scale=answer.flag_scale, flag_bias=answer.flag_bias
        )
        self._model = LogitModel(
            artifact.path(artifacts.MODEL),
            load_tokenizer(artifact.path(artifacts.TOKENIZER)),
            max_tokens=artifact.manifest.max_tokens,
            threads=threads,
        )
        self._check_golden()

    @property
    def model(self) -> ModelInfo:
        """The model that answers."""
        return self._artifact.model

    @property
    def artifact(self) -> Artifact:
        """The folder it was loaded from."""
        return self._artifact

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes of the languages the model reads."""
        return self._artifact.manifest.languages

    @property
    def error_counts(self) -> NDArray[np.float64] | None:
        """Soft error counts on held-out comments, shape (3, 3)."""
        return self._error_counts

    def classify(self, texts: Sequence[str]) -> Scores:
        """Score texts, in order; an empty text gets an answer without meaning, never an error."""
        distinct = list(dict.fromkeys(texts))
        rows = {text: row for row, text in enumerate(distinct)}
        codes = language.identify(distinct)
        logits, truncated = self._model.logits(distinct)
        take = np.fromiter((rows[text] for text in texts), np.int64, len(texts))
        readable = {*self.languages, *_READ_ANYWAY}
        supported = np.fromiter((code in readable for code in codes), bool, len(codes))
        return Scores(
            probabilities=self._calibration.label_probabilities(logits[take, : len(LABELS)]),
            flags=self._calibration.flag_probabilities(logits[take, len(LABELS) :]),
            languages=tuple(codes[row] for row in take),
            supported=supported[take],
            truncated=truncated[take],
        )

    def _check_golden(self) -> None:
        manifest, path = self._artifact.manifest, self._artifact.path(artifacts.MODEL)
        expected = np.asarray([[*g.label_logits, *g.flag_logits] for g in manifest.golden], np.float32)
        try:
            found, _ = self._model.logits([record.text for record in manifest.golden])
        except Exception as error:  # onnxruntime's exceptions share no public root
            reason = " ".join(str(error).split())[:200]
            raise ArtifactError(
                f"{path}: expected logits of its golden texts, found that it cannot run ({reason}). {MEND}"
            ) from error
        difference = float(np.abs(found - expected).max())
        if not difference <= manifest.golden_tolerance:  # written so that NaN fails
            raise ArtifactError(
                f"{path}: expected its golden logits within {manifest.golden_tolerance}, found them "
                f"{difference:.3f} off; the version of onnxruntime may be unfit. {MEND}"
            )
