"""What results were made of and by: the job that decides them, and the manifest beside them."""

from __future__ import annotations

import hashlib
import os
import platform
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import orjson

from plaudit.errors import UsageError
from plaudit.pipeline import Pipeline
from plaudit.readers import ReadOptions
from plaudit.readers.source import Listing, Source
from plaudit.report.envelope import Report
from plaudit.service.output import MANIFEST

FORMAT: Final = 1
"""Of the manifest; raised when a field changes its meaning."""

_LIBRARIES: Final = ("numpy", "onnxruntime", "pyarrow", "tokenizers")


class Inputs:
    """The sources of a run, and their digests, worked out beside it: hashing lets go of the interpreter.

    Attributes:
        listing: The sources, and what was passed over beside them.
    """

    def __init__(self, listing: Listing) -> None:
        """Begin with the digests of sources that were found."""
        self.listing = listing
        self._sources = listing.sources
        self._digests: dict[Path, str | None] = {}
        self._worker = threading.Thread(target=self._digest, name="digests", daemon=True)
        self._worker.start()

    def stamps(self) -> list[dict[str, Any]]:
        """Return what tells the sources from others at once: name, size, time of change, and version."""
        return [_stamp(source) for source in self._sources]

    def told(self) -> list[dict[str, Any]]:
        """Return name, size and SHA-256 of each as it lies here, packed or not; None where it is no file.

        One on another machine or in an archive has its version instead, and the archive has its own digest.
        """
        self._worker.join()
        return [
            self._lies(source)
            | {
                "version": _stamp(source)["version"],
                "archive": None if source.archive is None else self._lies(source.archive),
            }
            for source in self._sources
        ]

    def _lies(self, source: Source) -> dict[str, Any]:
        path = _file_of(source)
        digest = None if path is None else self._digests.get(path)
        return {"name": source.name, "n_bytes": _stamp(source)["n_bytes"], "sha256": digest}

    def _digest(self) -> None:
        for source in self._sources:
            path = _file_of(source.archive or source)
            if path is not None and path not in self._digests:
                self._digests[path] = _sha256(path)


def _stamp(source: Source) -> dict[str, Any]:
    path, changed_ns, n_bytes = _file_of(source.archive or source), None, None
    with suppress(OSError):  # gone meanwhile
        n_bytes = source.n_bytes
        changed_ns = None if path is None else path.stat().st_mtime_ns
    versions = [each.version for each in (source.archive, source) if each is not None and each.version]
    return {
        "name": source.name,
        "n_bytes": n_bytes,
        "changed_ns": changed_ns,
        "version": " ".join(versions) or None,
    }


def _file_of(source: Source) -> Path | None:
    return source.path if source.path is not None and source.path.is_file() else None


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:  # gone meanwhile; the run has what it read
        return None


def job_of(inputs: Inputs, options: ReadOptions, pipeline: Pipeline) -> dict[str, Any]:
    """Return what decides every label and fact of a run, as JSON."""
    job = {
        "sources": inputs.stamps(),
        "options": asdict(options),
        "model": pipeline.classifier.model.hash,
        "answer": pipeline.classifier.model.answer,
        "policy": pipeline.policy.hash,
        "version": version("plaudit"),
    }
    loaded: dict[str, Any] = orjson.loads(orjson.dumps(job))
    return loaded


class Clock:
    """Takes the time of the steps of a run."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC)
        self._start = self._last = time.monotonic()
        self.seconds: dict[str, float] = {}

    def lap(self, step: str) -> None:
        """Say that a step has ended."""
        now = time.monotonic()
        self.seconds[step] = round(now - self._last, 3)
        self._last = now

    @property
    def total(self) -> float:
        """Seconds since the start."""
        return round(time.monotonic() - self._start, 3)


def manifest(
    report: Report,
    *,
    inputs: Inputs,
    job: Mapping[str, Any],
    options: Mapping[str, Any],
    results: Path,
    run: Mapping[str, Any],
) -> bytes:
    """Return the manifest: all but `run` is the same whenever the same is scored again.

    Args:
        report: What came out.
        inputs: What went in.
        job: As `job_of`.
        options: What else was asked for.
        results: Folder of the other files of the run, written, and of nothing else.
        run: When, how long, by how many processes.
    """
    told = {
        "format": FORMAT,
        "inputs": inputs.told(),
        "passed_over": inputs.listing.passed_over,
        "options": {**job["options"], **options},
        "model": report.model,
        "policy": report.policy,
        "versions": {
            "plaudit": report.version,
            "python": platform.python_version(),
            **{name: version(name) for name in _LIBRARIES},
        },
        "counts": asdict(report.coverage),
        "results": [
            {"name": name, "n_bytes": path.stat().st_size, "sha256": _sha256(path)}
            for name, path in sorted(_files_in(results))
        ],
        "job": _job_hash(job),
        "run": dict(run),
    }
    return orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _files_in(folder: Path) -> Iterator[tuple[str, Path]]:
    paths = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    return ((path.relative_to(folder).as_posix(), path) for path in paths)


def is_made_by(
    folder: Path, *, names: Sequence[str], job: Mapping[str, Any], options: Mapping[str, Any]
) -> bool:
    """Tell whether the files of these names, and all others the manifest names, were made by this job."""
    try:
        told = orjson.loads((folder / MANIFEST).read_bytes())
        sizes = {each["name"]: each["n_bytes"] for each in told["results"]}
        return bool(
            told["job"] == _job_hash(job)
            and all(told["options"][name] == value for name, value in options.items())
            and {*names} <= {*sizes, MANIFEST}
            and all((folder / name).stat().st_size == size for name, size in sizes.items())
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def refuse_others(folder: Path, *, names: Iterable[str], sources: Iterable[Source]) -> None:
    """Refuse to put results where one would take the place of what no run wrote, or of what is read.

    Args:
        folder: Where they are to go.
        names: Files and folders that go when results come there.
        sources: What is to be read.

    Raises:
        UsageError: Something of such a name lies there, and no manifest says that it is a result.
    """
    read = {os.path.realpath(each.path) for each in sources if each.path is not None}
    found = [name for name in names if _is_something(folder / name)]
    ours = _results_in(folder) if found else set()
    for name in found:
        if os.path.realpath(folder / name) in read:
            raise UsageError(
                f"--out {folder} is the folder of {name}, which is read and would be replaced; "
                "name another folder."
            )
        if name not in ours:
            raise UsageError(
                f"--out {folder} holds a {name} that is not known as a result of plaudit: no {MANIFEST} "
                "there lists it. Move it, or name another folder."
            )


def _is_something(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else os.path.lexists(path)


def _results_in(folder: Path) -> set[str]:
    """Return the names of the results that the manifest of a folder lists, and its own."""
    try:
        told = orjson.loads((folder / MANIFEST).read_bytes())
        return {MANIFEST, *(str(each["name"]).partition("/")[0] for each in told["results"])}
    except FileNotFoundError:
        return set()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"--out {folder} holds a {MANIFEST} that is damaged or not of plaudit, so it is not known which "
            "files there are results. Move them, or name another folder."
        ) from error


def _job_hash(job: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(job, option=orjson.OPT_SORT_KEYS)).hexdigest()
