"""The databases that tests run on: SQLite files, and PostgreSQL where a server can be started."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

import pytest

from plaudit.service.settings import Settings
from plaudit.service.storage import Storage

KINDS = ("sqlite", "postgresql")


def _programs() -> Path | None:
    """Return the folder of PostgreSQL's server programs, which Debian keeps off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).resolve().parent if on_path else None


def _run(command: Sequence[str | Path], *, folder: Path) -> None:
    # The server refuses to run as root.
    as_user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
    with (folder / "talk").open("ab") as talk:
        subprocess.run(
            list(map(str, command)), check=True, timeout=60, cwd=folder, stdout=talk, stderr=talk, **as_user
        )


@cache
def _server() -> Path:
    """Start a server that ends with this process; return the folder of its socket."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="plaudit-pg-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    data = folder / "data"
    try:
        _run(
            [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
            folder=folder,
        )
        _control("start", folder)
    except (OSError, LookupError, subprocess.SubprocessError) as error:
        pytest.skip(f"PostgreSQL could not be started ({type(error).__name__})")
    atexit.register(_control, "stop", folder)
    return folder


def _control(action: str, folder: Path) -> None:
    """Start the server, or end it as a crash would."""
    programs = _programs()
    assert programs is not None
    options = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=100"
    how = {"start": ["-l", folder / "log", "-o", options], "stop": ["-m", "immediate"]}[action]
    _run([programs / "pg_ctl", "-D", folder / "data", "-w", *how, action], folder=folder)


@contextmanager
def outage() -> Iterator[None]:
    """PostgreSQL crashes, is gone meanwhile, and is back afterwards."""
    folder = _server()
    _control("stop", folder)
    try:
        yield
    finally:
        _control("start", folder)


@contextmanager
def lost_reply(storage: Storage) -> Iterator[None]:
    """What this thread commits first is kept, and its connection dies before the word of that has come."""
    dialect, thread, has_lost = storage.open()._engine.dialect, threading.get_ident(), threading.Event()

    def commit(connection) -> None:
        type(dialect).do_commit(dialect, connection)
        if threading.get_ident() != thread or has_lost.is_set():
            return
        has_lost.set()
        if storage.url.get_backend_name() != "sqlite":
            connection.dbapi_connection.close()
        raise dialect.loaded_dbapi.OperationalError("the connection is lost")

    dialect.do_commit = commit
    try:
        yield
    finally:
        del dialect.do_commit


def new_url(kind: str, folder: Path) -> str:
    """Return the URL of an empty database; skips the test where it can't be had."""
    if kind == "sqlite":
        return f"sqlite:///{folder / f'{uuid4().hex}.db'}"
    psycopg = pytest.importorskip(
        "psycopg", reason="psycopg is not installed: pip install 'plaudit[postgres]'"
    )
    server, name = _server(), f"t{uuid4().hex}"
    with psycopg.connect(f"host={server} user=postgres dbname=postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql://postgres@/{name}?host={server}"


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, of each kind in turn."""
    return new_url(request.param, tmp_path)


@pytest.fixture
def storage(database_url: str, tmp_path: Path):
    """Storage on an empty database, of each kind in turn."""
    made = Storage(Settings(data_dir=tmp_path / "data", database_url=database_url))
    yield made
    made.close()
