from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from plaudit.errors import TrainingDataError
from plaudit.inference import LogitModel
from tests.tiny import needs_torch

needs_torch()

from plaudit.training import listening  # noqa: E402
from plaudit.training.progress import Meter  # noqa: E402
from plaudit.training.telling import step_reporter  # noqa: E402

TEXTS = [f"text {i}" for i in range(25)]


class Teacher:
    """Says the length of a text; may be interrupted."""

    def __init__(self, *, says: float = 0, most: int = 10**9) -> None:
        self.n_asked = 0
        self._says, self._most = says, most

    def logits_of(self, place: int, texts: list[str]) -> NDArray[np.float32]:
        assert place == -1
        if len(texts) != len(listening._PROBES):
            self.n_asked += len(texts)
            if self.n_asked > self._most:
                raise KeyboardInterrupt
        return np.array([[len(text) + self._says] * 6 for text in texts], np.float32)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "_BLOCK", 10)


def _heard(teacher: Any, texts: list[str] = TEXTS, folder: Path | None = None) -> NDArray[np.float32]:
    return listening.heard(teacher, texts, folder=folder)


def test_answers_outlive_a_run_that_was_stopped(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _heard(Teacher(most=20), folder=tmp_path / "work")
    (kept,) = (tmp_path / "work").iterdir()
    kept.write_bytes(kept.read_bytes()[:-5])  # as a kill in the middle of a write leaves it
    second = Teacher()
    found = _heard(second, folder=tmp_path / "work")
    assert second.n_asked == 6
    np.testing.assert_array_equal(found, _heard(Teacher()))
    third = Teacher()
    np.testing.assert_array_equal(_heard(third, folder=tmp_path / "work"), found)
    assert third.n_asked == 0
    listening.forget(tmp_path / "work")
    assert not list((tmp_path / "work").iterdir())


@pytest.mark.parametrize(("says", "texts"), [(1, TEXTS), (0, TEXTS[::-1]), (0, [*TEXTS, "one more"])])
def test_answers_of_another_teacher_or_to_other_texts_are_not_taken(
    tmp_path: Path, says: float, texts: list[str]
) -> None:
    _heard(Teacher(), folder=tmp_path)
    other = Teacher(says=says)
    np.testing.assert_array_equal(_heard(other, texts, tmp_path), _heard(Teacher(says=says), texts))
    assert other.n_asked == len(texts)


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingDataError, match=r"answers cannot be kept in .*file"):
        _heard(Teacher(), folder=tmp_path / "file")


def test_texts_are_counted_not_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[float, float, int, str]] = []
    meter = Meter(unit="comments")
    monkeypatch.setattr(meter, "update", lambda done, *, total, n, note: shown.append((done, total, n, note)))
    listening.heard(cast(LogitModel, Teacher()), TEXTS, on_progress=step_reporter(meter, batch_size=128))
    assert shown == [(1, 3, 10, ""), (2, 3, 20, ""), (3, 3, 25, "")]
