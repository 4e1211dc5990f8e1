"""Why a number is what it is, or why there is none, in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from plaudit.policy import Policy
from plaudit.signals import Signal
from plaudit.signals.tally import Counts, Tallied
from plaudit.weighing import NORMAL, Mean, Weighed

N_MOVERS: Final = 3
MIN_TOLD: Final = 5
"""Comments in a language that can be told from which they speak for the others."""
MANY_ORPHANS: Final = 0.05
"""Share of replies whose parent is missing from which it is told; a few deleted comments are everywhere."""
LEAST_EFFECT: Final = 1.0
"""Points below which a signal is not worth a sentence."""
LEAST_SHARE: Final = 0.001
"""Shares below which a person reads that it is less: 0.04 % is not 0.0 %."""


def too_little(found: Tallied, *, policy: Policy) -> list[str]:
    """Say what is missing for either index; empty where enough is there."""
    rules, counts = policy.rules, found.counts
    n_audience = counts.n_audience
    if n_audience < rules.min_comments:
        return [
            f"Too few comments: {n_audience} by the audience, {rules.min_comments} needed for any judgement."
        ]
    if few := _too_few_people(found, policy=policy):
        return [few]
    n_worded, n_readable = _told(counts)
    if n_worded and n_readable < rules.min_readable_share * n_worded:
        return [
            f"Only {n_readable} of {n_worded} comments with words are in a language the model reads "
            f"({rules.min_readable_share:.0%} needed)."
        ]
    if counts.n_worded < rules.min_comments:
        have = "has" if counts.n_worded == 1 else "have"
        return [f"Only {counted(counts.n_worded)} {have} words to judge by, {rules.min_comments} needed."]
    return []


def _too_few_people(found: Tallied, *, policy: Policy) -> str | None:
    """Say how few people wrote, or may have; None where enough did, as far as it is known.

    Some comments with an author show that few people write here, also where most come without: as many as one
    judges at all speak for the others.
    """
    rules, counts = policy.rules, found.counts
    n_audience, n_authors, n_signed = counts.n_audience, counts.n_authors, counts.n_signed
    has_authors = found.community.has_authors
    if n_authors < rules.min_authors and (has_authors or n_signed >= rules.min_comments):
        wrote = "1 person wrote" if n_authors == 1 else f"{n_authors} people wrote"
        which = "all" if n_signed == n_audience else f"the {n_signed} that name their author, of"
        needed = f"{rules.min_authors} are needed to speak of an audience."
        return f"Only {wrote} {which} {n_audience} comments; {needed}"
    if not has_authors and n_audience < rules.min_comments_unsigned:
        return (
            f"Most of the {n_audience} comments come without an author: a few people may have written "
            f"them all; {rules.min_comments_unsigned} are needed then. Name who wrote them."
        )
    return None


def _told(counts: Counts) -> tuple[int, int]:
    """Return the comments with words, and those of them that are read.

    What is too short to tell its language is in the language of the others, and so is left out of both; only
    where next to none can be told does it count as read.
    """
    n_told = counts.n_wordy - counts.n_unsure
    n_unsure = counts.n_unsure if n_told >= MIN_TOLD else 0
    return counts.n_wordy - n_unsure, counts.n_worded - n_unsure


def too_little_talk(found: Tallied, *, policy: Policy) -> list[str]:
    """Say what is missing for community depth beyond what any index needs."""
    if not found.community.has_threads:
        return ["No comment has a parent: nobody answered, or the source does not keep threads."]
    if not found.community.has_authors:
        return ["Most comments come without an author, so it is not known who talks with whom."]
    if found.community.answers_beside:
        return [
            "Most answers of the creator stand beside what they answer, not beneath it: the source keeps "
            "threads only in part, so who answers whom can't be counted."
        ]
    if found.counts.is_torn:
        return [_torn(found.counts)]
    n_threads = found.counts.n_threads
    if n_threads < policy.rules.min_threads:
        return [f"Only {counted(n_threads, 'thread')}, {policy.rules.min_threads} needed."]
    return []


def _torn(counts: Counts) -> str:
    then = "so it is not known what was answered; check that their parents are ids of"
    if not counts.n_replies:
        return f"The parents of all {counts.n_looped:,} replies lead in a circle, {then} what they answer."
    n = counts.n_replies + counts.n_looped
    circle = " but in a circle" if counts.n_looped else ""
    return f"None of the {n:,} replies answers a comment that is here{circle}, {then} these comments."


def unfit(mean: Mean | None, *, policy: Policy) -> list[str]:
    """Say why an index that was computed must not be shown; empty where it may."""
    if mean is None or mean.weight_present < policy.rules.min_weight:
        return ["Too many of its signals are absent."]
    low, high = mean.estimate.interval()
    if high - low > policy.rules.max_width:
        return [
            f"The 90 % interval spans {high - low:.0f} points; more than {policy.rules.max_width:.0f} says "
            "nothing. More comments would narrow it."
        ]
    return []


def movers(mean: Mean, weighed: Mapping[str, Weighed]) -> list[str]:
    """Say which signals move an index most, strongest first."""
    ranked = sorted(mean.effects, key=lambda name: (-abs(mean.effects[name]), name))
    strong = [name for name in ranked[:N_MOVERS] if abs(mean.effects[name]) >= LEAST_EFFECT]
    sentences = [_mover(weighed[name], mean.effects[name]) for name in strong]
    return sentences or ["Every signal is near what is usual."]


def heaviest(index: float, means: Sequence[Mean], weighed: Mapping[str, Weighed]) -> list[str]:
    """Say which one signal would change the headline most if it were as usual; empty where none would."""
    changes = {
        name: index * (float(np.sqrt(1.0 - effect / mean.estimate.value)) - 1.0)
        for mean in means
        if mean.estimate.value > 0
        for name, effect in mean.effects.items()
    }
    if not changes:
        return []
    name = min(changes, key=lambda each: (-abs(changes[each]), each))
    if abs(changes[name]) < LEAST_EFFECT:
        return []
    title = weighed[name].rule.title
    then = f"{title[:1].lower()}{title[1:]} as usual would make it {min(index + changes[name], 100.0):.0f}."
    return [f"What {'would change it' if changes[name] > 0 else 'holds it up'} most: {then}"]


def _mover(weighed: Weighed, effect: float) -> str:
    rule = weighed.rule
    value = weighed.signal.estimate.value if weighed.signal.estimate is not None else 0.0
    verb = "costs" if effect < 0 else "earns"
    return (
        f"{rule.title}: {shown(value, weighed.signal.unit)} ({_usual(weighed)}); "
        f"{_told_apart(weighed, effect)}, which {verb} {_points(effect)}."
    )


def _points(effect: float) -> str:
    return f"{abs(effect):.0f} point{'' if round(abs(effect)) == 1 else 's'}"


def _told_apart(weighed: Weighed, effect: float) -> str:
    """Say no more than the signal's one word says: a sentence must not blame what the table calls normal."""
    if weighed.word == "normal" and weighed.reference.origin != "set":
        if abs(weighed.distance) > NORMAL:
            return "too few comments to be sure that this is unusual"
        return _nearly_usual(weighed, effect)
    return weighed.rule.bad_words if effect < 0 else weighed.rule.good_words


