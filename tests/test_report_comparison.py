from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from plaudit.estimate import Estimate, Ratio, resample
from plaudit.report import phrases
from plaudit.report.comparison import Comparison, Shared, compare
from plaudit.report.comparison_views import MAX_GROUPS, print_comparison, render_comparison
from plaudit.report.difference import Value, chance, difference, discoveries
from plaudit.report.envelope import Interval, Report
from tests import reports
from tests.test_report_html import Page

FINITE = st.floats(-1e6, 1e6)


def compared(before: Report, after: Report, **options: object) -> Comparison:
    return compare(before, after, names=("one", "two"), **options)  # type: ignore[arg-type]


def by_name(comparison: Comparison) -> dict[str, object]:
    return {change.name: change for change in comparison.changes}


def shown(comparison: Comparison, *, width: int = 110, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding=encoding, newline="\n") as file:
        print_comparison(comparison, Console(file=file, width=width))
        file.flush()
        return raw.getvalue().decode(encoding)


@given(FINITE, FINITE, *[st.floats(0, 1e3)] * 4, st.floats(0, 1))
def test_a_difference_lies_in_its_interval_and_turns_round_with_the_runs(a, b, l1, u1, l2, u2, correlation):
    one, other = Value(value=a, low=a - l1, high=a + u1), Value(value=b, low=b - l2, high=b + u2)
    there = difference(one, other, correlation=correlation)
    back = difference(other, one, correlation=correlation)
    assert there.low <= there.value <= there.high
    assert back.low == pytest.approx(-there.high, abs=1e-6)


def test_a_difference_of_normal_numbers_is_the_textbook_one():
    one, other = Value(value=10, low=7, high=13), Value(value=14, low=10, high=18)
    apart = difference(one, other)
    assert (apart.low, apart.high) == (-1, 9)
    assert difference(one, one, correlation=1.0) == Value(value=0, low=0, high=0)


