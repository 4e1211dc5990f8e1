from __future__ import annotations

import io
import json

from rich.console import Console

from plaudit.training import evaluation, showing, slices
from plaudit.training.dataset import LabelledComment, load
from tests.fakes import KeywordClassifier
from tests.tiny import EXAMPLE


def shown(figures: dict) -> str:
    console = Console(file=io.StringIO(), width=120)
    showing.show(figures, console, title="mine")
    return console.file.getvalue()


def test_figures_of_a_classifier_whose_answers_can_be_read() -> None:
    comments = [
        LabelledComment(text="what glue?", label="question", flags=frozenset()),
        LabelledComment(text="tell me the glue", label="question", flags=frozenset()),
        LabelledComment(text="great", label="generic_praise", flags=frozenset()),
        LabelledComment(text="my great seam held", label="genuine", flags=frozenset(["experience"])),
        LabelledComment(text="@ann my seam split", label="genuine", flags=frozenset(["experience"])),
        LabelledComment(text="что", label="genuine"),
    ]
    figures = evaluation.evaluate(KeywordClassifier(), comments)
    assert (figures["n"], figures["model"]) == (6, "keyword-fake")
    assert figures["confusion"] == [[2, 1, 0], [0, 1, 0], [1, 0, 1]]
    assert figures["f1"]["question"]["value"] == 0.6667
    assert figures["f1_question_unmarked"]["value"] == 0.0
    assert figures["precision_generic_praise"]["value"] == 0.5
    assert figures["flag_f1"] == {"experience": 1.0, "solicitation": None, "addressed": 0.0}
    assert figures["unsupported_share"] == 0.1667
    assert figures["slices"] == {}
    assert json.loads(json.dumps(figures)) == figures


def test_the_example_and_its_tables() -> None:
    comments = load(str(EXAMPLE))
    figures = evaluation.evaluate(KeywordClassifier(), comments)
    assert figures["macro_f1"]["low"] < figures["macro_f1"]["value"] < figures["macro_f1"]["high"]
    assert figures["slices"]["no question mark"]["n"] == sum("?" not in c.text for c in comments)
    page = shown(figures)
    assert "mine: 260 comments, keyword-fake" in page
    assert f"{figures['macro_f1']['value']:.3f}" in page
    assert "no question mark" in page


def test_a_set_without_questions_says_so() -> None:
    figures = evaluation.evaluate(
        KeywordClassifier(), [LabelledComment(text="great", label="generic_praise")]
    )
    assert figures["f1_question_unmarked"] is None
    assert "nothing to measure" in shown(figures)


def test_intervals_are_over_posts_then_authors_then_comments() -> None:
    comments = [
        LabelledComment(text="a", label="genuine", post="p", author="ann"),
        LabelledComment(text="b", label="genuine", post="p", author="ben"),
        LabelledComment(text="c", label="genuine", author="ann"),
        LabelledComment(text="d", label="genuine"),
    ]
    assert evaluation.clusters_of(comments).tolist() == [0, 0, 1, 2]
    assert evaluation.evaluate(KeywordClassifier(), comments)["n_clusters"] == 3


def test_slices_by_mark_emoji_length_language_and_source() -> None:
    comments = [
        LabelledComment(text="why?", label="question", source="yt", unsure=True),
        LabelledComment(text="word " * 31, label="genuine", language="de"),
        LabelledComment(text="@user 🔥", label="generic_praise", source="yt"),
        LabelledComment(text="🔥🔥", label="generic_praise", source="yt"),
    ]
    masks = slices.slices(comments)
    assert masks["no question mark"].tolist() == [False, True, True, True]
    assert masks["with emoji"].tolist() == [False, False, True, True]
    assert masks["no letters"].tolist() == [False, False, False, True]
    assert masks["1 to 3 words"].tolist() == [True, False, True, True]
    assert masks["over 30 words"].tolist() == [False, True, False, False]
    assert masks["with @handle"].tolist() == [False, False, True, False]
    assert masks["annotator unsure"].tolist() == [True, False, False, False]
    assert masks["language de"].tolist() == [False, True, False, False]
    assert masks["source unknown"].tolist() == [False, True, False, False]
