"""The only reader and writer of `models/`: folders checked when read, whole or absent when written."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from plaudit.errors import ArtifactError
from plaudit.manifest import (
    AnswerRecord,
    FileRecord,
    GoldenRecord,
    Manifest,
    StageRecord,
    seal_of,
    sealed,
)
from plaudit.scores import FLAGS, LABELS, ModelInfo
from plaudit.text import NORMALIZER_VERSION

__all__ = [
    "CARD",
    "CASCADE",
    "CURRENT",
    "EXACT",
    "FLOAT",
    "FORMAT_VERSION",
    "MANIFEST",
    "MEND",
    "MODEL",
    "TOKENIZER",
    "AnswerRecord",
    "Artifact",
    "FileRecord",
    "GoldenRecord",
    "Manifest",
    "StageRecord",
    "content_id",
    "current",
    "file_records",
    "load",
    "make_current",
    "models_folder",
    "rewrite",
    "write",
]

FORMAT_VERSION: Final = 5
# 1 had no cascade, 2 no counts by language, 3 no flags that stages pass on, 4 one bound for all lengths.
_READABLE: Final = (1, 2, 3, 4, 5)
MANIFEST: Final = "manifest.json"
MODEL: Final = "model.onnx"
TOKENIZER: Final = "tokenizer.json"
EXACT: Final = "exact"
"""The way of answering in which one network reads every text."""
CASCADE: Final = "cascade"
"""The way of answering in which small networks answer what they are sure of."""
FLOAT: Final = "float"
"""The way of answering on a GPU: as the exact one, whose calibration and counts it has, in floats."""
CARD: Final = "README.md"
CURRENT: Final = "CURRENT"
MEND: Final = (
    "Reinstall plaudit, go back with `plaudit-train use NAME`, or train anew with `plaudit-train build`."
)
"""What mends a damaged artefact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A checked model folder.

    Attributes:
        folder: Where it lies.
        manifest: Parsed and validated.
        model: Its id and the SHA-256 of its manifest.
    """

    folder: Path
    manifest: Manifest
    model: ModelInfo

    def path(self, name: str) -> Path:
        """Return the path of one of its files."""
        return self.folder / name


def models_folder() -> Path:
    """Return the folder of shipped artefacts, in a checkout as in an installed package."""
    return Path(str(files("plaudit.models")))


def current(models: Path | None = None) -> Path:
    """Return the folder that `CURRENT` names.

    Raises:
        ArtifactError: No `CURRENT`, or it names a folder that is not there.
    """
    models = models or models_folder()
    name = _read(models / CURRENT, expected="the name of a model").decode("utf-8", "replace").strip()
    if not _is_folder(models, name):
        raise ArtifactError(
            f"{models / CURRENT} names {name[:80]!r}: expected a folder beside it, found none. {MEND}"
        )
    return models / name


def load(folder: Path) -> Artifact:
    """Read an artefact and verify its version and the hash of every file.

    Raises:
        ArtifactError: Which file, what was expected, what was found, what mends it.
    """
    path = folder / MANIFEST
    text = _read(path, expected="the manifest of a model")
    manifest = _manifest(path, text)
    for name, record in manifest.files.items():
        _check_file(folder / name, record)
    return Artifact(
        folder=folder, manifest=manifest, model=ModelInfo(id=manifest.id, hash=sha256(text).hexdigest())
    )


def _read(path: Path, *, expected: str = "a file of the model") -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        found = error.strerror or type(error).__name__
        raise ArtifactError(f"{path} cannot be read: expected {expected}, found: {found}. {MEND}") from None


def _manifest(path: Path, text: bytes) -> Manifest:
    _check_version(path, text)
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"]) or "the whole file"
        raise _damaged(path, where, expected="what plaudit wrote", found=problem["msg"]) from None
    if not manifest.seal:
        raise _damaged(
            path, "seal", expected="the hash plaudit writes with it", found="none, so it was edited"
        )
    if manifest.seal != (found := seal_of(json.loads(text))):
        raise _damaged(
            path, "seal", expected=f"{manifest.seal[:12]}…", found=f"{found[:12]}…, so it was edited"
        )
    _check_fields(path, manifest)
    return manifest


def _damaged(path: Path, where: str, *, expected: object, found: object) -> ArtifactError:
    return ArtifactError(f"{path} is damaged at {where}: expected {expected}, found {found}. {MEND}")


def _check_version(path: Path, text: bytes) -> None:
    # Before the fields: those of another version are no damage.
    try:
        found = json.loads(text)["format_version"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return
    if found not in _READABLE:
        raise _other_version(path, "format_version", expected=FORMAT_VERSION, found=found)


def _other_version(path: Path, name: str, *, expected: object, found: object) -> ArtifactError:
    return ArtifactError(
        f"{path}: this version of plaudit expected {name} {expected}, found {str(found)[:80]}. {MEND}"
    )


def _check_fields(path: Path, manifest: Manifest) -> None:
    expected = {
        "normalizer_version": (manifest.normalizer_version, NORMALIZER_VERSION),
        "labels": (tuple(manifest.labels), LABELS),
        "flags": (tuple(manifest.flags), FLAGS),
    }
    for name, (found, wanted) in expected.items():
        if found != wanted:
            raise _other_version(path, name, expected=wanted, found=found)
    answers = {EXACT, CASCADE} if manifest.stages else {EXACT}
    networks = {MODEL, *(stage.file for stage in manifest.stages)}
    entries = {
        "answers": (set(manifest.answers), answers),
        "files": (set(manifest.files), {*networks, TOKENIZER}),
    }
    for where, (listed, needed) in entries.items():
        if missing := needed - listed:
            expected_names, found_names = " and ".join(sorted(missing)), ", ".join(sorted(listed)) or "none"
            raise _damaged(path, where, expected=f"entries {expected_names}", found=found_names)
    for name in (*manifest.files, manifest.id):
        if not _is_name(name):
            raise _damaged(path, "files or id", expected="a plain name", found=repr(name[:80]))


def _is_name(name: str) -> bool:
    return name not in ("", ".", "..") and Path(name).name == name and name.isprintable()


def _is_folder(models: Path, name: str) -> bool:
    try:
        return _is_name(name) and (models / name).is_dir()
    except OSError:  # too long for a name
        return False


def _check_file(path: Path, record: FileRecord) -> None:
    content = _read(path)
    if len(content) != record.n_bytes:
        raise ArtifactError(f"{path}: expected {record.n_bytes:,} bytes, found {len(content):,}. {MEND}")
    if (found := sha256(content).hexdigest()) != record.sha256:
        raise ArtifactError(f"{path}: expected SHA-256 {record.sha256[:12]}…, found {found[:12]}…. {MEND}")


def content_id(name: str, *, created: str, contents: Mapping[str, bytes]) -> str:
    """Return `<name>-<yyyymmdd>-<hash8>`, the hash over the contents of all files."""
    digest = sha256()
    for file in sorted(contents):
        digest.update(file.encode() + b"\0" + sha256(contents[file]).digest())
    return f"{name}-{created.replace('-', '')}-{digest.hexdigest()[:8]}"


def file_records(contents: Mapping[str, bytes]) -> dict[str, FileRecord]:
    """Return hash and size of each file."""
    return {
        name: FileRecord(sha256=sha256(content).hexdigest(), n_bytes=len(content))
        for name, content in sorted(contents.items())
    }


def write(models: Path, manifest: Manifest, *, contents: Mapping[str, bytes]) -> Path:
    """Write an artefact so that it appears whole or not at all; returns its folder.

    Args:
        models: The folder of artefacts.
        manifest: With a record for each of `contents`, but perhaps the card.
        contents: Bytes per file name, without the manifest.

    Raises:
        ArtifactError: The disk is full or the folder cannot be written; nothing is left behind, and an
            earlier artefact of the same id stays.
    """
    target = models / manifest.id
    with _scratch(target) as partial:
        _fill(partial, manifest, contents)
        _swap(partial, target)
    return target


def rewrite(folder: Path, manifest: Manifest, *, contents: Mapping[str, bytes]) -> None:
    """Replace an artefact's manifest, after the given files; each appears whole or not at all.

    Args:
        folder: The artefact.
        manifest: The new one.
        contents: Files that no manifest lists, as the card: a kill on the way leaves a sound artefact.

    Raises:
        ArtifactError: The disk is full or the folder cannot be written; the old manifest stays.
    """
    with _scratch(folder) as partial:
        _fill(partial, manifest, contents)
        for name in (*contents, MANIFEST):
            (partial / name).replace(folder / name)
        _sync(folder)


def _fill(partial: Path, manifest: Manifest, contents: Mapping[str, bytes]) -> None:
    for name, content in contents.items():
        _write_file(partial / name, content)
    _write_file(partial / MANIFEST, sealed(manifest))
    partial.chmod(0o755)


def make_current(models: Path, name: str) -> None:
    """Name the artefact in use; atomic.

    Raises:
        ArtifactError: There is no such folder, or `CURRENT` cannot be written; the old name stays.
    """
    if not _is_folder(models, name):
        raise ArtifactError(f"{models / name} is no folder; expected a model to make the current one.")
    with _scratch(models / CURRENT) as partial:
        _write_file(partial / CURRENT, f"{name}\n".encode())
        (partial / CURRENT).replace(models / CURRENT)
        _sync(models)


@contextmanager
def _scratch(target: Path) -> Iterator[Path]:
    """Lend a scratch folder beside the target that is gone afterwards, whatever happens."""
    partial = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=target.parent))
        yield partial
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ArtifactError(
            f"{target} could not be written ({reason}); free some space or mend its permissions."
        ) from error
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)


def _swap(partial: Path, target: Path) -> None:
    """Put a finished folder in its place; an earlier one comes back where that fails."""
    old = target.with_name(f"{partial.name}-old")
    is_new = not target.exists()
    if not is_new:
        target.rename(old)
    try:
        partial.rename(target)
    except BaseException:
        if not is_new:
            old.rename(target)
        raise
    _sync(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _write_file(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
