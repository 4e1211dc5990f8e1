"""`Idempotency-Key`, as the IETF drafts it: a request that is sent once more gets the first answer."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Header

from plaudit.service.store.repeats import digest

HEADER: Final = "Idempotency-Key"

RequestKey = Annotated[
    str | None,
    Header(
        alias=HEADER,
        min_length=1,
        max_length=255,
        pattern="^[!-~]([ -~]*[!-~])?$",
        description=(
            "Anything unique, such as a new UUID. Where an answer was lost send the same request with the "
            "same key: it is not done twice, for as long as what came of it is stored."
        ),
    ),
]
"""The header as an operation declares it."""


def digest_of(given: str | None) -> str | None:
    """Return what is stored of a key, which may say anything; None where there is none.

    The draft has it in quotes, many clients send it without: it is the same key.
    """
    if given is None:
        return None
    return digest(given[1:-1] if len(given) > 2 and given[0] == given[-1] == '"' else given)
