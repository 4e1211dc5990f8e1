from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.facts import Facts
from plaudit.report.details import (
    COURSE_COLUMNS,
    MAX_COPIES,
    MAX_INDENT,
    MAX_LINES,
    MAX_RETURNING,
    MAX_THREADS,
    Detail,
    course,
    course_of,
    detail,
)
from plaudit.report.envelope import Group
from plaudit.report.html import BACK, render_group, render_html
from tests import reports
from tests.communities import facts_from, words_of
from tests.test_report_html import Page

DAY = 86_400_000
START = 1_700_000_000_000


def finding(*evidence: str) -> Group:
    row = reports.signal("reply_share", "conversation", 0.4, 0.3, 0.5, evidence=evidence)
    return reports.group("g", signals=(row,))


def comment(id_: str, text: str, author: str | None = None, **more: Any) -> dict[str, Any]:
    return {"id": id_, "text": text, "author": author, "post_id": "p", **more}


def talk() -> Facts:
    rows = [
        comment("t1", "why is the glaze green here?", "ann", created_at=START),
        comment("r1", "copper, mostly", None, is_creator=True, parent_id="t1", created_at=START + 1),
        comment("r2", "I see, thanks for the answer", "ann", parent_id="r1", created_at=START + 2),
        comment("r3", "iron does that as well", "bob", parent_id="r2", created_at=START + DAY),
        comment("s1", "a lone comment about handles", "cid", created_at=START),
    ]
    return facts_from(rows)


def test_a_thread_of_evidence_is_shown_whole_each_answer_below_what_it_answers():
    found = detail(talk(), finding("r3", "s1"))
    (thread,) = found.threads
    assert [line.id for line in thread.lines] == ["t1", "r1", "r2", "r3"]
    assert [line.depth for line in thread.lines] == [0, 1, 2, 3]
    assert [line.person for line in thread.lines] == ["Commenter 1", "Creator", "Commenter 1", "Commenter 2"]
    assert [line.shows for line in thread.lines] == [(), (), (), ("reply_share",)]
    assert thread.lines[0].label == "question"
    assert thread.lines[0].time == "14 Nov 2023, 22:13"
    assert thread.n_hidden == 0


def test_a_long_thread_keeps_its_beginning_and_the_evidence():
    rows = [comment("top", "what do you all think of this?", "a0")]
    rows += [comment(f"r{i}", f"my view number {i}", f"a{i}", parent_id="top") for i in range(1, 60)]
    (thread,) = detail(facts_from(rows), finding("r57", "r58")).threads
    ids = [line.id for line in thread.lines]
    assert len(ids) == MAX_LINES
    assert ids[0] == "top"
    assert {"r57", "r58"} <= set(ids)
    assert thread.n_hidden == 60 - MAX_LINES


def test_deep_threads_are_indented_so_far_and_no_further():
    rows = [comment("c0", "the first word", "a0")]
    rows += [comment(f"c{i}", f"word {i}", f"a{i}", parent_id=f"c{i - 1}") for i in range(1, 9)]
    (thread,) = detail(facts_from(rows), finding("c8")).threads
    assert max(line.depth for line in thread.lines) == MAX_INDENT


def test_copies_are_grouped_and_counted_by_people():
    text = "this mixture of ash and clay holds for years"
    rows = [comment(f"c{i}", text, f"a{i}", created_at=START + i * DAY) for i in range(4)]
    rows += [comment("same", text, "a0"), comment("near", text + "!!", "b", post_id="q")]
    rows += [comment(f"o{i}", " ".join(words_of(i, 8)), f"o{i}") for i in range(3)]
    found = detail(facts_from(rows), finding())
    (copies,) = found.copies
    assert (copies.n_authors, copies.n_posts, found.n_copies) == (5, 2, 1)
    assert copies.n_comments == 6
    assert (copies.first, copies.last) == ("14 Nov 2023", "17 Nov 2023")
    assert copies.key in set(found.keys())


def test_people_who_return_are_numbered_and_never_named():
    rows = [
        comment(f"{who}{post}", f"about {post}, says {who}", who, post_id=post)
        for who, posts in (("ann", "pqr"), ("bob", "pq"), ("cid", "p"))
        for post in posts
    ]
    found = detail(facts_from(rows), finding())
    assert [(each.person, each.n_posts, each.n_comments) for each in found.returning] == [
        ("Commenter 1", 3, 3),
        ("Commenter 2", 2, 2),
    ]
    assert (found.n_returning, found.n_posts) == (2, 3)
    assert found.returning[0].counts == {"genuine": 3}


def test_the_course_leaves_out_the_creator_and_says_which_times_are_rough():
    rows = [comment(f"c{i}", "love it", f"a{i}", created_at=START + i * DAY) for i in range(20)]
    rows += [comment("x", "thanks", None, is_creator=True, created_at=START)]
    rows += [comment("y", "so it is", "z", created_at=START, time_precision="estimated")]
    found = course(facts_from(rows))
    assert found is not None
    assert found.n_comments == 21
    assert found.n_estimated == 1


