from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit import policy
from plaudit.facts import Facts
from plaudit.index import measure, measure_groups, warnings_of
from plaudit.reference import References
from plaudit.report.envelope import Finding, Interval
from plaudit.scores import ErrorCounts
from plaudit.signals import tallied
from plaudit.signals.section import Section
from tests.communities import facts_from, words_of
from tests.fakes import KeywordClassifier

COUNTS = ErrorCounts(pooled=np.array([[900.0, 60.0, 40.0], [50.0, 630.0, 20.0], [10.0, 8.0, 282.0]]))
TOOLS: dict[str, Any] = {"error_counts": COUNTS, "references": References(), "policy": policy.load()}
WOODS = ("oak", "ash", "elm", "fir", "yew", "bay", "fig", "may", "box", "lime")
PARTS = ("hinge", "shelf", "drawer", "panel", "joint", "screw", "clamp", "plane", "chisel", "mallet")

Rows = list[dict[str, Any]]


def community(n: int = 60, *, seed: int = 0, generic: float = 0.3, prefix: str = "") -> Rows:
    """Draw a lively section: remarks, praise, questions, replies, a creator who answers."""
    random = np.random.default_rng(seed)
    rows: Rows = []
    for i in range(n):
        kind, post = random.random(), f"{prefix}p{i % 2}"
        wood, part = WOODS[random.integers(10)], PARTS[random.integers(10)]
        other = PARTS[random.integers(10)]
        text = (
            f"great {wood}" if kind < generic
            else f"would {wood} suit {_own(seed, i)} or the {other}?" if kind < generic + 0.2
            else f"on my {wood} bench the {part} moved {_own(seed, i)}"
        )  # fmt: skip
        id_, time = f"{prefix}c{i}", 1_000_000 * i
        rows.append({"id": id_, "text": text, "author": f"{prefix}a{i}", "post_id": post, "created_at": time})
        for j in range(random.poisson(0.6)):
            said = f"the {other} of mine held {_own(seed, 1000 * (j + 1) + i)}"
            rows.append({"id": f"{id_}r{j}", "text": said, "author": f"{prefix}a{random.integers(n)}",
                         "parent_id": id_, "post_id": post, "created_at": time + 1000 * j + 500})  # fmt: skip
        if random.random() < 0.2:
            said = f"for the {part} I took {_own(seed, 9000 + i)}"
            rows.append({"id": f"{id_}k", "text": said, "author": f"{prefix}boss", "is_creator": True,
                         "parent_id": id_, "post_id": post, "created_at": time + 9000})  # fmt: skip
    return rows


def _own(seed: int, i: int) -> str:
    return " ".join(words_of(100_000 * seed + i, 5))


def finding_of(rows: Sequence[Mapping[str, Any]], **changes: Any) -> Finding:
    return measure(facts_from(rows), **{**TOOLS, **changes})


def warned(facts: Facts) -> tuple[str, ...]:
    return warnings_of(tallied(Section.of(facts)))


def json_of(facts: Facts) -> bytes:
    groups = measure_groups(facts, by="post", **TOOLS)
    return orjson.dumps([measure(facts, **TOOLS), groups])


def numbers(finding: Finding) -> dict[str, float]:
    found = {"authenticity": finding.authenticity, "depth": finding.community_depth, "index": finding.index}
    return {name: interval.value for name, interval in found.items() if interval is not None}


def rises(before: Finding, after: Finding) -> dict[str, float]:
    old, new = numbers(before), numbers(after)
    return {name: new[name] - old[name] for name in new if name in old}


LIVELY = community()


