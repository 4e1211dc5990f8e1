"""Is the number a property of the community? Two halves of it, measured apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.report.claims import Chart, Claim, Row, Series, Target
from plaudit.report.envelope import Finding
from plaudit.validation.bench import NUMBERS
from plaudit.validation.material import Post
from plaudit.validation.sampling import Sampler, Unit
from plaudit.validation.statistics import Figure, Values, correlation, ladder_of, resampled, spearman_brown
from plaudit.validation.study import Study

LEAST: Final = 300
MIN_POSTS: Final = 5
"""Posts below which a correlation is chance."""
TARGETS: Final = {"authenticity": 0.90, "community depth": 0.90}
_UNITS: Final[dict[str, Unit]] = {"authenticity": "author", "community depth": "thread"}


@dataclass(frozen=True, slots=True)
class Pair:
    """The findings of two halves: as served, and with intervals for sampling alone."""

    served: tuple[Finding, Finding]
    alone: tuple[Finding, Finding]


def halves_of(study: Study, *, by: Unit) -> Mapping[str, Sequence[Pair]]:
    """Return pairs of halves by post, measured once a study."""
    return study.once(f"halves by {by}", lambda: _halves_of(study, by=by))


def _halves_of(study: Study, *, by: Unit) -> Mapping[str, Sequence[Pair]]:
    posts = study.posts(least=LEAST, most=study.scale.n_halved, threaded=by == "thread")
    return {post.name: _pairs(study, post, by=by) for post in study.watched(f"Halving by {by}", posts)}


def _pairs(study: Study, post: Post, *, by: Unit) -> list[Pair]:
    sampler = Sampler(study.facts(post), by=by)
    random = study.random("halves", post.name, by)
    found = []
    for _ in range(study.scale.n_splits):
        one, other = sampler.halves(random)
        served = study.bench.finding(one), study.bench.finding(other)
        alone = (
            study.bench.finding(one, sampling_alone=True),
            study.bench.finding(other, sampling_alone=True),
        )
        found.append(Pair(served, alone))
    return found


def reliability(study: Study) -> Claim:
    """See how well one half of a post tells the other."""
    method = (
        f"Posts with at least {LEAST} comments, split in two at random by author (authenticity) and by "
        "whole thread (depth); correlation of the halves over posts, stepped up to the whole "
        "(Spearman-Brown), mean over the splits; intervals by post."
    )
    claim = Claim(name="reliability", title="The number is a property of the community", method=method)
    rows: list[Row] = []
    charts: list[Chart] = []
    for name, by in _UNITS.items():
        table = _table(halves_of(study, by=by), name)
        figure = reliability_of(np.array([pairs for _, pairs in table]), study.random("reliability", name))
        rows.append(
            figure.row(
                f"{name}, halves by {by}",
                target=Target(least=TARGETS[name]),
                n=len(table),
                note="" if table else "No post is big enough and has a number in both halves.",
            )
        )
        charts.append(_scatter(name, table))
        charts.append(_by_file(study, name, table))
    return replace(claim, rows=tuple(rows), charts=tuple(chart for chart in charts if chart.series))


Table = list[tuple[str, list[tuple[float, float]]]]
"""For each post its file and, for every split, both halves' numbers."""


def _table(halves: Mapping[str, Sequence[Pair]], name: str) -> Table:
    number = NUMBERS[name]
    table = []
    for post, pairs in halves.items():
        values = [
            (one.value, other.value)
            for pair in pairs
            if (one := number(pair.served[0])) and (other := number(pair.served[1]))
        ]
        if len(values) == len(pairs):
            table.append((post.split("/")[0], values))
    return table


def reliability_of(pairs: Values, random: np.random.RandomState) -> Figure:
    """Return the stepped-up correlation of halves.

    Args:
        pairs: Shape (n_posts, n_splits, 2).
        random: For the interval.
    """
    if len(pairs) < MIN_POSTS:
        return Figure(None)

    def statistic(rows: NDArray[np.intp]) -> float:
        # Which half is called the first is chance, so both orders count.
        found = [
            correlation(
                np.concatenate((split[:, 0], split[:, 1])), np.concatenate((split[:, 1], split[:, 0]))
            )
            for split in pairs[rows].transpose(1, 0, 2)
        ]
        return spearman_brown(float(np.mean(found)))

    return resampled(len(pairs), statistic, random)


def _scatter(name: str, table: Table) -> Chart:
    files = sorted({file for file, _ in table})
    series = tuple(
        Series(
            name=file,
            x=tuple(values[0][0] for of, values in table if of == file),
            y=tuple(values[0][1] for of, values in table if of == file),
        )
        for file in files
    )
    title = f"Split halves: {name}"
    return Chart(title=title, x_title="one half", y_title="the other", series=series, diagonal=True)


def _by_file(study: Study, name: str, table: Table) -> Chart:
    figures = {}
    for file in sorted({of for of, _ in table}):
        pairs = np.array([values for of, values in table if of == file])
        figure = reliability_of(pairs, study.random("by file", name, file))
        figures[f"{file} ({len(pairs)})"] = figure
    return ladder_of(
        f"Reliability among the posts of each file: {name}", "Spearman-Brown", figures, band=(0.9, 1.0)
    )