def _nearly_usual(weighed: Weighed, effect: float) -> str:
    """Say on which side of what is usual a signal lies that costs or earns something all the same."""
    estimate = weighed.signal.estimate
    is_higher = (weighed.rule.bad == "high") == (effect < 0)
    if estimate is not None and is_higher == (estimate.value > weighed.reference.location):
        return f"{'higher' if is_higher else 'lower'} than usual, though not by much"
    return "as usual, as far as so few comments tell"  # it is the doubt that counts


def _usual(weighed: Weighed) -> str:
    reference = weighed.reference
    usual = shown(reference.location, weighed.signal.unit)
    if reference.origin in ("policy", "set"):
        return f"{'assumed usual' if reference.origin == 'policy' else 'expected'}: {usual}"
    return f"usual{' over all platforms' if reference.origin == 'pooled' else ''}: {usual}"


def shown(value: float, unit: str) -> str:
    """Return a value as a person reads it."""
    if unit == "share":
        if 0 < value < LEAST_SHARE:
            return f"under {LEAST_SHARE:.1%}"
        return f"{value:.0%}" if value >= 0.095 or value == 0 else f"{value:.1%}"
    return f"{value:.1f} hours" if unit == "hours" else f"{value:.2g}"


def absent(signals: Sequence[Signal], mean: Mean, *, policy: Policy, index: str) -> list[str]:
    """Say which signals of an index could not be measured: what was left out, and what was not there."""
    rules = policy.of_index(index)
    known = [each for each in signals if each.name in rules]
    hidden, rest = (
        ", ".join(rules[each.name].title.lower() for each in known if each.hidden == is_hidden)
        for is_hidden in (True, False)
    )
    told = []
    if hidden:
        effect = mean.effect_hidden
        costs = f", which costs {_points(effect)}" if effect <= -LEAST_EFFECT else ""
        told.append(f"Left out by the source, so counted as the weakest that is there{costs}: {hidden}.")
    if rest:
        told.append(f"Not measured, so counted as usual at best: {rest}.")
    return told


