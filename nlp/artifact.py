"""The only reader and writer of `models/`: folders that are checked when read and appear whole when written."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from plaudit.errors import ArtifactError
from plaudit.scores import FLAGS, LABELS, ModelInfo
from plaudit.text import NORMALIZER_VERSION

FORMAT_VERSION: Final = 1
MANIFEST: Final = "manifest.json"
MODEL: Final = "model.onnx"
TOKENIZER: Final = "tokenizer.json"
CARD: Final = "README.md"
CURRENT: Final = "CURRENT"
_MEND: Final = (
    "Reinstall plaudit, go back with `plaudit-train rollback`, or train anew with `plaudit-train build`."
)


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileRecord(_Record):
    """One file of the artefact: SHA-256 in hexadecimal and size in bytes."""

    sha256: str
    n_bytes: int


class AnswerRecord(_Record):
    """One way of answering (exact, cascade): its calibration and its error counts.

    `error_counts[i][j]` sums, over held-out comments whose label is `LABELS[i]`, the probability of
    `LABELS[j]`; see `prevalence`.
    """

    temperature: float = Field(gt=0)
    flag_scale: tuple[float, float, float]
    flag_bias: tuple[float, float, float]
    error_counts: tuple[tuple[float, float, float], ...] = Field(min_length=3, max_length=3)
    n_held_out: int


class GoldenRecord(_Record):
    """A text and the logits the exporting machine computed for it."""

    text: str
    label_logits: tuple[float, float, float]
    flag_logits: tuple[float, float, float]


class Manifest(_Record):
    """What `manifest.json` holds; written last, so that a folder without it is no artefact."""

    format_version: int
    id: str
    created: str
    labels: dict[str, str]
    flags: dict[str, str]
    base_model: str
    languages: tuple[str, ...]
    max_tokens: int = Field(ge=8, le=512)
    normalizer_version: int
    files: dict[str, FileRecord]
    answers: dict[str, AnswerRecord]
    references: dict[str, Any]
    golden: tuple[GoldenRecord, ...]
    golden_tolerance: float
    data: dict[str, Any]
    training: dict[str, Any]
    metrics: dict[str, Any]


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
    return Path(str(files("plaudit.models").joinpath(".")))


def current(models: Path | None = None) -> Path:
    """Return the folder that `CURRENT` names.

    Raises:
        ArtifactError: No `CURRENT`, or it names a folder that is not there.
    """
    models = models or models_folder()
    try:
        name = (models / CURRENT).read_text().strip()
    except OSError as error:
        raise ArtifactError(
            f"{models / CURRENT} cannot be read ({error.strerror}); expected the name of a model. {_MEND}"
        ) from None
    if not name or Path(name).name != name or not (models / name).is_dir():
        raise ArtifactError(f"{models / CURRENT} names {name!r}, which is no model folder beside it. {_MEND}")
    return models / name


def load(folder: Path) -> Artifact:
    """Read an artefact and verify its version and the hash of every file.

    Raises:
        ArtifactError: Which file, what was expected, what was found, what mends it.
    """
    text = _read(folder / MANIFEST)
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"]) or "the whole file"
        raise ArtifactError(f"{folder / MANIFEST} is damaged at {where}: {problem['msg']}. {_MEND}") from None
    _check_versions(folder, manifest)
    for name, record in manifest.files.items():
        _check_file(folder / name, record)
    for name in (MODEL, TOKENIZER):
        if name not in manifest.files:
            raise ArtifactError(f"{folder / MANIFEST} lists no {name}; expected it among files. {_MEND}")
    return Artifact(
        folder=folder, manifest=manifest, model=ModelInfo(id=manifest.id, hash=sha256(text).hexdigest())
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"{path} cannot be read ({error.strerror}); expected a file of the model. {_MEND}"
        ) from None


def _check_versions(folder: Path, manifest: Manifest) -> None:
    expected = {
        "format_version": (manifest.format_version, FORMAT_VERSION),
        "normalizer_version": (manifest.normalizer_version, NORMALIZER_VERSION),
        "labels": (tuple(manifest.labels), LABELS),
        "flags": (tuple(manifest.flags), FLAGS),
    }
    for name, (found, wanted) in expected.items():
        if found != wanted:
            raise ArtifactError(
                f"{folder / MANIFEST}: {name} is {found}, this version of plaudit reads {wanted}. {_MEND}"
            )
    if "exact" not in manifest.answers:
        raise ArtifactError(
            f"{folder / MANIFEST}: answers lack 'exact'; found {', '.join(manifest.answers)}. {_MEND}"
        )


def _check_file(path: Path, record: FileRecord) -> None:
    found = sha256(_read(path)).hexdigest()
    if found != record.sha256:
        raise ArtifactError(
            f"{path} has SHA-256 {found[:12]}…, the manifest expects {record.sha256[:12]}…. {_MEND}"
        )


def content_id(name: str, *, created: str, contents: Mapping[str, bytes]) -> str:
    """Return `<name>-<yyyymmdd>-<hash8>`, the hash over the contents of all files."""
    digest = sha256()
    for file in sorted(contents):
        digest.update(file.encode() + b"\0" + sha256(contents[file]).digest())
    return f"{name}-{created.replace('-', '')}-{digest.hexdigest()[:8]}"


def write(models: Path, manifest: Manifest, *, contents: Mapping[str, bytes]) -> Path:
    """Write an artefact so that it appears whole or not at all; returns its folder.

    Args:
        models: The folder of artefacts.
        manifest: With a record for each of `contents`.
        contents: Bytes per file name, without the manifest.

    Raises:
        ArtifactError: The disk is full or the folder cannot be written; nothing is left behind.
    """
    target = models / manifest.id
    models.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=models))
    try:
        for name, content in contents.items():
            _write_file(partial / name, content)
        _write_file(partial / MANIFEST, manifest.model_dump_json(indent=1).encode())
        if target.exists():
            shutil.rmtree(target)
        partial.chmod(0o755)
        partial.rename(target)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise ArtifactError(
            f"{target} could not be written ({error.strerror}); free some space and run again."
        ) from error
    return target


def file_records(contents: Mapping[str, bytes]) -> dict[str, FileRecord]:
    """Return hash and size of each file."""
    return {
        name: FileRecord(sha256=sha256(c).hexdigest(), n_bytes=len(c)) for name, c in sorted(contents.items())
    }


def make_current(models: Path, name: str) -> None:
    """Name the artefact in use; atomic."""
    partial = models / f"{CURRENT}.partial"
    _write_file(partial, f"{name}\n".encode())
    partial.replace(models / CURRENT)


def _write_file(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def rewrite(folder: Path, manifest: Manifest, *, contents: Mapping[str, bytes]) -> None:
    """Replace an artefact's manifest, after the given files; each appears whole or not at all.

    Raises:
        ArtifactError: The disk is full or the folder cannot be written; the old manifest stays.
    """
    try:
        for name, content in [*contents.items(), (MANIFEST, manifest.model_dump_json(indent=1).encode())]:
            partial = folder / f".{name}.partial"
            _write_file(partial, content)
            partial.replace(folder / name)
    except OSError as error:
        raise ArtifactError(f"{folder} could not be written ({error.strerror}); free some space.") from error
