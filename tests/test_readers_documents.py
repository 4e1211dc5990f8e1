"""JSON documents of any size: the parts of a long one give what the whole would."""

from __future__ import annotations

import io
import json
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from plaudit.readers import ReadOptions, detect, json_cutting, json_window, preparation, read, stream
from plaudit.readers.format import Problem

from .test_readers_formats import INFO, PAGES, rows_of, write
from .test_readers_tools import INSTAGRAM_GRAPH, INSTALOADER, TIKTOK_RESEARCH


@contextmanager
def small(*, whole: int = 60, step: int = 16) -> Iterator[None]:
    """Take every document for a long one."""
    before = json_cutting.N_WHOLE, json_window.N_STEP, stream._N_CHUNK, json_cutting.N_LOOK
    json_cutting.N_WHOLE = json_cutting.N_LOOK = whole  # type: ignore[misc]
    json_window.N_STEP = stream._N_CHUNK = step  # type: ignore[misc]
    try:
        yield
    finally:
        json_cutting.N_WHOLE, json_window.N_STEP, stream._N_CHUNK, json_cutting.N_LOOK = before  # type: ignore[misc]


def same(path: Path, *, whole: int = 1000, step: int = 100) -> tuple[list[Any], list[Any]]:
    expected = rows_of(path)
    with small(whole=whole, step=step):
        assert rows_of(path) == expected
    return expected


def longer(comments: list[Any], n: int = 30) -> list[Any]:
    """The comments n times over, with other ids; a stray among them stays one."""
    return [
        {**each, "id": f"{each['id']}-{i}"} if isinstance(each, dict) else each
        for i in range(n)
        for each in comments
    ]


LONG_INFO = {**INFO, "comments": longer(INFO["comments"])}
LONG_GRAPH = {"data": longer(INSTAGRAM_GRAPH["data"]), "paging": INSTAGRAM_GRAPH["paging"]}
DOCUMENTS: dict[str, Any] = {
    "pages": longer(PAGES[0]["items"]),
    "page": {**PAGES[0], "items": longer(PAGES[0]["items"])},
    "info": LONG_INFO,
    "comments first": dict(sorted(LONG_INFO.items())),
    "answers": longer(INSTALOADER),
    "graph": LONG_GRAPH,
    "account": {
        "media": {"data": [{"id": f"m{n}", "comments": {"data": LONG_GRAPH["data"][:9]}} for n in range(9)]},
        "id": "9",
    },
    "page in a page": {"data": {"comments": longer(TIKTOK_RESEARCH["data"]["comments"])}, "error": {}},
    "fields behind": {
        "data": {"comments": longer([{"id": "1", "text": "No. 1"}], 500), "cursor": 1},
        "post_id": "p",
    },
    "posts": [{"id": f"p{n}", "comments": longer([{"id": "1", "text": "y" * 99}], 60)} for n in range(3)],
    "texts": ["plain, with a comma", 'a "quoted" one', "and \\ more", *(f"No. {i}" for i in range(500))],
    "empty": [],
    "no comments": {"comments": [], "title": "x" * 4000, "more": "y" * 4000},
}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("step", [100, 1500])
@pytest.mark.parametrize("document", DOCUMENTS)
def test_parts_give_what_the_whole_gives(
    tmp_path: Path, document: str, step: int, indent: int | None
) -> None:
    same(write(tmp_path, "a.json", json.dumps(DOCUMENTS[document], indent=indent)), whole=5500, step=step)


def test_fields_behind_the_comments_count_for_all_of_them(tmp_path: Path) -> None:
    late = {
        "comments": LONG_INFO["comments"],
        "extractor": "Instagram",
        "id": "late",
        "channel_id": "UCmaker",
    }
    rows, _ = same(write(tmp_path, "a.info.json", late))
    assert {row["post_id"] for row in rows} == {"late"}
    assert {row["platform"] for row in rows} == {"instagram"}
    with small(whole=1000):
        assert detect(tmp_path / "a.info.json").name == "yt-dlp"


def test_standard_input_is_read_in_parts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    late = json.dumps({"comments": LONG_INFO["comments"], "extractor": "youtube", "id": "late"}).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(late)))
    with small(whole=1000):
        (batch,) = read(["-"])
    assert len(batch.comments) == 30 * 3
    assert set(batch.comments["post_id"].to_pylist()) == {"late"}


def test_a_bad_record_costs_itself_alone(tmp_path: Path) -> None:
    data = (
        b'[{"id": "1", "text": "fine \\ud83d"}, {"id": "2", "text": "caf\xe9"}, {"id": "3", "text": tru},'
        b' {"id": "4", "text": "fine", "likes": NaN}, nonsense, "said, plainly", {"id": "5", "text": "fine"}]'
    )
    with small():
        rows, rejected = rows_of(write(tmp_path, "a.json", data))
    assert [row["text"] for row in rows] == ["fine \ufffd", "fine", "said, plainly", "fine"]
    assert sorted(reason for reason, _ in rejected) == ["bad_encoding", "not_json", "not_json"]


@pytest.mark.parametrize("cut", [30, 200, 400, 401, 402, 403, 404])
def test_a_long_document_cut_short_keeps_what_came(tmp_path: Path, cut: int) -> None:
    data = json.dumps({"id": "p", "comments": [{"id": str(i), "text": f"Comment {i}"} for i in range(50)]})
    with small():
        rows, rejected = rows_of(write(tmp_path, "a.json", data[:-cut]))
    whole = data[:-cut].count("}")
    assert [row["id"] for row in rows] == [str(i) for i in range(whole)]
    assert [reason for reason, _ in rejected] == ["not_json"]
    assert {row["post_id"] for row in rows} == {"p"}


