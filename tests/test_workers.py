from __future__ import annotations

import errno
import gzip
import os
import threading
import time

import pytest

from plaudit.errors import StorageError
from plaudit.service import dump_run, output, workers
from plaudit.service import score as scoring
from plaudit.service.metrics import Metrics
from plaudit.service.settings import Settings
from plaudit.service.storage import SECTIONS
from plaudit.service.store import tables
from plaudit.service.store.dumps import Dumps, Pulse
from plaudit.service.workers import Calm, Watch, Workers
from tests.databases import database_url, storage
from tests.fakes import fake_pipeline

__all__ = ["database_url", "storage"]

BODY = b"".join(b'{"id":"%d","text":"Why %d?","author":"u%d"}\n' % (i, i, i % 7) for i in range(1200))


def add(storage, body=BODY, name="a", suffix=".ndjson", options=b"{}"):
    folder = storage.make_upload_folder(name * 32)
    (folder / f"dump{suffix}").write_bytes(body)
    return storage.dumps.add(
        dump_id=name * 32, owner="key", options=options.decode(), suffix=suffix, n_bytes=len(body)
    ).id


def make(storage, pipeline=None, on_done=lambda *_: None, **settings):
    given = {"dump_lease_seconds": 1, **settings}
    pipeline = pipeline or fake_pipeline()
    return Workers(storage, Settings(**given), pipeline=lambda: pipeline, on_done=on_done)


def ended(storage, dump_id, *, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        dump = storage.dumps.get(dump_id)
        if dump.state in ("done", "failed"):
            return dump
        time.sleep(0.02)
    raise AssertionError(f"it is still {dump.state}")


def test_how_dumps_fare_is_counted(storage, monkeypatch):
    metrics, pipeline = Metrics(), fake_pipeline()
    made = Workers(storage, Settings(), pipeline=lambda: pipeline, metrics=metrics)

    def value(name, **labels):
        return metrics.registry.get_sample_value(name, labels)

    def states():
        return [value("plaudit_dumps", state=state) for state in tables.STATES]

    add(storage, BODY + b'{"id":"x","text":""}\n')
    add(storage, b"", name="b")
    gone = add(storage, name="c")
    storage.drop_upload(gone)
    monkeypatch.setattr(workers, "now_ms", lambda: time.time_ns() // 1_000_000 + 60_000)
    made._look()
    assert states() == [3, 0, 0, 0]
    assert 60 <= value("plaudit_oldest_queued_dump_seconds") < 600
    while dump := storage.dumps.claim():
        made._run(dump, pipeline)
    made._look()
    assert states() == [0, 0, 1, 2]
    assert value("plaudit_oldest_queued_dump_seconds") == 0
    assert value("plaudit_dump_failures_total", fault="dump") == 1
    assert value("plaudit_dump_failures_total", fault="service") == 1
    assert value("plaudit_unscorable_total", reason="empty_text") == 1


@pytest.fixture
def working(storage):
    """Start workers; they are stopped afterwards."""
    started = []

    def start(**given):
        started.append(make(storage, **given))
        started[-1].start()
        return started[-1]

    yield start
    for each in started:
        each.stop()


def test_a_dump_becomes_what_the_command_line_would_have_written(storage, working, tmp_path):
    told = []
    dump_id = add(storage)
    started = working(on_done=lambda *done: told.append(done))
    dump = ended(storage, dump_id)
    started.stop()
    results = storage.results(dump_id, lease=dump.lease)
    assert {path.name for path in results.iterdir()} == set(output.RESULT_FILES)
    (tmp_path / "dump.ndjson").write_bytes(BODY)
    job = scoring.Job(
        sources=[str(tmp_path / "dump.ndjson")],
        out=tmp_path / "out",
        options=scoring.ReadOptions(),
    )
    scoring.score(job, meter=dump_run._Meter(_Nobody()), pipeline=fake_pipeline())
    for name in (output.REJECTED, output.PAGE, output.REPORT):  # the table's row groups may differ
        assert (results / name).read_bytes() == (tmp_path / "out" / name).read_bytes()
    assert not storage.upload(dump_id, suffix=".ndjson").parent.exists()
    assert told == [("key", 1200)]


class _Nobody:
    n_comments = n_bytes = 0

    def check(self) -> None:
        pass


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"\x89PNG and so on", "dump.ndjson is a PNG image; name a file of comments."),
        (b"  \n ", "dump.ndjson is empty; name a file with comments."),
        (
            gzip.compress(bytes(2 << 20)),
            "The dump unpacks to more than 1,048,576 bytes, the most that is taken; split it.",
        ),
    ],
)
def test_what_cannot_be_used_fails_with_its_sentence(storage, working, body, sentence):
    dump_id = add(storage, body)
    started = working(max_unpacked_bytes=1 << 20)
    dump = ended(storage, dump_id)
    started.stop()
    assert (dump.state, dump.error, dump.fault) == ("failed", sentence, tables.THE_DUMP)
    assert list(storage.folder.glob("*/*/*")) == []


