from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest
from numpy.typing import NDArray

from plaudit.estimate import N_DRAWS
from plaudit.prevalence import MIN_HELD_OUT, RIDGE, Correction
from plaudit.scores import ErrorCounts

Shares = NDArray[np.float64]


def predictions(labels: NDArray[np.int64], random: np.random.Generator) -> Shares:
    """Return probability vectors of a classifier that is weak at the last label."""
    sharpness = np.array([2.2, 2.0, 1.2])[labels][:, None]
    logits = random.normal(0, 1, (len(labels), 3)) + sharpness * np.eye(3)[labels]
    shares = np.exp(1.3 * logits)
    return shares / shares.sum(axis=1, keepdims=True)


def error_counts(random: np.random.Generator, n: int = 3000) -> Shares:
    labels = random.choice(3, n, p=[0.5, 0.35, 0.15])
    said = predictions(labels, random)
    return np.stack([said[labels == i].sum(axis=0) for i in range(3)])


def test_sources_that_differ_widen_what_is_drawn_and_move_nothing() -> None:
    pooled = np.array([[3800.0, 120, 80], [50, 440, 10], [30, 5, 215]])
    mean = np.array([[0.6, 0.3, 0.1]])
    draws = np.repeat(mean, 1000, axis=0)
    spreads = []
    for concentration in ((inf, inf, inf), (300.0, 300.0, 300.0), (30.0, 30.0, 30.0)):
        correction = Correction.of(ErrorCounts(pooled=pooled, concentration=concentration))
        assert correction.solve(mean[0]) == pytest.approx(
            Correction.of(ErrorCounts(pooled=pooled)).solve(mean[0])
        )
        spreads.append(correction.solve_draws(draws).std(axis=0))
    assert (np.diff(spreads, axis=0) > 0).all()
    # However many comments are counted, a source's own rates stay unknown.
    many = Correction.of(ErrorCounts(pooled=1000 * pooled, concentration=(30.0, 30.0, 30.0)))
    assert many.solve_draws(draws).std(axis=0) == pytest.approx(spreads[2], rel=0.25)


def test_better_than_counting_at_every_class_mix() -> None:
    random = np.random.default_rng(0)
    correction = Correction.of(ErrorCounts(pooled=error_counts(random)))
    corrected, counted = [], []
    for _ in range(300):
        mix = random.dirichlet(np.ones(3))
        labels = random.choice(3, 200, p=mix)
        truth = np.bincount(labels, minlength=3) / 200
        said = predictions(labels, random)
        counted.append(np.abs(np.bincount(said.argmax(axis=1), minlength=3) / 200 - truth).mean())
        corrected.append(np.abs(correction.solve(said.mean(axis=0)) - truth).mean())
    assert np.mean(corrected) < 0.6 * np.mean(counted)


def test_a_community_that_writes_more_clearly_is_not_pushed_to_the_edge() -> None:
    random = np.random.default_rng(4)
    correction = Correction.of(ErrorCounts(pooled=error_counts(random)))
    said = predictions(random.choice(3, 4000, p=[0.93, 0.05, 0.02]), random)
    sharper = said**1.2 / (said**1.2).sum(axis=1, keepdims=True)
    assert correction.solve(sharper.mean(axis=0)).min() > 0


def test_intervals_hold_the_population_share() -> None:
    random = np.random.default_rng(1)
    held = []
    mix = np.array([0.55, 0.38, 0.07])
    for _ in range(150):
        correction = Correction.of(ErrorCounts(pooled=error_counts(random, 600)))
        said = predictions(random.choice(3, 300, p=mix), random)
        again = random.exponential(1, (N_DRAWS, 300))
        draws = correction.solve_draws(again @ said / again.sum(axis=1, keepdims=True))
        low, high = np.quantile(draws, (0.05, 0.95), axis=0)
        held.append((low <= mix) & (mix <= high))
    assert (np.mean(held, axis=0) > 0.83).all()


def test_shares_stay_on_the_simplex_and_are_the_nearest_there() -> None:
    random = np.random.default_rng(2)
    correction = Correction.of(ErrorCounts(pooled=error_counts(random)))
    assert correction.rates is not None
    grid = random.dirichlet(np.full(3, 0.4), 20_000)
    for mean in (np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.02, 0.98]), np.array([0.5, 0.5, 0.0])):
        share = correction.solve(mean)
        assert share.min() >= 0
        assert share.sum() == pytest.approx(1)
        grid_loss = ((grid @ correction.rates - mean) ** 2).sum(axis=1) + RIDGE * ((grid - mean) ** 2).sum(
            axis=1
        )
        loss = ((correction.rates.T @ share - mean) ** 2).sum() + RIDGE * ((share - mean) ** 2).sum()
        assert loss <= grid_loss.min() + 1e-9


def test_a_perfect_classifier_is_not_corrected() -> None:
    mean = np.array([0.2, 0.3, 0.5])
    assert Correction.of(ErrorCounts(pooled=np.eye(3) * 1000)).solve(mean) == pytest.approx(mean)


@pytest.mark.parametrize(
    "counts",
    [None, np.full((3, 3), 40.0), np.eye(3) * (MIN_HELD_OUT - 1), np.full((3, 3), np.nan), np.ones((2, 3))],
)
def test_where_errors_are_unknown_means_stay_and_a_sentence_says_so(counts: Shares | None) -> None:
    correction = Correction.of(None if counts is None else ErrorCounts(pooled=counts))
    mean = np.array([0.2, 0.3, 0.5])
    assert correction.refusal is not None
    assert correction.refusal.endswith(".")
    assert correction.solve(mean).tolist() == mean.tolist()


