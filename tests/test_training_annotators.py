from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from plaudit.training import agreement, dataset


def file(path: Path, *rows: dict[str, Any]) -> str:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return str(path)


def said(text: str, who: str, label: str, *flags: str, **more: Any) -> dict[str, Any]:
    return {"text": text, "annotator": who, "label": label, "flags": list(flags), **more}


def test_what_several_said_of_a_comment_is_one(tmp_path: Path) -> None:
    path = file(
        tmp_path / "rows.jsonl",
        said("which glaze?", "a", "genuine", "addressed"),
        said("nice", "a", "generic_praise"),
        said("which  glaze?", "b", "question", "addressed"),
        said("mine cracked", "a", "genuine", post="p1"),
        said("which glaze?", "c", "question"),
        said("mine cracked", "b", "question", post="p1"),
        said("mine cracked", "b", "genuine", post="p2"),
    )
    examined = dataset.examine(path)
    first, second, tied, other = examined.comments
    assert (first.label, first.flags, first.unsure) == ("question", {"addressed"}, False)
    assert (second.text, tied.label, tied.unsure, other.post) == ("nice", "genuine", True, "p2")
    assert (examined.n_rows, examined.problems) == (7, [])
    assert [row["text"] for row in examined.rows] == [c.text for c in examined.comments]
    found = agreement.agreement(examined.rows)
    assert found is not None
    assert (found["n"], found["agree"]) == (2, 0.25)


def test_one_annotator_alone_settles_nothing(tmp_path: Path) -> None:
    rows = [said("nice", "a", "generic_praise"), said("nice", "a", "genuine")]
    assert len(dataset.load(file(tmp_path / "rows.jsonl", *rows))) == 2
    named = [{**row, "who": who} for row, who in zip(rows, "ab", strict=True)]
    path = file(tmp_path / "named.jsonl", *named)
    assert len(dataset.load(path, columns={"annotator": "who"})) == 1
