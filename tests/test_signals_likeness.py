from __future__ import annotations

import numpy as np
import pytest

from plaudit.letters import letters_of
from plaudit.signals.grouping import joined
from plaudit.signals.likeness import classes
from tests.test_signals import remarks, value

LONG = "I glued the hinge twice last winter and it still squeaks whenever the door is opened by the cat"


def classes_of(texts: list[str]) -> list[int]:
    found = letters_of(texts)
    return classes(found.fingerprint, found.grams).tolist()


@pytest.mark.parametrize(
    ("other", "alike"),
    [
        (LONG.upper() + "!!! 💕", True),
        (LONG.replace("winter", "summer"), True),
        ("Honestly, " + LONG, True),
        (LONG.replace("hinge", "latch").replace("winter", "autumn"), True),
        (
            "I oiled the latch once this summer and it has not made a sound since the cat left the house",
            False,
        ),
        (LONG[:40], False),
    ],
)
def test_rewordings_are_one_text_and_remarks_on_the_same_thing_are_not(other: str, alike: bool) -> None:
    one, two = classes_of([LONG, other])
    assert (one == two) == alike


def test_short_texts_are_alike_only_when_equal() -> None:
    assert len(set(classes_of(["great video man", "great video bro", "Great video, bro!"]))) == 2


def test_likeness_is_the_jaccard_index_of_grams() -> None:
    random = np.random.default_rng(3)
    words = ["".join(random.choice(list("abcdefghijklmnop"), 6)) for _ in range(400)]
    misjudged = 0
    for _ in range(150):
        one = list(random.choice(words, 8, False))
        other = list(one)
        for place in random.choice(8, random.integers(1, 4), False):
            other[place] = str(random.choice(words))
        texts = [" ".join(one), " ".join(other)]
        grams = [{t[i : i + 4] for i in range(len(t) - 3)} for t in (text.replace(" ", "") for text in texts)]
        true = len(grams[0] & grams[1]) / len(grams[0] | grams[1])
        if abs(true - 0.6) > 0.08:  # runs of one letter are shortened, which moves it a little
            first, second = classes_of(texts)
            misjudged += (first == second) != (true > 0.6)
    assert misjudged <= 3


def test_a_thousand_rewordings_are_one_class_in_any_order() -> None:
    adjectives = [
        f"{a}{b}" for a in ("oaken", "green", "silver", "tiny") for b in "abcdefghijklmnopqrstuvwxyz"
    ]
    texts = [LONG.replace("hinge", word).replace("cat", f"cat {word[-1]}") for word in adjectives]
    random = np.random.default_rng(0)
    for _ in range(3):
        random.shuffle(texts)
        assert len(set(classes_of(texts))) == 1


def test_joined_follows_links_to_the_lowest() -> None:
    found = joined(7, np.array([0, 2, 1, 5]), np.array([2, 3, 4, 6]))
    assert found.tolist() == [0, 1, 0, 0, 1, 5, 5]


def test_reworded_campaigns_count_as_copies() -> None:
    texts = [LONG.replace("winter", word) for word in ("winter", "summer", "autumn", "spring", "monday")]
    campaign = [{"id": f"b{i}", "text": text, "author": f"bot{i}"} for i, text in enumerate(texts)]
    assert value(remarks(95) + campaign, "duplicate_share") == pytest.approx(0.05)


def test_an_authors_rewordings_count_once() -> None:
    texts = [f"When do you finally show us part {n} of the long series on hinges?" for n in ("two", "three")]
    fan = [{"id": f"q{i}", "text": text, "author": "fan"} for i, text in enumerate(texts)]
    assert value(remarks(20) + fan, "question_share") == value(remarks(20) + fan[:1], "question_share")
