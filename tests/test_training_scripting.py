from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from plaudit import scripted
from plaudit.errors import TrainingDataError
from plaudit.validation.material import BotText

pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install '.[train]'")

from plaudit.training import scripting
from plaudit.training.applause import applause
from plaudit.training.cli import app
from plaudit.training.dataset import LabelledComment
from tests.communities import words_of

PHRASES = [" ".join(words_of(i, 2)) for i in range(12)]


def bots(n: int = 120, n_families: int = 6, kind: str = "praise") -> list[BotText]:
    """Families that put the same phrases together, each beside a word of its own."""
    draw = np.random.default_rng(1)
    own = words_of(77, n_families)
    return [
        BotText(
            text=f"{draw.choice(PHRASES)} {draw.choice(PHRASES)} {own[i % n_families]} {i}",
            kind=kind,
            family=f"family {i % n_families}",
        )
        for i in range(n)
    ]


def people(n: int = 200) -> list[LabelledComment]:
    praise = [LabelledComment(text=c.text, label="generic_praise") for c in applause(n, seed=3)]
    talk = [LabelledComment(text=" ".join(words_of(5000 + i, 6)), label="genuine") for i in range(n)]
    return [*praise, *talk]


def test_lists_left_out_are_heard_and_people_are_not() -> None:
    heard = scripting.cross_validated(bots(), people())
    assert heard.n_families == 6
    assert heard.bots > 0.9
    assert heard.praise < 0.05
    assert heard.others < 0.05


def test_questions_of_bots_are_not_learnt() -> None:
    asked = [BotText(text=f"{words_of(i, 1)[0]} {i}?", kind="question", family="q") for i in range(40)]
    assert scripting.cross_validated([*bots(), *asked], people()).n_families == 6


def test_the_file_holds_what_was_fitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = scripting.fit(bots(), people())
    (tmp_path / scripted.FILE).write_bytes(scripting.content_of(fitted))
    monkeypatch.setattr(scripted, "files", lambda _: tmp_path)
    read = scripted.shipped.__wrapped__()
    texts = [*(bot.text for bot in bots()), *(comment.text for comment in people())]
    np.testing.assert_allclose(read.scores(texts), fitted.scores(texts), atol=0.3)
    again = scripting.content_of(scripting.fit(bots(), people()))
    assert again == scripting.content_of(fitted)


@pytest.mark.parametrize(
    ("lists", "comments", "says"),
    [
        (
            bots(50),
            people(),
            "hold 50 texts of praise, emoji, promo in 6 families; expected at least 100 in 5",
        ),
        (bots(120, 2), people(), "in 2 families"),
        (bots(kind="other"), people(), "hold 0 texts"),
        (bots(), people()[:200], "0 comments of people labelled anything else"),
        (bots(), people()[150:], "50 comments of people labelled generic praise"),
    ],
)
def test_too_little_is_refused(lists: list[BotText], comments: list[LabelledComment], says: str) -> None:
    with pytest.raises(TrainingDataError, match=says):
        scripting.fit(lists, comments)
    with pytest.raises(TrainingDataError, match=says):
        scripting.cross_validated(lists, comments)


def test_the_command_writes_weights_and_says_what_they_hear(tmp_path: Path) -> None:
    lists, labelled, out = tmp_path / "bots.jsonl", tmp_path / "people.jsonl", tmp_path / "new.npz"
    lists.write_text(
        "".join(json.dumps({"text": b.text, "kind": b.kind, "family": b.family}) + "\n" for b in bots())
    )
    labelled.write_text("".join(json.dumps({"text": c.text, "label": c.label}) + "\n" for c in people()))
    arguments = ["scripted", str(lists), "--people", str(labelled), "--out", str(out)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "of 6 families left out in turn 9" in result.stderr.replace("100", "9")
    assert out.read_bytes() == scripting.content_of(scripting.fit(bots(), people()))
    lists.write_text("Great post!\n")
    out.write_bytes(b"as before")
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "hold 1 texts" in result.stderr
    assert out.read_bytes() == b"as before"
