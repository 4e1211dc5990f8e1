from __future__ import annotations

import os
import select
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import traceback

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import make_url

from plaudit.errors import StorageError, UsageError
from plaudit.service.settings import Settings
from plaudit.service.storage import Storage
from plaudit.service.store import database as module
from plaudit.service.store.database import Database, url_of
from plaudit.service.store.tables import Table
from tests.commands import run
from tests.databases import database_url, new_url, storage

__all__ = ["database_url", "run", "storage"]


def test_the_migrations_make_what_the_tables_say(storage):
    database = storage.open()
    with database._transaction(writes=True) as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []


def relay(path: str, listener: socket.socket) -> None:
    """Pass on what comes to a port to a socket in the file system, one connection, both ways."""
    here, _ = listener.accept()
    with here, socket.socket(socket.AF_UNIX) as there:
        there.connect(path)
        other = {here: there, there: here}
        while True:
            for each in select.select(list(other), [], [])[0]:
                if not (data := each.recv(2**16)):
                    return
                other[each].sendall(data)


def test_a_server_that_dies_without_a_word_is_not_waited_for(tmp_path):
    url = make_url(new_url("postgresql", tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        path = f"{url.query['host']}/.s.PGSQL.5432"
        thread = threading.Thread(target=relay, args=(path, listener), daemon=True)
        thread.start()
        over_tcp = url.set(host="127.0.0.1", port=listener.getsockname()[1], query={})
        database = Database(url_of(over_tcp.render_as_string(), folder=tmp_path))
        with database.read() as session:
            raw = session.connection().connection.dbapi_connection
            with socket.socket(fileno=os.dup(raw.fileno())) as found:
                options = {
                    name: found.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
                    for name in ("TCP_USER_TIMEOUT", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
                }
        database.close()
        thread.join(20)
    silence = options["TCP_KEEPIDLE"] + options["TCP_KEEPINTVL"] * options["TCP_KEEPCNT"]
    # Half a lease, within which a run has to show that it lives.
    assert silence <= Settings().dump_lease_seconds / 2
    assert 0 < options["TCP_USER_TIMEOUT"] <= 1000 * Settings().dump_lease_seconds / 2


def test_an_upgrade_may_be_run_again_and_keeps_what_is_there(storage):
    storage.dumps.add(dump_id="a" * 32, owner="", options="{}", suffix="", n_bytes=1)
    for _ in range(2):
        storage.open().upgrade()
    assert storage.dumps.get("a" * 32).state == "queued"


def test_an_upgrade_keeps_what_an_earlier_version_has_stored(storage, monkeypatch):
    upgrade = module.command.upgrade
    monkeypatch.setattr(module.command, "upgrade", lambda config, _to: upgrade(config, "0001"))
    columns = (
        "id, owner, state, options, suffix, n_bytes, n_bytes_read, n_comments, beats, n_runs, created_at"
    )
    with storage.open().write() as session:
        for name in "ab":
            values = f"'{name * 32}', '', 'queued', '{{}}', '', 1, 0, 0, 0, 0, 1"
            session.execute(sa.text(f"INSERT INTO dump ({columns}) VALUES ({values})"))
    monkeypatch.undo()
    storage.open().upgrade()
    assert [dump.id[0] for dump in storage.dumps.latest(owner="", limit=9)] == ["b", "a"]
    assert storage.dumps.get("a" * 32).request_key is None


_UPGRADE = """
import sys
from pathlib import Path
from plaudit.service.settings import Settings
from plaudit.service.storage import Storage
storage = Storage(Settings(data_dir=Path(sys.argv[2]), database_url=sys.argv[1]))
print("set", flush=True)
sys.stdin.readline()
storage.open()
storage.dumps.add(dump_id=sys.argv[3] * 32, owner="", options="{}", suffix="", n_bytes=1)
"""


def test_several_processes_may_upgrade_an_empty_database_at_once(database_url, storage, tmp_path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _UPGRADE, database_url, str(tmp_path / "data"), name], **pipes
        )
        for name in "abcd"
    ]
    for process in started:
        assert process.stdout.readline() == "set\n"
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    talk = [process.communicate(timeout=60)[1] for process in started]
    assert talk == [""] * 4
    assert storage.dumps.n_open() == 4


def test_a_database_of_a_newer_version_is_left_alone(storage):
    database = storage.open()
    with database.write() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match="changed by a newer version of Plaudit"):
        database.upgrade()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("postgresql://u:hunter2@h/d", "postgresql+psycopg://u:***@h/d"),
        ("postgres://h/d", "postgresql+psycopg://h/d"),
        ("postgresql+asyncpg://h/d", "postgresql+psycopg://h/d"),
        ("sqlite:////var/x.db", "sqlite+pysqlite:////var/x.db"),
    ],
)
def test_urls_get_the_driver_we_have(tmp_path, given, expected):
    assert url_of(given, folder=tmp_path).render_as_string() == expected