def test_what_is_too_long_to_hold_is_told(tmp_path: Path) -> None:
    document = {
        **{"formats": [{"id": str(i)} for i in range(50)], "deep": [[[[[[[[["x" * 60]]]]]]]]]},
        "comments": [
            {"id": "1", "text": "short"},
            {"id": "2", "text": "y" * 100},
            {"id": "3", "text": "short"},
        ],
    }
    with small():
        rows, rejected = rows_of(write(tmp_path, "a.json", document))
    assert [row["id"] for row in rows] == ["1", "3"]
    assert {reason for reason, _ in rejected} <= {"not_a_record", "missing_text"}
    assert len(rejected) == 4  # the text, and the record that is left without it, among them


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.text(min_size=1, max_size=30), max_size=12),
    nest=st.integers(0, 3),
    indent=st.none() | st.integers(0, 2),
    ascii_=st.booleans(),
    whole=st.integers(16, 200),
    step=st.integers(1, 64),
)
@example(texts=['"\\', "]", "},{", "\ud83d"], nest=1, indent=None, ascii_=True, whole=16, step=1)
def test_any_texts_come_out_the_same(
    tmp_path: Path, texts: list[str], nest: int, indent: int | None, ascii_: bool, whole: int, step: int
) -> None:
    records: Any = [{"id": str(i), "text": text} for i, text in enumerate(texts)]
    document = (records, texts, {"id": "p", "comments": records, "title": "t"}, [{"items": records}])[nest]
    data = json.dumps(document, indent=indent, ensure_ascii=ascii_).encode("utf-8", "replace")
    longest = max((len(json.dumps(each)) * 2 for each in records), default=0)
    same(write(tmp_path, "a.json", data), whole=max(whole, longest), step=step)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.text(alphabet='[]{}",: \\a1', max_size=60), whole=st.integers(1, 30), step=st.integers(1, 20))
@example(data="[" * 60, whole=1, step=1)
@example(data='{"a":' * 12, whole=1, step=1)
def test_any_brackets_end(data: str, whole: int, step: int) -> None:
    with small(whole=whole, step=step):
        cutter = json_cutting.Cutter(iter([data.encode()]), survey=lambda: [])
        assert sum(1 for _ in cutter.values()) <= len(data) + 1
        json_cutting.Cutter(iter([data.encode()])).shared()


@pytest.mark.parametrize("unit", [b"[", b'{"a":', b'[{"comments":['])
def test_brackets_without_end_are_given_up_at_once(unit: bytes) -> None:
    n_given = []

    def chunks() -> Iterator[bytes]:
        for _ in range(40):
            n_given.append(1)
            yield unit * (json_window.N_STEP // len(unit))

    (problem,) = json_cutting.Cutter(chunks(), limit=json_cutting.N_LOOK).values()
    assert isinstance(problem, Problem)
    assert problem.reason == "not_json"
    assert len(n_given) <= 2


def test_a_string_without_end_costs_no_more_than_its_length(tmp_path: Path) -> None:
    """Looked for again at each of its quotes it would take days."""
    path = write(tmp_path, "cut.json", '[{"text":"ok then"},{"text":"' + '\\"' * 500_000 + '\\q"}]')
    rows, rejected = rows_of(path)
    assert [row["text"] for row in rows] == ["ok then"]
    assert [reason for reason, _ in rejected] == ["not_json"]


def test_memory_is_bounded_whatever_the_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    with path.open("wb") as out:
        out.write(b'{"id": "p", "comments": [{"id": 0, "text": "x"}')
        for i in range(1, 40_001):
            out.write(b',{"id": %d, "text": "%b"}' % (i, b"x" * 200))
        out.write(b"]}")
    monkeypatch.setattr(preparation, "_N_ENOUGH", 1 << 18)
    with small(whole=1 << 18, step=1 << 16):
        tracemalloc.start()
        n_rows = sum(len(batch.comments) for batch in read([path], options=ReadOptions(batch_size=256)))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert n_rows == 40_001
    assert peak < path.stat().st_size / 2  # held whole, it would be several times its size


@pytest.mark.parametrize("limit", [None, 400])
def test_a_playlist_is_the_comments_of_its_videos(
    tmp_path: Path, limit: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if limit is not None:
        monkeypatch.setattr(json_cutting, "N_WHOLE", limit)
        monkeypatch.setattr(json_cutting, "N_LOOK", limit)
    infos: list[Any] = [
        {
            **{"id": f"v{video}", "extractor": "youtube", "channel_id": "UC1"},
            "comments": [
                {"id": f"{video}-{i}", "text": f"which glue was No. {i}?", "author_id": "a", "parent": "root"}
                for i in range(6)
            ],
        }
        for video in range(3)
    ]
    playlist = {"_type": "playlist", "id": "PL1", "title": "All", "entries": [*infos[:2], None, infos[2]]}
    path = write(tmp_path, "a.json", {"_type": "playlist", "entries": [playlist]})
    assert detect(path).name == "yt-dlp"
    rows, rejected = rows_of(path)
    assert [(row["id"], row["post_id"]) for row in rows] == [
        (f"{video}-{i}", f"v{video}") for video in range(3) for i in range(6)
    ]
    assert {row["creator_id"] for row in rows} == {"UC1"}
    assert [reason for reason, _ in rejected] == ["not_a_record"]
