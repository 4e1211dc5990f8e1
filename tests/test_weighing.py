from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from plaudit import policy, reasons
from plaudit.estimate import N_DRAWS, Estimate
from plaudit.reference import References
from plaudit.signals import Signal, copies
from plaudit.weighing import Weighed, combine, headline, weigh

POLICY = policy.load()
DEPTH = POLICY.of_index("depth")


def estimate(value: float, spread: float = 0.0) -> Estimate:
    noise = np.random.default_rng(0).normal(0, spread, N_DRAWS) if spread else np.zeros(N_DRAWS)
    return Estimate(value=value, draws=np.maximum(value + noise, 0), n=50)


def weighed(name: str, value: float | None = None, *, spread: float = 0.0) -> Weighed:
    rule = POLICY.signals[name]
    found = estimate(rule.reference if value is None else value, spread)
    signal = Signal(name=name, family="x", unit="share", estimate=found, n_comments=50)
    return weigh(
        signal,
        rule=rule,
        reference=References().find(name, platform="other", rule=rule),
        rules=POLICY.rules,
    )


def value_of(parts: dict[str, Weighed], hidden: tuple[str, ...] = ()) -> float:
    mean = combine(parts, hidden=hidden, index="depth", policy=POLICY)
    assert mean is not None
    return mean.estimate.value


ALL = {name: weighed(name) for name in DEPTH}


def test_a_signal_at_its_reference_is_typical() -> None:
    for name in POLICY.signals:
        assert weighed(name).goodness[0] == pytest.approx(POLICY.rules.typical)
    assert value_of(ALL) == pytest.approx(100 * POLICY.rules.typical)


def test_worse_is_never_better() -> None:
    for name, rule in POLICY.signals.items():
        goodness = [weighed(name, value).goodness[0] for value in np.linspace(0, 1, 40)]
        steps = np.diff(goodness if rule.bad == "low" else goodness[::-1])
        assert (steps >= 0).all()


def test_what_may_not_be_the_audiences_is_held_to_be_the_best_of_it() -> None:
    for name, share, without in (("applause_share", 0.094, 0.1), ("specificity", 0.248, 0.2)):
        rule = POLICY.signals[name]
        reference = References().find(name, platform="other", rule=rule)
        signal = Signal(name=name, family="x", unit="share", estimate=estimate(share), n_comments=50)
        found = weigh(signal, rule=rule, reference=reference, rules=POLICY.rules, n_doubtful=3)
        assert found.distance == pytest.approx(weighed(name, without).distance)
        assert found.signal.estimate is not None
        assert found.signal.estimate.value == share


def test_what_may_not_be_the_audiences_is_not_held_against_it_for_sure() -> None:
    rule = POLICY.signals["specificity"]
    reference = References().find("specificity", platform="other", rule=rule)
    signal = Signal(name="specificity", family="x", unit="share", estimate=estimate(0.26), n_comments=20)
    doubted, sure = (
        weigh(signal, rule=rule, reference=reference, rules=POLICY.rules, n_doubtful=n).goodness
        for n in (3, 0)
    )
    assert doubted[0] < sure[0]
    assert doubted[1:].min() == pytest.approx(doubted[0], abs=0.01)
    assert doubted[1:].max() == pytest.approx(sure[0], abs=0.01)


def test_a_voice_is_three_comments_not_three_authors_of_many() -> None:
    # Ten authors who count for three each: 3 of 30 are in doubt.
    rule = POLICY.signals["applause_share"]
    reference = References().find("applause_share", platform="other", rule=rule)
    few = replace(estimate(0.09), n=10)
    signal = Signal(name="applause_share", family="x", unit="share", estimate=few, n_comments=100)
    found = weigh(signal, rule=rule, reference=reference, rules=POLICY.rules, n_doubtful=3)
    assert found.distance == pytest.approx(weighed("applause_share", 0.1).distance)


def test_inside_the_tolerance_little_happens() -> None:
    assert abs(weighed("generic_share", 0.37).distance) < 0.05


def test_words() -> None:
    assert weighed("generic_share", 0.35).word == "normal"
    assert weighed("generic_share", 0.60).word == "low"
    assert weighed("generic_share", 0.95).word == "alarm"
    assert weighed("generic_share", 0.02).word == "good"
    assert weighed("emoji_only_share", 1.0).word == "normal"


