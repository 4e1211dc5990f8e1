"""Errors over HTTP: one body for all of them, RFC 9457 `application/problem+json`."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from plaudit.errors import OverloadedError, StorageError, UsageError

LOGGER: Final = logging.getLogger("plaudit.service")
MEDIA_TYPE: Final = "application/problem+json"
MAX_LISTED_ERRORS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of problem: its status and its title, the same for every occurrence.

    Attributes:
        status: The HTTP status.
        title: What is wrong.
        hint: What to do, where nothing more to the point is known.
    """

    status: int
    title: str
    hint: str


_TELL: Final = "Tell whoever runs this service the request id; its log says more."
_WAIT: Final = "Try again after the seconds that Retry-After names."
MORE: Final = "Send the comments one a line to /v1/classify/stream or /v1/index/stream, which take far more."
KINDS: Final[Mapping[str, Kind]] = {
    "bad-request": Kind(
        status=400,
        title="The request cannot be understood",
        hint="Send it as /openapi.json describes it.",
    ),
    "unauthorized": Kind(
        status=401,
        title="This needs a valid API key",
        hint="Send 'Authorization: Bearer KEY'; ask whoever runs this service for a key.",
    ),
    "foreign-origin": Kind(
        status=403,
        title="Pages of other sites may not write here",
        hint="Use this service's own page, or a program: of another site the server asks, not its pages.",
    ),
    "not-found": Kind(
        status=404,
        title="There is nothing at this path",
        hint="See that path and id are whole; /openapi.json lists the paths.",
    ),
    "method-not-allowed": Kind(
        status=405, title="This path does not take this method", hint="Use a method that Allow names."
    ),
    "request-timeout": Kind(
        status=408,
        title="The request took too long to arrive",
        hint="Send it faster, or in smaller requests.",
    ),
    "no-results": Kind(
        status=409,
        title="The dump has no results",
        hint="Ask for its status: results are there once that is done.",
    ),
    "body-too-large": Kind(
        status=413, title="The request body is too large", hint="Send it in several requests."
    ),
    "too-many-comments": Kind(
        status=413,
        title="There are too many comments in one request",
        hint="Send them in several requests.",
    ),
    "unsupported-media-type": Kind(
        status=415,
        title="The request body is of a type that is not taken here",
        hint="Send it, and declare it, as /docs describes it.",
    ),
    "wrong-host": Kind(
        status=421,
        title="This service is not asked by this name",
        hint="Ask by localhost or by its address; whoever runs it can list names in PLAUDIT_ALLOWED_HOSTS.",
    ),
    "invalid-request": Kind(
        status=422,
        title="The request does not have the expected form",
        hint="Correct what the detail names; /docs describes what is expected.",
    ),
    "unusable-dump": Kind(
        status=422,
        title="The dump cannot be scored",
        hint="Correct what the detail names, and hand it in again.",
    ),
    "overloaded": Kind(status=429, title="There is no room for more work now", hint=_WAIT),
    "quota-exceeded": Kind(
        status=429,
        title="The quota of this API key is used up",
        hint="Wait as long as Retry-After says, or send fewer comments.",
    ),
    "caller-gone": Kind(status=499, title="The caller left", hint="Wait longer for the answer."),
    "internal": Kind(status=500, title="Something went wrong on our side", hint=_TELL),
    "dump-failed": Kind(
        status=500,
        title="The dump could not be scored by a fault on our side",
        hint="Hand it in again; should it fail again, tell whoever runs this service its id.",
    ),
    "storage-unavailable": Kind(
        status=503,
        title="Nothing can be stored or found now",
        hint="Try again in some seconds; should it last, tell whoever runs this service.",
    ),
    "not-ready": Kind(
        status=503,
        title="The service is not ready",
        hint="Try again once /health/ready answers 200.",
    ),
}
"""Every kind of problem by the last part of its `type`."""

_KIND_OF_STATUS: Final = {400: "bad-request", 404: "not-found", 405: "method-not-allowed"}


