from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import comb
from typing import Any

import numpy as np
import pytest

from plaudit.facts import ONE, Facts
from plaudit.prevalence import Correction
from plaudit.signals import NAMES, Signal, copies, measure_signals
from plaudit.signals.section import Section
from plaudit.signals.wording import certainty
from tests.communities import facts_from, make_facts, words_of


def signals_of(rows: Sequence[Mapping[str, Any]] | Facts) -> Mapping[str, Signal]:
    facts = rows if isinstance(rows, Facts) else facts_from(rows)
    return measure_signals(Section.of(facts), correction=Correction.of(None)).signals


def value(rows: Sequence[Mapping[str, Any]] | Facts, name: str) -> float | None:
    estimate = signals_of(rows)[name].estimate
    return None if estimate is None else estimate.value


def remarks(n: int, *, start: int = 0, **fields: Any) -> list[dict[str, Any]]:
    """Return n comments that say different things, each by another author."""
    return [
        {"id": f"c{i}", "text": " ".join(words_of(i, 8)), "author": f"fan {words_of(i, 2)}", **fields}
        for i in range(start, start + n)
    ]


def test_every_signal_is_there_or_says_why_not() -> None:
    for rows in ([], remarks(1), remarks(30)):
        found = signals_of(rows)
        assert set(found) == set(NAMES)
        for signal in found.values():
            assert (signal.estimate is None) == (signal.absent is not None)
            assert signal.absent is None or signal.absent.endswith(".")


class TestAudience:
    def test_the_creator_is_not_audience(self) -> None:
        thanks = [{"id": f"t{i}", "text": "great, love it", "is_creator": True} for i in range(50)]
        assert value(remarks(20) + thanks, "generic_share") == value(remarks(20), "generic_share")

    def test_languages_the_model_does_not_read_are_in_no_share(self) -> None:
        foreign = [{"id": f"j{i}", "text": "これ great", "author": f"j{i}"} for i in range(50)]
        for name in ("generic_share", "specificity", "emoji_only_share", "duplicate_share"):
            assert value(remarks(20) + foreign, name) == value(remarks(20), name)

    def test_emoji_alone_are_neutral(self) -> None:
        emoji = [{"id": f"e{i}", "text": "💕💕💕", "author": f"e{i}"} for i in range(20)]
        assert value(remarks(20) + emoji, "generic_share") == value(remarks(20), "generic_share")
        assert value(remarks(20) + emoji, "emoji_only_share") == 0.5

    def test_an_authors_repeated_text_counts_once(self) -> None:
        fan = [{"id": f"q{i}", "text": "when is part two?", "author": "one fan"} for i in range(50)]
        assert value(remarks(20) + fan, "question_share") == value(remarks(20) + fan[:1], "question_share")

    def test_an_author_weighs_at_most_three_comments(self) -> None:
        many = [{**row, "text": row["text"] + "?", "author": "one fan"} for row in remarks(40, start=500)]
        assert value(remarks(20) + many, "question_share") == pytest.approx(
            value(remarks(20) + many[:3], "question_share") or 0, abs=1e-3
        )


class TestWording:
    def test_filler_never_raises_specificity(self) -> None:
        plain = remarks(20)
        for filler in (" so so so", " oh well and it is as it is but yes no"):
            padded = [{**row, "text": row["text"] + filler} for row in plain]
            assert (value(padded, "specificity") or 0) <= (value(plain, "specificity") or 0)

    def test_varied_filler_never_raises_specificity(self) -> None:
        phrases = [" ".join(words_of(900 + i, 5)) for i in range(20)]
        plain = [{**row, "text": " ".join(row["text"].split()[:3])} for row in remarks(60)]
        padded = [{**row, "text": f"{row['text']} {phrases[i % 20]}"} for i, row in enumerate(plain)]
        assert (value(padded, "specificity") or 0) <= (value(plain, "specificity") or 0)

    def test_bare_tags_are_no_remarks(self) -> None:
        tags = [{"id": f"t{i}", "text": f"@friend{i}", "author": f"t{i}"} for i in range(20)]
        plain = facts_from(remarks(20) + tags)
        assert value(plain, "tag_only_share") == 0.5


