"""Where bytes come from: files, folders of files, standard input."""

from __future__ import annotations

import io
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final, cast

from plaudit.errors import InputError
from plaudit.readers.formats.convokit import COMPANIONS
from plaudit.readers.stream import PACKINGS, ByteStream

_SUFFIXES: Final = frozenset(
    {
        *(".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".tab", ".txt", ".parquet", ".pq"),
        *(".arrow", ".feather", ".ipc", ".xlsx", *PACKINGS),
    }
)


class Source:
    """A file, or a stream that can be read once; what was read of it to look at it is kept.

    Attributes:
        name: The file's name, or its path where another file of the run has the same name.
        found: Whether it was found in a folder rather than named.
        keeps: Whether a stream's bytes are kept for another pass; switch it off before the last one.
    """

    def __init__(self, path: Path | None, *, name: str, found: bool = False) -> None:
        self.path = path
        self.name = name
        self.found = found
        self._stream: io.BufferedReader | None = None
        self.keeps = True
        self._kept = bytearray()

    @property
    def suffix(self) -> str:
        """The name's last suffix before that of an archive, in lower case."""
        path = Path(self.name.lower())
        return Path(path.stem).suffix if path.suffix in PACKINGS else path.suffix

    def open(self) -> ByteStream:
        """Start a pass over the whole source.

        Raises:
            InputError: It can't be opened.
        """
        return ByteStream(self._raw())

    def _raw(self) -> BinaryIO:
        try:
            if self.path is not None and self.path.is_file():
                return self.path.open("rb")
            if self._stream is None:
                self._stream = _standard_input() if self.path is None else self.path.open("rb")
        except OSError as error:
            reason = error.strerror or str(error)
            raise InputError(f"{self.name} cannot be opened ({reason}); check its permissions.") from error
        return cast(BinaryIO, _Replay(self))

    def read_on(self, n: int) -> bytes:
        """Read from a stream that can't be rewound, keeping what was read."""
        chunk = b"" if self._stream is None else self._stream.read1(n)
        if self.keeps:
            self._kept += chunk
        return chunk

    def kept(self, start: int, n: int) -> bytes:
        """Return what an earlier pass read from the stream."""
        return bytes(self._kept[start : start + n])


class _Replay(io.RawIOBase):
    """A pass over a stream that starts again at its beginning."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._at = 0

    def read(self, n: int = -1, /) -> bytes:
        chunk = self._source.kept(self._at, n) or self._source.read_on(n)
        self._at += len(chunk)
        return chunk


def _standard_input() -> io.BufferedReader:
    return cast(io.BufferedReader, sys.stdin.buffer)


def sources_of(paths: Sequence[Path | str]) -> list[Source]:
    """Return the sources behind paths: files, folders of them, "-" for standard input.

    Raises:
        InputError: A path does not exist, or a folder holds nothing that could be read.
    """
    if not paths:
        raise InputError("Nothing to read was named; name a file, a folder or '-' for standard input.")
    files: list[tuple[Path | None, bool]] = []
    for path in map(Path, paths):
        if str(path) == "-":
            if (None, False) in files:
                raise InputError("Standard input was named twice, and can be read once only; name it once.")
            files.append((None, False))
        elif path.is_dir():
            files += [(file, True) for file in _files_in(path)]
        elif path.exists():
            files.append((path, False))
        else:
            raise InputError(f"There is no file {path}; check the path.")
    n_of = Counter(path.name for path, _ in files if path is not None)
    return [_source(path, found=found, alone=path is None or n_of[path.name] == 1) for path, found in files]


def _source(path: Path | None, *, found: bool, alone: bool) -> Source:
    if path is None:
        return Source(None, name="stdin")
    return Source(path, name=path.name if alone else str(path), found=found)


def _files_in(folder: Path) -> list[Path]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name[0] != "."]
    corpora = {path.parent for path in files if path.name.startswith("utterances.jsonl")}
    readable = [
        path
        for path in files
        if path.suffix.lower() in _SUFFIXES and not (path.parent in corpora and path.name in COMPANIONS)
    ]
    if not readable:
        known = " ".join(sorted(_SUFFIXES))
        raise InputError(f"The folder {folder} holds no file to read; expected one that ends in {known}.")
    return readable