def test_few_comments_sound_no_alarm() -> None:
    assert weighed("generic_share", 0.60, spread=0.3).word == "normal"


@pytest.mark.parametrize(
    ("value", "spread", "word", "says"),
    [
        (0.15, 0.0, "normal", "; lower than usual, though not by much, which costs"),
        (0.40, 0.0, "normal", "; higher than usual, though not by much, which earns"),
        (0.02, 0.0, "low", "people rarely answer each other, which costs"),
        (0.80, 0.0, "good", "people answer each other, which earns"),
        (0.02, 0.4, "normal", "too few comments to be sure that this is unusual, which costs"),
    ],
)
def test_a_reason_says_no_more_than_the_signals_word(
    value: float, spread: float, word: str, says: str
) -> None:
    parts = {**ALL, "reply_share": weighed("reply_share", value, spread=spread)}
    assert parts["reply_share"].word == word
    mean = combine(parts, hidden=(), index="depth", policy=POLICY)
    assert mean is not None
    assert says in next(each for each in reasons.movers(mean, parts) if "Replies to others" in each)


def test_a_share_that_is_not_0_is_not_called_0() -> None:
    told = [reasons.shown(share, "share") for share in (0.0, 0.0004, 0.0006, 0.001, 0.094, 0.5)]
    assert told == ["0%", "under 0.1%", "under 0.1%", "0.1%", "9.4%", "50%"]


def test_what_holds_the_headline_up_is_not_said_to_raise_it() -> None:
    then = "most: replies to others as usual would make it "
    for value, says in ((0.8, f"What holds it up {then}"), (0.02, f"What would change it {then}")):
        parts = {**ALL, "reply_share": weighed("reply_share", value)}
        mean = combine(parts, hidden=(), index="depth", policy=POLICY)
        assert mean is not None
        (sentence,) = reasons.heaviest(mean.estimate.value, [mean], parts)
        assert sentence.startswith(says)
        usual = float(sentence.removesuffix(".").split()[-1])
        assert (usual < mean.estimate.value) == ("holds it up" in sentence)


def test_a_source_without_any_reference_is_not_told_every_title() -> None:
    def held(origin: str, but: str = "") -> dict[str, Weighed]:
        return {
            name: each
            if each.reference.origin == "set" or name == but
            else replace(each, reference=replace(each.reference, origin=origin))
            for name, each in ALL.items()
        }

    assert {each.reference.origin for each in held("pooled").values()} == {"set", "pooled"}
    told = reasons.references_used(held("pooled"), index="depth", platform="tiktok")
    assert told == ["No reference data for tiktok: compared with all platforms together."]
    mixed = held("pooled", but="reply_share") | {
        "question_share": replace(
            ALL["question_share"], reference=replace(ALL["question_share"].reference, origin="tiktok")
        )
    }
    few = reasons.references_used(mixed, index="depth", platform="tiktok")
    assert few[0].startswith("No reference data for tiktok on answers that get an answer, turns after")
    some = reasons.references_used(held("pooled", but="reply_share"), index="depth", platform="tiktok")
    assert some == [
        "No reference data for tiktok: compared with all platforms together.",
        "No reference data on replies to others: compared with the policy's assumptions.",
    ]


def test_a_stated_measure_is_not_called_usual() -> None:
    parts = {**ALL, "creator_reply_rate": weighed("creator_reply_rate", 0.0)}
    mean = combine(parts, hidden=(), index="depth", policy=POLICY)
    assert mean is not None
    assert "(expected: 10%); the creator hardly answers, which costs" in reasons.movers(mean, parts)[0]


def test_points_add_up_and_effects_have_a_sign() -> None:
    parts = {
        **ALL,
        "reply_share": weighed("reply_share", 0.02),
        "question_share": weighed("question_share", 0.5),
    }
    mean = combine(parts, hidden=(), index="depth", policy=POLICY)
    assert mean is not None
    assert sum(mean.points.values()) == pytest.approx(mean.estimate.value)
    assert mean.effects["reply_share"] < -1
    assert mean.effects["question_share"] > 0.5