def test_an_upload_that_is_not_there_is_told(storage, working):
    dump_id = add(storage)
    storage.drop_upload(dump_id)
    working()
    assert ended(storage, dump_id).error == dump_run.GONE


def raising(error):
    def fail(*_, **__):
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/secret/path"),
            "The disk of the service is full; try again later.",
        ),
        (
            OSError(errno.EIO, "Input/output error", "/secret/path"),
            "The disk of the service failed; try again later.",
        ),
        (MemoryError(), dump_run.NO_MEMORY),
        (ValueError("secret-text"), dump_run.BROKEN),
    ],
)
def test_what_breaks_on_our_side_is_told_without_details(
    storage, working, monkeypatch, caplog, error, sentence
):
    monkeypatch.setattr(scoring.Outputs, "write", raising(error))
    dump_id = add(storage)
    started = working()
    dump = ended(storage, dump_id)
    started.stop()
    assert (dump.state, dump.error, dump.fault) == ("failed", sentence, tables.THE_SERVICE)
    assert list(storage.folder.glob("*/*/*")) == []
    assert any(record.fields == {"dump": dump_id} for record in caplog.records if record.exc_info)


@pytest.mark.skipif(not os.path.ismount("/dev/shm"), reason="there is no /dev/shm")
def test_a_disk_that_really_is_full(storage, working, monkeypatch):
    """/dev/full takes nothing; the label table is written there."""
    monkeypatch.setattr(output, "REJECTED", "/dev/full")
    dump_id = add(storage, BODY + b"[1]\n" * 5000)
    working()
    assert ended(storage, dump_id).error == "The disk of the service is full; try again later."


def test_a_database_that_is_away_for_a_while_is_waited_for(storage, working, monkeypatch):
    monkeypatch.setattr(dump_run, "_RETRY_SECONDS", 0.05)
    finish, n_tries = Dumps.finish, []

    def stumble(self, *args, **named):
        n_tries.append(1)
        if len(n_tries) < 4:
            raise StorageError("The database can't be reached.")
        return finish(self, *args, **named)

    monkeypatch.setattr(Dumps, "finish", stumble)
    dump_id = add(storage)
    working(dump_lease_seconds=30)
    dump = ended(storage, dump_id)
    assert (dump.state, dump.n_runs, len(n_tries)) == ("done", 1, 4)


