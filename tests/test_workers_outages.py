"""The word of a change is lost, or the database is away: no dump is lost, doubled or given up for it."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest

from plaudit.errors import StorageError
from plaudit.service import dump_run, workers
from plaudit.service.metrics import Metrics
from plaudit.service.settings import Settings
from plaudit.service.storage import Storage
from plaudit.service.store.dumps import Dumps
from plaudit.service.store.tables import THE_DUMP
from plaudit.service.workers import Watch, Workers
from tests.databases import database_url, lost_reply, new_url, outage, storage
from tests.fakes import fake_pipeline
from tests.test_workers import add, ended, pulse

__all__ = ["database_url", "storage"]

LEASE_SECONDS = 10


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr(dump_run, "_RETRY_SECONDS", 0.05)


class Service:
    """Workers with their numbers; stopped afterwards."""

    def __init__(self, storage, **settings):
        pipeline = fake_pipeline()
        self.metrics, self.done = Metrics(), []
        given = {"dump_lease_seconds": 3600, **settings}
        self.workers = Workers(
            storage,
            Settings(**given),
            pipeline=lambda: pipeline,
            on_done=lambda *told: self.done.append(told),
            metrics=self.metrics,
        )

    def __enter__(self):
        self.workers.start()
        return self

    def __exit__(self, *_):
        self.workers.stop()

    def n_failed(self, fault):
        return self.metrics.registry.get_sample_value("plaudit_dump_failures_total", {"fault": fault}) or 0


def losing_word(storage, monkeypatch, name):
    """Let the word of the first of some change be lost."""
    change, is_first = getattr(Dumps, name), threading.Event()

    def stumble(self, *args, **named):
        if is_first.is_set():
            return change(self, *args, **named)
        is_first.set()
        with lost_reply(storage):
            return change(self, *args, **named)

    monkeypatch.setattr(Dumps, name, stumble)
    return is_first


def test_a_change_whose_word_is_lost_is_kept(storage):
    dump_id = add(storage)
    run = storage.dumps.claim()
    with lost_reply(storage), pytest.raises(StorageError):
        storage.dumps.finish(dump_id, lease=run.lease, n_comments=3)
    assert storage.dumps.get(dump_id).state == "done"
    assert storage.dumps.is_ended(dump_id, lease=run.lease)
    assert not storage.dumps.is_ended(dump_id, lease="0" * 32)


def test_results_outlive_the_lost_word_of_their_end(storage, monkeypatch):
    dump_id = add(storage)
    is_lost = losing_word(storage, monkeypatch, "finish")
    with Service(storage) as service:
        dump = ended(storage, dump_id, seconds=120)
    assert is_lost.is_set()
    assert (dump.state, dump.n_runs, dump.n_comments) == ("done", 1, 1200)
    assert (storage.results(dump_id, lease=dump.lease) / "report.json").is_file()
    assert not storage.upload(dump_id, suffix=".ndjson").parent.exists()
    assert service.done == [("key", 1200)]


def test_a_failure_whose_word_is_lost_is_one_failure(storage, monkeypatch):
    dump_id = add(storage, b"")
    is_lost = losing_word(storage, monkeypatch, "fail")
    with Service(storage) as service:
        assert ended(storage, dump_id, seconds=120).fault == THE_DUMP
    assert is_lost.is_set()
    assert service.n_failed(THE_DUMP) == 1
    assert list(storage.folder.glob("*/*/*")) == []


def test_a_dump_that_is_deleted_before_its_run_could_ask_again_leaves_nothing(storage, monkeypatch):
    dump_id, is_ended = add(storage), Dumps.is_ended
    losing_word(storage, monkeypatch, "finish")

    def too_late(self, *args, **named):
        self.delete(dump_id)
        return is_ended(self, *args, **named)

    monkeypatch.setattr(Dumps, "is_ended", too_late)
    with Service(storage) as service:
        end = time.monotonic() + 120
        while storage.dumps.get(dump_id) or (storage.folder / "results" / dump_id).exists():
            assert time.monotonic() < end
            time.sleep(0.02)
    assert service.done == []


def test_a_run_whose_begin_is_not_heard_of_is_no_run(storage):
    dump_id = add(storage)
    with lost_reply(storage), pytest.raises(StorageError):
        storage.dumps.claim()
    assert storage.dumps.get(dump_id).state == "running"
    run = storage.dumps.claim()
    assert (run.id, run.n_runs) == (dump_id, 1)
    assert storage.dumps.claim() is None


def test_a_dump_whose_deletion_was_not_heard_of_leaves_nothing(storage):
    dump_id = add(storage)
    with lost_reply(storage):
        assert storage.delete(dump_id, owner="key")
    assert storage.dumps.get(dump_id) is None
    assert not storage.upload(dump_id, suffix=".ndjson").parent.exists()
    with pytest.MonkeyPatch.context() as patch:
        dump_id = add(storage)

        def fail(*_, **__):
            raise StorageError("The database can't be reached.")

        patch.setattr(Dumps, "delete", fail)
        with pytest.raises(StorageError):
            storage.delete(dump_id, owner="key")
    assert storage.upload(dump_id, suffix=".ndjson").is_file()


def test_results_that_no_run_ended_do_not_stay(storage):
    done, failed, running = (add(storage, name=name) for name in "abc")
    runs = {run.id: run for run in (storage.dumps.claim() for _ in range(3))}
    for run in runs.values():
        for lease in (run.lease, "e" * 32):
            storage.make_results_folder(run.id)
            storage.results(run.id, lease=lease).mkdir()
    assert storage.dumps.finish(done, lease=runs[done].lease, n_comments=1)
    assert storage.dumps.fail(failed, lease=runs[failed].lease, error="No.", fault=THE_DUMP)
    storage.drop_orphans()
    left = {
        path.name: {each.name for each in path.iterdir()} for path in (storage.folder / "results").iterdir()
    }
    assert left == {done: {runs[done].lease}, running: {runs[running].lease, "e" * 32}}


def test_time_in_which_nobody_looked_is_no_silence():
    now = [0.0]
    watch = Watch(lease_seconds=10, clock=lambda: now[0])
    for now[0], is_gone in ((0, False), (9, False), (100, False), (105, False), (110, True)):
        assert bool(watch.gone([pulse(1)])) is is_gone
    watch.forget()
    for now[0], is_gone in ((111, False), (120, False), (121, True)):
        assert bool(watch.gone([pulse(1)])) is is_gone
    watch.spare(pulse(1))
    for now[0], is_gone in ((130, False), (131, True)):
        assert bool(watch.gone([pulse(1)])) is is_gone
        assert watch.is_spared(pulse(1))
    assert watch.gone([pulse(2)]) == []
    assert not watch.is_spared(pulse(2))


class Another:
    """The workers of another process, who look when a test says, by a clock that it sets."""

    def __init__(self, storage):
        self.now, pipeline = 0.0, fake_pipeline()
        settings = Settings(dump_lease_seconds=LEASE_SECONDS)
        self.workers = Workers(storage, settings, pipeline=lambda: pipeline)
        self.workers._watch = Watch(lease_seconds=LEASE_SECONDS / 2, clock=lambda: self.now)

    def look(self, *, until):
        """Look every second until then."""
        while self.now < until:
            self.now += 1
            with suppress(StorageError):
                self.workers._revive()


@pytest.fixture
def run(storage):
    """A run that has just shown that it lives."""
    add(storage)
    found = storage.dumps.claim()
    assert beats(storage, found)
    return found


def beats(storage, run):
    return storage.dumps.beat(run.id, lease=run.lease, n_bytes_read=1, n_comments=1)


def is_at_work(storage, run):
    found = storage.dumps.get(run.id)
    return (found.state, found.lease, found.n_runs) == ("running", run.lease, 1)


READS = ("pulses",)
WRITES = ("beat", "stands", "requeue", "give_up")


@pytest.mark.parametrize("names", [READS + WRITES, WRITES], ids=["everything", "writes"])
@pytest.mark.parametrize("most", [1, 3])
def test_who_is_at_work_while_the_database_is_away_has_not_died(storage, run, monkeypatch, names, most):
    """Nor where it comes back for moments, and whose turn comes first then is chance."""
    monkeypatch.setattr(workers, "MAX_RUNS", most)
    another = Another(storage)
    another.look(until=3)

    def fail(*_, **__):
        raise StorageError("The database can't be reached.")

    for _ in range(3):
        with monkeypatch.context() as patched:
            for name in names:
                patched.setattr(Dumps, name, fail)
            another.look(until=another.now + 3.5 * LEASE_SECONDS)
        another.look(until=another.now + LEASE_SECONDS / 2 - 1)
        assert is_at_work(storage, run)
    another.look(until=another.now + 1)
    assert beats(storage, run)
    another.look(until=another.now + LEASE_SECONDS - 2)
    assert is_at_work(storage, run)


def test_who_stood_still_with_the_one_who_looks_has_not_died(storage, run):
    another = Another(storage)
    another.look(until=3)
    another.now += 100
    another.look(until=another.now + LEASE_SECONDS / 2)
    assert is_at_work(storage, run)
    assert beats(storage, run)


def test_who_really_died_is_noticed_after_a_lease(storage, run):
    another = Another(storage)
    another.look(until=LEASE_SECONDS)
    assert is_at_work(storage, run)
    another.look(until=LEASE_SECONDS + 3)
    found = storage.dumps.get(run.id)
    assert (found.state, found.lease, found.n_runs) == ("queued", None, 1)
    assert not beats(storage, run)


def test_runs_of_the_same_process_are_known_to_live(storage, run):
    another = Another(storage)
    another.workers._runs.add(run)
    another.look(until=10 * LEASE_SECONDS)
    assert is_at_work(storage, run)
    another.workers._runs.discard(run)
    another.look(until=another.now + LEASE_SECONDS + 3)
    assert not is_at_work(storage, run)


def test_a_long_outage_of_postgresql_takes_no_dump_from_its_run(tmp_path):
    given = {"data_dir": tmp_path / "data", "database_url": new_url("postgresql", tmp_path)}
    first, second = (Storage(Settings(**given)) for _ in range(2))
    add(first)
    run, another = first.dumps.claim(), Another(second)
    another.look(until=3)
    with outage():
        with pytest.raises(StorageError):
            beats(first, run)
        another.look(until=3 * LEASE_SECONDS)
    another.look(until=another.now + LEASE_SECONDS / 2)
    assert is_at_work(second, run)
    assert beats(first, run)
    assert first.dumps.finish(run.id, lease=run.lease, n_comments=1)
    for each in (first, second):
        each.close()


def test_a_dump_that_moved_while_it_was_to_be_given_up_keeps_its_upload(storage, monkeypatch):
    dump_id = add(storage)
    run = storage.dumps.claim()
    service = Service(storage)
    (seen,) = storage.dumps.pulses()
    storage.dumps.beat(dump_id, lease=run.lease, n_bytes_read=0, n_comments=0)
    monkeypatch.setattr(workers, "MAX_RUNS", 1)
    service.workers._take_from(seen)
    assert storage.dumps.get(dump_id).state == "running"
    assert storage.upload(dump_id, suffix=".ndjson").is_file()