@pytest.mark.parametrize("hidden", [(), ("creator_reply_rate", "creator_reply_latency")])
@pytest.mark.parametrize("missing", [(), ("returning_authors",)])
def test_an_effect_is_what_the_number_would_change_by(
    hidden: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    """What was left out follows the weakest, and moves with it."""
    parts = {
        name: weighed(name, 0.02 if name == "reply_share" else None)
        for name in DEPTH
        if name not in (*hidden, *missing)
    }
    mean = combine(parts, hidden=hidden, index="depth", policy=POLICY)
    assert mean is not None
    for name, part in parts.items():
        typical = replace(part, goodness=np.full(N_DRAWS + 1, POLICY.rules.typical))
        usual = value_of({**parts, name: typical}, hidden)
        assert mean.effects[name] == pytest.approx(mean.estimate.value - usual)
    shown = {**parts, **{name: ALL[name] for name in hidden}}
    assert mean.effect_hidden == pytest.approx(mean.estimate.value - value_of(shown))
    assert (mean.effect_hidden < -1) == bool(hidden)


def test_what_was_left_out_is_told_from_what_was_not_there() -> None:
    hidden, missing = ("creator_reply_rate", "creator_reply_latency"), "returning_authors"
    parts = {name: weighed(name, 0.02) for name in DEPTH if name not in (*hidden, missing)}
    mean = combine(parts, hidden=hidden, index="depth", policy=POLICY)
    assert mean is not None
    signals = [
        Signal(name=name, family="x", unit="share", hidden=name in hidden) for name in (*hidden, missing)
    ]
    left_out, not_there = reasons.absent(signals, mean, policy=POLICY, index="depth")
    assert left_out == (
        f"Left out by the source, so counted as the weakest that is there, which costs "
        f"{-mean.effect_hidden:.0f} points: comments the creator answers, hours until the creator answers."
    )
    assert not_there == "Not measured, so counted as usual at best: returning people."


def test_hiding_a_signal_never_helps() -> None:
    for name in DEPTH:
        for worst in (0.0, 0.3, 1.0):
            parts = {**ALL, "reply_share": weighed("reply_share", 0.05), name: weighed(name, worst)}
            hidden = {other: part for other, part in parts.items() if other != name}
            at_worst = {**parts, name: replace(parts[name], goodness=np.full(N_DRAWS + 1, 0.75))}
            assert value_of(hidden, (name,)) <= value_of(at_worst) + 1e-9


def test_nothing_to_measure_counts_as_the_others_but_not_better_than_typical() -> None:
    bad = {name: weighed(name, 0.0) for name in DEPTH if name != "creator_reply_latency"}
    assert value_of(bad) < 60
    good = {
        name: weighed(name, 0.95) for name in DEPTH if name not in ("reciprocity", "creator_reply_latency")
    }
    assert value_of(good) < value_of({**good, "reciprocity": weighed("reciprocity", 0.95)})


def of_copies(share: float, applause: float, *, seen: float) -> tuple[float, float, float]:
    found = {name: weighed(name, share) for name in copies.NAMES}
    parts = {
        **{name: weighed(name) for name in POLICY.of_index("authenticity")},
        "applause_share": weighed("applause_share", applause),
        **{name: replace(each, signal=replace(each.signal, seen=seen)) for name, each in found.items()},
    }
    mean = combine(parts, hidden=(), index="authenticity", policy=POLICY)
    assert mean is not None
    return mean.estimate.value, *mean.estimate.interval()


def test_copies_not_met_among_few_people_may_be_there_where_much_is_applause() -> None:
    as_many = of_copies(0.3, 0.3, seen=1.0)[0]
    value, low, high = of_copies(0.0, 0.3, seen=0.1)
    assert value == high == of_copies(0.0, 0.3, seen=1.0)[0]
    assert as_many < low < value - 5
    lows = [of_copies(0.0, 0.3, seen=seen)[1] for seen in np.linspace(0.0, 1.0, 6)]
    assert (np.diff(lows) > 0).all()


def test_copies_not_met_among_few_people_cost_little_where_the_rest_is_usual() -> None:
    value, low, _ = of_copies(0.0, 0.02, seen=0.1)
    assert 0 < value - low < 3


def test_copies_that_were_met_count_in_full_among_few_people() -> None:
    assert of_copies(0.4, 0.02, seen=0.1) == pytest.approx(of_copies(0.4, 0.02, seen=1.0))


def test_no_signal_is_no_mean() -> None:
    assert combine({}, hidden=(), index="depth", policy=POLICY) is None


def test_headline_lies_between() -> None:
    both = headline(estimate(0.25), estimate(0.81))
    assert both.value == pytest.approx(0.45)
    assert both.draws == pytest.approx(np.full(N_DRAWS, 0.45))