def _draw(rng: np.random.Generator, rate: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    authors = rng.integers(1, 2**63, n // 3, dtype=np.uint64)
    own = np.clip(rng.beta(8 * rate, 8 * (1 - rate), len(authors)), 0, 1)
    who = rng.integers(0, len(authors), n)
    return authors[who], (rng.random(n) < own[who]).astype(np.int64)


def _share(clusters: np.ndarray, hits: np.ndarray) -> Value:
    (found,) = resample(
        [Ratio(by="author", clusters=clusters, top=hits, bottom=np.ones_like(hits), prior=1)], names=["x"]
    )
    assert isinstance(found, Estimate)
    low, high = found.interval()
    return Value(value=found.value, low=low, high=high)


@pytest.mark.parametrize("overlap", [0.0, 0.7])
def test_intervals_of_differences_hold_the_truth_as_often_as_they_say(overlap):
    rng = np.random.default_rng(3)
    n, n_common, widths, held = 240, int(240 * overlap), [], 0
    for _ in range(300):
        parts = [_draw(rng, 0.25, n_common or 3)] + [_draw(rng, 0.25, n - n_common) for _ in range(2)]
        common = parts[0] if n_common else (np.empty(0, np.uint64), np.empty(0, np.int64))
        runs = [tuple(np.concatenate(pair) for pair in zip(common, own, strict=True)) for own in parts[1:]]
        apart = difference(*(_share(*run) for run in runs), correlation=n_common / n)
        held += apart.low <= 0 <= apart.high
        widths.append(apart.high - apart.low)
    assert 0.86 <= held / 300 <= 0.96
    assert np.mean(widths) < (0.3 if overlap == 0 else 0.17)


def test_chances_are_those_of_the_normal_curve():
    assert chance(Value(value=0, low=-1, high=1)) == 1
    assert chance(Value(value=1, low=0, high=9)) == pytest.approx(0.1)
    assert chance(Value(value=-1, low=-9, high=0)) == pytest.approx(0.1)
    assert chance(Value(value=1, low=1, high=1)) == 0


def test_one_lone_small_chance_among_many_is_no_discovery():
    assert discoveries([]) == []
    assert discoveries([0.05]) == [True]
    assert discoveries([0.05, *[0.5] * 30]) == [False] * 31
    assert discoveries([0.001, 0.9, 0.01, 0.9]) == [True, False, True, False]


def test_false_alarms_stay_rare_where_nothing_changed():
    rng = np.random.default_rng(1)
    alarms = [any(discoveries(list(rng.random(26)))) for _ in range(2000)]
    assert np.mean(alarms) < 0.13


def test_the_same_report_twice_has_changed_in_nothing():
    comparison = compared(reports.grouped_report(), reports.grouped_report())
    assert {change.verdict for change in comparison.changes} == {"same", "absent"}
    assert "numbers that are there in both runs are the same" in shown(comparison)
    assert len(comparison.groups) == 5


def test_verdicts_tell_change_from_noise_and_from_silence():
    far = Interval(value=20, low=18, high=22)
    near = Interval(value=70.0, low=61, high=77)
    after = reports.full_report(index=far, authenticity=near, community_depth=None)
    changes = by_name(compared(reports.full_report(), after))
    verdicts = {name: changes[name].verdict for name in ("index", "authenticity", "community_depth")}
    assert verdicts == {"index": "fell", "authenticity": "noise", "community_depth": "gone"}
    back = by_name(compared(after, reports.full_report()))
    assert back["index"].verdict == "rose"
    assert back["community_depth"].verdict == "new"


def test_what_did_not_move_at_all_does_not_drown_what_did():
    nearer = Interval(value=57.0, low=52, high=62)
    assert (
        by_name(compared(reports.full_report(), reports.full_report(index=nearer)))["index"].verdict == "fell"
    )


def test_groups_are_matched_by_key_and_the_most_changed_come_first():
    before = reports.grouped_report()
    moved = reports.group("shop-tour", shift=-40.0)
    after = replace(before, groups=(moved, reports.group("new-one"), *before.groups[:3]))
    comparison = compared(before, after)
    assert comparison.groups[0].key == "shop-tour"
    assert comparison.only_after == ("new-one",)
    assert comparison.only_before == ("作業台の作り方",)
    verdicts = {c.name: c.verdict for c in comparison.groups[0].changes if c.kind == "number"}
    assert verdicts == {"index": "fell", "authenticity": "fell", "community_depth": "fell"}


def test_other_models_and_policies_are_named():
    other = reports.full_report(
        model={"id": "other-model", "hash": "9"}, policy={"id": "other-policy", "hash": "9"}, version="9.9"
    )
    notes = " ".join(compared(reports.full_report(), other).notes)
    assert "Different models" in notes
    assert "minilm-20261125-1a2b3c4d" in notes
    assert "other-model" in notes
    assert "Different policies" in notes
    assert "9.9" in notes


def test_what_is_assumed_follows_what_is_known():
    both = {"n_common": 400, "n_relabelled": 0}
    report, other = reports.full_report(), reports.full_report(model={"id": "other", "hash": "9"})
    same = Shared(n_before=400, n_after=400, **both)
    part = Shared(n_before=400, n_after=1600, **both)
    found = [compared(report, report), compared(report, report, shared=part)]
    found += [compared(report, report, shared=same), compared(report, other, shared=same)]
    assert [each.assumption for each in found] == [
        "independent",
        "overlapping",
        "same_comments",
        "same_comments",
    ]
    assert [each.correlation for each in found] == [0, 0.5, 1, 0]
    assert "too wide" in found[3].notes[0]
    assert "400 comments are in both runs" in found[1].notes[0]


def test_differences_are_as_exact_as_they_need_to_be():
    assert phrases.change(0.0312, "share") == "+3.1 pp"
    assert phrases.change_interval(-0.0312, 0.0001, "share") == "−3.1 to +0.0 pp"
    assert phrases.change_interval(-0.0004, 0.0006, "share") == "−0.04 to +0.06 pp"
    assert phrases.change(0, "share") == "±0.0 pp"
    assert phrases.change(-0.004, "points") == "±0.0"
    assert phrases.change(-0.00001, "share") == "±0.00 pp"
    assert phrases.change(-12.34, "points") == "−12.3"
    assert phrases.change(60, "hours") == "+2.5 days"


def test_the_terminal_names_what_changed_most_in_a_group():
    before = reports.grouped_report()
    after = replace(before, groups=(reports.group("shop-tour", shift=-40.0), *before.groups[:3]))
    (line,) = [line for line in shown(compared(before, after)).splitlines() if "shop-tour" in line]
    assert re.search(r"(Index|Authenticity|Community depth) .* −\d+\.\d .* fell", line)


def test_json_holds_everything():
    given = orjson.loads(compared(reports.full_report(), reports.full_report(index=None)).to_json())
    assert given["before"]["name"] == "one"
    assert given["changes"][0] == {
        "name": "index",
        "kind": "number",
        "unit": "points",
        "before": {"value": 66.31, "low": 60.2, "high": 71.4},
        "after": None,
        "difference": None,
        "verdict": "gone",
    }


@pytest.mark.parametrize("width", [40, 80, 140])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_any_terminal_shows_it(width, encoding):
    text = shown(
        compared(reports.grouped_report(), reports.abstaining_report()), width=width, encoding=encoding
    )
    assert max(map(len, text.splitlines())) <= width


def test_the_page_is_whole_and_escapes_what_comes_from_data():
    payload = "<script>alert(1)</script>"
    hostile, _ = reports.hostile_report(payload)
    shared = Shared(n_before=3, n_after=3, n_common=2, n_relabelled=1, moves=(("genuine", "question", 1),))
    comparison = compare(hostile, hostile, names=(payload, payload), shared=shared)
    source = render_comparison(comparison)
    page = Page(source)
    assert page.open == []
    assert len(page.all("script")) == 1
    assert not re.search(r"(https?:)?//\w|@import|url\(", source)
    assert all(a.get("aria-hidden") == "true" or a["aria-label"] for a in page.all("svg"))
    assert "Genuine, then Question" in page.text


def test_the_page_of_thousands_of_groups_stays_small():
    groups = tuple(reports.group(f"post-{i:05}", signals=()) for i in range(3000))
    report = reports.full_report(groups=groups)
    source = render_comparison(compared(report, report))
    assert len(source) < 2_000_000
    assert source.count("post-0") == MAX_GROUPS
    assert f"The first {MAX_GROUPS} are shown" in source
