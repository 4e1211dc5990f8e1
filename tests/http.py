"""The service as tests use it: in this process, with the fake pipeline, ready to answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi.testclient import TestClient

from plaudit.pipeline import Pipeline
from plaudit.service.app import create_app
from plaudit.service.settings import Settings
from tests.fakes import fake_pipeline

JSON = {"Content-Type": "application/json"}


@contextmanager
def starting(load: Callable[[], Pipeline] = fake_pipeline, **settings: Any) -> Iterator[TestClient]:
    """A client of a service that has just been started."""
    with TestClient(create_app(Settings(**settings), load=load)) as client:
        yield client


@contextmanager
def serving(load: Callable[[], Pipeline] = fake_pipeline, **settings: Any) -> Iterator[TestClient]:
    """A client of a service that is ready."""
    with starting(load, **settings) as client:
        assert wait_for(client, "/health/ready", 200)
        yield client


def wait_for(client: Any, path: str, status: int, *, seconds: float = 20) -> bool:
    """Ask until the status comes; False where it does not in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if client.get(path).status_code == status:
            return True
        time.sleep(0.01)
    return False
