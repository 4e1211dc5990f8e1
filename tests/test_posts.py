"""What comments take up of their post: the words they share, the signal, and the file of the posts' texts."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import plaudit
from plaudit.errors import InputError
from plaudit.facts import Facts
from plaudit.posts import with_posts
from plaudit.prevalence import Correction
from plaudit.service.post_texts import post_texts_of
from plaudit.signals import Signal, measure_signals
from plaudit.signals.section import Section
from tests.communities import facts_from, words_of

POST = "Restoring a chair: glue, clamps and patience"


def rows(*texts: str, post: str = "p1") -> list[dict[str, Any]]:
    return [
        {"id": f"c{i}", "text": text, "author": f"fan {i}", "post_id": post} for i, text in enumerate(texts)
    ]


def overlap(facts: Facts) -> Signal:
    return measure_signals(Section.of(facts), correction=Correction.of(None)).signals["post_overlap"]


def value(facts: Facts) -> float:
    estimate = overlap(facts).estimate
    assert estimate is not None
    return estimate.value


def shared(facts: Facts) -> dict[str, int]:
    return dict(zip(facts.id.to_pylist(), facts.n_of_post.tolist(), strict=True))


def test_shared_words_are_counted_once_and_small_words_never() -> None:
    facts = facts_from(rows("which CLAMPS, and which glue? glue!", "and a", "lovely sunset over hills"))
    assert shared(facts) == {"c0": -1, "c1": -1, "c2": -1}
    assert shared(with_posts(facts, {"p1": POST})) == {"c0": 2, "c1": 0, "c2": 0}


def test_each_post_is_held_against_its_own_text_and_others_stay_unknown() -> None:
    facts = Facts.concat([facts_from(rows("the glue", post=post)) for post in ("p1", "p2", "p3")])
    found = with_posts(facts, {"p1": POST, "p2": "Baking bread", "p3": " "})
    posts = dict(zip(found.post_name.to_pylist(), found.n_of_post.tolist(), strict=True))
    assert posts == {"p1": 1, "p2": 0, "p3": -1}


def test_parts_join_to_the_same_whatever_was_known_when() -> None:
    whole = facts_from(rows(*(" ".join(words_of(i, 5)) for i in range(12))))
    posts = {"p1": " ".join(words_of(3, 5))}
    parts = [with_posts(whole.take(np.arange(start, start + 4)), posts) for start in (8, 0, 4)]
    assert Facts.concat(parts).to_table().equals(with_posts(whole, posts).to_table())


def test_without_the_posts_texts_it_is_absent_and_says_so() -> None:
    signal = overlap(facts_from(rows("the glue", "the clamps")))
    assert signal.estimate is None
    assert signal.absent == "The texts of the posts were not given."


def test_neither_many_words_nor_few_make_it_large() -> None:
    talk = [f"glue clamps {' '.join(words_of(i, 2))}" for i in range(30)]
    long = [f"glue clamps {' '.join(words_of(i, 18))}" for i in range(30)]
    short = ["glue" for _ in range(30)]
    plain, wordy, curt = (value(with_posts(facts_from(rows(*t)), {"p1": POST})) for t in (talk, long, short))
    assert plain == pytest.approx(0.5, abs=1e-4)
    assert wordy == pytest.approx(0.1, abs=1e-4)
    assert curt == pytest.approx(0.25, abs=1e-4)


@pytest.mark.parametrize("text", [POST, POST.upper() + " 🔥", "glue clamps patience chair"])
def test_the_posts_title_pasted_by_many_is_no_overlap(text: str) -> None:
    pasted = with_posts(facts_from(rows(*[text] * 30)), {"p1": POST})
    assert value(pasted) < 0.02


def test_the_library_takes_posts() -> None:
    comments = [
        {"text": f"glue {' '.join(words_of(i, 4))}", "author": f"a{i}", "post": "p1"} for i in range(25)
    ]
    found = {row.name: row for row in plaudit.score(comments, posts={"p1": POST}).signals}["post_overlap"]
    assert found.value == pytest.approx(0.2, abs=0.01)
    assert found.points is None


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_posts_are_read_from_lines_of_json_and_from_csv(tmp_path: Path) -> None:
    lines = (
        '{"id": 1, "title": "Chairs", "description": "glue\\u2028clamps"}\n\n'
        '{"post_id": "b", "text": "Bread"}\n'
    )
    expected = {"1": "Chairs\nglue\u2028clamps", "b": "Bread"}
    assert post_texts_of(write(tmp_path / "posts.jsonl", lines)) == expected
    table = 'post_id,title,text,views\n1,Chairs,"glue, clamps",7\nb,,Bread,3\n'
    assert post_texts_of(write(tmp_path / "posts.csv", table)) == {
        "1": "Chairs\nglue, clamps",
        "b": "\nBread",
    }
    again = '{"id": "a", "text": "one"}\n{"id": "a", "text": "two"}'
    assert post_texts_of(write(tmp_path / "twice.jsonl", again)) == {"a": "one\ntwo"}


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("posts.csv", "sep=;\nid;title\n1;Chairs, oak\n2;Bread\n"),
        ("posts.csv", "\ufeffid\ttitle\r\n1\tChairs, oak\r\n2\tBread\r\n"),
        ("posts.TSV", "id\ttitle\n1\tChairs, oak\n2\tBread"),
        ("posts.csv", 'id,title,text\n1,"Chairs, oak",\\N\n2,\\N,"Bread"\n3,"\\"Tables\\" of oak",\\N\n'),
    ],
)
def test_tables_of_posts_are_read_as_those_of_comments(tmp_path: Path, name: str, table: str) -> None:
    expected = {"1": "Chairs, oak", "2": "Bread"} | ({"3": '"Tables" of oak'} if "Tables" in table else {})
    assert post_texts_of(write(tmp_path / name, table)) == expected


def test_a_transcript_may_be_long(tmp_path: Path) -> None:
    transcript = "glue and clamps\n" * 30_000
    csv.field_size_limit(131_072)  # as it is before any table was read
    table = f'id,transcript\n1,"{transcript}"\n2,Bread\n'
    assert post_texts_of(write(tmp_path / "posts.csv", table)) == {"1": transcript, "2": "Bread"}


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ('1,"Chairs', "A quotation mark is opened here and never closed."),
        ("1,Chairs,7", "The row has 3 cells, the header 2."),
        (f"1,{'glue ' * 300_000}", "The row cannot be split into cells (field larger than"),
    ],
)
def test_a_row_that_is_none_is_told_with_its_line(tmp_path: Path, row: str, why: str) -> None:
    path = write(tmp_path / "posts.csv", f"id,title\n0,Tables\n{row}\n2,Bread\n3,Oak\n")
    said = f"Line 3 of {path} begins no row that can be read: {why}"
    with pytest.raises(InputError, match=re.escape(said)):
        post_texts_of(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"id": "a", "text": "x"}\n{"id": ', "Line 2 of .* is no JSON"),
        ('{"text": "x"}', "Post 1 of .* lacks an id"),
        ('{"id": "a", "views": 3}', "Post 1 of .* lacks a text"),
        ("[1, 2]", "Post 1 of .* lacks an id"),
    ],
)
def test_what_is_no_post_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        post_texts_of(write(tmp_path / "posts.jsonl", text))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be read"):
        post_texts_of(tmp_path / "missing.jsonl")
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="can't be read"):
        post_texts_of(tmp_path / "bytes.jsonl")
