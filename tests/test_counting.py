"""Quotas whose place is a Redis: counted there, and no request waits where it is away or silent."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from plaudit.service import counting
from plaudit.service.keys import generate
from plaudit.service.problems import Problem
from plaudit.service.quotas import Quotas
from tests.http import serving
from tests.redis import Redis

PATIENCE_SECONDS, PAUSE_SECONDS = 2.0, 0.2


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(counting, "_PATIENCE_SECONDS", PATIENCE_SECONDS)
    monkeypatch.setattr(counting, "_PAUSE_SECONDS", PAUSE_SECONDS)


@pytest.fixture
def patient(monkeypatch, _short):
    """A machine that has other work is no Redis that is silent."""
    monkeypatch.setattr(counting, "_PATIENCE_SECONDS", 60)


def told(caplog, sentence):
    return [record for record in caplog.records if record.message == sentence]


async def left_of(quotas, key="a"):
    return {balance.window: balance.left for balance in await quotas.balances(key)}


async def close(quotas):
    """Close what a process that ends leaves to the system."""
    quotas._storage.bridge.storage.connection_pool.disconnect()
    await asyncio.sleep(0)


@pytest.mark.usefixtures("patient")
def test_a_redis_counts_for_all():
    async def work():
        async with Redis().running() as url:
            one, other = (Quotas(per_minute=5, per_day=100, storage=url) for _ in range(2))
            await one.take("a", 3)
            with pytest.raises(Problem, match="2 are left for"):
                await other.take("a", 3)
            await other.take("a", 2)
            assert await left_of(one) == {"minute": 0, "day": 95}
            assert 55 <= (await one.balances("a"))[0].resets_in <= 60
            await one.debit("a", -1)
            assert await left_of(other) == {"minute": 1, "day": 96}
            await close(one)
            await close(other)

    asyncio.run(work())


@pytest.mark.usefixtures("patient")
def test_a_count_and_the_end_of_its_window_come_in_one_step():
    """Whoever died in between would leave a count that never ends."""

    async def work():
        redis = Redis()
        async with redis.running() as url:
            quotas = Quotas(per_minute=5, per_day=None, storage=url)
            await quotas.take("a", 3)
            await quotas.debit("a", 3)
            assert redis.asked.count(b"EVALSHA") == 2
            assert not {b"INCRBY", b"EXPIRE"}.intersection(redis.asked)
            await close(quotas)

    asyncio.run(work())


def test_a_silent_redis_holds_up_nobody_and_is_counted_in_again(caplog):
    n_missed = []

    async def work():
        redis = Redis()
        async with redis.running() as url:
            quotas = Quotas(per_minute=1000, per_day=None, storage=url, on_missed=lambda: n_missed.append(1))
            await quotas.take("a", 1)
            redis.is_silent, started = True, time.monotonic()
            await asyncio.gather(*(quotas.take("a", 1) for _ in range(50)))
            for _ in range(50):
                await quotas.admit("a")
            assert time.monotonic() - started < 3 * PATIENCE_SECONDS
            assert len(n_missed) == 50 + 2 * 50
            started = time.monotonic()
            while time.monotonic() - started < 4 * (PATIENCE_SECONDS + PAUSE_SECONDS):
                asked = time.monotonic()
                await quotas.take("a", 1)
                assert time.monotonic() - asked < PATIENCE_SECONDS  # not even those that look for it wait
                await asyncio.sleep(0.01)
            n_before, redis.is_silent = len(n_missed), False
            await asyncio.sleep(2 * (PATIENCE_SECONDS + PAUSE_SECONDS))
            before = await left_of(quotas)
            await quotas.take("a", 7)
            assert (await left_of(quotas))["minute"] == before["minute"] - 7
            assert len(n_missed) == n_before
            await close(quotas)

    asyncio.run(work())
    assert len(told(caplog, "quotas can't be counted")) == 1
    assert len(told(caplog, "quotas are counted again")) == 1


def test_a_redis_that_is_not_there_is_found_when_it_comes(caplog):
    async def work():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"redis://127.0.0.1:{listener.getsockname()[1]}"
        quotas = Quotas(per_minute=5, per_day=None, storage=url)
        await asyncio.gather(*(quotas.take("a", 5) for _ in range(20)))
        assert await left_of(quotas) == {"minute": 5}
        assert len(told(caplog, "quotas can't be counted")) == 1

    asyncio.run(work())


def test_a_service_whose_redis_never_answers_answers():
    key, stored = generate("app")
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,  # the system accepts; nobody reads
        serving(
            api_keys=str(stored),
            quota_per_minute=5,
            quota_per_day=9,
            quota_storage=f"redis://127.0.0.1:{listener.getsockname()[1]}",
        ) as client,
    ):
        started = time.monotonic()
        for _ in range(20):
            answer = client.post(
                "/v1/classify",
                json={"comments": [{"text": "why so?"}] * 5},
                headers={"Authorization": f"Bearer {key}"},
            )
            assert answer.status_code == 200
            assert answer.headers["RateLimit-Remaining"] == "5"
        assert time.monotonic() - started < 20 * PATIENCE_SECONDS / 2
        assert (
            "plaudit_quota_failures_total "
            in client.get("/metrics", headers={"Authorization": f"Bearer {key}"}).text
        )