def test_nothing_at_all_is_an_empty_detail():
    assert detail(Facts.concat([]), finding("x")) == Detail()


def test_everything_is_bounded():
    rows = [comment(f"t{i}", f"is question {i} new?", f"a{i}", post_id=f"p{i % 9}") for i in range(40)]
    rows += [
        comment(f"r{i}", "the very same answer to it all", f"b{i}", parent_id=f"t{i}", post_id=f"p{i % 9}")
        for i in range(40)
    ]
    rows += [
        comment(f"k{i}-{j}", " ".join(words_of(i, 8)), f"w{j}", post_id=f"p{j}")
        for i in range(12)
        for j in range(9)
    ]
    rows += [
        comment(f"v{j}-{q}", f"visit {j} {q}", f"v{j}", post_id=f"p{q}") for j in range(20) for q in range(3)
    ]
    found = detail(facts_from(rows), finding(*(f"r{i}" for i in range(40))))
    assert len(found.threads) == MAX_THREADS
    assert len(found.copies) == MAX_COPIES
    assert found.n_copies > MAX_COPIES
    assert len(found.returning) == MAX_RETURNING
    assert found.n_returning > MAX_RETURNING


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 12),
            st.one_of(st.none(), st.integers(0, 12)),
            st.sampled_from(["ann", "bob", None]),
            st.one_of(st.none(), st.integers(-(2**50), 2**50)),
        ),
        max_size=14,
    )
)
def test_any_tangle_of_parents_gives_each_comment_once(given_rows):
    rows = [
        comment(
            f"c{i}", f"words {i}", author, parent_id=None if parent is None else f"c{parent}", created_at=time
        )
        for i, parent, author, time in given_rows
    ]
    found = detail(facts_from(rows), finding(*(f"c{i}" for i in range(13))))
    for thread in found.threads:
        keys = [line.key for line in thread.lines]
        assert len(set(keys)) == len(keys) <= MAX_LINES


def test_the_course_of_many_is_that_of_all_at_once():
    random = np.random.default_rng(4)
    times = random.integers(1_500_000_000_000, 1_800_000_000_000, 200).tolist()
    for span in (1, 1000, 10**6):
        rows = [
            comment(
                f"c{i}",
                f"why {i}?" if i % 3 else "so it was",
                "a",
                created_at=time // span,
                time_precision="exact" if i % 5 else "estimated",
            )
            for i, time in enumerate(times)
        ]
        facts = facts_from(rows)
        table = facts.to_table().select(COURSE_COLUMNS)
        assert course_of(table.slice(start, 30) for start in range(0, 200, 30)) == course(facts)


def group_page(found: Detail, said: dict[int, str]) -> Page:
    group = reports.group("<maker>")
    report = reports.full_report(groups=(group,))
    return Page(render_group(group, report, detail=found, texts=reports.TEXTS, said=said, place=(1, 3)))


def test_the_page_of_a_group_says_it_all_and_leads_back():
    found = detail(talk(), finding("r3"))
    said = {line.key: f"said {line.id}" for thread in found.threads for line in thread.lines}
    page = group_page(found, said)
    assert page.open == []
    assert BACK in {a["href"] for a in page.all("a")}
    for words in (
        "said t1",
        "said r3",
        "shows: replies to others",
        "place 1 of 3",
        "How they talk",
        "<maker>",
    ):
        assert words in page.text
    levels = [int(tag[1]) for tag, _ in page.elements if tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(a["aria-label"] for a in page.all("svg") if a.get("role") == "img")
    ids = {a["id"] for _, a in page.elements if "id" in a}
    assert all(a["href"][1:] in ids for a in page.all("a") if a["href"].startswith("#"))


def test_the_page_of_a_group_without_details_says_what_is_missing():
    text = group_page(Detail(), {}).text
    assert "No thread holds a comment" in text
    assert "No text of some length came from more than one person" in text
    assert "nobody can be seen to come back" in text


@pytest.mark.parametrize("payload", ["<script>alert(1)</script>", '"><img src=x>', "{{ 7 * 7 }}"])
def test_texts_of_strangers_stay_text(payload):
    found = detail(talk(), finding("r3"))
    page = group_page(found, dict.fromkeys(found.keys(), payload))
    assert len(page.all("script")) == 1
    assert not page.all("img")
    assert payload in page.text


def test_a_report_of_one_section_shows_it_close_up_and_one_of_groups_does_not():
    found = detail(talk(), finding("r3"))
    alone = Page(render_html(reports.full_report(), detail=found))
    assert "How they talk" in alone.text
    assert "Its text was not kept." in alone.text
    pages = {group.key: "groups/0001.html" for group in reports.grouped_report().groups[:1]}
    grouped = Page(render_html(reports.grouped_report(), detail=found, pages=pages))
    assert "How they talk" not in grouped.text
    assert "groups/0001.html" in {a["href"] for a in grouped.all("a")}
    assert "Only the 1 groups with the most comments have a page of their own" in grouped.text