def test_an_outage_is_logged_once_and_ends(storage, working, monkeypatch, caplog):
    claim, is_away = Dumps.claim, threading.Event()
    is_away.set()

    def stumble(self):
        if is_away.is_set():
            raise StorageError("The database can't be reached.")
        return claim(self)

    monkeypatch.setattr(Dumps, "claim", stumble)
    monkeypatch.setattr(workers, "_POLL_SECONDS", 0.02)
    monkeypatch.setattr(Dumps, "pulses", lambda _self: [])
    dump_id = add(storage)
    working(dump_lease_seconds=3600)
    time.sleep(0.5)
    is_away.clear()
    assert ended(storage, dump_id).state == "done"
    told = [record for record in caplog.records if record.message == "dumps can't be worked on"]
    assert len(told) == 1


@pytest.mark.parametrize("place", ["claim", "on_done", "finish"])
def test_whatever_breaks_the_threads_go_on(storage, working, monkeypatch, caplog, place):
    """One that ended would be missed by nobody: dumps would wait for ever."""
    monkeypatch.setattr(workers, "_POLL_SECONDS", 0.02)
    broken = threading.Event()

    def breaking(work):
        def once(*args, **named):
            if not broken.is_set():
                broken.set()
                raise ValueError("broken")
            return work(*args, **named)

        return once

    told = []

    def on_done(*done):
        told.append(done)

    given = {"on_done": breaking(on_done) if place == "on_done" else on_done}
    if place != "on_done":
        monkeypatch.setattr(Dumps, place, breaking(getattr(Dumps, place)))
    ids = [add(storage, name=name) for name in "ab"]
    started = working(**given)
    assert [ended(storage, each, seconds=120).state for each in ids] == ["done"] * 2
    assert broken.wait(20)
    assert all(thread.is_alive() for thread in started._threads)
    assert any(record.exc_info and record.exc_info[0] is ValueError for record in caplog.records)


def test_nothing_is_begun_before_there_is_a_pipeline(storage):
    dump_id = add(storage)
    made = Workers(storage, Settings(), pipeline=lambda: None)
    made.start()
    time.sleep(0.2)
    made.stop()
    assert storage.dumps.get(dump_id).state == "queued"


def test_no_workers_means_none(storage):
    dump_id = add(storage)
    made = make(storage, dump_workers=0)
    made.start()
    time.sleep(0.3)
    made.stop()
    assert storage.dumps.get(dump_id).state == "queued"


def test_a_run_without_its_lease_leaves_no_results(storage, working, monkeypatch):
    score, entered, go_on = dump_run.score, threading.Event(), threading.Event()

    def slow(*args, **named):
        outcome = score(*args, **named)
        entered.set()
        assert go_on.wait(20)
        return outcome

    monkeypatch.setattr(dump_run, "score", slow)
    dump_id = add(storage)
    working(dump_lease_seconds=3600)
    assert entered.wait(20)
    lost = storage.dumps.get(dump_id).lease
    assert storage.results(dump_id, lease=lost).is_dir()
    assert storage.delete(dump_id)
    go_on.set()
    end = time.monotonic() + 10
    while (storage.folder / "results" / dump_id).exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not (storage.folder / "results" / dump_id).exists()


def test_what_takes_too_long_at_the_end_is_given_back_all_the_same(storage, monkeypatch):
    """Nobody asks a report in the making to stop; a process that ends in it has not died of the dump."""
    monkeypatch.setattr(workers, "_STOP_SECONDS", 0.2)
    score, entered, go_on = dump_run.score, threading.Event(), threading.Event()

    def slow(*args, **named):
        entered.set()
        assert go_on.wait(60)
        return score(*args, **named)

    monkeypatch.setattr(dump_run, "score", slow)
    dump_id = add(storage)
    for _ in range(workers.MAX_RUNS + 1):  # as many deploys
        entered.clear()
        go_on.clear()
        started = make(storage, dump_lease_seconds=3600)
        started.start()
        assert entered.wait(60)
        started.stop()
        found = storage.dumps.get(dump_id)
        assert (found.state, found.n_runs, found.lease) == ("queued", 0, None)
        go_on.set()
        for thread in started._threads:
            thread.join(60)
        found = storage.dumps.get(dump_id)
        assert (found.state, found.n_runs) == ("queued", 0)
    assert not (storage.folder / "results" / dump_id).exists()


