"""Facts -> finding: the signals, both indices, the headline, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plaudit import reasons
from plaudit.estimate import Estimate
from plaudit.facts import Facts
from plaudit.policy import Policy, SignalRule
from plaudit.prevalence import MIN_COMMENTS, Correction
from plaudit.reference import References
from plaudit.report.envelope import Coverage, Finding, Group, Interval, LabelShare, SignalRow
from plaudit.scores import LABELS, ErrorCounts
from plaudit.signals import Measured, Signal, estimated, tallied
from plaudit.signals.section import Section
from plaudit.signals.tally import Counts, Tallied
from plaudit.weighing import Mean, Weighed, combine, headline, weigh

FIELDS: Final = {"authenticity": "authenticity", "depth": "community_depth"}
"""Field of the finding by the index's name in the policy."""


NAME_COLUMNS: Final = {"post": "post_name", "creator": "creator_name"}
"""What a group is called, by what groups are made of."""


def measure(
    facts: Facts,
    *,
    error_counts: ErrorCounts | None,
    references: References,
    policy: Policy,
    rejected: Mapping[str, int] | None = None,
    platform: str | None = None,
) -> Finding:
    """Measure one set of comments; arguments as those of `judge`."""
    return judge(
        tallied(Section.of(facts)),
        error_counts=error_counts,
        references=references,
        policy=policy,
        rejected=rejected,
        platform=platform,
    )


def judge(
    found: Tallied,
    *,
    error_counts: ErrorCounts | None,
    references: References,
    policy: Policy,
    rejected: Mapping[str, int] | None = None,
    platform: str | None = None,
) -> Finding:
    """Turn what was read off one set of comments into a finding.

    Args:
        found: All that was read.
        error_counts: As `Correction.of`; None: label shares stay uncorrected.
        references: What is usual.
        policy: What counts how much.
        rejected: Records left out, by reason, for the coverage.
        platform: None: the one most comments come from.
    """
    correction = Correction.of(error_counts)
    judged = _Judged.of(
        found,
        correction=correction,
        references=references,
        policy=policy,
        platform=platform or _most_frequent(found.counts),
    )
    shown = judged.shown()
    both = headline(*shown.values()) if len(shown) == len(FIELDS) else None
    return Finding(
        index=_interval(both),
        authenticity=_interval(shown.get("authenticity")),
        community_depth=_interval(shown.get("depth")),
        reasons={
            "index": tuple(_headline_reasons(both, judged)),
            **{field: tuple(judged.why(index)) for index, field in FIELDS.items()},
            "labels": _labels_why(found, correction),
        },
        labels=_labels(found.counts, judged.measured),
        signals=tuple(judged.row(name) for name in policy.signals),
        coverage=_coverage(found.counts, rejected or {}),
    )


def measure_groups(
    facts: Facts,
    *,
    by: str,
    error_counts: ErrorCounts | None,
    references: References,
    policy: Policy,
    platform: str | None = None,
) -> tuple[Group, ...]:
    """Measure each post ("post") or creator ("creator") from its comments alone, most comments first.

    Comments without a post or creator belong to the group named after their file.
    """
    tools: Any = {"error_counts": error_counts, "references": references, "policy": policy}
    found = ((name, measure(part, platform=platform, **tools)) for name, part in split(facts, by=by))
    return ranked(found)


def ranked(found: Iterable[tuple[str, Finding]]) -> tuple[Group, ...]:
    """Return named findings as groups, most comments first."""
    groups = sorted(found, key=lambda group: (-group[1].coverage.read, group[0]))
    return tuple(
        Group(key=name, **{each.name: getattr(finding, each.name) for each in fields(Finding)})
        for name, finding in groups
    )


def split(facts: Facts, *, by: str) -> Iterator[tuple[str, Facts]]:
    """Yield the facts of each post ("post") or creator ("creator") by name."""
    yield from split_ordered(facts, np.arange(len(facts)), by=by)


