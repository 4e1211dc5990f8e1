"""HEAD, which monitors and load balancers send: answered as GET is, without the body."""

from __future__ import annotations

from typing import Final

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

_IS_HEAD: Final = "plaudit.is_head"


def wants_head(request: Request) -> bool:
    """Tell whether a GET was a HEAD when it came, so that nobody will get the body of its answer."""
    return bool(request.scope.get(_IS_HEAD))


class Heads:
    """Outermost ASGI middleware: behind it a HEAD is a GET; the server leaves out the body of its answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET", _IS_HEAD: True}
        await self.app(scope, receive, send)
