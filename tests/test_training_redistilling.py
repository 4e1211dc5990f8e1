from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from plaudit import artifact
from plaudit.classifier import ArtifactClassifier
from plaudit.training.applause import applause
from plaudit.training.cli import app
from tests.tiny import EXAMPLE, encoder, example_texts, knobs, needs_torch

needs_torch()

__all__ = ["encoder"]

SMALL = ("cascade.window_width=16", "cascade.window_size=8", "cascade.window_epochs=1")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def settings(*overrides: str) -> list[str]:
    return [part for override in overrides for part in ("--set", override)]


@pytest.fixture(scope="module")
def models(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model in use that has no small network, a dump, and labels in two parts."""
    folder = tmp_path_factory.mktemp("redistilling")
    words, draw = " ".join(example_texts()).split(), random.Random(4)
    texts = [c.text for c in applause(1600, seed=3)] + [" ".join(draw.sample(words, 6)) for _ in range(400)]
    dump = "".join(json.dumps({"id": str(i), "text": text}) + "\n" for i, text in enumerate(texts))
    (folder / "dump.ndjson").write_text(dump)
    rows = EXAMPLE.read_text().splitlines()
    random.Random(1).shuffle(rows)
    (folder / "learnt.jsonl").write_text("\n".join(rows[:180]))
    (folder / "held_out.jsonl").write_text("\n".join(rows[180:]))
    result = run(
        "build", folder / "learnt.jsonl", "--models", folder, "--name", "tiny", "--threads", 1, "--use",
        *settings(*[knob for knob in knobs(encoder) if not knob.startswith("data.train")]),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return folder


def distilled(models: Path, *more: object) -> Result:
    return run(
        "distil", models / "learnt.jsonl", "--held-out", models / "held_out.jsonl", "--models", models,
        "--texts", models / "dump.ndjson", "--threads", 1, "--name", "tiny", *settings(*SMALL), *more,
    )  # fmt: skip


def test_the_exact_network_stays_and_a_small_one_comes_before_it(models: Path) -> None:
    before = artifact.load(artifact.current(models))
    result = distilled(models, "--work", models / "work")
    assert result.exit_code == 0, result.output
    assert not list((models / "work").iterdir())
    written = Path(result.stderr.split("wrote ")[-1].strip().removesuffix("."))
    loaded = artifact.load(written)
    manifest = loaded.manifest
    assert manifest.id != before.manifest.id
    assert artifact.current(models) == before.folder  # not put to use unasked
    for name in (artifact.MODEL, artifact.TOKENIZER):
        assert loaded.path(name).read_bytes() == before.path(name).read_bytes()
    assert [stage.file for stage in manifest.stages] == ["window.onnx"]
    assert set(manifest.answers) == {"exact", "cascade"}
    assert manifest.data["train"] == before.manifest.data["train"]
    assert manifest.data["held_out"]["n"] == 80
    assert np.sum(manifest.answers["cascade"].error_counts) == pytest.approx(80, abs=0.01)
    assert manifest.training["cascade_from_model"] == before.manifest.id
    assert manifest.training["config"]["cascade"]["texts"] == ["dump.ndjson"]
    assert manifest.training["config"]["train"] == before.manifest.training["config"]["train"]
    assert manifest.training["seconds"] == before.manifest.training["seconds"]
    assert set(manifest.metrics) == {"held_out"}
    assert f"that of `{before.manifest.id}`" in (written / artifact.CARD).read_text()
    texts = example_texts()
    exact, old = (ArtifactClassifier(a, exact=True, threads=1).classify(texts) for a in (loaded, before))
    np.testing.assert_array_equal(exact.labels, old.labels)
    again = distilled(models, "--model", written)
    assert again.exit_code == 0, again.output  # begins with the small network that it has
    stays = distilled(
        models,
        "--model",
        written,
        "--set",
        "cascade.window_epochs=0",
        "--set",
        "cascade.window_differing=0.2",
        "--set",
        "cascade.window_flags_differing=[0, 0.5, 0.5]",
    )
    assert stays.exit_code == 0, stays.output
    moved = artifact.load(Path(stays.stderr.split("wrote ")[-1].strip().removesuffix("."))).manifest
    assert moved.stages[0].least_margin < manifest.stages[0].least_margin
    taught, kept = (dict(m.training["config"]["cascade"]) for m in (manifest, moved))
    allowed = {"window_differing": 0.2, "window_flags_differing": [0.0, 0.5, 0.5]}
    assert kept == taught | allowed  # the lesson is told as it was
    _, *others = moved.stages[0].unsure_flags
    assert [low == high for low, high in others] == [True, True]
    assert moved.training["cascade_from_model"] == before.manifest.id
    found, before_ = (np.array([g.label_logits for g in m.stages[0].golden]) for m in (moved, manifest))
    np.testing.assert_allclose(found, before_, atol=0.05)  # it answers as it did
    began = distilled(models, "--student", written)
    assert began.exit_code == 0, began.output
    assert began.stderr.split("wrote ")[-1] == again.stderr.split("wrote ")[-1]


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (("--model", "nobody"), 2, "There is no model 'nobody'"),
        (("--student", "current"), 2, "has no small network to begin as"),
        (("--set", "cascade.window_epochs=0"), 2, "there is none of these sizes"),
        (("--set", "cascade.window_differing=2"), 2, "share below 1"),
        (("--name", "a b"), 2, "cannot begin a model's id"),
    ],
)
def test_what_cannot_be_done_is_told(models: Path, more: tuple[str, ...], code: int, says: str) -> None:
    result = distilled(models, *more)
    assert result.exit_code == code
    assert says in result.stderr


def test_few_texts_are_told(models: Path, tmp_path: Path) -> None:
    (tmp_path / "few.ndjson").write_text('{"id": "1", "text": "which clay?"}\n')
    result = run(
        "distil", models / "learnt.jsonl", "--held-out", models / "held_out.jsonl", "--models", models,
        "--texts", tmp_path / "few.ndjson",
    )  # fmt: skip
    assert "hold 1 distinct texts; expected at least 1,000" in result.stderr
    assert result.exit_code != 0
