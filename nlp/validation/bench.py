"""The instrument under test: comments in, a finding out; the public way in and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Final

from plaudit import linguistics
from plaudit.facts import Facts, facts_of
from plaudit.index import measure
from plaudit.pipeline import Pipeline
from plaudit.policy import Policy
from plaudit.report.envelope import Finding, Interval
from plaudit.scores import Classifier, ErrorCounts
from plaudit.validation.editing import Comments

_SURE: Final = 1e6  # times as many held-out comments: the error rates are as good as known
_ALIKE: Final = (inf, inf, inf)  # and those of every source

Number = Callable[[Finding], Interval | None]


def authenticity(finding: Finding) -> Interval | None:
    """Return authenticity, None where it abstains."""
    return finding.authenticity


def depth(finding: Finding) -> Interval | None:
    """Return community depth, None where it abstains."""
    return finding.community_depth


def index(finding: Finding) -> Interval | None:
    """Return the headline, None where it abstains."""
    return finding.index


NUMBERS: Final[dict[str, Number]] = {"authenticity": authenticity, "community depth": depth, "index": index}


class Bench:
    """Measures comments as a report would.

    Args:
        pipeline: Its classifier should remember: the same texts are asked for again and again.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self.n_findings = 0

    @property
    def classifier(self) -> Classifier:
        """What labels."""
        return self._pipeline.classifier

    @property
    def policy(self) -> Policy:
        """What weighs."""
        return self._pipeline.policy

    def facts(self, comments: Comments) -> Facts:
        """Label comments and keep what is kept of them."""
        texts = comments.column("text").to_pylist()
        return facts_of(comments, self._pipeline.classifier.classify(texts), linguistics.describe(texts))

    def finding(
        self,
        facts: Facts,
        *,
        sampling_alone: bool = False,
        policy: Policy | None = None,
    ) -> Finding:
        """Measure facts.

        Args:
            facts: Of one community.
            sampling_alone: Whether intervals should leave out what the classifier's errors add.
            policy: What weighs; None: the pipeline's.
        """
        self.n_findings += 1
        return measure(
            facts,
            error_counts=self._error_counts(sampling_alone),
            references=self._pipeline.references,
            policy=policy or self._pipeline.policy,
        )

    def of(self, comments: Comments) -> Finding:
        """Label and measure comments."""
        return self.finding(self.facts(comments))

    def _error_counts(self, sampling_alone: bool) -> ErrorCounts | None:
        counts = self._pipeline.classifier.error_counts
        return (
            replace(counts, certainty=_SURE, concentration=_ALIKE)
            if sampling_alone and counts is not None
            else counts
        )