class TestWhole:
    def test_a_lively_section_gets_all_three_numbers(self) -> None:
        finding = finding_of(LIVELY)
        for interval in (finding.index, finding.authenticity, finding.community_depth):
            assert isinstance(interval, Interval)
            assert 0 <= interval.low <= interval.value <= interval.high <= 100

    def test_points_add_up_to_their_index(self) -> None:
        finding = finding_of(LIVELY)
        for index, interval in (("authenticity", finding.authenticity), ("depth", finding.community_depth)):
            assert interval is not None
            points = [
                row.points for row in finding.signals if TOOLS["policy"].signals[row.name].index == index
            ]
            assert sum(point or 0 for point in points) == pytest.approx(interval.value, abs=0.1)

    def test_headline_is_the_geometric_mean(self) -> None:
        found = numbers(finding_of(LIVELY))
        assert found["index"] == pytest.approx((found["authenticity"] * found["depth"]) ** 0.5, abs=0.02)

    def test_shares_of_labels_add_up(self) -> None:
        shares = [share for share in finding_of(LIVELY).labels.values() if share is not None]
        assert sum(share.share for share in shares) == pytest.approx(1, abs=1e-5)
        assert sum(share.raw_share for share in shares) == pytest.approx(1, abs=1e-5)
        assert all(share.low <= share.share <= share.high for share in shares)

    @pytest.mark.parametrize("n", [25, 100, 1000])
    def test_a_label_that_nobody_has_is_not_surely_nobodys(self, n: int) -> None:
        """Jeffreys' upper end at no success of n is about 1.9 / n."""
        finding = finding_of([{"text": f"great {i}", "author": f"a{i}"} for i in range(n)])
        for label in ("genuine", "question"):
            share = finding.labels[label]
            assert share is not None
            assert share.low <= share.share < 0.01
            assert 1.0 / n < share.high < 3.0 / n + 0.03

    def test_coverage_adds_up(self) -> None:
        coverage = finding_of(LIVELY, rejected={"deleted": 3}).coverage
        assert coverage.read == coverage.scored + 3 == len(LIVELY) + 3
        assert sum(coverage.languages.values()) == coverage.scored

    def test_signals_come_in_the_order_of_the_policy(self) -> None:
        assert [row.name for row in finding_of(LIVELY).signals] == list(TOOLS["policy"].signals)

    def test_absent_signals_say_why(self) -> None:
        for rows in (LIVELY, [], LIVELY[:3]):
            for row in finding_of(rows).signals:
                assert (row.value is None) == (row.absent_reason is not None) == (row.word == "absent")


class TestSameComments:
    whole = facts_from(LIVELY)
    expected = json_of(whole)

    @settings(max_examples=10, deadline=None)
    @given(st.randoms(use_true_random=False), st.integers(1, 5))
    def test_order_sharding_and_reading_twice_leave_no_trace(self, random, n_parts: int) -> None:
        rows = [*LIVELY, *random.sample(LIVELY, 20)]
        random.shuffle(rows)
        parts = [facts_from(rows[i::n_parts]) for i in range(n_parts)]
        assert json_of(Facts.concat(parts)) == self.expected

    def test_a_group_is_what_its_comments_alone_say(self) -> None:
        groups = measure_groups(self.whole, by="post", **TOOLS)
        assert {group.key for group in groups} == {"p0", "p1"}
        for group in groups:
            alone = finding_of([row for row in LIVELY if row["post_id"] == group.key])
            assert orjson.loads(orjson.dumps(group)) == {
                **orjson.loads(orjson.dumps(alone)),
                "key": group.key,
            }

    def test_most_comments_come_first(self) -> None:
        facts = facts_from(community(20, prefix="x") + community(60, prefix="y"))
        sizes = [group.coverage.read for group in measure_groups(facts, by="post", **TOOLS)]
        assert sizes == sorted(sizes, reverse=True)


