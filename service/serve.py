"""The service as a process: a socket, signals, and the refusal to run without a model."""

from __future__ import annotations

import errno
import logging
import os
import resource
import socket
import time
from contextlib import suppress
from typing import Final

from plaudit.errors import UsageError
from plaudit.service import logs, processes, server
from plaudit.service.connection import watch
from plaudit.service.settings import Settings

LOGGER: Final = logging.getLogger("plaudit.service")
_PATIENCE_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 0.1
_MOST_FILES: Final = 65_536


def serve(settings: Settings) -> None:
    """Serve until told to stop; requests that run then are answered first.

    Raises:
        UsageError: The address can't be listened on.
        ArtifactError: The model can't be loaded.
    """
    logs.configure(settings.log_level)
    _allow_files()
    with _listen(settings) as listener:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        LOGGER.info("listening", extra={"fields": {"url": f"http://{host}:{listener.getsockname()[1]}/"}})
        if settings.workers > 1:
            processes.serve_many(settings, listener, work=server.run)
        else:
            server.run(settings, listener)


def _allow_files() -> None:
    """Take as many open files as the system gives: each connection is one, and a shell begins with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # the system may give fewer than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _listen(settings: Settings) -> socket.socket:
    try:
        listener = _bound(settings)
    except OSError as error:
        # Python adds the address to the reason; failed look-ups have a negative number and a good text.
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise UsageError(
            f"Can't listen on {settings.host} port {settings.port} ({reason}): "
            "choose another with --host and --port, or PLAUDIT_HOST and PLAUDIT_PORT."
        ) from None
    # asyncio does this only for sockets made with an explicit protocol; without it each answer takes 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    watch(listener)
    return listener


def _bound(settings: Settings) -> socket.socket:
    """Return a listening socket; a port that is taken may be left by who was killed a moment ago."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    end, is_told = time.monotonic() + _PATIENCE_SECONDS, False
    while True:
        try:
            return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > end:
                raise
        if not is_told:
            LOGGER.warning("the port is taken: waiting a few seconds for who may be leaving it")
            is_told = True
        time.sleep(_PAUSE_SECONDS)