def split_ordered(facts: Facts, order: NDArray[np.intp], *, by: str) -> Iterator[tuple[str, Facts]]:
    """Yield groups of facts whose rows do not lie by their keys; `order` says how, and which count."""
    if not len(order):
        return
    names = getattr(facts, NAME_COLUMNS[by]).dictionary_encode()
    codes = names.indices.to_numpy(zero_copy_only=False)[order]
    ends = np.cumsum(np.bincount(codes, minlength=len(names.dictionary)))
    # Stable: within a group the rows stay in order of their keys.
    together = facts.take(order[np.argsort(codes, kind="stable")])
    for name, start, end in zip(names.dictionary.to_pylist(), [0, *ends], ends, strict=False):
        if end > start:
            yield name, together.between(int(start), int(end))


def warnings_of(found: Tallied, *, creator_id: str | None = None) -> tuple[str, ...]:
    """Return sentences about the whole run that no single number shows."""
    counts, community = found.counts, found.community
    told = [
        *reasons.partial_threads(counts),
        *reasons.circles(counts),
        *reasons.future_times(counts),
    ]
    named = community.names_creator or creator_id is not None
    if counts.n_comments and named and not community.has_creator:
        told.append(
            "The creator named wrote none of these comments; check the id if they should have, since their "
            "replies count as none."
        )
    if counts.n_comments and not community.has_authors:
        told.append("Most comments come without an author: who writes often, answers or returns is unknown.")
    return tuple(told)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """Signals estimated and weighed.

    Attributes:
        found: What was read.
        measured: Its signals and label shares.
        weighed: The signals that are there, on enough comments, by name.
        means: Each index before it is judged fit to be shown.
        missing: Per index, sentences why it must not be shown; empty where it may.
        policy: What weighed.
        platform: Whose references were asked for.
    """

    found: Tallied
    measured: Measured
    weighed: Mapping[str, Weighed]
    means: Mapping[str, Mean | None]
    missing: Mapping[str, list[str]]
    policy: Policy
    platform: str

    @classmethod
    def of(
        cls, found: Tallied, *, correction: Correction, references: References, policy: Policy, platform: str
    ) -> _Judged:
        measured = estimated(found, correction=correction)
        weighed = {
            name: weigh(
                measured.signals[name],
                rule=rule,
                reference=references.find(name, platform=platform, rule=rule),
                rules=policy.rules,
                n_doubtful=found.n_doubtful if rule.index == "authenticity" else 0,
            )
            for name, rule in policy.signals.items()
            if measured.signals[name].estimate is not None and measured.signals[name].n_comments >= rule.min_n
        }
        hidden = {name for name, signal in measured.signals.items() if signal.hidden}
        few = {name for name, signal in measured.signals.items() if signal.estimate is not None} - set(
            weighed
        )
        scarce = few | {name for name, signal in measured.signals.items() if signal.scarce}
        means = {
            index: combine(weighed, hidden=hidden, scarce=scarce, index=index, policy=policy)
            for index in FIELDS
        }
        return cls(
            found=found,
            measured=measured,
            weighed=weighed,
            means=means,
            missing=_missing(found, means, policy=policy),
            policy=policy,
            platform=platform,
        )

    def shown(self) -> dict[str, Estimate]:
        """Return the indices that may be shown."""
        return {
            index: mean.estimate
            for index, mean in self.means.items()
            if mean is not None and not self.missing[index]
        }

    def why(self, index: str) -> list[str]:
        """Return the reasons of an index, or of its absence."""
        mean = self.means[index]
        if mean is None or self.missing[index]:
            return self.missing[index]
        absent = [each for name, each in self.measured.signals.items() if name not in self.weighed]
        return [
            *reasons.movers(mean, self.weighed),
            *reasons.absent(absent, mean, policy=self.policy, index=index),
            *(reasons.partial_threads(self.found.counts) if index == "depth" else []),
            *reasons.references_used(self.weighed, index=index, platform=self.platform),
        ]

    def row(self, name: str) -> SignalRow:
        """Return a signal as reported."""
        index = self.policy.signals[name].index
        mean = self.means.get(index)
        points = mean.points.get(name) if mean is not None and not self.missing[index] else None
        return _row(self.measured.signals[name], self.weighed.get(name), points, self.policy.signals[name])


