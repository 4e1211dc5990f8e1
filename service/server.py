"""One serving process: uvicorn, told how to stop so that everybody accepted is answered."""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI

from plaudit.pipeline import Pipeline
from plaudit.service.app import create_app
from plaudit.service.connection import PatientProtocol, protocol, shut
from plaudit.service.hosts import restricted
from plaudit.service.logs import on_event_loop
from plaudit.service.settings import Settings

LOGGER: Final = logging.getLogger("plaudit.service")
_LAST_LOOK_SECONDS: Final = 1.0  # callers who keep their connection send again within that, if at all
_TURN_SECONDS: Final = 0.0005
_TICKS: Final = 10  # of a tenth of a second
_SURE: Final = 5  # looks: a process that was halted finds its batches old, and ends them in no time


class Server(uvicorn.Server):
    """Stops in steps: readiness off, notice, no new connections, what came last begun, all answered."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        app: FastAPI,
        notice_seconds: float,
        is_last: Callable[[], bool] = lambda: True,
    ) -> None:
        """Prepare.

        Args:
            config: As uvicorn wants it.
            app: What is served.
            notice_seconds: Time between SIGTERM and the end of accepting.
            is_last: Tells whether no other process goes on to accept from the same socket.
        """
        super().__init__(config)
        self._app, self._notice_seconds, self._is_last = app, notice_seconds, is_last
        self._notice: asyncio.TimerHandle | None = None
        self._n_hung = 0

    def _say_goodbye(self) -> None:
        # Whoever keeps a connection would else send the next request into its closing.
        goodbye = (b"connection", b"close")
        if goodbye not in self.config.encoded_headers:
            self.config.encoded_headers.append(goodbye)
            self.server_state.default_headers = [*self.server_state.default_headers, goodbye]
        for connection in list(self.server_state.connections):
            if isinstance(connection, PatientProtocol):
                connection.say_goodbye()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Tell that it ends; Ctrl-C, and a second signal, leave out the notice."""
        engine = self._app.state.engine
        has_notice = sig == signal.SIGTERM and self._notice_seconds and not engine.is_draining
        engine.is_draining = True
        if not has_notice:
            super().handle_exit(sig, frame)
            self._captured_signals.clear()  # it ends as it was told, which is no death by a signal

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept."""
        asyncio.get_running_loop().set_exception_handler(on_event_loop)
        await super().startup(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Look whether the notice is over, or the model hangs."""
        if counter % _TICKS == 0 and multiprocessing.parent_process() is not None:
            self._end_where_hung()
        if self._app.state.engine.is_draining and self._notice is None:
            self._say_goodbye()
            self._app.state.engine.stopping.set()
            loop = asyncio.get_running_loop()
            self._notice = loop.call_later(self._notice_seconds, setattr, self, "should_exit", True)
        return await super().on_tick(counter)

    def _end_where_hung(self) -> None:
        """End: another process is started then. Who asks several whether they live finds one, not each."""
        engine = self._app.state.engine
        self._n_hung = self._n_hung + 1 if engine.is_hung else 0
        if self._n_hung == _SURE:
            LOGGER.error("the model hangs: this worker process ends")
            engine.is_draining = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the door, look once more who came in, and answer."""
        self._say_goodbye()
        # Who has connected is let in, and who was answered before the goodbye may send once more. Whether
        # others end too is looked at again: a manager may tell them before their parent.
        for _ in range(2):
            if self._is_last():
                for listener in sockets or []:
                    shut(listener)
            await asyncio.sleep(_LAST_LOOK_SECONDS / 2)
        for server in self.servers:
            server.close()
        await super().shutdown(sockets)


def settle() -> None:
    """Let the garbage collector pass over what is there now.

    What is loaded stays until the end; looking through it took 0.1 s each time many connections had come.
    """
    gc.collect()
    gc.freeze()


def run(
    settings: Settings,
    listener: socket.socket,
    is_last: Callable[[], bool] = lambda: True,
    *,
    load: Callable[[], Pipeline] | None = None,
) -> None:
    """Serve until told to stop.

    Args:
        settings: How.
        listener: Accepts connections.
        is_last: Tells whether no other process goes on to accept from it; asked at the end.
        load: Makes the pipeline; None loads the model that the settings name.

    Raises:
        ArtifactError: The model can't be loaded.
    """
    # The event loop asks for the interpreter's lock again after every system call, and would wait 5 ms each
    # time for a thread that prepares a batch.
    sys.setswitchinterval(_TURN_SECONDS)
    app = create_app(restricted(settings), load=load)
    config = uvicorn.Config(
        app,
        http=protocol(
            head_seconds=settings.body_seconds,
            doorkeeper=app.state.doorkeeper,
            unreadable=app.state.unreadable,
        ),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.drain_seconds,
    )
    server = Server(config, app=app, notice_seconds=settings.drain_notice_seconds, is_last=is_last)
    app.state.engine.on_loaded = settle
    app.state.engine.on_failure = lambda: setattr(server, "should_exit", True)
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
    if app.state.engine.failure:
        raise app.state.engine.failure
