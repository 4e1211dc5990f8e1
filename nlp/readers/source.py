"""From what a person names to sources: files, folders, patterns, archives, addresses, standard input."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from plaudit.errors import InputError
from plaudit.readers.archive import members_of
from plaudit.readers.formats.convokit import comments_among
from plaudit.readers.origin import SUFFIXES, Source, has_suffix, refusing, sifted
from plaudit.readers.remote import is_address, remote_sources

__all__ = ["SUFFIXES", "Listing", "Source", "Sources", "is_address", "listing_of", "sources_of"]

_N_TOLD: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What lies behind names.

    Attributes:
        sources: What is read, in order.
        passed_over: Files found beside them whose names end as no dump's does.
    """

    sources: list[Source]
    passed_over: list[str]

    def sentences(self) -> list[str]:
        """Return what a person should know of the files passed over: a sentence, or none."""
        n = len(self.passed_over)
        if not n:
            return []
        more = f" and {n - _N_TOLD:,} more" if n > _N_TOLD else ""
        return [
            f"{n:,} file{'s' if n > 1 else ''} passed over: {', '.join(self.passed_over[:_N_TOLD])}{more}."
            " If one holds comments, give it the suffix of what it is."
        ]


Sources = Sequence[Path | str] | Sequence[Source] | Listing
"""What is named, or what was found behind it: to find it takes a request a file in a store."""


def sources_of(paths: Sources) -> list[Source]:
    """Return the sources behind names, as `listing_of` does."""
    return listing_of(paths).sources


def listing_of(paths: Sources) -> Listing:
    """Return what lies behind names, in order; "-" is standard input. What was found already is returned.

    A folder gives what lies below it, a pattern such as `dumps/*.csv` what it matches, a ZIP archive what
    it holds, an address such as `s3://bucket/dumps` the files there. What is only found so, and cannot be
    opened, is a source that says so when it is.

    Raises:
        InputError: There is nothing of the name, it can't be listed, or it holds nothing to read.
    """
    if isinstance(paths, Listing):
        return paths
    if not paths:
        raise InputError("Nothing to read was named; name a file, a folder or '-' for standard input.")
    if found := [each for each in paths if isinstance(each, Source)]:
        return Listing(sources=found, passed_over=[])
    if [str(path) for path in paths].count("-") > 1:
        raise InputError("Standard input was named twice, and can be read once only; name it once.")
    passed_over: list[str] = []
    named = [path for path in paths if not isinstance(path, Source)]
    found = [source for path in named for source in _named(path, passed_over=passed_over)]
    _shorten(found)
    sources = [each for source in found for each in _within(source, passed_over=passed_over)]
    return Listing(sources=sources, passed_over=passed_over)


def _within(source: Source, *, passed_over: list[str]) -> list[Source]:
    try:
        return members_of(source, passed_over=passed_over) or [source]
    except InputError as error:
        if not source.found:
            raise
        return [refusing(error, name=source.name, path=source.path, n_bytes=source.n_bytes)]


def _named(named: Path | str, *, passed_over: list[str]) -> list[Source]:
    if isinstance(named, str) and is_address(named):
        return remote_sources(named, passed_over=passed_over)
    path = Path(named)
    if str(path) == "-":
        return [Source(None, name="stdin")]
    if path.is_dir():
        files = _files_in(path, passed_over=passed_over)
        return [
            Source(file, name=str(file), found=True, is_guess=not has_suffix(file.name)) for file in files
        ]
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
    return [Source(path, name=str(path), found=True) for path in files]


def _files_in(folder: Path, *, passed_over: list[str]) -> list[Path]:
    try:
        files = sorted(path for path in _walk(folder) if path.is_file())
    except OSError as error:
        reason = error.strerror or str(error)
        place = error.filename or folder
        raise InputError(f"The folder {place} cannot be listed ({reason}); check its permissions.") from error
    names, others = sifted(map(str, files), below=f"{folder}/")
    passed_over += others
    readable = _different(list(map(Path, names)))
    if not readable:
        known = " ".join(sorted(SUFFIXES))
        raise InputError(f"The folder {folder} holds no file to read; expected one that ends in {known}.")
    return [Path(name) for name in comments_among(list(map(str, readable)))]


def _different(files: list[Path]) -> list[Path]:
    """Return files less those without a suffix that a link with one leads to, as in Hugging Face's cache."""
    known = {path.resolve() for path in files if path.suffix}
    return [path for path in files if path.suffix or path.resolve() not in known]


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
