from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

from typer.testing import CliRunner

from plaudit import artifact
from plaudit.training.cli import app
from tests.tiny import EXAMPLE, encoder, knobs, needs_torch

needs_torch()

__all__ = ["encoder"]


def test_a_run_that_was_killed_goes_on_to_the_same_model(encoder: Path, tmp_path: Path) -> None:
    settings = [part for each in knobs(encoder, "train.epochs=4") for part in ("--set", each)]
    common = ["build", str(EXAMPLE), "--name", "tiny", "--threads", "1", *settings]
    whole, killed, work = tmp_path / "whole", tmp_path / "killed", tmp_path / "work"
    assert CliRunner().invoke(app, [*common, "--models", str(whole)]).exit_code == 0
    code = "from plaudit.training.cli import main; main()"
    arguments = [sys.executable, "-c", code, *common, "--models", str(killed), "--work", str(work)]
    with subprocess.Popen(arguments, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        while not (work / "checkpoint.pt").exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert (work / "checkpoint.pt").exists()
    assert not list(killed.glob("tiny-*"))
    result = CliRunner().invoke(app, [*common, "--models", str(killed), "--work", str(work)])
    assert result.exit_code == 0, result.output
    assert [each.name for each in killed.glob("tiny-*")] == [each.name for each in whole.glob("tiny-*")]
    assert not (work / "checkpoint.pt").exists()
    assert not (killed / artifact.CURRENT).exists()
