from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.errors import TrainingDataError
from plaudit.scores import LABELS
from plaudit.training import dataset, duplicates, splitting
from plaudit.training.dataset import LabelledComment
from plaudit.training.splitting import Split
from tests.tiny import EXAMPLE

LONG = "the second firing cracked mine as well, so I let the kiln cool for two whole days now"
TIES = ("post", "author", "group")


def row(text: str, **more: object) -> LabelledComment:
    return LabelledComment(text=text, label="genuine", **more)  # type: ignore[arg-type]


def parts(comments: Sequence[LabelledComment], found: Split) -> tuple[list[LabelledComment], ...]:
    return tuple([comments[i] for i in part] for part in (found.rest, found.chosen, found.left_out))


some = st.lists(
    st.builds(
        LabelledComment,
        text=st.sampled_from(["great!", "GREAT", "what glue?", "🔥🔥", "mine cracked", LONG, f"{LONG} ok"]),
        label=st.sampled_from(LABELS),
        group=st.sampled_from(["", "", "", "group"]),
        post=st.sampled_from(["", "", "post 1", "post 2", "post 3"]),
        author=st.sampled_from(["", "", "[deleted]", "ann", "ben", "carl"]),
    ),
    max_size=40,
)


@given(some, st.floats(0.0, 0.9), st.integers(0, 5))
def test_nothing_is_on_both_sides(comments: list[LabelledComment], share: float, seed: int) -> None:
    found = splitting.split(comments, share=share, seed=seed)
    assert sorted([*found.rest, *found.chosen, *found.left_out]) == list(range(len(comments)))
    rest, chosen, _ = parts(comments, found)
    for name in TIES:
        sides = [{getattr(c, name) for c in side} - {"", "[deleted]"} for side in (rest, chosen)]
        assert not sides[0] & sides[1]
    assert not {dataset.letters(c) for c in rest} & {dataset.letters(c) for c in chosen}
    assert not {LONG in c.text for c in rest} & {LONG in c.text for c in chosen} & {True}
    assert len(chosen) >= round(share * len(comments))


def test_a_split_depends_on_the_seed_alone() -> None:
    comments = [row(f"number {'abcdefgh'[i % 8]}{i}" * 2) for i in range(8)]

    def chosen(rows: list[LabelledComment], seed: int) -> set[str]:
        return {rows[i].text for i in splitting.split(rows, share=0.4, seed=seed).chosen}

    assert chosen(comments, 1) == chosen(comments[::-1], 1)
    assert any(chosen(comments, seed) != chosen(comments, 1) for seed in range(2, 6))


def test_authors_under_many_posts_do_not_make_one_knot() -> None:
    comments = [
        row(f"{'abcdefghij'[i % 10]}{'klmnopqrst'[i // 10]}", post=f"p{i % 10}", author=f"a{i // 10}")
        for i in range(100)
    ]  # every author writes under every post
    found = splitting.split(comments, share=0.2, seed=0)
    assert len(found.chosen) == 20
    assert len({comments[i].post for i in found.chosen}) == 2
    assert len(found.left_out) == 80  # each author of the rest is in the chosen part too
    assert found.rest == []


def test_by_time_the_latest_are_chosen_and_earlier_ones_of_their_posts_left_out() -> None:
    texts = ["kiln", "glaze", "wheel", "clay", "slip"]
    comments = [row(text, created_at=float(i), post=f"p{i}") for i, text in enumerate(texts)]
    comments.append(row("foot", created_at=0.0, post="p4"))
    found = splitting.split_by_time(comments, share=0.3)
    assert (found.chosen, found.left_out, found.rest) == ([3, 4], [5], [0, 1, 2])
    with pytest.raises(TrainingDataError, match=r"1 of 2 rows have no created_at \(mine\.csv:7 first\)"):
        splitting.split_by_time([row("x", created_at=1.0), row("y", where="mine.csv:7")], share=0.5)


def test_leaks_are_told_by_their_closest_tie() -> None:
    frozen = [row("SO GOOD 🔥", post="p1", author="ann"), row(LONG), row("🔥")]
    train = [
        row("So goood!!", author="ann"),
        row(f"{LONG} too"),
        row("other", post="p1", author="ann"),
        row("more", author="ann"),
        row("free"),
        row("🔥"),
    ]
    assert splitting.leaks(train, frozen) == {
        "text": [0, 5],
        "near_duplicate": [1],
        "group": [],
        "post": [2],
        "author": [3],
    }
    assert [c.text for c in splitting.without_leaks(train, frozen)] == ["free"]
    assert splitting.without_leaks(train, []) == train


def test_near_duplicates_are_found_and_different_texts_are_not() -> None:
    texts = [LONG, "nice", LONG.replace(" now", "!"), f"🔥 {LONG.upper()}!!", "nice one", LONG[:40]]
    assert duplicates.clusters(texts).tolist() == [0, 1, 0, 0, 4, 5]
    assert duplicates.clusters([]).tolist() == []


def test_a_pasted_text_with_another_name_each_time_is_one_cluster() -> None:
    names = ["anna", "bernd", "carla", "dieter", "emil", "frieda", "gustav", "hanna", "ida", "jan"] * 20
    texts = [f"dear {name}, {LONG}; yes, write to my manager on the app about it" for name in names]
    assert set(duplicates.clusters(texts).tolist()) == {0}


def test_comments_of_the_example_are_no_copies_of_each_other() -> None:
    texts = [json.loads(line)["text"] for line in EXAMPLE.read_text().splitlines()]
    found = duplicates.clusters(texts)
    exact = len({duplicates.letters_of(text) for text in texts})
    assert len(set(found.tolist())) >= exact - 2


@given(st.lists(st.text(max_size=80), max_size=12))
def test_any_texts_can_be_clustered(texts: list[str]) -> None:
    found = duplicates.clusters(texts)
    assert all(first <= row and found[first] == first for row, first in enumerate(found))
