"""Connections at the end of a service: who is in is answered, who is not finds the door closed."""

from __future__ import annotations

import asyncio
import re
import socket
import sys
import threading
import time
import tomllib
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from plaudit.service.connection import PatientProtocol, check, protocol, shut
from tests.live import living
from tests.test_callers import ONE, paced

ROOT = Path(__file__).parent.parent
GET = b"GET / HTTP/1.1\r\nHost: t\r\n\r\n"


def test_a_uvicorn_whose_protocol_lacks_what_is_overridden_is_refused():
    overridden = {name for name in vars(PatientProtocol) if hasattr(HttpToolsProtocol, name)} - {
        *vars(object)
    }
    methods = {name: None for name in overridden if callable(getattr(HttpToolsProtocol, name))}
    check(type("HttpToolsProtocol", (), methods))
    for name in methods:
        kept = dict.fromkeys(methods.keys() - {name})
        with pytest.raises(ImportError, match=rf"HttpToolsProtocol has no {name}, .* pip install 'uvicorn>="):
            check(type("HttpToolsProtocol", (), kept))


def test_the_uvicorn_it_asks_for_is_the_one_that_is_declared():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    (wanted,) = [each for each in declared if each.startswith("uvicorn")]
    with pytest.raises(ImportError, match=re.escape(f"pip install '{wanted}'")):
        check(object)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be told to overlook who knocks")
def test_a_shut_door_lets_in_who_has_connected_and_nobody_else():
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        inside = [socket.create_connection(listener.getsockname()) for _ in range(5)]
        for each in inside:
            each.sendall(b"hello")
        shut(listener)
        late = socket.socket()
        late.settimeout(0.3)
        with pytest.raises(TimeoutError):
            late.connect(listener.getsockname())
        late.close()
        for each in inside:
            accepted, _ = listener.accept()
            assert accepted.recv(5) == b"hello"
            accepted.sendall(b"welcome")
            assert each.recv(7) == b"welcome"
            each.sendall(b"more")  # its segments still pass
            assert accepted.recv(4) == b"more"
            accepted.close()
            each.close()


async def _answer(scope, receive, send):
    await asyncio.sleep(0.05)
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]},
    )
    await send({"type": "http.response.body", "body": b"done"})


@asynccontextmanager
async def connected():
    """A connection of ours, from both its ends: the protocol, and the caller's socket."""
    config = uvicorn.Config(_answer, http=protocol(head_seconds=5), log_config=None, lifespan="off")
    config.load()
    state, loop = uvicorn.server.ServerState(), asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: config.http_protocol_class(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    caller = socket.create_connection(server.sockets[0].getsockname())
    while not state.connections:
        await asyncio.sleep(0.001)
    (ours,) = state.connections
    try:
        yield ours, caller
    finally:
        caller.close()
        server.close()


async def _read_to_the_end(caller: socket.socket, content: bytes = b"") -> bytes:
    caller.setblocking(False)
    loop = asyncio.get_running_loop()
    while got := await asyncio.wait_for(loop.sock_recv(caller, 65536), 10):
        content += got
    return content


def test_an_idle_connection_is_closed():
    async def run():
        async with connected() as (ours, caller):
            ours.shutdown()
            assert await _read_to_the_end(caller) == b""

    asyncio.run(run())


@pytest.mark.parametrize("n_bytes", [len(GET), 10])
def test_a_request_that_has_arrived_is_answered_though_nobody_has_read_it(n_bytes):
    async def run():
        async with connected() as (ours, caller):
            caller.sendall(GET[:n_bytes])
            ours.shutdown()  # the event loop had no turn between the two
            await asyncio.sleep(0.01)
            caller.sendall(GET[n_bytes:])
            while ours.cycle is None:
                await asyncio.sleep(0.001)
            ours.shutdown()
            answer = await _read_to_the_end(caller)
            assert answer.endswith(b"done")
            assert b"connection: close" in answer

    asyncio.run(run())


def test_all_requests_of_a_pipeline_are_answered_and_the_last_answer_says_goodbye():
    async def run():
        async with connected() as (ours, caller):
            caller.sendall(GET)
            while ours.cycle is None:
                await asyncio.sleep(0.001)
            ours.say_goodbye()
            caller.sendall(GET)
            first = ours.cycle
            while ours.cycle is first:
                await asyncio.sleep(0.001)
            ours.say_goodbye()
            answers = await _read_to_the_end(caller)
            assert answers.count(b"done") == 2
            assert answers.count(b"connection: close") == 1
            assert b"connection: close" in answers.rpartition(b"HTTP/1.1")[2]

    asyncio.run(run())


def _answer_at_the_end(live) -> httpx.Response:
    """Ask, tell the service to end once it works on that, and return the answer."""
    answers = []

    def ask():
        answers.append(live.client.post("/v1/classify", json=ONE))

    asking = threading.Thread(target=ask)
    asking.start()
    while not live.value("plaudit_requests_running"):
        time.sleep(0.001)
    live.server.should_exit = True
    asking.join(20)
    return answers[0]


def test_who_waits_for_an_answer_at_the_end_is_told_with_it_not_to_send_again():
    with living(lambda: paced(0.4)) as live:
        answer = _answer_at_the_end(live)
    assert answer.status_code == 200
    assert answer.headers["connection"] == "close"


def test_who_waits_longer_than_the_end_lasts_is_told_so():
    with living(lambda: paced(2.5), drain_seconds=0) as live:
        answer = _answer_at_the_end(live)
    assert answer.json()["detail"] == "The service had to stop before the answer was there."
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.headers["connection"] == "close"
