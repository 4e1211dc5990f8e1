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
_CLEAN: Final = (
    "Clean posts are those that belong to no group known to be low on authenticity. AUC: the chance that a "
    "post without is above another post with; intervals by post."
)

Texts = Callable[[int, np.random.RandomState], list[str]]
"""Draws n texts to inject."""


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

    def own_auc(self, dose: float) -> Figure:
        """Return the mean AUC of the halves of a post with a dose against halves of the same post without."""
        found = self.own[:, self.doses.index(dose) - 1]
        return mean_of(found[~np.isnan(found)], share=True)

    def means(self) -> list[Figure]:
        """Return mean authenticity at each dose, over posts that have a number at each."""
        whole = self.values[~np.isnan(self.values).any(axis=1)]
        return [mean_of(column) for column in whole.T]


def inject(comments: Comments, share: float, texts: Texts, random: np.random.RandomState) -> Comments:
    """Replace a share of the audience's comments by texts, each from an account of its own.

    A larger share with the same random numbers replaces the same comments and more.
    """
    rows = random.permutation(editing.audience(comments))
    n = round(share * len(rows))
    return editing.rewritten(
        comments, rows[:n], texts(n, random), accounts=[f"injected {i}" for i in range(n)]
    )


def dose_response(
    study: Study, name: str, posts: Sequence[Post], doses: Sequence[float], texts_of: Callable[[Post], Texts]
) -> Doses:
    """Measure posts at every dose."""
    values, own = [], []
    for post in study.watched(f"Injecting {name}", posts):
        comments, texts = study.trimmed(post), texts_of(post)
        versions = [
            study.bench.facts(inject(comments, dose, texts, study.random(name, post.name))) for dose in doses
        ]
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
        f"alike, each from an account of its own. {_CLEAN}"
    )
    claim = Claim(name="bots", title="Injected bots are seen", method=method)
    texts = bot_texts(study)
    posts = study.posts(least=LEAST, most=study.scale.n_posts, clean=True)
    if texts is None or not posts:
        return _lacking(claim, "a list of what bots post" if texts is None else f"posts of {LEAST} comments")
    found = dose_response(study, "bots", posts, DOSES, lambda _: texts)
    rows = [
        _monotone(found),
        *_auc_rows(study, found, {0.2: 0.95, 0.1: 0.85}, "bots"),
        *_step_rows(found),
    ]
    return replace(
        claim,
        rows=tuple(rows),
        charts=(_curve(found, "Mean authenticity by share of bots"), _by_file(study, found, 0.2)),
    )


def copied_campaign(study: Study) -> Claim:
    """See whether one text under many names is seen though it looks genuine."""
    method = (
        "One text that the classifier holds for genuine, from another post, posted by 5 % of the audience's "
        f"comments' authors (new accounts, replacing comments). {_CLEAN}"
    )
    claim = Claim(
        name="campaign", title="Copy campaigns are seen though each text looks genuine", method=method
    )
    posts = study.posts(least=LEAST, most=study.scale.n_posts, clean=True)
    genuine = _genuine_texts(study, posts)
    if not posts or len(genuine) < 2:
        return _lacking(claim, f"two posts of {LEAST} comments with a genuine one")

    def texts_of(post: Post) -> Texts:
        others = [text for name, text in sorted(genuine.items()) if name != post.name]
        text = others[study.random("campaign text", post.name).randint(len(others))]
        return lambda n, _: [text] * n

    found = dose_response(study, "a campaign", posts, (0.0, 0.05), texts_of)
    rows = _auc_rows(study, found, {0.05: 0.9}, "campaign")
    return replace(claim, rows=tuple(rows))


