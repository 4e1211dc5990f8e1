"""What a dump is taken for: told before it is scored, and as it would be read."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from plaudit.readers import ReadOptions, inspect
from plaudit.service.cli import app
from tests.test_readers_errors import zipped
from tests.test_readers_formats import INFO, write
from tests.test_readers_tools import EXAMPLES, FOUR_CAT, as_csv

TABLE = (
    "id,text,who,when\n"
    '1,"How long did the glue take, overnight?",ann,2 days ago\n'
    "2,,ben,3 days ago\n"
    "3,The varnish went cloudy on mine,cem,2024-01-01T10:00:00Z\n"
    "1,again,ann,\n"
    "4,short\n"
)


def look(*arguments):
    return CliRunner().invoke(app, ["inspect", *map(str, arguments)])


@pytest.fixture
def table(tmp_path):
    return write(tmp_path, "export.csv", TABLE)


def test_a_table_as_json(table):
    result = look(table, "--json", "--map", "author=who", "--creator", "cem")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    (source,) = told["sources"]
    assert (source["format"], source["container"], source["read"], source["usable"]) == ("csv", "csv", 5, 2)
    assert source["is_whole"]
    assert "first line names columns, with ',' between them" in source["why"]
    assert source["rejected"] == {
        "empty_text": {"n": 1, "where": "export.csv:3", "detail": "The text is blank or invisible."},
        "changed_text": {
            **{"n": 1, "where": "export.csv:5"},
            "detail": "A comment with this id was already read for this post or file, with another text.",
        },
        "malformed_row": {"n": 1, "where": "export.csv:6", "detail": "The row has 2 cells, the header 4."},
    }
    assert source["fields"]["author"] == {"columns": ["who"], "filled": 1.0}
    assert source["fields"]["created_at"] == {"columns": [], "filled": 0.0}
    assert source["fields"]["is_creator"]["filled"] == 0.5
    assert source["other_columns"] == ["when"]
    assert [row["id"] for row in source["rows"]] == ["1", "3"]
    assert [row["author"] for row in source["rows"]] == ["author 1", "author 2"]
    assert "ann" not in result.stdout
    signals = {each["name"]: each for each in told["signals"]}
    assert signals["question_share"]["available"]
    assert not signals["burst_share"]["available"]
    assert "exact times" in signals["burst_share"]["reason"]
    assert "parent" in signals["reply_share"]["reason"]


def test_a_table_as_text(table):
    result = look(table, "--map", "created_at=when")
    assert result.exit_code == 0, result.stderr
    assert "export.csv: CSV (csv), as csv" in result.stdout
    assert "All 5 records: 2 usable, 3 not." in result.stdout
    assert "1 malformed_row, as at export.csv:6: The row has 2 cells, the header 4." in result.stdout
    assert "Not used: who" in result.stdout
    assert "How long did the glue take, overnight?" in result.stdout
    assert "- Arrivals in bursts: " in result.stdout


def test_what_told_a_tool(tmp_path):
    path = write(tmp_path, "a.csv", as_csv(FOUR_CAT))
    (seen,) = inspect([path], options=ReadOptions())
    assert seen.format == "4cat-tiktok"
    assert seen.why == (
        "By its content: records with id, body, author, thread_id, post_id, as 4CAT TikTok comments has them."
    )
    assert seen.columns["parent_id"] == ("thread_id",)
    assert "language_guess" in seen.others
    (seen,) = inspect([path], options=ReadOptions(format="csv"))
    assert seen.why == "The format was named."


def test_what_encloses_comments_is_said(tmp_path):
    told = json.loads(look(write(tmp_path, "a.info.json", INFO), "--json").stdout)
    assert told["sources"][0]["fields"]["post_id"] == {"columns": [], "filled": 1.0}
    assert "given by what encloses it" in look(tmp_path / "a.info.json").stdout


def test_only_the_first_records_are_looked_at(tmp_path):
    path = write(tmp_path, "a.jsonl", [{"id": str(i), "text": f"No. {i}"} for i in range(5000)], lines=True)
    told = json.loads(look(path, "--json", "--rows", "7").stdout)
    assert (told["sources"][0]["read"], told["sources"][0]["is_whole"]) == (7, False)
    assert "First 7 records" in look(path, "--rows", 7).stdout


def test_every_file_of_an_archive_is_told(tmp_path):
    members = {"a.csv": TABLE.encode(), "b.json": b'{"theme": "dark"}', "c.csv": b""}
    path = write(tmp_path, "export.zip", zipped(members))
    told = json.loads(look(path, "--json").stdout)
    assert [each["format"] for each in told["sources"]] == ["csv", None, None]
    assert "no column that is known to hold a comment's text" in told["sources"][1]["why"]
    assert told["sources"][2]["why"] == "It is empty."
    assert "export.zip/b.json: not used" in look(path).stdout


def test_files_that_are_passed_over_are_told(tmp_path):
    write(tmp_path, "a.csv", TABLE)
    write(tmp_path, "notes.dat", TABLE)
    told = json.loads(look(tmp_path, "--json").stdout)
    assert [each["source"] for each in told["sources"]] == ["a.csv"]
    assert told["passed_over"] == [str(tmp_path / "notes.dat")]
    assert f"1 file passed over: {tmp_path / 'notes.dat'}. " in look(tmp_path).stdout


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_format_can_be_looked_at(tmp_path, name):
    told = json.loads(look(write(tmp_path, *EXAMPLES[name]), "--json").stdout)
    assert told["sources"][0]["format"] == name
    assert told["sources"][0]["fields"]["text"]["columns"]


def test_an_unusable_file_is_one_sentence(tmp_path):
    result = look(write(tmp_path, "a.pdf", b"%PDF-1.7"))
    assert result.exit_code == 2
    assert result.stderr == "plaudit: a.pdf is a PDF document; export the comments as CSV or JSON.\n"


def test_a_dump_without_comments(tmp_path):
    result = look(write(tmp_path, "a.csv", "id,text\n"))
    assert result.exit_code == 0
    assert "Signals: 0 of" in result.stdout
