"""A source: a file, one within an archive, one on another machine, or a stream that gives its bytes once."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, cast

from plaudit.errors import InputError
from plaudit.readers.spool import Spool
from plaudit.readers.stream import PACKINGS, ByteStream
from plaudit.text import writable

SUFFIXES: Final = frozenset(
    {
        *(".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".tab", ".txt", ".parquet", ".pq"),
        *(".arrow", ".feather", ".ipc", ".xlsx", ".zip", *PACKINGS),
    }
)
"""How names end of files that are read where a folder or an archive is named."""


class Source:
    """Bytes to be read, several times over.

    Attributes:
        path: Where the file lies on this machine; None for anything else.
        name: The file's name, or its path where another file of the run has the same name.
        found: Whether it was found in a folder or archive rather than named.
        is_guess: Whether it was found under a name that does not say what it is: only its content can.
        keeps: Whether a stream's bytes are kept for another pass; switch it off before the last one.
        version: What tells it from another of the same name and size, where no date of a file here does.
        archive: The archive it lies in; None for a file of its own.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        name: str,
        found: bool = False,
        opener: Callable[[], BinaryIO] | None = None,
        n_bytes: int | None = None,
        is_guess: bool = False,
        version: str | None = None,
        archive: Source | None = None,
    ) -> None:
        """Name a file, or standard input where neither `path` nor `opener` is given.

        Args:
            path: A file, pipe or socket on this machine.
            name: How it is called.
            found: Whether it was found rather than named.
            opener: Starts a pass over a file that is no path.
            n_bytes: Size of what the opener gives; None where it is not known.
            is_guess: As the attribute.
            version: As the attribute.
            archive: As the attribute.
        """
        self.path = path
        self.name = writable(name)  # it goes into results, which are UTF-8
        self.found = found
        self.is_guess = is_guess
        self.keeps = True
        self.version = version
        self.archive = archive
        self._opener = opener
        self._n_bytes = n_bytes
        self._stream: io.BufferedReader | None = None
        self._kept = bytearray()
        self._copy: Spool | None = None

    @property
    def suffix(self) -> str:
        """The name's last suffix before that of a packing, in lower case."""
        path = Path(self.name.lower())
        return Path(path.stem).suffix if path.suffix in PACKINGS else path.suffix

    @property
    def is_lasting(self) -> bool:
        """Whether it gives the same bytes at every pass, without their being kept here."""
        return self._opener is not None or (self.path is not None and self.path.is_file())

    @property
    def n_bytes(self) -> int | None:
        """Its size; None where it is not known."""
        if self.path is not None and self._opener is None:
            return self.path.stat().st_size if self.path.is_file() else None
        return self._n_bytes

    def open(self) -> ByteStream:
        """Start a pass over the whole source.

        Raises:
            InputError: It can't be opened.
        """
        return ByteStream(self.raw())

    def raw(self) -> BinaryIO:
        """Start a pass over its bytes as they lie there.

        Raises:
            InputError: It can't be opened.
        """
        if self._copy is not None:
            return self._copy.view()
        try:
            if self._opener is not None:
                return self._opener()
            if self.path is not None and self.path.is_file():
                return self.path.open("rb")
            if self._stream is None:
                self._stream = _standard_input() if self.path is None else self.path.open("rb")
        except OSError as error:
            reason = error.strerror or str(error)
            advice = "check its permissions" if self._opener is None else "fetch it or pack it again"
            raise InputError(f"{self.name} cannot be opened ({reason}); {advice}.") from error
        return cast(BinaryIO, _Replay(self))

    def begin_last_pass(self, *, twice: bool) -> None:
        """Stop keeping what a stream gives; where the last pass may look ahead, put it on disk first.

        Raises:
            StorageError: The disk for temporary files is full.
        """
        if twice:
            self.put_on_disk()
        self.keeps = False

    def put_on_disk(self) -> None:
        """Put what a stream gives on disk, for every pass from now on; else only what was read is kept.

        Raises:
            StorageError: The disk for temporary files is full.
        """
        if self.is_lasting or self._copy is not None:
            return
        self.keeps = False
        with self.raw() as whole:
            self._copy = Spool(iter(lambda: whole.read(1 << 20), b""))
        self._kept.clear()

    def close(self) -> None:
        """Let go of what was put on disk, and of a pipe."""
        if self._copy is not None:
            self._copy.close()
        if self._stream is not None and self.path is not None:
            self._stream.close()

    def read_at(self, start: int, n: int) -> bytes:
        """Return up to n bytes of a stream from `start` on: those an earlier pass read, else the next."""
        return bytes(self._kept[start : start + n]) or self._read_on(n)

    def _read_on(self, n: int) -> bytes:
        chunk = b"" if self._stream is None else self._stream.read1(n)
        if self.keeps:
            self._kept += chunk
        return chunk


def refusing(
    error: InputError,
    *,
    name: str,
    path: Path | None = None,
    n_bytes: int | None = None,
    archive: Source | None = None,
) -> Source:
    """Return a source that was found and cannot be opened, and says why."""
    opener = partial(_refuse, error)
    return Source(path, name=name, found=True, opener=opener, n_bytes=n_bytes, archive=archive)


def _refuse(error: InputError) -> BinaryIO:
    raise error


def has_suffix(name: str) -> bool:
    """Return whether a file's name ends in a suffix, of whatever kind."""
    return bool(PurePosixPath(name).suffix)


def sifted(names: Iterable[str], *, below: str = "") -> tuple[list[str], list[str]]:
    """Return which files found below a folder or in an archive may be dumps by their names, and which not.

    A name without a suffix, such as RC_2019-04, may be any; hidden files are neither.
    """
    dumps: list[str] = []
    others: list[str] = []
    for name in names:
        *folders, last = PurePosixPath(name.removeprefix(below)).parts or (".",)
        is_known = PurePosixPath(last).suffix.lower() in SUFFIXES
        is_hidden = any(each[0] == "." and each not in ("..", ".") for each in folders)
        if name[-1:] != "/" and last[0] != "." and (is_known or not is_hidden):
            (dumps if is_known or not has_suffix(last) else others).append(name)
    return dumps, others


class _Replay(io.RawIOBase):
    """A pass over a stream that starts again at its beginning."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._at = 0

    def read(self, n: int = -1, /) -> bytes:
        chunk = self._source.read_at(self._at, n)
        self._at += len(chunk)
        return chunk


def _standard_input() -> io.BufferedReader:
    return cast(io.BufferedReader, sys.stdin.buffer)
