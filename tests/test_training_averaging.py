from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from plaudit import artifact
from plaudit.errors import MappingError
from plaudit.training.cli import app
from tests.tiny import EXAMPLE, encoder, knobs, needs_torch

needs_torch()

from plaudit.training import averaging, restoring  # noqa: E402
from plaudit.training.revision import replace_manifest  # noqa: E402

__all__ = ["encoder"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def written(result: Result) -> Path:
    assert result.exit_code == 0, result.output
    return Path(result.stderr.split("wrote ")[-1].partition(",")[0].strip().removesuffix("."))


@pytest.fixture(scope="module")
def models(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model in use and two that go on from it, and labels in three parts."""
    folder = tmp_path_factory.mktemp("averaging")
    rows = EXAMPLE.read_text().splitlines()
    random.Random(1).shuffle(rows)
    for name, part in (("first", rows[:120]), ("second", rows[120:180]), ("held_out", rows[180:])):
        (folder / f"{name}.jsonl").write_text("\n".join(part))
    settings = [part for override in knobs(encoder) for part in ("--set", override)]
    common = ("--models", folder, "--name", "tiny", "--threads", 1)
    assert run("build", folder / "first.jsonl", *common, "--use", *settings).exit_code == 0
    first = artifact.current(folder)
    usual = {
        "pooled": {"generic_share": {"location": 0.1, "spread": 0.1, "n_communities": 9, "origin": "pooled"}}
    }
    told = {"references": {"n_posts": 9, "min_comments": 50, "n_accounts": 9, "files": []}}
    data = artifact.load(first).manifest.data | told | {"errors_counted_on": {"n": 1}}
    replace_manifest(first, references=usual, data=data)
    goes_on = ("--from-model", "current", "--set", "train.epochs=1")
    written(run("build", folder / "second.jsonl", *common, *goes_on))
    return folder


def others(models: Path) -> tuple[str, str]:
    current = artifact.current(models).name
    (other,) = (path.name for path in models.glob("tiny-*") if path.name != current)
    return current, other


def test_the_weights_are_the_mean(models: Path, tmp_path: Path) -> None:
    first, second = others(models)
    folder = written(
        run(
            "average", first, f"{second}=3", "--models", models, "--held-out", models / "held_out.jsonl",
            "--name", "mean", "--threads", 1,
        )
    )  # fmt: skip
    assert folder.name.startswith("mean-")
    assert artifact.current(models).name == first  # not put to use unasked
    weights = [
        restoring.load_network(restoring.restore(models / name, tmp_path)).state_dict()
        for name in (first, second, folder.name)
    ]
    for name, value in weights[2].items():
        if value.is_floating_point() and value.ndim == 2:
            expected = 0.25 * weights[0][name] + 0.75 * weights[1][name]
            step = float(expected.abs().max()) / 127  # rounded to int8, then spread within the steps
            np.testing.assert_allclose(value, expected, atol=2 * step)
            off = [float((value - each).abs().mean()) for each in (expected, weights[0][name])]
            assert off[0] < off[1], name
    loaded = artifact.load(folder)
    manifest = loaded.manifest
    assert manifest.training["averaged"] == {first: 0.25, second: 0.75}
    assert manifest.data["held_out"]["n"] == 80
    assert np.sum(manifest.answers["exact"].error_counts) == pytest.approx(80, abs=0.01)
    assert set(manifest.answers) == {"exact"}
    assert manifest.references == artifact.load(models / first).manifest.references
    assert manifest.data["references"]["learned_with"] in (first, second)
    assert "errors_counted_on" not in manifest.data
    assert set(manifest.metrics) == {"held_out"}
    card = (folder / artifact.CARD).read_text()
    assert f"`{first}` (0.25), `{second}` (0.75)" in card
    assert "both models' held-out" not in card  # its counts rest on what is held out here alone
    lead = artifact.load(models / second).manifest
    assert manifest.training["seconds"] == lead.training["seconds"]


def test_of_equals_the_first_leads(models: Path) -> None:
    first, second = others(models)
    common = ("--models", models, "--held-out", models / "held_out.jsonl", "--threads", 1)
    for lead, other in ((first, second), (second, first)):
        folder = written(run("average", lead, other, *common, "--name", f"led-by-{lead}"))
        manifests = [artifact.load(path).manifest for path in (folder, models / lead)]
        assert manifests[0].data["train"] == manifests[1].data["train"]


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        (("current",), "two or more models to average, each named once; found tiny-"),
        (("current", "current"), "each named once"),
        (("current", "nobody"), "There is no model 'nobody'"),
        (("current", "SECOND=none"), "expected MODEL=WEIGHT with a number, found 'none'"),
        (("current", "SECOND=0"), "expected a weight above 0"),
        (("current", "SECOND=nan"), "expected a weight above 0"),
    ],
)
def test_what_cannot_be_averaged_is_told(models: Path, parts: tuple[str, ...], says: str) -> None:
    _, second = others(models)
    named = [part.replace("SECOND", second) for part in parts]
    result = run("average", *named, "--models", models, "--held-out", models / "held_out.jsonl")
    assert result.exit_code == 2
    assert says in result.stderr


def test_models_of_another_shape_are_told(models: Path) -> None:
    first, second = (artifact.load(models / name) for name in others(models))
    manifest = second.manifest.model_copy(update={"max_tokens": second.manifest.max_tokens - 1})
    other = replace(second, manifest=manifest)
    parts = [averaging.Part(model=model, weight=1.0) for model in (first, other)]
    with pytest.raises(MappingError, match="of another longest text than"):
        averaging.average(parts, [], models=models)


def test_a_held_out_part_without_a_label_is_told(models: Path, tmp_path: Path) -> None:
    rows = (models / "held_out.jsonl").read_text().splitlines()
    (tmp_path / "few.jsonl").write_text("\n".join(row for row in rows if '"question"' not in row))
    first, second = others(models)
    result = run("average", first, second, "--models", models, "--held-out", tmp_path / "few.jsonl")
    assert result.exit_code == 2
    assert "has no question" in result.stderr
