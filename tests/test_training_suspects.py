from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from plaudit.errors import TrainingDataError
from plaudit.training import dataset, suspects
from plaudit.training.cli import app
from tests.fakes import KeywordClassifier
from tests.tiny import EXAMPLE

COMMENTS = dataset.load(str(EXAMPLE))


def test_turned_labels_are_found_by_a_model_that_knows_better() -> None:
    clean = [
        dataset.LabelledComment(text=text, label=label, where=f"x:{i}")
        for i, (text, label) in enumerate(
            [("how so?", "question"), ("great!", "generic_praise"), ("mine broke", "genuine")] * 10
        )
    ]
    turned = [replace(c, label="question") if i in (4, 8) else c for i, c in enumerate(clean)]
    probabilities = KeywordClassifier().classify([c.text for c in turned]).probabilities
    found = suspects.suspects(turned, probabilities)
    assert {(each.comment.where, each.suggested) for each in found} == {
        ("x:4", "generic_praise"),
        ("x:8", "genuine"),
    }
    assert all(each.given_probability < each.probability for each in found)
    assert suspects.suspects(clean, KeywordClassifier().classify([c.text for c in clean]).probabilities) == []


def test_rows_of_one_label_cannot_be_judged(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    rows = [json.loads(line) | {"label": "genuine"} for line in EXAMPLE.read_text().splitlines()[:30]]
    path.write_text("\n".join(map(json.dumps, rows)))
    result = CliRunner().invoke(app, ["suspects", str(path)])
    assert (result.exit_code, "rows have the label genuine; expected two" in result.stderr) == (2, True)


def test_each_row_is_judged_by_the_others() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install '.[train]'")
    found = suspects.out_of_fold(COMMENTS)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)
    right = [dataset.LABELS[i] == c.label for i, c in zip(found.argmax(1), COMMENTS, strict=True)]
    assert 0.5 < np.mean(right) < 0.99  # fitted on its own rows it would know them all
    with pytest.raises(TrainingDataError, match="make 1 groups"):
        suspects.out_of_fold(COMMENTS[:1] * 8)


def test_regulars_who_tie_all_posts_together_leave_posts_to_judge_by() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install '.[train]'")
    woven = [replace(c, post=f"p{i % 10}", author=f"fan {i % 13}") for i, c in enumerate(COMMENTS)]
    np.testing.assert_allclose(suspects.out_of_fold(woven).sum(1), 1, atol=1e-6)
    with pytest.raises(TrainingDataError, match=r"--map post= or --map author="):
        suspects.out_of_fold([replace(c, post="one") for c in woven])


def test_the_command_lists_rows_and_writes_texts(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install '.[train]'")
    result = CliRunner().invoke(app, ["suspects", str(EXAMPLE), "--out", str(tmp_path / "s.jsonl")])
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in (tmp_path / "s.jsonl").read_text().splitlines()]
    assert 0 < len(rows) < 130
    assert rows[0]["where"] in result.stdout
    assert rows[0]["text"] not in result.stdout
    gaps = [row["given_probability"] - row["probability"] for row in rows]
    assert gaps == sorted(gaps)
