"""What is kept of a comment once it is scored: numbers only, mergeable by key.

Facts hold no text. Parts of a dump, read in any order, on any machine, twice or once, join to the same
facts; every signal is computed from them. Pseudonyms and keys are 64-bit numbers; 0 stands for "the
source does not say". Probabilities are whole 1/65536ths, so that sums over them are exact.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from plaudit.comment import comment_key
from plaudit.letters import GRAMS, letters_of
from plaudit.linguistics import CONTENT
from plaudit.passages import TRIPLES, passages_of
from plaudit.pieces import pieced
from plaudit.scripted import is_scripted
from plaudit.text import fingerprint

if TYPE_CHECKING:
    from plaudit.linguistics import Wording
    from plaudit.scores import Scores

ONE: Final = 65536
"""A probability of 1 in fixed point."""

NO_TIME: Final = np.iinfo(np.int64).min
"""`created_at` where the source gives no time."""

_DAY_MS: Final = 86_400_000

Rows = NDArray[np.intp] | NDArray[np.int64] | NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Columns of n scored comments, one row a key, in order of the key.

    Attributes:
        key: `comment.comment_key`; unique.
        parent: Key of the comment answered; 0 at top level or where unknown.
        post: Fingerprint of `post_name`.
        creator: Fingerprint of the creator's id; 0 where nobody is named.
        author: Pseudonym; 0 where unknown.
        handle: Pseudonym of the author's shown name; 0 where unknown.
        mention: Pseudonym of the first @handle in the text; 0 without one.
        letters: Fingerprint of the text's skeleton; 0 where it has no letters.
        n_letters: Length of that skeleton.
        grams: Hashes of its character n-grams, as `letters.Letters`.
        passages: Hashes of the text's word triples, as `passages.passages_of`.
        created_at: Unix time in milliseconds, or `NO_TIME`.
        exact_time: Whether the source gives `created_at` to the second; never where it lies in the future.
        is_creator: Whether the creator wrote it.
        total_reply_count: Replies the source knows of; -1 where it does not say.
        supported: Whether the model reads the language.
        label: Index into `LABELS` of the most probable label.
        genuine: Probability in 1/65536, like the five that follow.
        n_words: Words of the text.
        n_content_words: Distinct words that carry meaning.
        content: Hashes of these, as `linguistics.Wording`.
        n_of_post: How many of these the text of its post holds too; -1 where that text was not given.
        emoji_only: Whether nothing but emoji is there.
        tag_only: Whether nothing but @handles is there.
        scripted: Whether the text reads like what comment bots are set up to post; see `scripted`.
        id: As the source wrote it.
        post_name: The post's id, or the source's name without one.
        creator_name: The creator's id, or the source's name without one.
        language: ISO 639 code.
        platform: One of `comment.PLATFORMS`.
    """

    key: NDArray[np.uint64]
    parent: NDArray[np.uint64]
    post: NDArray[np.uint64]
    creator: NDArray[np.uint64]
    author: NDArray[np.uint64]
    handle: NDArray[np.uint64]
    mention: NDArray[np.uint64]
    letters: NDArray[np.uint64]
    n_letters: NDArray[np.int32]
    grams: pa.ListArray
    passages: pa.ListArray
    created_at: NDArray[np.int64]
    exact_time: NDArray[np.bool_]
    is_creator: NDArray[np.bool_]
    total_reply_count: NDArray[np.int64]
    supported: NDArray[np.bool_]
    label: NDArray[np.int8]
    genuine: NDArray[np.int32]
    generic_praise: NDArray[np.int32]
    question: NDArray[np.int32]
    experience: NDArray[np.int32]
    solicitation: NDArray[np.int32]
    addressed: NDArray[np.int32]
    n_words: NDArray[np.int32]
    n_content_words: NDArray[np.int32]
    content: pa.ListArray
    n_of_post: NDArray[np.int32]
    emoji_only: NDArray[np.bool_]
    tag_only: NDArray[np.bool_]
    scripted: NDArray[np.bool_]
    id: pa.StringArray
    post_name: pa.StringArray
    creator_name: pa.StringArray
    language: pa.StringArray
    platform: pa.StringArray

    def __len__(self) -> int:
        return len(self.key)

    def take(self, rows: Rows) -> Facts:
        """Return the facts of some rows: positions, or a mask."""
        positions = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        at = pa.array(positions)
        return Facts(
            **{
                name: column[positions] if isinstance(column, np.ndarray) else column.take(at)
                for name, column in _columns(self)
            }
        )

    def between(self, start: int, stop: int) -> Facts:
        """Return the facts of consecutive rows, without copying them."""
        return Facts(
            **{
                name: column[start:stop]
                if isinstance(column, np.ndarray)
                else column.slice(start, stop - start)
                for name, column in _columns(self)
            }
        )

    @classmethod
    def concat(cls, parts: Iterable[Facts]) -> Facts:
        """Join parts into one, each key once; the order and cut of the parts leave no trace."""
        table = pa.concat_tables([part.to_table() for part in parts] or [FACTS_SCHEMA.empty_table()])
        return cls.from_table(table)

    def to_table(self) -> pa.Table:
        """Return the facts as a table of `FACTS_SCHEMA`, for a spill file or another machine."""
        return pa.table([pa.array(column) for _, column in _columns(self)], schema=FACTS_SCHEMA)

    @classmethod
    def from_table(cls, table: pa.Table) -> Facts:
        """Read facts back from tables of `to_table`, joined in any order."""
        facts = cls.unordered(table)
        return facts.take(facts.order())

    @classmethod
    def unordered(cls, table: pa.Table) -> Facts:
        """Read facts back as they lie there: only `order` may be asked of them, and to take that."""
        return cls(**{name: _unpacked(table.column(name), kind) for name, kind in _KINDS.items()})

    def order(self) -> NDArray[np.intp]:
        """Return the rows by ascending key, each key once."""
        return _one_row_a_key(dict(_columns(self)))


