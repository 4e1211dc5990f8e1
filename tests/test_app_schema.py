"""The service, as `plaudit serve` runs it, against its own OpenAPI document: with requests nobody thought of.

By hand, and for longer: PLAUDIT_SCHEMA_EXAMPLES=200 pytest tests/test_app_schema.py
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from plaudit.pipeline import Pipeline
from plaudit.service.keys import generate
from tests.fakes import fake_pipeline
from tests.live import living

if find_spec("schemathesis") is None:
    pytest.skip("schemathesis comes with plaudit[dev]", allow_module_level=True)

HERE = Path(__file__).parent
KEY, HASH = generate("audit")
N_EXAMPLES = os.environ.get("PLAUDIT_SCHEMA_EXAMPLES", "5")


@contextmanager
def listening(load, **settings) -> Iterator[str]:
    """The address of a service on a port of this machine."""
    pipeline = load()
    with living(lambda: pipeline, perspective=True, dump_workers=1, **settings) as live:
        # Without keys the door that stands before all middleware is there too.
        assert (live.app.state.doorkeeper is None) == ("api_keys" in settings)
        yield live.url


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
