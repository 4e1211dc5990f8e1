from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.items import Item
from plaudit.service import lines
from plaudit.service.lines import item_of, lines_of

BIG = "123456789012345678901234567890"
RECORDS = st.text(max_size=40).map(lambda text: json.dumps({"text": text, "id": text}).encode())


def dribble(content: bytes, step: int) -> list[bytes]:
    return [content[i : i + step] for i in range(0, len(content), step)]


@given(st.binary(max_size=200), st.integers(1, 50))
def test_lines_are_those_of_the_whole_however_the_bytes_arrive(content, step):
    whole = content.split(b"\n")
    expected = whole if whole[-1] else whole[:-1]
    assert [line for block in lines_of(dribble(content, step)) for line in block] == expected


def test_a_line_without_end_is_dropped_while_it_is_read(monkeypatch):
    monkeypatch.setattr(lines, "LINE_BYTES", 10)
    chunks = dribble(b"short\n" + b"x" * 100 + b"\nafter\n" + b"y" * 100, 7)
    assert [line for block in lines_of(chunks) for line in block] == [b"short", None, b"after", None]


def test_no_other_line_end_counts():
    assert item_of("a\u2028b\u0085c\r".encode(), number=3) == Item(id="3", text="a\u2028b\u0085c")


@pytest.mark.parametrize(
    ("line", "item"),
    [
        (b"so cool", Item(id="7", text="so cool")),
        (b"  kept as it is ", Item(id="7", text="  kept as it is ")),
        (b'{"text": "so cool", "id": "a"}', Item(id="a", text="so cool")),
        (b' {"text": "so cool", "id": "a", "likes": 3}\r', Item(id="a", text="so cool")),
        (b'{"text": "so cool"}', Item(id="7", text="so cool")),
        (b'{"text": "so cool", "id": null}', Item(id="7", text="so cool")),
        (b'{"text": "so cool", "id": ""}', Item(id="7", text="so cool")),
        (b'{"text": "so cool", "id": 0}', Item(id="0", text="so cool")),
        (b'{"text": "x", "id": ' + BIG.encode() + b"}", Item(id=BIG, text="x")),
        (b'{"text": "x", "id": 1.5}', Item(id="1.5", text="x")),
        (b'{"broken": ', Item(id="7", text='{"broken": ')),
        (b"[1, 2]", Item(id="7", text="[1, 2]")),
        (b'"quoted"', Item(id="7", text='"quoted"')),
        (b"null", Item(id="7", text="null")),
    ],
)
def test_a_json_object_is_a_record_and_anything_else_a_text(line, item):
    assert item_of(line, number=7) == item


@pytest.mark.parametrize(
    ("line", "id_", "said"),
    [
        (b"", "7", "empty"),
        (b" \t\r", "7", "empty"),
        ("\u200b\u2060".encode(), "7", "empty"),
        (b'{"id": "a", "text": ""}', "a", "empty"),
        (b'{"id": "a", "text": null}', "a", "empty"),
        (b'{"id": "a"}', "a", "no text"),
        (b"{}", "7", "no text"),
        (b'{"id": "a", "text": 5}', "a", "not a string"),
        (b'{"id": "a", "text": ["b"]}', "a", "not a string"),
        (b'{"id": ["a"], "text": "b"}', "7", "neither a string nor a number"),
        (b'{"id": true, "text": "b"}', "7", "neither a string nor a number"),
        (None, "7", "longer"),
    ],
)
def test_what_cannot_be_labelled_says_why(line, id_, said):
    item = item_of(line, number=7)
    assert item.id == id_
    assert item.error is not None
    assert said in item.error


def test_a_byte_order_mark_counts_on_the_first_line_only():
    assert item_of(b'\xef\xbb\xbf{"text": "a"}', number=1) == Item(id="1", text="a")
    assert item_of("\ufeffa".encode(), number=2).text == "\ufeffa"


def test_bad_bytes_lone_surrogates_and_deep_nesting_pass():
    assert item_of(b"caf\xe9 \xff", number=1).text == "caf\ufffd \ufffd"
    item = item_of(rb'{"id": "\ud800", "text": "so \udfff cool"}', number=1)
    assert (item.id, item.text) == ("?", "so \udfff cool")  # a ? in the text would make it a question
    assert item_of(b'{"text": ' + b"[" * 100_000, number=1).error is None


@given(st.one_of(st.binary(max_size=80), RECORDS))
def test_every_line_becomes_an_item_that_can_be_written(line):
    item = item_of(line, number=1)
    assert item.id
    item.id.encode()
    item.text.encode()
    assert bool(item.text) != bool(item.error)
