"""What is usual: signal references fitted on dumps of real communities, with the artefact's own answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import file_digest
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from plaudit import artifact, linguistics
from plaudit import policy as policies
from plaudit.artifact import Manifest
from plaudit.classifier import ArtifactClassifier
from plaudit.comment import PLATFORMS
from plaudit.errors import InputError, MappingError
from plaudit.facts import Facts, facts_of
from plaudit.index import measure_groups
from plaudit.policy import Policy
from plaudit.readers import ReadOptions, read
from plaudit.reference import MIN_COMMUNITIES, Community, References, fit
from plaudit.report.envelope import Group
from plaudit.scores import Classifier
from plaudit.training.revision import replace_manifest

__all__ = ["Dump", "communities", "dumps_of", "fit_references", "replace_manifest"]

MIN_COMMENTS: Final = 50
"""Comments of the audience below which a post is too noisy to say what is usual."""
MIN_POSTS: Final = 2
"""Posts below which a creator shows nothing that a post does not."""

OnBatch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dump:
    """A file of comments to learn from.

    Attributes:
        path: The file.
        platform: Where its comments are from; None: as the file says.
        weight: How much its topic counts, against 1 of the others.
    """

    path: Path
    platform: str | None = None
    weight: float = 1.0


def dumps_of(arguments: Sequence[str], *, weights: Sequence[str] = ()) -> list[Dump]:
    """Read `[PLATFORM=]FILE` arguments, and `FILE=WEIGHT` for those that count otherwise than 1.

    Raises:
        MappingError: A platform that is not one of `PLATFORMS`, or a weight of no file, or none above 0.
        InputError: A file that is not there.
    """
    dumps = [_dump(argument) for argument in arguments]
    stated = dict(map(_weight, weights))
    unknown = sorted(set(stated) - {dump.path.name for dump in dumps})
    if unknown:
        raise MappingError(f"A weight was given for {', '.join(unknown)}, which is none of the files read.")
    return [replace(dump, weight=stated.get(dump.path.name, 1.0)) for dump in dumps]


def _weight(argument: str) -> tuple[str, float]:
    name, _, number = argument.rpartition("=")
    try:
        weight = float(number)
    except ValueError:
        weight = -1.0
    if not (name and 0.0 < weight < float("inf")):
        raise MappingError(
            f"{argument}: expected FILE=WEIGHT with a weight above 0, such as trial.ndjson=0.5."
        )
    return Path(name).name, weight


def _dump(argument: str) -> Dump:
    platform, separator, path = argument.partition("=")
    if not separator or Path(argument).is_file():
        platform, path = "", argument
    if platform and platform not in PLATFORMS:
        raise MappingError(
            f"{argument}: unknown platform {platform!r}; expected one of {', '.join(PLATFORMS)}."
        )
    if not Path(path).is_file():
        raise InputError(f"There is no file {path}; expected files, one topic each.")
    return Dump(path=Path(path), platform=platform or None)


def fit_references(
    folder: Path,
    dumps: Sequence[Dump],
    *,
    threads: int | None = None,
    on_batch: OnBatch,
    on_loss: Callable[[Sequence[str]], None],
) -> Manifest:
    """Measure every community of the dumps with an artefact, and write what is usual into its manifest.

    Args:
        folder: The artefact; its earlier references are replaced.
        dumps: One topic each.
        threads: Cores to use; None for all.
        on_batch: Called with the comments and the bytes each batch was read from.
        on_loss: Called with what `lost` returns, where that is anything.

    Raises:
        InputError: A dump cannot be used, none holds a large enough post, or they hold too few communities.
        ArtifactError: The artefact is damaged, or cannot be written.
    """
    loaded = artifact.load(folder)
    classifier, policy = ArtifactClassifier(loaded, threads=threads), policies.load()
    found: list[Community] = []
    files: list[dict[str, Any]] = []
    for dump in dumps:
        facts = _facts(dump, classifier, on_batch=on_batch)
        learned = [
            replace(each, weight=dump.weight)
            for each in communities(facts, topic=dump.path.name, classifier=classifier, policy=policy)
        ]
        found += learned
        files.append(_file_record(dump, facts, learned))
    if not found:
        raise InputError(
            f"No post in the dumps has {MIN_COMMENTS} comments of the audience; name larger dumps."
        )
    fitted = fitted_to(found, policy=policy).to_dict()
    if missing := lost(loaded.manifest.references, fitted):
        on_loss(missing)
    origin = {
        "policy": {"id": policy.id, "hash": policy.hash},
        "min_comments": MIN_COMMENTS,
        "n_posts": sum(each["n_posts"] for each in files),
        "n_accounts": sum(each["n_accounts"] for each in files),
        "files": files,
    }
    return replace_manifest(
        folder,
        references=fitted,
        data=loaded.manifest.data | {"references": origin},
    )


def fitted_to(found: Sequence[Community], *, policy: Policy) -> References:
    """Fit references, at least one.

    Raises:
        InputError: No signal was measured in enough communities: what a model has is worth more than nothing.
    """
    fitted = fit(found, policy=policy)
    if not fitted.platforms:
        n_most = max(Counter(name for each in found for name in each.values).values(), default=0)
        raise InputError(
            f"The dumps show too little of what is usual: no signal was measured in more than {n_most} "
            f"communities (posts of {MIN_COMMENTS} comments, creators of {MIN_POSTS} such posts), expected "
            f"{MIN_COMMUNITIES}. The model's references stay as they were; name more dumps."
        )
    return fitted


def lost(before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Name the references, `platform` or `platform/signal`, that were there before and are no more."""
    gone = []
    for platform, signals in before.items():
        if platform not in after:
            gone.append(platform)
        else:
            gone += [f"{platform}/{name}" for name in signals if name not in after[platform]]
    return gone


