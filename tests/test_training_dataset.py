from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plaudit.errors import MappingError, TrainingDataError
from plaudit.scores import LABELS
from plaudit.training import dataset, options
from plaudit.training.dataset import LabelledComment
from tests.tiny import EXAMPLE

ROWS: list[dict[str, Any]] = [
    {"text": "is this the slow wheel?", "label": "question", "flags": [], "post": "p1"},
    {"text": 'she said "no",\nand left', "label": "genuine", "flags": ["experience"], "unsure": True},
    {"text": "100", "label": "generic_praise", "flags": None, "language": "de"},
    {"text": "NA", "label": "generic_praise", "flags": ["not_english", "addressed"]},
]


def written(folder: Path, kind: str, rows: list[dict[str, Any]]) -> str:
    path = folder / f"rows.{kind}"
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n\n".join(lines) if kind == "jsonl" else f"[{', '.join(lines)}]")
    return str(path)


def test_the_example_loads_with_every_label() -> None:
    comments = dataset.load(str(EXAMPLE))
    assert {c.label for c in comments} == set(LABELS)
    assert all(c.flags is not None for c in comments)


@pytest.mark.parametrize("kind", ["jsonl", "json"])
def test_json(tmp_path: Path, kind: str) -> None:
    found = dataset.load(written(tmp_path, kind, ROWS))
    assert found[0] == LabelledComment(
        text="is this the slow wheel?", label="question", flags=frozenset(), post="p1"
    )
    assert found[1].unsure
    assert found[1].flags == {"experience"}
    assert (found[2].flags, found[2].language) == (None, "de")
    assert found[3].flags == {"addressed"}  # marks that are no flags of ours


def test_a_line_separator_inside_a_text_ends_no_line(tmp_path: Path) -> None:
    rows = [{"text": "one\u2028two", "label": "genuine"}]
    assert dataset.load(written(tmp_path, "jsonl", rows))[0].text == "one\u2028two"


def test_csv_keeps_texts_as_written(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        "comment,label,flags,unsure\n"
        '"a ""quoted"", text\nof two lines",genuine,experience addressed,False\n'
        "100,generic_praise,,true\n"
        "NA,generic_praise,solicitation;experience,\n",
        encoding="utf-8-sig",
    )
    found = dataset.load(str(path))
    assert [c.text for c in found] == ['a "quoted", text\nof two lines', "100", "NA"]
    assert [c.unsure for c in found] == [False, True, False]
    assert [c.flags for c in found] == [{"experience", "addressed"}, set(), {"solicitation", "experience"}]


