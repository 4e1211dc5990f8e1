from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from plaudit.service import room as rooms
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


async def entered(here: Room, n_comments: int, seen: list[str], name: str = "in", seconds: float = 0) -> None:
    async with here.wait(n_comments):
        seen.append(name)
        await asyncio.sleep(seconds)


async def holding(here: Room, n_comments: int) -> None:
    """Take room again as soon as it is free, and ask again at once where it is not, for ever."""
    while True:
        try:
            with here.hold(n_comments):
                await asyncio.sleep(0.001)
        except Problem:
            await asyncio.sleep(0)


def test_streams_get_room_in_the_order_in_which_they_came():
    async def streamed() -> list[str]:
        here, seen = room(), []
        sizes = {"a": 50, "b": 20, "c": 21, "d": 22, "e": 23}
        with here.hold(30):
            with here.hold(30):
                tasks = {name: asyncio.create_task(entered(here, n, seen, name)) for name, n in sizes.items()}
                await asyncio.sleep(0.01)
                tasks["b"].cancel()
            await asyncio.sleep(0.01)
            assert (seen, here.taken) == ([], 30)  # nor does one for which there is room overtake
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        assert here.taken == 0
        return seen

    assert asyncio.run(streamed()) == ["a", "c", "d", "e"]


def beside(n_holders: int, n_each: int, do: Callable[[Room], Awaitable[None]]) -> None:
    async def run() -> None:
        here = room()
        holders = [asyncio.create_task(holding(here, n_each)) for _ in range(n_holders)]
        await asyncio.sleep(0.01)
        assert here.taken + n_each > (100 if n_each <= SLICE_TEXTS else 75)
        await asyncio.wait_for(do(here), 20)
        for each in holders:
            each.cancel()
        await asyncio.gather(*holders, return_exceptions=True)
        assert (here.taken, here._n_long, here._n_streamed) == (0, 0, 0)

    asyncio.run(run())


@pytest.mark.parametrize(("n_holders", "n_each"), [(5, 30), (20, SLICE_TEXTS), (40, 3)])
@pytest.mark.parametrize("n_comments", [40, 70, 500])
def test_a_stream_gets_room_beside_any_number_of_requests(n_holders, n_each, n_comments):
    async def stream(here: Room) -> None:
        for _ in range(3):
            await entered(here, n_comments, [])

    beside(n_holders, n_each, stream)


def test_beside_any_number_of_streams_requests_have_room():
    async def streamed() -> None:
        here, seen = room(), []
        tasks = [asyncio.create_task(entered(here, 25, seen, seconds=0.2)) for _ in range(9)]
        await asyncio.sleep(0.01)
        assert here.taken == 50
        with here.hold(SLICE_TEXTS + 9), here.hold(SLICE_TEXTS):
            here.check_door(4096)
            await asyncio.wait_for(entered(here, 1, seen, "short"), 20)  # nor does it wait behind long ones
        await asyncio.gather(*tasks)
        assert seen == ["in"] * 2 + ["short"] + ["in"] * 7

    asyncio.run(streamed())


def test_while_a_stream_waits_short_requests_have_their_quarter_and_long_ones_nothing():
    async def streamed() -> None:
        here = room()
        with here.hold(50):
            task = asyncio.create_task(entered(here, 30, []))
            await asyncio.sleep(0.01)
            with pytest.raises(Problem):
                here.check_door(10_000)
            with here.hold(SLICE_TEXTS), pytest.raises(Problem), here.hold(SLICE_TEXTS + 1):
                pass
        await task

    asyncio.run(streamed())


def test_who_waits_for_long_is_told_and_makes_way(monkeypatch):
    monkeypatch.setattr(rooms, "_LONGEST_TURN_SECONDS", 0.05)

    async def streamed() -> list[str]:
        here, seen = room(), []
        with here.hold(60):
            large = asyncio.create_task(entered(here, 50, seen, "large"))
            await asyncio.sleep(0.02)
            small = asyncio.create_task(entered(here, 20, seen, "small"))
            with pytest.raises(Problem) as caught:
                await large
            assert (caught.value.kind, caught.value.headers["Retry-After"]) == ("overloaded", "6")
            assert here.taken == 60
        await small
        assert not here._waiting
        return seen

    assert asyncio.run(streamed()) == ["small"]