def _facts(dump: Dump, classifier: Classifier, *, on_batch: OnBatch) -> Facts:
    parts = []
    for batch in read([dump.path], options=ReadOptions(platform=dump.platform)):
        texts = batch.comments.column("text").to_pylist()
        parts.append(facts_of(batch.comments, classifier.classify(texts), linguistics.describe(texts)))
        on_batch(len(texts), batch.n_bytes)
    return Facts.concat(parts)


def communities(facts: Facts, *, topic: str, classifier: Classifier, policy: Policy) -> Iterator[Community]:
    """Yield what the communities of one dump measure.

    Every post with `MIN_COMMENTS` comments of the audience is one. So is every creator with two such
    posts, for the signals that no post of its own shows: those that need several posts.

    Args:
        facts: Of one dump.
        topic: Its name.
        classifier: Whose error counts correct the shares.
        policy: Names the signals.
    """
    facts = facts.take(_in_large_posts(facts))
    tools: dict[str, Any] = {
        "error_counts": classifier.error_counts,
        "references": References(),
        "policy": policy,
    }
    accounts, platforms = _one_each(facts, "creator_name"), _one_each(facts, "platform")
    n_posts = Counter(accounts.values())
    shown: dict[str, set[str]] = {}
    for group in measure_groups(facts, by="post", **tools):
        account = accounts[group.key]
        values = _values(group)
        shown.setdefault(account, set()).update(values)
        yield Community(values=values, platform=platforms[group.key], account=account, topic=topic)
    several = np.isin(facts.creator_name.to_pylist(), [name for name, n in n_posts.items() if n >= MIN_POSTS])
    platforms = _one_each(facts, "platform", by="creator_name")
    for group in measure_groups(facts.take(several), by="creator", **tools):
        values = {name: v for name, v in _values(group).items() if name not in shown.get(group.key, ())}
        if values:
            yield Community(values=values, platform=platforms[group.key], account=group.key, topic=topic)


def _in_large_posts(facts: Facts) -> NDArray[np.bool_]:
    names = facts.post_name.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    counts = np.bincount(names[~facts.is_creator], minlength=int(names.max(initial=-1)) + 1)
    return np.asarray(counts[names] >= MIN_COMMENTS, bool)


def _one_each(facts: Facts, column: str, *, by: str = "post_name") -> dict[str, str]:
    """Return the most frequent value of a column for each post or creator."""
    counts: dict[str, Counter[str]] = {}
    for name, value in zip(getattr(facts, by).to_pylist(), getattr(facts, column).to_pylist(), strict=True):
        counts.setdefault(name, Counter())[value] += 1
    return {name: min(found, key=lambda v: (-found[v], v)) for name, found in counts.items()}


def _values(group: Group) -> dict[str, float]:
    return {row.name: row.value for row in group.signals if row.value is not None}


def show(manifest: Manifest, console: Console) -> None:
    """Print what is usual, a row a platform and signal."""
    table = Table(title=f"What is usual, {manifest.id}")
    for heading in ("platform", "signal", "usual", "spread", "communities"):
        table.add_column(heading, justify="left" if heading in ("platform", "signal") else "right")
    for platform, signals in manifest.references.items():
        for name, reference in signals.items():
            numbers = (f"{reference['location']:.3f}", f"{reference['spread']:.3f}")
            table.add_row(platform, name, *numbers, f"{reference['n_communities']:,}")
    console.print(table)


def _file_record(dump: Dump, facts: Facts, learned: Sequence[Community]) -> dict[str, Any]:
    return {
        "name": dump.path.name,
        "weight": dump.weight,
        "sha256": _sha256(dump.path),
        "platforms": sorted({each.platform for each in learned}),
        "n_comments": len(facts),
        "n_posts": len(set(facts.take(_in_large_posts(facts)).post_name.to_pylist())),
        "n_accounts": len({each.account for each in learned}),
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:  # larger than memory, perhaps
        return file_digest(file, "sha256").hexdigest()
