from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from plaudit import artifact
from plaudit.errors import ArtifactError, InputError, TrainingDataError
from plaudit.pipeline import Pipeline
from plaudit.policy import load as load_policy
from plaudit.reference import References
from plaudit.scores import Scores
from plaudit.training import card, dataset, drift, model_log, promotion
from plaudit.training.cli import app
from plaudit.training.revision import keep_learned, replace_manifest
from tests.artifacts import Build, build, tiny_manifest
from tests.fakes import KeywordClassifier
from tests.tiny import EXAMPLE

__all__ = ["build"]
DUMP = EXAMPLE.parent / "ceramics_channel.ndjson"
COMMENTS = dataset.load(str(EXAMPLE))


class Worse(KeywordClassifier):
    """Calls every question genuine."""

    def _probabilities(self, text: str) -> list[float]:
        return super()._probabilities(text.replace("?", ""))


class Blind(KeywordClassifier):
    """Sees no flag."""

    def classify(self, texts: Sequence[str]) -> Scores:
        scores = super().classify(texts)
        return replace(scores, flags=np.zeros_like(scores.flags))


def pipeline(classifier: KeywordClassifier) -> Pipeline:
    return Pipeline(classifier=classifier, references=References.from_dict({}), policy=load_policy())


def moved(**changes: Any) -> dict[str, Any]:
    return {
        "panel": ["d"],
        "n": 0,
        "median_move": None,
        "largest_move": None,
        "n_outside": 0,
        "n_lost": 0,
        "n_gained": 0,
        "lost": [],
        "rows": [],
    } | changes


MANIFEST = tiny_manifest({})


def test_a_worse_model_is_seen_and_an_equal_one_passes() -> None:
    sets = {"a": COMMENTS[:130], "b": COMMENTS[130:]}
    worse = promotion.compare(Worse(), KeywordClassifier(), sets)
    assert set(worse) == {"a", "b", "together"}
    assert worse["together"]["f1_question"]["difference"]["high"] < 0
    against = promotion.judge(worse, moved(), new=MANIFEST, old=MANIFEST).against
    assert any("macro f1 falls by" in each and "more than chance" in each for each in against)
    assert any("f1 question falls by" in each for each in against)
    assert any(each.startswith("On a macro f1 falls by") for each in against)
    equal = promotion.compare(KeywordClassifier(), KeywordClassifier(), sets)
    verdict = promotion.judge(equal, moved(), new=MANIFEST, old=MANIFEST)
    assert (verdict.against, verdict.moves) == ([], "none has an index")
    assert verdict.figures == "+0.000 (+0.000 to +0.000), 260 comments"
    better = promotion.compare(KeywordClassifier(), Worse(), sets)
    assert promotion.judge(better, moved(), new=MANIFEST, old=MANIFEST).against == []


def test_a_model_that_loses_its_flags_is_seen() -> None:
    sets = {"a": COMMENTS, "no flags": [replace(c, flags=None) for c in COMMENTS[:40]]}
    blind = promotion.compare(Blind(), KeywordClassifier(), sets)
    assert blind["together"]["macro_f1"]["difference"]["value"] == 0
    flag = blind["together"]["f1_flag_addressed"]
    assert (flag["new"]["value"], flag["difference"]["n"]) == (0.0, len(COMMENTS))
    assert "f1_flag_addressed" not in blind["no flags"]
    against = promotion.judge(blind, moved(), new=MANIFEST, old=MANIFEST).against
    assert any(each.startswith("f1 flag addressed falls by") for each in against)


def test_what_else_speaks_against_a_model() -> None:
    equal = promotion.compare(KeywordClassifier(), KeywordClassifier(), {"a": COMMENTS})
    old = tiny_manifest({}, references={"pooled": {}}, languages=("en", "es"))
    against = promotion.judge(equal, moved(lost=["index of d"]), new=MANIFEST, old=old).against
    assert [each.split()[0:3] for each in against] == [
        ["The", "panel", "loses"], [MANIFEST.id, "has", "no"], [MANIFEST.id, "no", "longer"],
    ]  # fmt: skip


