from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from plaudit.errors import TrainingDataError
from plaudit.scores import LABELS
from plaudit.training import config, dataset, teaching
from plaudit.training.targets import flag_targets, label_targets
from tests.fakes import KeywordClassifier

ROWS = [
    {"text": "Great post!", "label": "genuine", "flags": ["addressed"]},
    {"text": "which glue did you use?"},
    {"text": "mine broke after a week"},
]


def test_a_taught_row_keeps_its_label_and_others_get_the_best_guess(tmp_path: Path) -> None:
    out = tmp_path / "taught.jsonl"
    seen: list[int] = []
    n = teaching.write(teaching.teach(ROWS, [KeywordClassifier()] * 2, on_batch=seen.append), out)
    assert (n, seen) == (3, [3])
    plain = tmp_path / "plain"
    plain.touch()
    assert out.stat().st_mode == plain.stat().st_mode
    said = KeywordClassifier().classify([row["text"] for row in ROWS])
    comments = dataset.load(str(out))
    assert [c.label for c in comments] == ["genuine", *(LABELS[i] for i in said.labels[1:])]
    assert [c.annotated for c in comments] == [True, False, False]
    targets = label_targets(comments, config=config.load().train)
    np.testing.assert_allclose(targets.sum(1), 1, atol=1e-3)
    np.testing.assert_allclose(targets[1:], said.probabilities[1:], atol=1e-3)
    share = config.load().train.teacher_share
    smooth = config.load().train.label_smoothing
    expected = share * said.probabilities[0, 0] + (1 - share) * (1 - smooth * 2 / 3)
    assert targets[0, 0] == pytest.approx(expected, abs=1e-3)
    np.testing.assert_allclose(flag_targets(comments)[0], [0, 0, 1])
    np.testing.assert_allclose(flag_targets(comments)[1:], said.flags[1:], atol=1e-3)


def test_what_cannot_be_written_leaves_the_earlier_file(tmp_path: Path) -> None:
    out = tmp_path / "taught.jsonl"
    out.write_text("earlier\n")

    def broken() -> object:
        yield {"text": "a"}
        raise OSError(28, "No space left on device")

    with pytest.raises(TrainingDataError, match="No space left"):
        teaching.write(broken(), out)
    assert out.read_text() == "earlier\n"
    assert [p.name for p in tmp_path.iterdir()] == ["taught.jsonl"]


def test_half_an_answer_is_none(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps({"text": "a b", "label": "genuine", "probabilities": {"genuine": 1}}))
    assert dataset.load(str(file))[0].taught is None