class TestApplause:
    def test_sure_praise_to_nobody_is(self) -> None:
        facts = facts_from(
            [*remarks(15), *({"id": f"g{i}", "text": "great post!", "author": f"g{i}"} for i in range(5))]
        )
        sure = np.where(facts.generic_praise > facts.genuine, 65_400, facts.generic_praise)
        to_nobody = replace(facts, generic_praise=sure.astype(np.int32), addressed=np.zeros(20, np.int32))
        assert value(to_nobody, "applause_share") == 0.25
        assert set(signals_of(to_nobody)["applause_share"].evidence) == {f"g{i}" for i in range(5)}
        to_somebody = replace(to_nobody, addressed=np.full(20, 60_000, np.int32))
        assert value(to_somebody, "applause_share") == 0
        unsure = replace(to_nobody, generic_praise=np.minimum(sure, 50_000).astype(np.int32))
        assert value(unsure, "applause_share") == 0

    def test_a_single_word_counts_half(self) -> None:
        # People write them everywhere; a wall of them still shows.
        cries = make_facts(20, generic_praise=np.full(20, ONE), n_words=np.ones(20))
        assert value(cries, "applause_share") == pytest.approx(0.5, abs=1e-4)
        assert value(replace(cries, n_words=np.full(20, 2, np.int32)), "applause_share") == 1

    def test_certainty_grows_from_a_doubt_to_none(self) -> None:
        shares = np.array([0.0, 0.5, 0.88, 0.93, 0.96, 0.983, 1.0])
        found = certainty(np.rint(shares * ONE).astype(np.int32))
        assert found[[0, 1, 2]].tolist() == [0, 0, 0]
        assert found[[5, 6]].tolist() == [ONE, ONE]
        assert found[3] / ONE == pytest.approx((np.log(0.93 / 0.07) - 2) / 2, abs=1e-3)
        assert 0 < found[3] < found[4] < ONE

    def test_filler_between_praise_hides_no_applause(self) -> None:
        # The fake hears no praise word here: a classifier that takes stitched texts for genuine.
        phrases = [" ".join(words_of(900 + i, 5)) for i in range(20)]
        random = np.random.default_rng(3)
        padded = [
            {"id": f"p{i}", "text": " so so ".join(random.choice(phrases, 2)), "author": f"bot {i}"}
            for i in range(40)
        ]
        found = signals_of(remarks(60) + padded)["applause_share"]
        assert found.estimate is not None
        assert found.estimate.value == pytest.approx(0.4, abs=0.02)
        assert set(found.evidence) <= {f"p{i}" for i in range(40)}
        assert value(remarks(60) + [{**row, "author": "one fan"} for row in padded], "applause_share") == 0

    def test_short_common_phrases_are_no_applause(self) -> None:
        asked = [{"id": f"q{i}", "text": "what song is this", "author": f"q{i}"} for i in range(20)]
        assert value(remarks(60) + asked, "applause_share") == 0


