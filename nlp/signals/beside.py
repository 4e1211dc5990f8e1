"""Whether the creator answers beside the comments rather than beneath them."""

from __future__ import annotations

from typing import Final

import numpy as np

from plaudit.estimate import n_distinct
from plaudit.facts import Facts
from plaudit.signals.keys import mix

HARDLY_THREADED: Final = 0.05
"""Share of comments that are replies, below which a source may have lost most of them."""
MANY: Final = 0.05
"""Share of comments, from which on the creator's at top level, beyond one a post, are no announcements."""
N_MANY: Final = 10
"""As many are none either, however many others wrote."""


def answers_beside(facts: Facts) -> bool:
    """Say whether the creator of a whole section does; see `mostly_beside`."""
    at_top = facts.is_creator & (facts.parent == 0)
    naming = at_top & (facts.mention != 0)
    there = ~facts.is_creator & (facts.handle != 0)
    named = np.isin(
        mix(facts.post[naming], facts.mention[naming]), mix(facts.post[there], facts.handle[there])
    )
    return mostly_beside(
        int(np.count_nonzero(at_top)),
        n_openings=n_distinct(facts.post[at_top]),
        n_naming=int(np.count_nonzero(named)),
        n_by_creator=int(np.count_nonzero(facts.is_creator)),
        n_replies=int(np.count_nonzero((facts.parent != 0) & (facts.parent != facts.key))),
        n=len(facts),
    )


def mostly_beside(
    n_at_top: int, *, n_openings: int, n_naming: int, n_by_creator: int, n_replies: int, n: int
) -> bool:
    """Say whether the creator answers beside the comments: at top level at least as often as beneath.

    Where the source keeps others' answers in their place, three: a few that name nobody announce or correct,
    so that they have to name somebody who wrote under the post, or to be `MANY`. Where next to nobody's is
    kept in its place, any two. One a post opens the talk.

    Args:
        n_at_top: The creator's comments at top level.
        n_openings: Posts under which there are any.
        n_naming: Of those at top level, how many mention somebody of the audience seen under the same post.
        n_by_creator: The creator's comments.
        n_replies: Anybody's replies.
        n: All comments.
    """
    n_beneath = n_by_creator - n_at_top
    n_beside = n_at_top - n_openings
    if n_replies < HARDLY_THREADED * n:
        return n_beside >= max(n_beneath, 2)
    are_talk = n_beside >= min(MANY * n, N_MANY)
    return (n_beside if are_talk else n_naming) >= max(n_beneath, 3)
