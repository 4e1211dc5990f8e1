"""The files that put the service into containers, checked without a container engine."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from plaudit.service.app import create_app
from plaudit.service.settings import Settings
from tests.fakes import fake_pipeline

yaml = pytest.importorskip("yaml", reason="no PyYAML: pip install '.[dev]'")

ROOT = Path(__file__).parent.parent
KUBERNETES = ROOT / "examples" / "deploy" / "kubernetes.yaml"


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, continued lines joined, comments gone."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    whole = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in whole.splitlines())]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for name, rest in instructions():
        if name == "FROM":
            found.append([])
        if found:
            found[-1].append((name, rest))
    return found


def of(name: str, stage: list[tuple[str, str]]) -> list[str]:
    return [rest for each, rest in stage if each == name]


def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))


def objects() -> dict[str, Any]:
    found = list(yaml.safe_load_all(KUBERNETES.read_text("utf-8")))
    return {each["kind"]: each for each in found}


def pod() -> dict[str, Any]:
    return objects()["Deployment"]["spec"]["template"]["spec"]


def health_command() -> list[str]:
    (check,) = of("HEALTHCHECK", stages()[-1])
    return json.loads(check.partition("CMD ")[2])


def test_the_image_is_built_in_stages_on_a_pinned_slim_base():
    (base,) = [rest for name, rest in instructions() if name == "ARG"]
    assert re.fullmatch(r"BASE=python:3\.\d+-slim-[a-z]+(@sha256:[0-9a-f]{64})?", base)
    assert [of("FROM", stage)[0] for stage in stages()] == ["${BASE} AS build", "${BASE}"]
    version = tuple(map(int, re.findall(r"3\.(\d+)", base)))
    lowest = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["requires-python"]
    assert version >= (int(lowest.rpartition(".")[2]),)


def test_the_image_runs_as_nobody_special():
    final = stages()[-1]
    (user,) = of("USER", final)
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    after = final[[name for name, _ in final].index("USER") :]
    assert not {"RUN", "COPY"} & {name for name, _ in after}  # nothing is root's work after it
    assert f"runAsUser: {user.partition(':')[0]}" in KUBERNETES.read_text("utf-8")


def test_nothing_comes_from_an_address_or_stays_in_a_layer():
    names = [name for name, _ in instructions()]
    assert "ADD" not in names
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert not re.search(r"https?://(?!127\.0\.0\.1)", text)
    assert not re.search(r"(?i)password|secret|token|api_key", text)
    assert all("--no-cache-dir" in rest for name, rest in instructions() if "pip install" in rest)
    assert not any("train" in extra for extra in re.findall(r"\.\[([^\]]+)\]", text))


def test_the_image_tells_how_it_is_and_stops_when_told():
    final = stages()[-1]
    command = health_command()
    assert command[:2] == ["python", "-c"]
    assert "/health/ready" in command[2]
    compile(command[2], "healthcheck", "exec")
    assert json.loads(of("ENTRYPOINT", final)[0]) + json.loads(of("CMD", final)[0]) == ["plaudit", "serve"]
    assert of("STOPSIGNAL", final) == ["SIGTERM"]


def test_what_is_copied_is_there_and_let_through():
    allowed = (ROOT / ".dockerignore").read_text("utf-8").split()
    (build, final) = stages()
    copied = [source for rest in of("COPY", build) for source in rest.split()[:-1]]
    for source in copied:
        assert (ROOT / source).exists()
        assert f"!{source}" in allowed
    assert {line[1:] for line in allowed if line.startswith("!")} == set(copied)
    assert "*" in allowed
    folders = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["package-dir"]
    assert {f"{folder}/" for folder in folders.values()} <= set(copied)
    assert of("COPY", final) == ["--from=build /opt/plaudit /opt/plaudit"]


def test_what_is_installed_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (install,) = [rest for name, rest in instructions() if "pip install" in rest]
    for extra in re.search(r"\.\[([^\]]+)\]", install)[1].split(","):
        assert extra in project["optional-dependencies"]


def environments() -> dict[str, dict[str, str]]:
    (env,) = of("ENV", stages()[-1])
    services = compose()["services"]
    (container,) = pod()["containers"]
    return {
        "Dockerfile": dict(part.split("=", 1) for part in shlex.split(env)),
        "compose.yaml": services["plaudit"]["environment"],
        "kubernetes.yaml": {each["name"]: each.get("value", "") for each in container["env"]},
    }


@pytest.mark.parametrize("where", ["Dockerfile", "compose.yaml", "kubernetes.yaml"])
def test_the_settings_that_are_set_are_settings(where):
    given = {name: value for name, value in environments()[where].items() if name.startswith("PLAUDIT_")}
    fields = {name.removeprefix("PLAUDIT_").lower(): value for name, value in given.items()}
    assert set(fields) <= set(Settings.model_fields)
    plain = {name: value for name, value in fields.items() if value and "$" not in value}
    Settings(**plain)  # raises where a value makes no sense


NEEDING = {
    "PLAUDIT_DATABASE_URL": ("postgres", "psycopg", "postgresql://plaudit:word@db:5432/plaudit"),
    "PLAUDIT_QUOTA_STORAGE": ("redis", "coredis", "redis://:word@db:6379"),
    "PLAUDIT_TRACES": ("otel", "opentelemetry.exporter.otlp.proto.http", "true"),
}
"""Settings that need an extra: which, a module that it brings, a value that does need it."""


def named() -> set[str]:
    """The settings that the deployment files and the README's table speak of, in comments too."""
    files = (ROOT / "Dockerfile", ROOT / "compose.yaml", KUBERNETES, ROOT / "README.md")
    return {name for file in files for name in re.findall(r"PLAUDIT_[A-Z_]+", file.read_text("utf-8"))}