class Problem(HTTPException):
    """An error to be answered as a problem.

    It is an `HTTPException` because FastAPI lets only those through while it reads a body.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(KINDS[kind].status, detail, dict(headers) if headers else None)
        self.kind, self.hint, self.errors = kind, hint or KINDS[kind].hint, errors


def respond(problem: Problem, *, request_id: str) -> Response:
    """Return the response that tells a client of a problem."""
    body = body_of(problem, request_id=request_id)
    return Response(body, problem.status_code, headers=problem.headers, media_type=MEDIA_TYPE)


def body_of(problem: Problem, *, request_id: str) -> bytes:
    """Return the body that tells a client of a problem."""
    body: dict[str, Any] = {
        "type": f"urn:plaudit:problem:{problem.kind}",
        "title": KINDS[problem.kind].title,
        "status": problem.status_code,
        "detail": problem.detail,
        "hint": problem.hint,
        "request_id": request_id,
        "errors": list(problem.errors),
    }
    kept = {name: value for name, value in body.items() if value is not None and value != []}
    return orjson.dumps(kept)


def install(app: FastAPI) -> None:
    """Answer every error that a handler of `app` raises on purpose as a problem."""
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(UsageError, _on_usage)
    app.add_exception_handler(OverloadedError, _on_overload)
    app.add_exception_handler(StorageError, _on_storage)


def _respond(request: Request, problem: Problem) -> Response:
    return respond(problem, request_id=request.state.request_id)


async def _on_http(request: Request, error: Exception) -> Response:
    if isinstance(error, Problem):
        return _respond(request, error)
    assert isinstance(error, HTTPException)  # noqa: S101 - what the registration above promises
    kind = _KIND_OF_STATUS.get(error.status_code, "bad-request")
    detail = f"{request.method} {request.url.path[:200]}: {error.detail.removesuffix('.')}."
    headers = dict(error.headers or {})
    if error.status_code == 405:  # the router names those of the first of several routes only
        known = set(headers.get("Allow", "").split(", ")) - {""}
        headers["Allow"] = ", ".join(sorted(_methods(request) | known))
    hint = "GET /openapi.json lists what there is."
    return _respond(request, Problem(kind, detail, hint=hint, headers=headers))


def _methods(request: Request) -> set[str]:
    paths = request.app.openapi()["paths"]
    asked = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    fitting = [path for path in paths if compile_path(path)[0].match(asked)]
    found = {method.upper() for path in fitting for method in paths[path]}
    return found | {"HEAD"} if "GET" in found else found


async def _on_usage(request: Request, error: Exception) -> Response:
    return _respond(request, Problem("invalid-request", str(error)))


async def _on_overload(request: Request, error: Exception) -> Response:
    return _respond(request, Problem("overloaded", str(error), headers={"Retry-After": "1"}))


async def _on_storage(request: Request, error: Exception) -> Response:
    LOGGER.error(
        "nothing can be stored", exc_info=error, extra={"fields": {"request_id": request.state.request_id}}
    )
    return _respond(request, Problem("storage-unavailable", str(error), headers={"Retry-After": "5"}))


async def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - what the registration above promises
    found = error.errors()
    listed = [field_error(one) for one in found[:MAX_LISTED_ERRORS]]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    detail = f"{listed[0]['field']}: expected {listed[0]['expected']}, found {listed[0]['found']}{more}."
    hint = "The bodies are described at /docs."
    return _respond(request, Problem("invalid-request", detail, hint=hint, errors=listed))


def field_error(error: Mapping[str, Any]) -> dict[str, str]:
    """Name the field, what was expected and the kind of value found; never the value itself."""
    location = tuple(error["loc"])
    if error["type"] == "json_invalid":
        expected = "valid JSON (UTF-8, finite numbers, no lone surrogates, at most 1,024 levels)"
        return {"field": "body", "expected": expected, "found": f"{error['ctx']['error']} at {location[-1]}"}
    if error["type"] == "missing":
        missing_body = location == ("body",)
        return {
            "field": field_path(location),
            "expected": "a JSON object" if missing_body else "this field to be there",
            "found": "nothing",
        }
    if error["type"] == "extra_forbidden":
        return {
            "field": field_path(location),
            "expected": "no such name here",
            "found": _kind_of(error.get("input")),
        }
    if error["type"] == "string_pattern_mismatch":
        expected = f"a string that matches {error['ctx']['pattern']}"
        return {"field": field_path(location), "expected": expected, "found": "another string"}
    expected = "a JSON object" if error["type"] == "model_attributes_type" else _expected(error["msg"])
    return {"field": field_path(location), "expected": expected, "found": _kind_of(error.get("input"))}


def _expected(message: str) -> str:
    """Turn pydantic's sentence into what can follow "expected"."""
    expected = message.removeprefix("Input should be ").replace("List should have", "a list of")
    expected = expected.partition(" after validation")[0]
    return f"a number {expected}" if expected.startswith(("less", "greater")) else expected


def field_path(location: Sequence[str | int]) -> str:
    """Return `comments[3].text` for `("body", "comments", 3, "text")`; `body` for the body itself."""
    path = ""
    for part in location[1:]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path or "body"


def _kind_of(value: object) -> str:
    # A number may be an author's id, so not even numbers are quoted.
    names = {bool: "a boolean", int: "an integer", float: "a number", str: "a string"}
    names |= {list: "a list", dict: "an object", type(None): "null"}
    return "an empty list" if value == [] else names.get(type(value), "something else")
