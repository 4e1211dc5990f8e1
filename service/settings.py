"""What an operator may set: environment variables `PLAUDIT_*`, or arguments that beat them.

What changes from one start by hand to the next has a flag of `plaudit serve` (`cli_serve.py`) too. What is
secret has none, as others see a command line; nor have the bounds and stores of a deployment, which are to be
the same at every start.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from plaudit.errors import UsageError

_PREFIX = "PLAUDIT_"
_OWN_PATHS = ("/v1", "/docs", "/openapi.json", "/health", "/metrics")


class Settings(BaseSettings):
    """Settings of one service process; each is read from `PLAUDIT_<NAME>` where not given."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_ignore_empty=True, frozen=True, extra="forbid", protected_namespaces=()
    )

    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    root_path: str = Field("", description="Path prefix of a proxy in front, such as /plaudit.")
    max_body_bytes: int = Field(8 * 2**20, ge=2**10, le=2**30, description="Longest request body, in bytes.")
    max_comments: int = Field(10_000, ge=1, le=1_000_000, description="Most comments of one request.")
    workers: int = Field(1, ge=1, le=256, description="Processes that serve; each loads the model.")
    concurrency: int = Field(4, ge=1, le=256, description="Threads that read and measure beside the model.")
    batches: int | None = Field(
        None, ge=1, le=64, description="Batches worked on at the same time; one a core, up to 4, if unset."
    )
    batch_ms: int = Field(50, ge=1, le=10_000, description="How long a batch should take.")
    window_ms: int = Field(2, ge=0, le=1000, description="How long a comment waits for company.")
    max_waiting: int = Field(
        20_000,
        ge=0,
        le=10**7,
        description="Comments that may wait, if half of drain_seconds answers them.",
    )
    max_stream_comments: int = Field(
        500_000,
        ge=1,
        le=10**9,
        description="Most comments of all index streams; 2 kB each in data_dir, 13 with a group of its own.",
    )
    body_seconds: float = Field(30, gt=0, le=3600, description="Time for a body, a line, each 256 KiB.")
    max_bodies_bytes: int = Field(
        64 * 2**20, ge=0, le=2**40, description="Large bodies held at once, in bytes."
    )
    exact: bool = Field(False, description="One network reads every comment; no cascade of small ones.")
    device: str = Field("cpu", min_length=1, description="cpu; or cuda, where one network reads all.")
    threads: int | None = Field(None, ge=1, le=1024, description="Cores of the model; all if unset.")
    model_path: Path | None = Field(
        None, description="Folder of a model, or of models with CURRENT; the shipped one if unset."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level logged.")
    drain_seconds: int = Field(30, ge=0, le=3600, description="Time for running requests at shutdown.")
    drain_notice_seconds: float = Field(
        0, ge=0, le=600, description="Time at shutdown when readiness is 503 and requests are still taken."
    )

    # Who may ask, by which name, and how much (access.py, hosts.py, quotas.py); what is told to whom
    # (traces.py, perspective.py).
    api_keys: str | None = Field(None, description="Valid keys as NAME:HASH,...; without any, all may ask.")
    api_keys_file: Path | None = Field(None, description="File of NAME:HASH lines, re-read when it changes.")
    allowed_hosts: str | None = Field(
        None, description="Host names, without ports; localhost: of this machine. See hosts.py."
    )
    open_paths: str = Field("/,/docs,/openapi.json", description="Read without a key, as /health always is.")
    quota_per_minute: int | None = Field(None, ge=1, le=10**12, description="Comments of a key a minute.")
    quota_per_day: int | None = Field(None, ge=1, le=10**12, description="Comments of a key a day.")
    quota_storage: str = Field("memory://", min_length=1, description="Where quotas are counted.")
    traces: bool = Field(False, description="Send OpenTelemetry traces, as OTEL_* variables say where.")
    perspective: bool = Field(False, description="Answer Perspective's POST /v1alpha1/comments:analyze too.")

    # What is kept, where and how long (storage.py, workers.py); nothing is, before something is handed in.
    data_dir: Path = Field(
        Path("plaudit-data"), description="Folder of dumps, results, long index streams, SQLite."
    )
    database_url: str | None = Field(
        None, description="postgresql://...; SQLite in the data folder if unset."
    )
    max_dump_bytes: int = Field(512 * 2**20, ge=2**10, le=2**40, description="Longest upload of a dump.")
    max_unpacked_bytes: int = Field(8 * 2**30, ge=2**10, le=2**50, description="Most a dump unpacks to.")
    max_unpacked_ratio: int = Field(250, ge=2, le=10**6, description="Most bytes out of each packed one.")
    max_open_dumps: int = Field(
        100, ge=1, le=10**6, description="Dumps that may wait or be worked on; a key may fill what it leaves."
    )
    dump_workers: int = Field(1, ge=0, le=64, description="Dumps worked on at once; 0: by other processes.")
    dump_lease_seconds: int = Field(30, ge=1, le=3600, description="Silence after which a run is given up.")
    keep_dumps_hours: int = Field(168, ge=1, le=10**5, description="Finished dumps are deleted after that.")

    @field_validator("root_path")
    @classmethod
    def _is_prefix(cls, path: str) -> str:
        if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", path) or path.startswith(_OWN_PATHS):
            raise ValueError("a path such as /plaudit, without a slash at the end, and none of our own")
        return path

    @field_validator("allowed_hosts")
    @classmethod
    def _are_names(cls, names: str | None) -> str | None:
        parts = [part.strip() for part in (names or "localhost").split(",")]
        if not all(re.fullmatch(r"\*|[A-Za-z0-9._-]+", part) for part in parts):
            raise ValueError("names such as comments.example.org between commas, without ports; * is any")
        return names


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
    expected = (
        message.removeprefix("Value error, ")
        .removeprefix("Input should be ")
        .replace("String should have", "a text of")
    )
    expected = expected.partition(", unable to parse")[0]
    return f"a number {expected}" if expected.startswith(("less", "greater")) else expected
