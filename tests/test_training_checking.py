from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from plaudit.errors import TrainingDataError
from plaudit.training import checking, dataset
from plaudit.training.checking import Checked
from plaudit.training.cli import app
from plaudit.training.telling import tell_checked
from tests.tiny import EXAMPLE

LONG = "the second firing cracked mine as well, so I let the kiln cool for two whole days now"
GOOD: list[dict[str, Any]] = [
    {"text": "which clay is that?", "label": "question"},
    {"text": "mine cracked too", "label": "genuine", "author": "ann", "post": "p1"},
    {"text": "amazing!!", "label": "generic_praise"},
]


def file(path: Path, *rows: dict[str, Any]) -> str:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return str(path)


def found(tmp_path: Path, *rows: dict[str, Any], test: list[dict[str, Any]] | None = None) -> Checked:
    train = dataset.examine(file(tmp_path / "train.jsonl", *rows))
    tests = {} if test is None else dataset.examine_named([file(tmp_path / "test.jsonl", *test)])
    return checking.check([train], tests=tests)


def levels(checked: Checked) -> dict[str, str]:
    return {finding.name: finding.level for finding in checked.findings}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_good_rows_pass_and_are_counted(tmp_path: Path) -> None:
    checked = found(tmp_path, *GOOD)
    assert not checked.failed
    checking.refuse(checked)
    assert checked.sets["training"]["labels"] == {"genuine": 1, "generic_praise": 1, "question": 1}
    assert levels(checked) == {"label_rare": "warning", "no_flags": "note"}


@pytest.mark.parametrize(
    ("row", "name", "says"),
    [
        ({"text": "x", "label": "spam"}, "bad_rows", "row 4: unknown label 'spam'"),
        ({"text": " \u200b", "label": "genuine"}, "bad_rows", "row 4: the text is empty"),
        ({"text": "Mine cracked too", "label": "question"}, None, ""),  # case is kept: another text
        ({"text": " mine  cracked too", "label": "question"}, "two_labels", "train.jsonl:2; train.jsonl:4"),
    ],
)
def test_bad_rows_are_errors(tmp_path: Path, row: dict[str, Any], name: str | None, says: str) -> None:
    checked = found(tmp_path, *GOOD, row)
    assert checked.failed == (name is not None)
    if name is not None:
        assert levels(checked)[name] == "error"
        with pytest.raises(TrainingDataError, match=says):
            checking.refuse(checked)


def test_a_missing_label_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="No row has the label question"):
        checking.refuse(found(tmp_path, *GOOD[1:]), leave_out=True)


@pytest.mark.parametrize(
    ("row", "tie"),
    [
        ({"text": "MINE cracked too!"}, "text"),
        ({"text": f"{LONG} ok"}, "near_duplicate"),
        ({"text": "other words", "post": "p1"}, "post"),
        ({"text": "other words", "author": "ann"}, "author"),
    ],
)
def test_leaks_are_errors_that_can_be_left_out(tmp_path: Path, row: dict[str, Any], tie: str) -> None:
    rows = [{"text": text, "label": label} for text, label in (("a b", "genuine"), ("c d", "question"))]
    test = [*GOOD, {"text": LONG, "label": "genuine"}]
    checked = found(
        tmp_path, *rows, {"text": "e", "label": "generic_praise"}, row | {"label": "genuine"}, test=test
    )
    assert levels(checked)[f"leak_{tie}"] == "error"
    with pytest.raises(TrainingDataError, match=r"train\.jsonl:4.*--leave-out"):
        checking.refuse(checked)
    checking.refuse(checked, leave_out=True)


def test_copies_and_languages_are_noted(tmp_path: Path) -> None:
    more = [
        {"text": "AMAZING 🔥", "label": "generic_praise"},
        {"text": LONG, "label": "genuine"},
        {"text": f"{LONG} ok", "label": "genuine"},
        {"text": "muy buena explicación, lo del minuto tres me salvó la vida", "label": "genuine"},
    ]
    checked = found(tmp_path, *GOOD, *more)
    assert levels(checked) == {
        "copies": "note",
        "near_duplicates": "note",
        "language": "warning",
        "label_rare": "warning",
        "no_flags": "note",
    }
    says = {finding.name: finding.says for finding in checked.findings}
    assert "train.jsonl:6 like train.jsonl:5" in says["near_duplicates"]
    assert "train.jsonl:7 en, looks es" in says["language"]


def test_what_is_passed_over_is_noted(tmp_path: Path) -> None:
    rows = [{"text": f"{row['text']} hm", "label": row["label"], "flags": ["sarcasm"]} for row in GOOD]
    said = {finding.name: finding.says for finding in found(tmp_path, *rows).findings}
    assert "3 marks are no flag (sarcasm (3)), as experience" in said["other_marks"]
    assert "None of 3 rows says its post or author" in said["untied"]
    assert "untied" not in levels(found(tmp_path, *rows, GOOD[1]))


def test_a_test_that_nobody_labelled_is_an_error(tmp_path: Path) -> None:
    shares = {"genuine": 0.8, "generic_praise": 0.1, "question": 0.1}
    marks = {"experience": 0.1, "solicitation": 0.1, "addressed": 0.1}
    taught = {"text": "so it is", "label": None, "probabilities": shares, "flag_probabilities": marks}
    assert not found(tmp_path, *GOOD, taught).failed
    checked = found(tmp_path, {"text": "else", "label": "genuine"}, test=[taught])
    assert levels(checked)["guessed"] == "error"


def test_a_numbered_source_can_be_counted(tmp_path: Path) -> None:
    rows = [{**row, "source": number} for number, row in enumerate(GOOD)]
    assert found(tmp_path, *rows).sets["training"]["sources"] == {"0": 1, "1": 1, "2": 1}


def test_the_table_shows_counts_and_findings(tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=240)
    tell_checked(found(tmp_path, *GOOD, {"text": "[x]", "label": "[bold]"}, test=GOOD), console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "label question" in shown
    assert "alpha" not in shown
    two = [row | {"labels": [row["label"], row["label"]]} for row in GOOD]
    tell_checked(found(tmp_path, *two), console)
    assert "3 rows were labelled by two or more: 100.0% of pairs agree" in console.file.getvalue()  # type: ignore[attr-defined]
    assert "unknown label '[bold]'" in shown


def test_the_command_ends_with_2_where_it_found_an_error(tmp_path: Path) -> None:
    good, bad = file(tmp_path / "good.jsonl", *GOOD), file(tmp_path / "bad.jsonl", {"text": "", "label": "x"})
    assert run("check", good).exit_code == 0
    result = run("check", bad, "--json", "-")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["failed"] is True
    assert run("check", EXAMPLE, "--test", EXAMPLE).exit_code == 2


def test_columns_can_be_mapped(tmp_path: Path) -> None:
    rows = [{"what": row["text"], "verdict": row["label"], "where": "p"} for row in GOOD]
    path = file(tmp_path / "mapped.jsonl", *rows)
    mapping = ("--map", "text=what", "--map", "label=verdict", "--map", "post=where")
    assert run("check", path, *mapping).exit_code == 0
    assert {
        c.post for c in dataset.load(path, columns={"text": "what", "label": "verdict", "post": "where"})
    } == {"p"}
    result = run("check", path, "--map", "body=what")
    assert (result.exit_code, "expected COLUMN=NAME" in result.stderr) == (2, True)