def facts_of(
    comments: pa.RecordBatch, scores: Scores, wording: Wording, *, texts: Sequence[str] | None = None
) -> Facts:
    """Return the facts of one batch; row i of `scores` and `wording` belongs to comment i.

    Args:
        comments: Columns of `COMMENT_SCHEMA`.
        scores: What the classifier said.
        wording: What `linguistics.describe` said of the raw texts.
        texts: These, where they are at hand, taken apart.
    """
    post_name = pc.coalesce(comments.column("post_id"), comments.column("source"))
    texts = pieced(comments.column("text").to_pylist() if texts is None else texts)
    letters = letters_of(texts)
    probabilities, flags = _fixed(scores.probabilities), _fixed(scores.flags)
    created_at = _integers(comments, "created_at", NO_TIME)
    columns = {
        "key": _integers(comments, "key", 0),
        "parent": _parents(post_name, comments.column("parent_id")),
        "post": fingerprints(post_name),
        "creator": fingerprints(comments.column("creator_id")),
        "author": _integers(comments, "author", 0),
        "handle": _integers(comments, "handle", 0),
        "mention": wording.mention.astype(np.uint64),
        "letters": letters.fingerprint,
        "n_letters": letters.n,
        "grams": letters.grams,
        "passages": passages_of(texts),
        "created_at": created_at,
        "exact_time": _exact(comments.column("time_precision")) & believable(created_at),
        "is_creator": comments.column("is_creator").to_numpy(zero_copy_only=False),
        "total_reply_count": _integers(comments, "total_reply_count", -1),
        "supported": scores.supported.astype(bool),
        "label": scores.labels,
        **dict(zip(("genuine", "generic_praise", "question"), probabilities.T, strict=True)),
        **dict(zip(("experience", "solicitation", "addressed"), flags.T, strict=True)),
        "n_words": wording.n_words.astype(np.int32),
        "n_content_words": wording.n_content_words.astype(np.int32),
        "content": wording.content,
        "n_of_post": np.full(len(letters.n), -1, np.int32),
        "emoji_only": wording.emoji_only.astype(bool),
        "tag_only": wording.tag_only.astype(bool),
        "scripted": is_scripted(texts),
        "id": comments.column("id"),
        "post_name": post_name,
        "creator_name": pc.coalesce(comments.column("creator_id"), comments.column("source")),
        "language": pa.array(scores.languages, pa.string()),
        "platform": comments.column("platform"),
    }
    return Facts(**columns).take(_one_row_a_key(columns))


