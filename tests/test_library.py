"""The library as the README uses it: everything in a few lines, fetched only when asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import plaudit
from plaudit import library
from plaudit.comment import Batch
from plaudit.errors import ArtifactError, InputError, MappingError, UsageError
from plaudit.items import EMPTY, Item, results
from plaudit.pipeline import Pipeline
from plaudit.readers import ReadOptions
from plaudit.report.envelope import Report
from tests.fakes import fake_pipeline

RECORDS = [
    {"id": "a", "text": "Which glue did you use?", "author": "ann", "post_id": "p"},
    {"id": "b", "text": "nice", "author": "bob", "post_id": "q"},
    {"id": "b", "text": "nice", "author": "bob", "post_id": "q"},
]


@pytest.fixture(autouse=True)
def loads(monkeypatch: pytest.MonkeyPatch) -> list[Path | None]:
    """Serve the fake, and keep count of what is loaded."""
    seen: list[Path | None] = []

    def load(path: Path | None = None, **_: object) -> Pipeline:
        seen.append(path)
        return fake_pipeline()

    monkeypatch.setattr(Pipeline, "load", load)
    library._pipeline.cache_clear()
    yield seen
    library._pipeline.cache_clear()


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_everything_public_is_listed_and_there() -> None:
    assert plaudit.__all__ == [
        "Pipeline", "Report", "__version__", "classify", "errors", "label", "score", "udf",
    ]  # fmt: skip
    for name in plaudit.__all__:
        assert name in dir(plaudit)
        assert getattr(plaudit, name) is not None
    assert plaudit.Pipeline is Pipeline
    assert plaudit.Report is Report
    assert plaudit.score is library.score
    assert plaudit.errors.InputError is InputError
    assert plaudit.__version__[0].isdigit()
    with pytest.raises(AttributeError, match="no attribute 'scoer'"):
        _ = plaudit.scoer  # type: ignore[attr-defined]


def test_importing_it_loads_nothing_heavy() -> None:
    script = (
        "import sys, plaudit; heavy = {'numpy', 'pyarrow', 'onnxruntime', 'spacy', 'fastapi', 'torch'};"
        "early = heavy & {*sys.modules}; from plaudit import *; score; classify;"
        "print(sorted(early), sorted({'spacy', 'fastapi', 'torch'} & {*sys.modules}))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "[] []\n"


def test_nobody_is_told_that_it_runs(tmp_path: Path) -> None:
    """The runtime of the networks would number this machine, and keep events to send to its makers."""
    homes = {name: str(tmp_path) for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    given = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    script = (
        "from plaudit import artifact, onnx_network;"
        "onnx_network.ort.InferenceSession(artifact.current() / 'model.onnx')"
    )
    command = [sys.executable, "-B", "-c", script]
    run = subprocess.run(command, env=given | homes, capture_output=True, text=True, check=True)
    assert run.stderr == ""
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    "module",
    ["text", "pipeline", "library", "readers", "report.envelope", "errors", "artifact", "items", "index"],
)
def test_any_module_may_be_imported_first(module: str) -> None:
    subprocess.run([sys.executable, "-c", f"import plaudit.{module}"], check=True, capture_output=True)


def test_one_file_several_and_a_folder(tmp_path: Path) -> None:
    one = write(tmp_path / "one.jsonl", *(json.dumps(each) for each in RECORDS))
    two = write(tmp_path / "two.csv", "text", "great", "Is it dry?")
    assert plaudit.score(one).coverage.read == 3
    assert plaudit.score(str(one)).coverage.rejected == {"duplicate_id": 1}
    assert plaudit.score([one, str(two)]).coverage.read == 5
    assert plaudit.score([str(one), str(two)]).coverage.read == 5
    assert plaudit.score(path for path in [one, two]).coverage.read == 5
    assert plaudit.score(tmp_path).coverage.read == 5


def test_records_and_texts() -> None:
    assert plaudit.score(RECORDS).coverage.scored == 2
    assert plaudit.score(iter(RECORDS)).coverage.scored == 2
    coverage = plaudit.score(["nice", "Which glue?", "", "tick/tock", "x" * 5000, "a\0b"]).coverage
    assert (coverage.read, coverage.rejected) == (6, {"empty_text": 1})
    assert plaudit.score([]).coverage.read == 0
    assert plaudit.score([""]).coverage.rejected == {"empty_text": 1}


def test_texts_are_taken_as_they_come() -> None:
    """Many texts need not fit into memory: none is asked for long before it is read."""
    n_given, n_ahead = 0, 0

    def texts() -> Iterator[str]:
        nonlocal n_given
        for i in range(40_000):
            n_given += 1
            yield f"which one is number {i}?"

    def noted(batch: Batch, _: object) -> None:
        nonlocal n_ahead
        n_ahead = max(n_ahead, n_given - int(batch.comments.column("id")[-1].as_py()))

    options = ReadOptions(batch_size=1000)
    report = fake_pipeline().score(library._batches(texts(), options), on_batch=noted)
    assert report.coverage.read == n_given == 40_000
    assert n_ahead < 2000


def test_options_reach_the_reader_and_the_report(tmp_path: Path) -> None:
    path = write(tmp_path / "dump.csv", "body,who", "my glue failed,maker", "great,bob")
    columns = {"text": "body", "author": "who"}
    report = plaudit.score(
        path, format="csv", creator="maker", post="p9", platform="tiktok", columns=columns, by="post"
    )
    assert [group.key for group in report.groups] == ["p9"]
    assert not any("wrote none" in each for each in report.warnings)


@pytest.mark.parametrize(
    ("comments", "told"),
    [
        ("gone.jsonl", "gone.jsonl"),
        (["gone.jsonl"], "gone.jsonl"),
        (["a comment", "gone.csv"], None),
        ([Path("gone")], "gone"),
        (7, "int"),
        (b"bytes", "bytes"),
        ({"text": "x"}, "dict"),
        (["nice", 3], "int, str"),
        ([["nice"]], "list"),
    ],
)
def test_what_cannot_be_scored_is_told(comments: object, told: str | None) -> None:
    if told is None:
        assert plaudit.score(comments).coverage.read == 2  # type: ignore[arg-type]
        return
    with pytest.raises(InputError, match=told):
        plaudit.score(comments)  # type: ignore[arg-type]


def test_wrong_options_are_told() -> None:
    with pytest.raises(MappingError, match="platform"):
        plaudit.score(RECORDS, platform="myspace")
    with pytest.raises(MappingError, match="column"):
        plaudit.score(RECORDS, columns={"words": "text"})
    with pytest.raises(UsageError, match="week"):
        plaudit.score(RECORDS, by="week")
    with pytest.raises(TypeError):
        plaudit.score(RECORDS, "csv")  # type: ignore[misc]


def test_unusable_input_is_told_before_the_model_is_loaded(loads: list[Path | None]) -> None:
    with pytest.raises(InputError):
        plaudit.score("gone.jsonl")
    assert loads == []


def test_classify_keeps_order_and_tells_empty_texts() -> None:
    found = plaudit.classify(["Great post!", "\u200d", "Which glue?", "これは何"])
    assert [each["id"] for each in found] == ["1", "2", "3", "4"]
    assert found[1] == {"id": "2", "error": EMPTY}
    assert [each.get("label") for each in found] == ["generic_praise", None, "question", "genuine"]
    assert list(found[0]) == [
        "id", "label", "probabilities", "flags", "language", "supported", "truncated",
    ]  # fmt: skip
    assert found[3]["supported"] is False
    assert plaudit.classify([]) == []
    assert plaudit.classify(text for text in ["nice"])[0]["label"] == "generic_praise"


def test_classify_is_what_every_other_way_answers() -> None:
    texts = ["Great post!", "", "Which glue?"]
    items = [Item.of(text, id=str(i)) for i, text in enumerate(texts, start=1)]
    assert plaudit.classify(texts) == list(results(items, fake_pipeline()))


@pytest.mark.parametrize(
    ("texts", "told"), [("one text", "in a list"), (["a", None], "Item 2 is a NoneType")]
)
def test_what_is_no_list_of_texts_is_told(texts: object, told: str) -> None:
    with pytest.raises(InputError, match=told):
        plaudit.classify(texts)  # type: ignore[arg-type]


def test_a_model_is_loaded_once(loads: list[Path | None], tmp_path: Path) -> None:
    workers = [threading.Thread(target=plaudit.classify, args=(["nice"],)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    plaudit.score(RECORDS)
    plaudit.classify(["nice"], model=tmp_path)
    plaudit.score(RECORDS, model=str(tmp_path))
    assert loads == [None, tmp_path.resolve()]


def test_a_model_that_is_none_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    library._pipeline.cache_clear()
    with pytest.raises(ArtifactError, match=r"manifest\.json"):
        plaudit.classify(["nice"], model=tmp_path)


def test_posts_and_creators_are_named_as_frames_name_them(loads: list[Path | None]) -> None:
    rows = [{"id": str(i), "text": f"why oak {i}?", "author": f"fan {i}", "post_id": 7} for i in range(30)]
    named = plaudit.score(rows, posts={7: "Oak", 8: None}, creator=5)
    assert named.to_dict() == plaudit.score(rows, posts={"7": "Oak"}, creator="5").to_dict()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"posts": ["Oak"]}, "posts is a list, expected texts by the ids"),
        ({"posts": {"7": 3}}, "posts holds a int under '7', expected a text"),
        ({"posts": {None: "Oak"}}, "expected a text under an id"),
        ({"creator": 1.5j}, r"creator is 1.5j, expected an id"),
        ({"post": ["7"]}, "post is .*, expected an id"),
    ],
)
def test_ids_that_are_none_are_refused_before_anything_is_read(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        plaudit.score(["why oak?"], **given)
