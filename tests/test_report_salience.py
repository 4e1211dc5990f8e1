from __future__ import annotations

from plaudit.report import salience
from plaudit.report.envelope import Group, SignalRow
from tests import reports


def row(name: str, word: str, points: float | None = 1.0, family: str = "text") -> SignalRow:
    return reports.signal(name, family, 0.1, 0.0, 0.2, word=word, points=points)


def names(rows: list[SignalRow]) -> list[str]:
    return [row.name for row in rows]


def test_alarms_come_before_lows_and_fewest_points_first() -> None:
    rows = [
        row("a", "low", 1),
        row("b", "alarm", 4),
        row("c", "alarm", 2),
        row("d", "alarm", None),
        row("e", "good"),
    ]
    assert names(salience.pulling_down(rows)) == ["c", "b", "d", "a"]


def test_good_signals_come_by_points() -> None:
    assert names(salience.lifting([row("a", "good", 1), row("b", "good", 9), row("c", "normal", 20)])) == [
        "b",
        "a",
    ]


def test_bad_news_never_crowds_out_the_good() -> None:
    rows = [*(row(f"bad{i}", "alarm", i) for i in range(6)), row("up", "good"), row("mid", "normal")]
    assert names(salience.most_telling(rows, n=5)) == ["bad0", "bad1", "bad2", "bad3", "up"]
    assert names(salience.most_telling(rows[6:], n=5)) == ["up", "mid"]
    assert names(salience.most_telling(rows[:6], n=5)) == [f"bad{i}" for i in range(5)]


def test_groups_that_abstain_come_last_by_what_they_have() -> None:
    half = reports.group("half", index=None)
    none = Group(key="none", **reports.abstaining())
    ranked = salience.ranked(
        [none, half, reports.group("b"), reports.group("a"), reports.group("top", shift=9)]
    )
    assert [group.key for group in ranked] == ["top", "a", "b", "half", "none"]


def test_families_keep_their_first_order() -> None:
    rows = [
        row("a", "good", family="text"),
        row("b", "good", family="copies"),
        row("c", "good", family="text"),
    ]
    assert [(family, names(group)) for family, group in salience.by_family(rows)] == [
        ("text", ["a", "c"]),
        ("copies", ["b"]),
    ]
