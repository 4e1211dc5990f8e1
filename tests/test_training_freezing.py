from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from plaudit.training import dataset, splitting
from plaudit.training.cli import app
from tests.tiny import EXAMPLE


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def test_a_split_is_written_with_digests_and_shares_nothing(tmp_path: Path) -> None:
    out = tmp_path / "split"
    result = run("split", EXAMPLE, "--out", out, "--share", 0.2)
    assert result.exit_code == 0, result.output
    train, test = (dataset.load(str(out / f"{name}.jsonl")) for name in ("train", "test"))
    assert len(test) >= 52
    assert not any(splitting.leaks(train, test).values())
    record = json.loads((out / "split.json").read_text())
    assert record["parts"]["train"]["n"] == len(train)
    assert (record["sources"], record["test_kept"]) == ({"labelled.jsonl": 260}, False)
    again = tmp_path / "again"
    run("split", EXAMPLE, "--out", again, "--share", 0.2)
    assert json.loads((again / "split.json").read_text())["parts"] == record["parts"]


def test_a_frozen_test_file_never_moves(tmp_path: Path) -> None:
    out = tmp_path / "split"
    run("split", EXAMPLE, "--out", out, "--share", 0.2)
    frozen = (out / "test.jsonl").read_bytes()
    more = tmp_path / "more.jsonl"
    leak = rows_of(out / "test.jsonl")[0]["text"].upper()
    more.write_text("\n".join(json.dumps({"text": t, "label": "genuine"}) for t in (leak, "brand new words")))
    result = run("split", EXAMPLE, more, "--out", out, "--share", 0.5, "--seed", 99)
    assert "(as it was)" in result.stderr
    assert (out / "test.jsonl").read_bytes() == frozen
    assert "brand new words" in {row["text"] for row in rows_of(out / "train.jsonl")}
    assert leak in {row["text"] for row in rows_of(out / "left_out.jsonl")}
    (out / "test.jsonl").write_bytes(frozen + frozen.splitlines(keepends=True)[0])
    result = run("split", EXAMPLE, "--out", out)
    assert (result.exit_code, "is not the test file that was frozen" in result.stderr) == (2, True)
    (out / "split.json").unlink()
    result = run("split", EXAMPLE, "--out", out)
    assert (result.exit_code, "without a split.json that names it" in result.stderr) == (2, True)


def test_what_was_to_train_on_stays_when_new_rows_come(tmp_path: Path) -> None:
    out, monday = tmp_path / "split", tmp_path / "monday.jsonl"
    run("split", EXAMPLE, "--out", out, "--share", 0.2)
    before = rows_of(out / "train.jsonl")
    corrected = before[3] | {"label": "question" if before[3]["label"] == "genuine" else "genuine"}
    new = [corrected, {"text": "brand new words", "label": "genuine"}]
    monday.write_text("\n".join(map(json.dumps, new)))
    result = run("split", monday, "--out", out)
    assert f"{len(before) - 1:,} rows being there before" in result.stderr
    assert rows_of(out / "train.jsonl") == [row for row in before if row["text"] != corrected["text"]] + new
    record = json.loads((out / "split.json").read_text())
    assert record["sources"] == {"labelled.jsonl": 260, "monday.jsonl": 2}
    (out / "train.jsonl").write_text('{"text": "spoilt by hand"}')
    result = run("split", monday, "--out", out)
    assert (result.exit_code, (out / "train.jsonl").read_text()) == (2, '{"text": "spoilt by hand"}')


@pytest.mark.parametrize("column", ["post", "author"])
def test_rows_that_are_all_tied_together_are_refused_unless_the_column_is_not_read(
    column: str, tmp_path: Path
) -> None:
    path, out = tmp_path / "rows.jsonl", tmp_path / "split"
    path.write_text("\n".join(json.dumps(row | {column: "one"}) for row in rows_of(EXAMPLE)))
    result = run("split", path, "--out", out)
    assert result.exit_code == 2
    assert f"one {column} has 260" in result.stderr
    assert f"--map {column}=" in result.stderr
    assert not out.exists()
    result = run("split", path, "--out", out, "--map", f"{column}=")
    assert result.exit_code == 0, result.output
    train = rows_of(out / "train.jsonl")
    assert len(train) > 200
    assert not any(column in row for row in train)


