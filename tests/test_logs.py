"""What stands in the log where something breaks: JSON lines, and nothing that may be a text."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PREPARED = """
import asyncio, gc, logging, socket, threading, warnings
from types import SimpleNamespace
from plaudit.service import logs
logs.configure("info")
"""
A_LIBRARY = """
try:
    raise ValueError("secret-text")
except ValueError:
    logging.getLogger("sqlalchemy.pool").exception("the row secret-text is bad")
logging.getLogger("opentelemetry.sdk").error("not sent: %s", "secret-text")
logging.getLogger("opentelemetry.sdk").info("secret-text")
"""
A_WARNING = """
warnings.warn("secret-text is odd", UserWarning)
"""
A_THREAD = """
def work():
    raise ValueError("secret-text")
thread = threading.Thread(target=work, name="dumps-0")
thread.start()
thread.join()
"""
AN_EVENT_LOOP = """
import uvicorn
from plaudit.service.server import Server

async def lost():
    raise ValueError("secret-text")

def fail(text):
    raise ValueError(text)

async def main():
    app = SimpleNamespace(state=SimpleNamespace(engine=SimpleNamespace(is_draining=False)))
    config = uvicorn.Config(app, lifespan="off", log_config=None)
    server = Server(config, app=app, notice_seconds=0)
    serving = asyncio.create_task(server.serve([socket.create_server(("127.0.0.1", 0))]))
    while not server.started:
        await asyncio.sleep(0.01)
    asyncio.get_running_loop().call_soon(fail, "secret-text")
    task = asyncio.create_task(lost())
    await asyncio.sleep(0.01)
    del task
    gc.collect()
    await asyncio.sleep(0.01)
    server.should_exit = True
    await serving
asyncio.run(main())
"""
THE_END = """
raise ValueError("secret-text")
"""


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            A_LIBRARY,
            [
                {
                    "logger": "sqlalchemy.pool",
                    "message": "(withheld: it may quote a text)",
                    "error": "ValueError",
                },
                {"logger": "opentelemetry.sdk", "message": "not sent: %s"},
            ],
        ),
        (A_WARNING, [{"message": "a library warns", "warning": "UserWarning"}]),
        (A_THREAD, [{"message": "a thread broke", "thread": "dumps-0", "error": "ValueError"}]),
        (
            AN_EVENT_LOOP,
            [
                {"message": "on the event loop: Exception in callback fail", "error": "ValueError"},
                {"message": "on the event loop: Task exception was never retrieved", "error": "ValueError"},
            ],
        ),
        (THE_END, [{"message": "the process broke", "level": "critical", "error": "ValueError"}]),
    ],
    ids=["library", "warning", "thread", "event-loop", "end"],
)
def test_what_breaks_anywhere_is_json_without_the_value_that_broke_it(code, expected):
    done = subprocess.run([sys.executable, "-c", PREPARED + code], capture_output=True, text=True)
    assert "secret" not in done.stdout + done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    told = [line for line in lines if line["logger"] != "uvicorn.error"]
    assert [
        {name: line.get(name) for name in each} for line, each in zip(told, expected, strict=True)
    ] == expected
    assert all(line["where"] for line in told)