def believable(created_at: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which times are there and not in the future; a day is left for clocks and time zones."""
    return (created_at != NO_TIME) & (created_at <= int(1000 * time.time()) + _DAY_MS)


_KINDS: Final[dict[str, pa.DataType]] = {
    **dict.fromkeys(
        ("key", "parent", "post", "creator", "author", "handle", "mention", "letters"), pa.uint64()
    ),
    "n_letters": pa.int32(),
    "grams": GRAMS,
    "passages": TRIPLES,
    "created_at": pa.int64(),
    "exact_time": pa.bool_(),
    "is_creator": pa.bool_(),
    "total_reply_count": pa.int64(),
    "supported": pa.bool_(),
    "label": pa.int8(),
    **dict.fromkeys(
        ("genuine", "generic_praise", "question", "experience", "solicitation", "addressed"), pa.int32()
    ),
    "n_words": pa.int32(),
    "n_content_words": pa.int32(),
    "content": CONTENT,
    "n_of_post": pa.int32(),
    "emoji_only": pa.bool_(),
    "tag_only": pa.bool_(),
    "scripted": pa.bool_(),
    **dict.fromkeys(("id", "post_name", "creator_name", "language", "platform"), pa.string()),
}

FACTS_SCHEMA: Final = pa.schema([pa.field(name, kind, nullable=False) for name, kind in _KINDS.items()])
"""Columns of facts at rest and in transit."""


def _columns(facts: Facts) -> list[tuple[str, Any]]:
    return [(each.name, getattr(facts, each.name)) for each in fields(facts)]


def _unpacked(column: pa.ChunkedArray, kind: pa.DataType) -> NDArray[Any] | pa.Array:
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks)
    return (
        whole if pa.types.is_string(kind) or pa.types.is_list(kind) else whole.to_numpy(zero_copy_only=False)
    )


def _one_row_a_key(columns: dict[str, Any]) -> NDArray[np.intp]:
    keys = columns["key"]
    order = np.argsort(keys, kind="stable")
    if (keys[order][1:] == keys[order][:-1]).any():
        # Two readings of one comment may differ (an edit, a new reply): which is kept must not depend
        # on which came first.
        order[:] = _settled(order, keys, columns)
    return order[np.concatenate(([True], keys[order][1:] != keys[order][:-1]))] if len(keys) else order


def _settled(order: NDArray[np.intp], keys: NDArray[np.uint64], columns: dict[str, Any]) -> NDArray[np.intp]:
    """Return rows in the order of their keys, those of one key in the order of all else that they say."""
    same = keys[order][1:] == keys[order][:-1]
    where = np.flatnonzero(np.concatenate(([False], same)) | np.concatenate((same, [False])))
    rows = order[where]
    numbers = [column[rows] for column in columns.values() if isinstance(column, np.ndarray)]
    words = [
        np.unique(np.array(column.take(pa.array(rows)).fill_null("").to_pylist(), str), return_inverse=True)[
            1
        ]
        for column in columns.values()
        if isinstance(column, pa.Array) and pa.types.is_string(column.type)
    ]
    order[where] = rows[np.lexsort([*words[::-1], *numbers[::-1]])]
    return order


def _integers(comments: pa.RecordBatch, name: str, missing: int) -> NDArray[Any]:
    return comments.column(name).fill_null(missing).to_numpy(zero_copy_only=False)


def fingerprints(names: pa.StringArray) -> NDArray[np.uint64]:
    """Return the fingerprint of each name; 0 where it is null."""
    encoded = names.dictionary_encode()
    hashes = np.array([*map(fingerprint, encoded.dictionary.to_pylist()), 0], np.uint64)
    return hashes[encoded.indices.fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False)]


def _parents(places: pa.StringArray, ids: pa.StringArray) -> NDArray[np.uint64]:
    keys = np.zeros(len(ids), np.uint64)
    replies = ids.is_valid()
    pairs = zip(places.filter(replies).to_pylist(), ids.filter(replies).to_pylist(), strict=True)
    keys[replies.to_numpy(zero_copy_only=False)] = np.array(
        [comment_key(place, id_) for place, id_ in pairs], np.uint64
    )
    return keys


def _exact(precision: pa.StringArray) -> NDArray[np.bool_]:
    return pc.equal(precision, "exact").fill_null(False).to_numpy(zero_copy_only=False)


def _fixed(shares: NDArray[np.float32]) -> NDArray[np.int32]:
    return np.rint(shares.astype(np.float64) * ONE).astype(np.int32)
