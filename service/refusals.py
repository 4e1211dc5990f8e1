"""How the OpenAPI document tells of the errors of an operation."""

from __future__ import annotations

from typing import Any, Final

from plaudit.service.problems import MEDIA_TYPE

_DESCRIPTIONS: Final = {
    404: "There is nothing of this id, or it is not yours.",
    408: "The body did not arrive in time.",
    409: "There are no results: not yet, or never, as the detail says.",
    413: "The body is over the limit.",
    415: "The body is not declared as what is expected, or packed in a way nobody can undo.",
    422: "The request does not have the expected form, or the dump can't be used.",
    429: "There is no room for more now; `Retry-After` says when to come back.",
    500: "A fault of ours; the log of the service has it under the request id.",
    503: "The database or the disk can't be used now; `Retry-After` says when to come back.",
}


def errors_of(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of an operation for some statuses of problems."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
    return {status: {"description": _DESCRIPTIONS[status], "content": content} for status in statuses}
