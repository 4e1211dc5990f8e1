from __future__ import annotations

import json
from pathlib import Path

import pytest

from plaudit.errors import TrainingDataError
from plaudit.training import config, dataset
from plaudit.training.dataset import LabelledComment
from plaudit.training.preparation import Parts, prepare
from tests.tiny import EXAMPLE


def knobs(*files: Path, share: float = 0.2) -> config.Config:
    names = json.dumps([str(file) for file in files])
    return config.load(
        overrides=[f"data.train={names}", f"data.calibration_share={share}", "data.n_applause=0"]
    )


def rows(path: Path, *pairs: tuple[str, str]) -> Path:
    path.write_text("\n".join(json.dumps({"text": text, "label": label}) for text, label in pairs))
    return path


def plenty(n: int = 60) -> list[tuple[str, str]]:
    words = ["kiln", "glaze", "wheel", "clay", "slip", "foot"]
    labels = ("genuine", "generic_praise", "question")
    return [(f"{words[i % 6]} {'abcdefghij'[i // 6]} {labels[i % 3]}", labels[i % 3]) for i in range(n)]


def test_rows_of_a_test_set_leave_both_parts_and_are_counted() -> None:
    comments = dataset.load(str(EXAMPLE))
    frozen = comments[:40]
    parts = prepare(knobs(EXAMPLE), frozen=frozen)
    taken = {dataset.letters(c) for c in frozen}
    assert not taken & {dataset.letters(c) for c in (*parts.train, *parts.held_out)}
    assert parts.n_leaked == len(comments) - len(parts.train) - len(parts.held_out)
    assert parts.n_leaked >= 40


def test_a_few_contradictions_are_dropped_and_counted(tmp_path: Path) -> None:
    file = rows(tmp_path / "a.jsonl", *plenty(), ("first!", "genuine"), ("first!", "generic_praise"))
    parts = prepare(knobs(file))
    assert parts.n_conflicting == 2
    assert "first!" not in {c.text for c in (*parts.train, *parts.held_out)}


def test_many_contradictions_are_refused(tmp_path: Path) -> None:
    turned = [(text, "question" if label == "genuine" else "genuine") for text, label in plenty(12)]
    file = rows(tmp_path / "a.jsonl", *plenty(), *turned)
    with pytest.raises(TrainingDataError, match=r"24 of 72 rows .*row 1; 2; 3; 4; 5; and 19 more"):
        prepare(knobs(file))


def test_a_missing_label_is_named(tmp_path: Path) -> None:
    pairs = [pair for pair in plenty() if pair[1] != "question"]
    with pytest.raises(TrainingDataError, match=r"training part .* has no question"):
        prepare(knobs(rows(tmp_path / "a.jsonl", *pairs)))
    with pytest.raises(TrainingDataError, match="held-out part"):
        prepare(knobs(EXAMPLE, share=0.0))
    with pytest.raises(TrainingDataError, match="No labelled files were named"):
        prepare(knobs())


def test_languages_are_those_there_is_enough_of() -> None:
    def some(language: str, n: int) -> list[LabelledComment]:
        return [LabelledComment(text="x", label="genuine", language=language)] * n

    assert Parts(train=some("pt", 3) + some("en", 5), held_out=[]).languages() == ("en",)
    assert Parts(train=some("pt", 200) + some("en", 300), held_out=[]).languages() == ("en", "pt")


def test_applause_is_learnt_from_and_never_held_out() -> None:
    settings = config.load(overrides=[f'data.train=["{EXAMPLE}"]', "data.n_applause=30"])
    parts = prepare(settings)
    assert sum(c.source == "applause" for c in parts.train) == 30
    assert not any(c.source == "applause" for c in parts.held_out)


def test_what_only_teachers_labelled_is_never_held_out(tmp_path: Path) -> None:
    file = tmp_path / "taught.jsonl"
    first = json.loads(EXAMPLE.read_text().splitlines()[0])["text"]
    said = {"probabilities": {"genuine": 0.2, "generic_praise": 0.7, "question": 0.1}}
    said["flag_probabilities"] = {"experience": 0.1, "solicitation": 0.1, "addressed": 0.1}
    texts = [f"nobody labelled number {i} of these" for i in range(40)]
    file.write_text("".join(json.dumps({"text": t, "label": None, **said}) + "\n" for t in texts))
    parts = prepare(knobs(EXAMPLE, file))
    assert sum(not c.annotated for c in parts.train) > 0
    assert all(c.annotated for c in parts.held_out)
    assert first in {c.text for c in (*parts.train, *parts.held_out)}


def test_a_file_held_out_whole_takes_the_place_of_a_share(tmp_path: Path) -> None:
    comments = plenty()
    train = rows(tmp_path / "train.jsonl", *comments)
    # One of the training rows is a copy of a held-out one, one held-out row is in a test set.
    held = rows(tmp_path / "held.jsonl", comments[0], *((f"{text} again", label) for text, label in comments))
    kept = config.load(overrides=[f"data.held_out={json.dumps([str(held)])}", "data.n_applause=0",
                                  f"data.train={json.dumps([str(train)])}"])  # fmt: skip
    frozen = [LabelledComment(text=f"{comments[1][0]} again", label=comments[1][1])]
    parts = prepare(kept, frozen=frozen)
    assert {c.text for c in parts.held_out} == {comments[0][0], *(f"{t} again" for t, _ in comments)} - {
        frozen[0].text
    }
    assert {c.text for c in parts.train} == {text for text, _ in comments[1:]}


def test_a_label_that_the_held_out_file_lacks_is_named(tmp_path: Path) -> None:
    train = rows(tmp_path / "train.jsonl", *plenty())
    held = rows(tmp_path / "held.jsonl", ("where is it", "question"), ("so it is", "genuine"))
    kept = config.load(
        overrides=[f"data.train={json.dumps([str(train)])}", f"data.held_out={json.dumps([str(held)])}"]
    )
    with pytest.raises(TrainingDataError, match=r"held-out part .* has no generic_praise; .*data.held_out"):
        prepare(kept)
