"""The OpenAPI document: FastAPI's, with our problem body and the report's own documentation."""

from __future__ import annotations

import re
from dataclasses import is_dataclass
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from plaudit import policy
from plaudit.report import envelope
from plaudit.service import access, docs
from plaudit.service.answers import ProblemBody

_ATTRIBUTE = re.compile(r"^(\w+): (.+?)(?=^\w+: |\Z)", re.MULTILINE | re.DOTALL)
_UNUSED: Final = ("HTTPValidationError", "ValidationError")

_LINKS: Final = {
    "send_dump": (
        "202",
        (
            "dump_status",
            "dump_report",
            "dump_page",
            "dump_comments",
            "dump_rejected",
            "dump_group",
            "delete_dump",
        ),
    ),
    "send_feedback": ("201", ("delete_feedback",)),
}
"""Operations that give an id, with what status, and those that take it."""

TAGS: Final = [
    {"name": "scoring", "description": "Comments in, labels or indices out."},
    {"name": "dumps", "description": "Files of comments, scored in the background; these are stored."},
    {"name": "feedback", "description": "Corrected labels, for the next training; these are stored."},
    {"name": "facts", "description": "What answers, and by which rules."},
    {"name": "health", "description": "For those who run it."},
]


def install(app: FastAPI) -> None:
    """Give `app` its OpenAPI document and the page at `/docs`."""
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    docs.install(app)


def _document(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
            tags=TAGS,
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        )
        schemas = document["components"]["schemas"]
        for name in _UNUSED:
            schemas.pop(name, None)
        _drop_defaults(document["paths"])
        _link(document["paths"])
        schemas["ProblemBody"] = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schemas["ProblemBody"].pop("$defs", {})
        for name, schema in schemas.items():
            _describe(schema, getattr(envelope, name, None) or getattr(policy, name, None))
        access.document(document, app.state.settings)
        app.openapi_schema = document
    return app.openapi_schema


def _link(paths: dict[str, Any]) -> None:
    """Say where the id that an answer gives is of use."""
    operations = {each["operationId"]: each for methods in paths.values() for each in methods.values()}
    for name, (status, takers) in _LINKS.items():
        links = {each: {"operationId": each, "parameters": {"id": "$response.body#/id"}} for each in takers}
        operations[name]["responses"][status]["links"] = links


def _drop_defaults(paths: dict[str, Any]) -> None:
    """Drop the answers that FastAPI foresees wherever there is a parameter, and that we never give."""
    for operations in paths.values():
        for operation in operations.values():
            content = operation["responses"].get("422", {}).get("content", {})
            if content.get("application/json", {}).get("schema", {}).get("$ref", "").endswith(_UNUSED):
                del operation["responses"]["422"]


def _describe(schema: dict[str, Any], source: Any) -> None:
    """Take the descriptions of a dataclass's fields from its docstring and its parents'."""
    if not is_dataclass(source):
        return
    for parent in reversed(source.__mro__[:-1]):  # type: ignore[union-attr]
        summary, _, attributes = (parent.__doc__ or "").partition("Attributes:")
        schema["description"] = _for_json(summary)
        text = re.sub(r"^ +", "", attributes, flags=re.MULTILINE)
        for name, description in _ATTRIBUTE.findall(text):
            if name in schema["properties"]:
                schema["properties"][name]["description"] = _for_json(description)


def _for_json(text: str) -> str:
    return re.sub(r"\bNone\b", "null", " ".join(text.split()))
