from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from plaudit.errors import MappingError, TrainingDataError
from plaudit.training import dataset, exchange
from plaudit.training.cli import app
from tests.tiny import EXAMPLE

ROWS: list[dict[str, Any]] = [
    {"text": "which glaze?", "label": "question", "flags": ["addressed"], "id": "7", "language": "en",
     "probabilities": {"question": 0.61}},
    {"text": "great 🔥", "label": "generic_praise", "flags": []},
]  # fmt: skip


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def read(path: Path, content: Any) -> list[dataset.LabelledComment]:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return dataset.load(str(path))


def label_studio(*choices: list[str], cancelled: bool = False) -> dict[str, Any]:
    results = [
        [{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": chosen}}]
        for chosen in choices
    ]
    return {
        "id": 1,
        "data": {"text": "which glaze?", "language": "de", "post": "p1"},
        "annotations": [{"result": result, "was_cancelled": cancelled} for result in results],
    }


def test_label_studio_exports_are_labelled_files(tmp_path: Path) -> None:
    tasks = [
        label_studio(["question"], ["question", "addressed"], ["genuine", "addressed"]),
        label_studio(["question"], ["genuine"]),
        label_studio(["genuine"], cancelled=True),
        label_studio(),
    ]
    first, second = read(tmp_path / "export.json", tasks)
    assert (first.label, first.flags, first.unsure) == ("question", {"addressed"}, False)
    assert (first.language, first.post) == ("de", "p1")
    assert second.unsure
    with pytest.raises(TrainingDataError, match="None of the 1 tasks"):
        read(tmp_path / "empty.json", [label_studio()])
    with pytest.raises(TrainingDataError, match="unknown label 'praise'"):
        read(tmp_path / "other.json", [label_studio(["praise"])])


def test_prodigy_exports_are_labelled_files(tmp_path: Path) -> None:
    tasks = [
        {
            "text": "a",
            "accept": ["question", "experience"],
            "answer": "accept",
            "options": [],
            "meta": {"post": "p"},
        },
        {"text": "b", "accept": [], "answer": "ignore", "options": []},
        {"text": "c", "accept": ["genuine"], "answer": "reject", "options": []},
    ]
    (found,) = read(tmp_path / "choice.jsonl", "\n".join(map(json.dumps, tasks)))
    assert (found.text, found.label, found.flags, found.post) == ("a", "question", {"experience"}, "p")
    text = "\n".join(
        json.dumps({"text": t, "label": "genuine", "answer": a})
        for t, a in (("a", "accept"), ("b", "reject"))
    )
    assert [c.text for c in read(tmp_path / "textcat.jsonl", text)] == ["a"]


def test_argilla_exports_are_labelled_files(tmp_path: Path) -> None:
    def record(text: str, **responses: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": text,
            "fields": {"text": text},
            "metadata": {"source": "yt"},
            "suggestions": {},
            "responses": responses,
        }

    people = [{"value": "genuine", "user_id": "u1"}, {"value": "genuine", "user_id": "u2"}]
    flags = [
        {"value": ["experience"], "user_id": "u1"},
        {"value": ["experience", "addressed"], "user_id": "u2"},
    ]
    (found,) = read(tmp_path / "records.json", [record("mine", label=people, flags=flags), record("open")])
    assert (found.label, found.flags, found.source, found.unsure) == ("genuine", {"experience"}, "yt", False)


def test_flags_that_a_tool_never_asked_for_are_not_known_to_be_absent(tmp_path: Path) -> None:
    assert [c.flags for c in read(tmp_path / "a.json", [label_studio(["genuine"])])] == [None]
    tasks = [label_studio(["genuine"]), label_studio(["genuine", "experience"])]
    assert [c.flags for c in read(tmp_path / "b.json", tasks)] == [set(), {"experience"}]


def test_a_text_of_another_name_and_marks_beside_the_label(tmp_path: Path) -> None:
    task = label_studio(["not_english", "Question"])
    task["data"] = {"body": "which glaze?"}
    (found,) = read(tmp_path / "a.json", [task])
    assert (found.text, found.label) == ("which glaze?", "question")
    record = {"fields": {"comment": "hm"}, "responses": {"label": [{"value": "genuine", "user_id": "u"}]}}
    assert read(tmp_path / "b.json", [record])[0].text == "hm"


def test_tables_of_label_studio_are_labelled_files(tmp_path: Path) -> None:
    shared = {"id": 1, "lead_time": 3.1, "created_at": "2026-01-01T00:00:00Z"}
    rows = [
        {"text": "which glaze?", "label": "question", "flags": {"choices": ["addressed", "experience"]},
         "annotator": 1, "annotation_id": 1, **shared},
        {"text": "which glaze?", "label": "question", "flags": "addressed", "annotator": 2,
         "annotation_id": 2, **shared},
        {"text": "nice", "label": "generic_praise", "annotator": 1, "annotation_id": 3, **shared, "id": 2},
    ]  # fmt: skip
    first, second = read(tmp_path / "min.json", rows)
    assert (first.label, first.flags) == ("question", {"addressed"})
    assert second.flags == set()
    table = (
        "annotation_id,annotator,flags,id,label,lead_time,text\n"
        '1,1,"{""choices"":[""addressed"",""experience""]}",1,question,3,which glaze?\n'
        "2,1,,2,generic_praise,3,nice\n"
    )
    (tmp_path / "rows.csv").write_text(table)
    assert [c.flags for c in dataset.load(str(tmp_path / "rows.csv"))] == [{"addressed", "experience"}, set()]


def test_sessions_of_prodigy_are_annotators(tmp_path: Path) -> None:
    rows = [
        {"text": "a", "accept": [label], "answer": "accept", "_session_id": f"set-{who}"}
        for who, label in (("ann", "genuine"), ("ben", "question"), ("eve", "question"))
    ]
    (found,) = read(tmp_path / "rows.jsonl", "\n".join(map(json.dumps, rows)))
    assert (found.label, found.unsure) == ("question", False)


def test_tables_of_argilla_are_labelled_files(tmp_path: Path) -> None:
    rows = [
        {"id": "1", "status": "completed", "text": "a", "source": "yt", "label.suggestion": "question",
         "label.responses": ["genuine", "question"], "label.responses.users": ["u", "v"],
         "label.responses.status": ["submitted", "discarded"],
         "flags.responses": [["addressed"]], "flags.responses.users": ["u"],
         "flags.responses.status": ["submitted"]},
        {"id": "2", "status": "pending", "text": "b", "label.responses": None},
    ]  # fmt: skip
    (found,) = read(tmp_path / "rows.json", rows)
    assert (found.label, found.flags, found.source) == ("genuine", {"addressed"}, "yt")


def test_feedback_of_the_service_is_a_labelled_file(tmp_path: Path) -> None:
    line = {
        "id": "0f8c",
        "text": "why oak?",
        "label": "question",
        "flags": None,
        "comment_id": None,
        "note": "!",
    }
    (found,) = read(tmp_path / "feedback.ndjson", json.dumps(line))
    assert (found.label, found.flags) == ("question", None)


@pytest.mark.parametrize("kind", exchange.KINDS)
def test_every_kind_can_be_written_and_holds_the_texts(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "tasks.json"
    path.write_bytes(exchange.written(ROWS, kind))
    content = path.read_text()
    tasks = (
        json.loads(content)
        if kind in ("label-studio", "argilla")
        else list(map(json.loads, content.splitlines()))
    )
    assert len(tasks) == 2
    assert "great 🔥" in content
    assert "question" in json.dumps(tasks[0])


def test_what_a_tool_answers_to_our_tasks_comes_back(tmp_path: Path) -> None:
    tasks = json.loads(exchange.written(ROWS, "label-studio"))
    for task in tasks:  # the annotator confirms what was suggested
        task["annotations"] = [{"result": prediction["result"]} for prediction in task["predictions"]]
    assert [(c.label, c.flags) for c in read(tmp_path / "a.json", tasks)] == [
        ("question", {"addressed"}), ("generic_praise", set()),
    ]  # fmt: skip
    lines = [
        json.loads(line) | {"answer": "accept"} for line in exchange.written(ROWS, "prodigy").splitlines()
    ]
    assert [c.label for c in read(tmp_path / "b.jsonl", "\n".join(map(json.dumps, lines)))] == [
        "question", "generic_praise",
    ]  # fmt: skip


def test_the_convert_command(tmp_path: Path) -> None:
    assert run("convert", EXAMPLE, "--to", "prodigy", "--out", tmp_path / "tasks.jsonl").exit_code == 0
    export = tmp_path / "export.json"
    export.write_text(json.dumps([label_studio(["question"])]))
    assert run("convert", export, "--out", tmp_path / "ours.jsonl").exit_code == 0
    assert dataset.load(str(tmp_path / "ours.jsonl"))[0].label == "question"
    table = tmp_path / "rows.csv"
    table.write_text("comment,label,flags\nmine broke,Genuine,addressed experience\nwhich glue?,,\n")
    assert run("convert", table, "--to", "label-studio", "--out", tmp_path / "tasks.json").exit_code == 0
    first, second = json.loads((tmp_path / "tasks.json").read_text())
    assert (first["data"], second["data"]) == ({"text": "mine broke"}, {"text": "which glue?"})
    chosen = [part["value"]["choices"] for part in first["predictions"][0]["result"]]
    assert (chosen, "predictions" in second) == ([["genuine"], ["addressed", "experience"]], False)
    table.write_text("what\nhm\n")
    assert run("convert", table, "--out", tmp_path / "y.jsonl", "--map", "text=what").exit_code == 0
    result = run("convert", table, "--out", tmp_path / "z.jsonl")
    assert (result.exit_code, "has no text column; found what" in result.stderr) == (2, True)
    result = run("convert", EXAMPLE, "--to", "excel", "--out", tmp_path / "x")
    assert (result.exit_code, "expected one of jsonl" in result.stderr) == (2, True)
    with pytest.raises(MappingError):
        exchange.check_kind("excel")
