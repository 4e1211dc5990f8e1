"""Sources on other machines: S3, Google Cloud Storage, HTTP and whatever else fsspec knows.

Needs the extra [remote]. Credentials come from where each store's own tools look for them, never from
Plaudit; those in an address are never shown.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, BinaryIO, Final, TypeVar, cast

from plaudit.errors import FetchError, InputError
from plaudit.readers.formats.convokit import comments_among
from plaudit.readers.origin import SUFFIXES, Source, has_suffix, sifted

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://\S+")
_SECRETS = re.compile(r"(?<=://)[^/@]*@|[?#].*")
_MAGIC = re.compile(r"[*?\[]")
_WEB: Final = ("http://", "https://")
_PAUSES: Final = (1.0, 4.0, 15.0)  # seconds before another try, then it is given up
_SETTLED: Final = (FileNotFoundError, PermissionError, IsADirectoryError, NotImplementedError)
"""What another try would end in, too."""

_VERSIONS: Final = (
    *("generation", "etag", "contentmd5", "md5hash", "digest"),
    *("lastmodified", "mtime", "modified", "updated"),
)
"""What stores call that which changes with a file, the surest first: their lists tell less than the files."""

_T = TypeVar("_T")


def is_address(name: str) -> bool:
    """Return whether a name is an address such as s3://bucket/dump.parquet."""
    return _ADDRESS.fullmatch(name) is not None


def shown(address: str) -> str:
    """Return an address without the user, password, query and fragment it may hold."""
    return _SECRETS.sub("", address)


def remote_sources(address: str, *, passed_over: list[str]) -> list[Source]:
    """Return the files behind an address: one, those below it, or those a pattern names.

    Args:
        address: A store's, with or without a pattern, or a web server's.
        passed_over: Is given the names of files below it whose names say that they are no dumps.

    Raises:
        InputError: There is none, it may not be read, or the package for such addresses is missing.
    """
    name = shown(address)
    filesystem, path = _filesystem(address, name=name)
    try:
        paths = _paths(filesystem, path, address=address, passed_over=passed_over)
        is_folder = paths != [path] and not _MAGIC.search(path)
        return [
            _source(filesystem, each, address=name, found=paths != [path], is_folder=is_folder)
            for each in paths
        ]
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"There is nothing at {name}; check the address.") from error
    except Exception as error:  # each store has errors of its own
        raise InputError(
            f"{name} cannot be read ({_reason(error)}); check the address and access."
        ) from error


