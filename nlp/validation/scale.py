"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Posts and repetitions of each experiment.

    Attributes:
        name: What it is called.
        n_posts: Posts to inject into, to damage and to game.
        most_comments: Comments kept of each of them, in whole threads; keeps labelling affordable.
        n_halved: Posts to split in halves.
        n_big: Posts to sample small audiences from.
        n_samples: Samples of each size from each of them.
        n_splits: Ways to split each post in halves.
        mix_step: Distance between the class mixes of the prevalence protocol.
        n_mixes: Samples a class mix.
        n_pools: Resamples of the labelled comments, for the protocol's intervals.
        n_weights: Draws of the weights.
        n_members: Communities of each known group.
    """

    name: str
    n_posts: int
    most_comments: int
    n_halved: int
    n_big: int
    n_samples: int
    n_splits: int
    mix_step: float
    n_mixes: int
    n_pools: int
    n_weights: int
    n_members: int


SCALES: Final = {
    scale.name: scale
    for scale in (
        Scale(
            name="small",
            n_posts=32,
            most_comments=400,
            n_halved=60,
            n_big=12,
            n_samples=40,
            n_splits=2,
            mix_step=0.2,
            n_mixes=4,
            n_pools=20,
            n_weights=60,
            n_members=24,
        ),
        Scale(
            name="full",
            n_posts=150,
            most_comments=1500,
            n_halved=10_000,
            n_big=60,
            n_samples=80,
            n_splits=4,
            mix_step=0.1,
            n_mixes=5,
            n_pools=30,
            n_weights=200,
            n_members=120,
        ),
    )
}
"""From a few minutes on a laptop to everything that the sources hold."""
