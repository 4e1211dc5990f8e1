"""Authors become numbers at the border; no name goes further."""

from __future__ import annotations

from hashlib import blake2b


def pseudonym(name: str) -> int:
    """Return the 64-bit pseudonym of an author id or handle.

    Case matters: stable ids differ by case alone. Fixed over runs and machines, so that shards merge. Whoever
    guesses a name can tell its pseudonym: it is in no output, only in memory and in the temporary files and
    checkpoints of a run, which go when it ends.
    """
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def handle_pseudonym(handle: str) -> int:
    """Return the pseudonym of an @handle; platforms treat handles as the same in any case."""
    return pseudonym(handle.removeprefix("@").casefold())