class TestScripted:
    def test_praise_in_the_words_of_bots_counts(self) -> None:
        marked = np.arange(20) < 8
        facts = make_facts(20, generic_praise=np.full(20, ONE), scripted=marked)
        assert value(facts, "scripted_share") == 0.4
        assert value(replace(facts, scripted=np.zeros(20, bool)), "scripted_share") == 0

    def test_what_is_no_praise_does_not_count_however_it_reads(self) -> None:
        doubtful = np.where(np.arange(20) < 5, ONE // 2, ONE // 2 - 1).astype(np.int32)
        facts = make_facts(20, generic_praise=doubtful, scripted=np.ones(20, bool))
        assert value(facts, "scripted_share") == 0.25

    def test_filler_around_praise_hides_nothing(self) -> None:
        padded = [
            {"id": f"p{i}", "text": " ".join(["so great post", *words_of(900 + i, 9)]), "author": f"bot {i}"}
            for i in range(40)
        ]
        assert value(remarks(60) + padded, "scripted_share") == 0.4

    def test_praise_stitched_together_counts(self) -> None:
        phrases = [" ".join(words_of(900 + i, 5)) for i in range(20)]
        random = np.random.default_rng(3)
        stitched = [
            {"id": f"p{i}", "text": "love " + " ".join(random.choice(phrases, 2)), "author": f"bot {i}"}
            for i in range(40)
        ]
        found = facts_from(remarks(60) + stitched)
        plain = replace(found, scripted=np.zeros(100, bool))
        assert value(plain, "scripted_share") == pytest.approx(0.4, abs=0.02)
        assert value(replace(plain, generic_praise=np.zeros(100, np.int32)), "scripted_share") == 0


class TestCopies:
    def campaign(self, n: int, author: str = "bot{}") -> list[dict[str, Any]]:
        text = "finally a clear explanation of the hinge"
        return [{"id": f"b{i}", "text": text, "author": author.format(i)} for i in range(n)]

    def test_copies_by_others_are_seen_and_shown(self) -> None:
        found = signals_of(remarks(95) + self.campaign(5))["duplicate_share"]
        assert found.estimate is not None
        assert found.estimate.value == pytest.approx(0.05)
        assert set(found.evidence) == {f"b{i}" for i in range(5)}

    def test_an_author_who_repeats_himself_is_no_copier(self) -> None:
        assert value(remarks(95) + self.campaign(5, author="bot"), "duplicate_share") == 0

    def test_short_common_phrases_are_exempt(self) -> None:
        first = [{"id": f"f{i}", "text": "love it!", "author": f"f{i}"} for i in range(20)]
        assert value(remarks(20) + first, "duplicate_share") == 0

    @pytest.mark.parametrize(("n_words", "counts"), [(1, 0.25), (2, 0.25), (4, 0.75), (5, 1.0), (30, 1.0)])
    def test_the_more_words_the_surer_a_copy(self, n_words: int, counts: float) -> None:
        letters = np.concatenate((np.full(5, 7), np.arange(100, 195))).astype(np.uint64)
        facts = make_facts(100, letters=letters, n_words=np.full(100, n_words))
        assert value(facts, "duplicate_share") == pytest.approx(0.05 * counts, abs=1e-4)

    def test_few_people_show_part_of_the_copies_there_are(self) -> None:
        for n, share in ((20, 19 / 199), (199, 198 / 199), (200, 1.0), (300, 1.0)):
            found = signals_of(make_facts(n, author=np.arange(1, n + 1)))
            for name in copies.NAMES:
                assert found[name].seen == pytest.approx(share**0.5)
            assert {each.seen for name, each in found.items() if name not in copies.NAMES} == {1.0}

    def test_masses_are_told_from_pairs(self) -> None:
        pairs = np.concatenate((np.repeat(np.arange(1, 51), 2), np.arange(100, 1000))).astype(np.uint64)
        mass = np.concatenate((np.full(50, 7), np.arange(100, 1050))).astype(np.uint64)
        none, one = (comb(49, k) * comb(950, 69 - k) / comb(999, 69) for k in (0, 1))
        two_others = 1 - none - one
        for letters, many, few in ((mass, 0.05, 0.05 * two_others), (pairs, 0.1 * 199 / 999, 0.0)):
            found = signals_of(make_facts(1000, letters=letters))
            values = [found[name].estimate for name in copies.NAMES]
            assert [each and each.value for each in values] == pytest.approx([many, few], rel=0.02)

    def test_a_pair_among_few_people_is_no_mass(self) -> None:
        found = signals_of(make_facts(25, letters=np.array([7, 7, *range(100, 123)], np.uint64)))
        shares, masses = (found[name] for name in copies.NAMES)
        assert shares.estimate is not None
        assert masses.estimate is not None
        assert shares.estimate.value == pytest.approx(2 / 25, rel=0.01)
        assert masses.estimate.value == 0
        assert (len(shares.evidence), len(masses.evidence)) == (2, 0)

    @pytest.mark.parametrize("name", copies.NAMES)
    def test_the_value_does_not_grow_with_the_sample(self, name: str) -> None:
        random = np.random.default_rng(0)
        letters = np.where(random.random(20_000) < 0.3, random.integers(1, 60, 20_000), 0)
        unique = random.integers(1000, 2**62, 20_000)
        whole = make_facts(20_000, letters=np.where(letters > 0, letters, unique))
        parts = [value(whole.take(np.sort(random.choice(20_000, 400, False))), name) for _ in range(15)]
        assert np.mean([part or 0 for part in parts]) == pytest.approx(value(whole, name), rel=0.1)


class TestConcentration:
    def test_many_threads_by_one_author_are(self) -> None:
        flood = [{**row, "author": "one"} for row in remarks(20, start=100)]
        assert value(remarks(20), "author_concentration") == 0
        assert value(remarks(20) + flood, "author_concentration") == pytest.approx(19 / 40)

    def test_talk_within_a_thread_is_not(self) -> None:
        talk = [
            {**row, "author": f"a{i % 2}", "parent_id": "c0"} for i, row in enumerate(remarks(10, start=50))
        ]
        assert value(remarks(20) + talk, "author_concentration") == 0

    def test_coming_back_under_another_post_is_not(self) -> None:
        assert value(remarks(9, post_id="p1") + remarks(9, post_id="p2"), "author_concentration") == 0

    def test_absent_without_authors(self) -> None:
        found = signals_of(remarks(20, author=None))["author_concentration"]
        assert found.absent is not None
        assert found.hidden


class TestReturning:
    def test_the_chance_to_meet_an_author_again(self) -> None:
        same = remarks(10, post_id="p1") + remarks(10, post_id="p2")
        assert value(same, "returning_authors") == 1
        other = remarks(10, post_id="p1") + remarks(10, start=50, post_id="p2")
        assert value(other, "returning_authors") == 0

    def test_it_does_not_grow_with_the_posts_read(self) -> None:
        random = np.random.default_rng(1)
        here = random.random((4000, 40)) < 0.2
        author, post = np.nonzero(here)
        key = np.random.default_rng(2).integers(1, 2**62, 4000, np.uint64)[author]

        def chance(n_posts: int) -> float | None:
            some = post < n_posts
            return value(make_facts(some.sum(), author=key[some], post=post[some] + 1), "returning_authors")

        assert chance(5) == pytest.approx(0.2, abs=0.03)
        assert chance(40) == pytest.approx(0.2, abs=0.02)

    @pytest.mark.parametrize("n_posts", [7, 1_000, 80_000])
    def test_it_is_exact_however_many_posts_were_read(self, n_posts: int) -> None:
        author = np.repeat(np.arange(1, n_posts // 2 + 1), 2)
        facts = make_facts(len(author), author=author, post=np.arange(1, len(author) + 1))
        assert value(facts, "returning_authors") == pytest.approx(1 / (len(author) - 1), rel=1e-9)

    def test_absent_for_one_post(self) -> None:
        assert "one post" in (signals_of(remarks(20))["returning_authors"].absent or "")


def test_evidence_is_clear_short_and_the_same_in_any_order() -> None:
    rows = remarks(30) + [{"id": f"q{i}", "text": f"why {i} bolts?", "author": f"q{i}"} for i in range(30)]
    found = signals_of(rows)
    turned = signals_of(rows[::-1])
    for name, signal in found.items():
        assert len(signal.evidence) <= 5
        assert signal.evidence == turned[name].evidence
    assert all(id_.startswith("q") for id_ in found["question_share"].evidence)


def test_what_is_more_likely_something_else_is_no_evidence() -> None:
    """Five remarks stood as the questions of an audience that asked nothing."""
    found = signals_of(remarks(30))
    for name in ("question_share", "generic_share"):
        assert found[name].estimate is not None
        assert found[name].evidence == ()
    assert len(found["genuine_share"].evidence) == 5
