"""What both clients know: where to ask, who asks, and how long they are patient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NoReturn

import httpx

from plaudit.errors import RefusedError, ServiceError, UsageError
from plaudit.service.calls import Call
from plaudit.service.replies import Dump
from plaudit.service.retries import BUSY, GONE, Retries

LOCAL: Final = "http://127.0.0.1:8000"
POLL_SECONDS: Final = (0.1, 2.0)  # from, to
_UNAVAILABLE: Final = 503


class Asking:
    """Root of both clients."""

    def __init__(self, base_url: str, *, key: str | None, timeout: float, retries: Retries | None) -> None:
        """Prepare as `Client` does."""
        self._base_url = _address(base_url)
        key = _key(key)
        self._retries = retries or Retries()
        self._known: dict[str, Any] = {
            "headers": {"Authorization": f"Bearer {key}"} if key else {},
            "timeout": timeout,
        }

    def _request(self, call: Call, content: Any) -> dict[str, Any]:
        return {
            "method": call.method,
            "url": self._base_url + call.path,
            "params": call.parameters,
            "headers": call.headers,
            "content": content,
        }

    def _pause(self, call: Call, error: Exception, *, n_tried: int) -> float:
        """Return how long to wait before another try, or raise what went wrong."""
        if isinstance(error, httpx.TransportError):
            # What never got there was not begun, whatever it is.
            # Nor does what could not even be asked get better by waiting.
            is_worth = not isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError) and (
                call.is_safe
                or isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
            )
            error = unreachable(self._base_url, error)
        else:
            assert isinstance(error, ServiceError)  # noqa: S101 - nothing else is raised
            is_worth = error.status in BUSY or (call.is_safe and error.status in GONE)
        pause = None
        if is_worth and call.can_repeat:
            pause = self._retries.wait_seconds(n_tried=n_tried, retry_after=error.retry_after)
        if pause is None:
            raise error from None
        return pause


def _address(base_url: str) -> str:
    """Return the address of a service without the slash at its end.

    Raises:
        UsageError: It is none.
    """
    try:
        url = httpx.URL(base_url.strip())
    except (httpx.InvalidURL, TypeError, AttributeError):
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        # It may hold a password, so it is not quoted.
        raise UsageError(
            "The address of the service does not begin with http:// or https:// and a host, expected one "
            f"such as {LOCAL}: correct base_url."
        )
    return base_url.strip().rstrip("/")


def _key(key: str | None) -> str:
    """Return an API key as it can stand in a header; files end it with a line feed.

    Raises:
        UsageError: It can't.
    """
    found = (key or "").strip()
    if not (found.isascii() and found.isprintable()):
        raise UsageError(
            "The API key holds characters other than printable ASCII, expected one line of "
            "`plaudit key new`: see that it was copied whole and alone."
        )
    return found


def check_unwell(error: ServiceError) -> None:
    """Raise an error that is not the answer of a service that is not well.

    Raises:
        ServiceError: The error.
    """
    if error.status != _UNAVAILABLE:
        raise error


def unreachable(base_url: str, error: httpx.TransportError) -> ServiceError:
    """Return the error that tells of no answer."""
    host = httpx.URL(base_url).host
    what = "took too long" if isinstance(error, httpx.TimeoutException) else "can't be reached"
    return ServiceError(
        f"The service at {host!r} {what} ({type(error).__name__}): is it running, and the address right?"
    )


def check(dump: Dump, *, is_late: bool) -> None:
    """Raise where there is nothing to wait for any more.

    Raises:
        ServiceError: The dump failed.
        TimeoutError: It takes too long.
    """
    if dump["status"] == "failed":
        _failed(dump)
    if is_late:
        raise TimeoutError(f"The dump is still {dump['status']}; wait longer, or ask for it later by its id.")


def _failed(dump_: Mapping[str, Any]) -> NoReturn:
    """Raise what a failed dump tells.

    Raises:
        RefusedError: The dump can't be read.
        ServiceError: The service failed.
    """
    error = RefusedError if dump_["fault"] == "dump" else ServiceError
    raise error(f"The dump failed: {dump_['error']}", kind="dump-failed")