def test_finished_dumps_are_deleted_after_a_while(storage, monkeypatch):
    made = make(storage, keep_dumps_hours=1)
    old, new = add(storage, name="a"), add(storage, name="b")
    for _ in range(2):
        run = storage.dumps.claim()
        storage.make_results_folder(run.id)
        storage.dumps.finish(run.id, lease=run.lease, n_comments=1)
        monkeypatch.setattr(workers, "now_ms", lambda at=run.id: int(time.time() * 1000))
    with storage.open().write() as session:
        session.get(tables.Dump, storage.dumps.get(old).number).finished_at -= 3_700_000
    made._sweep()
    assert storage.dumps.get(old) is None
    assert storage.dumps.get(new) is not None
    assert [path.name for path in (storage.folder / "results").iterdir()] == [new]


def test_what_a_killed_process_left_is_cleared_away(storage):
    waiting, done = add(storage, name="a"), add(storage, name="b")
    storage.dumps.delete(waiting)
    waiting = add(storage, name="c")
    while run := storage.dumps.claim():
        if run.id == done:
            storage.dumps.finish(run.id, lease=run.lease, n_comments=1)
    for name, age in (("d", 0), ("e", 90_000)):
        folder = storage.make_results_folder(name * 32)
        (folder / "x").write_text("")
        for path in (folder / "x", folder):
            os.utime(path, (time.time() - age,) * 2)
        section = storage.folder / SECTIONS / (name * 32)
        section.mkdir(parents=True)
        os.utime(section, (time.time() - age,) * 2)
    storage.drop_orphans()
    assert sorted(path.name[0] for path in (storage.folder / "uploads").iterdir()) == [
        "a",
        "c",
    ]  # a: too young
    for kind in ("results", SECTIONS):
        assert [path.name[0] for path in (storage.folder / kind).iterdir()] == ["d"]


def pulse(beats, *, lease="l"):
    return Pulse(id="i", lease=lease, beats=beats, n_runs=1)


def test_a_run_has_gone_when_its_pulse_stands_still_for_a_lease():
    now = [0.0]
    watch = Watch(lease_seconds=10, clock=lambda: now[0])
    for now[0], beats, gone in (
        (0, 1, False),
        (9, 1, False),
        (9.5, 2, False),
        (19, 2, False),
        (19.5, 2, True),
    ):
        assert bool(watch.gone([pulse(beats)])) is gone
    assert watch.gone([pulse(2, lease="other")]) == []
    assert watch.gone([]) == []


def test_after_a_jump_of_the_clock_nothing_is_deleted_for_an_hour(caplog):
    now, wall = [0.0], [0]
    calm = Calm(clock=lambda: now[0], wall=lambda: wall[0])
    for seconds, wall[0], expected in (
        (60, 60_000, True),
        (120, 10**12, False),  # far into the future
        (180, 10**12 + 60_000, False),
        (240, 240_000, False),  # and back
        (3700, 3_700_000, False),
        (3900, 3_900_000, True),
    ):
        now[0] = seconds
        assert calm() is expected
    assert len([r for r in caplog.records if "clock has jumped" in r.message]) == 2


def test_a_clock_that_jumps_takes_no_dump_from_its_run(storage, working, monkeypatch):
    """Leases are told by a clock that never jumps; what is shown keeps its order."""
    dump_id = add(storage)
    monkeypatch.setattr("plaudit.service.store.dumps.now_ms", lambda: 10**12)
    run = storage.dumps.claim()
    monkeypatch.setattr("plaudit.service.store.dumps.now_ms", lambda: 9 * 10**12)
    watch = Watch(lease_seconds=1)
    assert watch.gone(storage.dumps.pulses()) == []
    assert storage.dumps.finish(dump_id, lease=run.lease, n_comments=1)
