from __future__ import annotations

import random
from typing import Any

import pytest

from plaudit.scores import LABELS
from plaudit.training.agreement import agreement


def rows(*labels: list[str]) -> list[dict[str, Any]]:
    return [{"labels": each} for each in labels]


def test_perfect_agreement_and_chance() -> None:
    assert agreement(rows(*[[label] * 2 for label in LABELS])) == {"n": 3, "agree": 1.0, "alpha": 1.0}
    draw = random.Random(0)
    blind = rows(*[[draw.choice(LABELS), draw.choice(LABELS)] for _ in range(3000)])
    found = agreement(blind)
    assert found is not None
    assert found["agree"] == pytest.approx(1 / 3, abs=0.03)
    assert found["alpha"] == pytest.approx(0, abs=0.04)


def test_a_case_counted_by_hand() -> None:
    g, q = "genuine", "question"
    found = agreement(rows([g, g], [g, q], [q, q], [q, q]))  # 8 values: 3 g, 5 q; 2 of 8 ordered pairs differ
    assert found == {"n": 4, "agree": 0.75, "alpha": round(1 - 2 / (30 / 7), 4)}


def test_rows_of_one_annotator_are_passed_over() -> None:
    assert (
        agreement([{"labels": ["genuine"]}, {"text": "x"}, {"labels": "genuine"}, {"labels": ["x", "y"]}])
        is None
    )
    assert agreement(rows(["genuine", "genuine"])) == {"n": 1, "agree": 1.0, "alpha": None}
    three = agreement(rows(["genuine", "genuine", "question"], ["question"] * 3))
    assert three is not None
    assert three["agree"] == round(4 / 6, 4)