@pytest.mark.parametrize(
    "given",
    ["mysql://u:hunter2@h/d", "hunter2", "sqlite://", "sqlite:///:memory:", "postgresql//u:hunter2@h"],
)
def test_other_urls_are_refused_without_their_password(tmp_path, given):
    with pytest.raises(UsageError, match="expected postgresql://") as caught:
        url_of(given, folder=tmp_path)
    assert "hunter2" not in str(caught.value)


def test_a_missing_driver_is_one_sentence(monkeypatch, tmp_path):
    def fail(*_, **__):
        raise ModuleNotFoundError("No module named 'psycopg'", name="psycopg")

    monkeypatch.setattr(module.sa, "create_engine", fail)
    with pytest.raises(UsageError, match=r"needs the package psycopg: pip install 'plaudit\[postgres\]'"):
        Storage(Settings(data_dir=tmp_path, database_url="postgresql://h/d"))


def test_a_locked_sqlite_database_is_one_sentence_and_readers_do_not_mind(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_LOCK_SECONDS", 0.2)
    storage = Storage(Settings(data_dir=tmp_path))
    storage.open()
    other = sqlite3.connect(tmp_path / "plaudit.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match=r"^The database is locked by another process"):
        storage.dumps.add(dump_id="a" * 32, owner="", options="{}", suffix="", n_bytes=1)
    assert storage.dumps.n_open() == 0
    other.execute("ROLLBACK")
    storage.dumps.add(dump_id="a" * 32, owner="", options="{}", suffix="", n_bytes=1)
    other.close()
    storage.close()


@pytest.mark.parametrize(
    "content", [b"no database at all, but some bytes" * 200, b"SQLite format 3\0" + b"\xff" * 4096]
)
def test_a_damaged_sqlite_database_is_one_sentence(tmp_path, content):
    (tmp_path / "plaudit.db").write_bytes(content)
    with pytest.raises(StorageError, match="is damaged"):
        Storage(Settings(data_dir=tmp_path)).open()


def test_a_full_sqlite_database_is_one_sentence(tmp_path):
    storage = Storage(Settings(data_dir=tmp_path))
    database = storage.open()
    insert = (
        "INSERT INTO feedback (id, owner, text_hash, record, created_at)"
        " VALUES (hex(randomblob(16)), '', '', hex(randomblob(500000)), 0)"
    )

    def fill() -> None:
        with database.write() as session:
            session.execute(sa.text("PRAGMA max_page_count = 1"))
            session.execute(sa.text(insert))

    with pytest.raises(StorageError, match="disk of the database is full"):
        fill()
    storage.close()


def test_a_server_that_is_not_there_is_one_sentence_without_its_address(tmp_path):
    pytest.importorskip("psycopg")
    url = f"postgresql://someone:hunter2@/d?host={tmp_path}"
    with pytest.raises(StorageError, match=r"^The database can't be reached") as caught:
        Storage(Settings(data_dir=tmp_path, database_url=url)).open()
    assert "hunter2" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_a_lock_of_postgresql_is_waited_for_a_while_only(tmp_path, monkeypatch):
    from tests.databases import new_url

    url = new_url("postgresql", tmp_path)
    monkeypatch.setitem(module._POSTGRES, "options", "-c lock_timeout=200ms")
    storage = Storage(Settings(data_dir=tmp_path, database_url=url))
    storage.dumps.add(dump_id="a" * 32, owner="", options="{}", suffix="", n_bytes=1)
    with storage.open().write() as session:
        session.execute(sa.text("LOCK TABLE dump"))
        said = []

        def ask() -> None:
            with pytest.raises(StorageError) as caught:
                storage.dumps.delete("a" * 32)
            said.append(str(caught.value))

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join(20)
    assert said == ["The database is locked by another process: try again in a few seconds."]
    storage.close()


def test_values_never_get_into_errors(storage):
    storage.corrections.add({"text": "secret-text", "label": "genuine"}, owner="")
    with pytest.raises(StorageError) as caught, storage.open().write() as session:
        session.execute(sa.text("INSERT INTO feedback (id) VALUES (:text)"), {"text": "secret-text"})
    assert "secret" not in "".join(traceback.format_exception(caught.value))
    assert str(caught.value).startswith("The database refused (")


def test_what_is_forgotten_is_on_the_disk_no_more(tmp_path):
    """Neither in free pages nor in the log, both of which outlive the row."""
    storage = Storage(Settings(data_dir=tmp_path))
    texts = [f"secret-text {i} " + "x" * 9000 for i in range(9)]  # longer than a page
    kept = [storage.corrections.add({"text": text, "label": "genuine"}, owner="") for text in texts]
    assert b"secret-text" in on_disk(tmp_path)
    assert all(storage.corrections.delete(each, owner="") for each in kept)
    assert b"secret-text" not in on_disk(tmp_path)
    options = b'{"by":"post","creator":"secret-name","columns":{}}'.decode()
    for name, end in (("a", "finish"), ("b", "fail"), ("c", "delete")):
        storage.dumps.add(dump_id=name * 32, owner="", options=options, suffix="", n_bytes=1)
        run = storage.dumps.claim()
        assert run.options == options
        match end:
            case "finish":
                assert storage.dumps.finish(run.id, lease=run.lease, n_comments=1)
            case "fail":
                assert storage.dumps.fail(run.id, lease=run.lease, error="No.", fault="dump")
            case "delete":
                assert storage.dumps.delete(run.id)
    assert storage.dumps.get("a" * 32).options == '{"by":"post","columns":{}}'
    assert b"secret-name" not in on_disk(tmp_path)
    storage.close()


def test_wiping_waits_for_nobody_and_is_done_the_next_time(tmp_path):
    storage = Storage(Settings(data_dir=tmp_path))
    kept = storage.corrections.add({"text": "secret-text", "label": "genuine"}, owner="")
    other = sqlite3.connect(tmp_path / "plaudit.db", isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT * FROM feedback").fetchall()
    assert storage.corrections.delete(kept, owner="")
    assert b"secret-text" in on_disk(tmp_path)  # as that reader still sees it
    other.execute("COMMIT")
    storage.open().wipe()
    assert b"secret-text" not in on_disk(tmp_path)
    other.close()
    storage.close()


def on_disk(folder):
    return b"".join(path.read_bytes() for path in folder.glob("plaudit.db*"))


def test_nothing_is_made_before_it_is_needed(tmp_path):
    storage = Storage(Settings(data_dir=tmp_path / "data"))
    assert not storage.exists()
    assert not (tmp_path / "data").exists()
    storage.open()
    assert storage.exists()
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    storage.close()


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_one_sentence(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="can't be written"):
        Storage(Settings(data_dir=tmp_path / "data")).open()


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(StorageError, match="can't be written"):
        Storage(Settings(data_dir=tmp_path / "data")).open()


def test_the_command_brings_the_database_up_to_date(run, tmp_path, monkeypatch):
    monkeypatch.setenv("PLAUDIT_DATA_DIR", str(tmp_path / "data"))
    done = run("database", "upgrade")
    assert done.exit_code == 0
    assert "plaudit.db is up to date." in done.stderr
    assert Database(url_of(None, folder=tmp_path / "data")).file.is_file()
