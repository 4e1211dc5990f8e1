"""Comments of dumps as candidates for labelling."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from plaudit.readers import ReadOptions, read
from plaudit.training.selection import Candidate

OnBatch = Callable[[int, int], None]


def read_candidates(
    dumps: Sequence[Path], *, on_batch: OnBatch = lambda _n_comments, _n_bytes: None
) -> Iterator[Candidate]:
    """Yield the audience's comments of dumps, with their id, post, author's pseudonym and file.

    Args:
        dumps: Files and folders in any format plaudit reads.
        on_batch: Called with the comments and the bytes each batch was read from.

    Raises:
        InputError: A dump cannot be used.
    """
    names = ["id", "text", "post_id", "author", "source", "is_creator"]
    for batch in read(list(dumps), options=ReadOptions()):
        on_batch(len(batch.comments), batch.n_bytes)
        for row in batch.comments.select(names).to_pylist():
            if row["is_creator"]:
                continue
            author = None if row["author"] is None else f"{row['author']:016x}"
            columns = {"id": row["id"], "post": row["post_id"], "author": author, "source": row["source"]}
            yield Candidate(
                text=row["text"], columns={name: each for name, each in columns.items() if each is not None}
            )
