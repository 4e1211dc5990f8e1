from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from plaudit.scores import ModelInfo
from plaudit.validation.remembering import Remembering
from tests.fakes import KeywordClassifier

TEXTS = ["great post", "why?", "the lid cracked", "why?", "これ"]


def test_each_text_is_labelled_once_and_answers_are_the_same() -> None:
    inner = KeywordClassifier()
    memory = Remembering(inner)
    first = memory.classify(TEXTS)
    assert inner.n_seen == 4
    again = memory.classify(TEXTS[::-1])
    assert inner.n_seen == 4
    direct = KeywordClassifier().classify(TEXTS)
    for name in ("probabilities", "flags", "supported", "truncated"):
        assert np.array_equal(getattr(first, name), getattr(direct, name))
        assert np.array_equal(getattr(again, name), getattr(direct, name)[::-1])
    assert first.languages == direct.languages
    assert len(memory.classify([])) == 0


def test_answers_outlast_the_run(tmp_path: Path) -> None:
    memory, path = Remembering(KeywordClassifier()), tmp_path / "new" / "labels.parquet"
    before = memory.classify(TEXTS)
    memory.save(path)
    assert b"lid" not in path.read_bytes()
    inner = KeywordClassifier()
    later = Remembering(inner)
    assert later.load(path) == 4
    after = later.classify([*TEXTS, "new one"])
    assert inner.n_seen == 1
    assert np.array_equal(after.probabilities[:5], before.probabilities)
    assert [path.name] == [each.name for each in path.parent.iterdir()]


def test_answers_of_another_model_and_damaged_files_are_not_used(tmp_path: Path) -> None:
    class Other(KeywordClassifier):
        @property
        def model(self) -> ModelInfo:
            return ModelInfo(id="other", hash="1" * 64)

    path = tmp_path / "labels.parquet"
    memory = Remembering(KeywordClassifier())
    memory.classify(TEXTS)
    memory.save(path)
    assert Remembering(Other()).load(path) == 0
    assert Remembering(Other()).load(tmp_path / "none") == 0
    path.write_bytes(path.read_bytes()[:-9])
    assert Remembering(KeywordClassifier()).load(path) == 0
    pq.write_table(pa.table({"x": [1]}), path)
    assert Remembering(KeywordClassifier()).load(path) == 0
