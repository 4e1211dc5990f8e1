"""Comments of dumps that could be labelled, or replayed."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plaudit.readers import ReadOptions, read
from plaudit.training.duplicates import letters_of

Row = dict[str, Any]
OnBatch = Callable[[int, int], None]

_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A comment of a dump.

    Attributes:
        text: As written.
        columns: What else its dump says, to be kept.
    """

    text: str
    columns: Row


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


def distinct(
    candidates: Iterable[Candidate], *, taken: set[str], with_emoji: bool = False
) -> Iterator[Candidate]:
    """Yield those whose letters neither came before nor are among `taken`.

    Args:
        candidates: Comments of dumps.
        taken: Letters, or the normalised text where there are none; takes up those of what is yielded.
        with_emoji: Texts without a letter as well.
    """
    for candidate in candidates:
        letters = letters_of(candidate.text)
        if letters and letters not in taken and (with_emoji or _LETTER.search(letters)):
            taken.add(letters)
            yield candidate


def sample(candidates: Iterable[Candidate], *, n: int, seed: int) -> list[Candidate]:
    """Draw `n` of however many there are, by reservoir: a large dump is read once and not kept."""
    rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
    drawn: list[Candidate] = []
    for n_seen, candidate in enumerate(candidates, start=1):
        if len(drawn) < n:
            drawn.append(candidate)
        elif (place := rng.randrange(n_seen)) < n:
            drawn[place] = candidate
    return drawn