def _filesystem(address: str, *, name: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs

        return cast(tuple[Any, str], url_to_fs(address))
    except ImportError as error:
        raise InputError(
            f"{name} takes a package that is not installed ({_reason(error)}); pip install 'plaudit[remote]'."
        ) from error
    except Exception as error:
        raise InputError(f"{name} is no address that can be read ({_reason(error)}); check it.") from error


def _paths(filesystem: Any, path: str, *, address: str, passed_over: list[str]) -> list[str]:
    if address.startswith(_WEB):  # a query is no pattern, and servers list nothing
        return [path]
    if _MAGIC.search(path):
        found = [each for each in sorted(filesystem.glob(path)) if filesystem.isfile(each)]
        if not found:
            raise InputError(f"No file matches {shown(address)}; check the pattern.")
        return found
    if not filesystem.isdir(path):
        return [path]
    root = f"{path.rstrip('/')}/"
    files, others = sifted(sorted(filesystem.find(path)), below=root)
    passed_over += (shown(filesystem.unstrip_protocol(each)) for each in others)
    if not files:
        known = " ".join(sorted(SUFFIXES))
        raise InputError(f"{shown(address)} holds no file to read; expected one that ends in {known}.")
    return comments_among(files)


def _source(filesystem: Any, path: str, *, address: str, found: bool, is_folder: bool) -> Source:
    info = filesystem.info(path)  # also: is it there, and may it be read
    size, version = info.get("size"), _version_of(info)
    return Source(
        None,
        name=shown(filesystem.unstrip_protocol(path)) if found else address,
        found=found,
        opener=partial(_open, filesystem, path, version),
        n_bytes=size if isinstance(size, int) else None,
        is_guess=is_folder and not has_suffix(path),
        version=version,
    )


def _version_of(info: Mapping[str, Any]) -> str | None:
    """Return what tells a file from a later one of its name; None where the store tells nothing of it."""
    told = {re.sub("[-_]", "", str(name)).lower(): value for name, value in info.items()}
    return next((f"{name}:{told[name]}" for name in _VERSIONS if told.get(name)), None)


def _open(filesystem: Any, path: str, version: str | None) -> BinaryIO:
    return cast(BinaryIO, _Remote(filesystem, path, version=version))


class _Remote(io.RawIOBase):
    """A pass over a remote file, gone on with where the line broke.

    What can't be opened is an OSError, as on a bad disk. What can't be read on is a `FetchError`: the file is
    no worse for it, and must not be taken for one that ends there.
    """

    def __init__(self, filesystem: Any, path: str, *, version: str | None) -> None:
        self._filesystem, self._path, self._version = filesystem, path, version
        self._options: dict[str, Any] = {}
        self._file: Any = None
        self._at = 0
        try:
            self._patiently(self._opened)
        except NotImplementedError as error:
            raise OSError(_reason(error)) from error

    def read(self, n: int = -1, /) -> bytes:
        try:
            chunk = self._patiently(lambda: cast(bytes, self._opened().read(n)))
        except _SETTLED as error:
            raise self._failure(error) from error
        self._at += len(chunk)
        return chunk

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        try:  # a server that sends no parts of files gives a stream, which says that it can seek
            self._opened().seek(0, io.SEEK_END)
            if self._path.startswith(_WEB):  # or it tells that only when it is asked for one
                self._file.seek(-1, io.SEEK_END)
                self._file.read(1)
            self._file.seek(self._at)
        except (OSError, ValueError, NotImplementedError, TypeError):
            try:
                self._file.seek(self._at)
            except (OSError, ValueError, NotImplementedError):
                self._let_go()
            return False
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        self._at = cast(int, self._opened().seek(offset, whence))
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        self._let_go()
        super().close()

    def _patiently(self, step: Callable[[], _T]) -> _T:
        """Return what a step gives, tried again after ever longer pauses."""
        pauses = iter(_PAUSES)
        while True:
            try:
                return step()
            except (FetchError, *_SETTLED):
                raise
            except Exception as error:  # each store has errors of its own
                self._let_go()
                if isinstance(error, ValueError) and self._path.startswith(_WEB) and not self._options:
                    self._options = {"block_size": 0}  # it sends no parts of files: from the start on, then
                    continue
                pause = next(pauses, None)
                if pause is None:
                    raise self._failure(error) from error
            time.sleep(pause)

    def _opened(self) -> Any:
        """Return the file, opened again where it broke, at the place that was reached."""
        if self._file is None:
            if self._at:
                self._check_version()
            self._file = self._filesystem.open(self._path, "rb", **self._options)
            try:
                self._file.seek(self._at)
            except (OSError, ValueError, NotImplementedError):
                self._skip(self._at)
        return self._file

    def _skip(self, n: int) -> None:
        while n:
            chunk = self._file.read(min(n, 1 << 20))
            if not chunk:
                raise OSError("it ends before the place that was reached")
            n -= len(chunk)

    def _check_version(self) -> None:
        self._filesystem.invalidate_cache(self._path)
        if _version_of(self._filesystem.info(self._path)) != self._version:
            raise FetchError(f"{self._name} has changed while it was read; run it again, without --resume.")

    def _failure(self, error: Exception) -> FetchError:
        return FetchError(
            f"{self._name} cannot be read on from byte {self._at + 1:,} ({_reason(error)}); check the"
            " connection and the access, and run it again."
        )

    @property
    def _name(self) -> str:
        return shown(str(self._filesystem.unstrip_protocol(self._path)))

    def _let_go(self) -> None:
        if self._file is not None:
            with suppress(Exception):  # of a line that is broken
                self._file.close()
        self._file = None


def _reason(error: Exception) -> str:
    words = (str(error).splitlines() or [""])[0] or type(error).__name__
    return shown(words) if "://" in words else words[:200]
