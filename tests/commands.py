"""Running the command line: in this process with a fake pipeline, or as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

import pytest
from typer.testing import CliRunner, Result

from plaudit.pipeline import Pipeline
from plaudit.service.cli import app
from tests.fakes import fake_pipeline

_ROOT = Path(__file__).parent.parent
_WITH_FAKE = """
import plaudit.pipeline as p
from tests.fakes import fake_pipeline
p.Pipeline.load = staticmethod(lambda path=None, **_: fake_pipeline())
from plaudit.service.cli import main
main()
"""


class Run(Protocol):
    """Runs `plaudit ARGUMENTS`."""

    def __call__(self, *arguments: object, stdin: str | bytes | None = None) -> Result: ...


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(Pipeline, "load", staticmethod(lambda path=None, **_: fake_pipeline()))
    return lambda *arguments, stdin=None: CliRunner().invoke(app, [str(a) for a in arguments], input=stdin)


def start(*arguments: object, **options: Any) -> subprocess.Popen[bytes]:
    """Start `plaudit ARGUMENTS` with the fake pipeline, all three streams piped."""
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, "-c", _WITH_FAKE, *map(str, arguments)]
    return subprocess.Popen(command, cwd=_ROOT, **(streams | options))
