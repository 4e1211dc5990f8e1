from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from plaudit.errors import TrainingDataError
from tests.tiny import encoder, knobs, needs_torch

needs_torch()

import torch  # noqa: E402

from plaudit.training import checkpoint, config, preflight  # noqa: E402

__all__ = ["encoder"]


def test_a_full_disk_is_told_before_anything_runs(
    tmp_path: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preflight.check_space(tmp_path / "new" / "models", work=tmp_path / "work", encoder=str(encoder))
    asked: list[Path] = []

    def usage(path: Path) -> SimpleNamespace:
        asked.append(path)
        return SimpleNamespace(free=7_000_000)

    monkeypatch.setattr(preflight.shutil, "disk_usage", usage)
    with pytest.raises(TrainingDataError, match=r"has 7 MB free and the run needs 100 MB"):
        preflight.check_space(tmp_path / "new" / "models", work=None, encoder=str(encoder))
    assert asked == [tmp_path]


def test_texts_that_are_not_there_are_told_before_anything_runs(tmp_path: Path, encoder: Path) -> None:
    def told(*overrides: str) -> str:
        with pytest.raises(TrainingDataError) as error:
            preflight.check_texts(config.load(overrides=[*knobs(encoder), *overrides]))
        return str(error.value)

    preflight.check_texts(config.load(overrides=knobs(encoder)))
    assert "cascade.texts names nowhere.jsonl" in told('cascade.texts=["nowhere.jsonl"]')
    assert "vocabulary.corpus names nowhere.jsonl" in told('vocabulary.corpus=["nowhere.jsonl"]')
    few, many = tmp_path / "few.txt", tmp_path / "many.txt"
    few.write_text("\n".join(f"comment {i}" for i in range(999)))
    many.write_text("\n".join(f"comment {i}" for i in range(1000)))
    assert "hold 999 distinct texts" in told(f'cascade.texts=["{few}"]')
    preflight.check_texts(config.load(overrides=[*knobs(encoder), f'cascade.texts=["{many}"]']))


def test_a_corrupt_checkpoint_is_told_before_anything_runs(tmp_path: Path) -> None:
    preflight.check_checkpoint(None)
    preflight.check_checkpoint(tmp_path)
    path = tmp_path / checkpoint.NAME
    torch.save({"run": "x", "epoch": 1, "network": {"w": torch.ones(3)}}, path)
    preflight.check_checkpoint(tmp_path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(TrainingDataError, match=r"checkpoint\.pt is damaged .* remove it to start anew"):
        preflight.check_checkpoint(tmp_path)
    torch.save({"run": "x"}, path)
    with pytest.raises(TrainingDataError, match="is damaged"):
        preflight.check_checkpoint(tmp_path)
