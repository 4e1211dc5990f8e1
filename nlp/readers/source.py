"""From what a person names to sources: files, folders, patterns, archives, addresses, standard input."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from plaudit.errors import InputError
from plaudit.readers.archive import members_of
from plaudit.readers.formats.convokit import comments_among
from plaudit.readers.origin import SUFFIXES, Source
from plaudit.readers.remote import is_address, remote_sources

__all__ = ["SUFFIXES", "Source", "is_address", "sources_of"]


def sources_of(paths: Sequence[Path | str]) -> list[Source]:
    """Return the sources behind names, in order; "-" is standard input.

    A folder gives what lies below it, a pattern such as `dumps/*.csv` what it matches, a ZIP archive what
    it holds, an address such as `s3://bucket/dumps` the files there.

    Raises:
        InputError: There is nothing of the name, it can't be listed, or it holds nothing to read.
    """
    if not paths:
        raise InputError("Nothing to read was named; name a file, a folder or '-' for standard input.")
    if [str(path) for path in paths].count("-") > 1:
        raise InputError("Standard input was named twice, and can be read once only; name it once.")
    found = [source for path in paths for source in _named(path)]
    _shorten(found)
    return [each for source in found for each in members_of(source) or [source]]


def _named(named: Path | str) -> list[Source]:
    if isinstance(named, str) and is_address(named):
        return remote_sources(named)
    path = Path(named)
    if str(path) == "-":
        return [Source(None, name="stdin")]
    if path.is_dir():
        return [Source(file, name=str(file), found=True) for file in _files_in(path)]
    if path.exists():
        return [Source(path, name=str(path))]
    if glob.has_magic(str(named)):
        return _matching(str(named))
    raise InputError(f"There is no file {path}; check the path.")


def _matching(pattern: str) -> list[Source]:
    paths = [Path(each) for each in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207  # "**" below any root
    files = [path for path in paths if path.is_file()]
    if not files:
        raise InputError(f"No file matches {pattern}; check the pattern.")
    return [Source(path, name=str(path)) for path in files]


def _files_in(folder: Path) -> list[Path]:
    try:
        files = sorted(path for path in _walk(folder) if path.is_file())
    except OSError as error:
        reason = error.strerror or str(error)
        place = error.filename or folder
        raise InputError(f"The folder {place} cannot be listed ({reason}); check its permissions.") from error
    readable = [path for path in files if path.name[0] != "." and path.suffix.lower() in SUFFIXES]
    if not readable:
        known = " ".join(sorted(SUFFIXES))
        raise InputError(f"The folder {folder} holds no file to read; expected one that ends in {known}.")
    return [Path(name) for name in comments_among(list(map(str, readable)))]


def _walk(folder: Path) -> list[Path]:
    def complain(error: OSError) -> None:
        raise error

    return [Path(place, name) for place, _, names in os.walk(folder, onerror=complain) for name in names]


def _shorten(sources: Sequence[Source]) -> None:
    """Call each source by its file's name alone where no other has the same."""
    n_of = Counter(_last(source.name) for source in sources)
    for source in sources:
        if n_of[_last(source.name)] == 1:
            source.name = _last(source.name)


def _last(name: str) -> str:
    return name.rstrip("/").rpartition("/")[2] or name