class TestAbstention:
    @pytest.mark.parametrize("n", [0, 1, 19])
    def test_too_few_comments(self, n: int) -> None:
        finding = finding_of([{"text": f"it moved {i}", "author": f"a{i}"} for i in range(n)])
        assert numbers(finding) == {}
        for name in ("index", "authenticity", "community_depth"):
            assert finding.reasons[name]
        assert "Too few comments" in finding.reasons["authenticity"][0]

    def test_a_language_the_model_does_not_read(self) -> None:
        finding = finding_of([{"text": f"これ {i}", "author": f"a{i}"} for i in range(50)])
        assert numbers(finding) == {}
        assert finding.labels == {"genuine": None, "generic_praise": None, "question": None}
        assert "language" in finding.reasons["authenticity"][0]

    def test_what_is_too_short_to_tell_speaks_for_no_language(self) -> None:
        facts = facts_from(LIVELY)
        row = np.where(facts.is_creator, len(facts), np.cumsum(~facts.is_creator) - 1)

        def judged(n_told: int, n_unread: int) -> Finding:
            told = np.where(row < n_told, "en", "und")
            told[(row < n_unread) & (row < n_told)] = "tl"
            supported = told != "tl"
            language = pa.array(told.tolist(), pa.string())
            return measure(replace(facts, language=language, supported=supported), **TOOLS)

        n = len(facts)
        assert "Only 8 of 20 comments" in judged(20, 12).reasons["authenticity"][0]
        assert judged(20, 8).authenticity is not None
        assert judged(n, n // 3).authenticity is not None
        # Next to none can be told: nothing speaks against reading the rest.
        assert judged(0, 0).authenticity is not None
        assert judged(4, 4).authenticity is not None

    def test_emoji_alone(self) -> None:
        finding = finding_of([{"text": "💕" * (i + 1), "author": f"a{i}"} for i in range(50)])
        assert numbers(finding) == {}

    def test_a_flat_dump_has_no_depth_and_says_so(self) -> None:
        finding = finding_of([{**row, "parent_id": None} for row in LIVELY])
        assert finding.community_depth is None
        assert finding.index is None
        assert "parent" in finding.reasons["community_depth"][0]
        assert "community depth" in finding.reasons["index"][0]
        assert finding.authenticity is not None

    def test_a_creator_who_answers_beside_the_comments_has_no_depth(self) -> None:
        rows = community()
        mine = [row for row in rows if row.get("is_creator")]
        whom = {row["id"]: row["author"] for row in rows}
        flat = [
            {**row, "parent_id": None, "text": f"@{whom[row['parent_id']]} {row['text']}"}
            if row.get("is_creator")
            else row
            for row in rows
        ]
        assert len(mine) > 6
        assert finding_of(rows).community_depth is not None
        found = finding_of(flat)
        assert found.community_depth is None
        assert "threads only in part" in found.reasons["community_depth"][0]
        # So many name nobody and are no announcements.
        bare = [{**row, "parent_id": None} if row.get("is_creator") else row for row in rows]
        assert 0.05 * len(rows) <= len(mine) - 2
        assert "threads only in part" in finding_of(bare).reasons["community_depth"][0]
        pinned = [row for row in rows if row not in mine[2:]]
        pinned += [
            {"id": f"pin{i}", "text": "welcome", "is_creator": True, "post_id": f"p{i}"} for i in range(2)
        ]
        assert finding_of(pinned).community_depth is not None
        # What opens the talk under many posts outweighs no answer that is beside.
        many = [{"id": f"o{i}", "text": "new", "is_creator": True, "post_id": f"q{i}"} for i in range(40)]
        assert "threads only in part" in finding_of([*flat, *many]).reasons["community_depth"][0]
        assert finding_of([*pinned, *many]).community_depth is not None
        # Two beside, and one that opens, are enough where next to nobody's answer is kept in its place.
        two = [{**row, "parent_id": None, "post_id": "p0"} for row in mine[:3]]
        others = [row for row in rows if not row.get("is_creator")]
        assert finding_of([*others, *two]).community_depth is not None
        kept = [row for row in others if row.get("parent_id")][:4]
        bare = [{**row, "parent_id": None} for row in others if row not in kept]
        assert "threads only in part" in finding_of([*bare, *kept, *two]).reasons["community_depth"][0]

    def test_a_creator_who_announces_beside_the_comments_answers_nobody_there(self) -> None:
        """Four announcements withheld depth: "Most answers of the creator stand beside"."""
        others = [row for row in community() if not row.get("is_creator")]
        told = (
            "part two is out",
            "the plans are in the shop",
            "I meant oak, not ash",
            "@sponsor paid for it",
        )
        news = [
            {"id": f"n{i}", "text": text, "author": "boss", "is_creator": True, "post_id": "p0"}
            for i, text in enumerate(told)
        ]
        assert finding_of([*others, *news]).community_depth is not None
        # Somebody who is there, but under another post: no answer either.
        elsewhere = next(row["author"] for row in others if row["post_id"] == "p1")
        assert all(row["author"] != elsewhere for row in others if row["post_id"] == "p0")
        named = [{**row, "text": f"@{elsewhere} {row['text']}"} for row in news]
        assert finding_of([*others, *named]).community_depth is not None
        here = [{**row, "post_id": "p1"} for row in named]
        assert "threads only in part" in finding_of([*others, *here]).reasons["community_depth"][0]

    def test_no_points_without_an_index(self) -> None:
        assert all(row.points is None for row in finding_of(LIVELY[:10]).signals)


class TestManipulation:
    def test_injected_bots_lower_authenticity_in_every_step(self) -> None:
        random = np.random.default_rng(3)
        found = []
        for share in (0.0, 0.1, 0.2, 0.4, 0.6):
            rows = list(LIVELY)
            for i in random.permutation(len(rows))[: int(share * len(rows))]:
                praise = ("great", "cool", "nice", "love this so much", "follow me for more")[i % 5]
                rows[i] = {**rows[i], "text": praise, "author": f"bot{i}", "is_creator": False}
            # As sure of these words as the shipped model is: applause counts by how sure.
            facts = facts_from(rows, classifier=KeywordClassifier(confidence=0.96))
            found.append(numbers(measure(facts, **TOOLS))["authenticity"])
        assert found == sorted(found, reverse=True)
        assert found[2] < found[0] - 3

    def test_a_copy_campaign_lowers_authenticity(self) -> None:
        text = "the way you explained the mortise finally made it click"
        copies = [{"id": f"b{i}", "text": text, "author": f"b{i}", "post_id": "p0"} for i in range(6)]
        assert rises(finding_of(LIVELY), finding_of(LIVELY + copies))["authenticity"] < -3

    def test_a_hundred_thanks_by_the_creator(self) -> None:
        tops = [row for row in LIVELY if "parent_id" not in row]
        thanks: Rows = [
            {
                "id": f"t{i}",
                "text": "thanks!",
                "author": "boss",
                "is_creator": True,
                "post_id": row["post_id"],
                "parent_id": row["id"] if i % 2 else None,
                "created_at": 10**9,
            }
            for i, row in enumerate(tops * 2)
        ]
        assert max(rises(finding_of(LIVELY), finding_of(LIVELY + thanks)).values()) <= 1

    @pytest.mark.parametrize("n_phrases", [20, 50])
    def test_filler_drawn_anew_for_each_comment_that_deceives_the_classifier(self, n_phrases: int) -> None:
        class Deceived(KeywordClassifier):
            """Takes whatever is long for a remark."""

            def _probabilities(self, text: str) -> list[float]:
                is_long = len(text.split()) > 8
                return [0.96, 0.02, 0.02] if is_long else super()._probabilities(text)

        phrases = [" ".join(words_of(7000 + i, 5)) for i in range(n_phrases)]
        random = np.random.default_rng(5)
        plain = community(300, generic=0.5)
        padded = [
            {**row, "text": f"{first} {row['text']} {last}"}
            for row in plain
            for first, last in [random.choice(phrases, 2, replace=False)]
        ]
        deceived = Deceived(confidence=0.96)
        before, after = (measure(facts_from(rows, classifier=deceived), **TOOLS) for rows in (plain, padded))
        assert before.authenticity is not None
        assert after.authenticity is not None
        assert after.labels["generic_praise"].share < 0.5 * before.labels["generic_praise"].share  # type: ignore[union-attr]
        assert after.authenticity.value <= before.authenticity.value + 1

    def test_one_fan_asks_fifty_times(self) -> None:
        asks = [
            {"id": f"f{i}", "text": "when is the next one?", "author": "fan", "post_id": "p0"}
            for i in range(50)
        ]
        assert max(rises(finding_of(LIVELY), finding_of(LIVELY + asks)).values()) <= 1

    @pytest.mark.parametrize("filler", [" so so so", " and oh well it is as it is"])
    def test_padding(self, filler: str) -> None:
        padded = [{**row, "text": row["text"] + filler} for row in LIVELY]
        assert max(rises(finding_of(LIVELY), finding_of(padded)).values()) <= 1

    @pytest.mark.parametrize("column", ["author", "parent_id", "created_at"])
    @pytest.mark.parametrize("kind", ["praise", "flood", "copies"])
    def test_nothing_is_gained_by_leaving_out(self, column: str, kind: str) -> None:
        bad = community(60, seed=4, generic=0.75)
        if kind == "flood":
            bad = [{**row, "author": f"a{i % 15}"} for i, row in enumerate(bad)]
        if kind == "copies":
            bad = [{**row, "text": "this finally made it click for me"} if i % 4 == 0 else row
                   for i, row in enumerate(bad)]  # fmt: skip
        less = [{**row, column: None} for row in bad]
        assert max(rises(finding_of(bad), finding_of(less)).values(), default=0) <= 1

    def test_nothing_is_gained_by_leaving_out_who_the_creator_is(self) -> None:
        few = community(30, seed=4, generic=0.6)
        remark = "the hinge I fitted on my bench was"
        answer = {
            "author": "boss",
            "post_id": "p0",
            "is_creator": True,
            "creator_id": "boss",
            "parent_id": "c0",
        }
        answers = [{**answer, "id": f"k{i}", "text": f"{remark} {_own(7, i)}"} for i in range(12)]
        named = [{**row, "creator_id": "boss"} for row in few if not row.get("is_creator")] + answers
        unnamed = [{**row, "creator_id": None, "is_creator": False} for row in named]
        assert rises(finding_of(named), finding_of(unnamed))["authenticity"] <= 1

    def test_unsigned_comments_have_to_be_many(self) -> None:
        signed = community(30, seed=4)
        few = [{**row, "author": None} for row in signed if not row.get("is_creator")]
        assert len(few) < TOOLS["policy"].rules.min_comments_unsigned
        assert "come without an author" in finding_of(few).reasons["authenticity"][0]
        more = community(100, seed=4)
        assert finding_of([{**row, "author": None} for row in more]).authenticity is not None

    def test_the_few_who_sign_speak_for_those_who_do_not(self) -> None:
        """Who left out half of the authors had no number with all of them: five people wrote everything."""
        rows = [row for row in community(120, seed=4) if not row.get("is_creator")]
        for n_people, n_signed in ((5, 0.45), (5, 0.2), (9, 0.3)):
            cut = round(n_signed * len(rows))
            some = [{**row, "author": f"a{i % n_people}" if i < cut else None} for i, row in enumerate(rows)]
            why = finding_of(some).reasons["authenticity"][0]
            assert f"Only {n_people} people wrote the {cut} that name their author, of {len(rows)}" in why
            assert numbers(finding_of(some)) == {}
        rows_30 = rows[:30]
        some = [{**row, "author": f"a{i % 9}" if i < 16 else None} for i, row in enumerate(rows_30)]
        why = finding_of(some).reasons["authenticity"][0]
        assert why.startswith(
            "Only 9 people wrote the 16 that name their author, of 30 comments; 10 are needed"
        )
        # Ten, or so few comments that nobody would judge by them, stand in nobody's way.
        for n_people, cut in ((10, 40), (5, TOOLS["policy"].rules.min_comments - 1)):
            some = [{**row, "author": f"a{i % n_people}" if i < cut else None} for i, row in enumerate(rows)]
            assert finding_of(some).authenticity is not None


@pytest.mark.parametrize("n", [1, 2])
def test_one_comment_is_not_called_comments(n: int) -> None:
    said = "1 comment" if n == 1 else "2 comments"
    finding = finding_of(LIVELY[:n])
    assert finding.reasons["labels"][0].startswith(f"Only {said}, so label shares")
    reasons = {row.name: row.absent_reason for row in finding.signals}
    assert reasons["generic_share"] == f"Only {said} to measure it on, 20 needed."


class TestWarnings:
    def test_none_for_a_whole_dump(self) -> None:
        assert warned(facts_from(LIVELY)) == ()
        assert warned(facts_from([])) == ()

    def test_a_creator_who_never_occurs(self) -> None:
        rows = [{**row, "creator_id": "nobody", "is_creator": False} for row in LIVELY]
        assert "wrote none" in warned(facts_from(rows))[0]

    def test_partial_threads(self) -> None:
        rows = [{**row, "total_reply_count": None if "parent_id" in row else 9} for row in LIVELY]
        assert "lower bounds" in warned(facts_from(rows))[0]
        assert any("lower bounds" in reason for reason in finding_of(rows).reasons["community_depth"])

    def test_nested_threads_that_are_whole_are_not_called_partial(self) -> None:
        """What answers an answer counts at the top, and every reply was held against its own."""
        rows: Rows = []
        for i, row in enumerate(LIVELY):
            if "parent_id" in row:
                continue
            thread = [{**row, "parent_id": None, "total_reply_count": 1}]
            for author, total in (("b", 1), (row["author"], 0)):
                above, text = thread[-1]["id"], f"on {_own(5, i)} {total}"
                thread.append({**row, "id": f"{above}x", "parent_id": above, "author": author,
                               "text": text, "total_reply_count": total})  # fmt: skip
            rows += thread
        assert warned(facts_from(rows)) == ()
        cut = [row for row in rows if row["id"] not in ("c0x", "c0xx", "c1xx")]
        assert warned(facts_from(cut))[0].startswith("1 thread holds fewer replies")

    def test_replies_to_what_is_not_here(self) -> None:
        """What is missing counted as if nobody had answered it, without a word."""
        replies = sum("parent_id" in row for row in LIVELY)
        some = [row for row in LIVELY if row["id"] not in ("c0", "c1", "c2", "c3", "c4", "c5")]
        here = {row["id"] for row in some}
        n_orphans = sum(row["parent_id"] not in here for row in some if "parent_id" in row)
        assert 0.05 * replies < n_orphans < replies
        told = f"{n_orphans} of {replies} replies answer what is not here"
        assert warned(facts_from(some))[0].startswith(told)
        assert any(each.startswith(told) for each in finding_of(some).reasons["community_depth"])
        assert finding_of(some).community_depth is not None

    def test_a_deleted_comment_or_two_are_no_matter(self) -> None:
        rows = community(200, seed=3)
        answered = next(row["parent_id"] for row in rows if "parent_id" in row)
        assert warned(facts_from([row for row in rows if row["id"] != answered])) == ()

    def test_no_depth_where_no_reply_finds_what_it_answers(self) -> None:
        """A dump without its ids said of the creator that they answer nobody."""
        rows = [{**row, "id": f"other {row['id']}"} for row in LIVELY]
        finding = finding_of(rows)
        assert finding.community_depth is None
        assert "answers a comment that is here" in finding.reasons["community_depth"][0]
        assert "check that their parents" in finding.reasons["community_depth"][0]
        talk = [row for row in finding.signals if row.family == "conversation"]
        assert len(talk) == 6
        assert all(row.value is None and row.absent_reason and not row.evidence for row in talk)
        assert {row.absent_reason for row in talk} == {"No reply here finds the comment it answers."}

    def test_no_depth_where_all_parents_lead_in_a_circle(self) -> None:
        tops = [{**row, "post_id": "p"} for row in LIVELY if "parent_id" not in row]
        rows = [{**row, "parent_id": tops[i - 1]["id"]} for i, row in enumerate(tops)]
        finding = finding_of(rows)
        assert finding.community_depth is None
        why = finding.reasons["community_depth"][0]
        assert why.startswith(f"The parents of all {len(rows)} replies lead in a circle, so it is not known")
        # Neither what answers nothing that is here, nor a few in a circle where others answer.
        lost = [{**row, "id": f"o{i}", "parent_id": f"gone{i}"} for i, row in enumerate(tops[:12])]
        why = finding_of([*rows, *lost]).reasons["community_depth"][0]
        assert why.startswith(f"None of the {len(rows) + 12} replies answers a comment that is here but in a")
        some = [{**row, "id": f"o{row['id']}", "parent_id": f"o{row['parent_id']}"} for row in rows]
        assert finding_of([*LIVELY, *some]).community_depth is not None

    def test_no_authors(self) -> None:
        assert "author" in warned(facts_from([{**row, "author": None} for row in LIVELY]))[0]


@pytest.mark.parametrize(
    "rows",
    [
        [{**row, "author": "one"} for row in LIVELY],
        [{**row, "text": "this finally made it click"} for row in LIVELY],
        [{**row, "created_at": 4 * 10**12 - i} for i, row in enumerate(LIVELY)],
        [{**row, "parent_id": row["id"]} for row in LIVELY],
        [{**row, "parent_id": LIVELY[i - 1]["id"], "post_id": "p"} for i, row in enumerate(LIVELY)],
        [{**row, "parent_id": "c0", "post_id": "p"} for row in LIVELY],
        [{**row, "is_creator": True} for row in LIVELY],
        [{**row, "author": None, "created_at": None, "parent_id": None} for row in LIVELY],
    ],
    ids=[
        "one author",
        "equal texts",
        "future",
        "self-replies",
        "one cycle",
        "one thread",
        "creator only",
        "bare",
    ],
)
def test_odd_sections_end_in_a_finding(rows: Rows) -> None:
    finding = finding_of(rows)
    assert orjson.dumps(finding)
    for name, interval in (
        ("authenticity", finding.authenticity),
        ("community_depth", finding.community_depth),
    ):
        assert interval is not None or finding.reasons[name]
        assert interval is None or 0 <= interval.low <= interval.value <= interval.high <= 100


def test_reasons_name_the_signal_and_its_number() -> None:
    bots = [{"id": f"b{i}", "text": "great", "author": f"b{i}"} for i in range(200)]
    first = finding_of(LIVELY + bots).reasons["authenticity"][0]
    assert first.startswith("Applause to nobody: ")
    assert "costs" in first
    assert "%" in first


def test_the_headline_says_what_would_change_it_most() -> None:
    bots = [{"id": f"b{i}", "text": "great", "author": f"b{i}", "post_id": "p0"} for i in range(60)]
    finding = finding_of(LIVELY + bots)
    assert finding.index is not None
    (sentence,) = [each for each in finding.reasons["index"] if "most" in each]
    assert sentence.startswith("What would change it most: applause to nobody as usual would make it ")
    assert float(sentence.removesuffix(".").split()[-1]) > finding.index.value + 5


@pytest.mark.parametrize(("platform", "named"), [("tiktok", "tiktok"), ("other", "this source")])
def test_a_platform_without_reference_says_so(platform: str, named: str) -> None:
    references = References.from_dict(
        {
            "pooled": {
                "generic_share": {"location": 0.3, "spread": 0.1, "n_communities": 9, "origin": "pooled"}
            }
        }
    )
    finding = finding_of(LIVELY, references=references, platform=platform)
    # Only what really lacks the platform's own is named: the others were held against the policy here.
    sentence = next(reason for reason in finding.reasons["authenticity"] if named in reason)
    title = TOOLS["policy"].signals["generic_share"].title.lower()
    assert sentence == f"No reference data for {named} on {title}: compared with all platforms together."
    row = next(row for row in finding.signals if row.name == "generic_share")
    assert row.reference == 0.3


def test_interval_narrows_with_more_people() -> None:
    few, many = finding_of(community(40)).authenticity, finding_of(community(600)).authenticity
    assert few is not None
    assert many is not None
    assert many.high - many.low < (few.high - few.low) / 2
