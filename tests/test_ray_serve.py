"""The service as Ray Serve starts it in each replica."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from plaudit.errors import PlauditError
from plaudit.pipeline import Pipeline
from tests.fakes import fake_pipeline

pytest.importorskip("ray.serve", reason="Ray is not installed: pip install 'plaudit[cluster]'")


def test_a_replica_is_the_whole_service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from plaudit.service import ray_serve

    monkeypatch.setenv("PLAUDIT_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(Pipeline, "load", lambda *_, **__: fake_pipeline())
    monkeypatch.setattr(ray_serve, "_made", [])
    app = ray_serve.application()
    with TestClient(app) as client:
        ray_serve.check()
        answer = client.post("/v1/classify", json={"comments": [{"id": "1", "text": "why?"}]})
        while answer.status_code == 503:
            answer = client.post("/v1/classify", json={"comments": [{"id": "1", "text": "why?"}]})
        assert answer.json()["results"][0]["label"] == "question"
        app.state.engine.failure = OSError("gone")
        with pytest.raises(PlauditError, match="gone"):
            ray_serve.check()
    assert ray_serve.app is not None
