from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from plaudit import artifact
from plaudit.scores import Scores
from plaudit.training import selection
from plaudit.training.candidates import Candidate, distinct, sample
from plaudit.training.cli import app
from tests.artifacts import Build, build
from tests.fakes import KeywordClassifier

__all__ = ["build"]

LONG = "the second firing cracked mine as well, so I let the kiln cool for two whole days now"


class Unsure(KeywordClassifier):
    """As unsure of a text as it says itself: the number in it, in hundredths."""

    def classify(self, texts: Sequence[str]) -> Scores:
        scores = super().classify(texts)
        for row, text in enumerate(texts):
            digits = "".join(c for c in text if c.isdigit())
            lead = 1 - float(digits or 0) / 100
            scores.probabilities[row] = [(1 + lead) / 2, (1 - lead) / 2, 0]
        return scores


def pool(*texts: str) -> list[Candidate]:
    return [Candidate(text=text, columns={"id": str(i)}) for i, text in enumerate(texts)]


def chosen(texts: list[str], *, n: int, **more: object) -> list[str]:
    rows = selection.choose(pool(*texts), Unsure(), n=n, random_share=0.0, **more)  # type: ignore[arg-type]
    return [row["text"] for row in rows]


def test_the_most_unsure_come_first_but_not_twice_the_same() -> None:
    texts = ["kiln 10", "glaze glaze 95", "glaze glaze! 97", "wheel throwing 60", "clay body 90", "🔥 99"]
    assert chosen(texts, n=2) == ["glaze glaze 95", "clay body 90"]  # letters alike: the first stands
    assert "🔥 99" not in chosen(texts, n=6)


def test_diversity_outweighs_a_little_more_doubt() -> None:
    texts = ["which cone is that glaze 95", "which cone is that clay 94", "so sorry for your loss 85"]
    assert chosen(texts, n=2) == ["which cone is that glaze 95", "so sorry for your loss 85"]
    assert chosen(texts, n=2, labelled=["so sorry for your loss today"])[0].startswith("which")


def test_labelled_texts_and_their_near_duplicates_are_left_out() -> None:
    texts = [f"{LONG} 99", f"{LONG} ok 98", "other words 20"]
    assert chosen(texts, n=3) == [f"{LONG} 99", "other words 20"]
    assert chosen(texts, n=3, labelled=[f"{LONG}!"]) == ["other words 20"]


def test_unread_languages_are_left_out_and_some_are_picked_blindly() -> None:
    texts = ["что 99", *(f"word{'abcdefghij'[i]} {i}" for i in range(10))]
    rows = selection.choose(pool(*texts), Unsure(), n=5, random_share=0.4, seed=3)
    assert [row["chosen"] for row in rows] == ["active"] * 3 + ["random"] * 2
    assert len({row["text"] for row in rows}) == 5
    assert "что 99" not in {row["text"] for row in rows}
    assert rows[0]["label"] == "genuine"
    assert set(rows[0]["probabilities"]) == {"genuine", "generic_praise", "question"}


def test_of_a_large_dump_some_are_drawn_alike_from_all_of_it() -> None:
    drawn = [int(c.text) for c in sample(iter(pool(*map(str, range(10_000)))), n=500, seed=1)]
    assert len(set(drawn)) == 500
    assert 4_500 < np.mean(drawn) < 5_500
    assert [c.text for c in sample(pool("a", "b"), n=5, seed=1)] == ["a", "b"]


def test_texts_without_letters_are_distinct_only_where_asked_for() -> None:
    texts = pool("🔥", "🔥", "Nice!", "nice", " ", "ok")
    assert [c.text for c in distinct(texts, taken={"ok"})] == ["Nice!"]
    assert [c.text for c in distinct(texts, taken=set(), with_emoji=True)] == ["🔥", "Nice!", "ok"]


def test_vectors_are_near_for_alike_texts() -> None:
    one, alike, other = selection.vectors(["which glaze is that", "which glaze was that", "so sorry"])
    assert one @ alike > 0.5 > one @ other
    assert np.linalg.norm(selection.vectors(["🔥"])) == 0
    assert selection.choose([], Unsure(), n=3) == []


def test_the_command_reads_dumps_and_writes_tasks(build: Build, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed: pip install '.[train]'")
    folder = build()
    dump = tmp_path / "dump.jsonl"
    rows = [
        {"id": str(i), "text": f"nice {word} glue", "author": "ann", "post_id": "p"}
        for i, word in enumerate(["mine", "broke", "post", "great"])
    ]
    dump.write_text(
        "\n".join(map(json.dumps, [*rows, {"text": "my own", "author": "me", "is_creator": True}]))
    )
    out = tmp_path / "tasks.json"
    arguments = [
        "next",
        dump,
        "--n",
        3,
        "--out",
        out,
        "--to",
        "label-studio",
        "--model",
        folder,
        "--threads",
        1,
    ]
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == 0, result.output
    tasks = json.loads(out.read_text())
    assert len(tasks) == 3
    assert {task["data"]["post"] for task in tasks} == {"p"}
    assert "ann" not in out.read_text()  # pseudonyms only
    assert artifact.load(folder).manifest.id == folder.name
