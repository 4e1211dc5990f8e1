"""The database: SQLite by default, PostgreSQL by URL; opened, brought up to date, asked in transactions."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from plaudit.errors import StorageError, UsageError

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LOCK_SECONDS: Final = 5  # how long to wait for a row or file that another process holds
_UPGRADE_LOCK: Final = 0x706C6175  # "plau": the advisory lock of PostgreSQL that one upgrade at a time holds
_POSTGRES: Final = {
    "connect_timeout": _LOCK_SECONDS,
    "application_name": "plaudit",
    # A server, or what is on the way to it, that dies without a word would be waited for for hours.
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "options": f"-c lock_timeout={_LOCK_SECONDS}s -c statement_timeout=60s -c timezone=UTC",
}
_TURN_LOCK: Final = 0x706C6176  # likewise, for what looks and then writes
_PAUSE_SECONDS: Final = 0.02
_WRITES: Final = "plaudit_writes"

# Alembic tells of every step at level INFO; nobody asked.
logging.getLogger("alembic").setLevel(logging.WARNING)


class Database:
    """A pool of connections; safe to share between threads, not between processes."""

    def __init__(self, url: URL) -> None:
        """Prepare; nothing is connected to yet.

        Raises:
            UsageError: The driver of this kind of database is not installed.
        """
        self.url = url
        try:
            self._engine = _engine(url)
        except ModuleNotFoundError as error:
            raise UsageError(
                f"The database {url.get_backend_name()} needs the package {error.name}: "
                "pip install 'plaudit[postgres]'."
            ) from None

    @property
    def file(self) -> Path | None:
        """The file of an SQLite database; None for a server."""
        if self.url.get_backend_name() != "sqlite":
            return None
        return Path(self.url.database or "")

    def upgrade(self) -> None:
        """Make or change the tables as this version needs them; safe when several processes do so at once.

        Raises:
            StorageError: It can't be reached or written, or a newer version has changed it.
        """
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        with self._transaction(writes=True) as connection:
            if self.file is None:
                connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_UPGRADE_LOCK})"))
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise StorageError(
                    "The database was changed by a newer version of Plaudit: upgrade this one, or name "
                    "another database."
                ) from error

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Lend a session for reading.

        Raises:
            StorageError: The database can't be asked.
        """
        with self._transaction(writes=False) as connection, _session(connection) as session:
            yield session

    @contextmanager
    def write(self, *, in_turn: bool = False) -> Iterator[Session]:
        """Lend a session whose changes are kept together at the end, or not at all where anything fails.

        Args:
            in_turn: One at a time of those that ask for it, in all processes: what is found holds until the
                end. In SQLite all are.

        Raises:
            StorageError: The database can't be asked, or did not keep the changes.
        """
        with self._transaction(writes=True) as connection, _session(connection) as session:
            if in_turn and self.file is None:
                session.execute(sa.text(f"SELECT pg_advisory_xact_lock({_TURN_LOCK})"))
            yield session
            session.flush()

    def wipe(self) -> None:
        """Leave nothing on the disk of what was deleted: SQLite's log keeps the pages as they were.

        Waits for nobody and raises nothing: where it can't be done just now, as somebody reads, the next call
        will do it. A server keeps its own order.
        """
        if self.file is None:
            return
        with suppress(SQLAlchemyError, sqlite3.Error, OSError):
            connection = self._engine.raw_connection()  # without the transaction that SQLAlchemy begins
            try:
                cursor = connection.cursor()
                cursor.execute("PRAGMA busy_timeout=0")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                cursor.execute(f"PRAGMA busy_timeout={int(_LOCK_SECONDS * 1000)}")
                cursor.close()
            finally:
                connection.close()

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self, *, writes: bool) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                connection.execution_options(**{_WRITES: writes})
                with connection.begin():
                    yield connection
        except (SQLAlchemyError, OSError) as error:
            raise StorageError(_sentence(error)) from None  # drivers quote the row that they refuse


