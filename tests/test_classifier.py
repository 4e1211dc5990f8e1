"""The committed model: what it says of a comment depends on that comment alone, and reads as it should."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from plaudit import artifact
from plaudit.classifier import ArtifactClassifier
from plaudit.errors import ArtifactError
from plaudit.pipeline import Pipeline, answer
from plaudit.scores import FLAGS, LABELS, Scores

TEXTS = [
    *["Great post!", "nice", "Love this 😍😍", "🔥🔥🔥", "Amazing content, keep it up!!", "First!", "lol"],
    *["Which glue did you use?", "how long until it dries", "is the blue one worth it", "a", "12:45", "?"],
    "I broke mine after two weeks and the shop would not take it back",
    "the second seam at 3:12 is already open",
    "@anna it does, I tried it on oak last winter",
    "DM me to grow your page to 10k followers",
    *["¿Cuánto tarda en secar?", "kenapa warnanya beda sama yang di toko?", "Wo bekommt man das Holz her?"],
    "word " * 40,
    "We took the old boiler out last spring and found the same crack along the weld that you show here, "
    "only ours had been painted over twice, so nobody had noticed it until the pressure test failed.",
]
FOREIGN = ["これは何ですか、教えてください", "Что это за клей и где его купить?", "이거 어디서 샀어요?"]


@pytest.fixture(scope="module")
def folder():
    try:
        return artifact.current()
    except ArtifactError as error:
        pytest.skip(f"no model is committed: {error}")


@pytest.fixture(scope="module")
def classifier(folder) -> ArtifactClassifier:
    return fresh(folder)


def fresh(folder, *, threads: int = 2) -> ArtifactClassifier:
    """A classifier that has seen nothing yet."""
    return ArtifactClassifier(artifact.load(folder), threads=threads)


def numbers(scores: Scores) -> np.ndarray:
    return np.hstack([scores.probabilities, scores.flags])


@pytest.fixture(scope="module")
def alone(folder) -> np.ndarray:
    one_by_one = fresh(folder, threads=1)
    return np.vstack([numbers(one_by_one.classify([text])) for text in TEXTS])


def test_random_company_changes_no_answer(folder, alone: np.ndarray) -> None:
    draw = random.Random(5)
    labels = alone[:, :3].argmax(axis=1)
    for _ in range(6):
        rows = draw.choices(range(len(TEXTS)), k=draw.choice([2, 7, 40, 150]))
        scores = fresh(folder).classify([TEXTS[row] for row in rows])  # nothing cached
        np.testing.assert_allclose(numbers(scores), alone[rows], atol=1e-5)
        np.testing.assert_array_equal(scores.labels, labels[rows])


def test_order_copies_and_cache_change_nothing(classifier: ArtifactClassifier) -> None:
    first = numbers(classifier.classify(TEXTS))
    again = numbers(classifier.classify([*TEXTS[::-1], *TEXTS]))
    np.testing.assert_array_equal(again, np.vstack([first[::-1], first]))


def test_the_number_of_threads_changes_nothing(folder, alone: np.ndarray) -> None:
    for threads in (1, 2, 4):
        found = numbers(fresh(folder, threads=threads).classify(TEXTS))
        np.testing.assert_allclose(found, alone, atol=1e-5)


def test_disguise_changes_nothing(classifier: ArtifactClassifier) -> None:
    plain = numbers(classifier.classify(["follow me", "great video", "great video"]))
    hidden = numbers(classifier.classify(["fоllоw mе", "gre\u200bat vid\u00adeo", "𝓰𝓻𝓮𝓪𝓽 𝓿𝓲𝓭𝓮𝓸"]))
    np.testing.assert_array_equal(plain, hidden)


def test_who_is_named_changes_nothing(classifier: ArtifactClassifier) -> None:
    one, other = classifier.classify(["@bob did it hold?", "@X.Y-9 did it hold?"]).probabilities
    np.testing.assert_array_equal(one, other)


def test_every_answer_keeps_the_contract(classifier: ArtifactClassifier) -> None:
    texts = ["", "\u200d", "\ud800", *TEXTS, *FOREIGN, "x" * 9000, "so good " * 3000]
    scores = classifier.classify(texts)
    assert len(scores) == len(texts)
    for row in range(len(texts)):
        found = answer(str(row), scores, row)
        assert list(found["probabilities"]) == list(LABELS)
        assert sum(found["probabilities"].values()) == pytest.approx(1, abs=1e-9)
        assert found["label"] == max(found["probabilities"], key=found["probabilities"].__getitem__)
        assert list(found["flags"]) == list(FLAGS)
        assert all(0 <= value <= 1 for value in [*found["probabilities"].values(), *found["flags"].values()])


def test_long_texts_are_cut_and_told(classifier: ArtifactClassifier) -> None:
    scores = classifier.classify(["short", "I sanded it twice before the glue " * 300, "word " * 20_000])
    assert scores.truncated.tolist() == [False, True, True]


def test_languages_it_does_not_read_are_marked_and_answered(classifier: ArtifactClassifier) -> None:
    scores = classifier.classify([*FOREIGN, "Which glue?", "🔥"])
    assert scores.languages == ("ja", "ru", "ko", "en", "zxx")
    assert scores.supported.tolist() == [False, False, False, True, True]


def test_no_texts_are_no_scores(classifier: ArtifactClassifier) -> None:
    scores = classifier.classify([])
    assert (len(scores), scores.probabilities.shape, scores.flags.shape) == (0, (0, 3), (0, 3))


@pytest.mark.parametrize(
    ("label", "texts"),
    [
        ("generic_praise", ["Great post!", "nice", "🔥🔥🔥", "Amazing content, keep it up!!", "lindo 😍"]),
        ("question", ["Which glue did you use?", "how long until it dries", "¿Cuánto tarda en secar?"]),
        ("genuine", ["I broke mine after two weeks and the shop would not take it back", *TEXTS[14:15]]),
    ],
)
def test_plain_cases_are_told_apart(classifier: ArtifactClassifier, label: str, texts: Sequence[str]) -> None:
    assert [LABELS[found] for found in classifier.classify(texts).labels] == [label] * len(texts)


def test_a_contact_is_a_solicitation(classifier: ArtifactClassifier) -> None:
    flags = classifier.classify(
        ["DM me to grow your page to 10k followers", "the seam held all winter"]
    ).flags
    assert flags[0, 1] > 0.5 > flags[1, 1]


def test_the_manifest_fits_the_classifier(classifier: ArtifactClassifier) -> None:
    assert classifier.model.id == classifier.artifact.folder.name
    assert classifier.error_counts is not None
    assert classifier.error_counts.pooled.shape == (3, 3)
    assert (classifier.error_counts.pooled.argmax(axis=1) == [0, 1, 2]).all()
    assert "en" in classifier.languages


def test_the_artefact_keeps_within_its_budget(folder) -> None:
    assert sum(path.stat().st_size for path in folder.parent.rglob("*") if path.is_file()) <= 40_000_000


def test_a_pipeline_loads_it_by_itself(folder) -> None:
    assert Pipeline.load(threads=1, exact=True).classifier.model == artifact.load(folder).model
    assert Pipeline.load(folder.parent, threads=1).classifier.model.id == folder.name
