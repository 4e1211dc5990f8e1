"""How much hangs on the weights? Ranks under other weights, and without each signal (OECD/JRC handbook)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.facts import Facts
from plaudit.policy import INDICES, Policy
from plaudit.report.claims import Chart, Claim, Row, Series
from plaudit.validation.bench import NUMBERS, Number, index
from plaudit.validation.statistics import Figure, Values, ladder_of, mean_of, rank_correlation, ranks
from plaudit.validation.study import Study

LEAST: Final = 50
SPREAD: Final = 0.5
"""Weights are drawn between 1 - SPREAD and 1 + SPREAD times their own."""
_NUMBER_OF: Final = {"authenticity": "authenticity", "depth": "community depth"}


def sensitivity(study: Study) -> Claim:
    """See how ranks change with the weights."""
    method = (
        f"Every weight multiplied by a random number between {1 - SPREAD:g} and {1 + SPREAD:g}, and weights "
        "drawn evenly over all possible ones: Spearman's correlation of the posts' ranks by the headline "
        "with those under the policy's weights. Then each signal left out in turn: the correlation of "
        "ranks by its own index, and the mean change. No targets: these say what the numbers hang on."
    )
    claim = Claim(name="sensitivity", title="What the ranks hang on", method=method)
    facts = [
        study.bench.facts(study.trimmed(post))
        for post in study.posts(least=LEAST, most=study.scale.n_posts, threaded=True)
    ]
    if len(facts) < 5:
        return replace(claim, lacking=f"It needs five posts of {LEAST} comments with replies.")
    near = _under_other_weights(study, facts, "near")
    anywhere = _under_other_weights(study, facts, "anywhere")
    rows = [
        _rank_row(near, f"ranks with weights ± {SPREAD:.0%}"),
        _rank_row(anywhere, "ranks with weights drawn from all possible ones"),
    ]
    kept, change = _without_each(study, facts)
    charts = (
        _rank_chart(near),
        ladder_of("Ranks without a signal: Spearman with the full index", "Spearman", kept),
        ladder_of("Mean change of its index without a signal", "points", change),
    )
    rows += _most_hangs_on(kept, change, len(facts))
    return replace(claim, rows=tuple(rows), charts=charts)


def _most_hangs_on(kept: Mapping[str, Figure], change: Mapping[str, Figure], n: int) -> list[Row]:
    there = {name: figure for name, figure in kept.items() if figure.value is not None}
    if not there:
        return []
    ranked = min(there, key=lambda name: there[name].value or 0.0)
    moved = max(change, key=lambda name: abs(change[name].value or 0.0))
    return [
        there[ranked].row(
            "ranks without the signal they hang on most", n=n, note=f"{ranked}; the figure shows each."
        ),
        change[moved].row(
            "mean change without the signal the level hangs on most",
            unit="points",
            n=n,
            note=f"{moved}; the figure shows each.",
        ),
    ]


def with_weights(policy: Policy, weights: Mapping[str, float]) -> Policy:
    """Return a policy with other weights for some signals."""
    return replace(
        policy,
        signals={
            name: replace(rule, weight=weights.get(name, rule.weight))
            for name, rule in policy.signals.items()
        },
    )


def _values(study: Study, facts: list[Facts], number: Number, policy: Policy | None) -> Values:
    found = [number(study.bench.finding(each, policy=policy)) for each in facts]
    return np.array([float("nan") if each is None else each.value for each in found])


def _under_other_weights(study: Study, facts: list[Facts], how: str) -> Values:
    """Return headlines, shape (1 + n_weights, n_posts), the policy's own first; nan where it abstains."""
    policy, random = study.bench.policy, study.random("weights", how)
    drawn = [_values(study, facts, index, None)]
    for _ in study.watched(f"Other weights, {how}", range(study.scale.n_weights)):
        weights: dict[str, float] = {}
        for name in INDICES:
            rules = {each: rule for each, rule in policy.of_index(name).items() if rule.weight > 0}
            factors = random.uniform(1 - SPREAD, 1 + SPREAD, len(rules))
            total = sum(rule.weight for rule in rules.values())
            shares = random.dirichlet(np.ones(len(rules))) * total
            for (each, rule), factor, share in zip(rules.items(), factors, shares, strict=True):
                weights[each] = rule.weight * factor if how == "near" else max(float(share), 1e-6)
        drawn.append(_values(study, facts, index, with_weights(policy, weights)))
    return np.array(drawn)


def _rank_row(values: Values, name: str) -> Row:
    there = [~np.isnan(values[0]) & ~np.isnan(other) for other in values[1:]]
    found = np.array([rank_correlation(values[0, at], values[i, at]) for i, at in enumerate(there, start=1)])
    found = found[np.isfinite(found)]
    if not len(found):
        return Row(name=name, value=None)
    low, high = np.percentile(found, (5, 95))
    figure = Figure(float(np.median(found)), float(low), float(high))
    n_silent = values.shape[1] - float(np.mean([at.sum() for at in there]))
    note = f"Median and 90 % of {len(found)} draws; {n_silent:.1f} posts abstain on average."
    return figure.row(name, n=values.shape[1], note=note)


def _rank_chart(values: Values) -> Chart:
    values = values[:, ~np.isnan(values).any(axis=0)]
    order = np.argsort(values[0], kind="stable") if values.size else np.empty(0, np.intp)
    placed: NDArray[np.float64] = np.array([ranks(each) + 1 for each in values])[:, order]
    middle, low, high = (np.percentile(placed[1:], q, axis=0) for q in (50, 5, 95))
    series = Series(
        name="rank under other weights",
        x=tuple(map(float, placed[0])),
        y=tuple(map(float, middle)),
        low=tuple(map(float, low)),
        high=tuple(map(float, high)),
    )
    return Chart(
        title="Ranks of posts under other weights",
        x_title="rank under the policy's weights",
        y_title="rank under others",
        series=(series,),
        diagonal=True,
    )


def _without_each(study: Study, facts: list[Facts]) -> tuple[dict[str, Figure], dict[str, Figure]]:
    policy = study.bench.policy
    kept, change = {}, {}
    for name in INDICES:
        number = NUMBERS[_NUMBER_OF[name]]
        whole = _values(study, facts, number, None)
        counted = [each for each, rule in policy.of_index(name).items() if rule.weight > 0]
        for signal in study.watched(f"Leaving signals out of {name}", counted):
            less = _values(study, facts, number, with_weights(policy, {signal: 0.0}))
            both = ~np.isnan(whole) & ~np.isnan(less)
            kept[signal] = Figure(_finite(rank_correlation(whole[both], less[both])))
            change[signal] = mean_of(less[both] - whole[both])
    return kept, change


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
