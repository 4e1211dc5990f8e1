"""The whole flow on one screen: batches of comments -> scores -> facts -> index -> report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, fields
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit import artifact as artifacts
from plaudit import linguistics
from plaudit import policy as policies
from plaudit.classifier import CPU, ArtifactClassifier
from plaudit.comment import Batch
from plaudit.errors import UsageError
from plaudit.facts import Facts, facts_of
from plaudit.index import judge, split, warnings_of
from plaudit.partition.gathered import Gathered
from plaudit.partition.groups import Bucket, Group, buckets_of
from plaudit.partition.measuring import tallied_in_parts
from plaudit.partition.room import room
from plaudit.partition.spill import PART_ROWS
from plaudit.partition.stored import Stored, WithPosts, whole
from plaudit.pieces import pieced
from plaudit.policy import Policy
from plaudit.posts import with_posts
from plaudit.reasons import changed_texts
from plaudit.reference import References
from plaudit.report.envelope import Finding, Report
from plaudit.report.group_file import in_order
from plaudit.scores import FLAGS, LABELS, Classifier, Scores
from plaudit.signals import tallied
from plaudit.signals.section import Section
from plaudit.signals.tally import Tallied

OnBatch = Callable[[Batch, Scores], None]
Named = tuple[str, Finding]
Spread = Callable[[Iterable[Bucket], Callable[[Bucket, Path], Iterable[Named]]], Iterator[Named]]
"""Measures buckets in any place and order, each with a folder there for nothing else."""

GROUPINGS: Final = ("post", "creator")
"""What a report can be broken down by."""

_DIGITS: Final = 6  # finer than the model is true to; the largest probability takes up what rounding loses


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the asker knows beside the comments.

    Attributes:
        creator_id: The creator's id; None where nobody is named.
        platform: One of `comment.PLATFORMS`; None: as the comments say.
        posts: Texts of posts (title, description, caption, transcript) by their ids.
    """

    creator_id: str | None = None
    platform: str | None = None
    posts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is known of one batch once it is scored: row i of the scores belongs to comment i of the batch."""

    scores: Scores
    facts: Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """A classifier, the references its signals are held against, and the policy that weighs them."""

    classifier: Classifier
    references: References
    policy: Policy

    @classmethod
    def load(
        cls,
        path: Path | None = None,
        *,
        exact: bool = False,
        threads: int | None = None,
        device: str = CPU,
    ) -> Pipeline:
        """Load the shipped model, or the artefact in a folder.

        Args:
            path: The folder, or one of models whose `CURRENT` names it; None for the shipped one.
            exact: Let the exact network read every text, though the model has a cascade.
            threads: Cores to use; None for all.
            device: "cpu", or a GPU as torch names it (extra `[gpu]`), where the exact network reads all.

        Raises:
            ArtifactError: The folder is missing, damaged or of another format.
            UsageError: There is no such device, or what drives it is not installed.
        """
        artifact = artifacts.load(_model_in(path))
        return cls(
            classifier=ArtifactClassifier(artifact, exact=exact, threads=threads, device=device),
            references=References.from_dict(artifact.manifest.references),
            policy=policies.load(),
        )

    def classify(self, texts: Sequence[str]) -> Scores:
        """Label texts, in order; one of which nothing is readable gets an answer without meaning."""
        return self.classifier.classify(texts)

    def part(self, comments: pa.RecordBatch) -> Part:
        """Label the comments of one batch, of `COMMENT_SCHEMA`, and gather their facts."""
        texts = pieced(comments.column("text").to_pylist())
        scores = self.classify(texts)
        facts = facts_of(comments, scores, linguistics.describe(texts), texts=texts)
        return Part(scores=scores, facts=facts)

    def score(
        self,
        batches: Iterable[Batch],
        *,
        context: Context | None = None,
        group_by: str | None = None,
        on_batch: OnBatch | None = None,
    ) -> Report:
        """Label every comment of the batches and measure them as one community.

        What is known of many comments lies in temporary files until it is measured: memory stays bounded.

        Args:
            batches: As `readers.read` yields them; consumed once.
            context: What else is known.
            group_by: "post" or "creator" for a finding of each as well.
            on_batch: Called with each batch and its scores, for outputs and progress.

        Raises:
            UsageError: `group_by` is something else.
            StorageError: The disk for temporary files is full.
        """
        _check_group_by(group_by)  # before hours of work
        rejected: Counter[str] = Counter()
        with Gathered() as gathered:
            for batch in batches:
                part = self.part(batch.comments)
                gathered.add(part.facts)
                rejected.update(rejection.reason for rejection in batch.rejections)
                if on_batch is not None:
                    on_batch(batch, part.scores)
            return self.report(gathered.facts(), rejected=rejected, context=context, group_by=group_by)

    def report(
        self,
        facts: Facts | Stored,
        *,
        folder: Path | None = None,
        rejected: Mapping[str, int] | None = None,
        context: Context | None = None,
        group_by: str | None = None,
        spread: Spread | None = None,
    ) -> Report:
        """Measure facts that were gathered before, here or on other machines.

        Args:
            facts: Of every scored comment; merged with `Facts.concat` where they come in parts. Those that
                are stored elsewhere are read some at a time where they are many.
            folder: For nothing else, where what memory can't hold is put, removed at the end; None: where the
                system puts temporary files.
            rejected: Records left out, by reason.
            context: What else is known.
            group_by: "post" or "creator" for a finding of each as well.
            spread: Measures the groups elsewhere, where they are more than memory holds; None: here.

        Raises:
            UsageError: `group_by` is something else.
            StorageError: The disk is full.
        """
        _check_group_by(group_by)
        context = context or Context()
        if context.posts:
            if isinstance(facts, Facts):
                facts = with_posts(facts, context.posts)
            else:
                facts = WithPosts(facts, context.posts)
        tools: dict[str, Any] = {
            "error_counts": self.classifier.error_counts,
            "references": self.references,
            "policy": self.policy,
            "platform": context.platform,
        }
        # The whole is a few long sorts, which leave the interpreter free for the groups' many short ones.
        somewhere = nullcontext(Path()) if isinstance(facts, Facts) else room(folder)
        with somewhere as place, ThreadPoolExecutor(max_workers=1) as beside:
            everything = beside.submit(_tallied, facts, place / "whole")
            named = _findings(facts, place, by=group_by, tools=tools, spread=spread) if group_by else ()
            groups = in_order(named, folder=None if isinstance(facts, Facts) else place)
            found = everything.result()
        finding = judge(found, rejected=rejected, **tools)
        model = self.classifier.model
        return Report(
            **{each.name: getattr(finding, each.name) for each in fields(Finding)},
            groups=groups,
            warnings=(
                *warnings_of(found, creator_id=context.creator_id),
                *changed_texts((rejected or {}).get("changed_text", 0)),
            ),
            model=model.to_dict(),
            policy={"id": self.policy.id, "hash": self.policy.hash},
            version=version("plaudit"),
        )


def _tallied(facts: Facts | Stored, folder: Path) -> Tallied:
    if isinstance(facts, Facts):
        return tallied(Section.of(facts))
    return tallied_in_parts(facts, folder) if len(facts) > PART_ROWS else _tallied(whole(facts), folder)


def _findings(
    facts: Facts | Stored, folder: Path, *, by: str, tools: Mapping[str, Any], spread: Spread | None
) -> Iterator[Named]:
    if not isinstance(facts, Facts) and len(facts) <= PART_ROWS:
        facts = whole(facts)
    if isinstance(facts, Facts):
        yield from _judged(split(facts, by=by), folder, tools=tools)
        return
    measure = partial(measure_bucket, tools=tools)
    buckets = buckets_of(facts, folder / "groups", by=by)
    if spread is not None:
        yield from spread(buckets, measure)
        return
    for bucket in buckets:
        yield from measure(bucket, folder)


def measure_bucket(bucket: Bucket, folder: Path, *, tools: Mapping[str, Any]) -> Iterator[Named]:
    """Yield the finding of each group of a bucket; `folder` is for nothing else, `tools` as `judge` takes."""
    return _judged(bucket.groups(), folder, tools=tools)


def _judged(
    groups: Iterable[tuple[str, Group]], folder: Path, *, tools: Mapping[str, Any]
) -> Iterator[Named]:
    for name, group in groups:
        yield name, judge(_tallied(group, folder / "group"), **tools)


def _model_in(folder: Path | None) -> Path:
    """Return the folder of a model: itself, or the one in use of a folder of models; None for the shipped."""
    is_model = folder is not None and (folder / artifacts.MANIFEST).is_file()
    is_of_models = folder is not None and (folder / artifacts.CURRENT).is_file()
    return folder if folder is not None and (is_model or not is_of_models) else artifacts.current(folder)


def _check_group_by(group_by: str | None) -> None:
    if group_by not in (None, *GROUPINGS):
        raise UsageError(f"There is no grouping by {group_by!r}; name {' or '.join(GROUPINGS)}, or None.")


def answer(comment_id: str, scores: Scores, row: int) -> dict[str, Any]:
    """Return one comment's classification in the shape that files, HTTP and the library share."""
    alone = Scores(
        probabilities=scores.probabilities[row : row + 1],
        flags=scores.flags[row : row + 1],
        languages=scores.languages[row : row + 1],
        supported=scores.supported[row : row + 1],
        truncated=scores.truncated[row : row + 1],
    )
    return next(answers([comment_id], alone))


def answers(comment_ids: Sequence[str], scores: Scores) -> Iterator[dict[str, Any]]:
    """Yield what `answer` returns for each row; id i belongs to row i."""
    probabilities = _rounded(scores.probabilities)
    rows, best = np.arange(len(scores)), scores.labels
    probabilities[rows, best] = 0
    probabilities[rows, best] = _rounded(1 - probabilities.sum(axis=1))
    for comment_id, label, of_labels, of_flags, language, supported, truncated in zip(
        comment_ids,
        best.tolist(),
        probabilities.tolist(),
        _rounded(scores.flags).tolist(),
        scores.languages,
        scores.supported.tolist(),
        scores.truncated.tolist(),
        strict=True,
    ):
        yield {
            "id": comment_id,
            "label": LABELS[label],
            "probabilities": dict(zip(LABELS, of_labels, strict=True)),
            "flags": dict(zip(FLAGS, of_flags, strict=True)),
            "language": language,
            "supported": supported,
            "truncated": truncated,
        }


def _rounded(values: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.round(np.asarray(values, np.float64), _DIGITS), np.float64)