def test_same_counts_give_the_same_draws() -> None:
    counts = error_counts(np.random.default_rng(3))
    first, second = (Correction.of(ErrorCounts(pooled=each)) for each in (counts, counts.copy()))
    assert first.atoms is not None
    assert second.atoms is not None
    assert first.atoms.tobytes() == second.atoms.tobytes()


CLEAR = 1200 * (0.85 * np.eye(3) + 0.05)
VAGUE = 1000 * (0.55 * np.eye(3) + 0.15)
MIX = np.array([0.2, 0.5, 0.3])


def split_by(**languages: Shares) -> Correction:
    return Correction.of(ErrorCounts(pooled=sum(languages.values(), np.zeros((3, 3))), languages=languages))


def said_of(counts: Shares) -> Shares:
    return MIX @ (counts / counts.sum(axis=1, keepdims=True))


def test_each_language_is_corrected_by_its_own_errors() -> None:
    correction = split_by(en=CLEAR, de=VAGUE)
    for code, counts in (("en", CLEAR), ("de", VAGUE)):
        own = np.abs(correction.among({code: 50}).solve(said_of(counts)) - MIX).mean()
        pooled = np.abs(correction.solve(said_of(counts)) - MIX).mean()
        assert own < 0.011 < 0.015 < pooled
    half = (said_of(CLEAR) + said_of(VAGUE)) / 2
    assert correction.among({"en": 7, "de": 7}).solve(half) == pytest.approx(MIX, abs=0.02)


def test_a_language_of_few_comments_borrows_of_the_other_lesser_ones() -> None:
    correction = split_by(en=CLEAR, de=VAGUE, fr=np.eye(3))
    rare, unseen, lesser = (correction.among({code: 1}).rates for code in ("fr", "xx", "de"))
    assert rare is not None
    assert unseen is not None
    assert lesser is not None
    assert unseen[2, 2] == pytest.approx(lesser[2, 2], abs=0.01)
    assert lesser[2, 2] < rare[2, 2] < 0.5 + 0.5 * lesser[2, 2]
    few, many = (correction.among({code: 1}).atoms for code in ("fr", "de"))
    assert few is not None
    assert many is not None
    assert few[1:, 2, 2].std() > 3 * many[1:, 2, 2].std()


def test_what_has_no_language_is_in_those_of_the_others() -> None:
    """A fifth of an English audience writes "lol" and emoji: it is no audience of lesser languages for it."""
    correction = split_by(en=CLEAR, de=VAGUE)
    assert correction.among({"en": 80, "und": 12, "zxx": 8}) is correction.among({"en": 1})
    assert correction.among({"en": 40, "de": 40, "und": 300}) is correction.among({"en": 1, "de": 1})
    assert correction.among({"und": 12, "zxx": 8}) is correction


def test_counts_of_what_has_no_language_are_its_own_and_no_lesser_languages() -> None:
    with_rows, without = split_by(en=CLEAR, de=VAGUE, und=CLEAR, zxx=CLEAR), split_by(en=CLEAR, de=VAGUE)
    for code, least, most in (("und", 0.85, 0.95), ("xx", 0.65, 0.75), ("de", 0.65, 0.75)):
        rates = with_rows.among({code: 1}).rates
        assert rates is not None
        assert least < rates[2, 2] / rates[2].sum() < most, code
    unseen = without.among({"xx": 1}).rates
    assert unseen is not None
    assert with_rows.among({"xx": 1}).rates == pytest.approx(unseen, abs=0.01)
    alone = split_by(und=CLEAR)
    assert alone.refusal is None
    assert alone.among({"en": 5}) is alone


def test_certain_counts_hardly_vary_and_mean_the_same() -> None:
    counts = ErrorCounts(pooled=CLEAR + VAGUE, languages={"en": CLEAR, "de": VAGUE})
    known = Correction.of(replace(counts, certainty=1e6)).among({"en": 3, "de": 1})
    drawn = Correction.of(counts).among({"de": 1, "en": 3})
    assert known.solve(MIX).tolist() == drawn.solve(MIX).tolist()
    assert known.atoms is not None
    assert drawn.atoms is not None
    assert known.atoms[1:, :, :3].std(axis=0).max() < 0.01 * drawn.atoms[1:, :, :3].std(axis=0).max()


def test_without_languages_or_where_none_is_told_the_pooled_counts_stay() -> None:
    plain = Correction.of(ErrorCounts(pooled=CLEAR))
    assert plain.among({"en": 5}) is plain
    split = split_by(en=CLEAR, de=VAGUE)
    assert split.among({}) is split


def test_damaged_counts_of_a_language_correct_nothing() -> None:
    correction = split_by(en=CLEAR)
    assert correction.refusal is None
    damaged = Correction.of(ErrorCounts(pooled=CLEAR, languages={"en": -CLEAR}))
    assert "damaged" in (damaged.among({"en": 9}).refusal or "")


def test_a_language_in_which_labels_are_confused_is_not_corrected() -> None:
    correction = split_by(en=CLEAR, de=500 * np.ones((3, 3)) + 20 * np.eye(3))
    assert correction.among({"en": 9}).refusal is None
    confused = correction.among({"de": 9})
    assert "confuses" in (confused.refusal or "")
    assert confused.among({"en": 9}).refusal is None
