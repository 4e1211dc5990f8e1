from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from plaudit.facts import ONE, Facts
from plaudit.signals.conversation import NAMES
from plaudit.signals.threads import Threads
from tests.communities import facts_from, make_facts, words_of
from tests.test_signals import remarks, signals_of, value

HOUR = 3_600_000
NAMES_60 = words_of(77, 60)


def reply(id_: str, parent: str, author: str | None, text: str = "", **fields: Any) -> dict[str, Any]:
    text = text or f"because {id_} bends under load"
    return {"id": id_, "parent_id": parent, "author": author, "text": text, **fields}


def by_id(facts: Facts, column: Any) -> dict[str, Any]:
    return dict(zip(facts.id.to_pylist(), column.tolist(), strict=True))


class TestThreads:
    def test_depth_counts_turns(self) -> None:
        facts = facts_from(
            [*remarks(1), reply("r1", "c0", "b"), reply("r2", "r1", "c"), reply("r3", "r2", "c")]
        )
        threads = Threads.of(facts)
        assert by_id(facts, threads.depth) == {"c0": 0, "r1": 1, "r2": 2, "r3": 2}
        assert len(set(threads.thread.tolist())) == 1

    def test_a_mention_in_a_flat_thread_says_who_is_meant(self) -> None:
        rows = [
            *remarks(1, created_at=0),
            reply("r1", "c0", "bo", created_at=1),
            reply("r2", "c0", "cy", "@bo not at all", created_at=2),
            reply("r3", "c0", "bo", "@cy it does", created_at=3),
        ]
        facts = facts_from(rows)
        threads = Threads.of(facts)
        assert by_id(facts, threads.depth) == {"c0": 0, "r1": 1, "r2": 2, "r3": 3}
        assert value(rows, "reciprocity") == pytest.approx(2 / 3)

    def test_casing_of_a_handle_is_no_matter(self) -> None:
        rows = [*remarks(1), reply("r1", "c0", "Bo"), reply("r2", "c0", "cy", "@BO not at all")]
        assert by_id(facts_from(rows), Threads.of(facts_from(rows)).depth)["r2"] == 2

    def test_who_writes_again_under_their_own_comment_answers_the_last_other(self) -> None:
        rows = [
            {"id": "c", "text": "it warped", "author": "ann", "created_at": 0},
            reply("r1", "c", "bo", created_at=1),
            reply("r2", "c", "ann", created_at=2),
        ]
        assert value(rows, "reciprocity") == 1
        timeless = [{**row, "created_at": None} for row in rows]
        assert value(timeless, "reciprocity") == 0

    @pytest.mark.parametrize(("precision", "between"), [("exact", 0), ("estimated", 0), ("estimated", 1)])
    def test_who_adds_to_their_own_comment_answers_nobody_who_may_have_come_later(
        self, precision: str, between: int
    ) -> None:
        """A comment, its author's addition and an answer, all of one day, counted as talk back and forth."""
        rows = [
            {"id": "c", "text": "it warped", "author": "ann", "created_at": 0},
            reply("r1", "c", "bo", created_at=between),
            reply("r2", "c", "ann", "edit: along the grain", created_at=2 * between),
        ]
        rows = [{**row, "time_precision": precision} for row in rows]
        assert value(rows, "reciprocity") == 0
        assert value(rows, "reply_share") == 0.5
        assert value(rows, "thread_depth") == 0

    def test_a_reply_to_itself_is_none(self) -> None:
        facts = facts_from([*remarks(2), reply("x", "x", "ann")])
        assert not by_id(facts, Threads.of(facts).is_reply)["x"]

    def test_orphans_are_replies_in_the_thread_of_their_missing_parent(self) -> None:
        facts = facts_from([*remarks(2), reply("x", "gone", "ann"), reply("y", "gone", "bo")])
        threads = Threads.of(facts)
        assert by_id(facts, threads.is_reply)["x"]
        assert by_id(facts, threads.thread)["x"] == by_id(facts, threads.thread)["y"]

    def test_cycles_are_cut(self) -> None:
        rows = [*remarks(2), reply("x", "y", "ann"), reply("y", "x", "bo"), reply("z", "x", "cy")]
        facts = facts_from(rows)
        threads = Threads.of(facts)
        assert threads.depth.max() <= 1
        assert set(signals_of(rows)) >= set(NAMES)

    def test_a_thread_ten_thousand_deep(self) -> None:
        n = 10_000
        key = np.random.default_rng(0).permutation(np.arange(1, n + 1)).astype(np.uint64)
        parent = np.concatenate(([0], key[:-1])).astype(np.uint64)
        facts = make_facts(n, key=key, parent=parent)
        assert Threads.of(facts).depth.max() == n - 1
        assert value(facts, "thread_depth") == 9


