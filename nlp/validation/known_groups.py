"""Do communities differ that are known to differ?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice, product
from typing import Final

import numpy as np

from plaudit.report.claims import Chart, Claim, Row, Target
from plaudit.validation import editing
from plaudit.validation.bench import NUMBERS
from plaudit.validation.editing import Comments
from plaudit.validation.material import GroupRule
from plaudit.validation.statistics import Figure, Values, auc, ladder_of, mean_of, resampled
from plaudit.validation.study import Study

LEAST_AUC: Final = 0.9
MIN_MEMBERS: Final = 3


def known_groups(study: Study) -> Claim:
    """Compare every group that is known to be high on an index with every one known to be low."""
    method = (
        "Groups named beforehand, by source or by words in their comments, not by any number measured "
        "here. Clear separation: a member of the high group is above one of the low group with a chance of "
        f"{LEAST_AUC:.1f} or more, and the interval of the difference of means lies above 0. Intervals by "
        "community."
    )
    claim = Claim(name="groups", title="Known groups come apart", method=method)
    rows: list[Row] = []
    charts: list[Chart] = []
    for index in ("authenticity", "community depth"):
        values = {
            rule: _values(study, rule)
            for rule in study.material.groups
            if rule.index == index and rule.side != "spam"
        }
        spoke = {rule: found[~np.isnan(found)] for rule, found in values.items()}
        measured = {rule: found for rule, found in spoke.items() if len(found) >= MIN_MEMBERS}
        sides = {side: [rule for rule in measured if rule.side == side] for side in ("high", "low")}
        for high, low in product(sides["high"], sides["low"]):
            n_silent = sum(len(values[rule]) - len(measured[rule]) for rule in (high, low))
            pair = (high.name, measured[high]), (low.name, measured[low])
            rows += _rows(study, index, *pair, n_silent=n_silent)
        if measured:
            charts.append(_means(index, measured))
    lacking = "" if rows else f"It needs a high and a low group with {MIN_MEMBERS} members each."
    return replace(claim, rows=tuple(rows), charts=tuple(charts), lacking=lacking)


def _values(study: Study, rule: GroupRule) -> Values:
    """Return the number of each member; nan where it abstains."""
    members = list(islice(_members(study, rule), study.scale.n_members))
    number = NUMBERS[rule.index]
    found = [number(study.bench.of(comments)) for comments in study.watched(f"Group: {rule.name}", members)]
    return np.array([float("nan") if each is None else each.value for each in found], np.float64)


def _members(study: Study, rule: GroupRule) -> Iterator[Comments]:
    posts = (post for post in study.spread() if rule.holds(post))
    by_member: dict[str, list[Comments]] = {}
    for post in posts:
        by_member.setdefault(post.name if rule.unit == "post" else post.account, []).append(post.comments)
    yield from filter(rule.admits, map(editing.joined, by_member.values()))


def _rows(
    study: Study, index: str, high: tuple[str, Values], low: tuple[str, Values], *, n_silent: int
) -> list[Row]:
    (high_name, above), (low_name, below) = high, low
    random = study.random("groups", high_name, low_name)
    n = len(above) + len(below)

    def drawn(statistic: str) -> Figure:
        def of(rows: np.ndarray) -> float:
            first, second = above[rows[rows < len(above)]], below[rows[rows >= len(above)] - len(above)]
            if not len(first) or not len(second):
                return float("nan")
            return auc(second, first) if statistic == "auc" else float(first.mean() - second.mean())

        return resampled(n, of, random)

    name = f"{index}: {high_name} above {low_name}"
    note = f"{len(above)} against {len(below)}; means {above.mean():.0f} and {below.mean():.0f}."
    note += f" {n_silent} abstain." if n_silent else ""
    difference = drawn("difference")
    return [
        drawn("auc").row(f"{name}, AUC", target=Target(least=LEAST_AUC), n=n, of="communities", note=note),
        Row(
            name=f"{name}, lower end of the difference",
            value=difference.value if difference.low is None else difference.low,
            low=difference.low,
            high=difference.high,
            unit="points",
            target=Target(least=0.0),
            n=n,
            of="communities",
        ),
    ]


def _means(index: str, groups: Mapping[GroupRule, Sequence[float] | Values]) -> Chart:
    figures = {f"{rule.name} ({rule.side}, {len(found)})": mean_of(found) for rule, found in groups.items()}
    return ladder_of(f"Mean {index} of known groups", index, figures)
