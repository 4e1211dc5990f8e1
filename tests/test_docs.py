"""What the README says is so."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from plaudit import artifact
from plaudit.comment import GENERIC_COLUMNS
from plaudit.errors import ArtifactError
from plaudit.readers import FORMATS
from plaudit.service.metrics import Metrics
from tests.commands import Run, run

__all__ = ["run"]

ROOT = Path(__file__).parent.parent
_EXAMPLE = (ROOT / "service/static/example.ndjson").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [
    ROOT / "README.md",
    ROOT / ".github/CONTRIBUTING.md",
    ROOT / ".github/PERSPECTIVE.md",
    ROOT / ".github/CLUSTER.md",
    ROOT / "examples/README.md",
    ROOT / "models/README.md",
    ROOT / "nlp/readers/README.md",
]


def _has_model() -> bool:
    try:
        artifact.current()
    except ArtifactError:
        return False
    return True


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_map_names_what_is_there() -> None:
    house = re.search(r"## The house\n```\n(.*?)```", README, re.S)
    assert house is not None
    section, missing = "", []
    for line in house[1].splitlines():
        folder = re.match(r"(\w+)/ ", line)
        section = folder[1] if folder else section
        names = re.match(r"(  \S+(?:, \S+)*)", line)
        if folder and not (ROOT / section).is_dir():
            missing.append(section)
        for name in names[1].split(",") if names else ():
            if not (ROOT / section / name.strip()).exists():
                missing.append(name.strip())
    assert missing == []


def test_every_command_and_option_it_shows_exists() -> None:
    from plaudit.service.cli import app as plaudit
    from plaudit.training.cli import app as training

    apps = {"plaudit": plaudit, "plaudit-train": training}
    shown = re.findall(r"(?:^|[|/] ?|bin/)(plaudit(?:-train)?) (\w+)([^\n|#]*)", README, re.M)
    assert len(shown) >= 8
    for name, command, rest in shown:
        done = CliRunner().invoke(apps[name], [command, "--help"], env={"COLUMNS": "200"})
        assert done.exit_code == 0, f"{name} {command}"
        for option in re.findall(r"(?<=\s)--[\w-]+", rest):
            assert option in done.output, f"{name} {command} {option}"


def test_the_columns_it_lists_are_the_columns() -> None:
    listed = re.search(r"Columns of a comment: `([^`]+)`", README)
    assert listed is not None
    assert tuple(re.split(r",\s*", listed[1].replace("\n", " "))) == GENERIC_COLUMNS


def test_the_bodies_it_posts_are_json() -> None:
    bodies = [json.loads(body) for body in re.findall(r"-d '(\{[^']*\})'", README)]
    assert sum("comments" in body for body in bodies) >= 2


def test_the_settings_it_names_exist() -> None:
    from plaudit.service.settings import Settings

    named = set(re.findall(r"\bPLAUDIT_([A-Z_]*[A-Z])\b", README))
    assert len(named) >= 12
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_every_call_of_the_service_it_shows_works(tmp_path: Path) -> None:
    from tests.live import living

    if not shutil.which("curl"):
        pytest.skip("no curl: apt-get install curl")
    shown = re.search(r"<!-- the service, asked -->\n```bash\n(.*?)```", README, re.S)
    assert shown is not None
    for folder in ("examples", "service"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    with living(data_dir=tmp_path / "data", dump_workers=1, perspective=True) as live:
        script = shown[1].replace("curl -s", "curl -sSf").replace("localhost:8000", f"127.0.0.1:{live.port}")
        command, before = ["bash", "-euo", "pipefail", "-c", script], _answered(live.app.state.metrics)
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        documented = {
            (method.upper(), path)
            for path, operations in live.client.get("/openapi.json").json()["paths"].items()
            for method in operations
        }
        answered = _answered(live.app.state.metrics) - before
    assert done.returncode == 0, done.stderr
    assert '"label":"question"' in done.stdout
    assert '"authenticity"' in done.stdout
    assert done.stdout.count('"label":') > 20  # by the stream, which takes one comment a line
    assert re.search(rf'"scored": {len(_EXAMPLE.splitlines())}\b', done.stdout)  # the report of a stream
    assert "plaudit_requests_total" in done.stdout
    beside = {("GET", path) for path in ("/docs", "/metrics")}
    assert sorted((documented | beside) - set(answered)) == []


def _answered(metrics: Metrics) -> Counter[tuple[str, str]]:
    """Return how often each method and path was answered well."""
    (requests,) = [each for each in metrics.registry.collect() if each.name == "plaudit_requests"]
    found: Counter[tuple[str, str]] = Counter()
    for sample in requests.samples:
        if sample.name == "plaudit_requests_total" and sample.labels["status"].startswith("2"):
            found[sample.labels["method"], sample.labels["route"]] += int(sample.value)
    return found


def test_the_formats_command_lists_every_format() -> None:
    from plaudit.service.cli import app

    listed = CliRunner().invoke(app, ["formats"]).output
    assert [name for name in FORMATS if name not in listed] == []


def test_the_model_it_names_is_the_one_in_use() -> None:
    if not _has_model():
        pytest.skip("models/CURRENT is missing: no model is committed here")
    manifest = artifact.load(artifact.current()).manifest
    assert manifest.id in README
    assert all(f"{figures['macro_f1']['value']:.3f}" in README for figures in manifest.metrics.values())


@pytest.mark.parametrize("tool", ["duckdb", "python"])
def test_the_queries_of_the_table_run(run: Run, tmp_path: Path, tool: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    if not shutil.which(tool, path=path):
        pytest.skip(f"no {tool}: pip install duckdb-cli")
    shown = re.search(r"ready for DuckDB and polars:\n```bash\n(.*?)```", README, re.S)
    assert shown is not None
    (query,) = [line for line in shown[1].splitlines() if line.startswith(tool)]
    done = run("score", ROOT / "examples/ceramics_channel.ndjson", "--out", tmp_path / "report")
    assert done.exit_code == 0, done.output
    environment = {**os.environ, "PATH": path, "HOME": str(tmp_path)}  # no ~/.duckdbrc of anybody's
    answer = subprocess.run(
        ["bash", "-euc", query], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )
    assert answer.returncode == 0, answer.stderr
    told = {"duckdb": ("genuine", "generic_praise", "count"), "python": ("post_id", "question")}[tool]
    assert [name for name in told if name not in answer.stdout] == []


def test_the_library_example_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not _has_model():
        pytest.skip("models/CURRENT is missing: no model is committed here")
    block = re.search(r"### As a library\n```python\n(.*?)```", README, re.S)
    assert block is not None
    monkeypatch.chdir(ROOT)
    exec(compile(block[1], "README.md", "exec"), {})
    assert "question" in capsys.readouterr().out
