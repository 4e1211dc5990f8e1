"""A folder whose results appear whole or not at all."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from fnmatch import fnmatch
from glob import escape
from pathlib import Path
from types import TracebackType
from typing import Final

from plaudit.errors import StorageError, UsageError
from plaudit.partition.room import FULL

_YOUNG_SECONDS: Final = 60  # made by a run that may not hold it yet
_STORE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # as a path an address has lost a slash


class ResultFolder:
    """Results that are written aside and moved into place together.

    As a context manager it lends a hidden scratch folder beside the target; `publish` moves the results,
    leaving the scratch folder without it changes nothing. Other files of the target stay as they are.

    Attributes:
        target: Where the results will be, absolute.
        names: Their file names; the last one is the sign that a result is complete.
        others: Names that only earlier results may have; they go with those.
    """

    def __init__(
        self,
        path: Path,
        *,
        names: Sequence[str],
        others: Sequence[str] = (),
        folders: Mapping[str, str] | None = None,
    ) -> None:
        """Check, without writing anything, that results can be put there.

        Args:
            path: Where.
            names: As the attribute.
            others: As the attribute.
            folders: Those of the names that are folders, with the pattern of the files in them.

        Raises:
            UsageError: The path is a file or an address, or may not be written to.
        """
        self.target = _absolute(path)
        self.names, self.others = tuple(names), tuple(others)
        self._folders = dict(folders or {})
        self._scratch = Path()
        self._held: int | None = None
        try:
            _check(self.target, shown=path, names=(*self.names, *self.others), folders=self._folders)
        except PermissionError as error:  # what lies on the way may not even be looked at
            place = error.filename or self.target.parent
            raise UsageError(
                f"--out {path} can't be reached: no permission for {place}; name another folder."
            ) from error

    @property
    def files(self) -> tuple[str, ...]:
        """Those of the names that are files."""
        return tuple(name for name in self.names if name not in self._folders)

    def __enter__(self) -> Path:
        place = self.target.parent
        while not place.is_dir():
            place = place.parent
        for folder in {place, self.target}:
            _sweep(folder, self.target.name)
        self._scratch = self._make_scratch(place)
        self._held = _hold(self._scratch)
        return self._scratch

    def _make_scratch(self, place: Path) -> Path:
        name = f".{self.target.name}.{secrets.token_hex(4)}.partial"
        if not self.target.is_dir():
            return _made(place / name)
        try:  # A mounted folder can't take a rename from beside it, then the scratch lies inside.
            _made(place / name)
            (place / name).rename(self.target / name)
        except (OSError, UsageError):
            shutil.rmtree(place / name, ignore_errors=True)
            return _made(self.target / name)
        (self.target / name).rename(place / name)
        return place / name

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)
        if self._held is not None:
            os.close(self._held)
        if isinstance(error, OSError) and error.errno in FULL:
            raise StorageError(
                f"{os.strerror(error.errno or 0)} where {self.target} was to be: make room there, or name a "
                "folder on another disk with --out."
            ) from error

    def publish(self) -> bool:
        """Move the results into place; return whether earlier ones were replaced.

        A failure in the middle puts the earlier results back.
        """
        for name in self.names:
            if name in self._folders:
                for path in (self._scratch / name).iterdir():
                    _sync(path)
            _sync(self._scratch / name)
        _sync(self._scratch)
        if self.target.exists():
            return self._replace()
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self._scratch.rename(self.target)
        _sync(self.target.parent)
        return False

    def _replace(self) -> bool:
        earlier = _made(self._scratch / "earlier")
        try:
            for name in (*self.others, *reversed(self.names)):
                if os.path.lexists(self.target / name):
                    (self.target / name).replace(earlier / name)
            for name in self.names:
                (self._scratch / name).replace(self.target / name)
        except BaseException:
            self._put_back(earlier)
            raise
        _sync(self.target)
        return any(earlier.iterdir())

    def _put_back(self, earlier: Path) -> None:
        # Told from the disk, not from a list: Ctrl-C may fall between a move and a note of it.
        for name in (*self.names, *self.others):
            if os.path.lexists(earlier / name):
                if (self.target / name).is_dir():  # a folder takes no other's place
                    _remove(self.target / name)
                (earlier / name).replace(self.target / name)
            elif not os.path.lexists(self._scratch / name):
                _remove(self.target / name)


def _absolute(path: Path) -> Path:
    try:
        target = path.resolve()
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
            target.resolve(strict=True)  # from Python 3.13 on only this tells of links in a circle
        return target
    except (OSError, RuntimeError) as error:
        raise UsageError(f"--out {path} can't be followed to a folder; name another folder.") from error


def _check(target: Path, *, shown: Path, names: Sequence[str], folders: Mapping[str, str]) -> None:
    if _STORE.match(str(shown)) and not Path(shown.parts[0]).exists():
        raise UsageError(
            f"--out {shown} is an address, a folder of this machine was expected; name one, and copy the "
            "results to the store from there."
        )
    if target.is_dir():
        for name in names:
            if (target / name).is_dir() and not _is_ours(target / name, folders.get(name)):
                raise UsageError(
                    f"--out {shown} holds a folder named {name}; move it, or name another folder."
                )
    elif target.exists():
        raise UsageError(f"--out {shown} is a file, a folder was expected; name another folder.")
    place = target
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise UsageError(f"--out {shown} lies below {place}, which is a file; name another folder.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise UsageError(f"--out {shown} can't be written: no permission for {place}; name another folder.")


def _hold(folder: Path) -> int | None:
    """Return a handle that says, while it is open, that the folder is in use; None where another has it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # taken, or this disk knows no locks
        os.close(handle)
        return None
    return handle


def _sweep(place: Path, name: str) -> None:
    """Remove the scratch folders of runs to the same target that were killed."""
    with suppress(OSError):
        for left in place.glob(f".{escape(name)}.*.partial"):
            is_young = time.time() - left.stat().st_mtime < _YOUNG_SECONDS
            if not is_young and (handle := _hold(left)) is not None:
                shutil.rmtree(left, ignore_errors=True)
                os.close(handle)


def _is_ours(folder: Path, pattern: str | None) -> bool:
    """Tell whether a folder holds nothing but what an earlier run puts there."""
    return pattern is not None and all(
        each.is_file() and fnmatch(each.name, pattern) for each in folder.iterdir()
    )


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _made(folder: Path) -> Path:
    try:
        folder.mkdir()
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise UsageError(
            f"--out can't be written in {folder.parent}: {reason}; name another folder."
        ) from error
    return folder


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
