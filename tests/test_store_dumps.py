from __future__ import annotations

import random
import threading
from collections import Counter

import pytest

from plaudit.errors import OverloadedError, UsageError
from plaudit.service.store.dumps import crowded
from plaudit.service.store.repeats import Sent
from plaudit.service.store.tables import THE_DUMP
from tests.databases import database_url, storage

__all__ = ["database_url", "storage"]


@pytest.fixture
def dumps(storage):
    return storage.dumps


def add(dumps, name="a", owner=""):
    return dumps.add(dump_id=name * 32, owner=owner, options="{}", suffix=".csv", n_bytes=9)


def test_a_dump_is_queued_worked_on_and_done(dumps):
    assert dumps.claim() is None
    add(dumps)
    claimed = dumps.claim()
    assert (claimed.state, claimed.n_runs, claimed.n_bytes) == ("running", 1, 9)
    assert dumps.claim() is None
    assert dumps.beat(claimed.id, lease=claimed.lease, n_bytes_read=4, n_comments=2)
    found = dumps.get(claimed.id)
    assert (found.n_bytes_read, found.n_comments, found.beats) == (4, 2, 1)
    assert dumps.finish(claimed.id, lease=claimed.lease, n_comments=5)
    found = dumps.get(claimed.id)
    assert (found.state, found.n_bytes_read, found.n_comments) == ("done", 9, 5)
    assert found.created_at <= found.started_at <= found.finished_at


def test_those_that_wait_longest_come_first(dumps):
    for name in "cab":
        add(dumps, name)
    assert [dumps.claim().id[0] for _ in range(3)] == ["c", "a", "b"]


def test_owners_take_turns(dumps):
    for name, owner in zip("abcdefg", "xxxyxzy", strict=True):
        add(dumps, name, owner)
    assert [dumps.claim().id[0] for _ in range(3)] == ["a", "d", "f"]
    add(dumps, "h", "w")  # who comes new waits for one of each at most
    assert [dumps.claim().id[0] for _ in range(5)] == ["h", "b", "g", "c", "e"]
    assert dumps.claim() is None


def test_no_more_are_taken_than_there_are_places(dumps):
    """A key has as many as it leaves to others; without keys there is one owner, who has all."""
    for name, owner, is_taken in (
        ("a", "x", True),
        ("b", "x", True),
        ("c", "x", False),
        ("d", "y", True),
        ("e", "y", False),
        ("f", "z", True),
        ("g", "z", False),
    ):
        given = {"dump_id": name * 32, "owner": owner, "options": "{}", "suffix": "", "n_bytes": 1}
        if is_taken:
            dumps.add(**given, most=4)
        else:
            with pytest.raises(OverloadedError, match="are waiting"):
                dumps.add(**given, most=4)
    assert dumps.n_open() == 4
    assert dumps.n_open(owner="x") == 2
    assert crowded(3, 3, owner="", most=4) is None
    assert crowded(4, 4, owner="", most=4).startswith("4 dumps are waiting")
    assert crowded(0, 0, owner="x", most=1) is None


def test_many_at_once_take_no_more_places_than_there_are(dumps):
    problems, refused = [], []

    def send(i: int) -> None:
        try:
            dumps.add(dump_id=f"{i:032x}", owner="", options="{}", suffix="", n_bytes=1, most=5)
        except OverloadedError:
            refused.append(i)
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=send, args=(i,)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    assert (dumps.n_open(), len(refused)) == (5, 7)


def test_a_dump_that_is_sent_once_more_is_the_same(dumps):
    def send(name, content="c", owner="", **given):
        row = {"options": "{}", "suffix": "", "n_bytes": 1, "sent": Sent(key="k", content=content)}
        return dumps.add(dump_id=name * 32, owner=owner, **row, **given).id[0]

    assert not dumps.is_sent("k", owner="")
    assert send("a") == "a"
    assert dumps.is_sent("k", owner="")
    assert send("b", most=1) == "a"  # it needs no place
    with pytest.raises(UsageError, match="Idempotency-Key was sent before, with something else"):
        send("b", content="d")
    assert send("c", owner="x") == "c"
    run = dumps.claim()
    dumps.finish(run.id, lease=run.lease, n_comments=1)
    assert send("b") == "a"
    dumps.delete("a" * 32)
    assert send("b") == "b"


def test_a_run_without_the_lease_changes_nothing(dumps):
    add(dumps)
    first = dumps.claim()
    (pulse,) = dumps.pulses()
    assert dumps.requeue(pulse)
    second = dumps.claim()
    assert second.lease != first.lease
    assert second.n_runs == 2
    late = {"lease": first.lease}
    assert not dumps.beat(first.id, **late, n_bytes_read=1, n_comments=1)
    assert not dumps.finish(first.id, **late, n_comments=1)
    assert not dumps.fail(first.id, **late, error="late", fault=THE_DUMP)
    assert not dumps.give_back(first.id, **late)
    assert dumps.finish(second.id, lease=second.lease, n_comments=3)
    assert not dumps.finish(second.id, lease=second.lease, n_comments=3)
    assert dumps.get(first.id).n_comments == 3