def test_tsv_and_named_columns(tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv"
    path.write_text("what\tverdict\nlovely, really\tgeneric_praise\n")
    found = dataset.load(str(path), columns={"text": "what", "label": "verdict"})
    assert found == [LabelledComment(text="lovely, really", label="generic_praise")]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_parquet_and_saved_folders(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed: pip install '.[train]'")
    rows = [{"text": "is it loud?", "label": "question", "flags": ["addressed"]}]
    data = datasets.Dataset.from_list(rows)
    data.to_parquet(str(tmp_path / "rows.parquet"))
    data.save_to_disk(str(tmp_path / "saved"))
    expected = [LabelledComment(text="is it loud?", label="question", flags=frozenset(["addressed"]))]
    assert dataset.load(str(tmp_path / "rows.parquet")) == expected
    assert dataset.load(str(tmp_path / "saved")) == expected
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(TrainingDataError, match=r"bad\.parquet cannot be read"):
        dataset.load(str(tmp_path / "bad.parquet"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_classes_of_a_data_set_come_by_name(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="datasets is not installed: pip install '.[train]'")
    label = datasets.ClassLabel(names=["genuine", "generic_praise", "question"])
    features = datasets.Features({"text": datasets.Value("string"), "label": label})
    data = datasets.Dataset.from_list([{"text": "is it loud?", "label": 2}], features=features)
    data.to_parquet(str(tmp_path / "ROWS.PARQUET"))
    datasets.DatasetDict({"validation": data}).save_to_disk(str(tmp_path / "one"))
    for name in ("ROWS.PARQUET", "one"):
        assert [c.label for c in dataset.load(str(tmp_path / name))] == ["question"]
    datasets.DatasetDict({"a": data, "b": data}).save_to_disk(str(tmp_path / "two"))
    with pytest.raises(TrainingDataError, match="no part train among a, b"):
        dataset.load(str(tmp_path / "two"))


def test_tables_as_spreadsheets_write_them(tmp_path: Path) -> None:
    path = tmp_path / "ROWS.CSV"
    path.write_text('text;label\n"so, lovely; really";Generic praise\n')
    assert dataset.load(str(path)) == [LabelledComment(text="so, lovely; really", label="generic_praise")]


def test_a_column_of_flags_that_nobody_filled_in_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("text,label,flags\na,genuine,\nb,question, \n")
    assert [c.flags for c in dataset.load(str(path))] == [None, None]
    path.write_text("text,label,experience,solicitation,addressed\na,genuine,1,0,0\nb,question,,,\n")
    assert [c.flags for c in dataset.load(str(path))] == [{"experience"}, None]


def test_a_column_is_looked_for_in_every_row_and_a_named_one_must_be_there(tmp_path: Path) -> None:
    rows = [{"text": "a", "label": "genuine"}, {"text": "b", "label": "genuine", "video": 0, "author": 3.0}]
    path = written(tmp_path, "jsonl", rows)
    assert [(c.post, c.author) for c in dataset.load(path, columns={"post": "video"})] == [
        ("", ""), ("0", "3"),
    ]  # fmt: skip
    assert [c.author for c in dataset.load(path, columns={"author": ""})] == ["", ""]
    with pytest.raises(TrainingDataError, match="no column 'vidoe' for post; found text, label, video"):
        dataset.load(path, columns={"post": "vidoe"})
    # What `split` wrote is under our own names, whatever the files beside it call them.
    assert dataset.load(path, columns={"text": "body"})[0].text == "a"


def test_labels_of_other_names(tmp_path: Path) -> None:
    path = written(tmp_path, "jsonl", [{"text": "a", "label": 1}, {"text": "b", "label": "spam"}])
    columns = options.columns_of(["genuine=1", "generic_praise=spam", "generic_praise=promo"])
    assert [c.label for c in dataset.load(path, columns=columns)] == ["genuine", "generic_praise"]
    with pytest.raises(TrainingDataError, match="for another name of one: --map genuine=NAME"):
        dataset.load(path)
    for argument in ("genuine=", "spam=genuine", "text="):
        with pytest.raises(MappingError, match="expected COLUMN=NAME"):
            options.columns_of([argument])


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"text": 5, "label": "genuine"}, "the text is of the kind int, expected a string"),
        ({"text": "a", "label": ""}, "there is no label"),
        ({"text": "a", "label": "genuine", "flags": True}, "flags are True"),
        ({"text": "a", "label": "genuine", "language": "English"}, "the language is 'English'"),
        ({"text": "a", "label": "x" * 900}, "x{39} expected|x{39},"),
    ],
)
def test_rows_that_say_nothing_of_use(tmp_path: Path, row: dict[str, Any], says: str) -> None:
    with pytest.raises(TrainingDataError, match=says):
        dataset.load(written(tmp_path, "jsonl", [row]))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.jsonl", '{"text": "x", "label": "genuine"}\n{"text"', r"a\.jsonl:2 is not JSON"),
        ("a.jsonl", "[1, 2]", "something other than objects"),
        ("a.jsonl", "3", "no JSON object"),
        ("a.json", "[{]", "not JSON"),
        ("a.csv", "text,label\na,b,c\n", "row 2 has more or fewer cells"),
        ("a.csv", 'text,label\n"a,b\n', "no CSV"),
        ("a.csv", "text,label\n", "holds no rows"),
        ("a.jsonl", "", "holds no rows"),
        ("a.csv", b"text,label\n\xff\xfe,genuine\n", "not UTF-8"),
        ("a.xlsx", "", "unknown kind"),
        ("a.jsonl", '{"body_html": "x", "label": "genuine"}', "has no text column; found body_html, label"),
        ("a.jsonl", '{"text": "x"}', "has no label column"),
    ],
)
def test_unusable_files_are_named(tmp_path: Path, name: str, content: str | bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(TrainingDataError, match=says):
        dataset.load(str(path))


def test_a_missing_file_is_named() -> None:
    with pytest.raises(TrainingDataError, match=r"There is no nowhere\.jsonl"):
        dataset.load("nowhere.jsonl")


def test_the_first_bad_rows_are_listed(tmp_path: Path) -> None:
    rows = [{"text": "fine", "label": "genuine"}, {"text": " \u200b ", "label": "genuine"}]
    rows += [{"text": "fine", "label": "spam"}] * 8
    with pytest.raises(TrainingDataError) as error:
        dataset.load(written(tmp_path, "jsonl", rows))
    message = str(error.value)
    assert "9 of 10 rows are no use" in message
    assert "row 2: the text is empty; row 3: unknown label 'spam', expected one of genuine" in message
    assert "and 4 more" in message


def test_files_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="share a name"):
        dataset.load_named(["a/test.jsonl", "b/test.csv"])
    with pytest.raises(TrainingDataError, match="rename the file"):
        dataset.load_named(["held_out.jsonl"])


def test_texts_with_two_labels_are_left_out() -> None:
    pair = [LabelledComment(text="first", label=label) for label in ("genuine", "generic_praise")]
    same = [LabelledComment(text="nice", label="generic_praise")] * 2
    assert dataset.without_conflicts([*pair, *same]) == same


def test_the_digest_forgets_order_and_sees_labels() -> None:
    rows = [LabelledComment(text=t, label="genuine") for t in "abc"]
    assert dataset.digest(rows) == dataset.digest(rows[::-1])
    assert dataset.digest(rows) != dataset.digest([*rows[:2], LabelledComment(text="c", label="question")])
