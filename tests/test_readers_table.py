"""Tables of text as programs and people leave them: line ends, quotation marks, headers, encodings."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.readers import containers
from plaudit.readers.table import N_CELL_LIMIT, unique_names

from .test_readers_formats import rows_of, write
from .test_readers_fuzz import n_read
from .test_readers_fuzz_formats import FEW

PLAIN = "id,text,author\n1,hello there,ann\n2,nice one,bob\n"


def texts(path: Path) -> list[str]:
    rows, rejected = rows_of(path)
    assert not rejected
    return [row["text"] for row in rows]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\r\r\n", "\n\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_line_ends_in_every_encoding(tmp_path: Path, newline: str, encoding: str) -> None:
    data = PLAIN.replace("\n", newline).encode(encoding)
    assert texts(write(tmp_path, "a.csv", data)) == ["hello there", "nice one"]


def test_line_ends_that_differ_from_line_to_line(tmp_path: Path) -> None:
    data = 'text,author\r\nfirst,a\rsecond,b\n"the third\rgoes on",c\r\r\nfourth,d'
    rows, rejected = rows_of(write(tmp_path, "a.csv", data))
    assert [row["text"] for row in rows] == ["first", "second", "the third\rgoes on", "fourth"]
    assert [row["id"] for row in rows] == ["2", "3", "4", "7"]
    assert not rejected


@pytest.mark.parametrize(
    ("name", "data"), [("a.txt", "one\rtwo\rthree"), ("a.jsonl", '{"text": "one"}\r"two"\r"three"\r')]
)
def test_returns_end_lines_where_nothing_else_does(tmp_path: Path, name: str, data: str) -> None:
    assert texts(write(tmp_path, name, data)) == ["one", "two", "three"]


def test_a_return_within_a_line_ends_none(tmp_path: Path) -> None:
    assert texts(write(tmp_path, "a.txt", "one\rgoes on\ntwo\n")) == ["one\rgoes on", "two"]


@pytest.mark.parametrize("last", ["3,so true,cid", '3,"so, true",cid', '3,"so ""true""",cid'])
def test_a_quotation_never_closed_costs_its_own_row(tmp_path: Path, last: str) -> None:
    path = write(tmp_path, "a.csv", PLAIN + '9,"never closed,eve\n' + PLAIN[15:] + last)
    rows, rejected = rows_of(path)
    assert [row["id"] for row in rows] == ["1", "2", "3"]
    assert rejected == [
        ("malformed_row", "a.csv:4"),
        ("duplicate_id", "a.csv:5"),
        ("duplicate_id", "a.csv:6"),
    ]


@pytest.mark.parametrize(
    "data",
    ['id,text\n1,"abc,\n2,def,\n3,ghi,\n', 'id,text,note\n1,"he said "hi" to me,"left\n2,def,\n3,ghi,\n'],
)
def test_a_quotation_never_closed_swallows_no_rows_that_end_in_blanks(tmp_path: Path, data: str) -> None:
    rows, rejected = rows_of(write(tmp_path, "a.csv", data))
    assert [row["text"] for row in rows] == ["def", "ghi"]
    assert len(rejected) == 1


