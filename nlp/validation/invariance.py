"""Does anything depend on order, sharding, reading twice, case of handles, or company?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import orjson
from numpy.typing import NDArray

from plaudit.facts import Facts
from plaudit.readers import read_records
from plaudit.report.claims import Claim, Row, Target
from plaudit.report.envelope import Finding
from plaudit.validation import editing
from plaudit.validation.bench import Bench
from plaudit.validation.editing import Comments
from plaudit.validation.remembering import Remembering
from plaudit.validation.study import Study

LEAST: Final = 20
N_TEXTS: Final = 400
MOST_DIFFERENCE: Final = 1e-4
_HANDLE: Final = re.compile(r"@[\w.\-]*\w")

Reading = Callable[[Bench, Comments, np.random.RandomState], Facts]


def _shuffled(bench: Bench, comments: Comments, random: np.random.RandomState) -> Facts:
    return bench.facts(editing.taken(comments, random.permutation(len(comments))))


def _sharded(bench: Bench, comments: Comments, random: np.random.RandomState) -> Facts:
    shard = random.randint(0, 5, len(comments))
    parts = [bench.facts(editing.taken(comments, shard == i)) for i in random.permutation(5)]
    return Facts.concat([Facts.concat(parts[:2]), *parts[2:]])


def _read_twice(bench: Bench, comments: Comments, random: np.random.RandomState) -> Facts:
    again = editing.taken(comments, random.permutation(len(comments))[: len(comments) // 2 + 1])
    return Facts.concat([bench.facts(again), bench.facts(comments), bench.facts(again)])


def _shouted_handles(bench: Bench, comments: Comments, _random: np.random.RandomState) -> Facts:
    texts = [
        _HANDLE.sub(lambda found: found[0].upper(), text) for text in comments.column("text").to_pylist()
    ]
    return bench.facts(editing.with_column(comments, "text", texts))


READINGS: Final[Mapping[str, Reading]] = {
    "another order": _shuffled,
    "five shards, merged in another order": _sharded,
    "half of it read three times": _read_twice,
    "handles in capitals": _shouted_handles,
}


def invariance(study: Study) -> Claim:
    """See whether another way of reading the same comments changes a single byte."""
    method = (
        "The whole finding as JSON, byte by byte, for each post read in another order, in shards, partly "
        "twice, with @handles in capitals. Author ids that differ by case alone are two people. The same "
        "texts labelled in other company: probabilities."
    )
    claim = Claim(
        name="invariance",
        title="Order, sharding, double reading, case and company change nothing",
        method=method,
    )
    posts = study.posts(least=LEAST, most=study.scale.n_posts)
    n_changed = dict.fromkeys(READINGS, 0)
    for post in study.watched("Reading again", posts):
        comments, random = study.trimmed(post), study.random("reading", post.name)
        first = _bytes(study.bench.of(comments))
        for name, reading in READINGS.items():
            n_changed[name] += _bytes(study.bench.finding(reading(study.bench, comments, random))) != first
    rows = [
        Row(
            name=f"posts that change with {name}",
            value=float(n) if posts else None,
            unit="count",
            target=Target(most=0.0),
            n=len(posts),
        )
        for name, n in n_changed.items()
    ]
    return replace(claim, rows=(*rows, _case_row(), _company_row(study)))


def _bytes(finding: Finding) -> bytes:
    return orjson.dumps(finding)


def _case_row() -> Row:
    names = ("UCabc", "ucabc", "UCABC")
    records = [
        {"id": str(i), "text": f"the part on step {i}", "author": name} for i, name in enumerate(names)
    ]
    authors = {
        author for batch in read_records(records) for author in batch.comments.column("author").to_pylist()
    }
    return Row(
        name="author ids that differ by case, taken for one",
        value=float(len(names) - len(authors)),
        unit="count",
        target=Target(most=0.0),
        n=len(names),
        of="ids",
    )


def _company_row(study: Study) -> Row:
    classifier = study.bench.classifier
    inner = classifier.inner if isinstance(classifier, Remembering) else classifier
    texts = [
        text for post in study.posts(least=LEAST, most=8) for text in post.comments.column("text").to_pylist()
    ]
    random = study.random("company")
    texts = [texts[i] for i in random.permutation(len(texts))[:N_TEXTS]]
    if not texts:
        return Row(name="probabilities in other company", value=None, target=Target(most=MOST_DIFFERENCE))
    whole = inner.classify(texts).probabilities
    cuts: Sequence[int] | NDArray[np.intp] = (
        np.sort(random.randint(1, len(texts), 12)) if len(texts) > 1 else []
    )
    parts = [list(part) for part in np.split(np.array(texts, object), cuts)]
    apart = np.concatenate([inner.classify(part).probabilities for part in parts if part])
    return Row(
        name="probabilities in other company: largest difference",
        value=float(np.abs(whole - apart).max()),
        target=Target(most=MOST_DIFFERENCE),
        n=len(texts),
        of="texts",
    )
