"""Do intervals hold what they say? Small samples of big posts against the whole of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from plaudit.report.claims import Claim, Row, Target
from plaudit.report.envelope import Finding, Interval
from plaudit.validation.bench import NUMBERS
from plaudit.validation.halves import halves_of
from plaudit.validation.material import Post
from plaudit.validation.sampling import Sampler, Unit
from plaudit.validation.statistics import Figure, ladder_of, mean_of
from plaudit.validation.study import Study

MOST_SHARE: Final = 0.05
"""Of a post's clusters in a sample: larger ones hold so much of the post that right intervals cover more."""
SIZES: Final = (20, 50, 100)
TARGET: Final = Target(least=0.87, most=0.93)
FAR: Final = 10.0
"""Points beyond its interval from which a number was confident and wrong."""
MOST_WRONG: Final = 0.01
UNITS: Final[tuple[tuple[str, Unit], ...]] = (
    ("authenticity", "author"),
    ("community depth", "thread"),
    ("index", "thread"),
)
_STREAMS: Final[dict[Unit, str]] = {"author": "authenticity", "thread": "community depth"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What became of the samples of one size; the figures are means over posts.

    Attributes:
        covered: Share of the samples with a number whose interval held the whole post's value.
        silent: Share of samples that abstained.
        wrong: Share of the samples with a number that missed by more than `FAR` points.
        width: Mean width of the intervals, in points.
        whole_width: The same with the classifier's errors.
        held: Share of all samples with a number whose interval held it, whatever their post.
        n_posts: Posts with at least one number.
        n_samples: Samples in all.
    """

    covered: Figure
    silent: Figure
    wrong: Figure
    width: Figure
    whole_width: Figure
    held: float
    n_posts: int
    n_samples: int


def intervals(study: Study) -> Claim:
    """See whether the 90 % intervals of samples hold the value of the whole."""
    method = (
        f"Samples of {MOST_SHARE:.0%} of a big post's authors (authenticity) or whole threads (depth, and "
        "the headline of both): how often does the sample's interval hold the whole post's value? And: how "
        "often do two halves of a post differ by more than both intervals together allow (root of the sum of "
        "squares of the facing sides)? The sampling component alone, error rates taken as known; standard "
        "errors by post."
    )
    claim = Claim(name="intervals", title="Intervals mean what they say", method=method)
    rows: list[Row] = []
    rungs: dict[str, Figure] = {}
    for name, by in UNITS:
        tally = sampled(study, name, by=by, size=None)
        covered = tally.covered if tally else Figure(None)
        rows.append(
            covered.row(
                f"{name}: samples of {MOST_SHARE:.0%} of the {by}s",
                unit="share",
                target=TARGET,
                n=tally.n_posts if tally else 0,
                note=_told(tally) if tally else "No post is big enough.",
            )
        )
        halves = between_halves(study, name, by=by)
        rows.append(halves)
        rungs[rows[-2].name] = covered
        rungs[halves.name] = Figure(halves.value, halves.low, halves.high)
        if tally:
            rows += _width_rows(name, tally)
    charts = (ladder_of("How often 90 % intervals hold the value", "coverage", rungs, band=(0.87, 0.93)),)
    return replace(claim, rows=tuple(rows), charts=charts)


def small_audiences(study: Study) -> Claim:
    """See what becomes of the numbers where there are only 20, 50 or 100 comments."""
    method = (
        "Samples of 20, 50 and 100 comments (whole authors for authenticity, whole threads for depth and "
        "the headline) of posts twenty times as big. Confident and wrong: the interval misses by more than "
        f"{FAR:.0f} points. Sampling component alone; standard errors by post."
    )
    claim = Claim(
        name="small", title="Small audiences get wider intervals or none, not wrong ones", method=method
    )
    rows: list[Row] = []
    covered: dict[str, Figure] = {}
    widths: dict[str, Figure] = {}
    for name, by in UNITS:
        for size in SIZES:
            tally = sampled(study, name, by=by, size=size)
            label = f"{name}, {size} comments"
            if tally is None:
                rows.append(Row(name=f"{label}: coverage", value=None, unit="share", target=TARGET))
                continue
            rows += _size_rows(label, tally)
            covered[label], widths[label] = tally.covered, tally.width
    charts = (
        ladder_of("Coverage of 90 % intervals by size", "coverage", covered, band=(0.87, 0.93)),
        ladder_of("Width of intervals by size", "points", widths),
    )
    return replace(claim, rows=tuple(rows), charts=charts)


def sampled(study: Study, name: str, *, by: Unit, size: int | None) -> Tally | None:
    """Sample big posts; None where there is none.

    Args:
        study: Gives posts and bench.
        name: Of the number, in `NUMBERS`.
        by: What is sampled whole.
        size: Comments of a sample; None: `MOST_SHARE` of the clusters.
    """
    least = 20 * (size or 50)
    posts = study.posts(least=least, most=study.scale.n_big, threaded=by == "thread")
    results = [
        _of_post(study, post, name, by=by, size=size)
        for post in study.watched(f"Sampling {name}, {size or 'a share'}", posts)
    ]
    found = [each for each in results if each is not None]
    return _tally(found) if found else None


@dataclass(frozen=True, slots=True)
class _OfPost:
    held: list[bool]
    far: list[bool]
    widths: list[float]
    whole_widths: list[float]
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Samples:
    """A whole post and some of its parts, sampling alone; and of every fourth part all of the error, too."""

    whole: Finding
    parts: tuple[Finding, ...]
    served: tuple[Finding, ...]


def _samples(study: Study, post: Post, *, by: Unit, size: int | None) -> _Samples:
    facts, bench = study.facts(post), study.bench
    sampler, random = Sampler(facts, by=by), study.random("coverage", post.name, _STREAMS[by], size)
    drawn = [
        sampler.share(MOST_SHARE, random) if size is None else sampler.comments(size, random)
        for _ in range(study.scale.n_samples)
    ]
    return _Samples(
        whole=bench.finding(facts, sampling_alone=True),
        parts=tuple(bench.finding(part, sampling_alone=True) for part in drawn),
        served=tuple(bench.finding(part) for part in drawn[::4]),  # a width needs fewer than a share
    )


def _of_post(study: Study, post: Post, name: str, *, by: Unit, size: int | None) -> _OfPost | None:
    number = NUMBERS[name]
    samples = study.once(
        f"samples by {by}, {size}, {post.name}", lambda: _samples(study, post, by=by, size=size)
    )
    whole = number(samples.whole)
    if whole is None:
        return None
    found = _OfPost([], [], [], [], study.scale.n_samples)
    for part in filter(None, map(number, samples.parts)):
        _note(found, part, whole.value)
    for alone, served in zip(samples.parts[::4], samples.served, strict=True):
        if number(alone) is not None and (both := number(served)) is not None:
            found.whole_widths.append(both.high - both.low)
    return found


def _note(found: _OfPost, sample: Interval, truth: float) -> None:
    miss = max(sample.low - truth, truth - sample.high)
    found.held.append(miss <= 0)
    found.far.append(miss > FAR)
    found.widths.append(sample.high - sample.low)


def _tally(posts: Sequence[_OfPost]) -> Tally:
    spoke = [each for each in posts if each.held]
    return Tally(
        covered=mean_of([float(np.mean(each.held)) for each in spoke], share=True),
        silent=mean_of([1 - len(each.held) / each.n for each in posts], share=True),
        wrong=mean_of([float(np.mean(each.far)) for each in spoke], share=True),
        width=mean_of([float(np.mean(each.widths)) for each in spoke]),
        whole_width=mean_of([float(np.mean(each.whole_widths)) for each in spoke if each.whole_widths]),
        held=float(np.mean([held for each in spoke for held in each.held])) if spoke else float("nan"),
        n_posts=len(spoke),
        n_samples=sum(each.n for each in posts),
    )


def _told(tally: Tally) -> str:
    # Posts count alike in the coverage, also one that spoke once.
    return (
        f"{tally.n_samples:,} samples, {tally.silent.value or 0.0:.0%} of them abstain; "
        f"of all others {tally.held:.0%} hold the post's value."
    )


def _width_rows(name: str, tally: Tally) -> list[Row]:
    shared = {"unit": "points", "n": tally.n_posts}
    return [
        tally.width.row(f"{name}: width of these intervals, sampling alone", **shared),
        tally.whole_width.row(f"{name}: width with the classifier's errors", **shared),
    ]


def _size_rows(label: str, tally: Tally) -> list[Row]:
    return [
        tally.covered.row(
            f"{label}: coverage", unit="share", target=TARGET, n=tally.n_posts, note=_told(tally)
        ),
        tally.wrong.row(
            f"{label}: confident and wrong", unit="share", target=Target(most=MOST_WRONG), n=tally.n_posts
        ),
        tally.width.row(f"{label}: width", unit="points", n=tally.n_posts),
    ]


def between_halves(study: Study, name: str, *, by: Unit) -> Row:
    """Return how often two halves of a post agree within both their intervals."""
    number = NUMBERS[name]
    shares = []
    for pairs in halves_of(study, by=by).values():
        held = [
            _agree(one, other)
            for pair in pairs
            if (one := number(pair.alone[0])) and (other := number(pair.alone[1]))
        ]
        if held:
            shares.append(float(np.mean(held)))
    figure = mean_of(shares, share=True)
    return figure.row(f"{name}: disjoint halves by {by}", unit="share", target=TARGET, n=len(shares))


def _agree(one: Interval, other: Interval) -> bool:
    low, high = sorted((one, other), key=lambda each: each.value)
    allowed = np.hypot(low.high - low.value, high.value - high.low)
    return bool(high.value - low.value <= allowed)
