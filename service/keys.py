"""API keys: known by their hashes, re-read when their file changes, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from plaudit.errors import UsageError

LOGGER: Final = logging.getLogger("plaudit.service")
PREFIX: Final = "plaudit_"  # lets scanners find a key that slipped into a repository
EXPECTED: Final = "NAME:HASH, the line that `plaudit key new NAME` prints"

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_SETTLED_NS: Final = 2 * 10**9  # a file younger than this may change again without a new time stamp


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyHash:
    """One valid key: who it belongs to, and its SHA-256.

    Attributes:
        name: 1 to 64 letters, digits, dots, dashes or underscores; several keys may share it.
        digest: 32 bytes. Keys are random, so that a fast hash can't be searched.
    """

    name: str
    digest: bytes

    def __str__(self) -> str:
        """Return the line of a keys file."""
        return f"{self.name}:{self.digest.hex()}"


def generate(name: str) -> tuple[str, KeyHash]:
    """Return a new key, which nobody keeps, and its hash.

    Raises:
        UsageError: The name has other characters than a name may have.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"The name {name!r} is no name for a key, expected 1 to 64 letters, digits, dots, dashes or "
            "underscores: choose another."
        )
    key = PREFIX + secrets.token_urlsafe(32)
    return key, KeyHash(name=name, digest=_digest(key.encode()))


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def parse(text: str, *, source: str) -> list[KeyHash]:
    """Return the keys of a text: `NAME:HASH`, between commas or one a line; `#` starts a comment.

    Raises:
        UsageError: An entry is something else; the message tells which, never what it holds.
    """
    entries, bad = _entries(text)
    if bad:
        raise UsageError(f"Entry {bad[0]} of {source} is no key, expected {EXPECTED}: correct or remove it.")
    return entries


def _entries(text: str) -> tuple[list[KeyHash], list[int]]:
    """Return the entries understood, and the numbers, from 1, of the others."""
    lines = (line.partition("#")[0] for line in text.splitlines())
    given = [entry.strip() for line in lines for entry in line.split(",") if entry.strip()]
    found = [_key_hash(entry) for entry in given]
    return [key for key in found if key], [number for number, key in enumerate(found, start=1) if not key]


def _key_hash(entry: str) -> KeyHash | None:
    name, _, digest = (part.strip() for part in entry.partition(":"))
    if not _NAME.fullmatch(name) or not _HASH.fullmatch(digest.lower()):
        return None
    return KeyHash(name=name, digest=bytes.fromhex(digest))


def find(key: bytes, among: Sequence[KeyHash]) -> str | None:
    """Return the name of a key, or None where it is not among the valid ones.

    It takes equally long whichever key fits, or none: all are compared, each in constant time.
    """
    digest, name = _digest(key), None
    for valid in among:
        if hmac.compare_digest(digest, valid.digest):
            name = valid.name
    return name


class KeyRing:
    """The keys in force: those given, and those of a file as it is now.

    A key is revoked by taking its line out of the file: the next request with it is refused.
    """

    def __init__(self, given: str = "", *, file: Path | None = None) -> None:
        """Read all keys.

        Raises:
            UsageError: An entry is no key, or the file can't be read.
        """
        self._given = parse(given, source="PLAUDIT_API_KEYS")
        self._file, self._of_file = file, list[KeyHash]()
        self._seen: tuple[int, ...] | None = None
        if file:
            parse(self._read(file), source=str(file))
            self._refresh(file)

    def find(self, key: bytes) -> str | None:
        """Return the name of a valid key; None where it is missing, wrong or revoked.

        Raises:
            UsageError: The file of keys can't be read any more.
        """
        if self._file:
            self._refresh(self._file)
        return find(key, [*self._given, *self._of_file])

    def _refresh(self, file: Path) -> None:
        try:
            found = file.stat()
        except OSError:
            self._seen, self._of_file = None, []
            self._read(file)
            return
        seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        if seen == self._seen:
            return
        entries, bad = _entries(self._read(file))
        if bad:  # the others are in force all the same: a slip in one line must not keep a revoked key alive
            LOGGER.error("entries of the file of API keys are no keys", extra={"fields": {"entries": bad}})
        settled = abs(time.time_ns() - found.st_mtime_ns) > _SETTLED_NS
        self._seen, self._of_file = seen if settled else None, entries

    def _read(self, file: Path) -> str:
        try:
            return file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
            raise UsageError(
                f"The file of API keys {file} can't be read ({reason}): correct PLAUDIT_API_KEYS_FILE, or "
                "the file and its permissions."
            ) from None
