from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from plaudit import artifact
from plaudit.classifier import ArtifactClassifier
from plaudit.errors import MappingError, TrainingDataError
from plaudit.training import card, config, dataset
from tests.tiny import EXAMPLE, encoder, example_texts, knobs, needs_torch

needs_torch()

import torch  # noqa: E402

from plaudit.training import build as building  # noqa: E402
from plaudit.training import checkpoint, evaluation, records, restoring  # noqa: E402
from plaudit.training.revision import replace_manifest  # noqa: E402

__all__ = ["encoder"]
DUMP = EXAMPLE.parent / "ceramics_channel.ndjson"


@pytest.fixture(scope="module")
def settings(encoder: Path) -> config.Config:
    corpus = f'vocabulary.corpus=["{DUMP}"]'
    return config.load(
        overrides=knobs(encoder, corpus, "vocabulary.min_count=2", "vocabulary.n_emoji=5", "train.epochs=5")
    )


@pytest.fixture(scope="module")
def parts(settings: config.Config) -> building.Parts:
    return building.prepare(settings)


@pytest.fixture(scope="module")
def built(
    settings: config.Config, parts: building.Parts, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[str]]:
    folder = tmp_path_factory.mktemp("built")
    stages: list[str] = []
    made = building.build(
        settings,
        parts,
        models=folder / "models",
        name="tiny",
        languages=("en", "es"),
        origin="Written for this project.",
        work=folder / "work",
        on_stage=stages.append,
    )
    assert not (folder / "work" / checkpoint.NAME).exists()
    assert not (folder / "models" / artifact.CURRENT).exists()
    return made, stages


def test_a_built_model_loads_and_answers(built: tuple[Path, list[str]], parts: building.Parts) -> None:
    folder, stages = built
    assert stages == ["Preparing the vocabulary", "Training", "Exporting", "Calibrating", "Writing"]
    classifier = ArtifactClassifier(artifact.load(folder), threads=1)
    assert classifier.languages == ("en", "es")
    texts = [c.text for c in parts.train]
    scores = classifier.classify(texts)
    np.testing.assert_allclose(scores.probabilities.sum(1), 1, atol=1e-5)
    truth = [dataset.LABELS.index(c.label) for c in parts.train]
    assert (scores.labels == truth).mean() > 0.6  # five epochs of a random encoder learn this much and more
    again = classifier.classify(texts[::-1])
    assert (again.probabilities[::-1] == scores.probabilities).all()


def test_the_manifest_says_what_was_done(built: tuple[Path, list[str]], parts: building.Parts) -> None:
    manifest = artifact.load(built[0]).manifest
    assert manifest.id.startswith("tiny-")
    assert manifest.base_model == "tiny-encoder"
    assert manifest.data["files"] == ["labelled.jsonl"]
    assert manifest.data["train"]["sha256"] == dataset.digest(parts.train)
    assert sum(manifest.data["held_out"]["labels"].values()) == len(parts.held_out)
    assert manifest.data["origin"] == "Written for this project."
    assert manifest.training["config"]["vocabulary"]["corpus"] == [DUMP.name]
    assert manifest.training["vocabulary_size"] < 1500
    assert manifest.training["int8_against_float"]["label_agreement"] > 0.9
    assert manifest.answers["exact"].n_held_out == len(parts.held_out)
    assert np.asarray(manifest.answers["exact"].error_counts).sum() == pytest.approx(
        len(parts.held_out), abs=0.01
    )
    by_language = manifest.answers["exact"].error_counts_by_language
    assert "en" in by_language
    assert np.sum(list(by_language.values()), axis=0) == pytest.approx(
        np.asarray(manifest.answers["exact"].error_counts), abs=0.01
    )
    assert [g.text for g in manifest.golden] == list(records.GOLDEN_TEXTS)
    assert str(Path.cwd()) not in (built[0] / artifact.MANIFEST).read_text()


def test_the_card_is_rendered(built: tuple[Path, list[str]]) -> None:
    text = (built[0] / artifact.CARD).read_text()
    assert text.startswith("# tiny-")
    assert "Written for this project." in text
    assert "Reads: en, es." in text
    assert "Not evaluated yet" in text
    assert "\n\n\n" not in text


def test_figures_go_into_manifest_and_card(built: tuple[Path, list[str]], parts: building.Parts) -> None:
    folder = built[0]
    before = artifact.load(folder).model
    questions = [c for c in parts.held_out if c.label == "genuine"][:3]
    found = evaluation.record(folder, {dataset.HELD_OUT: parts.held_out, "few": questions}, threads=1)
    loaded = artifact.load(folder)
    assert loaded.manifest.metrics == json.loads(json.dumps(found))
    assert (loaded.model.id, loaded.model.hash != before.hash) == (before.id, True)
    text = (folder / artifact.CARD).read_text()
    assert f"### held_out ({len(parts.held_out)} comments, calibrated on them)" in text
    assert "### few (3 comments)" in text
    assert "nothing to measure" in text
    assert text == card.render(loaded.manifest)
    evaluation.record(folder, {"more": questions}, threads=1)
    assert set(artifact.load(folder).manifest.metrics) == {"held_out", "few", "more"}


