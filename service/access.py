"""Who may ask, and how much: API keys and quotas before anything looks at a request."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Final

import anyio
from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from plaudit.errors import UsageError
from plaudit.service.keys import KeyRing
from plaudit.service.problems import Problem
from plaudit.service.quotas import MEMORY, Account, Quotas
from plaudit.service.settings import Settings

LOGGER: Final = logging.getLogger("plaudit.service")
KEY_HEADER: Final = "X-API-Key"
HEALTH: Final = "/health"
SECURITY_SCHEMES: Final[dict[str, Any]] = {
    "Bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "ApiKey": {"type": "apiKey", "in": "header", "name": KEY_HEADER, "description": "An API key."},
}

_CHALLENGE: Final = 'Bearer realm="plaudit"'
_DRAIN_SECONDS: Final = 1.0
_HINT: Final = (
    f"Send 'Authorization: Bearer KEY' or '{KEY_HEADER}: KEY'; ask whoever runs this service for one."
)


def opened(settings: Settings) -> KeyRing | None:
    """Return the keys that the settings name; None where they name none and everybody may ask.

    Raises:
        UsageError: A key, or the file of keys, makes no sense, or quotas are set for nobody.
    """
    if not settings.api_keys and not settings.api_keys_file:
        if settings.quota_per_minute or settings.quota_per_day:
            raise UsageError(
                "Quotas are set but no API keys to count by: set PLAUDIT_API_KEYS or PLAUDIT_API_KEYS_FILE, "
                "or unset PLAUDIT_QUOTA_PER_MINUTE and PLAUDIT_QUOTA_PER_DAY."
            )
        return None
    return KeyRing(settings.api_keys or "", file=settings.api_keys_file)


def install(app: FastAPI, settings: Settings, *, in_query: tuple[str, ...] = ()) -> None:
    """Guard `app` where the settings name keys.

    Args:
        app: Gets `state.quotas` in any case: those of the keys, or ones that limit nothing.
        settings: Name the keys, the quotas and the open paths.
        in_query: Paths that take the key as `?key=` as well.

    Raises:
        UsageError: They make no sense.
    """
    keys, paths = opened(settings), _paths(settings.open_paths)
    app.state.quotas = Quotas(
        per_minute=settings.quota_per_minute,
        per_day=settings.quota_per_day,
        storage=settings.quota_storage,
        on_missed=app.state.metrics.quota_failures.inc,
    )
    if app.state.quotas and settings.workers > 1 and settings.quota_storage == MEMORY:
        LOGGER.warning("each worker counts quotas on its own: set PLAUDIT_QUOTA_STORAGE for one count of all")
    if keys:
        guard = {"keys": keys, "quotas": app.state.quotas, "open_paths": paths, "in_query": in_query}
        app.add_middleware(Access, **guard)


def _paths(text: str) -> tuple[str, ...]:
    paths = tuple(part.strip() for part in text.split(",") if part.strip())
    for path in paths:
        if not path.startswith("/") or (path != "/" and path.endswith("/")):
            raise UsageError(
                f"PLAUDIT_OPEN_PATHS holds {path!r}, expected paths such as /docs between commas, with no "
                "slash at the end: correct it, or unset it for the default."
            )
    return paths


def is_open(path: str, *, open_paths: tuple[str, ...]) -> bool:
    """Tell whether a path answers without a key: one of those, or below one; "/" is only itself."""
    return any(path == each or (each != "/" and path.startswith(f"{each}/")) for each in open_paths)


class Access:
    """ASGI middleware that knows the key of a request, or refuses it.

    It leaves in the request's state `key`, the name of the key, and `account`, what `quotas.count` takes
    from; and tells in the headers of each answer what the key has left.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: KeyRing,
        quotas: Quotas,
        open_paths: tuple[str, ...],
        in_query: tuple[str, ...] = (),
    ) -> None:
        """Guard `app`.

        Args:
            app: What is guarded.
            keys: Those in force.
            quotas: Those of each key.
            open_paths: Paths, and what is below them, that are read (GET, HEAD) without a key; health always.
            in_query: Paths that take the key as `?key=` as well.
        """
        self.app, self.keys, self.quotas = app, keys, quotas
        self.open_paths, self.in_query = (HEALTH, *open_paths), in_query

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection; anything but HTTP has no key and passes through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        is_reading = scope["method"] in ("GET", "HEAD")
        if is_reading and is_open(scope["path"], open_paths=self.open_paths):
            await self.app(scope, receive, send)
            return
        key = await self._key(scope, receive)
        account = Account(self.quotas, key=key)
        scope["state"] |= {"key": key, "account": account}
        telling = _Telling(send, account)
        try:
            await self.app(scope, receive, telling)
        except Exception as error:
            if not telling.has_begun:
                await account.give_back()
            if isinstance(error, Problem):
                error.headers = {**(error.headers or {}), **await account.headers()}
            raise

    async def _key(self, scope: Scope, receive: Receive) -> str:
        given = list(dict.fromkeys(_given(scope, in_query=scope["path"] in self.in_query)))
        try:
            name = self.keys.find(given[0]) if len(given) == 1 else None
        except UsageError:
            raise Problem(
                "not-ready", "The API keys can't be read now.", headers={"Retry-After": "10"}
            ) from None
        if name is None:
            await drain(scope, receive)
            what = (
                "There are several API keys"
                if len(given) > 1
                else "The API key is missing, unknown or revoked"
            )
            raise Problem("unauthorized", f"{what}.", hint=_HINT, headers={"WWW-Authenticate": _CHALLENGE})
        return name


def _given(scope: Scope, *, in_query: bool) -> Iterator[bytes]:
    headers = Headers(scope=scope)
    for value in headers.getlist("authorization"):
        scheme, _, key = value.strip().partition(" ")
        if scheme.lower() == "bearer":  # another scheme is for a proxy in front
            yield key.strip().encode("latin-1")
    yield from (value.strip().encode("latin-1") for value in headers.getlist(KEY_HEADER))
    if in_query:
        query = QueryParams(scope["query_string"])
        yield from (value.encode("utf-8", "replace") for value in query.getlist("key"))


async def drain(scope: Scope, receive: Receive) -> None:
    """Take in for a moment what is still being sent: closing on it would lose the answer."""
    if "expect" in Headers(scope=scope):  # the caller waits for leave to send
        return
    with anyio.move_on_after(_DRAIN_SECONDS):
        while (await receive()).get("more_body"):
            pass


class _Telling:
    """Sends an answer with what is left of the quotas in its headers."""

    def __init__(self, send: Send, account: Account) -> None:
        self._send, self._account, self.has_begun = send, account, False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            if message["status"] >= 400:  # refused as a whole
                await self._account.give_back()
            headers = MutableHeaders(scope=message)
            for name, value in (await self._account.headers()).items():
                headers[name] = value
        await self._send(message)


def document(schema: dict[str, Any], settings: Settings) -> None:
    """Say in an OpenAPI document where a key is needed, and what happens without one."""
    if not settings.api_keys and not settings.api_keys_file:
        return
    open_paths = (HEALTH, *_paths(settings.open_paths))
    schema.setdefault("components", {})["securitySchemes"] = SECURITY_SCHEMES
    schema["security"] = [{name: []} for name in SECURITY_SCHEMES]
    refused = {
        "description": "The API key is missing, unknown or revoked.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}}},
    }
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            if method == "get" and is_open(path, open_paths=open_paths):
                operation["security"] = []
            else:
                operation["responses"].setdefault("401", refused)
