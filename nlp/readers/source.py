"""From what a person names to sources: files, folders, patterns, archives, addresses, standard input."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from plaudit.errors import InputError
from plaudit.readers.archive import members_of
from plaudit.readers.formats.convokit import comments_among
from plaudit.readers.origin import SUFFIXES, Source, has_suffix, refusing, sifted
from plaudit.readers.remote import is_address, remote_sources
from plaudit.text import writable

__all__ = ["SUFFIXES", "Listing", "Source", "Sources", "is_address", "listing_of", "sources_of"]

_N_TOLD: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What lies behind names.

    Attributes:
        sources: What is read, in order.
        passed_over: Files found beside them whose names end as no dump's does, and links to folders, which
            are not followed: their names end in a slash.
    """

    sources: list[Source]
    passed_over: list[str]

    def sentences(self) -> list[str]:
        """Return what a person should know of what was passed over: a sentence for each kind."""
        found = [name for name in self.passed_over if not name.endswith("/")]
        links = [name for name in self.passed_over if name.endswith("/")]
        sentences = []
        if found:
            told = f"{len(found):,} file{'s' if len(found) > 1 else ''} passed over: {_told(found)}"
            sentences.append(f"{told}. If one holds comments, give it the suffix of what it is.")
        if links:
            told = (
                f"{len(links):,} link{'s' if len(links) > 1 else ''} to folders not followed: {_told(links)}"
            )
            sentences.append(f"{told}. If one leads to comments, name it too.")
        return sentences


Sources = Sequence[Path | str] | Sequence[Source] | Listing
"""What is named, or what was found behind it: to find it takes a request a file in a store."""


def _told(names: Sequence[str]) -> str:
    more = f" and {len(names) - _N_TOLD:,} more" if len(names) > _N_TOLD else ""
    return f"{', '.join(names[:_N_TOLD])}{more}"


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
    return Listing(sources=sources, passed_over=list(map(writable, passed_over)))


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
        return [
            _found(file, is_guess=not has_suffix(file.name))
            for file in _files_in(path, passed_over=passed_over)
        ]
    if path.is_socket():
        raise InputError(f"{path} is a socket, which cannot be read; name a file or a pipe.")
    if path.exists():
        return [Source(path, name=str(path))]
    if glob.has_magic(str(named)):
        return _matching(str(named))
    raise InputError(f"There is no file {path}; check the path.")


def _found(path: Path, *, is_guess: bool = False) -> Source:
    """Return a file of a folder as a source; what is none, but has the name of one, refuses to be read."""
    if path.is_file():
        return Source(path, name=str(path), found=True, is_guess=is_guess)
    what = (
        "is a pipe, a socket or a device, which is read only where it is named itself; name it, or remove it."
        if path.exists()
        else "is a link to a file that is not there; fetch that file, or remove the link."
    )
    return refusing(InputError(f"{path} {what}"), name=str(path))


def _matching(pattern: str) -> list[Source]:
    paths = [path for path in _matches(pattern) if not path.is_dir()]
    if not paths:
        raise InputError(f"No file matches {pattern}; check the pattern.")
    return [_found(path) for path in paths]


def _matches(pattern: str) -> list[Path]:
    """Return what a pattern matches, in order; hidden names only where it asks for some.

    `glob` follows links to folders for "**": one that leads up gives each file 40 times, two never end.
    """
    parts = Path(pattern).parts
    if "**" not in parts:
        return sorted(map(Path, glob.glob(pattern)))  # noqa: PTH207  # below any root
    at = parts.index("**")
    above = glob.glob(str(Path(*parts[:at]))) if at else ["."]  # noqa: PTH207
    below = str(Path(*parts[at:], *(["*"] if parts[-1] == "**" else [])))
    found = {(Path(top), path) for top in above for path in Path(top).glob(below)}
    if not any(part.startswith(".") for part in parts[at:]):
        found = {(top, path) for top, path in found if not _is_hidden(path.relative_to(top))}
    return sorted({path for _, path in found})


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _files_in(folder: Path, *, passed_over: list[str]) -> list[Path]:
    try:
        found = sorted(_walk(folder, links := list[str]()))
    except OSError as error:
        reason = error.strerror or str(error)
        place = error.filename or folder
        raise InputError(f"The folder {place} cannot be listed ({reason}); check its permissions.") from error
    names, others = sifted(map(str, found), below=f"{folder}/")
    passed_over += others + sorted(links)
    readable = _different(list(map(Path, names)))
    if not readable:
        known = " ".join(sorted(SUFFIXES))
        raise InputError(f"The folder {folder} holds no file to read; expected one that ends in {known}.")
    return [Path(name) for name in comments_among(list(map(str, readable)))]


def _different(files: list[Path]) -> list[Path]:
    """Return files less those without a suffix that a link with one leads to, as in Hugging Face's cache."""
    known = {os.path.realpath(path) for path in files if path.suffix}  # a link to itself has one, too
    return [path for path in files if path.suffix or os.path.realpath(path) not in known]


def _walk(folder: Path, links: list[str]) -> Iterator[Path]:
    """Yield what lies below a folder and is none itself; links to folders go to a list, and no further."""

    def complain(error: OSError) -> None:
        raise error

    for place, folders, names in os.walk(folder, onerror=complain):
        paths = (Path(place, name) for name in folders if name[0] != ".")
        links += (f"{path}/" for path in paths if path.is_symlink())
        yield from (Path(place, name) for name in names)


def _shorten(sources: Sequence[Source]) -> None:
    """Call each source by its file's name alone where no other has the same."""
    n_of = Counter(_last(source.name) for source in sources)
    for source in sources:
        if n_of[_last(source.name)] == 1:
            source.name = _last(source.name)


def _last(name: str) -> str:
    return name.rstrip("/").rpartition("/")[2] or name
