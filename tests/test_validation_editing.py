from __future__ import annotations

import numpy as np
import pytest

from plaudit.comment import COMMENT_SCHEMA
from plaudit.validation import editing
from plaudit.validation.injection import inject
from tests.communities import batch_of

ROWS = [
    {"id": "1", "text": "one", "author": "a", "post_id": "p", "creator_id": "c", "created_at": 5},
    {"id": "2", "text": "two", "author": "b", "post_id": "p", "creator_id": "c", "parent_id": "1"},
    {"id": "3", "text": "three", "author": "c", "post_id": "p", "creator_id": "c", "is_creator": True},
]
COMMENTS = batch_of(ROWS)


def test_columns_can_be_left_out() -> None:
    bare = editing.without(COMMENTS, [*editing.WHO, *editing.WHEN, *editing.WHERE])
    assert bare.schema == COMMENT_SCHEMA
    for name in ("author", "handle", "created_at", "time_precision", "parent_id"):
        assert bare.column(name).null_count == 3
    assert bare.column("text") == COMMENTS.column("text")
    nobody = editing.without_creator(COMMENTS)
    assert not any(nobody.column("is_creator").to_pylist())
    assert nobody.column("creator_id").null_count == 3


def test_texts_change_in_place_under_new_names() -> None:
    changed = editing.rewritten(COMMENTS, np.array([1]), ["nice"], accounts=["bot"])
    assert changed.column("text").to_pylist() == ["one", "nice", "three"]
    assert changed.column("key") == COMMENTS.column("key")
    assert changed.column("parent_id") == COMMENTS.column("parent_id")
    assert changed.column("author")[1] != COMMENTS.column("author")[1]
    kept = editing.rewritten(COMMENTS, np.array([1]), ["nice"])
    assert kept.column("author") == COMMENTS.column("author")


def test_new_comments_have_keys_and_authors_of_their_own() -> None:
    more = editing.appended(
        COMMENTS, [{"id": "4", "text": "four", "account": "d"}, {"id": "5", "text": "five", "parent_id": "1"}]
    )
    assert len(more) == 5
    assert len(set(more.column("key").to_pylist())) == 5
    assert more.column("post_id").to_pylist() == ["p"] * 5
    assert more.column("parent_id").to_pylist() == [None, "1", None, None, "1"]
    assert more.column("is_creator").to_pylist() == [False, False, True, False, False]
    assert len(set(more.column("author").to_pylist()[:4])) == 4


def test_parents_are_the_keys_they_name() -> None:
    parents = editing.parents(COMMENTS)
    assert parents[0] == 0
    assert parents[1] == COMMENTS.column("key")[0].as_py()


def test_the_same_comment_drawn_twice_is_two_comments() -> None:
    twice = editing.as_new(editing.taken(COMMENTS, np.array([0, 0, 1])), prefix="x")
    assert len(set(twice.column("key").to_pylist())) == 3
    assert twice.column("author").null_count == 3


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_injection_replaces_its_share_of_the_audience_and_never_the_creator(share: float) -> None:
    rows = [{"id": str(i), "text": f"t{i}", "author": f"a{i}", "is_creator": i % 5 == 0} for i in range(50)]
    comments = batch_of(rows)
    found = inject(comments, share, lambda n, _: ["bot"] * n, np.random.RandomState(1))
    hit = np.array([text == "bot" for text in found.column("text").to_pylist()])
    assert hit.sum() == round(share * 40)
    assert not (hit & np.array(found.column("is_creator").to_pylist())).any()
    assert len(set(np.array(found.column("author").to_pylist())[hit].tolist())) == hit.sum()


def test_a_larger_dose_replaces_the_same_comments_and_more() -> None:
    comments = batch_of([{"id": str(i), "text": f"t{i}", "author": f"a{i}"} for i in range(40)])
    few, many = (
        inject(comments, share, lambda n, _: ["bot"] * n, np.random.RandomState(1)).column("text").to_pylist()
        for share in (0.2, 0.6)
    )
    assert {i for i, text in enumerate(few) if text == "bot"} < {i for i, t in enumerate(many) if t == "bot"}
