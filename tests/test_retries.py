from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.service.retries import Retries, retry_after_of

NOW = datetime(2026, 5, 1, 10, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("٣", None),
        ("0", 0),
        ("7", 7),
        ("9" * 400, 999_999_999_999),
        ("Fri, 01 May 2026 10:00:30 GMT", 30),
        ("Fri, 01 May 2026 09:00:00 GMT", 0),
        ("Fri, 01 May 2026 10:00:30 -0000", 30),
    ],
)
def test_retry_after_is_a_number_or_a_date(value, seconds):
    assert retry_after_of({} if value is None else {"retry-after": value}, now=NOW) == seconds


@given(n_tried=st.integers(1, 20), retry_after=st.none() | st.floats(0, 10**6))
def test_waits_are_within_bounds(n_tried, retry_after):
    retries = Retries(n_tries=10, first_seconds=0.5, most_seconds=8, patience_seconds=60)
    wait = retries.wait_seconds(n_tried=n_tried, retry_after=retry_after)
    if n_tried >= 10 or (retry_after is not None and retry_after > 60):
        assert wait is None
    elif retry_after is None:
        assert 0.25 <= wait <= min(8, 0.5 * 2 ** (n_tried - 1))
    else:
        assert retry_after <= wait <= retry_after + 6.5


def test_waits_differ():
    assert len({Retries().wait_seconds(n_tried=2, retry_after=5) for _ in range(20)}) > 10
