"""The house's own rules, checked."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for folder in ("nlp", "service", "training") for path in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_longer_than_a_room(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 350


def test_functions_stay_short() -> None:
    lengths = [
        node.end_lineno - node.lineno + 1
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    ]
    assert sum(length <= 40 for length in lengths) / len(lengths) >= 0.95


def test_modules_are_named_for_what_they_are() -> None:
    vague = {"utils", "helpers", "common", "manager", "base", "core", "misc"}
    assert not {path.stem for path in SOURCES} & vague


def test_every_module_says_what_it_is_for() -> None:
    silent = [path.name for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]
    assert silent == []


def test_a_base_import_loads_no_heavy_library() -> None:
    code = (
        "import sys, plaudit.pipeline, plaudit.readers, plaudit.service.cli, plaudit.service.app;"
        "print(sorted({'torch', 'transformers', 'datasets', 'sklearn', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


ON_A_DEVICE = {"torch_network.py", "comment_network.py"}
"""What a GPU is driven by: loaded where one is asked for."""


def test_only_training_and_what_drives_a_gpu_name_torch() -> None:
    naming = {
        path.name
        for path in SOURCES
        if "training" not in path.parts
        and re.search(r"^\s*(import|from) torch", path.read_text("utf-8"), re.M)
    }
    assert naming == ON_A_DEVICE


def test_models_stay_within_their_budget() -> None:
    n_bytes = sum(path.stat().st_size for path in (ROOT / "models").rglob("*") if path.is_file())
    assert n_bytes <= 40_000_000


def test_the_import_contracts_hold_for_every_module_and_for_new_ones(tmp_path: Path) -> None:
    if not shutil.which("lint-imports", path=Path(sys.executable).parent):
        pytest.skip("no import-linter: pip install '.[dev]'")
    place = tmp_path / "plaudit"
    shutil.copytree(ROOT / "nlp", place)
    for name in ("service", "training"):
        shutil.copytree(ROOT / name, place / name)
    (place / "models").mkdir()
    shutil.copy(ROOT / "models/__init__.py", place / "models")
    wrong = {
        "udf.py": "import fastapi",
        "frames.py": "import torch",
        "library.py": "from plaudit import comment_network",
        "newthing.py": "from plaudit import pipeline",
        "report/newthing.py": "from plaudit.report import html",
    }
    for name, line in wrong.items():
        with (place / name).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    command = [
        Path(sys.executable).parent / "lint-imports",
        "--no-cache",
        "--config",
        ROOT / "pyproject.toml",
    ]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "COLUMNS": "200"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    broken = re.findall(r"^(.*) BROKEN", done.stdout, re.M)
    assert broken == [
        "Inside the library imports run one way",
        "Inside the report imports run one way",
        "Only training knows torch, and what a device is asked of",
        "One module asks for a device, where one is given",
        "Only the service knows the web",
    ]
