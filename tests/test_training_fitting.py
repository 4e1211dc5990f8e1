from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plaudit.errors import TrainingDataError
from tests.tiny import EXAMPLE, encoder, knobs, needs_torch

needs_torch()

import safetensors.torch as safetensors  # noqa: E402
import torch  # noqa: E402

from plaudit.training import checkpoint, config, dataset, fitting, network, targets  # noqa: E402

__all__ = ["encoder"]
COMMENTS = dataset.load(str(EXAMPLE))[:96]


def fitted(encoder: Path, *, path: Path | None = None, on_progress: Any = None, **changes: Any) -> Any:
    settings = config.load(overrides=knobs(encoder, "train.epochs=3"))
    torch.manual_seed(settings.train.seed)
    net = network.build(str(encoder), dropout=0.1)
    fitting.fit(
        net,
        network.load_tokenizer(str(encoder)),
        COMMENTS,
        config=replace(settings.train, **changes),
        max_tokens=32,
        checkpoint=path,
        on_progress=on_progress,
    )
    return net


class Killed(BaseException):
    pass


def kill_at(step: int) -> Any:
    def on_progress(progress: fitting.Progress) -> None:
        if progress.step == step:
            raise Killed

    return on_progress


def test_a_killed_run_goes_on_to_the_same_weights(encoder: Path, tmp_path: Path) -> None:
    whole = fitted(encoder).state_dict()
    path = tmp_path / checkpoint.NAME
    with pytest.raises(Killed):
        fitted(encoder, path=path, on_progress=kill_at(9))  # in the second of three epochs
    assert path.exists()
    steps: list[int] = []
    torch.manual_seed(999)
    again = fitted(encoder, path=path, on_progress=lambda p: steps.append(p.step)).state_dict()
    assert steps == list(range(7, 19))
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_the_loss_falls_and_progress_is_told(encoder: Path) -> None:
    told: list[fitting.Progress] = []
    fitted(encoder, on_progress=told.append)
    assert [p.step for p in told] == list(range(1, told[-1].n_steps + 1))
    assert (told[-1].loss or 0.0) < (told[0].loss or 0.0)


def test_a_damaged_checkpoint_is_named(encoder: Path, tmp_path: Path) -> None:
    path = tmp_path / checkpoint.NAME
    fitted(encoder, path=path)
    content = path.read_bytes()
    for damaged in (b"", content[: len(content) // 2], b"no checkpoint"):
        path.write_bytes(damaged)
        with pytest.raises(TrainingDataError, match=r"is damaged .*remove it to start anew"):
            fitted(encoder, path=path)
    torch.save({"weights": torch.ones(3)}, path)
    with pytest.raises(TrainingDataError, match="is damaged"):
        fitted(encoder, path=path)


def test_a_checkpoint_of_another_run_is_refused(encoder: Path, tmp_path: Path) -> None:
    path = tmp_path / checkpoint.NAME
    fitted(encoder, path=path)
    with pytest.raises(TrainingDataError, match="other data, knobs or vocabulary"):
        fitted(encoder, path=path, learning_rate=1e-3)


def test_a_checkpoint_of_another_encoder_is_refused(encoder: Path, tmp_path: Path) -> None:
    path, other = tmp_path / checkpoint.NAME, tmp_path / "other"
    fitted(encoder, path=path)
    shutil.copytree(encoder, other)
    weights = safetensors.load_file(other / "model.safetensors")
    table = "embeddings.word_embeddings.weight"
    safetensors.save_file(
        weights | {table: weights[table] + 0.01}, other / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(TrainingDataError, match="on another encoder"):
        fitted(other, path=path)


def test_a_checkpoint_that_cannot_be_written_stops_the_run(encoder: Path, tmp_path: Path) -> None:
    path = tmp_path / "missing" / checkpoint.NAME
    with pytest.raises(TrainingDataError, match="cannot be written"):
        fitted(encoder, path=path)


def test_a_loss_that_is_no_number_stops_the_run(encoder: Path) -> None:
    with pytest.raises(TrainingDataError, match=r"lower train\.learning_rate"):
        fitted(encoder, learning_rate=1e30, embedding_learning_rate=1e30)


def test_logits_do_not_depend_on_the_order(encoder: Path) -> None:
    net, tokenizer = network.build(str(encoder), dropout=0.0), network.load_tokenizer(str(encoder))
    texts = [c.text for c in COMMENTS]
    forth = fitting.logits(net, tokenizer, texts, max_tokens=32)
    back = fitting.logits(net, tokenizer, texts[::-1], max_tokens=32)
    assert forth[0].shape == forth[1].shape == (len(texts), 3)
    np.testing.assert_allclose(forth[0], back[0][::-1], atol=1e-5)


def test_unknown_flags_teach_nothing(encoder: Path) -> None:
    net = network.build(str(encoder), dropout=0.0).eval()
    ids, mask = torch.tensor([[2, 9, 3]]), torch.ones(1, 3, dtype=torch.long)
    labels, unknown = torch.tensor([[1.0, 0.0, 0.0]]), torch.full((1, 3), -1.0)
    losses = [fitting.loss_of(net, (ids, mask, labels, unknown), flag_weight=w).item() for w in (0.0, 5.0)]
    assert losses[0] == losses[1]
    known = fitting.loss_of(net, (ids, mask, labels, torch.zeros(1, 3)), flag_weight=5.0).item()
    assert known > losses[0]


def test_targets_are_softer_where_the_annotator_was_unsure() -> None:
    settings = config.load().train
    sure = dataset.LabelledComment(text="a", label="question", flags=frozenset(["addressed"]))
    found = targets.label_targets([sure, replace(sure, unsure=True)], config=settings)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)
    assert found[0, 2] > found[1, 2] > 0.5
    flags = targets.flag_targets([sure, replace(sure, flags=None)])
    assert flags.tolist() == [[0, 0, 1], [-1, -1, -1]]


def test_the_rate_rises_then_falls_to_nothing() -> None:
    rates = [fitting.ramp(step, 100, 0.1) for step in range(101)]
    assert max(rates) == rates[9] == 1.0
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == 0
    assert math.isclose(fitting.ramp(0, 1, 0.0), 1.0)
