"""The interactive documentation at `/docs`; its assets are installed with the service: no other host."""

from __future__ import annotations

import base64
import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

PATH: Final = "/docs"

# The validator's badge would be fetched from its makers' host.
_SCRIPT: Final = """
SwaggerUIBundle({
  url: "openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null, tryItOutEnabled: true,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
});
"""
_PAGE: Final = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Plaudit: interactive docs</title>
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
<link rel="icon" href="data:,">
</head>
<body>
<main id="docs">This needs JavaScript; <a href="openapi.json">openapi.json</a> holds the same.</main>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script>{_SCRIPT}</script>
</body>
</html>
"""


def install(app: FastAPI) -> None:
    """Serve the page and its assets."""
    app.mount(f"{PATH}/assets", StaticFiles(directory=_assets()))
    app.add_api_route(PATH, _docs, include_in_schema=False)


def _assets() -> Path:
    package = find_spec("fastapi_offline")
    assert package  # noqa: S101 - installed with us; imported it would change FastAPI's own pages
    assert package.origin  # noqa: S101 - it is a package of files
    return Path(package.origin).parent / "static"


async def _docs() -> HTMLResponse:
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'self' 'sha256-{digest}'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return HTMLResponse(
        _PAGE, headers={"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff"}
    )