def test_a_pulse_that_has_moved_is_not_taken_for_dead(dumps):
    add(dumps)
    run = dumps.claim()
    (pulse,) = dumps.pulses()
    dumps.beat(run.id, lease=run.lease, n_bytes_read=1, n_comments=1)
    assert not dumps.requeue(pulse)
    assert not dumps.give_up(pulse, error="It died.")
    (pulse,) = dumps.pulses()
    assert dumps.give_up(pulse, error="It died.")
    found = dumps.get(run.id)
    assert (found.state, found.error, found.fault) == ("failed", "It died.", "service")


def test_what_is_given_back_counts_as_not_begun(dumps):
    add(dumps)
    run = dumps.claim()
    assert dumps.give_back(run.id, lease=run.lease)
    found = dumps.get(run.id)
    assert (found.state, found.n_runs, found.lease, found.started_at) == ("queued", 0, None, None)


def test_owners_see_and_delete_their_own(dumps):
    for name, owner in (("a", "x"), ("b", "y"), ("c", "x")):
        add(dumps, name, owner)
    assert [dump.id[0] for dump in dumps.latest(owner="x", limit=9)] == ["c", "a"]
    c, a = dumps.latest(owner="x", limit=9)
    assert [dump.id[0] for dump in dumps.latest(owner="x", limit=1)] == ["c"]
    assert [dump.id[0] for dump in dumps.latest(owner="x", limit=9, before=c.number)] == ["a"]
    assert dumps.latest(owner="x", limit=9, before=a.number) == []
    assert dumps.get("a" * 32, owner="y") is None
    assert not dumps.delete("a" * 32, owner="y")
    assert dumps.delete("a" * 32, owner="x")
    assert dumps.n_open() == 2
    add(dumps, "d", "x")
    (d, _) = dumps.latest(owner="x", limit=9)
    assert dumps.delete(d.id)
    assert [dump.id[0] for dump in dumps.latest(owner="x", limit=9, before=d.number)] == ["c"]
    assert dumps.states(["a" * 32, "b" * 32]) == {"b" * 32: "queued"}


def test_what_is_old_is_found(dumps):
    add(dumps)
    run = dumps.claim()
    assert dumps.finished_before(2**60) == []
    dumps.fail(run.id, lease=run.lease, error="No.", fault=THE_DUMP)
    assert dumps.finished_before(2**60) == [run.id]
    assert dumps.finished_before(0) == []


def test_states_of_more_ids_than_a_question_may_hold(dumps):
    add(dumps)
    ids = [f"{i:032x}" for i in range(66_000)]  # PostgreSQL takes 65,535; SQLite half as many, or as built
    assert dumps.states([*ids, "a" * 32]) == {"a" * 32: "queued"}


def test_many_at_once_claim_each_dump_once(dumps):
    for i in range(30):
        dumps.add(dump_id=f"{i:032x}", owner="", options="{}", suffix="", n_bytes=1)
    claimed, problems = Counter(), []

    def work() -> None:
        try:
            while (run := dumps.claim()) or dumps.n_open() > sum(claimed.values()):
                if run:
                    claimed[run.id] += 1
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    assert len(claimed) == 30
    assert set(claimed.values()) == {1}


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_each_dump_is_finished_once(dumps, seed):
    """Runs die, stall, come back late and are given back, in random order."""
    chance, runs, finished = random.Random(seed), [], Counter()
    for name in "abcdef":
        add(dumps, name)
    for _ in range(200):
        match chance.choice(("claim", "claim", "beat", "finish", "revive", "give back")):
            case "claim":
                run = dumps.claim()
                runs += [run] if run else []
            case "beat" if runs:
                run = chance.choice(runs)
                dumps.beat(run.id, lease=run.lease, n_bytes_read=1, n_comments=1)
            case "finish" if runs:
                run = chance.choice(runs)
                finished[run.id] += dumps.finish(run.id, lease=run.lease, n_comments=1)
            case "revive":
                for pulse in dumps.pulses():
                    if chance.random() < 0.3:
                        dumps.requeue(pulse)
            case "give back" if runs:
                run = chance.choice(runs)
                dumps.give_back(run.id, lease=run.lease)
    while run := dumps.claim():
        runs.append(run)
    for run in runs:
        finished[run.id] += dumps.finish(run.id, lease=run.lease, n_comments=1)
    assert +finished == Counter(name * 32 for name in "abcdef")
