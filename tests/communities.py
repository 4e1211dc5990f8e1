"""Small comment sections to measure: written by hand, or drawn at random with a known truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.comment import COMMENT_SCHEMA, comment_key
from plaudit.facts import NO_TIME, ONE, Facts, facts_of
from plaudit.letters import GRAMS
from plaudit.linguistics import CONTENT, content_words
from plaudit.passages import TRIPLES
from plaudit.pseudonym import handle_pseudonym, pseudonym
from plaudit.scores import Scores
from tests.fakes import KeywordClassifier


def words_of(seed: int, n: int) -> list[str]:
    """Return n made-up words: texts of them are no copies of each other."""
    drawn = np.random.default_rng(seed)
    letters, vowels = list("bdfgklmnrstvz"), list("aiou")
    return ["".join(drawn.choice(letters) + drawn.choice(vowels) for _ in range(3)) for _ in range(n)]


@dataclass
class StubWording:
    """Wording of texts whose words are counted plainly."""

    n_words: NDArray[np.int32]
    n_content_words: NDArray[np.int32]
    content: pa.ListArray
    emoji_only: NDArray[np.bool_]
    tag_only: NDArray[np.bool_]
    mention: NDArray[np.uint64]


def stub_wording(texts: Sequence[str]) -> StubWording:
    words = [[word for word in text.split() if not word.startswith("@")] for text in texts]
    tags = [[word for word in text.split() if word.startswith("@")] for text in texts]
    return StubWording(
        n_words=np.array([len(each) for each in words], np.int32),
        n_content_words=np.array([len({w for w in each if len(w) > 3}) for each in words], np.int32),
        content=pa.array([content_words(text).tolist() for text in texts], CONTENT),
        emoji_only=np.array([not any(c.isalnum() for c in text) for text in texts], bool),
        tag_only=np.array([bool(t) and not w for t, w in zip(tags, words, strict=True)], bool),
        mention=np.array([handle_pseudonym(t[0]) if t else 0 for t in tags], np.uint64),
    )


def batch_of(rows: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    """Return comments as a reader would; authors are names, ids default to the position."""
    return pa.RecordBatch.from_pylist([_record(i, row) for i, row in enumerate(rows)], schema=COMMENT_SCHEMA)


def _record(i: int, row: Mapping[str, Any]) -> dict[str, Any]:
    id_ = row.get("id", str(i))
    author = row.get("author")
    created_at = row.get("created_at")
    return {
        "source": "file.csv",
        "platform": "other",
        "is_creator": False,
        **row,
        "key": comment_key(row.get("post_id") or row.get("source", "file.csv"), id_),
        "id": id_,
        "author": None if author is None else pseudonym(author),
        "handle": None if author is None else handle_pseudonym(author),
        "time_precision": None if created_at is None else row.get("time_precision", "exact"),
    }


def facts_from(rows: Sequence[Mapping[str, Any]], *, classifier: Any = None) -> Facts:
    batch = batch_of(rows)
    texts = batch.column("text").to_pylist()
    scores: Scores = (classifier or KeywordClassifier()).classify(texts)
    return facts_of(batch, scores, stub_wording(texts))


def make_facts(n: int, **columns: Any) -> Facts:
    """Return n facts of plain genuine comments by different authors, some columns given."""
    random = np.random.default_rng(7)
    defaults: dict[str, Any] = {
        "key": random.integers(1, 2**63, n, np.uint64),
        "author": random.integers(1, 2**63, n, np.uint64),
        "letters": random.integers(1, 2**63, n, np.uint64),
        "n_letters": np.full(n, 30, np.int32),
        "created_at": np.full(n, NO_TIME),
        "total_reply_count": np.full(n, -1),
        "supported": np.ones(n, bool),
        "genuine": np.full(n, ONE, np.int32),
        "n_words": np.full(n, 8, np.int32),
        "n_content_words": np.full(n, 4, np.int32),
        "grams": pa.array([[]] * n, GRAMS),
        "content": pa.array([[]] * n, CONTENT),
        "n_of_post": np.full(n, -1),
        "passages": pa.array([[]] * n, TRIPLES),
        "id": pa.array([str(i) for i in range(n)]),
        "post_name": pa.array(["post"] * n),
        "creator_name": pa.array(["file.csv"] * n),
        "language": pa.array(["en"] * n),
        "platform": pa.array(["other"] * n),
    }
    empty = Facts.concat([])
    whole = {
        each.name: np.asarray(given, getattr(empty, each.name).dtype)
        if isinstance(getattr(empty, each.name), np.ndarray)
        else given
        for each in fields(Facts)
        for given in [columns.get(each.name, defaults.get(each.name, np.zeros(n)))]
    }
    return Facts.concat([Facts(**whole)])
