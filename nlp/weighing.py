"""From signals to an index: distance from what is usual, goodness, weighted geometric mean.

goodness = floor + (1 - floor) * sigmoid(logit(typical) - steepness * z), with z the distance on the bad side
in spreads, softened around 0 by the tolerance t: z - t * tanh(z / t). The mean is geometric because what is
bought in one signal should not pay for another (OECD/JRC handbook on composite indicators, 2008).

A signal whose input the source left out counts as the weakest that is there, and never as better than typical
(or its `least`, where it has one): nothing is gained by leaving things out. One that found nothing to measure
(no creator's reply to time) counts as the mean of the others, again never as better than typical; where more
comments would have shown it, its draws vary as communities do. All of it happens draw by draw.

One that is seen in part, as copies are among few people, is taken at its word where it is bad: what was met
is there. Where it is better than the others, it may be so only because little was met. With s the share that
was seen and u a share of which nothing is known, evenly from 0 to 1 and one for a family of signals, each
draw is

    ln g' = ln g - (1 - s) u max(ln g - ln m, 0)

where m is the mean of the others that weigh at least half as much as all that is seen in part together (of
all others where none does), never better than typical: for the part that was not seen, all that is known are
two bounds, as good as what was seen or as the others (partial identification, Manski 2003). Light ones say
too little of a crowd to vouch for it. The value is that of what was seen.

Goodness is curved, so that signals measured on few comments look worse on average than they are (Jensen's
inequality). The draws say by how much, and it is taken off: 2 g(x) - mean g(draws), in logarithms (bootstrap
bias correction, Efron and Tibshirani 1993, chapter 10).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.estimate import Draws, Estimate, normal_scores, uncertain_shares
from plaudit.policy import Policy, Rules, SignalRule
from plaudit.reference import Reference
from plaudit.signals import Signal

NORMAL: Final = 1.0
"""Spreads from the reference, beyond the tolerance, within which a signal is normal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A signal held against its reference.

    Attributes:
        signal: The signal, present.
        rule: What the policy says of it.
        reference: What it was held against.
        distance: Spreads on the bad side of the reference, beyond the tolerance; negative: better.
        goodness: From floor to 1: first of the value, then of each draw; shape (1 + n_draws,).
        word: good, normal, low or alarm.
    """

    signal: Signal
    rule: SignalRule
    reference: Reference
    distance: float
    goodness: Draws
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """An index before it is judged fit to be shown.

    Attributes:
        estimate: 0 to 100.
        points: What each present signal adds; they sum to the value.
        effects: Points that each present signal costs (negative) or earns: the index less what it would be
            with this signal typical, and with it whatever follows it.
        effect_hidden: The same of all signals together whose input the source left out.
        weight_present: Share of the weight that was there to be measured.
    """

    estimate: Estimate
    points: Mapping[str, float]
    effects: Mapping[str, float]
    effect_hidden: float
    weight_present: float


def weigh(
    signal: Signal, *, rule: SignalRule, reference: Reference, rules: Rules, n_doubtful: int = 0
) -> Weighed:
    """Hold a present signal against its reference.

    Args:
        signal: Of a community.
        rule: What the policy says of it.
        reference: What is usual.
        rules: What it says of all.
        n_doubtful: Comments that may not be the audience's, held to be the best of them: the value is that of
            the others, and the draws lie anywhere between it and that of all.
    """
    found = _weighed(signal, rule, reference, rules, n_doubtful)
    if n_doubtful <= 0:
        return found
    of_all = _weighed(signal, rule, reference, rules, 0).goodness[1:]
    share = uncertain_shares("doubtful")
    draws = np.exp((1.0 - share) * np.log(of_all) + share * np.log(found.goodness[1:]))
    return replace(found, goodness=np.concatenate((found.goodness[:1], draws)))


def _weighed(
    signal: Signal, rule: SignalRule, reference: Reference, rules: Rules, n_doubtful: int
) -> Weighed:
    assert signal.estimate is not None  # noqa: S101 - callers sort out absent signals
    # No author weighs more than one voice, nor more than their comments.
    n_behind = min(signal.n_comments, n_doubtful * signal.estimate.n)
    estimate = _without_best(signal.estimate, n_doubtful, n_behind, rule)
    draws = rule.on_scale(estimate.draws)
    # Held alone, the value flatters rare events (0 of 20 is not 0) and the draws' median overstates them;
    # halfway between them, estimates from 20 to 100 authors are right on average.
    value, middle = rule.on_scale(np.array([estimate.value, estimate.median()]))
    value = (value + middle) / 2.0
    on_scale = np.concatenate(([value], draws - draws.mean() + value))
    usual = rule.on_scale(np.array([reference.location]))
    z = (on_scale - usual) / reference.spread * (-1.0 if rule.bad == "low" else 1.0)
    if rule.tolerance > 0:
        z = z - rule.tolerance * np.tanh(z / rule.tolerance)
    distance = float(z[0])
    return Weighed(
        signal=signal,
        rule=rule,
        reference=reference,
        distance=distance,
        goodness=_unbiased(
            np.maximum(_goodness(z, rules), rule.least), at_least=max(rules.floor, rule.least)
        ),
        word="normal" if rule.bad == "none" else _word(distance, z[1:]),
    )


def _without_best(estimate: Estimate, n_best: int, n_behind: int, rule: SignalRule) -> Estimate:
    """Return what a share is among the others, should `n_best` of those behind it be as good as can be."""
    n_rest = n_behind - n_best
    if n_best <= 0 or n_rest <= 0:
        return estimate
    best = 1.0 if rule.bad == "low" else 0.0
    draws = np.clip(estimate.draws + (estimate.draws - best) * (n_best / n_rest), 0.0, 1.0)
    value = min(max(estimate.value + (estimate.value - best) * (n_best / n_rest), 0.0), 1.0)
    return Estimate(value=value, draws=draws, n=estimate.n)


def _unbiased(goodness: Draws, *, at_least: float) -> Draws:
    log_goodness = np.log(goodness)
    spread = float(log_goodness[1:].std())
    bias = float(np.clip(log_goodness[1:].mean() - log_goodness[0], -spread, spread))
    log_goodness -= bias * np.concatenate(([1.0], np.full(len(goodness) - 1, 2.0)))
    return np.clip(np.exp(log_goodness), at_least, 1.0)


def _goodness(z: NDArray[np.float64], rules: Rules) -> Draws:
    inner = (rules.typical - rules.floor) / (1.0 - rules.floor)
    log_odds = np.log(inner / (1.0 - inner)) - rules.steepness * z
    return rules.floor + (1.0 - rules.floor) / (1.0 + np.exp(-np.clip(log_odds, -60.0, 60.0)))


def _word(distance: float, draws: Draws) -> str:
    # Few comments must not sound an alarm: nearly every draw has to lie on the same side.
    if abs(distance) <= NORMAL or (draws * distance > 0).mean() < 0.95:
        return "normal"
    if distance < 0:
        return "good"
    return "alarm" if distance > 2.5 else "low"


def combine(
    weighed: Mapping[str, Weighed],
    *,
    hidden: Collection[str],
    scarce: Collection[str] = (),
    index: str,
    policy: Policy,
) -> Mean | None:
    """Join the signals of an index; None where none is there.

    Args:
        weighed: The signals that are there.
        hidden: Names of those whose input the source left out.
        scarce: Names of those too rare among the comments here to be measured.
        index: As in the policy.
        policy: Gives weights and what is typical.
    """
    rules = policy.of_index(index)
    present = {name: weighed[name] for name in rules if name in weighed and rules[name].weight > 0}
    if not present:
        return None
    total = sum(rule.weight for rule in rules.values())
    weights = np.array([each.rule.weight for each in present.values()]) / total
    goodness = np.stack([each.goodness for each in present.values()])
    log_typical = float(np.log(policy.rules.typical))
    signals = [each.signal for each in present.values()]
    goodness[:, 1:] = _seen_in_part(goodness[:, 1:], weights, signals, log_typical=log_typical)
    unknown = [rule for name, rule in rules.items() if name in hidden]
    log_goodness = np.log(goodness)
    log_mean = _log_mean(log_goodness, weights, unknown, total=total, log_typical=log_typical)
    for name, rule in rules.items():
        if name in scarce:
            log_mean[1:] += rule.weight / total * _as_communities_vary(name, rule, policy.rules)
    means = _of_hundred(log_mean)
    value, draws = float(means[0]), means[1:]
    # One column a signal: the same values, but for this signal's.
    otherwise = np.repeat(log_goodness[:, :1], len(present), axis=1)
    np.fill_diagonal(otherwise, log_typical)
    others = _of_hundred(_log_mean(otherwise, weights, unknown, total=total, log_typical=log_typical))
    if_known = _log_mean(
        log_goodness[:, :1], weights, unknown, total=total, log_typical=log_typical, as_typical=True
    )
    n = min(each.signal.estimate.n for each in present.values() if each.signal.estimate is not None)
    return Mean(
        estimate=Estimate(value=value, draws=draws, n=n),
        points=dict(zip(present, _points(goodness[:, 0], weights, value, policy.rules), strict=True)),
        effects=dict(zip(present, (value - others).tolist(), strict=True)),
        effect_hidden=value - float(_of_hundred(if_known)[0]) if unknown else 0.0,
        weight_present=float(weights.sum()),
    )


def _seen_in_part(goodness: Draws, weights: Draws, signals: Sequence[Signal], *, log_typical: float) -> Draws:
    in_part = np.array([signal.seen < 1.0 for signal in signals])
    if not in_part.any() or in_part.all():
        return goodness
    log_goodness = np.log(goodness)
    heavy = np.where(in_part | (weights < weights[in_part].sum() / 2), 0.0, weights)
    known = heavy if heavy.any() else np.where(in_part, 0.0, weights)
    others = np.minimum((known[:, None] * log_goodness).sum(axis=0) / known.sum(), log_typical)
    for i in np.flatnonzero(in_part).tolist():
        better = np.maximum(log_goodness[i] - others, 0.0)
        log_goodness[i] -= (1.0 - signals[i].seen) * uncertain_shares(signals[i].family) * better
    return np.asarray(np.exp(log_goodness))


def _as_communities_vary(name: str, rule: SignalRule, rules: Rules) -> Draws:
    z = normal_scores(name)
    if rule.tolerance > 0:
        z = z - rule.tolerance * np.tanh(z / rule.tolerance)
    log_goodness = np.log(np.maximum(_goodness(z, rules), rule.least))
    return np.asarray(log_goodness - log_goodness.mean())


def _log_mean(
    log_goodness: Draws,
    weights: Draws,
    hidden: Sequence[SignalRule],
    *,
    total: float,
    log_typical: float,
    as_typical: bool = False,
) -> Draws:
    """Join signals, shape (n_signals, n_columns), with what takes the place of those that are not there.

    `as_typical`: what it would be with the hidden ones typical, not as the weakest.
    """
    # A fixed order of addition, not a BLAS product: the last bit must not depend on the machine's threads.
    mean = (weights[:, None] * log_goodness).sum(axis=0)
    weakest = log_goodness.min(axis=0)
    for rule in hidden:
        at_best = float(np.log(rule.least)) if rule.least > 0 else log_typical
        follows = log_typical if as_typical else np.minimum(at_best, weakest)
        mean = mean + rule.weight / total * follows
    known_weight = float(weights.sum()) + sum(rule.weight for rule in hidden) / total
    rest = np.minimum(mean / known_weight, log_typical)
    return np.asarray(mean + max(1.0 - known_weight, 0.0) * rest)


def _of_hundred(log_mean: Draws) -> Draws:
    return np.asarray(np.minimum(100.0 * np.exp(log_mean), 100.0))


def _points(
    goodness: NDArray[np.float64], weights: NDArray[np.float64], value: float, rules: Rules
) -> list[float]:
    shares = weights * np.log(goodness / rules.floor)
    total = float(shares.sum())
    return [value * float(share) / total if total > 0 else value / len(shares) for share in shares]


def headline(first: Estimate, second: Estimate) -> Estimate:
    """Return the geometric mean of two indices, draw by draw."""
    return Estimate(
        value=float(np.sqrt(first.value * second.value)),
        draws=np.sqrt(first.draws * second.draws),
        n=min(first.n, second.n),
    )