class TestReplies:
    def test_shares_of_a_small_section(self) -> None:
        rows = [
            *remarks(8),
            reply("r1", "c0", "bo"),
            reply("r2", "c1", "cy"),
            reply("k1", "c1", "boss", "oak holds better there", is_creator=True),
        ]
        assert value(rows, "reply_share") == pytest.approx(0.2)
        assert value(rows, "creator_reply_rate") == pytest.approx(1 / 8)
        assert value(rows, "reciprocity") == 0
        assert value(rows, "thread_depth") == 0

    def test_answering_oneself_is_no_conversation(self) -> None:
        rows = [
            *remarks(8),
            *(reply(f"r{i}", f"c{i}", f"{row['author']}") for i, row in enumerate(remarks(4))),
        ]
        assert value(rows, "reply_share") == 0

    def test_two_who_go_on_and_on_count_once_each(self) -> None:
        talk = [reply(f"r{i}", "c0" if i == 0 else f"r{i - 1}", ("bo", "cy")[i % 2]) for i in range(60)]
        assert value([*remarks(8), *talk], "reply_share") == pytest.approx(0.2)

    def test_a_hundred_thanks_are_one(self) -> None:
        rows = remarks(120)
        thanks = [reply(f"k{i}", f"c{i}", "boss", "Thanks!" + "!" * i, is_creator=True) for i in range(100)]
        assert value(rows + thanks, "creator_reply_rate") == pytest.approx(1 / 120)

    @pytest.mark.parametrize(
        "template",
        [
            "glad you like it {}, more soon",
            "Thank you so much {}! Check my other videos",
            "oh {} so happy to hear that from {} of all people",
        ],
    )
    def test_a_template_with_a_name_in_it_is_no_new_answer(self, template: str) -> None:
        names = words_of(3, 120)
        replies = [
            reply(f"k{i}", f"c{i}", "boss", template.format(*names[2 * i : 2 * i + 2]), is_creator=True)
            for i in range(60)
        ]
        rows = remarks(120) + replies
        # Most are near-copies; two that are not remain two, of more one.
        alone = value(rows, "creator_reply_rate") or 0
        assert 1 <= round(120 * alone) <= 2
        others = [
            reply(f"o{i}", f"c{60 + i}", "boss", " ".join(words_of(900 + i, 6)), is_creator=True)
            for i in range(9)
        ]
        assert value(rows + others, "creator_reply_rate") == pytest.approx(alone + 9 / 120)

    def test_bare_names_count_no_more_than_answers_do(self) -> None:
        names = [reply(f"k{i}", f"c{i}", "boss", f"hey {n}", is_creator=True) for i, n in enumerate(NAMES_60)]
        rows = remarks(120)
        assert value(rows + names, "creator_reply_rate") == pytest.approx(3 / 120)
        answers = [
            reply(f"o{i}", f"c{60 + i}", "boss", " ".join(words_of(900 + i, 6)), is_creator=True)
            for i in range(20)
        ]
        assert value(rows + names + answers, "creator_reply_rate") == pytest.approx(40 / 120)

    def test_answers_that_begin_alike_and_go_on_are_different(self) -> None:
        said = [f"thank you so much, {' '.join(words_of(40 + i, 5))}" for i in range(60)]
        replies = [reply(f"k{i}", f"c{i}", "boss", text, is_creator=True) for i, text in enumerate(said)]
        assert value(remarks(120) + replies, "creator_reply_rate") == pytest.approx(60 / 120)

    def test_a_turn_of_phrase_among_many_answers_is_no_template(self) -> None:
        """Two hundred answers, three of which share most of their words."""
        said = [" ".join(words_of(40 + i, 7)) for i in range(197)]
        said += [f"you can get it at {word}" for word in words_of(5, 3)]
        replies = [reply(f"k{i}", f"c{i}", "boss", text, is_creator=True) for i, text in enumerate(said)]
        assert value(remarks(250) + replies, "creator_reply_rate") == pytest.approx(200 / 250)

    def test_a_creator_who_says_what_fits_anywhere_answers_nobody(self) -> None:
        rows = remarks(120)
        for text in ("nice ", "💕"):
            replies = [reply(f"k{i}", f"c{i}", "boss", text * (i + 1), is_creator=True) for i in range(100)]
            assert value(rows + replies, "creator_reply_rate") == 0
        replies = [reply(f"k{i}", f"c{i}", "boss", "gracias a todos", is_creator=True) for i in range(100)]
        unread = replace(facts_from(rows + replies), supported=np.zeros(220, bool))
        assert value(unread, "creator_reply_rate") == pytest.approx(1 / 120)

    @pytest.mark.parametrize("text", ["so true", "🔥", "?!", "first of all I agree with every word of this"])
    def test_one_account_that_says_the_same_under_everything_is_heard_once(self, text: str) -> None:
        asked = [
            {"id": f"q{i}", "text": f"what glue holds {NAMES_60[i]}?", "author": f"q{i}"} for i in range(60)
        ]
        talk = [reply(f"t{i}", f"q{i}", f"t{i}", f"{NAMES_60[i]} takes hide glue") for i in range(6)]
        bot = [reply(f"b{i}", f"q{i}", "bot", text) for i in range(60)]
        before, after = signals_of(asked + talk), signals_of(asked + talk + bot)
        for name in ("reply_share", "answered_question_rate", "thread_depth"):
            one, other = before[name].estimate, after[name].estimate
            assert one is not None
            assert other is not None
            assert abs(other.value - one.value) < 0.02, name

    def test_two_accounts_that_chat_under_everything_are_heard_once(self) -> None:
        asked = [{"id": f"q{i}", "text": f"it broke at {NAMES_60[i]}", "author": f"q{i}"} for i in range(60)]
        talk = [reply(f"t{i}", f"q{i}", f"t{i}", f"{NAMES_60[i]} takes hide glue") for i in range(6)]
        chat = []
        for i in range(60):
            for step in range(4):
                above = f"b{i}-{step - 1}" if step else f"q{i}"
                chat.append(reply(f"b{i}-{step}", above, f"bot{step % 2}", "lol"))
        before, after = signals_of(asked + talk), signals_of(asked + talk + chat)
        for name, most in (("reply_share", 0.03), ("reciprocity", 0.3), ("thread_depth", 0.6)):
            one, other = before[name].estimate, after[name].estimate
            assert one is not None
            assert other is not None
            assert other.value - one.value < most, name

    def test_who_hides_a_name_on_answers_to_oneself_answers_nobody(self) -> None:
        rows = remarks(40)
        own = [reply(f"r{i}", f"c{i}", rows[i]["author"], f"it was {NAMES_60[i]}") for i in range(20)]
        hidden = [{**each, "author": None} for each in own]
        for name in ("reply_share", "answered_question_rate", "thread_depth"):
            one, other = signals_of(rows + own)[name], signals_of(rows + hidden)[name]
            assert (other.estimate and other.estimate.value) == (one.estimate and one.estimate.value), name

    def test_answered_questions_by_expected_value(self) -> None:
        asked = [{"id": f"q{i}", "text": f"what glue {i}?", "author": f"q{i}"} for i in range(10)]
        rows = asked + [reply(f"r{i}", f"q{i}", "bo", f"{NAMES_60[i]} glue") for i in range(4)]
        found = signals_of(rows)["answered_question_rate"]
        assert found.estimate is not None
        assert found.estimate.value == pytest.approx(0.4)
        assert set(found.evidence) == {"q0", "q1", "q2", "q3"}

    def test_what_is_hardly_a_question_does_not_speak_along(self) -> None:
        """45 questions, all answered, among a thousand remarks that nobody answers."""
        n, n_asked = 1000, 45
        is_asked = np.arange(n + n_asked) < n_asked
        key = np.arange(1, n + n_asked + 1)
        is_answer = np.arange(n + n_asked) >= n
        parent = np.where(is_answer, key - n, 0)
        question = np.where(is_asked, 0.96, 0.02) * ONE
        facts = make_facts(n + n_asked, key=key, parent=parent, question=question, label=2 * is_asked)
        found = signals_of(facts)["answered_question_rate"]
        assert found.estimate is not None
        assert (found.estimate.value, found.n_comments, found.estimate.n) == (1, n_asked, n_asked)
        nothing = signals_of(replace(facts, question=np.minimum(facts.question, ONE // 2 - 1)))
        assert nothing["answered_question_rate"].estimate is None
        assert nothing["answered_question_rate"].scarce

    def test_latency_takes_no_midnight_for_an_hour(self) -> None:
        day = 24 * HOUR
        said = [reply(f"k{i}", f"c{i}", "boss", f"oak holds, {i}", is_creator=True) for i in range(5)]
        rows = [row | {"created_at": day * i} for some in (remarks(20), said) for i, row in enumerate(some)]
        found = signals_of(rows)["creator_reply_latency"]
        assert found.hidden
        assert "no exact times" in (found.absent or "")
        exact = [row | {"created_at": row["created_at"] + 1000 * i} for i, row in enumerate(rows)]
        assert value(exact, "creator_reply_latency") is not None

    def test_latency_is_the_median_of_exact_times(self) -> None:
        rows = remarks(9, created_at=0)
        words = ["oak", "ash", "elm", "fir", "yew"]
        answers = [
            reply(f"k{i}", f"c{i}", "boss", f"{words[i]} holds", is_creator=True, created_at=hours * HOUR)
            for i, hours in enumerate([1, 2, 3, 40, 500])
        ]
        found = signals_of(rows + answers)["creator_reply_latency"]
        assert found.estimate is not None
        assert found.estimate.value == 3
        low, high = found.estimate.interval()
        assert 1 <= low < 3 < high <= 500
        vague = [{**row, "time_precision": "estimated"} for row in answers]
        assert signals_of(rows + vague)["creator_reply_latency"].hidden

    def test_an_answer_dated_before_its_question_is_no_quick_one(self) -> None:
        rows = remarks(9, created_at=100 * HOUR)
        early = [
            reply(f"k{i}", f"c{i}", "boss", f"{word} holds", is_creator=True, created_at=90 * HOUR)
            for i, word in enumerate(["oak", "ash", "elm", "fir", "yew"])
        ]
        found = signals_of(rows + early)["creator_reply_latency"]
        assert found.estimate is None
        assert found.hidden
        later = {"is_creator": True, "created_at": 107 * HOUR}
        late = [reply(f"l{i}", f"c{i}", "boss", f"the {word} held", **later) for i, word in enumerate("abc")]
        assert value([*rows, *early, *late], "creator_reply_latency") == 7

    def test_unknown_authors_are_different_people(self) -> None:
        rows = [*remarks(8, author=None), reply("r1", "c0", None)]
        assert value(rows, "reply_share") == pytest.approx(1 / 9)


def test_a_flat_dump_has_no_conversation() -> None:
    found = signals_of(remarks(30))
    for name in NAMES:
        assert "parent" in (found[name].absent or "")


def test_without_a_creator_their_signals_are_absent() -> None:
    found = signals_of([*remarks(8), reply("r1", "c0", "bo")])
    assert "who the creator is" in (found["creator_reply_rate"].absent or "")
    named = signals_of([{**row, "creator_id": "maker"} for row in [*remarks(8), reply("r1", "c0", "bo")]])
    estimate = named["creator_reply_rate"].estimate
    assert estimate is not None
    assert estimate.value == 0
