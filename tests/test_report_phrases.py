from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit import policy
from plaudit.report import phrases
from plaudit.report.envelope import Interval
from tests import reports


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.0, "share", "0%"),
        (0.0042, "share", "0.4%"),
        (0.08, "share", "8%"),
        (0.0996, "share", "10%"),
        (0.312, "share", "31%"),
        (1.0, "share", "100%"),
        (6.42, "hours", "6.4 h"),
        (72.0, "hours", "3.0 days"),
        (0.614, "ratio", "0.61"),
        (1234.4, "authors", "1,234 authors"),
        (2.35, "count", "2.4"),
    ],
)
def test_quantities_are_written_in_their_unit(value: float, unit: str, expected: str) -> None:
    assert phrases.quantity(value, unit) == expected


@pytest.mark.parametrize(
    ("low", "high", "unit", "expected"),
    [
        (0.011, 0.043, "share", "1.1–4.3%"),
        (0.051, 0.148, "share", "5–15%"),
        (3.1, 15.2, "hours", "3.1–15.2 h"),
        (30.0, 72.0, "hours", "30.0 h–3.0 days"),
        (0.57, 0.66, "ratio", "0.57–0.66"),
    ],
)
def test_intervals_write_a_shared_unit_once(low: float, high: float, unit: str, expected: str) -> None:
    assert phrases.interval(low, high, unit) == expected


@given(st.lists(st.floats(0, 100), min_size=3, max_size=3).map(sorted))
def test_rounded_numbers_keep_their_order(bounds: list[float]) -> None:
    low, value, high = bounds
    number = Interval(value=value, low=low, high=high)
    first, last = phrases.score_interval(number).split("–")
    assert int(first) <= int(phrases.score(number)) <= int(last)


@given(st.text(alphabet=st.characters()))
def test_printable_text_can_be_sent_anywhere(text: str) -> None:
    clean = phrases.printable(text)
    clean.encode()
    assert len(clean) == len(text)
    assert phrases.printable(clean) == clean
    assert not set(clean) & {"\x1b", "\x00", "\u202e"}


def test_unknown_names_stand_for_themselves() -> None:
    assert phrases.signal_phrase("pod_share").title == "Pod share"
    assert phrases.family_phrase("network").title == "Network"


def test_every_signal_of_the_policy_is_titled_and_explained() -> None:
    rules = policy.load().signals
    assert set(rules) <= set(phrases.SIGNALS)
    assert all(
        phrases.signal_phrase(name) == (rule.title, phrases.SIGNALS[name]) for name, rule in rules.items()
    )
    assert {row.family for row in reports.SIGNALS} <= set(phrases.FAMILIES)


def test_explanations_name_what_is_counted() -> None:
    """Not comments but people, once a thread; not what is below a comment but what comes after its answer."""
    assert phrases.SIGNALS["reply_share"].startswith("People in a thread")
    assert "after a thread’s first answer" in phrases.SIGNALS["thread_depth"]


def test_points_are_attributed_only_by_the_policy_that_gave_them() -> None:
    indices = phrases.signal_indices(policy.load().hash)
    assert indices["generic_share"] == "authenticity"
    assert indices["reply_share"] == "depth"
    assert "emoji_only_share" not in indices
    assert phrases.signal_indices("0" * 64) == {}


def test_counts_agree_with_their_noun() -> None:
    assert phrases.counted(1, "comment") == "1 comment"
    assert phrases.counted(2400, "comment") == "2,400 comments"
