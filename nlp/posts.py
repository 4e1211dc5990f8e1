"""Which of a comment's words the text of its post holds too: title, description, caption or transcript."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.facts import Facts
from plaudit.linguistics import content_words
from plaudit.text import fingerprint


class PostWords:
    """The content words of posts.

    Args:
        posts: Texts by the id of the post, as in the comments; blank ones count as not given.
    """

    def __init__(self, posts: Mapping[str, str]) -> None:
        texts = {fingerprint(name): text for name, text in posts.items() if text.strip()}
        self._known = np.array(sorted(texts), np.uint64)
        words = [content_words(texts[key]) for key in self._known.tolist()]
        number = np.repeat(np.arange(len(words)), list(map(len, words)))
        self._held = _pairs(number, np.concatenate([np.empty(0, np.uint32), *words]))

    def shared(self, post: NDArray[np.uint64], content: pa.ListArray) -> NDArray[np.int32]:
        """Return how many of its content words each comment shares with its post; -1 where not known."""
        found = np.full(len(post), -1, np.int32)
        if not len(self._known):
            return found
        at = np.minimum(np.searchsorted(self._known, post), len(self._known) - 1)
        rows = np.flatnonzero(self._known[at] == post)
        said = content.take(pa.array(rows))
        row = np.repeat(np.arange(len(rows)), np.diff(said.offsets.to_numpy()))
        shared = np.isin(_pairs(at[rows][row], said.flatten().to_numpy()), self._held)
        found[rows] = np.bincount(row[shared], minlength=len(rows))
        return found


def with_posts(facts: Facts, posts: Mapping[str, str]) -> Facts:
    """Return facts in which `n_of_post` is known where their post's text is; `posts` as `PostWords`."""
    return replace(facts, n_of_post=PostWords(posts).shared(facts.post, facts.content))


def _pairs(post: NDArray[np.integer], words: NDArray[np.uint32]) -> NDArray[np.uint64]:
    return (post.astype(np.uint64) << np.uint64(32)) | words.astype(np.uint64)