def _session(connection: Connection) -> Session:
    return Session(connection, expire_on_commit=False)


def url_of(given: str | None, *, folder: Path) -> URL:
    """Return the database that a setting names; without one, the file `plaudit.db` of the data folder.

    Raises:
        UsageError: It is no URL of SQLite or PostgreSQL. The message holds no password.
    """
    if not given:
        return URL.create("sqlite+pysqlite", database=str(folder / "plaudit.db"))
    expected = "postgresql://USER:PASSWORD@HOST/DATABASE or sqlite:////PATH/TO/FILE"
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):
        raise UsageError(f"PLAUDIT_DATABASE_URL is no URL of a database, expected {expected}.") from None
    kind = url.drivername.partition("+")[0]
    if kind in ("postgres", "postgresql"):
        return url.set(drivername="postgresql+psycopg")
    if kind == "sqlite" and url.database and url.database != ":memory:":
        return url.set(drivername="sqlite+pysqlite")
    raise UsageError(f"PLAUDIT_DATABASE_URL names {kind!r}, expected {expected}.")


def _engine(url: URL) -> Engine:
    # Parameters hold comments, and error messages would quote them.
    if url.get_backend_name() == "sqlite":
        engine = sa.create_engine(url, hide_parameters=True, connect_args={"timeout": _LOCK_SECONDS})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    return sa.create_engine(
        url, hide_parameters=True, pool_pre_ping=True, pool_timeout=_LOCK_SECONDS, connect_args=_POSTGRES
    )


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # else the driver begins transactions as it sees fit
    cursor = connection.cursor()
    _keep_log_ahead(cursor)
    cursor.execute("PRAGMA synchronous=FULL")  # what was accepted outlives a power cut
    cursor.execute("PRAGMA secure_delete=ON")  # else texts lie in free pages after they were deleted
    cursor.close()


def _keep_log_ahead(cursor: Any) -> None:
    """Switch to a write-ahead log, with which readers don't wait for the writer.

    Where several processes open a new file at once SQLite refuses some of them this step without waiting
    (4 of 1,800 openings), whatever its timeout.
    """
    end = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
        time.sleep(_PAUSE_SECONDS)


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins by reading and then writes can't wait for its turn: it fails at once.
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


_SENTENCES: Final = (
    ("locked", "The database is locked by another process: try again in a few seconds."),
    ("lock timeout", "The database is locked by another process: try again in a few seconds."),
    ("disk is full", "The disk of the database is full: free some space, or delete old dumps."),
    ("no space left", "The disk of the database is full: free some space, or delete old dumps."),
    ("disk i/o error", "The disk of the database fails: look at the system's log."),
    ("readonly", "The database may not be written: correct its permissions."),
    ("read-only", "The database may not be written: correct its permissions."),
    ("malformed", "The file of the database is damaged: restore it, or move it away to begin anew."),
    ("not a database", "The file of the database is damaged: restore it, or move it away to begin anew."),
    ("unable to open", "The file of the database can't be opened: check its folder and permissions."),
    ("no such table", "The database lacks its tables: run `plaudit database upgrade`."),
    ("undefinedtable", "The database lacks its tables: run `plaudit database upgrade`."),
    ("authentication", "The database refuses the user or the password of PLAUDIT_DATABASE_URL."),
)


def _sentence(error: Exception) -> str:
    """Tell what is wrong; the driver's own words may hold values, addresses and passwords."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    said = f"{type(cause).__name__} {cause}".lower()
    for sign, sentence in _SENTENCES:
        if sign in said:
            return sentence
    if isinstance(error, PoolTimeoutError):
        return "All connections to the database are in use: try again in a few seconds."
    if isinstance(cause, OSError) or (isinstance(error, DBAPIError) and "operational" in said.split()[0]):
        return "The database can't be reached: try again, or check PLAUDIT_DATABASE_URL."
    code = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    return f"The database refused ({', '.join(filter(None, (type(cause).__name__, code)))})."
