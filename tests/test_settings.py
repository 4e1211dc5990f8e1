from __future__ import annotations

from pathlib import Path

import pytest

from plaudit.errors import UsageError
from plaudit.service.settings import Settings, load_settings


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