def disguised_bots(study: Study) -> Claim:
    """See whether bots are seen that copy real comments, or ask questions."""
    method = (
        "10 and 20 % of comments replaced by copies of other comments of the same post; by copies of "
        "comments of three other posts, all four measured together; by questions that bots post. Each from "
        f"an account of its own. {_CLEAN}"
    )
    claim = Claim(name="disguised", title="Bots that copy real comments, or ask, are seen", method=method)
    posts = study.posts(least=LEAST, most=study.scale.n_posts, clean=True)
    if not posts:
        return _lacking(claim, f"posts of {LEAST} comments")
    doses = (0.0, 0.1, 0.2)
    within = dose_response(study, "copies", posts, doses, lambda post: _copies_of(study.trimmed(post)))
    bundles = [_bundle(study, post, posts) for post in posts] if len(posts) > 3 else []
    across = dose_response(
        study, "copies of other posts", bundles, doses, lambda one: _copies_of(one.comments)
    )
    asked = bot_texts(study, ["question"])
    kinds: dict[str, tuple[Doses | None, float]] = {
        "copies of the same post": (within, 0.85),
        "copies of other posts": (across if bundles else None, 0.85),
        "bot questions": (
            asked and dose_response(study, "questions", posts, doses, lambda _: asked),
            0.8,
        ),
    }
    rows = [
        row
        for kind, (found, least) in kinds.items()
        if found is not None
        for row in _auc_rows(study, found, {0.2: least, 0.1: least}, kind)
    ]
    charts = [
        _curve(found, f"Authenticity with {kind}") for kind, (found, _) in kinds.items() if found is not None
    ]
    missing = [kind for kind, (found, _) in kinds.items() if found is None]
    return replace(
        claim,
        rows=tuple(rows),
        charts=tuple(charts),
        lacking=f"Not measured for want of material: {', '.join(missing)}." if missing else "",
    )


def _copies_of(comments: Comments) -> Texts:
    rows = editing.audience(comments)
    texts = editing.taken(comments, rows).column("text").to_pylist()
    return lambda n, random: [texts[i] for i in random.choice(len(texts), n, replace=n > len(texts))]


def _bundle(study: Study, post: Post, posts: Sequence[Post]) -> Post:
    """Return a post with three others of its file, or else of any, as one community."""
    others = [each for each in posts if each is not post]
    others.sort(key=lambda each: each.file != post.file)
    parts = [study.trimmed(each) for each in (post, *others[:3])]
    return Post.of(editing.joined(parts), name=post.name, file=post.file)


def _genuine_texts(study: Study, posts: Sequence[Post]) -> Mapping[str, str]:
    """Return for each post one comment of some length that the classifier is sure is genuine."""
    found = {}
    for post in posts:
        texts = editing.taken(post.comments, editing.audience(post.comments)).column("text").to_pylist()
        texts = [text for text in texts if 40 <= len(text) <= 200 and "@" not in text][:50]
        scores = study.bench.classifier.classify(texts)
        sure = np.where(scores.supported, scores.probabilities[:, 0], 0.0) if texts else np.zeros(1)
        if sure.max() >= 0.8:
            found[post.name] = texts[int(sure.argmax())]
    return found


def _lacking(claim: Claim, what: str) -> Claim:
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


def _auc_rows(study: Study, found: Doses, least: Mapping[float, float], kind: str) -> list[Row]:
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
            found.own_auc(dose).row(
                f"{name}: halves of the same post",
                n=len(found.values),
                note="How plain the change is against the chance within one post; no target of its own.",
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


def _curve(found: Doses, title: str) -> Chart:
    series = series_of("mean over posts", found.doses, found.means(), joined=True)
    return Chart(title=title, x_title="share injected", y_title="authenticity", series=(series,))


def _by_file(study: Study, found: Doses, dose: float) -> Chart:
    figures = {}
    for file in sorted(set(found.posts)):
        rows = np.array([each == file for each in found.posts])
        part = replace(found, values=found.values[rows], own=found.own[rows])
        figures[f"{file} ({int(rows.sum())})"] = part.auc(dose, study.random("by file", file))
    return ladder_of(f"AUC at {dose:.0%} among the posts of each file", "AUC", figures, band=(0.95, 1.0))
