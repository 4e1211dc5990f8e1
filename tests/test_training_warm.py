from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from plaudit import artifact
from plaudit.classifier import ArtifactClassifier
from plaudit.errors import ArtifactError, MappingError
from plaudit.training.cli import app
from tests.artifacts import Build, build
from tests.tiny import EXAMPLE, encoder, knobs, needs_torch

needs_torch()

import torch  # noqa: E402

from plaudit.artifact import AnswerRecord, Artifact, GoldenRecord, StageRecord  # noqa: E402
from plaudit.inference import LogitModel, load_tokenizer  # noqa: E402
from plaudit.training import (  # noqa: E402
    config,
    dataset,
    fitting,
    network,
    restoring,
    students,
    warm,
    window_graph,
)
from plaudit.training.preparation import Parts  # noqa: E402
from plaudit.training.revision import replace_manifest  # noqa: E402

__all__ = ["build", "encoder"]
COMMENTS = dataset.load(str(EXAMPLE))
DUMP = EXAMPLE.parent / "ceramics_channel.ndjson"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def models(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one model in use, whose references came from somewhere."""
    folder = tmp_path_factory.mktemp("models")
    settings = [part for override in knobs(encoder) for part in ("--set", override)]
    result = run("build", EXAMPLE, "--models", folder, "--name", "tiny", "--use", *settings, "--threads", 1)
    assert result.exit_code == 0, result.output
    model = artifact.current(folder)
    usual = {
        "pooled": {"generic_share": {"location": 0.1, "spread": 0.1, "n_communities": 9, "origin": "pooled"}}
    }
    data = artifact.load(model).manifest.data | {
        "references": {"n_posts": 9, "min_comments": 50, "n_accounts": 9, "files": []}
    }
    replace_manifest(model, references=usual, data=data)
    return folder


@pytest.fixture(scope="module")
def loaded(models: Path) -> Artifact:
    return artifact.load(artifact.current(models))


def served(loaded: Artifact) -> LogitModel:
    tokenizer = load_tokenizer(loaded.path(artifact.TOKENIZER))
    return LogitModel(
        loaded.path(artifact.MODEL), tokenizer, max_tokens=loaded.manifest.max_tokens, threads=1
    )


def test_a_restored_network_answers_as_the_served_one(loaded: Artifact, tmp_path: Path) -> None:
    place = restoring.restore(loaded.folder, tmp_path)
    assert place.name == loaded.manifest.id
    tokenizer = network.load_tokenizer(str(place))
    texts = [c.text for c in COMMENTS]
    found = fitting.logits(
        restoring.load_network(place), tokenizer, texts, max_tokens=loaded.manifest.max_tokens
    )
    expected = served(loaded).split_logits(texts)
    for one, other in zip(found, expected, strict=True):
        assert np.abs(one - other).mean() < 0.05
    assert (found[0].argmax(1) == expected[0].argmax(1)).mean() > 0.97


def test_what_cannot_be_turned_back_is_named(
    build: Build, tmp_path: Path, loaded: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ArtifactError, match="expected a bias"):
        restoring.restore(build(training={"architecture": {"model_type": "bert"}}), tmp_path)
    monkeypatch.setattr(restoring, "_TOLERANCE", 1e-9)
    with pytest.raises(ArtifactError, match="expected its golden logits within 1e-09 once its weights"):
        restoring.restore(loaded.folder, tmp_path)


def test_what_training_moves_by_less_than_a_step_survives_int8(loaded: Artifact) -> None:
    weights = restoring.floats(loaded.path(artifact.MODEL))
    table = weights["network.encoder.embeddings.word_embeddings.weight"]
    steps = np.abs(table).max(axis=1, keepdims=True) / 127
    moved = (np.rint((table + 0.1 * steps) / steps) - np.rint(table / steps)).mean()
    assert moved == pytest.approx(0.1, abs=0.01)
    again = restoring.floats(loaded.path(artifact.MODEL))
    assert all((again[name] == value).all() for name, value in weights.items())


def test_the_shipped_model_can_be_turned_back(tmp_path: Path) -> None:
    try:
        folder = artifact.current()
    except ArtifactError:
        pytest.skip("models/CURRENT is missing: no model is committed here")
    place = restoring.restore(folder, tmp_path)  # checks its golden logits
    assert (place / network.HEADS).is_file()


def test_small_networks_come_back_as_they_are_served() -> None:
    try:
        shipped = artifact.load(artifact.current())
    except ArtifactError:
        pytest.skip("models/CURRENT is missing: no model is committed here")
    assert shipped.manifest.stages
    knobs_ = config.load().cascade
    tokenizer = load_tokenizer(shipped.path(artifact.TOKENIZER))
    texts, n = [c.text for c in COMMENTS], shipped.manifest.max_tokens
    rows = restoring.floats(shipped.path(artifact.MODEL))["network.encoder.embeddings.word_embeddings.weight"]
    window = students.WindowNetwork(torch.zeros(len(rows), knobs_.window_size), width=knobs_.window_width)
    begun = restoring.small(shipped)
    assert students.take(window, begun["window.onnx"])
    found = LogitModel(window_graph.to_onnx(window.eval()).SerializeToString(), tokenizer, max_tokens=n)
    expected = LogitModel(shipped.path("window.onnx"), tokenizer, max_tokens=n)
    np.testing.assert_allclose(found.logits_of(-1, texts), expected.logits_of(-1, texts), atol=0.2)
    assert begun["window.onnx"]["table.weight"].std() == pytest.approx(1)


def test_weights_that_do_not_fit_are_left_aside_whole() -> None:
    network_ = students.WindowNetwork(torch.zeros(5, 4), width=8)
    before = {name: value.clone() for name, value in network_.state_dict().items()}
    given = {name: np.full(value.shape, 7, np.float32) for name, value in before.items()}
    for wrong in (given | {"mixed.bias": np.zeros(9, np.float32)}, {"mixed.bias": given["mixed.bias"]}, {}):
        assert not students.take(network_, wrong)
        assert all(torch.equal(value, before[name]) for name, value in network_.state_dict().items())
    assert students.take(network_, given)
    assert all((value == 7).all() for value in network_.state_dict().values())


@pytest.mark.parametrize(("size", "width"), [(4, 8), (6, 8), (4, 12), (7, 20)])
def test_a_wider_network_begins_by_answering_alike(size: int, width: int) -> None:
    torch.manual_seed(size)
    old = students.WindowNetwork(torch.randn(9, 4), width=8).eval()
    wider = students.WindowNetwork(torch.randn(9, size), width=width).eval()
    assert students.take(wider, {n: p.detach().numpy() for n, p in old.named_parameters()})
    ids, mask = torch.randint(9, (5, 6)), torch.ones(5, 6)
    mask[2:, 4:] = 0
    with torch.no_grad():
        for a, b in zip(old(ids, mask), wider(ids, mask), strict=True):
            torch.testing.assert_close(a, b)
    loss = wider(ids, mask)[0].square().sum()
    loss.backward()
    gradient = wider.get_parameter("second.weight").grad
    assert gradient is not None
    if width > 8:
        assert gradient[:8, 8:width].any()  # what is new is learnt too


def test_blending_lies_between() -> None:
    start, end = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    before, after = start.weight.detach().clone(), end.weight.detach().clone()
    restoring.blend(end, start.state_dict(), share=0.25)
    torch.testing.assert_close(end.weight.detach(), 0.25 * after + 0.75 * before)


def test_targets_remember_and_replayed_texts_are_answered_as_before(models: Path) -> None:
    plain = [dataset.LabelledComment(text=c.text, label=c.label) for c in COMMENTS[:40]]
    parts = Parts(train=plain, held_out=COMMENTS[40:60])
    with warm.started_from("current", models, threads=1) as start:
        found = start.with_memory(parts, dumps=[DUMP], frozen=COMMENTS[60:], config=config.load().train)
        answers = start.classifier.classify([c.text for c in found.train])
        assert start.encoder.is_dir()
    assert not start.encoder.exists()
    new, replayed = found.train[:40], found.train[40:]
    assert len(replayed) == 80
    soft = np.array([c.taught for c in found.train])
    np.testing.assert_allclose(soft[:, :3].sum(1), 1, atol=1e-4)
    np.testing.assert_allclose(soft[40:, :3], answers.probabilities[40:], atol=1e-6)
    np.testing.assert_allclose(soft[:40, 3:], answers.flags[:40], atol=1e-6)  # nobody gave flags
    for comment, row, before in zip(new, soft, answers.probabilities, strict=False):
        label = dataset.LABELS.index(comment.label)
        assert row[label] > 0.7 * 0.9 + 0.3 * before[label] - 0.05
    known = {dataset.letters(c) for c in (*COMMENTS[60:], *new)}
    assert not known & {dataset.letters(c) for c in replayed}
    assert found.held_out == COMMENTS[40:60]


def test_from_a_csv_on_top_of_the_current_model(models: Path, loaded: Artifact, tmp_path: Path) -> None:
    path = tmp_path / "monday.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([c.text, c.label] for c in COMMENTS[::2])
    settings = tmp_path / "mine.toml"
    settings.write_text('[train]\nepochs = 1\n[encoder]\nname = "of the first training"\n')
    more = ("--config", settings, "--set", "train.bf16=false", "--set", "data.calibration_share=0.3")
    result = run(
        "build",
        path,
        "--from-model",
        "current",
        "--replay",
        DUMP,
        "--models",
        models,
        "--name",
        "tiny",
        *more,
        "--threads",
        1,
    )
    assert result.exit_code == 0, result.output
    assert "texts are replayed" in result.stderr
    (folder,) = [each for each in models.glob("tiny-*") if each != loaded.folder]
    manifest = artifact.load(folder).manifest
    assert manifest.training["from_model"] == loaded.manifest.id
    assert manifest.training["n_replayed"] > 50
    assert manifest.training["config"]["train"]["epochs"] == 1
    assert manifest.references == loaded.manifest.references
    assert manifest.data["references"]["learned_with"] == loaded.manifest.id
    assert manifest.languages == loaded.manifest.languages
    assert manifest.answers["exact"].n_held_out > loaded.manifest.answers["exact"].n_held_out
    assert "Goes on from" in (folder / artifact.CARD).read_text()
    truth = [dataset.LABELS.index(c.label) for c in COMMENTS]
    right = [
        (
            ArtifactClassifier(artifact.load(each), threads=1).classify([c.text for c in COMMENTS]).labels
            == truth
        ).mean()
        for each in (loaded.folder, folder)
    ]
    assert right[1] > right[0] - 0.05
    again = restoring.restore(folder, tmp_path)  # and on from there
    assert json.loads((again / "config.json").read_text())["num_hidden_layers"] == 2


def test_a_model_that_is_not_there_is_named(models: Path, tmp_path: Path) -> None:
    result = run("build", EXAMPLE, "--from-model", "other", "--models", models)
    assert (result.exit_code, "There is no model 'other' to go on from" in result.stderr) == (2, True)
    result = run("build", EXAMPLE, "--replay", DUMP, "--models", models)
    assert (result.exit_code, "--replay needs --from-model" in result.stderr) == (2, True)
    with pytest.raises(MappingError), warm.started_from("x", tmp_path):
        pass


def test_small_networks_are_calibrated_by_both_held_out_parts() -> None:
    golden = GoldenRecord(text="a", label_logits=(0.0, 0.0, 0.0), flag_logits=(0.0, 0.0, 0.0))

    def stage(file: str, temperature: float, *line: float) -> StageRecord:
        scale, bias = line or (1.0, 0.0)
        return StageRecord(
            file=file, least_margin=1.0, temperature=temperature,
            flag_scale=(scale,) * 3, flag_bias=(bias,) * 3, golden=(golden,),
        )  # fmt: skip

    old = [stage("window.onnx", 4.0, 1.0, -0.5), stage("shallow.onnx", 2.0, 3.0, 0.5)]
    new = [stage("window.onnx", 1.5, 2.0, 0.5), stage("shallow.onnx", 1.0), stage("other.onnx", 1.7)]
    window, shallow, other = warm.joined_stages(new, old, share=0.25)
    assert window.temperature == pytest.approx(1.5**0.25 * 4.0**0.75)
    assert (window.flag_scale[0], window.flag_bias[0]) == (1.25, -0.25)
    assert (shallow.temperature, shallow.flag_scale[0], shallow.flag_bias[0]) == (
        pytest.approx(2.0),
        3.0,
        0.5,
    )
    assert other == new[2]


def test_what_is_known_of_errors_adds_up() -> None:
    def record(scale: float, bias: float, n: int, temperature: float) -> AnswerRecord:
        counts = ((float(n), 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
        return AnswerRecord(
            temperature=temperature,
            flag_scale=(scale,) * 3,
            flag_bias=(bias,) * 3,
            error_counts=counts,
            n_held_out=n,
        )

    def spoken(record: AnswerRecord, *codes: str) -> AnswerRecord:
        return record.model_copy(
            update={"error_counts_by_language": dict.fromkeys(codes, record.error_counts)}
        )

    both = warm.joined(record(2.0, 0.5, 100, 1.0), record(1.0, -0.5, 300, 4.0))
    assert (both.n_held_out, both.error_counts[0][0]) == (400, 400.0)
    assert both.temperature == pytest.approx(4.0**0.75)
    assert (both.flag_scale[0], both.flag_bias[0]) == (1.25, -0.25)
    unknown = warm.joined(record(1.0, 0.0, 100, 1.0), record(3.0, -0.5, 300, 1.0))
    assert (unknown.flag_scale[0], unknown.flag_bias[0]) == (3.0, -0.5)
    assert warm.joined(unknown, None) == unknown
    near, far = (
        unknown.model_copy(update={"error_concentration": (each, None, None)}) for each in (9.0, 4.0)
    )
    assert warm.joined(near, far).error_concentration == (4.0, None, None)  # new rows are of one source
    assert warm.joined(near, unknown).error_concentration == (9.0, None, None)
    new, old = record(1.0, 0.0, 100, 1.0), record(1.0, 0.0, 300, 1.0)
    split = warm.joined(spoken(new, "de", "en"), spoken(old, "en", "fr")).error_counts_by_language
    assert {code: counts[0][0] for code, counts in split.items()} == {"de": 100.0, "en": 400.0, "fr": 300.0}
    assert warm.joined(spoken(new, "de"), old).error_counts_by_language == {}


def test_the_current_model_of_a_new_folder_is_the_shipped_one(tmp_path: Path) -> None:
    assert warm.folder_of("current", tmp_path / "models") == artifact.current()
