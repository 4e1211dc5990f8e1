"""Can the numbers be had cheaply? Padding, canned thanks, one fan who asks and asks or answers everybody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

import numpy as np

from plaudit.report.claims import Claim, Row, Target
from plaudit.validation import editing
from plaudit.validation.editing import Comments, Rows
from plaudit.validation.injection import bot_texts, inject
from plaudit.validation.material import Post
from plaudit.validation.omission import MOST_RISE, rises_of, worst_row
from plaudit.validation.statistics import mean_of
from plaudit.validation.study import Study

LEAST: Final = 50
N_THANKS: Final = 100
N_ASKED: Final = 50
BOT_SHARE: Final = 0.2

_FILLERS: Final = (
    "to be honest",
    "you know what I mean",
    "I just wanted to say that",
    "at the end of the day",
    "and all that kind of thing",
    "as I was saying",
    "I mean it, I really do",
    "for what it is worth",
    "when all is said and done",
    "anyway, that is all from me",
    "and so on and so forth",
    "if you see what I mean",
    "so yeah, there it is",
    "as far as I am concerned",
    "just saying",
    "that is what I think about it",
)
_THANKS: Final = ("thanks!", "Thanks!!", "thanks :)", "thank you!", "Thanks ❤️")
_ANSWERS: Final = ("so true", "🔥", "lol")
_QUESTION: Final = "which one do you use for this and where did you get it?"

Trick = Callable[[Study, Post, Comments], Comments]


def wrapped(texts: Sequence[str], random: np.random.RandomState) -> list[str]:
    """Return each text between three pieces of filler, which say nothing."""
    longer = []
    for text in texts:
        before, after, last = random.choice(len(_FILLERS), 3, replace=False)
        longer.append(f"{_FILLERS[before]} {text} {_FILLERS[after]}, {_FILLERS[last]}")
    return longer


def _padded(comments: Comments, rows: Rows, random: np.random.RandomState) -> Comments:
    texts = editing.taken(comments, rows).column("text").to_pylist()
    return editing.rewritten(comments, rows, wrapped(texts, random))


def _all_padded(study: Study, post: Post, comments: Comments) -> Comments:
    return _padded(comments, editing.audience(comments), study.random("padding", post.name))


def _bots_padded(study: Study, post: Post, comments: Comments) -> Comments:
    random = study.random("bots to pad", post.name)
    rows = random.permutation(editing.audience(comments))
    rows = np.sort(rows[: round(BOT_SHARE * len(rows))])
    return _padded(comments, rows, study.random("padding bots", post.name))


def _at_top(comments: Comments) -> list[str]:
    columns = (comments.column(name).to_pylist() for name in ("id", "parent_id", "is_creator"))
    return [
        id_ for id_, parent, by_creator in zip(*columns, strict=True) if parent is None and not by_creator
    ]


def _thanking(_study: Study, post: Post, comments: Comments) -> Comments:
    top = _at_top(comments)
    creator = next((row["author"] for row in comments.to_pylist() if row["is_creator"]), None)
    thanks = [
        {
            "id": f"thanks {i}",
            "text": _THANKS[i % len(_THANKS)],
            "parent_id": top[i % len(top)],
            "is_creator": True,
            "account": f"creator of {post.name}",
            **({} if creator is None else {"author": creator}),
        }
        for i in range(N_THANKS if top else 0)
    ]
    return editing.appended(comments, thanks) if thanks else comments


def _answering(_study: Study, _post: Post, comments: Comments) -> Comments:
    answers = (
        {"id": f"answer {i}", "text": _ANSWERS[i % len(_ANSWERS)], "parent_id": id_, "account": "one fan"}
        for i, id_ in enumerate(_at_top(comments))
    )
    return editing.appended(comments, list(answers))


def _asking(_study: Study, _post: Post, comments: Comments) -> Comments:
    asked = ({"id": f"asked {i}", "text": _QUESTION, "account": "one fan"} for i in range(N_ASKED))
    return editing.appended(comments, list(asked))


TRICKS: Final[Mapping[str, tuple[Trick, bool]]] = {
    "every comment padded with filler": (_all_padded, False),
    f"the creator posts {N_THANKS} times thanks": (_thanking, True),
    f"one fan asks one question {N_ASKED} times": (_asking, False),
    "one fan answers every comment in a word or two": (_answering, False),
}
"""What is tried, and whether it needs threads."""


def gaming(study: Study) -> Claim:
    """See whether a cheap trick raises any number."""
    method = (
        "Posts as they are, before and after a trick: every comment of the audience wrapped in filler (and "
        f"the same for the {BOT_SHARE:.0%} that bots wrote alone); the creator answers {N_THANKS} times "
        f"with thanks; one fan asks the same question {N_ASKED} times, or answers every comment in one of "
        f"{len(_ANSWERS)} words. The largest rise of any number under "
        "any post, and the mean; the first interval holds 90 % of the posts."
    )
    claim = Claim(name="gaming", title="The numbers can't be had cheaply", method=method)
    rows: list[Row] = []
    for name, (trick, threaded) in TRICKS.items():
        rows += _rows(study, name, trick, threaded=threaded)
    if (texts := bot_texts(study)) is not None:

        def bots(study: Study, post: Post, comments: Comments) -> Comments:
            return inject(comments, BOT_SHARE, texts, study.random("bots to pad", post.name))

        rows += _rows(study, "bots' comments padded with filler", _bots_padded, before=bots)
    lacking = "" if any(row.value is not None for row in rows) else f"It needs posts of {LEAST} comments."
    return replace(claim, rows=tuple(rows), lacking=lacking)


def _rows(
    study: Study, name: str, trick: Trick, *, before: Trick | None = None, threaded: bool = False
) -> list[Row]:
    posts = study.posts(least=LEAST, threaded=threaded)
    if threaded:
        posts = [post for post in posts if post.comments.column("creator_id")[0].as_py()]
    rises = []
    for post in study.watched(f"Trying: {name}", list(islice(posts, study.scale.n_posts))):
        comments = study.trimmed(post)
        start = before(study, post, comments) if before else comments
        rises.append(rises_of(study.bench.of(start), study.bench.of(trick(study, post, start))))
    largest = [max(each.values()) for each in rises if each]
    mean = mean_of(largest).row(
        f"{name}: mean rise of the number that rises most",
        unit="points",
        target=Target(most=MOST_RISE),
        n=len(largest),
    )
    return [mean, worst_row(name, rises)]
