"""The service on Ray Serve: `serve run plaudit.service.ray_serve:app`.

Each replica is the whole service in one process, with a model of its own on one core; settings are the same
PLAUDIT_* variables, there on every machine. Replicas share nothing: quotas need PLAUDIT_QUOTA_STORAGE, and
dumps PLAUDIT_DATABASE_URL and one folder for PLAUDIT_DATA_DIR. How many there are, and when more, is set as
Ray Serve sets it: `serve build`, then `serve deploy`.
"""

from __future__ import annotations

from fastapi import FastAPI
from ray import serve

from plaudit.errors import PlauditError
from plaudit.service.app import create_app
from plaudit.service.settings import load_settings

_made: list[FastAPI] = []


def application() -> FastAPI:
    """Return the service of one replica."""
    _made.append(create_app(load_settings(threads=1)))
    return _made[-1]


def check() -> None:
    """See whether this process can answer, now or soon.

    Raises:
        PlauditError: The model can't be loaded.
    """
    for each in _made:
        if each.state.engine.failure:
            raise PlauditError(f"The model can't be loaded: {each.state.engine.failure}")


class Replica:
    """One process that answers."""

    def check_health(self) -> None:
        """Let Serve replace a replica whose model can't be loaded.

        Raises:
            PlauditError: So it is.
        """
        check()


deployment = serve.deployment(
    name="Plaudit",
    num_replicas=2,
    max_ongoing_requests=64,  # Serve's own 5 would starve the batches that requests share
    ray_actor_options={"num_cpus": 1},
    health_check_period_s=10,
    graceful_shutdown_timeout_s=30,
)(serve.ingress(application)(Replica))
app = deployment.bind()
