"""A classifier that labels each text once, within a run and, with a file, over runs."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from plaudit.scores import FLAGS, LABELS, Classifier, ErrorCounts, ModelInfo, Scores

_MODEL: Final = b"plaudit.model"
_SCHEMA: Final = pa.schema(
    [
        pa.field("text", pa.binary(16)),  # blake2b of the text; no text is kept
        pa.field("probabilities", pa.list_(pa.float32(), len(LABELS))),
        pa.field("flags", pa.list_(pa.float32(), len(FLAGS))),
        pa.field("language", pa.string()),
        pa.field("supported", pa.bool_()),
        pa.field("truncated", pa.bool_()),
    ]
)


class Remembering:
    """Asks another classifier, and never twice for the same text.

    Args:
        classifier: What answers; its answers must not depend on the other texts of a call.
    """

    def __init__(self, classifier: Classifier) -> None:
        self.inner = classifier
        self._rows: dict[bytes, int] = {}
        self._columns: dict[str, list[Any]] = {field.name: [] for field in _SCHEMA}

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def model(self) -> ModelInfo:
        """The model that answers."""
        return self.inner.model

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639 codes of the languages the model reads."""
        return self.inner.languages

    @property
    def error_counts(self) -> ErrorCounts | None:
        """How it errs on held-out comments."""
        return self.inner.error_counts

    def unknown(self, texts: Sequence[str]) -> list[str]:
        """Return the texts that were not labelled yet, each once."""
        return [text for text in dict.fromkeys(texts) if _digest(text) not in self._rows]

    def classify(self, texts: Sequence[str]) -> Scores:
        """Score texts, in order; those that were seen before from memory."""
        digests = [_digest(text) for text in texts]
        new = {digest: text for digest, text in zip(digests, texts, strict=True) if digest not in self._rows}
        if new:
            self._keep(list(new), self.inner.classify(list(new.values())))
        rows = [self._rows[digest] for digest in digests]
        column = {name: [values[row] for row in rows] for name, values in self._columns.items()}
        return Scores(
            probabilities=np.array(column["probabilities"], np.float32).reshape(-1, len(LABELS)),
            flags=np.array(column["flags"], np.float32).reshape(-1, len(FLAGS)),
            languages=tuple(column["language"]),
            supported=np.array(column["supported"], bool),
            truncated=np.array(column["truncated"], bool),
        )

    def _keep(self, digests: Sequence[bytes], scores: Scores) -> None:
        for digest in digests:
            self._rows[digest] = len(self._rows)
        self._columns["text"] += digests
        self._columns["probabilities"] += list(scores.probabilities)
        self._columns["flags"] += list(scores.flags)
        self._columns["language"] += scores.languages
        self._columns["supported"] += scores.supported.tolist()
        self._columns["truncated"] += scores.truncated.tolist()

    def save(self, path: Path) -> None:
        """Write the answers, beside the target first and then into its place."""
        table = pa.table(
            [pa.array(self._columns[field.name], field.type) for field in _SCHEMA],
            schema=_SCHEMA.with_metadata({_MODEL: self.model.hash.encode()}),
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f"{path.name}.partial")
        pq.write_table(table, scratch, compression="zstd")
        scratch.replace(path)

    def load(self, path: Path) -> int:
        """Read answers that `save` wrote; return how many, 0 where there are none of this model."""
        try:
            table = pq.read_table(path)
        except (OSError, pa.ArrowException):
            return 0  # not there, or not ours: the texts are labelled anew
        is_ours = table.schema.remove_metadata().equals(_SCHEMA)
        if not is_ours or (table.schema.metadata or {}).get(_MODEL) != self.model.hash.encode():
            return 0
        for row, digest in enumerate(table.column("text").to_pylist(), start=len(self._rows)):
            self._rows[digest] = row
        for name, values in self._columns.items():
            values += table.column(name).to_pylist()
        return len(table)


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
