"""A path prefix that a proxy in front puts before everything, such as /plaudit.

The proxy may pass it on or take it away. Between `Prefixed`, outermost, and `Rooted`, innermost, paths are
without it; the router is told of it as ASGI has it, so that links, redirects and the OpenAPI document are
right outside.
"""

from __future__ import annotations

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class Prefixed:
    """Outermost ASGI middleware: takes the prefix away where the proxy has passed it on."""

    def __init__(self, app: ASGIApp, *, prefix: str) -> None:
        self.app, self._prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http" and scope["path"] == self._prefix:  # the page's links begin at its slash
            await RedirectResponse(f"{self._prefix}/", 308)(scope, receive, send)
            return
        if scope["type"] == "http" and scope["path"].startswith(f"{self._prefix}/"):
            scope = {**scope, "path": scope["path"].removeprefix(self._prefix)}
        await self.app(scope, receive, send)


class Rooted:
    """Innermost ASGI middleware: tells the router of the prefix, in the very scope that others look at."""

    def __init__(self, app: ASGIApp, *, prefix: str) -> None:
        self.app, self._prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http":
            scope["root_path"], scope["path"] = self._prefix, self._prefix + scope["path"]
        await self.app(scope, receive, send)