def test_what_nobody_labelled_is_not_split(tmp_path: Path) -> None:
    path = tmp_path / "taught.jsonl"
    said = {"genuine": 0.7, "generic_praise": 0.2, "question": 0.1}
    marks = {"experience": 0.1, "solicitation": 0.1, "addressed": 0.1}
    row = {"text": "x", "label": None, "probabilities": said, "flag_probabilities": marks}
    path.write_text(json.dumps(row))
    result = run("split", path, "--out", tmp_path / "split")
    assert (result.exit_code, "only what teachers say (taught.jsonl:1)" in result.stderr) == (2, True)
    assert run("hash", path, "--out", tmp_path / "hashes.jsonl").exit_code == 2
    assert run("evaluate", path, "--model", tmp_path).exit_code == 2
    assert dataset.load(str(path))[0].label == "genuine"
    path.write_text(json.dumps(row | {"probabilities": said | {"genuine": 7}}))
    assert "do not add up to 1" in run("check", path).stdout.replace("\n", " ").replace(
        "│       │      │ ", ""
    )


def test_other_columns_are_kept_and_mapped_ones_renamed(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["what", "verdict", "who", "when", "note"])
        for i in range(10):
            writer.writerow([f"comment {'abcdefghij'[i]}", "genuine", f"u{i}", f"2026-01-{i + 1:02}", "n"])
    mapping = [
        f"--map={ours}={theirs}"
        for ours, theirs in (
            ("text", "what"),
            ("label", "verdict"),
            ("author", "who"),
            ("created_at", "when"),
        )
    ]
    result = run("split", path, "--out", tmp_path / "split", "--share", 0.2, "--by-time", *mapping)
    assert result.exit_code == 0, result.output
    test = rows_of(tmp_path / "split" / "test.jsonl")
    assert [row["author"] for row in test] == ["u8", "u9"]
    assert test[0] == {
        "text": "comment i", "label": "genuine", "author": "u8", "created_at": "2026-01-09", "note": "n",
    }  # fmt: skip


def test_bad_rows_and_rows_without_a_time_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"text": "fine", "label": "genuine"}))
    result = run("split", path, "--out", tmp_path / "split", "--by-time")
    assert (result.exit_code, "rows.jsonl:1 first" in result.stderr) == (2, True)
    path.write_text(json.dumps({"text": "fine", "label": "fine"}))
    assert run("split", path, "--out", tmp_path / "split").exit_code == 2
    assert not (tmp_path / "split").exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("split", EXAMPLE, "--out", tmp_path / "file")
    assert (result.exit_code, "cannot be written" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (0, None),
        ("1700000000", 1.7e9),
        (1_700_000_000_000, 1.7e9),
        ("2023-11-14T22:13:20Z", 1.7e9),
        ("2023-11-14 22:13:20", 1.7e9),
        ("2 years ago", None),
        ("nan", None),
    ],
)
def test_times(tmp_path: Path, value: Any, seconds: float | None) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"text": "fine", "label": "genuine", "created_at": value}))
    assert dataset.load(str(path))[0].created_at == seconds