def test_a_frozen_set_never_moves() -> None:
    digest = dataset.digest(COMMENTS)
    manifest = tiny_manifest({}, metrics={"labelled": {"sha256": digest}})
    promotion.check_frozen({"labelled": COMMENTS, "other": COMMENTS[:5]}, manifest)
    with pytest.raises(TrainingDataError, match="labelled is not the set that"):
        promotion.check_frozen({"labelled": COMMENTS[1:]}, manifest)


def _rows(n_lost: int, n_gained: int, *, post: str = "p") -> list[dict[str, Any]]:
    values = [(50.0, None)] * n_lost + [(None, 50.0)] * n_gained + [(50.0, 51.0)] * 3
    return [
        {"dump": "d", "post": f"{post}{i}" if post else "", "number": "index", "old": old, "new": new}
        for i, (old, new) in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("n_lost", "n_gained", "speaks"),
    [
        (0, 0, False),
        (1, 0, False),
        (4, 0, False),
        (5, 0, True),
        (27, 26, False),
        (30, 15, True),
        (3, 9, False),
    ],
)
def test_posts_at_the_limit_of_certainty_may_trade_places(n_lost: int, n_gained: int, speaks: bool) -> None:
    assert len(drift.lost(_rows(n_lost, n_gained))) == (n_lost if speaks else 0)


def test_a_whole_dump_may_never_lose_its_number() -> None:
    assert len(drift.lost(_rows(1, 5, post=""))) == 1
    authenticity = [row | {"number": "authenticity"} for row in _rows(0, 9)]
    assert len(drift.lost([*_rows(5, 0), *authenticity])) == 5  # what one number gains excuses no other


def test_drift_of_the_panel() -> None:
    same = drift.drift(pipeline(KeywordClassifier()), pipeline(KeywordClassifier()), [DUMP])
    assert (same["largest_move"], same["n_outside"], same["lost"]) == (0.0, 0, [])
    assert {row["number"] for row in same["rows"]} == {"index", "authenticity", "community_depth"}
    other = drift.drift(pipeline(KeywordClassifier()), pipeline(Worse()), [DUMP])
    assert other["n"] == same["n"] >= 1
    assert other["largest_move"] > 0
    assert drift.panel_of([])[0].name == DUMP.name
    with pytest.raises(InputError, match=r"nowhere\.jsonl"):
        drift.panel_of([Path("nowhere.jsonl")])


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def two(build: Build) -> tuple[Path, Path]:
    """Two models of the same weights, the first in use."""
    pytest.importorskip("onnx", reason="onnx is not installed: pip install '.[train]'")
    first, second = build(), build(id="tiny-20260103-00000000")
    artifact.make_current(first.parent, first.name)
    return first, second


def test_promote_logs_and_rollback_goes_back(two: tuple[Path, Path]) -> None:
    first, second = two
    models = first.parent
    (models / "README.md").write_text("# Models\n\nWords that stay.\n")
    common = ("--models", models, "--threads", 1)
    result = run("promote", second.name, "--test", EXAMPLE, *common, "--reason", "same | but newer")
    assert result.exit_code == 0, result.output
    assert f"before it: {first.name}" in result.stderr
    assert artifact.current(models) == second
    (entry,) = model_log.entries(models)
    assert (entry.what, entry.model, entry.before) == ("promote", second.name, first.name)
    assert (entry.figures, entry.why) == ("+0.000 (+0.000 to +0.000), 260 comments", "same / but newer")
    assert (models / "README.md").read_text().startswith("# Models\n\nWords that stay.\n\n## Log\n")
    assert run("rollback", "--reason", "it itched", *common).exit_code == 0
    assert artifact.current(models) == first
    assert model_log.entries(models)[-1].what == "rollback"
    result = run("rollback", *common)
    assert (result.exit_code, "names no model before" in result.stderr) == (1, True)
    assert run("use", second.name, *common).exit_code == 0
    assert model_log.previous(models) == first.name


