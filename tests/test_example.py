"""The example files keep what their README promises, as plain JSON and through the readers."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from plaudit.legible import skeleton
from plaudit.readers import ReadOptions, read
from plaudit.scores import FLAGS, LABELS
from plaudit.text import normalize

EXAMPLES = Path(__file__).parent.parent / "examples"
DUMP = EXAMPLES / "ceramics_channel.ndjson"
CREATOR = "UCexampleOddKilnOut00000"
REJECTED = {
    "not_json": 1,
    "error_record": 1,
    "missing_text": 1,
    "empty_text": 2,
    "duplicate_id": 1,
}


class Written(NamedTuple):
    id: str
    author: str | None
    handle: str
    text: str
    video: str
    parent: str | None
    at: datetime


def _written(comment: dict[str, Any]) -> Written:
    snippet = comment["snippet"]
    shown = unescape(re.sub(r"<[^>]+>", " ", snippet.get("textDisplay", "")))
    return Written(
        id=comment["id"],
        author=snippet.get("authorChannelId", {}).get("value"),
        handle=snippet["authorDisplayName"],
        text=snippet.get("textOriginal", shown),
        video=snippet["videoId"],
        parent=snippet.get("parentId"),
        at=datetime.fromisoformat(snippet["publishedAt"]),
    )


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return DUMP.read_text(encoding="utf-8").split("\n")[:-1]


@pytest.fixture(scope="module")
def threads(lines: list[str]) -> list[dict[str, Any]]:
    records = [record for record in map(_parsed, lines) if record is not None]
    return [record for record in records if record.get("kind") == "youtube#commentThread"]


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        return json.loads(line)  # type: ignore[no-any-return]
    except json.JSONDecodeError:
        return None


@pytest.fixture(scope="module")
def comments(threads: list[dict[str, Any]]) -> list[Written]:
    found: dict[str, Written] = {}
    for thread in threads:
        replies = thread.get("replies", {}).get("comments", [])
        for comment in map(_written, [thread["snippet"]["topLevelComment"], *replies]):
            if normalize(comment.text):
                found.setdefault(comment.id, comment)
    return list(found.values())


@pytest.fixture(scope="module")
def audience(comments: list[Written]) -> list[Written]:
    return [comment for comment in comments if comment.author != CREATOR]


@pytest.fixture(scope="module")
def campaign(audience: list[Written]) -> list[Written]:
    return sorted((c for c in audience if "nmyprofile" in skeleton(c.text)), key=lambda c: c.at)


def test_a_few_hundred_comments_under_six_videos(comments: list[Written]) -> None:
    assert len(comments) == 466
    videos = Counter(comment.video for comment in comments)
    assert len(videos) == 6
    assert min(videos.values()) >= 60


def test_every_reply_names_its_thread_and_comes_after_it(comments: list[Written]) -> None:
    by_id = {comment.id: comment for comment in comments}
    replies = [comment for comment in comments if comment.parent]
    assert len(replies) >= 150
    for reply in replies:
        assert reply.parent is not None
        assert reply.id.startswith(f"{reply.parent}.")
        assert reply.at > by_id[reply.parent].at
        assert reply.video == by_id[reply.parent].video


def test_reply_counts_are_right_but_for_one_partial_thread(threads: list[dict[str, Any]]) -> None:
    missing = [
        thread["snippet"]["totalReplyCount"] - len(thread.get("replies", {}).get("comments", []))
        for thread in threads
    ]
    assert sorted(missing)[-2:] == [0, 2]
    assert min(missing) == 0


def test_authors_are_many_and_some_come_back(audience: list[Written]) -> None:
    videos: dict[str, set[str]] = {}
    for comment in audience:
        if comment.author is not None:
            videos.setdefault(comment.author, set()).add(comment.video)
    assert len(videos) == 239
    assert sum(len(seen) > 1 for seen in videos.values()) >= 30
    assert sum(len(seen) > 3 for seen in videos.values()) >= 10
    assert sum(comment.author is None for comment in audience) == 1


def test_one_author_has_one_handle(comments: list[Written]) -> None:
    pairs = {(comment.author, comment.handle) for comment in comments if comment.author}
    assert len({author for author, _ in pairs}) == len(pairs) == len({handle for _, handle in pairs})


def test_people_answer_each_other_both_ways(audience: list[Written]) -> None:
    handles = {comment.handle for comment in audience}
    named = {(c.handle, m[0]) for c in audience if (m := re.match(r"@[\w.\-]*\w", c.text))}
    both = {(one, other) for one, other in named if other in handles and (other, one) in named}
    assert len(both) // 2 >= 15


def test_the_creator_answers_many_and_never_twice_the_same(comments: list[Written]) -> None:
    answers = [comment for comment in comments if comment.author == CREATOR]
    assert len(answers) == 64
    assert all(answer.parent for answer in answers)
    assert len({skeleton(answer.text) for answer in answers}) == len(answers)


def test_the_creator_answers_within_hours(comments: list[Written]) -> None:
    by_id = {comment.id: comment for comment in comments}
    waits = sorted(c.at - by_id[c.parent].at for c in comments if c.author == CREATOR and c.parent)
    assert waits[len(waits) // 2] < timedelta(hours=12)


def test_the_campaign_is_one_text_by_many_new_accounts_within_minutes(
    campaign: list[Written], audience: list[Written]
) -> None:
    authors = {comment.author for comment in campaign}
    assert len(campaign) == len(authors) == 25
    assert {comment.video for comment in campaign} == {"EXfiftymug5"}
    assert campaign[-1].at - campaign[0].at < timedelta(minutes=20)
    assert sum(comment.author in authors for comment in audience) == 25
    assert len({comment.text for comment in campaign}) == 25


def test_the_campaign_hides_behind_case_invisible_and_lookalike_letters(campaign: list[Written]) -> None:
    texts = [comment.text for comment in campaign]
    assert any(text.isupper() for text in texts)
    assert any("\u200b" in text for text in texts)
    assert sum(bool(re.search("[\u0400-\u04ff]", text)) for text in texts) == 2
    assert max(Counter(map(skeleton, texts)).values()) >= 16


def test_no_other_text_is_pasted(audience: list[Written], campaign: list[Written]) -> None:
    organic = Counter(skeleton(c.text) for c in audience if c not in campaign and len(c.text) > 25)
    assert max(organic.values()) == 1


def test_comments_thin_out_after_publication(audience: list[Written], campaign: list[Written]) -> None:
    # The campaign's own video is left out: there the burst is the point.
    crowd = [c for c in audience if c.parent is None and c.video != campaign[0].video]
    first = {video: min(c.at for c in crowd if c.video == video) for video in {c.video for c in crowd}}
    days = Counter((comment.at - first[comment.video]).days for comment in crowd)
    assert days[0] > len(crowd) / 2
    assert 0 < sum(n for day, n in days.items() if day > 2) < len(crowd) / 5


def test_texts_come_in_many_lengths(audience: list[Written]) -> None:
    lengths = sorted(len(comment.text) for comment in audience)
    assert lengths[len(lengths) // 10] < 20
    assert lengths[-len(lengths) // 10] > 130


def test_some_comments_have_only_html(threads: list[dict[str, Any]]) -> None:
    snippets = [thread["snippet"]["topLevelComment"]["snippet"] for thread in threads]
    html_only = [s["textDisplay"] for s in snippets if "textOriginal" not in s and "textDisplay" in s]
    assert len(html_only) == 7
    assert any("&#39;" in text for text in html_only)
    assert any("<a href=" in text for text in html_only)


def test_the_dump_reads_with_the_promised_rejections(comments: list[Written]) -> None:
    batches = list(read([DUMP], options=ReadOptions()))
    ids = [name for batch in batches for name in batch.comments["id"].to_pylist()]
    texts = [text for batch in batches for text in batch.comments["text"].to_pylist()]
    reasons = Counter(rejection.reason for batch in batches for rejection in batch.rejections)
    assert dict(reasons) == REJECTED
    assert sorted(ids) == sorted(comment.id for comment in comments)
    assert not any("&#39;" in text or "<a href" in text for text in texts)


def test_the_reader_knows_the_creator_and_every_parent(comments: list[Written]) -> None:
    rows = [row for batch in read([DUMP], options=ReadOptions()) for row in batch.comments.to_pylist()]
    assert sum(row["is_creator"] for row in rows) == 64
    assert {row["creator_id"] for row in rows} == {CREATOR}
    assert {row["platform"] for row in rows} == {"youtube"}
    assert {r["id"]: r["parent_id"] for r in rows} == {c.id: c.parent for c in comments}
    assert sum(row["author"] is None for row in rows) == 1


@pytest.fixture(scope="module")
def labelled() -> list[dict[str, Any]]:
    text = (EXAMPLES / "labelled.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n")[:-1]]


def test_labels_flags_and_languages_are_valid(labelled: list[dict[str, Any]]) -> None:
    fields = {"text", "language", "label", "flags", "unsure", "hard"}
    assert all(set(row) == fields for row in labelled)
    assert all(row["text"].strip() == row["text"] != "" for row in labelled)
    assert {row["label"] for row in labelled} == set(LABELS)
    assert {flag for row in labelled for flag in row["flags"]} == {*FLAGS, "not_english"}
    assert all(("not_english" in row["flags"]) == (row["language"] != "en") for row in labelled)


def test_labels_are_balanced_over_six_languages(labelled: list[dict[str, Any]]) -> None:
    assert Counter(row["label"] for row in labelled) == {"genuine": 101, "generic_praise": 82, "question": 77}
    cells = Counter((row["language"], row["label"]) for row in labelled)
    assert len(cells) == 6 * len(LABELS)
    assert min(cells.values()) >= 4
    assert min(Counter(flag for row in labelled for flag in row["flags"]).values()) >= 10


def test_hard_and_unsure_cases_are_marked(labelled: list[dict[str, Any]]) -> None:
    assert sum(row["hard"] for row in labelled) >= 30
    assert sum(row["unsure"] for row in labelled) >= 5


def test_no_text_stands_twice(labelled: list[dict[str, Any]], comments: list[Written]) -> None:
    texts = [row["text"] for row in labelled]
    assert len(set(texts)) == len(texts)
    shared = {skeleton(text) for text in texts} & {skeleton(comment.text) for comment in comments}
    assert len(shared - {""}) <= 10