def written(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n")
    return path


def filled(n: int, row: str) -> list[str]:
    return [row.format(word="abcdefghijklmnopqrst"[i] * 4, i=i) for i in range(n)]


def test_flags_that_nobody_was_asked_for_stay_unasked_beside_those_of_another_file(tmp_path: Path) -> None:
    blank = written(tmp_path / "a.csv", "text,label,flags", *filled(9, "plain {word},genuine,"))
    asked = written(tmp_path / "b.csv", "text,label,flags", *filled(9, "other {word},question,addressed pun"))
    assert run("split", blank, asked, "--out", tmp_path / "split", "--share", 0.2).exit_code == 0
    files = [tmp_path / "split" / f"{part}.jsonl" for part in ("train", "test", "left_out")]
    rows = [row for path in files for row in rows_of(path)]
    found = {row["text"].split()[0]: row["flags"] for row in rows}
    assert found == {"plain": None, "other": ["addressed", "pun"]}
    assert run("convert", blank, "--out", tmp_path / "c.jsonl").exit_code == 0
    assert {row["flags"] for row in rows_of(tmp_path / "c.jsonl")} == {None}


def test_flags_in_columns_of_their_own_outlast_a_file_with_one_column(tmp_path: Path) -> None:
    names = "text,label,experience,solicitation,addressed"
    apart = written(tmp_path / "a.csv", names, *filled(9, "plain {word},genuine,1,0,0"))
    other = written(tmp_path / "b.csv", "text,label,flags", *filled(9, "other {word},question,addressed"))
    assert run("split", apart, other, "--out", tmp_path / "split", "--share", 0.2).exit_code == 0
    comments = [c for part in ("train", "test") for c in dataset.load(str(tmp_path / f"split/{part}.jsonl"))]
    assert {c.text.split()[0]: c.flags for c in comments} == {
        "plain": frozenset({"experience"}),
        "other": frozenset({"addressed"}),
    }


def test_a_mapped_column_is_written_in_place_of_the_one_of_our_name(tmp_path: Path) -> None:
    names = "text,label,commenter,author,video,post_id"
    path = written(tmp_path / "a.csv", names, *filled(9, "plain {word},genuine,fan{i},desk,v{i},one"))
    maps = ("--map", "author=commenter", "--map", "post=video")
    assert run("split", path, "--out", tmp_path / "split", "--share", 0.2, *maps).exit_code == 0
    rows = rows_of(tmp_path / "split" / "train.jsonl")
    assert len(rows) > 5
    assert all((row["author"][:3], row["post"][:1], len(row)) == ("fan", "v", 4) for row in rows)


def test_an_unread_column_ties_nothing_the_next_time_either(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "text,label,post_id", *filled(18, "plain {word},genuine,one"))
    new = written(tmp_path / "b.csv", "text,label,post_id", "new words,genuine,one")
    out, unread = tmp_path / "split", ("--map", "post=")
    assert run("split", path, "--out", out, "--share", 0.2, *unread).exit_code == 0
    before = rows_of(out / "train.jsonl")
    assert not any("post_id" in row for row in before)
    assert run("split", new, "--out", out).exit_code == 0
    assert len(rows_of(out / "train.jsonl")) == len(before) + 1


def test_rows_that_are_all_tied_to_the_frozen_test_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "text,label,post", *filled(18, "plain {word},genuine,p{i}"))
    out = tmp_path / "split"
    assert run("split", path, "--out", out, "--share", 0.2).exit_code == 0
    before = (out / "train.jsonl").read_bytes()
    post = rows_of(out / "test.jsonl")[0]["post"]
    tied = [json.dumps(row | {"post": post}) for row in rows_of(out / "train.jsonl")]
    result = run("split", written(tmp_path / "b.jsonl", *tied), "--out", out)
    assert (result.exit_code, "so 0 are left to" in " ".join(result.stderr.split())) == (2, True)
    assert (out / "train.jsonl").read_bytes() == before


def test_a_column_that_no_file_has_is_refused(tmp_path: Path) -> None:
    plain, other = tmp_path / "a.csv", tmp_path / "b.csv"
    plain.write_text("text,label\n" + "".join(f"mine broke at {w},genuine\n" for w in "abcdefghij"))
    other.write_text("text,verdict\n" + "".join(f"it held at {w},genuine\n" for w in "klmnopqrst"))
    assert "there is no column" not in run("check", plain, other, "--map", "label=verdict").stderr
    for command in (("check", plain), ("split", plain, "--out", tmp_path / "out"), ("build", plain)):
        result = run(*command, "--map", "label=verdikt")
        assert result.exit_code == 2
        assert "there is no column 'verdikt' for label in any; found text, label" in result.stderr
    assert not (tmp_path / "out").exists()
