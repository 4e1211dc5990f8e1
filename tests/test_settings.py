from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from plaudit.errors import UsageError
from plaudit.service.cli import app
from plaudit.service.settings import Settings, load_settings

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"PLAUDIT_{name.upper()}", raising=False)


def test_defaults_listen_on_this_machine_only():
    settings = load_settings()
    assert (settings.host, settings.port, settings.model_path) == ("127.0.0.1", 8000, None)


def test_arguments_beat_the_environment_and_none_does_not(monkeypatch):
    monkeypatch.setenv("PLAUDIT_PORT", "8001")
    monkeypatch.setenv("PLAUDIT_MODEL_PATH", "/models/x")
    assert load_settings().port == 8001
    assert load_settings(port=8002).port == 8002
    assert load_settings(port=None).port == 8001
    assert load_settings().model_path == Path("/models/x")


def test_an_empty_variable_is_no_setting(monkeypatch):
    monkeypatch.setenv("PLAUDIT_PORT", "")
    assert load_settings().port == 8000


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("port", "eighty", "is 'eighty', expected a valid integer:"),
        ("port", "70000", "is '70000', expected a number less than or equal to 65535:"),
        ("port", "tcp://10.0.0.1:80", "expected a valid integer:"),
        ("max_body_bytes", "0", "expected a number greater than or equal to 1024:"),
        ("max_comments", "-1", "expected a number greater than or equal to 1:"),
        ("threads", "0", "expected a number greater than or equal to 1:"),
        ("concurrency", "1.5", "expected a valid integer:"),
        ("log_level", "loud", "expected 'debug', 'info', 'warning' or 'error':"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(monkeypatch, name, value, expected):
    monkeypatch.setenv(f"PLAUDIT_{name.upper()}", value)
    with pytest.raises(UsageError) as caught:
        load_settings()
    sentence = str(caught.value)
    assert sentence.startswith(f"Setting {name} (environment variable PLAUDIT_{name.upper()}) is ")
    assert expected in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("given", "expected"), [({"host": ""}, "a text of at least"), ({"model_path": 3}, "a path")]
)
def test_wrong_arguments_are_refused_likewise(given, expected):
    with pytest.raises(UsageError, match=f"expected {expected}"):
        load_settings(**given)


def test_an_unknown_setting_is_refused():
    with pytest.raises(UsageError, match="no setting 'prot'; there are: host, port"):
        load_settings(prot=1)


IN_THE_ENVIRONMENT_ONLY = {
    "others see a command line": {"api_keys", "api_keys_file", "database_url", "quota_storage"},
    "who may ask, and what is told to whom, is the same at every start": {
        *("allowed_hosts", "open_paths", "quota_per_minute", "quota_per_day", "traces", "perspective"),
    },
    "bounds fit a machine or a deployment": {
        *("max_body_bytes", "max_comments", "max_waiting", "max_stream_comments", "max_bodies_bytes"),
        *("body_seconds", "concurrency", "batches", "batch_ms", "window_ms"),
        *("drain_seconds", "drain_notice_seconds"),
        *("max_dump_bytes", "max_unpacked_bytes", "max_unpacked_ratio", "max_open_dumps"),
        *("dump_workers", "dump_lease_seconds", "keep_dumps_hours"),
    },
}


def flags():
    """The options of `plaudit serve`, by the name of their setting."""
    command = typer.main.get_command(app).commands["serve"]
    names = {"model": "model_path"}
    return {names.get(each.name, each.name): each for each in command.params}


def test_every_setting_has_its_flag_or_a_reason_not_to():
    without = [name for names in IN_THE_ENVIRONMENT_ONLY.values() for name in names]
    assert sorted([*flags(), *without]) == sorted(Settings.model_fields)


def test_flags_say_of_settings_what_those_say():
    for name, option in flags().items():
        field = Settings.model_fields[name]
        assert option.help.rstrip(".").startswith(field.description.rstrip(".")), name
        if "Default: " in option.help:
            assert option.help.partition("Default: ")[2] == f"{field.default}.", name


def test_the_readme_lists_the_flags():
    sentence = re.search(r"^Flags of `plaudit serve` that beat them: (.*?)\.$", README, re.M | re.S)
    listed = re.findall(r"`(--[a-z-]+)`", sentence[1])
    assert listed == [option.opts[0] for option in flags().values()]


def test_flags_reach_the_settings(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr("plaudit.service.serve.serve", seen.append)
    monkeypatch.setenv("PLAUDIT_ROOT_PATH", "/other")
    given = ["--root-path", "/plaudit", "--workers", "3", "--data-dir", str(tmp_path), "--log-level", "error"]
    assert CliRunner().invoke(app, ["serve", *given]).exit_code == 0
    (found,) = seen
    assert (found.root_path, found.workers, found.data_dir) == ("/plaudit", 3, tmp_path)
    assert found.log_level == "error"
    refused = CliRunner().invoke(app, ["serve", "--root-path", "plaudit/"])
    assert refused.exit_code == 2
    assert "a path such as /plaudit" in refused.output
    assert len(seen) == 1
