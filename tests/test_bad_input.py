"""Sections nobody hopes for: each ends in a report that says what is absent and why."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from plaudit.facts import Facts
from plaudit.index import measure
from plaudit.readers import read_records
from plaudit.report.envelope import Finding
from tests.communities import facts_from, make_facts
from tests.fakes import fake_pipeline
from tests.test_index import LIVELY, TOOLS, Rows, finding_of, warned


def why_absent(finding: Finding) -> dict[str, str | None]:
    return {row.name: row.absent_reason for row in finding.signals}


def without(column: str) -> Rows:
    return [{**row, column: None} for row in LIVELY]


class TestLeftOut:
    def test_without_authors(self) -> None:
        finding = finding_of(without("author"))
        assert finding.community_depth is None
        assert "without an author" in finding.reasons["community_depth"][0]
        for name in ("author_concentration", "returning_authors", "co_commenting"):
            assert "author" in (why_absent(finding)[name] or "")

    def test_without_times(self) -> None:
        finding = finding_of(without("created_at"))
        for name in ("burst_share", "creator_reply_latency"):
            assert "exact times" in (why_absent(finding)[name] or "")

    def test_without_threads(self) -> None:
        finding = finding_of(without("parent_id"))
        assert finding.authenticity is not None
        assert finding.community_depth is None
        assert "parent" in finding.reasons["community_depth"][0]
        assert "no community depth" in finding.reasons["index"][0]

    def test_one_author(self) -> None:
        finding = finding_of([{**row, "author": "one"} for row in LIVELY])
        assert finding.index is finding.authenticity is finding.community_depth is None
        assert "Only 1 person wrote all" in finding.reasons["authenticity"][0]

    def test_all_deleted(self) -> None:
        gone = [{"id": str(i), "text": "[deleted]", "author": "[deleted]"} for i in range(30)]
        report = fake_pipeline().score(read_records(gone))
        assert report.authenticity is None
        assert report.coverage.rejected == {"deleted": 30}
        assert report.reasons["authenticity"][0].startswith("Too few comments: 0")

    def test_nothing_at_all(self) -> None:
        report = fake_pipeline().score(read_records([]), group_by="post")
        assert report.index is None
        assert report.groups == ()


class TestWrong:
    def test_times_in_the_future(self) -> None:
        rows: Rows = [{**row, "created_at": 4 * 10**12 + i} for i, row in enumerate(LIVELY)]
        facts = facts_from(rows)
        assert any("dated in the future" in warning for warning in warned(facts))
        assert "exact times" in (why_absent(measure(facts, **TOOLS))["burst_share"] or "")

    def test_a_reply_to_itself_is_no_reply(self) -> None:
        finding = finding_of([{**row, "parent_id": row["id"]} for row in LIVELY])
        assert next(row for row in finding.signals if row.name == "reply_share").value == 0

    def test_one_cycle(self) -> None:
        rows = [{**row, "parent_id": LIVELY[i - 1]["id"], "post_id": "p"} for i, row in enumerate(LIVELY)]
        finding = finding_of(rows)
        assert why_absent(finding)["reply_share"] == "No reply here finds the comment it answers."
        assert any("in a circle" in warning for warning in warned(facts_from(rows)))

    def test_all_texts_equal(self) -> None:
        finding = finding_of([{**row, "text": "this finally made it click"} for row in LIVELY])
        assert finding.authenticity is not None
        assert finding.authenticity.value < 45
        assert finding.reasons["authenticity"][0].startswith("Copies by others")


def threads(n: int, parent_row: np.ndarray) -> Facts:
    """Return n comments under one post, each answering the comment in a row; -1: at top level."""
    keys = np.arange(1, n + 1, dtype=np.uint64)
    parent = np.where(parent_row >= 0, keys[np.maximum(parent_row, 0)], 0)
    return make_facts(n, key=keys, parent=parent, post=np.ones(n))


class TestLarge:
    def test_a_thread_ten_thousand_deep(self) -> None:
        facts = threads(10_000, np.arange(10_000) - 1)
        finding = measure(facts, **TOOLS)
        assert "Only 1 thread, 10 needed." in finding.reasons["community_depth"][0]
        depth = next(row for row in finding.signals if row.name == "thread_depth")
        assert depth.value == 9  # deeper counts as no deeper

    def test_a_hundred_thousand_replies_to_one_comment(self) -> None:
        n = 100_050
        parents = np.where(np.arange(n) < 50, -1, 0)
        finding = measure(threads(n, parents), **TOOLS)
        assert finding.community_depth is not None
        assert orjson.dumps(finding)


@pytest.mark.parametrize("n", [0, 1, 19])
def test_few_comments_are_an_answer(n: int) -> None:
    finding = finding_of(LIVELY[:n])
    numbers: list[Any] = [finding.index, finding.authenticity, finding.community_depth]
    assert numbers == [None] * 3
    assert all(finding.reasons[name] for name in ("index", "authenticity", "community_depth"))
