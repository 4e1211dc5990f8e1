"""Communities that never were, drawn from a known truth, to try the experiments on.

Each post has shares of its labels, a chance that a comment answers another, and a chance that the creator
answers. Authors write about as many comments as the truth says, some come back under the creator's other
posts, comments thin out with time. Texts are put together from parts, so that labels can be read off them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from plaudit.readers import read_records
from plaudit.scores import LABELS
from plaudit.validation.material import BotText, GroupRule, Labelled, Material, Post, posts_of
from plaudit.validation.statistics import stream

_THINGS: Final = (
    "glaze", "kiln", "handle", "lid", "clay", "brush", "spout", "rim", "sponge", "wheel", "wire", "bucket",
    "shelf", "lamp", "apron", "tile", "slip", "oxide", "blade", "cup", "teapot", "window", "table",
    "neighbour", "teacher", "cousin", "winter", "evening", "market", "garden", "engine", "ladder", "letter",
    "river", "pocket", "mirror", "ticket", "station", "blanket", "pepper", "orchard", "hammer", "curtain",
    "basement", "village", "violin",
)  # fmt: skip
_DOES: Final = (
    "cracked", "slipped off", "ruined", "saved", "copied", "weighed", "measured", "polished", "forgot",
    "repaired", "burned", "borrowed", "replaced", "sanded", "carried", "dropped", "sketched", "emptied",
    "painted", "swapped", "heated", "soaked", "stacked", "traded", "tested", "returned", "cleaned",
    "balanced", "mixed", "buried",
)  # fmt: skip
_LIKE: Final = (
    "thin", "crooked", "heavy", "yellow", "dusty", "narrow", "brittle", "second", "borrowed", "cheap",
    "ancient", "rusty", "smooth", "hollow", "wet", "early", "purple", "noisy", "plain", "unfired", "spare",
    "broken", "tall",
)  # fmt: skip
_FRAMES: Final = (
    "the {like} {thing} {does} the {other} before the {third} was {also}",
    "after the {third} someone {does} the {thing}, which left the {other} {like}",
    "with a {like} {thing} nobody {does} the {other} again, said the {third}",
    "at {at} the {thing} {does} every {like} {other} under the {third}",
    "that {third} from the {like} {other} only {does} half of the {thing}",
    "honestly the {thing} looked {like} until the {other} {does} the {third}",
    "our {other} {does} a {thing} like this, but {like} and {also}, near the {third}",
    "so the {like} {third} and the {also} {other} {does} one more {thing}",
)
_PRAISE: Final = (
    "great video", "love this", "so cool", "amazing work", "nice one", "wow", "great job", "love it",
    "so nice", "amazing as always", "great content", "cool stuff",
)  # fmt: skip
_MARKS: Final = ("", "!", "!!", " 🔥", " ❤️", " 👏👏", "...", " 😍")
_ASKS: Final = (
    "which {thing} is right for a {like} {other}?",
    "how long does the {like} {thing} rest before the {other}?",
    "where did you find that {thing}, by the {third}?",
    "does the {thing} fit a {like} {other} or only the {third}?",
    "why was the {thing} {like} once the {other} {does} it?",
    "can a {like} {thing} be mended with the {third}?",
)
_PROMOTION: Final = (
    "follow me for daily tips",
    "follow me and win",
    "great deals, follow me",
    "follow me back",
)
_DAY_MS: Final = 86_400_000
_START_MS: Final = 1_700_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What a simulated post is like.

    Attributes:
        shares: Of genuine, generic and asking comments; they sum to 1.
        reply_chance: That a comment answers an earlier one.
        answer_chance: That the creator answers a comment at top level.
        comments_an_author: Mean number, at least 1.
        return_share: Of authors who wrote under an earlier post of the creator.
    """

    shares: tuple[float, float, float]
    reply_chance: float
    answer_chance: float
    comments_an_author: float = 1.3
    return_share: float = 0.2

    @classmethod
    def drawn(cls, random: np.random.RandomState) -> Truth:
        """Draw what a post is like, as posts differ."""
        genuine, generic, question = random.dirichlet((9.0, 6.0, 3.0))
        return cls(
            shares=(float(genuine), float(generic), float(question)),
            reply_chance=float(random.beta(2, 4)),
            answer_chance=float(random.beta(1, 4)),
        )


