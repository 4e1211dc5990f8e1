from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from plaudit.comment import COMMENT_SCHEMA
from plaudit.errors import InputError, UsageError
from plaudit.validation import groups_of, shipped_groups
from plaudit.validation.material import (
    BotText,
    GroupRule,
    Post,
    bot_texts_of,
    labelled_of,
    posts_of,
    spread,
)
from tests.communities import batch_of


def post(name: str, texts: list[str], **columns: Any) -> Post:
    rows = [{"text": text, "author": f"a{i}", "post_id": name, **columns} for i, text in enumerate(texts)]
    return Post.of(batch_of(rows), name=f"file/{name}", file="file")


def test_a_table_falls_into_its_posts() -> None:
    rows = [
        {"id": "1", "text": "x", "author": "a", "post_id": "two"},
        {"id": "2", "text": "y", "post_id": "one", "creator_id": "c", "is_creator": True},
        {"id": "3", "text": "z", "parent_id": "1", "post_id": "two"},
        {"id": "4", "text": "w"},
    ]
    found = {each.name: each for each in posts_of(pa.Table.from_batches([batch_of(rows)]), file="dump")}
    assert list(found) == ["dump/file.csv", "dump/one", "dump/two"]
    assert (found["dump/two"].threaded, found["dump/two"].n_audience) == (True, 2)
    assert (found["dump/one"].threaded, found["dump/one"].n_audience) == (False, 0)
    assert found["dump/one"].account == "dump/c"
    assert found["dump/file.csv"].account == "dump"
    assert not found["dump/two"].has_authors
    assert sum(len(each.comments) for each in found.values()) == len(rows)


def test_any_first_posts_are_spread_over_files_and_accounts() -> None:
    comments = batch_of([{"text": "x"}])
    posts = [
        Post(
            name=f"{file}/{account}{i}",
            file=file,
            account=account,
            comments=comments,
            n_audience=1,
            threaded=False,
            has_authors=True,
        )
        for file, accounts in {"big": "pqrs", "small": "t"}.items()
        for account in accounts
        for i in range(5)
    ]
    found = spread(posts, seed=4)
    assert sorted(each.name for each in found) == sorted(each.name for each in posts)
    assert {each.file for each in found[:2]} == {"big", "small"}
    assert {each.account for each in found[:8] if each.file == "big"} == set("pqrs")
    assert spread(posts[::-1], seed=4) == found
    assert spread(posts, seed=5) != found


def test_bot_lists_leave_out_what_is_tied_to_a_topic_or_unread() -> None:
    records = [
        {"text": "nice", "kind": "praise", "family": "f", "language": "en"},
        {"text": "Buongiorno", "language": "it"},
        {"text": "great biryani", "specific": True},
        {"text": "🔥", "kind": "emoji", "language": "und"},
        {"text": "plain"},
        {"text": "so nice", "expanded": True},
    ]
    assert bot_texts_of(records, languages=("en",)) == [
        BotText(text="nice", kind="praise", family="f"),
        BotText(text="🔥", kind="emoji", family=""),
        BotText(text="plain"),
        BotText(text="so nice", made=True),
    ]
    with pytest.raises(InputError, match="Line 1 of the bot list has no text"):
        bot_texts_of([{"comment": "x"}], languages=())


def test_labelled_comments_need_a_known_label() -> None:
    (found,) = labelled_of([{"text": "why?", "label": "question"}])
    assert found.label == 2
    with pytest.raises(InputError, match="found the label 'spam'"):
        labelled_of([{"text": "x", "label": "spam"}])


def test_groups_go_by_file_post_and_words() -> None:
    given = post("blog_1", ["SUB4SUB anyone", "about the lid", "sub for sub", "the rim"])
    rule = GroupRule(name="g", index="authenticity", side="low")
    assert rule.holds(given)
    assert not GroupRule(name="g", index="authenticity", side="low", file="other").holds(given)
    assert not GroupRule(name="g", index="authenticity", side="low", post="news_").holds(given)
    words = r"sub\s?(4|for)\s?sub"
    assert GroupRule(name="g", index="authenticity", side="low", words=words, min_share=0.5).holds(given)
    assert not GroupRule(name="g", index="authenticity", side="low", words=words, min_share=0.6).holds(given)


def test_members_are_big_enough_and_their_creator_wrote_enough() -> None:
    comments = batch_of([{"id": str(i), "text": "x", "is_creator": i < 2} for i in range(22)])
    rule = GroupRule(name="g", index="community depth", side="high", min_comments=20, min_creator_share=0.09)
    assert rule.admits(comments)
    assert not replace(rule, min_comments=21).admits(comments)
    assert not replace(rule, min_creator_share=0.1).admits(comments)


def test_the_shipped_groups_have_both_sides_of_both_numbers() -> None:
    assert {(rule.index, rule.side) for rule in shipped_groups() if rule.side != "spam"} == {
        (index, side) for index in ("authenticity", "community depth") for side in ("high", "low")
    }


@pytest.mark.parametrize("text", ["[[group]", '[[group]]\nname = "x"', '[[group]]\ncolour = "red"'])
def test_groups_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="known groups can't be read"):
        groups_of(text)


def test_batches_keep_their_columns() -> None:
    assert post("p", ["x"]).comments.schema == COMMENT_SCHEMA
    assert np.isfinite(post("p", ["x"]).n_audience)
