from __future__ import annotations

import errno
import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from plaudit import artifact, language
from plaudit.errors import ArtifactError, InputError, TrainingDataError
from plaudit.training import dataset, exits, progress
from plaudit.training.cli import app
from tests.test_training_references import post
from tests.tiny import EXAMPLE, encoder, knobs, needs_torch

__all__ = ["encoder"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def models(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one model in use, built by the command itself."""
    folder = tmp_path_factory.mktemp("models")
    test, origin = folder / "test.jsonl", folder / "origin.md"
    test.write_text("\n".join(EXAMPLE.read_text().splitlines()[:60]))
    origin.write_text("Written for this project.\n")
    settings = [part for override in knobs(encoder) for part in ("--set", override)]
    arguments = ("--test", test, "--models", folder, "--origin", origin, "--name", "tiny", "--use")
    result = run(
        "build", EXAMPLE, *arguments, *settings, "--threads", 1, "--work", folder / "work", "--leave-out"
    )
    assert result.exit_code == 0, result.output
    (folder / "stdout.txt").write_text(result.stdout)
    (folder / "stderr.txt").write_text(result.stderr)
    return folder


@pytest.fixture
def model(models: Path) -> Path:
    return artifact.current(models)


def test_build_ends_in_figures_and_records_them(models: Path, model: Path) -> None:
    stdout, stderr = (models / "stdout.txt").read_text(), (models / "stderr.txt").read_text()
    assert "held_out:" in stdout
    assert "test: 60 comments" in stdout
    assert "rows were left out: their texts, posts or authors are in a test file." in stderr
    assert "Training ..." in stderr
    assert f"wrote {model}, now the current model." in stderr
    manifest = artifact.load(model).manifest
    assert set(manifest.metrics) == {"held_out", "test"}
    assert manifest.data["left_out"]["in_a_test_set"] >= 60
    assert manifest.data["origin"] == "Written for this project."
    assert manifest.languages == ("en",)
    assert not (models / "work" / "checkpoint.pt").exists()


def test_evaluate_prints_records_and_writes(model: Path, tmp_path: Path) -> None:
    result = run("evaluate", EXAMPLE, "--model", model, "--json", tmp_path / "figures.json")
    assert result.exit_code == 0, result.output
    assert f"labelled: 260 comments, {model.name}" in result.stdout
    assert json.loads((tmp_path / "figures.json").read_text())["labelled"]["n"] == 260
    deep = tmp_path / "not" / "there" / "figures.json"
    (tmp_path / "file").write_text("")
    result = run(
        "evaluate", EXAMPLE, "--model", model, "--json", deep, "--html", tmp_path / "file" / "page.html"
    )
    assert (result.exit_code, "page.html cannot be written" in result.stderr) == (2, True)
    assert deep.is_file()
    assert "labelled: 260 comments" in result.stdout  # what was measured is told all the same
    before = (model / artifact.MANIFEST).read_bytes()
    result = run("evaluate", EXAMPLE, "--model", model, "--record", "held_out")
    assert (result.exit_code, (model / artifact.MANIFEST).read_bytes()) == (2, before)
    result = run("evaluate", EXAMPLE, "--model", model, "--record", "everything", "--json", "-")
    figures = json.loads(result.stdout)
    recorded = artifact.load(model).manifest.metrics["everything"]
    assert recorded["macro_f1"] == figures["everything"]["macro_f1"]
    assert {"baselines", "obfuscated", "shares"} <= set(recorded)
    assert "speed" not in recorded  # of this machine, not of the model
    card = (model / artifact.CARD).read_text()
    for row in (
        "| no question mark |",
        "with words hidden: `leet`",
        "of a baseline: rules",
        "error of label shares",
    ):
        assert row in card
    result = run("evaluate", EXAMPLE, "--model", model, "--html", tmp_path / "page.html", "--train", EXAMPLE)
    assert "What it has to beat" in result.stdout
    assert model.name in (tmp_path / "page.html").read_text()


def test_references_are_fitted_on_dumps(model: Path, tmp_path: Path) -> None:
    dumps = []
    for topic in range(2):
        path = tmp_path / f"topic{topic}.jsonl"
        rows = [row for i in range(5) for row in post(f"{topic}-{i}", creator=f"maker {i % 3}", n_regulars=9)]
        path.write_text("\n".join(json.dumps({k: v for k, v in r.items() if k != "platform"}) for r in rows))
        dumps.append(f"blog={path}")
    result = run("references", *dumps, "--model", model)
    assert result.exit_code == 0, result.output
    assert "generic_share" in result.stdout
    loaded = artifact.load(model).manifest
    assert loaded.references["blog"]["generic_share"]["n_communities"] == 10
    record = loaded.data["references"]
    assert (record["n_posts"], record["n_accounts"], record["min_comments"]) == (10, 6, 50)
    assert [(f["name"], f["platforms"], f["n_posts"]) for f in record["files"]] == [
        ("topic0.jsonl", ["blog"], 5),
        ("topic1.jsonl", ["blog"], 5),
    ]
    assert all(len(f["sha256"]) == 64 and f["n_comments"] == 255 for f in record["files"])
    assert "| topic0.jsonl | blog | 255 | 5 |" in (model / artifact.CARD).read_text()
    before = (model / artifact.MANIFEST).read_bytes()
    small = tmp_path / "small.jsonl"
    small.write_text(json.dumps({"text": "nice"}))
    result = run("references", small, "--model", model)
    assert (result.exit_code, (model / artifact.MANIFEST).read_bytes()) == (2, before)
    assert "No post in the dumps has 50 comments" in result.stderr


def test_errors_are_counted_anew_by_language(model: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in EXAMPLE.read_text().splitlines()]
    rows += [{"text": f"ich finde die Glasur sehr schön, {i}", "label": "genuine"} for i in range(40)]
    held_out = tmp_path / "held_out.jsonl"
    held_out.write_text("\n".join(map(json.dumps, rows)))
    before = artifact.load(model).manifest
    result = run("recount", held_out, "--model", model)
    assert result.exit_code == 0, result.output
    manifest = artifact.load(model).manifest
    assert manifest.id == before.id
    assert manifest.data["errors_counted_on"]["n"] == len(rows)
    n_german = language.identify([row["text"] for row in rows]).count("de")
    assert n_german >= 40
    for name, answer in manifest.answers.items():
        before_ = before.answers[name]
        assert (answer.n_held_out, answer.temperature) == (before_.n_held_out, before_.temperature)
        assert sum(map(sum, answer.error_counts)) == pytest.approx(len(rows), abs=0.01)
        assert sum(map(sum, answer.error_counts_by_language["de"])) == pytest.approx(n_german, abs=0.01)
    few = tmp_path / "few.jsonl"
    few.write_text("\n".join(map(json.dumps, rows[-50:])))
    whole = (model / artifact.MANIFEST).read_bytes()
    result = run("recount", few, "--model", model)
    assert (result.exit_code, (model / artifact.MANIFEST).read_bytes()) == (2, whole)
    assert "need 30 held-out comments of each label" in result.stderr
    learnt = manifest.data["train"] | {"sha256": dataset.digest(dataset.load(str(held_out)))}
    copy = Path(shutil.copytree(model, tmp_path / "models" / model.name))
    from plaudit.training.revision import replace_manifest

    replace_manifest(copy, data=manifest.data | {"train": learnt})
    result = run("recount", held_out, "--model", copy)
    assert result.exit_code == 2
    assert "was trained on these comments" in result.stderr


def test_use_checks_before_it_changes(models: Path, model: Path, tmp_path: Path) -> None:
    assert run("use", model.name, "--models", models).exit_code == 0
    result = run("use", "other", "--models", models)
    assert result.exit_code == 2
    assert f"there are: {model.name}" in result.stderr
    assert run("use", "../x", "--models", models).exit_code == 2
    damaged = models / "damaged"
    damaged.mkdir()
    (damaged / artifact.MANIFEST).write_bytes((model / artifact.MANIFEST).read_bytes())
    assert run("use", "damaged", "--models", models).exit_code == 1
    assert artifact.current(models) == model


def test_card_is_rendered_anew(model: Path, tmp_path: Path) -> None:
    (model / artifact.CARD).unlink()
    origin = tmp_path / "origin.md"
    origin.write_text("Other words.")
    assert run("card", "--model", model, "--origin", origin).exit_code == 0
    assert "Other words." in (model / artifact.CARD).read_text()
    assert run("card", "--model", tmp_path / "none").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["build", "--set", "train.epoch=1"], "there is no train.epoch"),
        (["build", "nowhere.jsonl"], "There is no nowhere.jsonl"),
        (["build", "nowhere.jsonl", "--device", "gpu"], "no device 'gpu'"),
        (["build", EXAMPLE, "--name", "a/b"], "cannot begin a model's id"),
        (["build", EXAMPLE, "--test", EXAMPLE], "260 training rows have the text of a test comment"),
        (["build", EXAMPLE, "--test", EXAMPLE, "--leave-out"], "260 were left out, being in a test set"),
        (["build", EXAMPLE, "--languages", "en,english"], "--languages: the language is 'english'"),
        (["build", EXAMPLE, "--set", 'cascade.texts=["gone.txt"]'], "cascade.texts names gone.txt"),
        (["build", EXAMPLE, "--origin", "nowhere.md"], "expected Markdown"),
        (["build", EXAMPLE, "--threads", "0"], "Invalid value for '--threads'"),
        (["build"], "No labelled files were named"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[Any], says: str, tmp_path: Path) -> None:
    needs_torch()
    result = run(*arguments, "--models", tmp_path)
    assert result.exit_code == 2
    assert says in result.stderr.replace("\n", " ")
    assert list(tmp_path.iterdir()) == []


def test_evaluating_needs_no_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torch", "transformers", "datasets"):
        monkeypatch.setitem(sys.modules, name, None)
    result = run("evaluate", "nowhere.jsonl", "--model", tmp_path)
    assert (result.exit_code, "There is no nowhere.jsonl" in result.stderr) == (2, True)


def test_help_of_every_command() -> None:
    for command in ([], ["build"], ["evaluate"], ["references"], ["use"], ["card"]):
        result = run(*command, "--help")
        assert result.exit_code == 0
        assert "Exit codes: 0 done" in result.stdout


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (TrainingDataError("Bad rows."), 2, "plaudit-train: Bad rows."),
        (InputError("No file."), 2, "No file."),
        (ArtifactError("Damaged."), 1, "Damaged."),
        (KeyboardInterrupt(), 1, "Interrupted; with --work"),
        (ModuleNotFoundError(name="torch"), 1, "needs the package torch"),
        (BrokenPipeError(), 0, ""),
        (MemoryError(), 1, "train.batch_size"),
        (OSError(errno.ENOSPC, "x", "disk"), 1, "No space left on device (disk)"),
        (ValueError("what someone wrote"), 1, "Something broke inside Plaudit (ValueError)"),
    ],
)
def test_exit_codes(error: BaseException, code: int, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, exits.exit_codes():
        raise error
    assert ended.value.exit_code == code
    told = capsys.readouterr().err
    assert says in told
    assert "someone wrote" not in told


def test_a_traceback_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(exits.DEBUG, "1")
    with pytest.raises(ValueError, match="deep"), exits.exit_codes():
        raise ValueError("deep")


def test_progress_tells_rate_and_time_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock.now)
    with progress.Meter(unit="comments") as meter:
        meter.say("Training")
        for step in (50, 60, 70, 80):  # a resumed run begins at 50
            meter.update(step, total=100, n=step * 10, note="loss 0.5")
            clock.now += 20
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "plaudit-train: Training ...",
        "plaudit-train: Training: 70%, 5.0 comments a second, loss 0.5, 60 s left",
    ]
