from __future__ import annotations

from pathlib import Path

import pytest

from plaudit.errors import MappingError
from plaudit.training import config


def test_defaults_are_whole_and_overrides_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[train]\nepochs = 5\nseed = 1\n[data]\ntrain = ["a.jsonl"]\n')
    found = config.load(file, overrides=["train.epochs=3", "train.bf16=false", "encoder.name=my_encoder"])
    assert (found.train.epochs, found.train.seed, found.train.bf16) == (3, 1, False)
    assert (found.data.train, found.encoder.name) == (("a.jsonl",), "my_encoder")
    assert found.train.batch_size == config.load().train.batch_size
    assert found.to_dict()["train"]["epochs"] == 3


def test_every_knob_has_its_reason() -> None:
    lines = (Path(config.__file__).parent / "config.toml").read_text().splitlines()
    knobs = [line for line in lines if "=" in line and not line.startswith("#")]
    plain = {"seed", "batch_size", "embedding_learning_rate", "warmup_share", "weight_decay", "dropout"}
    plain |= {"max_corpus_texts", "label_smoothing"}  # usual values, nothing to explain
    assert [line for line in knobs if " #" not in line and line.split()[0] not in plain] == []


def test_a_whole_number_is_a_float_and_lists_come_from_toml() -> None:
    found = config.load(overrides=["train.weight_decay=0", 'data.train=["a", "b"]'])
    assert (found.train.weight_decay, found.data.train) == (0, ("a", "b"))


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("train.epoch=3", "there is no train.epoch; the knobs are"),
        ("trian.epochs=3", "there is no trian.epochs"),
        ("train.epochs", "not of the form section.knob=value"),
        ("epochs=3", "not of the form"),
        ("train.epochs=many", "expected int"),
        ("train.epochs=2.5", "expected int"),
        ("train.epochs=true", "expected int"),
        ("train.bf16=1", "expected bool"),
        ("train.epochs=0", "at least 1"),
        ("train.learning_rate=-1", "at least 0"),
        ("train.learning_rate=nan", "at least 0"),
        ("train.dropout=1", "share below 1"),
        ("cascade.window_epochs=-1", "at least 0"),
        ("cascade.window_differing=1", "share below 1"),
        ("encoder.max_tokens=4000", "at most 512"),
        ("data.train=a.jsonl", "list of str"),
        ("data.train=[1]", "list of str"),
        ("cascade.texts=[0.5]", "list of str"),
        ("cascade.window_flags_differing=0.01", "list of 3 float, such as"),
        ("cascade.window_flags_differing=[0.01, 0.01]", "list of 3 float"),
        ("cascade.window_flags_differing=[0.01, 0.01, true]", "list of 3 float"),
        ("cascade.window_flags_differing=[0.01, 0.01, 1]", "share below 1"),
        ("cascade.window_flags_differing=[0.01, 0.01, -0.1]", "at least 0"),
    ],
)
def test_bad_overrides_are_named(override: str, says: str) -> None:
    with pytest.raises(MappingError, match=says):
        config.load(overrides=[override])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[train\n", "is not TOML"),
        ("epochs = 3\n", "outside a section"),
        ("[train]\nepocs = 3\n", "no train.epocs"),
        (None, "cannot be read"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, content: str | None, says: str) -> None:
    file = tmp_path / "mine.toml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(MappingError, match=says):
        config.load(file)
