"""Bursts and company, on simulated truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from plaudit.facts import Facts
from tests.communities import make_facts
from tests.test_signals import remarks, signals_of, value

HOUR = 3_600_000


def decaying(n: int, *, seed: int, days: float = 30.0) -> np.ndarray:
    """Return times of arrival whose rate falls like one over the age."""
    random = np.random.default_rng(seed)
    return (HOUR * np.expm1(random.random(n) * np.log1p(days * 24))).astype(np.int64)


def timed(times: np.ndarray, **columns: Any) -> Facts:
    return make_facts(len(times), created_at=times, exact_time=np.ones(len(times), bool), **columns)


class TestBursts:
    @pytest.mark.parametrize("seed", range(5))
    def test_a_posts_own_decay_is_no_burst(self, seed: int) -> None:
        assert (value(timed(decaying(1000, seed=seed)), "burst_share") or 0) < 0.01

    def test_a_crowd_within_minutes_is_and_is_counted(self) -> None:
        crowd = 20 * 24 * HOUR + np.arange(50) * 6_000
        found = signals_of(timed(np.concatenate((decaying(450, seed=1), crowd))))["burst_share"]
        assert found.estimate is not None
        assert found.estimate.value == pytest.approx(0.1, abs=0.01)

    def test_one_author_is_no_crowd(self) -> None:
        crowd = 20 * 24 * HOUR + np.arange(50) * 6_000
        author = np.concatenate((np.arange(450) + 9, np.full(50, 5)))
        assert (
            value(timed(np.concatenate((decaying(450, seed=1), crowd)), author=author), "burst_share") or 0
        ) < 0.01

    def test_two_crowds_are_two_and_not_as_many_as_came(self) -> None:
        """Who comes in a crowd has not decided by himself: with one crowd less, half of it is gone."""
        crowds = np.concatenate([(at * 24 * HOUR) + np.arange(50) * 6_000 for at in (10, 20)])
        found = signals_of(timed(np.concatenate((decaying(450, seed=1), crowds))))["burst_share"]
        assert found.estimate is not None
        low, high = found.estimate.interval()
        assert high - low > found.estimate.value

    def test_a_lively_evening_is_no_burst(self) -> None:
        evening = 20 * 24 * HOUR + np.linspace(0, 3 * HOUR, 200).astype(np.int64)
        assert (value(timed(np.concatenate((decaying(300, seed=2), evening))), "burst_share") or 0) < 0.02

    def test_posts_have_their_own_curves(self) -> None:
        times = np.concatenate((decaying(300, seed=3), decaying(300, seed=4) + 7_000 * HOUR))
        posts = np.repeat([1, 2], 300)
        whole = value(timed(times, post=posts), "burst_share") or 0
        parts = [value(timed(times[posts == p]), "burst_share") or 0 for p in (1, 2)]
        assert whole == pytest.approx(np.mean(parts), abs=1e-9)

    @pytest.mark.parametrize("n_wrong", [1, 4])
    def test_a_clock_that_says_1970_makes_no_crowd_of_those_who_came_first(self, n_wrong: int) -> None:
        random = np.random.default_rng(1)
        times = 1_600_000_000_000 + np.sort(random.pareto(0.8, 400) * HOUR / 3).astype(np.int64)
        wrong = (1 + np.arange(n_wrong)) * HOUR
        assert value(timed(times), "burst_share") == 0
        assert value(timed(np.concatenate((wrong, times))), "burst_share") == 0

    @pytest.mark.parametrize("n_early", [1, 5, 19])
    def test_who_came_a_day_before_all_others_makes_no_crowd_of_the_first_hour(self, n_early: int) -> None:
        random = np.random.default_rng(1)
        times = 2 * 24 * HOUR + np.sort(random.pareto(0.8, 400) * HOUR / 3).astype(np.int64)
        early = times[0] - 24 * HOUR + np.arange(n_early) * HOUR // 20
        assert value(timed(np.concatenate((early, times))), "burst_share") == 0

    def test_more_than_one_in_twenty_are_the_posts_own_pace(self) -> None:
        """Who hires a crowd for later has more than a few comments before it."""
        crowd = 3 * 24 * HOUR + np.arange(380) * 1_000
        for n_first, seen in ((19, False), (25, True)):
            first = np.sort(np.random.default_rng(n_first).integers(0, 24 * HOUR, n_first))
            found = value(timed(np.concatenate((first, crowd))), "burst_share") or 0
            assert (found > 0.5) == seen

    def test_where_a_post_began_is_no_matter_to_a_crowd_later(self) -> None:
        crowd = 20 * 24 * HOUR + np.arange(50) * 6_000
        times = 2 * 24 * HOUR + np.concatenate((decaying(450, seed=1), crowd))
        alone = value(timed(times), "burst_share") or 0
        assert value(timed(np.append(times, 0)), "burst_share") == pytest.approx(alone * 500 / 501, abs=1e-6)

    def test_a_crowd_shows_beside_a_wrong_clock(self) -> None:
        crowd = 20 * 24 * HOUR + np.arange(50) * 6_000
        times = 1_600_000_000_000 + np.concatenate((decaying(450, seed=1), crowd))
        alone = value(timed(times), "burst_share") or 0
        beside = value(timed(np.append(times, HOUR)), "burst_share")
        assert beside == pytest.approx(alone * 500 / 501, abs=1e-6)

    def test_who_comes_once_a_month_for_twenty_years_is_no_crowd(self) -> None:
        assert value(timed(np.arange(245) * (30 * 24 * HOUR + 1000)), "burst_share") == 0

    @pytest.mark.parametrize("unit", [HOUR, 24 * HOUR])
    def test_times_cut_to_the_day_or_the_hour_are_no_crowds(self, unit: int) -> None:
        """A spreadsheet's midnights took ten points: each day was a burst."""
        times = decaying(450, seed=1)
        cut = times // unit * unit + 1_800_000  # as local midnight, half an hour beside UTC
        found = signals_of(timed(cut))["burst_share"]
        assert found.hidden
        assert "whole hours apart" in (found.absent or "")
        # Another post's exact times are still read, and of the first no arrival is.
        both = timed(np.concatenate((cut[:40], times)), post=np.repeat([1, 2], [40, 450]))
        assert signals_of(both)["burst_share"].n_comments == 450
        assert value(both, "burst_share") == value(timed(times, post=np.full(450, 2)), "burst_share")
        # Few of each post, all of them together cut.
        some = signals_of(timed(cut, post=np.arange(450) % 50 + 1))["burst_share"]
        assert some.hidden

    def test_nineteen_full_hours_are_chance(self) -> None:
        assert signals_of(timed(np.arange(19) * HOUR))["burst_share"].absent == (
            "No post has 20 people who commented at top level."
        )

    def test_absent_without_exact_times_or_people(self) -> None:
        assert signals_of(remarks(30))["burst_share"].hidden
        assert not signals_of(remarks(10, created_at=5))["burst_share"].hidden


