from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from plaudit.errors import TrainingDataError
from plaudit.training import dataset, label_keys
from plaudit.training.cli import app
from tests.tiny import EXAMPLE

ROOT = Path(__file__).parent.parent
SHIPPED = sorted((ROOT / "training" / "labels").glob("*.jsonl"))
DATA = ROOT.parent / "shared" / "data"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def dump(path: Path, *texts: str) -> Path:
    rows = ({"text": text, "author": f"a{i}", "post_id": f"p{i}"} for i, text in enumerate(texts))
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def test_labels_come_back_from_the_texts_they_were_given_to(tmp_path: Path) -> None:
    keys, out = tmp_path / "keys.jsonl", tmp_path / "joined.jsonl"
    assert run("hash", EXAMPLE, "--out", keys).exit_code == 0
    given = {dataset.normalize(c.text): c for c in dataset.load(str(EXAMPLE))}
    source = dump(tmp_path / "dump.jsonl", "not labelled", *(c.text for c in given.values()))
    result = run("join", source, "--labels", keys, "--out", out)
    assert result.exit_code == 0, result.output
    assert f"{len(given)} of {len(given)}" in result.stdout
    found = dataset.load(str(out))
    assert len(found) == len(given)
    for comment in found:
        before = given[dataset.normalize(comment.text)]
        assert (comment.label, comment.flags, comment.unsure, comment.language, comment.source) == (
            before.label, before.flags, before.unsure, before.language, before.source,
        )  # fmt: skip
        assert comment.post
        assert comment.author


def test_the_file_holds_no_text_and_is_small(tmp_path: Path) -> None:
    keys = tmp_path / "keys.jsonl"
    run("hash", EXAMPLE, "--out", keys)
    content = keys.read_text()
    for comment in dataset.load(str(EXAMPLE)):
        assert len(comment.text) < 8 or comment.text not in content
    assert len(content) / content.count("\n") < 60


def test_handles_and_links_do_not_part_a_text_from_its_label() -> None:
    assert label_keys.key_of("@anna see https://a.example") == label_keys.key_of("@user see http")
    assert label_keys.key_of("See") != label_keys.key_of("see")


def test_what_is_missing_is_told_by_source(tmp_path: Path) -> None:
    rows = [
        {"text": "one", "label": "genuine", "source": "a"},
        {"text": "two", "label": "question", "source": "b"},
    ]
    labelled = tmp_path / "labelled.jsonl"
    labelled.write_text("\n".join(map(json.dumps, rows)))
    run("hash", labelled, "--out", tmp_path / "keys.jsonl")
    result = run(
        "join",
        dump(tmp_path / "dump.jsonl", "one"),
        "--labels",
        tmp_path / "keys.jsonl",
        "--out",
        tmp_path / "o",
    )
    assert "1 of 2" in result.stdout
    joined = label_keys.join(label_keys.load(tmp_path / "keys.jsonl"), [tmp_path / "dump.jsonl"])
    assert (joined.n_found, joined.n_wanted) == ({"a": 1}, {"a": 1, "b": 1})
    nothing = dump(tmp_path / "other.jsonl", "three")
    result = run("join", nothing, "--labels", tmp_path / "keys.jsonl", "--out", tmp_path / "none")
    assert (result.exit_code, "No label found its text" in result.stderr) == (2, True)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="holds no labels under hashes"):
        label_keys.load(EXAMPLE)
    with pytest.raises(TrainingDataError, match="holds no labels under hashes"):
        label_keys.load(tmp_path / "nowhere")
    keys = tmp_path / "keys.jsonl"
    run("hash", EXAMPLE, "--out", keys)
    header, *rows = keys.read_bytes().splitlines()
    keys.write_bytes(b"\n".join([orjson.dumps(orjson.loads(header) | {"normalizer_version": 0}), *rows]))
    with pytest.raises(TrainingDataError, match="version 0 of the normaliser"):
        label_keys.load(keys)
    two = tmp_path / "two.jsonl"
    two.write_text("\n".join(json.dumps({"text": "x", "label": label}) for label in ("genuine", "question")))
    result = run("hash", two, "--out", tmp_path / "k")
    assert (result.exit_code, "gives a text another label" in result.stderr) == (2, True)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_labels_can_be_read(path: Path) -> None:
    labels = label_keys.load(path)
    assert len(labels) > 300
    assert {row["label"] for row in labels.values()} == set(dataset.LABELS)
    assert all(len(key) == 16 and set(key) <= set("0123456789abcdef") for key in labels)


def test_shipped_labels_are_those_of_the_data_beside_the_project() -> None:
    if not (DATA / "labels" / "test.jsonl").exists():
        pytest.skip("../shared/data is not here")
    test = {label_keys.key_of(c.text): c.label for c in dataset.load(str(DATA / "labels" / "test.jsonl"))}
    shipped = label_keys.load(ROOT / "training" / "labels" / "test.jsonl")
    assert {key: row["label"] for key, row in shipped.items()} == test