def test_a_card_edited_by_hand_is_no_damage(built: tuple[Path, list[str]]) -> None:
    (built[0] / artifact.CARD).write_text("scribbled")
    replace_manifest(built[0])
    assert (built[0] / artifact.CARD).read_text().startswith("# tiny-")


def test_the_same_run_gives_the_same_model(
    built: tuple[Path, list[str]], settings: config.Config, parts: building.Parts, tmp_path: Path
) -> None:
    again = building.build(
        settings, parts, models=tmp_path, name="tiny", languages=("en", "es"), origin="Other words."
    )
    assert again.name == built[0].name


def test_bad_wishes_are_refused_before_hours_are_spent(
    settings: config.Config, parts: building.Parts, tmp_path: Path
) -> None:
    with pytest.raises(TrainingDataError, match="There is no device 'gpu'"):
        building.check_device("gpu")
    if not torch.cuda.is_available():
        with pytest.raises(TrainingDataError, match="finds no GPU; use --device cpu"):
            building.build(settings, parts, models=tmp_path, device="cuda")
    with pytest.raises(MappingError, match="cannot begin a model's id"):
        building.check_name("../evil")
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingDataError, match="Nothing can be written"):
        building.build(settings, parts, models=tmp_path / "file")
    nothing = replace(settings, encoder=replace(settings.encoder, name="no_such_encoder"))
    with pytest.raises(TrainingDataError, match="no_such_encoder"):
        building.build(nothing, parts, models=tmp_path / "models")


def test_only_wordpiece_is_pruned(
    settings: config.Config, parts: building.Parts, encoder: Path, tmp_path: Path
) -> None:
    from tokenizers import Tokenizer, models

    folder = tmp_path / "bpe"
    folder.mkdir()
    Tokenizer(models.BPE()).save(str(folder / "tokenizer.json"))
    other = replace(settings, encoder=replace(settings.encoder, name=str(folder)))
    with pytest.raises(TrainingDataError, match="cannot be pruned"):
        building.build(other, parts, models=tmp_path / "models")


def test_corpus_texts_are_distinct_and_limited() -> None:
    texts = list(building.corpus_texts([str(DUMP)], limit=50))
    assert len(texts) == 50
    assert len(set(building.corpus_texts([str(DUMP)], limit=10_000))) > 200


def test_an_encoder_with_a_unigram_vocabulary(encoder: Path, parts: building.Parts, tmp_path: Path) -> None:
    """The vocabulary becomes WordPiece, two layers one, and the model is served and trained on as any."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    place = tmp_path / "multilingual"
    shutil.copytree(encoder, place)
    pieces = Tokenizer(models.Unigram())
    pieces.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=600,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        unk_token="<unk>",
        show_progress=False,
    )
    pieces.train_from_iterator(example_texts(), trainer)
    pieces.save(str(place / "tokenizer.json"))
    chosen = ["encoder.n_layers=1", f'vocabulary.corpus=["{DUMP}"]', "vocabulary.size=400"]
    settings = config.load(overrides=[*knobs(place, *chosen), "vocabulary.min_count=2"])
    made = building.build(settings, parts, models=tmp_path / "models", name="uni")
    manifest = artifact.load(made).manifest
    assert manifest.training["vocabulary_size"] <= 400
    assert manifest.training["architecture"]["num_hidden_layers"] == 1
    assert manifest.training["architecture"]["vocab_size"] == manifest.training["vocabulary_size"]
    scores = ArtifactClassifier(artifact.load(made), threads=1).classify(["Great post!", "Which glue is it?"])
    assert scores.probabilities.shape == (2, 3)
    restored = restoring.restore(made, tmp_path)
    assert len(restoring.load_network(restored).encoder.encoder.layer) == 1


def test_a_vocabulary_of_another_kind_cannot_be_pruned(encoder: Path, tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models

    place = tmp_path / "bytes"
    shutil.copytree(encoder, place)
    Tokenizer(models.BPE({"a": 0}, [])).save(str(place / "tokenizer.json"))
    settings = config.load(overrides=knobs(place, f'vocabulary.corpus=["{DUMP}"]'))
    with pytest.raises(TrainingDataError, match="of the kind 'BPE' and cannot be pruned"):
        building.build(
            settings, building.Parts(train=[], held_out=[], n_leaked=0, n_conflicting=0), models=tmp_path
        )
