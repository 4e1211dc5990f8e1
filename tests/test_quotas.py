from __future__ import annotations

import asyncio
import time

import limits.util
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limits.errors import StorageError

from plaudit.errors import UsageError
from plaudit.service.keys import generate
from plaudit.service.problems import Problem
from plaudit.service.quotas import Account, Quotas
from tests.http import serving


def run(work):
    return asyncio.run(work())


def left_of(balances):
    return {balance.window: balance.left for balance in balances}


async def is_taken(quotas, n_comments, *, key="a"):
    try:
        await quotas.take(key, n_comments)
    except Problem:
        return False
    return True


def test_without_limits_everything_passes():
    async def work():
        quotas = Quotas(per_minute=None, per_day=None)
        assert not quotas
        await quotas.take("a", 10**9)
        await quotas.admit("a")
        assert await Account(quotas, key="a").headers() == {}

    run(work)


def test_each_key_has_its_own():
    async def work():
        quotas = Quotas(per_minute=5, per_day=None)
        assert quotas
        assert await is_taken(quotas, 5)
        assert not await is_taken(quotas, 1)
        assert await is_taken(quotas, 5, key="b")

    run(work)


def test_what_does_not_fit_is_refused_whole_and_costs_nothing():
    async def work():
        quotas = Quotas(per_minute=10, per_day=12)
        await quotas.take("a", 7)
        with pytest.raises(Problem) as caught:
            await quotas.take("a", 4)
        problem = caught.value
        assert (problem.kind, problem.status_code) == ("quota-exceeded", 429)
        assert "of 10 comments a minute, 3 are left" in problem.detail
        assert 0 < int(problem.headers["Retry-After"]) <= 60
        assert left_of(await quotas.balances("a")) == {"minute": 3, "day": 5}
        await quotas.take("a", 3)

    run(work)


def test_a_day_s_refusal_gives_the_minute_back():
    async def work():
        quotas = Quotas(per_minute=10, per_day=12)
        await quotas.take("a", 9)
        quotas._windows[0][1].namespace = "later"  # as if a minute had passed
        with pytest.raises(Problem, match="comments a day"):
            await quotas.take("a", 4)
        assert left_of(await quotas.balances("a")) == {"day": 3, "minute": 10}

    run(work)


def test_what_never_fits_is_no_matter_of_waiting():
    async def work():
        quotas = Quotas(per_minute=10, per_day=None)
        with pytest.raises(Problem, match="11 comments, the quota of this key is 10 a minute") as caught:
            await quotas.take("a", 11)
        assert caught.value.status_code == 413
        assert left_of(await quotas.balances("a")) == {"minute": 10}

    run(work)


@settings(max_examples=50, deadline=None)
@given(sizes=st.lists(st.integers(1, 12), max_size=30), amount=st.integers(1, 40))
def test_however_many_ask_at_once_no_comment_too_many_passes(sizes, amount):
    async def work():
        quotas = Quotas(per_minute=amount, per_day=None)
        taken = await asyncio.gather(*(is_taken(quotas, size) for size in sizes))
        n_passed = sum(size for size, passed in zip(sizes, taken, strict=True) if passed)
        assert n_passed <= amount
        # Exact: nothing was refused that still fitted in the end.
        assert all(passed or size > amount - n_passed for size, passed in zip(sizes, taken, strict=True))
        assert left_of(await quotas.balances("a")) == {"minute": amount - n_passed}

    run(work)


def test_exactly_as_many_as_allowed_pass_of_many_at_once():
    async def work():
        quotas = Quotas(per_minute=100, per_day=None)
        taken = await asyncio.gather(*(is_taken(quotas, 1) for _ in range(500)))
        assert sum(taken) == 100

    run(work)


def test_a_debit_may_go_beyond_and_then_nothing_is_admitted():
    async def work():
        quotas = Quotas(per_minute=10, per_day=None)
        await quotas.admit("a")
        await quotas.debit("a", 25)
        assert left_of(await quotas.balances("a")) == {"minute": 0}
        for ask in (quotas.admit("a"), quotas.take("a", 0)):
            with pytest.raises(Problem, match="0 are left"):
                await ask

    run(work)


def test_giving_back_never_leaves_more_than_a_whole_window():
    async def work():
        quotas = Quotas(per_minute=10, per_day=None)
        account = Account(quotas, key="a")
        await account.take(6)
        await quotas._storage.reset()  # as when the window ends meanwhile
        await account.give_back()
        await account.give_back()
        assert left_of(await quotas.balances("a")) == {"minute": 10}
        assert await is_taken(quotas, 10)
        assert not await is_taken(quotas, 1)

    run(work)


