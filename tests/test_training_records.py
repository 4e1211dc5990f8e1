"""Calibration and error counts are learned from comments as they come."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is missing: pip install '.[train]'")

from plaudit.scores import LABELS
from plaudit.training import config, records
from plaudit.training.dataset import LabelledComment
from plaudit.training.records import answer_record

SURE = 4.0


def _held_out(n: int, *, active: bool) -> list[LabelledComment]:
    return [
        LabelledComment(text=f"{label} {i}", label=label, flags=frozenset(), active=active)
        for label in LABELS
        for i in range(n)
    ]


def _logits(comments: list[LabelledComment], *, wrong: bool) -> np.ndarray:
    logits = np.zeros((len(comments), len(LABELS)), np.float32)
    for row, comment in zip(logits, comments, strict=True):
        row[(LABELS.index(comment.label) + wrong) % len(LABELS)] = SURE
    return logits


def _record(easy: list[LabelledComment], hard: list[LabelledComment]):
    labels = np.concatenate([_logits(easy, wrong=False), _logits(hard, wrong=True)])
    return answer_record((labels, np.full_like(labels, -SURE)), [*easy, *hard])


def test_rows_chosen_for_being_hard_do_not_count() -> None:
    record = _record(_held_out(40, active=False), _held_out(40, active=True))
    assert record.n_held_out == 120
    assert all(row[i] > 30 for i, row in enumerate(record.error_counts))


def test_they_count_where_too_few_others_stand() -> None:
    record = _record(_held_out(10, active=False), _held_out(40, active=True))
    assert record.n_held_out == 150


def test_settings_name_files_without_their_folders() -> None:
    named = config.load(
        overrides=[
            'data.train=["/home/somebody/a.jsonl"]',
            'data.held_out=["/home/somebody/b.jsonl"]',
            'vocabulary.corpus=["/home/somebody/c.ndjson"]',
            'cascade.texts=["/home/somebody/d.ndjson"]',
        ]
    )
    told = records._settings(named)
    assert (told["data"]["train"], told["data"]["held_out"]) == (["a.jsonl"], ["b.jsonl"])
    assert "somebody" not in repr(told)
