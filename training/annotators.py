"""One comment from what several annotators said of it, where each has a row of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from plaudit.scores import FLAGS
from plaudit.text import normalize
from plaudit.training.exchange import Row

if TYPE_CHECKING:
    from plaudit.training.dataset import LabelledComment


def settled(
    comments: Sequence[LabelledComment], rows: Sequence[Row], people: Sequence[str]
) -> tuple[list[LabelledComment], list[Row]]:
    """Return one comment for the rows of several annotators, in the place of the first.

    The label is that of most, the first one's where they tie, and the comment is unsure then; a flag holds
    where more than half of those who gave flags say so. Every row beside it keeps what each said, as
    `labels`. What one annotator alone said stays as it is, twice over too.

    Args:
        comments: Of a file.
        rows: The record of each.
        people: Who labelled each; "" where nobody is named.
    """
    places: dict[tuple[str, str, str], list[int]] = {}
    for number, (comment, who) in enumerate(zip(comments, people, strict=True)):
        if who and comment.annotated:
            key = (normalize(comment.text), comment.post, comment.author)
            places.setdefault(key, []).append(number)
    several = {numbers[0]: numbers for numbers in places.values() if len({people[n] for n in numbers}) > 1}
    gone = {number for numbers in several.values() for number in numbers[1:]}
    kept = [number for number in range(len(comments)) if number not in gone]
    return (
        [_one([comments[n] for n in several[k]]) if k in several else comments[k] for k in kept],
        [rows[k] | _said([comments[n] for n in several[k]]) if k in several else rows[k] for k in kept],
    )


def _one(said: Sequence[LabelledComment]) -> LabelledComment:
    counts = Counter(each.label for each in said).most_common()
    tied = len(counts) > 1 and counts[0][1] == counts[1][1]
    given = [each.flags for each in said if each.flags is not None]
    flags = frozenset(flag for flag in FLAGS if 2 * sum(flag in each for each in given) > len(given))
    return replace(
        said[0],
        label=counts[0][0],
        flags=flags if given else None,
        unsure=tied or all(each.unsure for each in said),
    )


def _said(said: Sequence[LabelledComment]) -> Row:
    one = _one(said)
    return {
        "label": one.label,
        "flags": None if one.flags is None else [flag for flag in FLAGS if flag in one.flags],
        "unsure": one.unsure,
        "labels": [each.label for each in said],
    }
