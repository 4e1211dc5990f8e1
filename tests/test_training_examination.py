from __future__ import annotations

import html.parser
import io
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from plaudit.scores import FLAGS, ErrorCounts, Scores
from plaudit.training import baselines, examination, showing
from plaudit.training.dataset import LabelledComment, load
from plaudit.training.page import page
from plaudit.training.shares import share_errors
from tests.fakes import KeywordClassifier
from tests.tiny import EXAMPLE

COMMENTS = load(str(EXAMPLE))


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    return examination.examine(KeywordClassifier(), COMMENTS)


def test_hidden_words_cost_a_word_list_what_it_reads(figures: dict[str, Any]) -> None:
    hidden = figures["obfuscated"]
    assert set(hidden) == set(examination.obfuscation.KINDS)
    assert hidden["zero_width"]["against_clean"]["value"] < -0.02  # the fake does not normalise
    assert json.loads(json.dumps(figures)) == figures


def test_baselines_stand_in_the_same_table(figures: dict[str, Any]) -> None:
    assert set(figures["baselines"]) == {"majority", "rules"}
    majority = figures["baselines"]["majority"]
    assert majority["macro_f1"]["value"] < figures["macro_f1"]["value"]
    lead = figures["macro_f1"]["value"] - majority["macro_f1"]["value"]
    assert majority["model_leads_by"]["value"] == pytest.approx(lead, abs=2e-4)


def test_what_the_cascade_gives_up_is_told() -> None:
    class Exact(KeywordClassifier):
        def classify(self, texts: Sequence[str]) -> Scores:
            scores = super().classify(texts)
            truth = [("genuine", "generic_praise", "question").index(c.label) for c in COMMENTS]
            flags = np.array([[flag in (c.flags or ()) for flag in FLAGS] for c in COMMENTS], np.float32)
            return replace(scores, probabilities=np.eye(3, dtype=np.float32)[truth], flags=flags)

    found = examination.examine(KeywordClassifier(), COMMENTS, exact=Exact())
    exact = found["exact"]
    assert exact["macro_f1"]["value"] == 1
    assert exact["model_leads_by"]["value"] == pytest.approx(found["macro_f1"]["value"] - 1, abs=2e-4)
    right = np.trace(found["confusion"]) / len(COMMENTS)
    assert exact["same_label"] == pytest.approx(right, abs=1e-4)
    assert set(exact["same_flags"]) == set(exact["flag_f1"]) == set(FLAGS)
    assert 0 < exact["share_shift"] < 1
    console = Console(file=io.StringIO(), width=120)
    showing.show(found, console, title="example")
    assert "What is given up for speed" in console.file.getvalue()
    assert "What is given up for speed" in page({"example": found}, model="m")
    assert "exact" not in examination.examine(KeywordClassifier(), COMMENTS[:60])


def test_counted_words_learn_and_never_see_the_test() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install '.[train]'")
    answers = baselines.CountedWords(COMMENTS[:200]).probabilities([c.text for c in COMMENTS[200:]])
    np.testing.assert_allclose(answers.sum(1), 1, atol=1e-6)
    labels = [("genuine", "generic_praise", "question")[i] for i in answers.argmax(1)]
    assert np.mean([label == c.label for label, c in zip(labels, COMMENTS[200:], strict=True)]) > 0.5
    found = examination.examine(KeywordClassifier(), COMMENTS[200:], train=COMMENTS)
    assert "counted words (TF-IDF)" in found["baselines"]
    same = examination.examine(KeywordClassifier(), COMMENTS, train=COMMENTS)
    assert "counted words (TF-IDF)" not in same["baselines"]  # nothing is left to fit on


def test_rules() -> None:
    texts = ["how so?", "great", "🔥", "@ann nice one", "mine cracked in the second firing"]
    assert baselines.rules(texts).tolist() == [2, 1, 1, 1, 0]
    two = [LabelledComment(text="a", label="question")] * 2 + [LabelledComment(text="b", label="genuine")]
    assert baselines.majority(two).tolist() == [2, 2, 2]


def test_the_correction_of_shares_is_tried_on_every_mix() -> None:
    random = np.random.default_rng(0)
    truth = np.repeat(np.arange(3), 300)
    noisy = np.where(random.random(900) < 0.6, truth, random.integers(0, 3, 900))
    probabilities = (np.eye(3)[noisy] * 0.7 + 0.1).astype(np.float32)
    counts = np.stack([probabilities[truth == i].sum(0) for i in range(3)]).astype(np.float64)
    scores = _scores(probabilities)
    found = share_errors(scores, truth, ErrorCounts(pooled=counts))
    assert found is not None
    errors = found["mean_absolute_error"]
    assert errors["corrected"] < 0.07 < 0.08 < errors["counted"] < errors["mean_probability"]
    assert share_errors(_scores(probabilities[:300]), truth[:300], ErrorCounts(pooled=counts)) is None


def test_shares_are_corrected_by_the_language_they_are_in() -> None:
    random = np.random.default_rng(0)
    truth = np.repeat(np.arange(3), 600)
    is_german = np.tile([False, True], 900)
    noise = np.where(is_german, 0.5, 0.1)
    noisy = np.where(random.random(1800) < noise, random.integers(0, 3, 1800), truth)
    probabilities = (np.eye(3)[noisy] * 0.7 + 0.1).astype(np.float32)

    def counts(rows):
        return np.stack([probabilities[rows & (truth == i)].sum(0) for i in range(3)]).astype(np.float64)

    pooled = ErrorCounts(pooled=counts(truth >= 0))
    split = replace(pooled, languages={"de": counts(is_german), "en": counts(~is_german)})
    errors = []
    for given in (pooled, split):
        found = share_errors(_scores(probabilities[is_german], "de"), truth[is_german], given)
        assert found is not None
        errors.append(found["mean_absolute_error"]["corrected"])
    assert errors[1] < 0.8 * errors[0]


def _scores(probabilities, code: str = "en") -> Scores:
    n = len(probabilities)
    return Scores(
        probabilities=probabilities,
        flags=np.zeros((n, 3), np.float32),
        languages=(code,) * n,
        supported=np.ones(n, bool),
        truncated=np.zeros(n, bool),
    )


class _Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def test_the_page_is_whole_and_needs_nothing_else(figures: dict[str, Any]) -> None:
    text = page({"<mine>": figures}, model="tiny & co")
    parser = _Page()
    parser.feed(text)
    assert (parser.wrong, parser.open) == ([], [])
    assert "tiny &amp; co" in text
    assert "&lt;mine&gt;: 260 comments" in text
    assert not re.search(r"<script|<link|src=|url\(|https?://", text)
    assert text.count("<svg") == 3
    assert f"{figures['macro_f1']['value']:.3f}" in text
    assert "look_alike" in text


def test_the_tables_show_what_was_examined(figures: dict[str, Any]) -> None:
    console = Console(file=io.StringIO(), width=140)
    showing.show(figures, console, title="mine")
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for word in ("What it has to beat", "look_alike", "mean absolute", "a CPU second"):
        assert word in shown
