"""Experiments on simulated communities: each tells right instruments from broken ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from plaudit.facts import Facts
from plaudit.policy import Policy
from plaudit.report.claims import VERDICTS, Claim, Row
from plaudit.report.envelope import Finding, LabelShare
from plaudit.scores import LABELS
from plaudit.validation import EXPERIMENTS, chosen, validate
from plaudit.validation.bench import Bench
from plaudit.validation.bot_lists import bot_lists
from plaudit.validation.coverage import UNITS, intervals, sampled
from plaudit.validation.disguise import _bundled, copied_campaign, disguised_bots
from plaudit.validation.editing import Comments
from plaudit.validation.halves import reliability, reliability_of
from plaudit.validation.injection import Doses, injected_bots
from plaudit.validation.invariance import invariance
from plaudit.validation.known_groups import known_groups
from plaudit.validation.languages import foreign_texts, languages
from plaudit.validation.material import BotText, GroupRule, Material
from plaudit.validation.omission import OMISSIONS, leaving_out
from plaudit.validation.prevalence import prevalence
from plaudit.validation.sensitivity import sensitivity, with_weights
from plaudit.validation.simulation import Truth, simulated, simulated_posts
from plaudit.validation.statistics import stream
from plaudit.validation.study import Study
from tests.fakes import KeywordClassifier, fake_pipeline
from tests.validation import HearingClassifier, RulerBench, study


@cache
def material() -> Material:
    return simulated(n_posts=8, n_big=1, seed=1, size=120, big=400)


def row(claim: Claim, words: str) -> Row:
    (found,) = [each for each in claim.rows if words in each.name]
    return found


class BentBench(RulerBench):
    """The real instrument, its findings bent by a function."""

    def __init__(self, bend: Callable[[Finding, Facts], Finding]) -> None:
        super().__init__()
        self.bend = bend

    def finding(self, facts: Facts, *, sampling_alone: bool = False, policy: Policy | None = None) -> Finding:
        honest = Bench.finding(self, facts, sampling_alone=sampling_alone, policy=policy)
        return self.bend(honest, facts)


def test_simulated_posts_are_what_their_truth_says() -> None:
    truth = Truth(shares=(0.5, 0.3, 0.2), reply_chance=0.4, answer_chance=0.3)
    (post,) = simulated_posts({"maker-0": truth}, sizes=[3000], seed=2)
    audience = post.comments.filter(pc_not(post.comments))
    labels = HearingClassifier().classify(audience.column("text").to_pylist()).labels
    assert np.bincount(labels, minlength=3) / len(labels) == pytest.approx(np.array(truth.shares), abs=0.03)
    replies = 1 - audience.column("parent_id").null_count / len(audience)
    assert replies == pytest.approx(truth.reply_chance, abs=0.03)
    n_top = audience.column("parent_id").null_count
    assert (len(post.comments) - len(audience)) / n_top == pytest.approx(truth.answer_chance, abs=0.04)
    assert simulated_posts({"maker-0": truth}, sizes=[3000], seed=2) == [post]


def pc_not(comments: Comments) -> object:
    import pyarrow.compute as pc

    return pc.invert(comments.column("is_creator"))


def test_injected_bots_lower_authenticity_step_by_step() -> None:
    # As sure of praise as the shipped model is: applause counts by how sure.
    pipeline = replace(fake_pipeline(), classifier=KeywordClassifier(confidence=0.96))
    claim = injected_bots(study(material(), bench=Bench(pipeline)))
    assert row(claim, "Spearman").value == pytest.approx(-1.0)
    assert row(claim, "Spearman").verdict == "pass"
    steps = [each.value or 0.0 for each in claim.rows if each.name.startswith("mean change")]
    assert len(steps) == 5
    assert max(steps) < 0
    (curve, by_file) = claim.charts
    assert len(curve.series[0].y) == 6
    assert by_file.rungs == ("simulated (8)",)


def test_a_blind_instrument_falls_short() -> None:
    def constant(finding: Finding, _facts: Facts) -> Finding:
        number = finding.index or finding.authenticity
        assert number is not None
        return replace(finding, authenticity=replace(number, value=50.0, low=40.0, high=60.0))

    claim = injected_bots(study(material(), bench=BentBench(constant)))
    assert row(claim, "AUC, bots, 20%: among all").value == 0.5
    assert claim.verdict == "short"


def test_abstentions_are_counted_and_not_ranked() -> None:
    values = np.array([[80.0, np.nan], [70.0, 40.0], [75.0, 45.0], [60.0, 30.0]])
    found = Doses(posts=("f",) * 4, doses=(0.0, 0.2), values=values, own=np.full((4, 1), 0.5))
    assert found.auc(0.2, stream(1, "x")).value == 1.0
    assert found.file_auc(0.2, stream(1, "x")).value == 1.0
    assert [each.value for each in found.means()] == [pytest.approx(205 / 3), pytest.approx(115 / 3)]


def test_posts_can_be_compared_within_their_source() -> None:
    values = np.array([[80.0, 70.0], [82.0, 71.0], [50.0, 40.0], [52.0, 41.0]])
    found = Doses(posts=("a", "a", "b", "b"), doses=(0.0, 0.2), values=values, own=np.full((4, 1), 0.5))
    assert found.auc(0.2, stream(1, "x")).value == 0.75
    assert found.file_auc(0.2, stream(1, "x")).value == 1.0


def test_nothing_is_injected_into_posts_known_to_be_unclean() -> None:
    spam = GroupRule(name="s", index="authenticity", side="spam", post="maker")
    given = study(replace(material(), groups=(*material().groups, spam)))
    names = {post.name for post in given.posts(least=50, clean=True)}
    assert names
    assert not any("maker" in name or "silent" in name for name in names)
    assert "spam" not in {rule.name for rule in given.material.groups if not rule.unclean}


def test_copies_show_and_questions_need_a_list() -> None:
    claim = disguised_bots(study(material()))
    assert (row(claim, "copies of the same post, 20%: halves").value or 0) > 0.75
    assert not claim.lacking
    less = replace(material(), bots=tuple(bot for bot in material().bots if bot.kind != "question"))
    assert "bot questions" in disguised_bots(study(less, n_posts=3)).lacking


def test_copies_of_other_posts_come_from_other_posts() -> None:
    given = study(material())
    posts = given.posts(least=100, most=8)
    version = _bundled(given, posts)
    clean, dosed = version(posts[0], 0.0), version(posts[0], 0.2)
    assert len(clean) == len(dosed)
    assert len(set(clean.column("post_id").to_pylist())) == 4
    before, after = (each.column("text").to_pylist() for each in (clean, dosed))
    home = clean.column("post_id").to_pylist()
    changed = [i for i, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    assert len(changed) == pytest.approx(0.2 * len(clean), rel=0.15)
    for i in changed:
        assert after[i] in {text for text, post in zip(before, home, strict=True) if post != home[i]}


class ShortIsPraise(HearingClassifier):
    """Calls what has three words at the most praise, and anything else genuine."""

    def _probabilities(self, text: str) -> list[float]:
        return [0.1, 0.8, 0.1] if len(text.split()) <= 3 else [0.8, 0.1, 0.1]


def test_what_bots_post_counts_by_family_as_it_is_and_in_filler() -> None:
    bots = [
        *(BotText(text=text, family="a") for text in ("nice", "so nice", "nice", "nice one my old friend")),
        BotText(text="wow", kind="emoji", family="b"),
        BotText(text="great {post}", family="c", made=True),
        BotText(text="where from?", kind="question", family="d"),
    ]
    bench = Bench(replace(fake_pipeline(), classifier=ShortIsPraise()))
    claim = bot_lists(study(Material(bots=tuple(bots)), bench=bench))
    listed = row(claim, "listed one by one: called")
    assert listed.value == pytest.approx((2 / 3 + 1) / 2)  # families alike, each text once, no questions
    assert listed.n == 4
    assert listed.verdict == "short"
    assert row(claim, "made by rules: called").value == 1.0
    assert row(claim, "listed one by one, between").value == 0.0
    assert bot_lists(study(Material())).lacking


def test_no_post_is_in_more_bundles_than_others() -> None:
    given = study(material())
    posts = given.posts(least=100, most=8)
    version = _bundled(given, posts)
    bundles = [frozenset(version(post, 0.0).column("post_id").to_pylist()) for post in posts]
    assert len(set(bundles)) == len(posts)
    assert {sum(name in bundle for bundle in bundles) for name in frozenset().union(*bundles)} == {4}


def test_one_genuine_text_under_many_names_is_seen() -> None:
    claim = copied_campaign(study(material()))
    assert (row(claim, "halves of the same post").value or 0) > 0.7


@pytest.mark.parametrize(("stretch", "verdict"), [(1.0, True), (0.4, False), (3.0, False)])
def test_coverage_tells_right_intervals_from_wrong_ones(stretch: float, verdict: bool) -> None:
    truth = Truth(shares=(0.5, 0.3, 0.2), reply_chance=0.0, answer_chance=0.0, comments_an_author=1.0)
    posts = simulated_posts({f"m{i}-0": truth for i in range(3)}, sizes=[1100] * 3, seed=3)
    given = study(Material(posts=tuple(posts)), bench=RulerBench(stretch=stretch), n_samples=120, n_big=3)
    tally = sampled(given, "authenticity", by="author", size=50)
    assert tally is not None
    covered = tally.covered.value or 0.0
    assert (0.84 <= covered <= 0.95) is verdict
    assert tally.n_posts == 3
    assert tally.held == pytest.approx(covered)  # all posts speak as often
    assert tally.silent.value == 0.0


def test_samples_are_a_twentieth_of_their_post_at_most() -> None:
    assert sampled(study(material()), "authenticity", by="author", size=50) is None
    assert sampled(study(material()), "authenticity", by="author", size=20) is not None


def test_the_headlines_interval_is_held_against_the_threads_that_depths_is() -> None:
    posts = Material(posts=tuple(simulated_posts({"m-0": Truth.drawn(stream(5, 1))}, sizes=[1100], seed=5)))
    given = study(posts, n_samples=8)
    both = [sampled(given, name, by="thread", size=50) for name in ("community depth", "index")]
    n_findings = given.bench.n_findings
    assert n_findings == 1 + 8 + 2  # of the post, of its parts, and of two with the classifier's errors
    assert all(tally is not None and tally.n_samples == 8 for tally in both)
    assert sampled(given, "authenticity", by="author", size=50) is not None
    assert given.bench.n_findings == 2 * n_findings
    names = [name for name, _ in UNITS]
    assert names == ["authenticity", "community depth", "index"]
    claim = intervals(study(posts, bench=RulerBench(), n_samples=8))
    assert row(claim, "index: samples of 5%").value is not None


def test_disjoint_halves_tell_overconfidence() -> None:
    truths = {f"m{i}-0": Truth.drawn(stream(5, i)) for i in range(6)}
    posts = Material(posts=tuple(simulated_posts(truths, sizes=[320] * 6, seed=5)))
    right, wrong = (
        row(intervals(study(posts, bench=RulerBench(stretch=s), n_splits=12)), "authenticity: disjoint").value
        for s in (1.0, 0.3)
    )
    assert right is not None
    assert wrong is not None
    assert right > 0.8
    assert wrong < 0.6


def test_reliability_is_high_for_what_posts_have_of_their_own() -> None:
    truths = {
        f"m{i}-0": Truth(shares=(0.1 * i, 0.9 - 0.1 * i, 0.1), reply_chance=0.3, answer_chance=0.1)
        for i in range(1, 9)
    }
    posts = Material(posts=tuple(simulated_posts(truths, sizes=[310] * 8, seed=6)))
    steady = reliability(study(posts, bench=RulerBench(), n_halved=8))
    assert (row(steady, "authenticity").value or 0) > 0.9
    assert {chart.title for chart in steady.charts} >= {"Split halves: authenticity"}


def test_reliability_of_noise_is_low_and_of_truth_with_noise_as_the_formula_says() -> None:
    noise = stream(2, "noise").standard_normal((400, 2, 2))
    assert abs(reliability_of(noise, stream(1, "a")).value or 1) < 0.2
    truth = stream(3, "truth").standard_normal((400, 1, 1))
    assert reliability_of(truth + noise, stream(1, "a")).value == pytest.approx(2 / 3, abs=0.06)


def test_reliability_does_not_depend_on_which_half_comes_first() -> None:
    pairs = stream(1, "pairs").standard_normal((20, 2, 2)) + np.arange(20)[:, None, None]
    turned = pairs[:, :, ::-1]
    assert reliability_of(pairs, stream(1, "a")) == reliability_of(turned, stream(1, "a"))


def test_label_shares_are_held_against_the_truth() -> None:
    for confidence, most in ((1.0, 0.001), (0.9, 0.008)):  # unsure of its answers, means are trusted a little
        pipeline = replace(fake_pipeline(), classifier=HearingClassifier(confidence=confidence))
        claim = prevalence(study(material(), bench=Bench(pipeline)))
        for label in LABELS:
            error = row(claim, f"mean absolute error, {label}").value
            assert error is not None
            assert error < most
            assert row(claim, f"90 % intervals that hold the share, {label}").verdict == "pass"

    def biased(finding: Finding, _facts: Facts) -> Finding:
        wrong = LabelShare(share=0.9, low=0.8, high=1.0, raw_share=0.5)
        return replace(finding, labels=dict.fromkeys(LABELS, wrong))

    off = prevalence(study(material(), bench=BentBench(biased)))
    assert row(off, "mean absolute error, genuine").verdict == "short"
    assert row(off, "by counting, genuine").verdict == "short"
    assert row(off, "90 % intervals that hold the share, genuine").verdict == "short"
    assert "20 labelled comments" in prevalence(study(replace(material(), labelled=()))).lacking


def test_hiding_what_is_bad_shows_where_it_pays() -> None:
    claim = leaving_out(study(material(), n_posts=4))
    assert len(claim.rows) == len(OMISSIONS) + 1

    def gullible(finding: Finding, facts: Facts) -> Finding:
        number = finding.authenticity
        if number is None or facts.author.any():
            return finding
        return replace(finding, authenticity=replace(number, value=99.0, high=99.0))

    fooled = leaving_out(study(material(), bench=BentBench(gullible), n_posts=4))
    assert row(fooled, "without authors: largest").verdict == "short"
    assert row(fooled, "without times: largest").verdict == "pass"


def test_a_number_that_hiding_gives_where_there_was_none_is_told() -> None:
    def withholding(finding: Finding, facts: Facts) -> Finding:
        return replace(finding, authenticity=None) if facts.author.any() else finding

    claim = leaving_out(study(material(), n_posts=2, bench=BentBench(withholding)))
    notes = {each.name.partition(":")[0]: each.note for each in claim.rows}
    assert "4 dumps get a number that was withheld before." in notes["without authors"]
    assert "withheld" not in notes["without times"]


def test_groups_that_differ_come_apart_and_equal_ones_do_not() -> None:
    claim = known_groups(study(material()))
    assert row(claim, "talkative above silent, AUC").verdict == "pass"
    turned = tuple(replace(rule, side="low" if rule.side == "high" else "high") for rule in material().groups)
    wrong = known_groups(study(replace(material(), groups=turned)))
    assert row(wrong, "silent above talkative, AUC").verdict == "short"
    assert row(wrong, "silent above talkative, lower end").verdict == "short"
    assert known_groups(study(replace(material(), groups=()))).verdict == "unmeasured"


def test_members_of_a_group_that_abstain_are_told() -> None:
    claim = known_groups(study(material()))
    assert row(claim, "talkative above silent, AUC").note.endswith(" 1 abstain.")
    assert "abstain" not in row(claim, "particular above applauding, AUC").note


def test_an_unread_audience_is_not_judged() -> None:
    claim = languages(study(material(), n_posts=8))
    assert {
        code for code in foreign_texts() if any(each.name.startswith(code) for each in claim.rows)
    } == set(foreign_texts())
    assert all(each.verdict == "pass" for each in claim.rows if "judged though" in each.name)
    assert all(each.verdict == "pass" for each in claim.rows if "label shares though" in each.name)


def test_bytes_that_change_with_the_reading_are_seen() -> None:
    claim = invariance(study(material(), n_posts=4))
    assert [each.name for each in claim.rows if each.verdict != "pass"] == []

    def by_first(finding: Finding, facts: Facts) -> Finding:
        return replace(finding, reasons={"first": (facts.id[0].as_py(), str(facts.mention.sum()))})

    steady = invariance(study(material(), bench=BentBench(by_first), n_posts=2))
    assert steady.verdict == "pass"  # facts are ordered by key, whatever came first

    seen = iter(range(10**6))
    restless = BentBench(lambda finding, _: replace(finding, reasons={"n": (str(next(seen)),)}))
    assert invariance(study(material(), bench=restless, n_posts=2)).verdict == "short"


def test_a_signal_without_weight_leaves_its_index() -> None:
    given = study(material(), n_posts=8)
    policy = given.bench.policy
    lighter = with_weights(policy, {"generic_share": 0.0})
    assert lighter.signals["generic_share"].weight == 0
    assert lighter.signals["reply_share"] == policy.signals["reply_share"]
    claim = sensitivity(given)
    assert (row(claim, "ranks with weights ±").value or 0) > 0.8
    assert claim.verdict == "shown"
    drawn = {chart.title: chart for chart in claim.charts}
    weighing = [name for name, rule in policy.signals.items() if rule.weight > 0]
    assert set(drawn["Mean change of its index without a signal"].rungs) <= set(weighing)


def test_too_little_material_is_an_answer_and_no_error() -> None:
    validation = validate(study(Material()))
    assert [claim.name for claim in validation.claims] == list(EXPERIMENTS)
    assert {claim.verdict for claim in validation.claims} <= set(VERDICTS) - {"short"}
    assert all(claim.lacking or claim.rows for claim in validation.claims)


def test_the_same_seed_gives_the_same_bytes() -> None:
    one, other = (
        validate(study(material(), n_posts=3), only=["bots", "small", "sensitivity"]) for _ in range(2)
    )
    assert one.to_json() == other.to_json()


def test_only_known_experiments_are_run() -> None:
    assert chosen(["small", "bots"]) == ("bots", "small")
    assert chosen([]) == tuple(EXPERIMENTS)
    with pytest.raises(Exception, match="There is no experiment 'bot'"):
        chosen(["bot"])


def test_progress_is_told_step_by_step() -> None:
    heard: list[tuple[str, int, int]] = []
    given = study(material(), n_posts=3)
    told: Study = replace(given, on_step=lambda *step: heard.append(step))
    injected_bots(told)
    assert heard == [("Injecting bots", done, 3) for done in range(4)]
