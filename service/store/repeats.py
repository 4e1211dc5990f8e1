"""Requests that are sent once more under the same key: what was kept the first time is the answer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from plaudit.errors import UsageError

ANOTHER: Final = (
    "The Idempotency-Key was sent before, with something else: use a new key for each new request, and the "
    "same one only to send the very same request once more."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a request was sent with, to know it again.

    Attributes:
        key: Digest of its key.
        content: Digest of all that decides what it does.
    """

    key: str
    content: str


def digest(*parts: str) -> str:
    """Return 32 hexadecimal digits that stand for some texts, in order."""
    found = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        found.update(len(data).to_bytes(8, "big") + data)
    return found.hexdigest()


def check_same(known: str | None, given: str) -> None:
    """Refuse what is sent under the key of something else.

    Raises:
        UsageError: It differs.
    """
    if known != given:
        raise UsageError(ANOTHER)