def _missing(found: Tallied, means: Mapping[str, Mean | None], *, policy: Policy) -> dict[str, list[str]]:
    general = reasons.too_little(found, policy=policy)
    talk = [] if general else reasons.too_little_talk(found, policy=policy)
    return {
        "authenticity": general or reasons.unfit(means["authenticity"], policy=policy),
        "depth": general or talk or reasons.unfit(means["depth"], policy=policy),
    }


def _most_frequent(counts: Counts) -> str:
    platforms = counts.platforms
    return min(platforms, key=lambda name: (-platforms[name], name), default="other")


def _headline_reasons(both: Estimate | None, judged: _Judged) -> list[str]:
    if both is not None:
        heaviest = reasons.heaviest(
            both.value, [each for each in judged.means.values() if each], judged.weighed
        )
        return ["The geometric mean of authenticity and community depth.", *heaviest]
    lacking = [FIELDS[index].replace("_", " ") for index, why in judged.missing.items() if why]
    return [f"It needs both numbers, and there is no {' and no '.join(lacking)}."]


def _labels_why(found: Tallied, correction: Correction) -> tuple[str, ...]:
    n, correction = found.counts.n_readable, correction.among(found.census[0].spoken)
    if not n:
        return ("No comment of the audience is in a language the model reads.",)
    if correction.refusal is not None:
        return (correction.refusal,)
    if n < MIN_COMMENTS:
        return (reasons.uncorrected(n),)
    return ("Corrected for the model's error rates.",)


def _interval(estimate: Estimate | None) -> Interval | None:
    if estimate is None:
        return None
    low, high = estimate.interval()
    return Interval(value=_rounded(estimate.value, 2), low=_rounded(low, 2), high=_rounded(high, 2))


def _labels(counts: Counts, measured: Measured) -> dict[str, LabelShare | None]:
    return {
        label: _label_share(measured.census[label], counts.labels[i] / max(counts.n_readable, 1))
        for i, label in enumerate(LABELS)
    }


def _label_share(estimate: Estimate | None, raw_share: float) -> LabelShare | None:
    if estimate is None:
        return None
    low, high = estimate.interval()
    return LabelShare(
        share=_rounded(estimate.value), low=_rounded(low), high=_rounded(high), raw_share=_rounded(raw_share)
    )


def _row(signal: Signal, weighed: Weighed | None, points: float | None, rule: SignalRule) -> SignalRow:
    shared: dict[str, Any] = {"name": signal.name, "family": signal.family, "unit": signal.unit}
    if weighed is None or signal.estimate is None:
        few = f"Only {reasons.counted(signal.n_comments)} to measure it on, {rule.min_n} needed."
        return SignalRow(
            **shared,
            value=None,
            low=None,
            high=None,
            reference=None,
            points=None,
            word="absent",
            n_comments=signal.n_comments,
            n_authors=signal.n_authors,
            absent_reason=signal.absent or few,
        )
    low, high = signal.estimate.interval()
    reference = weighed.reference
    return SignalRow(
        **shared,
        value=_rounded(signal.estimate.value),
        low=_rounded(low),
        high=_rounded(high),
        reference=None if reference.origin == "policy" else _rounded(reference.location),
        points=None if points is None else _rounded(points, 2),
        word=weighed.word,
        n_comments=signal.n_comments,
        n_authors=signal.n_authors,
        absent_reason=None,
        evidence=signal.evidence,
    )


def _coverage(counts: Counts, rejected: Mapping[str, int]) -> Coverage:
    return Coverage(
        read=counts.n_comments + sum(rejected.values()),
        scored=counts.n_comments,
        rejected=dict(sorted(rejected.items())),
        languages=dict(sorted(counts.languages.items(), key=lambda item: (-item[1], item[0]))),
    )


def _rounded(value: float, digits: int = 6) -> float:
    return round(float(value), digits) + 0.0
