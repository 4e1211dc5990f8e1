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
    result = run("convert", EXAMPLE, "--to", "excel", "--out", tmp_path / "x")
    assert (result.exit_code, "expected one of jsonl" in result.stderr) == (2, True)
    with pytest.raises(MappingError):
        exchange.check_kind("excel")
