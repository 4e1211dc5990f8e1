"""A section's facts, gathered batch by batch, so that no text outlives its batch."""

from __future__ import annotations

from collections import Counter

from plaudit import linguistics
from plaudit.comment import Batch
from plaudit.facts import Facts, facts_of
from plaudit.pipeline import Context, Pipeline
from plaudit.report.envelope import Report
from plaudit.scores import Scores


class Gathering:
    """What `Pipeline.score` does, in steps: the model's turn comes between reading and adding.

    Attributes:
        rejected: Records left out, by reason.
        n_comments: Comments added.
    """

    def __init__(self) -> None:
        self._parts: list[Facts] = []
        self.rejected: Counter[str] = Counter()
        self.n_comments = 0

    def add(self, batch: Batch, scores: Scores) -> None:
        """Keep the facts of a batch whose comments were scored."""
        texts = batch.comments.column("text").to_pylist()
        self._parts.append(facts_of(batch.comments, scores, linguistics.describe(texts)))
        self.rejected.update(rejection.reason for rejection in batch.rejections)
        self.n_comments += len(texts)

    def report(self, pipeline: Pipeline, *, context: Context, group_by: str | None) -> Report:
        """Measure what was added."""
        facts = Facts.concat(self._parts)
        self._parts = [facts]
        return pipeline.report(facts, rejected=self.rejected, context=context, group_by=group_by)
