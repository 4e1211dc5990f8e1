"""What an operator may set: environment variables `PLAUDIT_*`, or arguments that beat them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from plaudit.errors import UsageError

_PREFIX = "PLAUDIT_"


class Settings(BaseSettings):
    """Settings of one service process; each is read from `PLAUDIT_<NAME>` where not given."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_ignore_empty=True, frozen=True, extra="forbid", protected_namespaces=()
    )

    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    max_body_bytes: int = Field(8 * 2**20, ge=2**10, le=2**30, description="Longest request body, in bytes.")
    max_comments: int = Field(10_000, ge=1, le=1_000_000, description="Most comments of one request.")
    concurrency: int = Field(4, ge=1, le=256, description="Requests worked on at the same time.")
    max_waiting: int = Field(64, ge=0, le=100_000, description="Requests that may wait; more are refused.")
    threads: int | None = Field(None, ge=1, le=1024, description="Threads of the model; all cores if unset.")
    model_path: Path | None = Field(None, description="Folder of a model; the shipped one if unset.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level logged.")
    drain_seconds: int = Field(30, ge=0, le=3600, description="Time for running requests at shutdown.")


def load_settings(**given: Any) -> Settings:
    """Read the settings; arguments that are None fall back to the environment, then to the default.

    Raises:
        UsageError: A value makes no sense; the message is one sentence and names the variable.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise UsageError(_sentence(error)) from None


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]).removeprefix(_PREFIX.lower())
    if first["type"] == "extra_forbidden":
        return f"There is no setting {name!r}; there are: {', '.join(Settings.model_fields)}."
    return (
        f"Setting {name} (environment variable {_PREFIX}{name.upper()}) is {first['input']!r}, "
        f"expected {_expected(first['msg'])}: correct it, or unset it for the default."
    )


def _expected(message: str) -> str:
    if "valid path" in message:
        return "a path"
    expected = message.removeprefix("Input should be ").replace("String should have", "a text of")
    expected = expected.partition(", unable to parse")[0]
    return f"a number {expected}" if expected.startswith(("less", "greater")) else expected
