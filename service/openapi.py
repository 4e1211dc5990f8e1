"""The OpenAPI document: FastAPI's, with our problem body and the report's own documentation."""

from __future__ import annotations

import re
from dataclasses import is_dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from plaudit import policy
from plaudit.report import envelope
from plaudit.service.answers import ProblemBody

_ATTRIBUTE = re.compile(r"^(\w+): (.+?)(?=^\w+: |\Z)", re.MULTILINE | re.DOTALL)
_UNUSED: Final = ("HTTPValidationError", "ValidationError")

TAGS: Final = [
    {"name": "scoring", "description": "Comments in, labels or indices out."},
    {"name": "facts", "description": "What answers, and by which rules."},
    {"name": "health", "description": "For those who run it."},
]


def install(app: FastAPI) -> None:
    """Give `app` its OpenAPI document and the page at `/docs`."""
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    _install_docs(app)


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
        schemas["ProblemBody"] = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schemas["ProblemBody"].pop("$defs", {})
        for name, schema in schemas.items():
            _describe(schema, getattr(envelope, name, None) or getattr(policy, name, None))
        app.openapi_schema = document
    return app.openapi_schema


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


def _install_docs(app: FastAPI) -> None:
    """Serve the interactive page; without the package of its assets they come from a public host."""
    local = find_spec("fastapi_offline")
    urls: dict[str, Any] = {}
    if local and local.origin:
        app.mount("/docs/assets", StaticFiles(directory=Path(local.origin).parent / "static"))
        urls = {
            "swagger_js_url": "docs/assets/swagger-ui-bundle.js",
            "swagger_css_url": "docs/assets/swagger-ui.css",
            "swagger_favicon_url": "docs/assets/favicon.png",
        }

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(openapi_url="openapi.json", title=f"{app.title}: interactive docs", **urls)
