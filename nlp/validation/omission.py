"""Is anything gained by leaving things out? Bad dumps with columns taken away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from plaudit.report.claims import Claim, Row, Target
from plaudit.report.envelope import Finding
from plaudit.validation import editing
from plaudit.validation.bench import NUMBERS
from plaudit.validation.editing import WHEN, WHERE, WHO, Comments
from plaudit.validation.injection import bot_texts, inject
from plaudit.validation.statistics import Figure, mean_of
from plaudit.validation.study import Study

LEAST: Final = 50
MOST_RISE: Final = 1.0
BAD_SHARE: Final = 0.4

Change = Callable[[Comments], Comments]


def _without_replies(comments: Comments) -> Comments:
    top = comments.column("parent_id").is_null().to_numpy(zero_copy_only=False)
    return editing.taken(comments, top) if top.any() else comments


def _without_the_creator(comments: Comments) -> Comments:
    return editing.taken(comments, editing.audience(comments))


def _without_times_of_half(comments: Comments) -> Comments:
    return editing.without_some(comments, WHEN, editing.audience(comments)[::2])


def _without_authors_of_half_the_replies(comments: Comments) -> Comments:
    replies = np.flatnonzero(comments.column("parent_id").is_valid().to_numpy(zero_copy_only=False))
    return editing.without_some(comments, WHO, np.intersect1d(replies, editing.audience(comments))[::2])


OMISSIONS: Final[Mapping[str, Change]] = {
    "authors": lambda comments: editing.without(comments, WHO),
    "times": lambda comments: editing.without(comments, WHEN),
    "parents": lambda comments: editing.without(comments, WHERE),
    "who the creator is": editing.without_creator,
    "the creator's comments": _without_the_creator,
    "reply counts": lambda comments: editing.without(comments, ["total_reply_count"]),
    "the times of half the comments": _without_times_of_half,
    "the authors of half the replies": _without_authors_of_half_the_replies,
    "authors and parents": lambda comments: editing.without(comments, [*WHO, *WHERE]),
    "authors, times, parents": lambda comments: editing.without(comments, [*WHO, *WHEN, *WHERE]),
}


def leaving_out(study: Study) -> Claim:
    """See whether a bad dump gains by leaving columns or comments out."""
    method = (
        f"Posts with {BAD_SHARE:.0%} of their comments replaced by bots', and the same posts as they are: "
        "the rise of authenticity, depth and index when something is left out. The largest rise over all "
        "posts and numbers; the interval holds 90 % of the posts."
    )
    claim = Claim(name="omission", title="Nothing is gained by leaving things out", method=method)
    dumps = _dumps(study)
    if not dumps:
        return replace(claim, lacking=f"It needs posts of {LEAST} comments.")
    rises: dict[str, list[dict[str, float]]] = {name: [] for name in (*OMISSIONS, "replies")}
    n_given = dict.fromkeys(rises, 0)
    for comments in study.watched("Leaving things out", dumps):
        before = study.bench.of(comments)
        for name, change in {**OMISSIONS, "replies": _without_replies}.items():
            changed = change(comments)
            if len(changed):
                after = study.bench.of(changed)
                rises[name].append(rises_of(before, after))
                n_given[name] += gives_what_was_withheld(before, after)
    rows = [worst_row(f"without {name}", rises[name], note=_given(n_given[name])) for name in OMISSIONS]
    thinned = [max(each.values()) for each in rises["replies"] if each]
    rows.append(
        mean_of(thinned).row(
            "without replies: mean rise of the number that rises most",
            unit="points",
            n=len(thinned),
            of="dumps",
            note="Other comments are other numbers, so single rises are chance; no target of its own.",
        )
    )
    return replace(claim, rows=tuple(rows))


def _dumps(study: Study) -> list[Comments]:
    texts = bot_texts(study)
    dumps = []
    for post in study.posts(least=LEAST, most=study.scale.n_posts):
        comments = study.trimmed(post)
        dumps.append(comments)
        if texts is not None:
            dumps.append(inject(comments, BAD_SHARE, texts, study.random("bad dump", post.name)))
    return dumps


def rises_of(before: Finding, after: Finding) -> dict[str, float]:
    """Return by how many points each number rose that is there before and after."""
    return {
        name: new.value - old.value
        for name, number in NUMBERS.items()
        if (old := number(before)) is not None and (new := number(after)) is not None
    }


def gives_what_was_withheld(before: Finding, after: Finding) -> bool:
    """Tell whether any number is there that was not there before."""
    return any(number(before) is None and number(after) is not None for number in NUMBERS.values())


def _given(n: int) -> str:
    dumps = "1 dump gets" if n == 1 else f"{n} dumps get"
    return f"{dumps} a number that was withheld before." if n else ""


def worst_row(name: str, rises: Sequence[Mapping[str, float]], *, note: str = "") -> Row:
    """Return the largest rise of any number under any post, against at most `MOST_RISE` points."""
    largest = [max(each.items(), key=lambda item: item[1]) for each in rises if each]
    n_silent = len(rises) - len(largest)
    if not largest:
        told = f"{note} All abstain before or after." if note else "All abstain."
        return Row(name=name, value=None, unit="points", target=Target(most=MOST_RISE), note=told)
    values = np.array([value for _, value in largest])
    low, high = np.percentile(values, (5, 95))
    n_over = int((values > MOST_RISE).sum())
    which = largest[int(values.argmax())][0]
    told = f"{n_over} of {len(values)} rise by more than {MOST_RISE:.0f}; mean {values.mean():+.1f}."
    figure = Figure(float(values.max()), float(low), float(high))
    return figure.row(
        f"{name}: largest rise",
        unit="points",
        target=Target(most=MOST_RISE),
        n=len(values),
        of="dumps",
        note=" ".join(
            each
            for each in (
                note,
                told,
                f"The largest is of {which}.",
                f"{n_silent} abstain." if n_silent else "",
            )
            if each
        ),
    )