def text_of(label: int, random: np.random.RandomState) -> str:
    """Write a comment of a label (a position in `LABELS`)."""
    if LABELS[label] == "generic_praise":
        return _one(_PRAISE, random) + _one(_MARKS, random)
    thing, other, third = (_THINGS[i] for i in random.choice(len(_THINGS), 3, replace=False))
    like, also = (_LIKE[i] for i in random.choice(len(_LIKE), 2, replace=False))
    frames = _ASKS if LABELS[label] == "question" else _FRAMES
    at = f"{random.randint(0, 20)}:{random.randint(0, 60):02d}"
    does = _one(_DOES, random)
    return _one(frames, random).format(
        thing=thing, other=other, third=third, like=like, also=also, does=does, at=at
    )


def _one(choices: Sequence[str], random: np.random.RandomState) -> str:
    return choices[random.randint(len(choices))]


def records_of(
    truth: Truth, *, post: str, creator: str, n_comments: int, random: np.random.RandomState
) -> Iterator[dict[str, Any]]:
    """Yield the comments of one post as records with generic columns, the creator's answers among them."""
    n_authors = max(round(n_comments / truth.comments_an_author), 1)
    fans = random.random_sample(n_authors) < truth.return_share
    names = [
        f"fan {random.randint(200)} of {creator}" if fan else f"{post} {i}" for i, fan in enumerate(fans)
    ]
    shared = {"post_id": post, "creator_id": creator, "platform": "other"}
    top: list[str] = []
    ages = np.sort(random.exponential(3.0, n_comments)) * _DAY_MS
    for i, age in enumerate(ages.astype(np.int64).tolist()):
        answers = bool(top) and random.random_sample() < truth.reply_chance
        record = {
            **shared,
            "id": f"{post} {i}",
            "text": text_of(int(random.choice(len(LABELS), p=truth.shares)), random),
            "author": names[random.randint(n_authors)],
            "created_at": (_START_MS + age) / 1000,
            "parent_id": _one(top[-30:], random) if answers else None,
        }
        yield record
        if not answers:
            top.append(record["id"])
            if random.random_sample() < truth.answer_chance:
                yield {
                    **record,
                    "id": f"{record['id']} answer",
                    "text": text_of(0, random),
                    "author": creator,
                    "created_at": (_START_MS + age) / 1000 + 3600,
                    "parent_id": record["id"],
                }


def simulated_posts(truths: Mapping[str, Truth], *, sizes: Sequence[int], seed: int) -> list[Post]:
    """Return a post of each truth; posts whose names differ after their first dash alone share a creator."""
    batches = []
    for (name, truth), size in zip(truths.items(), sizes, strict=True):
        random = stream(seed, "simulated", name)
        records = records_of(truth, post=name, creator=name.partition("-")[0], n_comments=size, random=random)
        batches += [batch.comments for batch in read_records(records)]
    return list(posts_of(pa.Table.from_batches(batches), file="simulated"))


def simulated(*, n_posts: int, n_big: int, seed: int, size: int = 150, big: int = 2400) -> Material:
    """Return material for every experiment: posts, bots, labelled comments and groups known to differ.

    Args:
        n_posts: Ordinary posts.
        n_big: Posts to sample small audiences from.
        seed: Of everything.
        size: Mean comments of an ordinary post.
        big: Comments of a big one.
    """
    random = stream(seed, "truths")
    truths = {f"maker{i // 2}-{i}": Truth.drawn(random) for i in range(n_posts + n_big)}
    sizes = [int(size * random.uniform(0.7, 1.3)) for _ in range(n_posts)] + [big] * n_big
    for i in range(4):
        truths[f"talkative{i}-0"] = Truth(shares=(0.7, 0.1, 0.2), reply_chance=0.6, answer_chance=0.5)
        truths[f"silent{i}-0"] = Truth(shares=(0.3, 0.65, 0.05), reply_chance=0.03, answer_chance=0.0)
    labels = random.randint(0, len(LABELS), 240)
    bots = [BotText(text=text + mark, family=text) for text in (*_PRAISE, *_PROMOTION) for mark in _MARKS[:3]]
    questions = [BotText(text=text_of(2, random), kind="question", family="ask") for _ in range(6)]
    return Material(
        posts=tuple(simulated_posts(truths, sizes=[*sizes, *[size] * 8], seed=seed)),
        bots=(*bots, *questions),
        labelled=tuple(Labelled(text=text_of(int(label), random), label=int(label)) for label in labels),
        groups=(
            GroupRule(name="talkative", index="community depth", side="high", post="talkative"),
            GroupRule(name="silent", index="community depth", side="low", post="silent"),
            GroupRule(name="particular", index="authenticity", side="high", post="talkative"),
            GroupRule(name="applauding", index="authenticity", side="low", post="silent"),
        ),
    )