def test_a_window_ends(monkeypatch):
    async def work():
        quotas = Quotas(per_minute=2, per_day=None)
        await quotas.take("a", 2)
        (balance,) = await quotas.balances("a")
        assert 58 <= balance.resets_in <= 60
        now, since = time.time(), time.monotonic()
        monkeypatch.setattr(time, "time", lambda: now + 61)
        monkeypatch.setattr(time, "monotonic", lambda: since + 61)
        assert left_of(await quotas.balances("a")) == {"minute": 2}
        assert await is_taken(quotas, 2)

    run(work)


@pytest.mark.parametrize("jump", [-86_400, 86_400])
def test_a_clock_that_jumps_neither_prolongs_a_window_nor_ends_it(jump, monkeypatch):
    async def work():
        quotas = Quotas(per_minute=2, per_day=5)
        await quotas.take("a", 2)
        wall, since = time.time, time.monotonic
        monkeypatch.setattr(time, "time", lambda: wall() + jump)
        found = {balance.window: balance for balance in await quotas.balances("a")}
        assert (found["minute"].left, found["day"].left) == (0, 3)
        assert 50 <= found["minute"].resets_in <= 60
        assert 86_390 <= found["day"].resets_in <= 86_400
        with pytest.raises(Problem, match="0 are left") as caught:
            await quotas.take("a", 1)
        assert 50 <= int(caught.value.headers["Retry-After"]) <= 60
        monkeypatch.setattr(time, "monotonic", lambda: since() + 61)
        assert left_of(await quotas.balances("a")) == {"minute": 2, "day": 3}
        assert await is_taken(quotas, 2)

    run(work)


def test_headers_tell_the_scarcest():
    async def work():
        quotas = Quotas(per_minute=100, per_day=120)
        account = Account(quotas, key="a")
        await account.take(30)
        headers = await account.headers()
        assert headers["RateLimit-Limit"] == "100"
        assert headers["RateLimit-Remaining"] == "70"
        assert 0 < int(headers["RateLimit-Reset"]) <= 60
        assert headers["RateLimit-Policy"] == "100;w=60, 120;w=86400"

    run(work)


@pytest.mark.parametrize("uri", ["disk://secret", "", "memory", "redis://:secret@h:1", "http://secret"])
def test_a_storage_that_cannot_be_used_is_one_sentence_without_its_password(uri, monkeypatch):
    monkeypatch.setattr(limits.util, "get_dependency", lambda _: (limits.util.MissingModule, None))
    with pytest.raises(UsageError, match="PLAUDIT_QUOTA_STORAGE names no place") as caught:
        Quotas(per_minute=1, per_day=None, storage=uri)
    assert "secret" not in str(caught.value)


def test_where_counting_fails_requests_pass(monkeypatch, caplog):
    async def fail(*_, **__):
        raise StorageError(ConnectionError("secret-host"))

    async def work():
        quotas = Quotas(per_minute=2, per_day=None)
        for name in ("incr", "get", "get_expiry"):
            monkeypatch.setattr(quotas._storage, name, fail)
        await quotas.take("a", 2)
        await quotas.take("a", 2)
        assert left_of(await quotas.balances("a")) == {"minute": 2}

    run(work)
    assert "quotas can't be counted" in caplog.text
    assert "secret" not in str([record.__dict__ for record in caplog.records])


def test_a_section_that_fits_into_no_window_is_refused_for_good():
    key, line = generate("one")
    body = b'{"text": "Is it?", "author": "a"}\n' * 700
    headers = {"X-API-Key": key, "Content-Type": "application/x-ndjson"}
    with serving(api_keys=str(line), quota_per_minute=600) as client:
        answer = client.post("/v1/index/stream", content=body, headers=headers)
        assert answer.status_code == 413
        assert "the quota of this key is 600 a minute" in answer.json()["detail"]
        assert answer.headers["ratelimit-remaining"] == "600"


def test_where_two_windows_are_used_up_the_longer_one_is_waited_for():
    async def scenario():
        quotas = Quotas(per_minute=5, per_day=5)
        await quotas.take("a", 5)
        for n_comments in (0, 1):
            with pytest.raises(Problem) as caught:
                await quotas.take("a", n_comments)
            assert int(caught.value.headers["Retry-After"]) > 60

    asyncio.run(scenario())
