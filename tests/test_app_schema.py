"""The service against its own OpenAPI document, with requests that nobody thought of.

By hand, and for longer: PLAUDIT_SCHEMA_EXAMPLES=200 pytest tests/test_app_schema.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
import uvicorn

from plaudit.pipeline import Pipeline
from plaudit.service.app import create_app
from plaudit.service.keys import generate
from plaudit.service.settings import Settings
from tests.fakes import fake_pipeline
from tests.http import wait_for

if find_spec("schemathesis") is None:
    pytest.skip("schemathesis comes with plaudit[dev]", allow_module_level=True)

HERE = Path(__file__).parent
KEY, HASH = generate("audit")
N_EXAMPLES = os.environ.get("PLAUDIT_SCHEMA_EXAMPLES", "5")


@contextmanager
def listening(load, **settings) -> Iterator[str]:
    """The address of a service on a port of this machine."""
    app = create_app(Settings(perspective=True, body_seconds=5, **settings), load=load)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    host, port = server.servers[0].sockets[0].getsockname()
    try:
        with httpx.Client(base_url=f"http://{host}:{port}") as client:
            assert wait_for(client, "/health/ready", 200, seconds=60)
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


def check(address: str, folder: Path, *options: str) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml")]
    command += ["run", f"{address}/openapi.json", "--seed=1", "--checks=all", f"--max-examples={N_EXAMPLES}"]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.schemathesis_hooks"}
    environment["PYTHONPATH"] = str(HERE.parent)
    # In a folder of its own: it leaves files behind where it runs.
    done = subprocess.run(
        [*command, "--no-color", *options], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def test_every_operation_keeps_to_the_document(tmp_path):
    with listening(fake_pipeline, data_dir=tmp_path / "data") as address:
        check(address, tmp_path)


def test_so_it_does_where_keys_are_asked_for(tmp_path):
    with listening(fake_pipeline, data_dir=tmp_path / "data", api_keys=str(HASH)) as address:
        # It sends a key in each way that the document names, and two different ones are refused.
        keys = (f"--header=Authorization: Bearer {KEY}", f"--header=X-API-Key: {KEY}")
        check(address, tmp_path, *keys, "--phases=coverage")


@pytest.mark.skipif(
    "PLAUDIT_SCHEMA_EXAMPLES" not in os.environ, reason="takes a minute: set it to ask for it"
)
def test_so_does_the_real_model(tmp_path):
    with listening(Pipeline.load, data_dir=tmp_path / "data") as address:
        check(address, tmp_path)
