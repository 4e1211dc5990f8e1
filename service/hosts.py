"""Browsers that were led here: by a name that is not ours (DNS rebinding), or from another site's page.

A service without keys answers whoever reaches it, and one on this machine is reached by any page that the
browser shows: so it looks at the name it is asked by, and at where what is written comes from.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from plaudit.service.access import HEALTH, drain
from plaudit.service.page import PATH
from plaudit.service.problems import Problem
from plaudit.service.settings import Settings

ANY: Final = "*"
LOCAL: Final = "localhost"
_SAFE: Final = ("GET", "HEAD", "OPTIONS", "TRACE")
_OWN: Final = ("same-origin", "none")  # of Sec-Fetch-Site: our own page, or a person by themselves
_PORT = re.compile(r":\d*$")


def restricted(settings: Settings) -> Settings:
    """Return the settings of a service that listens where they say.

    Without keys and on an address of this machine only, it is asked by names of this machine: others have
    a dot, which is what an attacker can register.
    """
    has_keys = settings.api_keys or settings.api_keys_file
    if settings.allowed_hosts or has_keys or not _is_loopback(settings.host):
        return settings
    return settings.model_copy(update={"allowed_hosts": LOCAL})


class Hosts:
    """ASGI middleware that refuses requests by other names, and what other sites' pages write."""

    def __init__(self, app: ASGIApp, *, allowed: str | None, has_keys: bool) -> None:
        """Guard `app`.

        Args:
            app: What is guarded.
            allowed: Names between commas; "*", or None: any.
            has_keys: Whether who writes must show a key, which other sites' pages do not have.
        """
        self.app, self._has_keys = app, has_keys
        self._names = {name.strip().lower() for name in (allowed or ANY).split(",")} - {""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection.

        Raises:
            Problem: It is asked by another name (421), or for another site's page (403).
        """
        if scope["type"] == "http" and (problem := self._problem(scope)):
            await drain(scope, receive)
            raise problem
        await self.app(scope, receive, send)

    def _problem(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_ours(_name_of(host)) and not scope["path"].startswith(HEALTH):
            return Problem("wrong-host", f"The request names the host {_name_of(host)[:100]!r}.")
        if self._has_keys or scope["method"] in _SAFE or self._is_at_home(scope, host=host):
            return None
        return Problem("foreign-origin", f"It comes from {headers.get('origin', 'elsewhere')[:100]!r}.")

    def _is_ours(self, name: str) -> bool:
        if ANY in self._names or name in self._names or not name:
            return True
        is_local = "." not in name or name.endswith(".localhost") or _is_address(name)
        return LOCAL in self._names and is_local

    def _is_at_home(self, scope: Scope, *, host: str) -> bool:
        headers = Headers(scope=scope)
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site in _OWN or (site is None and origin is None):  # or no browser at all
            return True
        if site is None and origin == "null":
            # Over plain HTTP our own form says so, as it tells no referrer; nothing is stored there.
            return bool(scope["path"] == PATH)
        here = (host.lower(), headers.get("x-forwarded-host", host).lower())  # a proxy may have changed it
        found = (origin or "").partition("://")[2].lower()
        return found != "" and (found in here or _name_of(found) in self._names - {ANY, LOCAL})


def _name_of(host: str) -> str:
    return _PORT.sub("", host.strip().lower()).strip("[]").removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host == LOCAL or (_is_address(host) and ipaddress.ip_address(host).is_loopback)
