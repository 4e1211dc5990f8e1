from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.service.lanes import SLICE_TEXTS, SLICE_TOKENS, Lanes, Order, tokens_of
from tests.fakes import KeywordClassifier

FAKE = KeywordClassifier()
TEXTS = st.lists(st.text("ab? ", max_size=600), min_size=1, max_size=60)


@given(st.lists(TEXTS, max_size=6), st.integers(1, 3000))
def test_every_text_is_answered_once_in_its_place(requests, budget):
    lanes, orders = Lanes(), [Order(texts) for texts in requests]
    for order in orders:
        lanes.add(order)
    while batch := lanes.take(budget):
        assert sum(each.n_tokens for each in batch[:-1]) < budget
        for each in batch:
            assert 0 < len(each.texts) <= SLICE_TEXTS
            assert each.n_tokens <= max(SLICE_TOKENS, tokens_of("x" * 600))
            each.order.fill(each.start, FAKE.classify(each.texts))
    for order, texts in zip(orders, requests, strict=True):
        scores, expected = order.future.result(timeout=0), FAKE.classify(texts)
        assert scores.languages == expected.languages
        assert (scores.probabilities == expected.probabilities).all()


def test_slices_may_come_back_in_any_order():
    order, slices = Order([f"n{i}" + ("?" if i % 3 else "") for i in range(40)]), []
    while order.n_left:
        slices.append(order.cut())
    for each in reversed(slices):
        assert not order.future.done()
        order.fill(each.start, FAKE.classify(each.texts))
    assert list(order.future.result().labels) == [2 if i % 3 else 0 for i in range(40)]


def test_a_short_request_is_in_the_next_batch_however_many_long_ones_wait():
    lanes, short = Lanes(), Order(["short"])
    for _ in range(50):
        lanes.add(Order(["long"] * 1000))
    lanes.take(300)
    lanes.add(short)
    assert short in [each.order for each in lanes.take(300)]


def test_a_single_comment_does_not_wait_for_parts_of_long_requests_in_its_batch():
    lanes, single = Lanes(), Order(["single"])
    for _ in range(50):
        lanes.add(Order(["long"] * 1000))
    lanes.take(3000)
    lanes.add(single)
    assert [each.order for each in lanes.take(3000)] == [single]
    assert sum(each.n_tokens for each in lanes.take(3000)) >= 3000


def test_a_flood_of_short_requests_leaves_half_to_a_long_one():
    lanes, long = Lanes(), Order(["long"] * 1000)
    lanes.add(long)
    for _ in range(1000):
        lanes.add(Order(["s"] * SLICE_TEXTS))
    batch = [each for _ in range(30) for each in lanes.take(2000)]
    share = sum(each.n_tokens for each in batch if each.order is long) / sum(each.n_tokens for each in batch)
    assert 0.4 < share < 0.6


@pytest.mark.parametrize("budget", [1, 300, 2000])
def test_single_comments_short_and_long_requests_get_equal_shares(budget):
    lanes, n_tokens = Lanes(), {1: 0, 10: 0, 1000: 0}
    for _ in range(1000):
        for n_texts in n_tokens:
            lanes.add(Order(["text"] * n_texts))
    while sum(n_tokens.values()) < 15_000:
        for each in lanes.take(budget):
            n_tokens[len(each.order._texts)] += each.n_tokens
    assert max(n_tokens.values()) - min(n_tokens.values()) <= SLICE_TOKENS + budget


def test_a_single_comment_is_in_the_next_batch_after_a_long_rest():
    lanes, single = Lanes(), Order(["single"])
    for n_texts in (10, 1000):
        for _ in range(500):
            lanes.add(Order(["text"] * n_texts))
    lanes.add(Order(["first"]))
    for _ in range(20):
        lanes.take(300)
    lanes.add(single)
    assert lanes.take(300)[0].order is single
    rest = [each for _ in range(20) for each in lanes.take(300)]
    assert single not in [each.order for each in rest]


@given(st.lists(TEXTS, max_size=6), st.integers(0, 3000))
def test_what_waits_is_told_up_to_a_bound(requests, most):
    lanes, n_tokens = Lanes(), 0.0
    for texts in requests:
        order = Order(["like this one"] * len(texts))
        lanes.add(order)
        n_tokens += len(texts) * tokens_of("like this one")
    found = lanes.n_tokens_waiting(most=most)
    assert found == n_tokens or most < found <= n_tokens


def test_long_requests_take_turns():
    lanes, orders = Lanes(), [Order(["x"] * 100) for _ in range(4)]
    for order in orders:
        lanes.add(order)
    assert [each.order for _ in range(8) for each in lanes.take(1)] == orders * 2


def test_who_left_or_failed_gets_no_more_turns():
    lanes, left, failed = Lanes(), Order(["x"] * 100), Order(["y"] * 100)
    lanes.add(left)
    lanes.add(failed)
    first = lanes.take(1)[0]
    left.future.cancel()
    failed.fail(ValueError("broken"))
    assert lanes.take(10_000) == []
    first.order.fill(first.start, FAKE.classify(first.texts))  # too late, and harmless
    assert isinstance(failed.future.exception(), ValueError)
