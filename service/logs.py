"""Structured logs: one JSON object a line on stderr, never a comment's text or author.

What others than Plaudit and its web server say, in a log, a warning or an exception that nobody caught, may
quote the value that broke something: of that only kind and place are told.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import traceback
import warnings
from asyncio import AbstractEventLoop
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, TextIO

from plaudit.errors import PlauditError

LOGGER: Final = logging.getLogger("plaudit.service")
WITHHELD: Final = "(withheld: it may quote a text)"
_OURS: Final = ("plaudit", "uvicorn")
_PLAIN = re.compile(r"[\w .,;!-]*")


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON; `extra={"fields": {...}}` adds members."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its line end."""
        is_ours = record.name.partition(".")[0] in _OURS
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage() if is_ours else _template(record),
            **({} if is_ours else {"where": [f"{record.pathname}:{record.lineno} {record.funcName}"]}),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line |= _describe(record.exc_info[1])
        return json.dumps(line)


def _template(record: logging.LogRecord) -> str:
    """Return what the program says; its values, or where they are in it already all of it, are left out."""
    return record.msg if record.args and isinstance(record.msg, str) else WITHHELD


def _describe(error: BaseException) -> dict[str, Any]:
    if isinstance(error, PlauditError):
        return {"error": type(error).__name__, "reason": str(error)}
    # The message of somebody else's exception may quote the value that broke it: only kind and place.
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return {"error": type(error).__name__, "where": where}


def configure(level: str) -> None:
    """Send all that is logged, warned of or not caught to stderr as JSON; calling again changes the level.

    Args:
        level: Least one that Plaudit and its web server log; of others at least warnings.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root, least = logging.getLogger(), logging.getLevelNamesMapping()[level.upper()]
    root.handlers = [handler]
    root.setLevel(max(least, logging.WARNING))
    for name in _OURS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
        logger.setLevel(least)
    warnings.showwarning = _on_warning
    threading.excepthook = _on_thread
    sys.excepthook = _on_end


def on_event_loop(_loop: AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what failed on an event loop and nobody took: its `set_exception_handler` takes this."""
    # "Exception in callback read(b'...')": what is plain comes first.
    found = _PLAIN.match(str(context.get("message", "")))
    message = found[0].strip() if found and found[0].strip() else "a fault"
    LOGGER.error("on the event loop: %s", message, exc_info=context.get("exception"))


def _on_warning(
    message: Warning | str,  # noqa: ARG001 - it may quote a text
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 - as `warnings.showwarning` is called
    line: str | None = None,  # noqa: ARG001
) -> None:
    fields = {"warning": category.__name__, "where": [f"{filename}:{lineno}"]}
    LOGGER.warning("a library warns", extra={"fields": fields})


def _on_thread(fault: threading.ExceptHookArgs) -> None:
    if fault.exc_type is not SystemExit:  # which is how a thread may end itself
        name = fault.thread.name if fault.thread else "unknown"
        LOGGER.error("a thread broke", exc_info=fault.exc_value, extra={"fields": {"thread": name}})


def _on_end(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    LOGGER.critical("the process broke", exc_info=error)
