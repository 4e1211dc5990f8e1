"""What every experiment is given: the bench, the material, how much to do, and its random numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

import numpy as np

from plaudit.facts import Facts
from plaudit.validation import editing
from plaudit.validation.bench import Bench
from plaudit.validation.material import Material, Post
from plaudit.validation.material import spread as spread_out
from plaudit.validation.sampling import roots
from plaudit.validation.scale import Scale
from plaudit.validation.statistics import stream

T = TypeVar("T")

OnStep = Callable[[str, int, int], None]
"""Called with what is being done, how many of it are done, and how many there are."""


def silent(_step: str, _done: int, _total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One run over one material.

    Attributes:
        bench: Measures.
        material: What is measured.
        scale: How much of it.
        seed: Of every random choice.
        on_step: Hears how far it is.
    """

    bench: Bench
    material: Material
    scale: Scale
    seed: int = 0
    on_step: OnStep = silent
    _made: dict[str, Any] = field(default_factory=dict)

    def random(self, *names: object) -> np.random.RandomState:
        """Return random numbers that depend on the seed and the names alone."""
        return stream(self.seed, *names)

    def watched(self, name: str, things: Sequence[T]) -> Iterator[T]:
        """Go through some things, telling how far it is."""
        for done, thing in enumerate(things):
            self.on_step(name, done, len(things))
            yield thing
        self.on_step(name, len(things), len(things))

    def posts(
        self, *, least: int, most: int | None = None, threaded: bool = False, clean: bool = False
    ) -> list[Post]:
        """Return posts with at least so many comments of the audience and known authors, well spread.

        Args:
            least: Comments of the audience.
            most: Posts; None for all.
            threaded: Only those in which somebody answers.
            clean: None of a group that is known to be low on authenticity, or full of spam.
        """
        unclean = [rule for rule in self.material.groups if rule.unclean]
        found = (
            post
            for post in self.material.posts
            if post.n_audience >= least
            and post.has_authors
            and (post.threaded or not threaded)
            and not (clean and any(rule.holds(post) for rule in unclean))
        )
        return list(islice(spread_out(found, seed=self.seed), most))

    def spread(self) -> list[Post]:
        """Return all posts, well spread over files and accounts."""
        return self.once("spread", lambda: spread_out(self.material.posts, seed=self.seed))

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return what `make` returned the first time this name was asked for."""
        if name not in self._made:
            self._made[name] = make()
        made: T = self._made[name]
        return made

    def facts(self, post: Post) -> Facts:
        """Return the facts of a whole post, made once: several experiments sample the same posts."""
        return self.once(f"facts {post.name}", lambda: self.bench.facts(post.comments))

    def trimmed(self, post: Post) -> editing.Comments:
        """Return a post's comments, at most as many as the scale allows, in whole threads."""
        comments, most = post.comments, self.scale.most_comments
        if len(comments) <= most:
            return comments
        thread = roots(comments.column("key").to_numpy(), editing.parents(comments))
        keys, at = np.unique(thread, return_inverse=True)
        order = self.random("trim", post.name).permutation(len(keys))
        n_first = int(np.searchsorted(np.cumsum(np.bincount(at)[order]), most)) + 1
        kept = np.zeros(len(keys), bool)
        kept[order[:n_first]] = True
        return editing.taken(comments, kept[at])