def uncorrected(n: int) -> str:
    """Say that comments are too few for the model's errors to be taken out of the label shares."""
    return f"Only {counted(n)}, so label shares are mean probabilities, not corrected for errors."


def counted(n: int, noun: str = "comment") -> str:
    """Return a count with its noun in the right number."""
    return f"{n} {noun}{'' if n == 1 else 's'}"


def references_used(weighed: Mapping[str, Weighed], *, index: str, platform: str) -> list[str]:
    """Say where an index was held against something else than its own platform."""
    held = [each for each in weighed.values() if each.rule.index == index and each.reference.origin != "set"]
    here = "this source" if platform == "other" else platform
    found = []
    for origin, what, then in (
        ("pooled", f"No reference data for {here}", "compared with all platforms together"),
        ("policy", "No reference data", "compared with the policy's assumptions"),
    ):
        titles = [each.rule.title.lower() for each in held if each.reference.origin == origin]
        if titles:
            rest = {each.reference.origin for each in held} - {origin}
            # Many titles say less than none, where those that are held against the policy are told by name.
            is_most = rest <= {"policy"} and 2 * len(titles) > len(held)
            on = "" if is_most else f" on {', '.join(titles)}"
            found.append(f"{what}{on}: {then}.")
    return found


def partial_threads(counts: Counts) -> list[str]:
    """Say that threads are incomplete: the source counts more replies, or what they answer is not here."""
    told = []
    if counts.n_partial:
        partial = "1 thread holds" if counts.n_partial == 1 else f"{counts.n_partial} threads hold"
        told.append(f"{partial} fewer replies than the source counts: shares of replies are lower bounds.")
    if counts.n_orphans and counts.n_orphans >= MANY_ORPHANS * counts.n_replies:
        told.append(
            f"{counts.n_orphans:,} of {counts.n_replies:,} replies answer what is not here, deleted or left "
            "out of the dump: that it was answered counts for nothing."
        )
    return told


def circles(counts: Counts) -> list[str]:
    """Say that parents lead in a circle, where they do."""
    if not counts.n_looped:
        return []
    return [
        f"The parents of {counts.n_looped:,} comments lead in a circle; these count as top-level comments."
    ]


def future_times(counts: Counts) -> list[str]:
    """Say that times lie in the future, where they do."""
    if not counts.n_future:
        return []
    dated = "1 comment is" if counts.n_future == 1 else f"{counts.n_future:,} comments are"
    return [f"{dated} dated in the future; signals of timing leave out such comments."]


def changed_texts(n: int) -> list[str]:
    """Say that comments were there again with another text, where they were."""
    if not n:
        return []
    were = "1 comment was" if n == 1 else f"{n:,} comments were"
    return [
        f"{were} there again with another text; what was read first counts, so that the order of the dumps "
        "matters. Name the newest first."
    ]
