from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.facts import Facts
from plaudit.validation.sampling import Sampler, clusters, roots
from tests.communities import facts_from

random = np.random.RandomState


def section(n: int = 60) -> Facts:
    rows = [
        {
            "id": str(i),
            "text": f"the part on step {i}",
            "author": f"author {i % 17}",
            "parent_id": str(i - i % 4) if i % 4 else None,
            "is_creator": i % 20 == 3,
        }
        for i in range(n)
    ]
    return facts_from(rows)


@given(st.integers(0, 50))
def test_halves_share_nothing_and_lose_nothing(seed: int) -> None:
    facts = section()
    for by in ("author", "thread"):
        sampler = Sampler(facts, by=by)  # type: ignore[arg-type]
        one, other = sampler.halves(random(seed))
        assert len(one) + len(other) == len(sampler.facts)
        assert not set(clusters(one, by=by)) & set(clusters(other, by=by))  # type: ignore[arg-type]


def test_threads_stay_whole_and_keep_the_creator() -> None:
    sampler = Sampler(section(), by="thread")
    assert sampler.n_clusters == 15
    part = sampler.share(0.2, random(1))
    assert len(part) == 3 * 4
    assert sampler.facts.is_creator.any()


def test_by_author_the_creator_stays_out() -> None:
    sampler = Sampler(section(), by="author")
    assert not sampler.facts.is_creator.any()
    assert len(set(sampler.share(0.01, random(1)).author.tolist())) == 1


@pytest.mark.parametrize("by", ["author", "thread"])
@pytest.mark.parametrize("n", [1, 20, 40])
def test_samples_of_a_size_hold_just_enough_clusters(by: str, n: int) -> None:
    sampler = Sampler(section(), by=by)  # type: ignore[arg-type]
    part = sampler.comments(n, random(2))
    sizes = np.unique(clusters(part, by=by), return_counts=True)[1]  # type: ignore[arg-type]
    assert int((~part.is_creator).sum()) >= n
    assert len(part) - sizes.max() - 1 <= n + 4


def test_a_thread_hangs_on_its_oldest_comment_even_deep_or_torn_or_in_a_circle() -> None:
    key = np.array([1, 2, 3, 4, 8, 9], np.uint64)
    parent = np.array([0, 1, 2, 77, 9, 8], np.uint64)
    found = roots(key, parent)
    assert found[:4].tolist() == [1, 1, 1, 77]
    assert set(found[4:].tolist()) <= {8, 9}
    order = [3, 0, 5, 2, 4, 1]
    assert roots(key[order], parent[order])[:4].tolist() == [77, 1, found[5], 1]


def test_a_comment_without_an_author_is_alone() -> None:
    facts = facts_from([{"text": "a"}, {"text": "b"}, {"text": "c", "author": "x"}])
    assert len(set(clusters(facts, by="author").tolist())) == 3