def audience(n_authors: int, n_posts: int, *, chance: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    here = np.random.default_rng(seed).random((n_authors, n_posts)) < chance
    author, post = np.nonzero(here)
    return author + 1_000, post + 1


def visits(*parts: tuple[np.ndarray, np.ndarray]) -> Facts:
    author, post = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return make_facts(len(author), author=author, post=post)


class TestCompany:
    def pod(self, n: int, *, n_posts: int = 8) -> tuple[np.ndarray, np.ndarray]:
        author, post = np.meshgrid(np.arange(n) + 1, np.arange(n_posts) * 3 + 1)
        return author.ravel(), post.ravel()

    @pytest.mark.parametrize(("chance", "n_posts"), [(0.05, 40), (0.2, 40), (0.9, 10), (0.5, 6)])
    def test_independent_people_are_no_company(self, chance: float, n_posts: int) -> None:
        found = value(visits(audience(1500, n_posts, chance=chance, seed=1)), "co_commenting")
        assert (found or 0) < 0.005

    def test_a_pod_is_seen_and_shown(self) -> None:
        facts = visits(audience(190, 40, chance=0.1, seed=2), self.pod(10))
        found = signals_of(facts)["co_commenting"]
        assert found.estimate is not None
        share = 80 / len(facts)
        assert found.estimate.value == pytest.approx(share, rel=0.02)  # nine others: one is among any 100
        ids = facts.id.to_pylist()
        assert all(facts.author[ids.index(id_)] <= 10 for id_ in found.evidence)

    def test_three_friends_are_no_group(self) -> None:
        assert value(visits(audience(190, 40, chance=0.1, seed=2), self.pod(3)), "co_commenting") == 0

    def test_absent_for_few_posts(self) -> None:
        assert "takes 5" in (signals_of(remarks(20))["co_commenting"].absent or "")

    def test_absent_without_authors(self) -> None:
        assert signals_of(remarks(20, author=None))["co_commenting"].hidden
