"""Whatever happens to a model folder, it loads as it was written or says what is wrong with which file."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plaudit import artifact
from plaudit.classifier import ArtifactClassifier
from plaudit.errors import ArtifactError
from plaudit.manifest import seal_of
from tests.artifacts import Build, build, tiny_contents, tiny_graph, tiny_manifest

__all__ = ["build"]
ROOT = Path(__file__).parent.parent
FILES = [artifact.MANIFEST, artifact.MODEL, artifact.TOKENIZER]


def open_model(folder: Path) -> ArtifactClassifier:
    return ArtifactClassifier(artifact.load(folder), threads=1)


def edit(folder: Path, **changes: object) -> Path:
    """Change the manifest as an editor would that also mends the seal."""
    path = folder / artifact.MANIFEST
    record = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(record | {"seal": seal_of(record)}))
    return folder


def test_it_loads_as_it_was_written(build: Build) -> None:
    folder = build()
    loaded = artifact.load(folder)
    assert loaded.folder == folder
    assert loaded.model.id == folder.name == loaded.manifest.id
    assert loaded.manifest.model_copy(update={"seal": ""}) == tiny_manifest(tiny_contents())
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, artifact.CARD])
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert open_model(folder).classify(["great post!"]).probabilities.shape == (1, 3)


def test_the_hash_follows_the_manifest(build: Build) -> None:
    folder = build()
    before = artifact.load(folder).model
    artifact.rewrite(
        folder, artifact.load(folder).manifest.model_copy(update={"metrics": {"f1": 0.5}}), contents={}
    )
    after = artifact.load(folder).model
    assert (after.id, after.hash != before.hash) == (before.id, True)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\xff\xfe\x00" * 50),
        lambda path: path.write_bytes(path.read_bytes() + b"\0"),
        lambda path: path.write_bytes(path.read_bytes().replace(b"l", b"L", 1)),
        lambda path: path.rename(path.with_name("other")),
        lambda path: path.unlink(),
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: (path.unlink(), path.symlink_to(path)),
        lambda path: path.write_bytes(b'{"format_version":' + b"[" * 5000),
    ],
    ids=[
        "half", "cut", "empty", "noise", "longer", "edited", "renamed", "gone", "folder", "loop", "deep",
    ],
)  # fmt: skip
def test_damage_to_a_file_is_told_by_name(build: Build, name: str, damage) -> None:
    folder = build()
    damage(folder / name)
    with pytest.raises(ArtifactError) as caught:
        open_model(folder)
    for part in (str(folder / name), "expected", "found", "plaudit-train"):
        assert part in str(caught.value)


@pytest.mark.parametrize("seal", [None, ""])
def test_a_manifest_without_its_seal_is_refused(whole: Path, seal: str | None) -> None:
    path = whole / artifact.MANIFEST
    record = {name: value for name, value in json.loads(path.read_bytes()).items() if name != "seal"}
    path.write_text(json.dumps(record if seal is None else record | {"seal": seal}))
    with pytest.raises(ArtifactError, match="seal"):
        artifact.load(whole)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(min_value=0, max_value=10**6), bit=st.integers(min_value=0, max_value=7))
@pytest.mark.parametrize("name", FILES)
def test_no_flipped_bit_goes_unnoticed(whole: Path, name: str, position: int, bit: int) -> None:
    content = (whole / name).read_bytes()
    i = position % len(content)
    flipped = content[:i] + bytes([content[i] ^ (1 << bit)]) + content[i + 1 :]
    (whole / name).write_bytes(flipped)
    try:
        artifact.load(whole)
    except ArtifactError:
        pass
    else:  # white space of the manifest
        record = json.loads(flipped)
        assert name == artifact.MANIFEST
        assert {**record, "seal": None} == {**json.loads(content), "seal": None}
    finally:
        (whole / name).write_bytes(content)


@pytest.fixture
def whole(build: Build) -> Path:
    return build()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"format_version": 6}, "format_version"),
        ({"format_version": "new"}, "format_version"),
        ({"normalizer_version": 99}, "normalizer_version"),
        ({"labels": {"genuine": "", "question": "", "generic_praise": ""}}, "labels"),
        ({"flags": {}}, "flags"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"answers": {}}, "answers"),
        ({"files": {}}, "files"),
        ({"files": {"../model.onnx": {"sha256": "", "n_bytes": 1}}}, "files"),
        ({"golden": []}, "golden"),
        ({"golden_tolerance": float("inf")}, "golden_tolerance"),
        ({"more": 1}, "more"),
        ({"id": "../x"}, "id"),
    ],
)
def test_another_manifest_is_told_by_field(build: Build, changes: dict[str, object], told: str) -> None:
    with pytest.raises(ArtifactError, match=told) as caught:
        artifact.load(edit(build(), **changes))
    assert "expected" in str(caught.value)
    assert "found" in str(caught.value)


def test_another_version_is_told_before_its_other_fields(build: Build) -> None:
    with pytest.raises(ArtifactError, match="expected format_version 5, found 7"):
        artifact.load(edit(build(), format_version=7, something_new=[1]))


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), 3.0])
def test_weights_that_answer_otherwise_are_refused(build: Build, weight: float) -> None:
    folder = build(contents=tiny_contents(weight=weight))
    with pytest.raises(ArtifactError, match="golden logits"):
        open_model(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [(artifact.MODEL, b"not a graph"), (artifact.TOKENIZER, b"{}"), (artifact.MODEL, b"")],
)
def test_files_that_are_whole_but_nonsense_are_refused(build: Build, name: str, content: bytes) -> None:
    folder = build(contents=tiny_contents() | {name: content})
    with pytest.raises(ArtifactError, match=f"{name}.*expected.*found"):
        open_model(folder)


def test_a_graph_of_other_outputs_is_refused(build: Build) -> None:
    folder = build(contents=tiny_contents() | {artifact.MODEL: tiny_graph(outputs=("logits", "flags"))})
    with pytest.raises(ArtifactError, match="label_logits"):
        open_model(folder)


def test_a_tokenizer_of_another_vocabulary_is_refused(build: Build) -> None:
    contents = tiny_contents()
    foreign = json.loads(contents[artifact.TOKENIZER])
    foreign["model"]["vocab"] |= {"glue": 400}
    folder = build(contents=contents | {artifact.TOKENIZER: json.dumps(foreign).encode()})
    with pytest.raises(ArtifactError, match=f"{artifact.MODEL}.*cannot run"):
        open_model(folder)


# Writing


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("step", ["fsync", "rename", "mkdtemp"])
def test_a_full_disk_leaves_nothing_and_keeps_what_was_there(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    folder = build()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with monkeypatch.context() as patch:
        match step:
            case "fsync":
                patch.setattr(os, "fsync", full_disk)
            case "rename":
                rename = Path.rename
                patch.setattr(
                    Path,
                    "rename",
                    lambda self, to: (
                        full_disk() if to == folder and "old" not in self.name else rename(self, to)
                    ),
                )
            case "mkdtemp":
                patch.setattr("tempfile.mkdtemp", lambda **_: full_disk())
        with pytest.raises(ArtifactError, match=r"No space left.*free some space"):
            build()
    assert [path.name for path in (tmp_path / "models").iterdir()] == [folder.name]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_an_interrupted_write_leaves_nothing(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    contents = tiny_contents()
    manifest = tiny_manifest(contents)
    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        artifact.write(tmp_path / "models", manifest, contents=contents)
    assert list((tmp_path / "models").iterdir()) == []


def test_writing_it_again_replaces_it(build: Build) -> None:
    folder = build()
    (folder / "stray").write_text("x")
    assert build() == folder
    assert not (folder / "stray").exists()
    open_model(folder)


def test_a_failed_rewrite_keeps_the_old_manifest(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = build()
    loaded = artifact.load(folder)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_disk)
        with pytest.raises(ArtifactError, match="No space left"):
            artifact.rewrite(folder, loaded.manifest, contents={artifact.CARD: b"new"})
    assert artifact.load(folder) == loaded
    assert (folder / artifact.CARD).read_bytes() == b"# Tiny\n"
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    contents = tiny_contents()
    with pytest.raises(ArtifactError, match="could not be written"):
        artifact.write(tmp_path / "models", tiny_manifest(contents), contents=contents)


# CURRENT


def test_current_names_the_folder_in_use(build: Build) -> None:
    folder = build()
    artifact.make_current(folder.parent, folder.name)
    assert artifact.current(folder.parent) == folder
    assert sorted(path.name for path in folder.parent.iterdir()) == [artifact.CURRENT, folder.name]


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"..", b".", b"gone", b"a/b", b"/", b"\xff\xfe\0", b"x" * 5000, b"a\nb"]
)
def test_a_current_that_names_no_folder_is_told(build: Build, content: bytes) -> None:
    models = build().parent
    (models / artifact.CURRENT).write_bytes(content)
    with pytest.raises(ArtifactError, match=r"CURRENT.*expected.*found"):
        artifact.current(models)


def test_a_missing_current_is_told(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"CURRENT cannot be read.*expected.*found"):
        artifact.current(tmp_path)


def test_a_failed_change_of_current_keeps_the_old(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = build()
    artifact.make_current(folder.parent, folder.name)
    (folder.parent / "second").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_disk)
        with pytest.raises(ArtifactError, match="No space left"):
            artifact.make_current(folder.parent, "second")
    assert artifact.current(folder.parent) == folder
    with pytest.raises(ArtifactError, match="no folder"):
        artifact.make_current(folder.parent, "third")


# As installed


def test_a_copy_answers_like_the_original(build: Build, tmp_path: Path) -> None:
    folder = build()
    copy = tmp_path / "elsewhere"
    shutil.copytree(folder, copy)
    assert artifact.load(copy).model == artifact.load(folder).model


def test_every_file_of_the_models_is_packaged() -> None:
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = setup["package-data"]["plaudit.models"]
    packaged = {path for pattern in patterns for path in artifact.models_folder().glob(pattern)}
    lying = {
        path
        for path in artifact.models_folder().rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and ".partial-" not in str(path)
    }
    assert lying <= packaged