def test_quotation_marks_within_a_cell_are_characters(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", 'id,text,n\n1,"a "b" c",1\n2,5" pipe,2\n3,"two\nlines" ,3\n')
    assert texts(path) == ['a b" c"', '5" pipe', "two\nlines "]


def test_rows_that_never_end_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read again from each of its lines, such a table would take the square of its length."""
    monkeypatch.setattr("plaudit.readers.table.N_LINE_LIMIT", 1 << 16)
    path = write(tmp_path, "a.csv", 'id,text\n1,"x\n' + '","x\n' * 40_000)
    start = time.process_time()
    rows, rejected = rows_of(path)
    assert len(rows) + len(rejected) > 4
    assert time.process_time() - start < 60  # hours, else


def test_tables_end_to_end(tmp_path: Path) -> None:
    rows, rejected = rows_of(write(tmp_path, "a.csv", PLAIN + "\ufeff" + PLAIN.replace("\n2", "\n\ufeff3")))
    assert [row["id"] for row in rows] == ["1", "2", "3"]
    assert rejected == [("not_a_record", "a.csv:4"), ("duplicate_id", "a.csv:5")]


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;\r"])
def test_the_line_that_tells_excel_its_separator_is_no_header(tmp_path: Path, line: str) -> None:
    path = write(tmp_path, "a.csv", f"{line}\n" + PLAIN.replace(",", ";"))
    assert texts(path) == ["hello there", "nice one"]


def test_of_two_columns_of_a_name_the_first_counts(tmp_path: Path) -> None:
    assert texts(write(tmp_path, "a.csv", "id,text,text\n1,first,\n2,also first,second\n")) == [
        "first",
        "also first",
    ]


@given(st.lists(st.sampled_from(["", "a", "a 2", "b"]), max_size=6))
def test_unique_names(names: list[str]) -> None:
    found = unique_names(names)
    assert len(found) == len(names)
    filled = [name for name in found if name]
    assert len(set(filled)) == len(filled)
    assert all(new.startswith(old) for new, old in zip(found, names, strict=True))


CELL = st.text(st.sampled_from("ab,;\"'\n\r\t\ufeff \u2028\x85é"), max_size=8)


@FEW
@given(
    rows=st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=12),
    delimiter=st.sampled_from(",;\t"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_whatever_a_writer_quotes_is_a_row(
    tmp_path: Path, rows: list[tuple[str, ...]], delimiter: str, quoting: int, encoding: str
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting)  # \r\n: then it quotes both
    writer.writerows([("id", "text", "author"), ("x", "so good", "y"), *rows])
    path = write(tmp_path, "a.csv", out.getvalue().encode(encoding))
    assert n_read([path], format="tsv" if delimiter == "\t" else "csv") == 1 + len(rows)


@FEW
@given(lines=st.lists(st.text(st.sampled_from('ab,"\r'), max_size=8), max_size=30))
def test_no_line_of_a_broken_table_is_lost(tmp_path: Path, lines: list[str]) -> None:
    path = write(tmp_path, "a.csv", "\n".join(["id,text", "x,fine", *lines, "y,the last of them", ""]))
    rows, rejected = rows_of(path)
    assert rows[0]["text"] == "fine"
    told = "".join(row["text"] for row in rows[1:])
    assert "the last of them" in told or rejected


@pytest.fixture
def cell_limit() -> Iterator[Callable[[int], int]]:
    """Sets the limit of the module csv, which is one for the whole process."""
    before = csv.field_size_limit()
    yield csv.field_size_limit
    csv.field_size_limit(before)


@pytest.mark.parametrize("limit", [1000, 131_072, N_CELL_LIMIT, 1 << 40])
def test_the_limit_of_cells_is_ours_and_that_of_others_never_lowered(
    tmp_path: Path, limit: int, cell_limit: Callable[[int], int]
) -> None:
    long, too_long = "ab " * 60_000, "x" * (N_CELL_LIMIT + 1)
    lines = ["id,text", f"1,{long}", f"2,{too_long}", "3,fine", f'4,"{too_long}"', f'5,x "{too_long}']
    swallowed = ['6,"never closed', "7,fine", *(f"{i},and on" for i in range(8, 90_000)), ""]
    path = write(tmp_path, "a.csv", "\n".join([*lines, *swallowed]))
    cell_limit(limit)
    rows, rejected = rows_of(path)
    assert cell_limit(N_CELL_LIMIT) == max(limit, N_CELL_LIMIT)
    assert [len(row["text"]) for row in rows[:4]] == [len(long), 4, 4, 6]
    assert len(rows) == 3 + 90_000 - 8
    assert rejected == [("malformed_row", f"a.csv:{number}") for number in (3, 5, 6, 7)]


def test_several_values_in_a_line(tmp_path: Path) -> None:
    data = (
        '{"text": "a"}\n{"text": "b"}{"text": "c"}, {"text": "d"}\n\ufeff{"text": "e"}\n{"text": "f"} tail\n'
        '{"text": "g", "likes": 1e400}\n12 monkeys\n'
    )
    rows, rejected = rows_of(write(tmp_path, "a.jsonl", data))
    assert [row["text"] for row in rows] == list("abcdefg")
    assert len({row["id"] for row in rows}) == 7
    assert rejected == [("not_json", "a.jsonl:4"), ("not_json", "a.jsonl:6")]


@pytest.mark.parametrize(
    "data",
    [
        '[{"text": "a"},\n{"text": "b"}]',
        '{\n "text": "a"\n}\n{\n "text": "b"\n}\n',
        '[\n{"text": "a"},\n"b"\n]',
    ],
)
def test_a_document_that_is_called_lines(tmp_path: Path, data: str) -> None:
    assert texts(write(tmp_path, "a.jsonl", data)) == ["a", "b"]


def test_a_number_too_long_is_told_as_what_it_is() -> None:
    _, problem, _ = containers.read_document(b'[{"id": ' + b"9" * 5000 + b"}]")
    assert problem is not None
    assert "too long a number" in problem.detail
