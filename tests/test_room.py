from __future__ import annotations

import asyncio

import pytest

from plaudit.service.lanes import SLICE_TEXTS
from plaudit.service.metrics import Metrics
from plaudit.service.problems import Problem
from plaudit.service.room import Room, weight_of


def room(size: int = 100, rate: float = 10) -> Room:
    return Room(size, rate=lambda: rate, metrics=Metrics())


def test_what_does_not_fit_is_refused_with_a_time_to_come_back():
    here = room()
    with here.hold(60):
        with pytest.raises(Problem) as caught, here.hold(20):
            pass
        assert (caught.value.status_code, caught.value.headers["Retry-After"]) == (429, "6")
        assert here.taken == 60
    assert here.taken == 0


def test_the_largest_request_has_its_chance_where_nothing_waits():
    here = room()
    with here.hold(5000), pytest.raises(Problem), here.hold(1):
        pass


def test_a_quarter_is_kept_for_short_requests():
    here = room()
    with here.hold(75):
        with pytest.raises(Problem), here.hold(SLICE_TEXTS + 1):
            pass
        with here.hold(SLICE_TEXTS):
            assert here.is_full


def test_the_door_is_shut_to_what_would_not_fit():
    here = room()
    with here.hold(73):
        here.check_door(4096)
        for n_bytes in (4097, 10**9):
            with pytest.raises(Problem) as caught:
                here.check_door(n_bytes)
            assert (caught.value.status_code, caught.value.headers["Retry-After"]) == (429, "8")
        here.check_door(None)
        with here.hold(2), pytest.raises(Problem):
            here.check_door(None)
    with here.hold(60):
        here.check_door(10**9)  # it may be one long text
    here.check_door(10**9)


def test_there_is_no_more_room_than_can_be_answered_in_time():
    rates = [5.0]
    here = Room(100, rate=lambda: rates[0], metrics=Metrics(), seconds=10)
    with here.hold(36):
        with pytest.raises(Problem) as caught, here.hold(SLICE_TEXTS + 1):
            pass
        assert caught.value.status_code == 429
        with pytest.raises(Problem):
            here.check_door(10**9)
        with here.hold(10), pytest.raises(Problem), here.hold(11):  # the quarter for short ones is full too
            pass
        rates[0] = 50.0
        here.check_door(10**9)
        with here.hold(SLICE_TEXTS + 1):
            pass


def test_what_a_comment_takes_is_learnt():
    here = room(size=10_000)
    with here.hold(7000):
        here.check_door(40_000)
        with pytest.raises(Problem):
            here.check_door(60_000)
        for _ in range(200):
            here.learn(20_000, n_comments=10)
        here.check_door(60_000)


def test_long_texts_count_more():
    assert weight_of(["", "x", "x" * 1000, "x" * 2500]) == 1 + 1 + 2 + 3


def test_streams_wait_for_room():
    async def streamed() -> list[str]:
        here, seen = room(), []

        async def stream() -> None:
            async with here.wait(50):
                seen.append("in")

        with here.hold(60):
            task = asyncio.create_task(stream())
            await asyncio.sleep(0.01)
            seen.append("still out")
        await asyncio.wait_for(task, 5)
        return seen

    assert asyncio.run(streamed()) == ["still out", "in"]
