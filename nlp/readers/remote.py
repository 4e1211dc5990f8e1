"""Sources on other machines: S3, Google Cloud Storage, HTTP and whatever else fsspec knows.

Needs the extra [remote]. Credentials come from where each store's own tools look for them, never from
Plaudit; those in an address are never shown.
"""

from __future__ import annotations

import io
import re
from functools import partial
from typing import Any, BinaryIO, Final, cast

from plaudit.errors import InputError
from plaudit.readers.formats.convokit import comments_among
from plaudit.readers.origin import SUFFIXES, Source, has_suffix, sifted

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://\S+")
_SECRETS = re.compile(r"(?<=://)[^/@]*@|[?#].*")
_MAGIC = re.compile(r"[*?\[]")
_WEB: Final = ("http://", "https://")


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
    size = filesystem.info(path).get("size")  # also: is it there, and may it be read
    name = shown(filesystem.unstrip_protocol(path)) if found else address
    opener = partial(_open, filesystem, path)
    return Source(
        None,
        name=name,
        found=found,
        opener=opener,
        n_bytes=size if isinstance(size, int) else None,
        is_guess=is_folder and not has_suffix(path),
    )


def _open(filesystem: Any, path: str) -> BinaryIO:
    return cast(BinaryIO, _Remote(filesystem, path))


class _Remote(io.RawIOBase):
    """A pass over a remote file; whatever is wrong with it is an OSError, as with a bad disk."""

    def __init__(self, filesystem: Any, path: str) -> None:
        try:
            self._file = filesystem.open(path, "rb")
        except OSError:
            raise
        except Exception as error:
            raise OSError(_reason(error)) from error

    def read(self, n: int = -1, /) -> bytes:
        try:
            return cast(bytes, self._file.read(n))
        except OSError:
            raise
        except Exception as error:
            raise OSError(_reason(error)) from error

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        try:  # a server that sends no parts of files gives a stream, which says that it can seek
            at = self._file.tell()
            self._file.seek(0, io.SEEK_END)
            self._file.seek(at)
        except (OSError, ValueError, NotImplementedError, TypeError):
            return False
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return cast(int, self._file.seek(offset, whence))

    def tell(self) -> int:
        return cast(int, self._file.tell())

    def close(self) -> None:
        self._file.close()
        super().close()


def _reason(error: Exception) -> str:
    words = (str(error).splitlines() or [""])[0] or type(error).__name__
    return shown(words) if "://" in words else words[:200]