def test_the_settings_that_are_named_are_settings():
    assert {name.removeprefix("PLAUDIT_").lower() for name in named()} <= set(Settings.model_fields)
    assert set(NEEDING) <= named()


def test_the_image_has_what_the_settings_need_that_are_named():
    (install,) = [rest for name, rest in instructions() if "pip install" in rest]
    extras = re.search(r"\.\[([^\]]+)\]", install)[1].split(",")
    assert {NEEDING[name][0] for name in NEEDING} <= set(extras)


@pytest.mark.parametrize("name", NEEDING)
def test_a_service_starts_with_a_setting_that_needs_an_extra(name, tmp_path):
    extra, module, value = NEEDING[name]
    try:
        found = find_spec(module)
    except ModuleNotFoundError:
        found = None
    if not found:
        pytest.skip(f"no {module}: pip install '.[{extra}]'")
    given = {name.removeprefix("PLAUDIT_").lower(): value, "data_dir": tmp_path}
    app = create_app(Settings(**given), load=fake_pipeline)
    if app.state.tracer:
        app.state.tracer.close()


def test_compose_keeps_its_secrets_outside_and_the_service_in_bounds():
    services = compose()["services"]
    text = (ROOT / "compose.yaml").read_text("utf-8")
    assert text.count("${POSTGRES_PASSWORD:?") == 2  # it refuses to start without
    assert services["db"]["environment"]["POSTGRES_PASSWORD"].startswith("${")
    assert re.fullmatch(r"postgres:\d+(\.\d+)?-[a-z]+", services["db"]["image"])
    assert "ports" not in services["db"]
    service = services["plaudit"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert any(each.startswith("/tmp") for each in service["tmpfs"])
    assert service["depends_on"]["db"]["condition"] == "service_healthy"
    assert services["db"]["healthcheck"]["test"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert int(service["stop_grace_period"].rstrip("s")) > Settings().drain_seconds
    mounted = [volume.partition(":")[0] for each in services.values() for volume in each["volumes"]]
    assert set(mounted) == set(compose()["volumes"])


def test_the_pod_can_do_no_more_than_it_must():
    assert pod()["enableServiceLinks"] is False
    assert pod()["automountServiceAccountToken"] is False
    assert pod()["securityContext"]["runAsNonRoot"] is True
    (container,) = pod()["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(container["resources"]) == {"requests", "limits"}
    mounts = {each["name"] for each in container["volumeMounts"]}
    assert mounts == {each["name"] for each in pod()["volumes"]}
    assert "/tmp" in {each["mountPath"] for each in container["volumeMounts"]}  # the root cannot be written


def test_the_pod_is_probed_and_drained():
    (container,) = pod()["containers"]
    paths = {name: container[name]["httpGet"]["path"] for name in container if name.endswith("Probe")}
    assert paths == {
        "startupProbe": "/health/ready",
        "readinessProbe": "/health/ready",
        "livenessProbe": "/health/live",
    }
    env = environments()["kubernetes.yaml"]
    sleep = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod()["terminationGracePeriodSeconds"] > sleep + int(env["PLAUDIT_DRAIN_SECONDS"])


def test_service_deployment_and_claim_mean_each_other():
    found = objects()
    deployment, service = found["Deployment"]["spec"], found["Service"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == labels == service["selector"]
    (container,) = pod()["containers"]
    assert service["ports"][0]["targetPort"] in {port["name"] for port in container["ports"]}
    volumes = [each["persistentVolumeClaim"] for each in pod()["volumes"] if "persistentVolumeClaim" in each]
    claims = [each["claimName"] for each in volumes]
    assert claims == [found["PersistentVolumeClaim"]["metadata"]["name"]]
    assert "Secret" not in found


@pytest.mark.skipif(
    not os.environ.get("PLAUDIT_TEST_DEPLOY"), reason="takes minutes: set PLAUDIT_TEST_DEPLOY=1 to run it"
)
def test_the_steps_of_the_build_work_in_a_clean_environment(tmp_path):
    """Follow the build stage with /opt/plaudit and /src in a folder of ours, then serve as the image does."""
    source, target = tmp_path / "src", tmp_path / "opt"
    source.mkdir()
    build, final = stages()
    for rest in of("COPY", build):
        *names, _ = rest.split()
        for name in names:
            _copy(ROOT / name, source / name)
    kept = {name: value for name, value in os.environ.items() if _is_of_the_network(name)}
    environment = {**kept, "PATH": f"{target}/bin:{os.environ['PATH']}", "HOME": str(tmp_path)}
    for rest in of("RUN", build):
        command = rest.replace("/opt/plaudit", str(target)).replace(
            "python -m venv", f"{sys.executable} -m venv"
        )
        subprocess.run(["bash", "-euc", command], cwd=source, env=environment, check=True, timeout=1200)
    given = dict(part.split("=", 1) for part in shlex.split(of("ENV", final)[0]))
    own = {"PLAUDIT_HOST": "127.0.0.1", "PLAUDIT_PORT": "18733", "PLAUDIT_DATA_DIR": str(tmp_path / "data")}
    environment |= {name: value for name, value in given.items() if name != "PATH"} | own
    server = subprocess.Popen(["plaudit", "serve"], cwd=tmp_path, env=environment)
    try:
        end = time.monotonic() + 120
        while subprocess.run(health_command(), env=environment, capture_output=True).returncode:
            assert server.poll() is None
            assert time.monotonic() < end
            time.sleep(1)
    finally:
        server.terminate()
        assert server.wait(60) == 0


def _is_of_the_network(name: str) -> bool:
    return name.startswith(("PIP_", "SSL_CERT_")) or name.lower().endswith("_proxy")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    else:
        shutil.copy2(source, target)
