"""Are bots seen? Part of a real post's comments is replaced by what bots post."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.facts import Facts
from plaudit.report.claims import Chart, Claim, Row, Target
from plaudit.validation import editing
from plaudit.validation.editing import Comments
from plaudit.validation.material import Post
from plaudit.validation.sampling import Sampler
from plaudit.validation.statistics import (
    Figure,
    Values,
    auc,
    ladder_of,
    mean_of,
    rank_correlation,
    resampled,
    series_of,
)
from plaudit.validation.study import Study

DOSES: Final = (0.0, 0.05, 0.1, 0.2, 0.4, 0.6)
LEAST: Final = 100
"""Comments below which 5 % of a post are no campaign."""
N_PARTS: Final = 4
"""Halves of each post with and without bots, to see the change against the post's own chance."""
CLEAN: Final = (
    "Clean posts are those that belong to no group known to be low on authenticity or full of spam. AUC: the "
    "chance that a post without is above a post with; intervals by post."
)

Texts = Callable[[int, np.random.RandomState], list[str]]
"""Draws n texts to inject."""

Version = Callable[[Post, float], Comments]
"""Returns a post's comments with a share of them replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doses:
    """Authenticity of some posts at some doses.

    Attributes:
        posts: Names of the files they are from.
        doses: Shares of the audience's comments that were replaced, from 0.
        values: Shape (n_posts, n_doses); nan where it abstains.
        own: For each post and dose but the first, the AUC of its own halves; shape (n_posts, n_doses - 1).
    """

    posts: tuple[str, ...]
    doses: tuple[float, ...]
    values: Values
    own: Values

    def auc(self, dose: float, random: np.random.RandomState) -> Figure:
        """Return the AUC of posts with a dose against posts without."""
        clean, dosed = self.values[:, 0], self.values[:, self.doses.index(dose)]

        def statistic(rows: NDArray[np.intp]) -> float:
            low, high = dosed[rows], clean[rows]
            return auc(low[~np.isnan(low)], high[~np.isnan(high)])

        return resampled(len(self.values), statistic, random)

    def file_auc(self, dose: float, random: np.random.RandomState) -> Figure:
        """Return the same within files: a post with a dose against posts of the same file without."""
        clean, dosed = self.values[:, 0], self.values[:, self.doses.index(dose)]
        files = np.array(self.posts)

        def statistic(rows: NDArray[np.intp]) -> float:
            found, weights = [], []
            for file in set(self.posts):
                own = rows[files[rows] == file]
                low, high = dosed[own], clean[own]
                low, high = low[~np.isnan(low)], high[~np.isnan(high)]
                if len(low) and len(high):
                    found.append(auc(low, high))
                    weights.append(len(low))
            return float(np.average(found, weights=weights)) if found else float("nan")

        return resampled(len(self.values), statistic, random)

    def own_auc(self, dose: float) -> Figure:
        """Return the mean AUC of the halves of a post with a dose against halves of the same post without."""
        found = self.own[:, self.doses.index(dose) - 1]
        return mean_of(found[~np.isnan(found)], share=True)

    def means(self) -> list[Figure]:
        """Return mean authenticity at each dose, over posts that have a number at each."""
        whole = self.values[~np.isnan(self.values).any(axis=1)]
        return [mean_of(column) for column in whole.T]


def inject(
    comments: Comments, share: float, texts: Texts, random: np.random.RandomState, *, prefix: str = "injected"
) -> Comments:
    """Replace a share of the audience's comments by texts, each from an account of its own.

    A larger share with the same random numbers replaces the same comments and more.
    """
    rows = random.permutation(editing.audience(comments))
    n = round(share * len(rows))
    return editing.rewritten(
        comments, rows[:n], texts(n, random), accounts=[f"{prefix} {i}" for i in range(n)]
    )


def replacing(study: Study, name: str, texts_of: Callable[[Post], Texts]) -> Version:
    """Return what gives posts with a share of their comments replaced by the texts for each post."""

    def version(post: Post, dose: float) -> Comments:
        return inject(study.trimmed(post), dose, texts_of(post), study.random(name, post.name))

    return version


def dose_response(
    study: Study, name: str, posts: Sequence[Post], doses: Sequence[float], version: Version
) -> Doses:
    """Measure posts at every dose.

    Args:
        study: Gives the bench.
        name: Of what is injected.
        posts: What is injected into.
        doses: Shares, from 0.
        version: Gives a post's comments with a dose; a larger dose keeps what a smaller one injected.
    """
    values, own = [], []
    for post in study.watched(f"Injecting {name}", posts):
        versions = [study.bench.facts(version(post, dose)) for dose in doses]
        values.append([_authenticity(study, facts) for facts in versions])
        halves = [_halves(study, facts, study.random(name, post.name, "halves")) for facts in versions]
        own.append([auc(each, halves[0]) for each in halves[1:]])
    return Doses(
        posts=tuple(post.file for post in posts),
        doses=tuple(doses),
        values=np.array(values, np.float64).reshape(-1, len(doses)),
        own=np.array(own, np.float64).reshape(-1, len(doses) - 1),
    )


def _authenticity(study: Study, facts: Facts) -> float:
    found = study.bench.finding(facts).authenticity
    return float("nan") if found is None else found.value


def _halves(study: Study, facts: Facts, random: np.random.RandomState) -> Values:
    sampler = Sampler(facts, by="author")
    parts = [part for _ in range(N_PARTS // 2) for part in sampler.halves(random)]
    found = np.array([_authenticity(study, part) for part in parts])
    return found[~np.isnan(found)]


def bot_texts(study: Study, kinds: Sequence[str] = ()) -> Texts | None:
    """Return a drawer of bot texts, every family as likely as another; None without a list of such kinds."""
    families: dict[str, list[str]] = {}
    for bot in study.material.bots:
        if not kinds or bot.kind in kinds:
            families.setdefault(bot.family, []).append(bot.text)
    if not families:
        return None
    lists = [families[name] for name in sorted(families)]

    def draw(n: int, random: np.random.RandomState) -> list[str]:
        chosen = (lists[i] for i in random.randint(0, len(lists), n))
        return [texts[random.randint(len(texts))] for texts in chosen]

    return draw


def injected_bots(study: Study) -> Claim:
    """See whether authenticity falls as bots come in."""
    method = (
        "0 to 60 % of the audience's comments replaced by comments that bots post, every family of lists "
        f"alike, each from an account of its own. {CLEAN}"
    )
    claim = Claim(name="bots", title="Injected bots are seen", method=method)
    texts = bot_texts(study)
    posts = study.posts(least=LEAST, most=study.scale.n_posts, clean=True)
    if texts is None or not posts:
        return lacking(claim, "a list of what bots post" if texts is None else f"posts of {LEAST} comments")
    found = dose_response(study, "bots", posts, DOSES, replacing(study, "bots", lambda _: texts))
    rows = [
        _monotone(found),
        *auc_rows(study, found, {0.2: 0.95, 0.1: 0.85}, "bots"),
        *_step_rows(found),
    ]
    return replace(
        claim,
        rows=tuple(rows),
        charts=(curve(found, "Mean authenticity by share of bots"), _by_file(study, found, 0.2)),
    )


def lacking(claim: Claim, what: str) -> Claim:
    """Return the claim unmeasured, for want of something."""
    return replace(claim, lacking=f"It needs {what}.")


def _monotone(found: Doses) -> Row:
    means = [each.value for each in found.means()]
    value = None
    if None not in means:
        value = rank_correlation(np.array(found.doses), np.array(means, np.float64))
    return Row(
        name="Spearman of dose and mean authenticity",
        value=value,
        target=Target(most=-0.95),
        n=len(found.values),
        note="Over posts that have a number at every dose.",
    )


def auc_rows(study: Study, found: Doses, least: Mapping[float, float], kind: str) -> list[Row]:
    """Return for each dose its AUC among all posts, against a target, and that within posts."""
    rows = []
    for dose, target in least.items():
        n_silent = int(np.isnan(found.values[:, found.doses.index(dose)]).sum())
        name = f"AUC, {kind}, {dose:.0%}"
        rows += [
            found.auc(dose, study.random("auc", kind, dose)).row(
                f"{name}: among all posts",
                n=len(found.values),
                target=Target(least=target),
                note=f"{n_silent} abstain with it." if n_silent else "",
            ),
            found.file_auc(dose, study.random("auc by file", kind, dose)).row(
                f"{name}: among posts of the same source", n=len(found.values)
            ),
            found.own_auc(dose).row(
                f"{name}: halves of the same post",
                n=len(found.values),
            ),
        ]
    return rows


def _step_rows(found: Doses) -> list[Row]:
    rows = []
    for i, (before, after) in enumerate(pairwise(found.doses)):
        change = found.values[:, i + 1] - found.values[:, i]
        rows.append(
            mean_of(change[~np.isnan(change)]).row(
                f"mean change, {before:.0%} to {after:.0%}",
                unit="points",
                target=Target(most=0.0),
                n=len(found.values),
            )
        )
    return rows


def curve(found: Doses, title: str) -> Chart:
    """Draw mean authenticity over the dose."""
    series = series_of("mean over posts", found.doses, found.means(), joined=True)
    return Chart(title=title, x_title="share injected", y_title="authenticity", series=(series,))


def _by_file(study: Study, found: Doses, dose: float) -> Chart:
    figures = {}
    for file in sorted(set(found.posts)):
        rows = np.array([each == file for each in found.posts])
        part = replace(found, values=found.values[rows], own=found.own[rows])
        figures[f"{file} ({int(rows.sum())})"] = part.auc(dose, study.random("by file", file))
    return ladder_of(f"AUC at {dose:.0%} among the posts of each file", "AUC", figures, band=(0.95, 1.0))