def test_a_model_built_once_more_keeps_what_was_learned_with_it(
    two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card, "render", lambda _: "# A card\n")
    first, second = two
    usual = {"pooled": {"generic_share": {"location": 0.1, "spread": 0.1, "n_communities": 9, "origin": "x"}}}
    fresh = artifact.load(first).manifest
    counted = {name: each.model_copy(update={"n_held_out": 77}) for name, each in fresh.answers.items()}
    learned = replace_manifest(
        first,
        references=usual,
        answers=counted,
        metrics={"frozen": {"n": 1}, "held_out": {"n": 2}},
        data=fresh.data | {"references": {"n_posts": 9}, "errors_counted_on": {"n": 77}, "origin": "old"},
    )
    artifact.rewrite(first, fresh.model_copy(update={"metrics": {"held_out": {"n": 3}}}), contents={})
    keep_learned(first, learned)
    found = artifact.load(first).manifest
    assert (found.references, found.answers) == (learned.references, learned.answers)
    assert found.metrics == {"frozen": {"n": 1}, "held_out": {"n": 3}}
    assert found.data["references"] == {"n_posts": 9}
    assert "origin" not in found.data
    plain = artifact.load(second).manifest
    keep_learned(second, plain)
    assert artifact.load(second).manifest.answers == plain.answers


def test_a_worse_one_needs_force_and_a_reason(two: tuple[Path, Path], tmp_path: Path) -> None:
    first, second = two
    models = first.parent
    manifest = artifact.load(first).manifest
    artifact.rewrite(first, manifest.model_copy(update={"languages": ("en", "es")}), contents={})
    arguments = ("promote", second.name, "--test", EXAMPLE, "--models", models, "--threads", 1)
    result = run(*arguments, "--json", tmp_path / "verdict.json")
    assert result.exit_code == 2
    assert "is not promoted" in result.stderr
    assert "no longer reads es" in " ".join(json.loads((tmp_path / "verdict.json").read_text())["against"])
    assert artifact.current(models) == first
    assert run(*arguments, "--force").exit_code == 2
    assert run(*arguments, "--force", "--reason", "Spain can wait").exit_code == 0
    assert "forced: Spain can wait" in model_log.entries(models)[-1].why


def test_wrong_usage_of_promote(two: tuple[Path, Path]) -> None:
    first, second = two
    common = ("--models", first.parent)
    for arguments, says in (
        ((second.name,), "--test FILE"),
        ((first.name, "--test", EXAMPLE), "is the current model already"),
        (("other", "--test", EXAMPLE), "There is no model 'other'"),
        ((second.name, "--test", "nowhere.jsonl"), "There is no nowhere.jsonl"),
    ):
        result = run("promote", *arguments, *common)
        assert (result.exit_code, says in result.stderr) == (2, True), result.output
    (first.parent / artifact.CURRENT).write_text("gone-20260101-00000000")
    result = run("promote", second.name, "--test", EXAMPLE, *common)
    assert (result.exit_code, "names 'gone-20260101-00000000'" in result.stderr) == (1, True)
    (first.parent / artifact.CURRENT).unlink()
    assert run("promote", second.name, *common).exit_code == 0
    assert model_log.entries(first.parent)[-1].why == "there was none before"


def test_a_log_that_cannot_be_written_leaves_the_old_model(
    two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two

    def full(*_: object) -> None:
        raise TrainingDataError("The disk is full.")

    monkeypatch.setattr(model_log, "replace_file", full)
    with pytest.raises(TrainingDataError):
        model_log.switch(first.parent, second.name, what="use")
    assert artifact.current(first.parent) == first
    (first.parent / artifact.CURRENT).unlink()
    with pytest.raises(TrainingDataError):
        model_log.switch(first.parent, second.name, what="use")
    with pytest.raises(ArtifactError):
        artifact.current(first.parent)
