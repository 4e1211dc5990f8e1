from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit import artifact
from plaudit.calibration import Calibration
from plaudit.classifier import ArtifactClassifier
from plaudit.errors import ArtifactError, TrainingDataError
from plaudit.inference import LogitModel, load_tokenizer
from plaudit.legible import legible
from plaudit.training.applause import applause
from tests.tiny import encoder, example_texts, knobs, needs_torch

needs_torch()

from torch import nn  # noqa: E402

from plaudit.training import build as building  # noqa: E402
from plaudit.training import cascade, config, curve, network, restoring  # noqa: E402
from plaudit.training.distillation import Lesson  # noqa: E402

__all__ = ["encoder"]

LENGTHS = np.array([4, 8, 16, 32, 64, 128])
PLAIN = Calibration(temperature=1.0, flag_scale=(1.0, 1.0, 1.0), flag_bias=(0.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def built(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cascade")
    dump = folder / "dump.ndjson"
    texts = [c.text for c in applause(1600, seed=3)]
    words, draw = " ".join(example_texts()).split(), random.Random(4)
    texts += [" ".join(draw.sample(words, 6)) for _ in range(800)]  # nonsense, of which nothing can be sure
    dump.write_text("".join(json.dumps({"id": str(i), "text": t}) + "\n" for i, t in enumerate(texts)))
    knobs_ = config.load(
        overrides=knobs(
            encoder, f'cascade.texts=["{dump}"]', "cascade.window_epochs=2",
            "cascade.window_width=16", "cascade.window_size=8",
            "cascade.window_differing=0.02", "cascade.window_flags_differing=[0.02, 0.02, 0.9]",
        )
    )  # fmt: skip
    return building.build(knobs_, building.prepare(knobs_), models=folder / "models", name="tiny")


def test_the_manifest_tells_each_way_of_answering(built: Path) -> None:
    manifest = artifact.load(built).manifest
    assert set(manifest.answers) == {"exact", "cascade"}
    assert [s.file for s in manifest.stages] == [cascade.FILE]
    assert set(manifest.files) == {cascade.FILE, artifact.MODEL, artifact.TOKENIZER}
    assert manifest.training["config"]["cascade"]["texts"] == ["dump.ndjson"]  # no folder of this machine
    sums = {name: np.sum(answer.error_counts) for name, answer in manifest.answers.items()}
    assert sums["cascade"] == pytest.approx(sums["exact"], abs=0.01)
    for student in manifest.training["students"]:
        assert student["share_differing"] <= 0.021
        assert all(
            share <= most for share, most in zip(student["flags_differing"], (0.021, 0.021, 0.9), strict=True)
        )
        assert 0 <= student["share_answered"] <= 1


def test_the_curve_goes_from_exact_to_fast(built: Path) -> None:
    points = artifact.load(built).manifest.training["curve"]
    assert [p["factor"] for p in points] == list(curve.FACTORS)
    assert points[0]["answered"] == [0.0, 1.0]
    _, *speed = (p["comments_per_second"] for p in points)  # the first asks no student
    assert speed == sorted(speed)
    assert points[-1]["answered"][-1] < points[1]["answered"][-1]
    assert all(sum(p["answered"]) == pytest.approx(1, abs=2e-3) for p in points)
    assert points[0]["agreement"] >= 0.9  # int8 against float32
    assert min(points[0]["flag_agreement"]) >= 0.9


def test_exact_is_what_the_large_network_says(built: Path) -> None:
    loaded = artifact.load(built)
    exact, whole = ArtifactClassifier(loaded, exact=True, threads=1), ArtifactClassifier(loaded, threads=1)
    assert (exact.model.answer, whole.model.answer) == ("exact", "cascade")
    texts = [c.text for c in applause(300, seed=8)]
    a, b = exact.classify(texts), whole.classify(texts)
    same = np.isclose(a.probabilities, b.probabilities, atol=1e-6).all(axis=1)
    found = whole._model.answers(texts)
    assert same[found.stage == 1].all()
    assert not same[found.stage < 1].all() or (found.stage == 1).all()
    assert exact.error_counts is not None
    assert whole.error_counts is not None


def test_company_changes_no_answer_of_a_cascade(built: Path) -> None:
    texts = [c.text for c in applause(60, seed=9)]
    whole = ArtifactClassifier(artifact.load(built), threads=1).classify(texts).probabilities
    fresh = ArtifactClassifier(artifact.load(built), threads=1)
    for start in range(0, 60, 7):
        part = fresh.classify(texts[start : start + 7]).probabilities
        np.testing.assert_allclose(part, whole[start : start + 7], atol=1e-4)


def test_a_damaged_student_is_told(built: Path, tmp_path: Path) -> None:
    import shutil

    copy = shutil.copytree(built, tmp_path / built.name)
    (copy / cascade.FILE).write_bytes(b"not a graph")
    with pytest.raises(ArtifactError, match=r"window.onnx.*expected"):
        artifact.load(copy)


def test_students_go_on_from_what_they_were(
    built: Path, encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began: dict[str, Any] = {}

    class HeardError(Exception):
        pass

    def heard(network: nn.Module, lesson: Lesson, **settings: Any) -> None:
        began.update({n: p.detach().numpy().copy() for n, p in network.named_parameters()})
        raise HeardError

    monkeypatch.setattr(cascade, "distil", heard)
    weights = restoring.small(artifact.load(built))
    knobs_ = config.load(overrides=knobs(encoder, "cascade.window_width=16", "cascade.window_size=8"))
    texts = [c.text for c in applause(1600, seed=3)] + [f"which of the {i} lenses?" for i in range(1200)]
    tokenizer = load_tokenizer(built / artifact.TOKENIZER)
    served = LogitModel(built / artifact.MODEL, tokenizer, max_tokens=32, threads=1)
    teacher = network.build(str(encoder), dropout=0.0)
    teacher.encoder.resize_token_embeddings(tokenizer.get_vocab_size())
    with pytest.raises(HeardError):
        cascade.build(
            knobs_.cascade, teacher, served, tokenizer, texts, max_tokens=32, calibration=PLAIN, begun=weights
        )
    assert all((began[name] == value).all() for name, value in weights["window.onnx"].items())


def test_what_is_tested_was_never_learnt(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dump = tmp_path / "dump.ndjson"
    texts = [c.text for c in applause(1600, seed=3)]
    texts += [text.upper() for text in texts[:400]]
    lessons = []
    distil = cascade.distil

    def heard(network: nn.Module, lesson: Lesson, **settings: Any) -> None:
        lessons.append(lesson)
        distil(network, lesson, **settings)

    monkeypatch.setattr(cascade, "distil", heard)
    knobs_ = config.load(
        overrides=knobs(
            encoder, f'cascade.texts=["{dump}"]', "cascade.window_epochs=1",
            "cascade.window_width=16", "cascade.window_size=8",
        )
    )  # fmt: skip
    parts = building.prepare(knobs_)
    texts += [c.text for c in parts.train[:60]]
    dump.write_text("".join(json.dumps({"id": str(i), "text": t}) + "\n" for i, t in enumerate(texts)))
    building.build(knobs_, parts, models=tmp_path / "models", name="tiny")
    known = {row.tobytes() for row in lessons[0].tokens}
    # Some are heard once more, stretched, and answered as they were before.
    lesson, n_plain = lessons[0], round(len(lessons[0]) / (1 + knobs_.cascade.padding_share))
    labels = {row.tobytes() for row in lesson.labels[:n_plain]}
    assert n_plain < len(lesson)
    assert {row.tobytes() for row in lesson.labels[n_plain:]} <= labels
    assert np.mean([*map(len, lesson.tokens[n_plain:])]) > np.mean([*map(len, lesson.tokens[:n_plain])])
    # Texts that are the same tokens in other letters are on one side only.
    apart, drawn = cascade._parted(building.corpus_texts([str(dump)], limit=10_000), 10_000)
    labelled_texts = {legible(c.text) for c in parts.train}
    tests = [text for text in apart if text not in labelled_texts]
    chosen = [*tests, *(text for text in drawn if text not in labelled_texts)]
    assert len(chosen) < len(apart) + len(drawn)
    tokenizer, _ = building._vocabulary(knobs_)
    tokens = cascade.tokens_of(chosen, tokenizer, max_tokens=knobs_.encoder.max_tokens)
    tested = {row.tobytes() for row in tokens[: len(tests)]}
    assert tested & {row.tobytes() for row in tokens[len(tests) :]}
    assert not known & tested
    # What the teacher learnt from, its student learns from too.
    labelled = [c.text for c in parts.train]
    learnt = cascade.tokens_of(labelled, tokenizer, max_tokens=knobs_.encoder.max_tokens)
    assert {row.tobytes() for row in learnt} - tested <= known


def test_too_few_texts_are_refused() -> None:
    with pytest.raises(TrainingDataError, match="2 distinct texts; expected at least 1,000"):
        cascade._parted(["a", "b", "a"], 10)


def test_a_text_is_tested_or_learnt_whatever_is_drawn() -> None:
    texts = [f"text number {i}" for i in range(3000)]
    tested, learnt = cascade._parted(texts, 10_000)
    assert not set(tested) & set(learnt)
    assert len(tested) == pytest.approx(0.15 * 3000, rel=0.2)
    assert len(tested) + len(learnt) == 3000
    for some, most in ((texts[::-1], 10_000), (texts, 200), (texts[:1500], 10_000)):
        fewer, drawn = cascade._parted(some, most)
        assert set(fewer) <= set(tested)
        assert set(drawn) <= set(learnt)
        assert len(drawn) <= most


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 60), st.integers(0, 20))
def test_no_more_answers_differ_than_were_granted(seed: int, n: int, n_differing: int) -> None:
    draw = np.random.default_rng(seed)
    lead, wrong = draw.normal(size=n).astype(np.float32), draw.random(n) < 0.6
    least = curve.least_margin(lead, wrong, n_differing=n_differing)
    assert least >= 0
    assert wrong[lead >= np.float32(least)].sum() <= n_differing


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 60), st.tuples(*[st.integers(0, 20)] * 3))
def test_no_more_flags_differ_than_were_granted(seed: int, n: int, n_differing: tuple[int, int, int]) -> None:
    draw = np.random.default_rng(seed)
    logits, exact = draw.normal(size=(2, n, 6)).astype(np.float32)
    slack = draw.choice(np.array([-0.3, 0.0, 0.3], np.float32), n)
    borders = (0.8, 0.0, -0.4)
    ranges = curve.unsure_flags(logits, exact, slack, borders=borders, n_differing=n_differing)
    held, truth = logits[:, 3:] >= borders, exact[:, 3:] >= borders
    for place, ((low, high), border, most) in enumerate(zip(ranges, borders, n_differing, strict=True)):
        said = logits[:, 3 + place]
        answered = (said <= np.float32(low) + slack) | (said >= np.float32(high) - slack)
        wrong = (held != truth)[:, place]
        assert low <= border <= high
        # Nothing is passed on that need not be.
        assert (low == high) == (wrong.sum() <= most)
        assert low == high or (wrong & answered).sum() <= most


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 80), st.floats(0, 0.3), st.floats(0, 0.3))
def test_a_student_answers_within_what_may_differ(seed: int, n: int, labels: float, flags: float) -> None:
    draw = np.random.default_rng(seed)
    exact = draw.normal(size=(n, 6)).astype(np.float32)
    logits = exact + draw.normal(scale=0.5, size=(n, 6)).astype(np.float32)
    lengths = draw.choice(LENGTHS, n)
    sureness = curve.settle(
        logits, exact, lengths, borders=(0.0, 0.0, 0.0), differing=labels, flags_differing=(flags,) * 3
    )
    sure = sureness.of(logits, lengths)
    assert ((logits[:, :3].argmax(1) != exact[:, :3].argmax(1)) & sure).sum() <= labels * n
    assert (((logits[:, 3:] >= 0) != (exact[:, 3:] >= 0)) & sure[:, None]).sum(0).max() <= flags * n


def test_what_is_passed_on_has_the_fewest_tokens() -> None:
    draw = np.random.default_rng(5)
    exact = draw.normal(scale=2, size=(4000, 6)).astype(np.float32)
    logits = exact + draw.normal(size=(4000, 6)).astype(np.float32)
    lengths = draw.choice(LENGTHS, 4000)
    settle = {"borders": (0.0, 0.0, 0.0), "differing": 0.02, "flags_differing": (0.02, 1.0, 1.0)}
    chosen = curve.settle(logits, exact, lengths, **settle)
    assert chosen.slack_per_doubling > 0
    same = curve.settle(logits, exact, np.full(4000, 16), **settle)  # nothing to choose by
    assert same.slack_per_doubling == 0
    passed = [int(lengths[~each.of(logits, lengths)].sum()) for each in (chosen, same)]
    assert passed[0] < 0.9 * passed[1]
