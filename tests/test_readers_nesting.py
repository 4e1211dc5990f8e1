"""Comments below something that has a text of its own: a post's, a comment's, an API's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.readers import read_records

from .test_readers_formats import rows_of, write
from .test_readers_fuzz import ANYWHERE, SCALARS

INNER = [
    {"id": "c1", "message": "Which glaze is it?", "from": {"id": "7", "name": "Ann"}},
    {"id": "c2", "message": "Mine cracked"},
]
TREE = list[tuple[str, str | None, str | None]]


def tree(folder: Path, value: Any) -> tuple[TREE, list[str]]:
    """Id, parent and post of each comment, and the reasons why others are none."""
    rows, rejected = rows_of(write(folder, "a.json", json.dumps(value)))
    return [(row["id"], row["parent_id"], row["post_id"]) for row in rows], [why for why, _ in rejected]


BELOW_A_POST = [("c1", None, "p"), ("c2", None, "p")]
BELOW_A_COMMENT = [("p", None, None), ("c1", "p", None), ("c2", "p", None)]


@pytest.mark.parametrize(
    "post",
    [
        {"id": "p", "message": "Fresh from the kiln", "comments": {"data": INNER, "paging": {}}},
        {"id": "p", "message": "Fresh from the kiln", "parent_id": None, "comments": INNER},
        {"id": "p", "message": None, "comments": {"data": INNER}},
        {"id": "p", "caption": "Fresh from the kiln", "comments": {"data": INNER}},
        {"id": "p", "caption": "Fresh from the kiln", "text": "Fresh", "comments": INNER},
        {"id": "p", "title": "Glazes", "body": "On glazes.", "comments": INNER},
        {"id": "p", "message": "Fresh from the kiln", "data": {"comments": INNER}},
    ],
)
def test_the_text_of_a_post_is_no_comment(tmp_path: Path, post: Any) -> None:
    assert tree(tmp_path, post) == (BELOW_A_POST, [])
    assert tree(tmp_path, {"data": [post]}) == (BELOW_A_POST, [])


@pytest.mark.parametrize(
    "comment",
    [
        {"id": "p", "text": "Lovely", "comments": INNER},
        {"id": "p", "text": "Lovely", "comments": {"data": INNER}},
        {"id": "p", "text": "Lovely", "data": INNER},
        {"id": "p", "text": "Lovely", "data": {"comments": INNER}},
        {"id": "p", "text": "Lovely", "comments": 2, "items": INNER},
        {"id": "p", "text": "Lovely", "children": INNER},
        {"id": "p", "text": "Lovely", "comments": INNER[:1], "items": INNER[1:]},
        {"id": "p", "message": "Lovely", "like_count": 0, "comments": {"data": INNER}},
    ],
)
def test_comments_below_a_comment_are_its_replies(tmp_path: Path, comment: Any) -> None:
    assert tree(tmp_path, comment) == (BELOW_A_COMMENT, [])


def test_replies_among_the_comments_of_a_post_have_messages_too(tmp_path: Path) -> None:
    reply = {"id": "r", "message": "Celadon", "from": {"id": "8"}}
    asked = INNER[0] | {"comments": {"data": [reply]}}
    page = {"data": [{"id": "p", "message": "From the kiln", "comments": {"data": [asked, INNER[1]]}}]}
    expected = [("c1", None, "p"), ("r", "c1", "p"), ("c2", None, "p")]
    assert tree(tmp_path, page) == (expected, [])
    assert tree(tmp_path, {"id": "p", "comments": [asked, INNER[1]]}) == (expected, [])


def test_what_an_api_says_of_itself_is_no_comment(tmp_path: Path) -> None:
    for data in (INNER, {"comments": INNER}):
        found, why = tree(tmp_path, {"code": 0, "message": "success", "data": data})
        assert [id_ for id_, _, _ in found] == ["c1", "c2"]
        assert not why


@pytest.mark.parametrize(
    "beside",
    [
        *(
            {"data": {"likes": 3}},
            {"comments": {"count": 3, "can_post": 1}},
            {"comments": []},
            {"comments": 2},
        ),
        *(
            {"comments": {"data": [], "summary": {"total_count": 0}}},
            {"items": [{"type": "link"}], "rows": []},
        ),
        *({"data": {"id": "p", "text": "Lovely"}}, {"items": [{"type": "b", "text": "Lovely"}]}),
    ],
)
def test_more_about_a_comment_is_no_comment(tmp_path: Path, beside: Any) -> None:
    assert tree(tmp_path, {"id": "p", "text": "Lovely", **beside}) == (BELOW_A_COMMENT[:1], [])
    (found, why) = tree(tmp_path, [{"id": "p", "message": "Lovely", **beside}])
    assert (found, why) == (BELOW_A_COMMENT[:1], [])


def test_what_is_no_comment_among_them_is_told(tmp_path: Path) -> None:
    found, why = tree(tmp_path, {"id": "p", "text": "Lovely", "comments": [*INNER, 3, None, {"id": "c3"}]})
    assert found == BELOW_A_COMMENT
    assert sorted(why) == ["missing_text", "not_a_record", "not_a_record"]
    found, why = tree(tmp_path, {"id": "p", "text": "Lovely", "comments": {"c1": INNER[0]}})
    assert (found, why) == (BELOW_A_COMMENT[:1], ["missing_text"])
    rows, _ = rows_of(write(tmp_path, "a.json", {"id": "p", "message": "New", "comments": ["Nice one"]}))
    assert [(row["text"], row["post_id"]) for row in rows] == [("Nice one", "p")]


def test_replies_that_are_no_objects_are_told(tmp_path: Path) -> None:
    for name in ("replies", "answers", "children", "reply_comment"):
        comment = {"id": "p", "text": "Lovely", name: ["nice", None, INNER[0], 7, [INNER[1]]]}
        assert tree(tmp_path, comment) == (BELOW_A_COMMENT, ["not_a_record"] * 3)
    for count in (3, "", None, "3", 0, False, "3 replies"):
        assert tree(tmp_path, {"id": "p", "text": "Lovely", "replies": count}) == (BELOW_A_COMMENT[:1], [])
    table = pa.table({"id": ["p"], "text": ["Lovely"], "replies": [[{"id": "c1", "text": "Yes"}, None]]})
    pq.write_table(table, tmp_path / "a.parquet")
    rows, rejected = rows_of(tmp_path / "a.parquet")
    assert [(row["id"], row["parent_id"]) for row in rows] == [("p", None), ("c1", "p")]
    assert [why for why, _ in rejected] == ["not_a_record"]


@ANYWHERE
@given(
    text=st.sampled_from(["text", "message", "caption", "body"]),
    page=st.sampled_from(["comments", "data", "items", "replies", "answers", "rows"]),
    wraps=st.lists(st.sampled_from(["data", "items", "comments"]), max_size=2),
    more=st.lists(SCALARS, max_size=4),
    depth=st.integers(1, 3),
)
def test_no_comment_vanishes_wherever_it_lies(
    text: str, page: str, wraps: list[str], more: list[Any], depth: int
) -> None:
    value: Any = {"id": "end", "text": "The end", "author": "x"}
    for level in range(depth):
        inner: Any = [value, *more] if level == 0 else [value]
        for wrap in wraps:
            inner = {wrap: inner}
        value = {"id": str(level), text: f"No. {level}", page: inner}
    batches = list(read_records([value]))
    ids = [id_ for batch in batches for id_ in batch.comments["id"].to_pylist()]
    assert "end" in ids
    assert len(ids) + sum(len(batch.rejections) for batch in batches) >= 1 + len(more)
