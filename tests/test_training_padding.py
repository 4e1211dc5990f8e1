from __future__ import annotations

import random

import pytest

from plaudit.training import batching, config, padding
from plaudit.training.dataset import LabelledComment
from plaudit.validation.gaming import _FILLERS


def many(text: str, language: str, n: int = 200) -> list[str]:
    draw = random.Random(1)
    return [padding.padded(text, language, draw) for _ in range(n)]


@pytest.mark.parametrize("code", padding.languages())
def test_the_text_stays_whole_and_gets_longer(code: str) -> None:
    for text in ("Great post!", "🔥🔥", "which glaze is it"):
        for longer in many(text, code):
            assert text in longer
            assert len(longer) > len(text)
            assert "{" not in longer


def test_both_sides_are_padded_in_many_ways() -> None:
    found = many("xyz", "en")
    assert len(set(found)) > 150
    assert any(text.startswith("xyz") for text in found)
    assert any(text.endswith("xyz") for text in found)


def test_a_language_without_filler_gets_english() -> None:
    assert many("xyz", "tr", 5) == many("xyz", "en", 5)


def test_the_same_draw_gives_the_same_filler() -> None:
    assert many("xyz", "de") == many("xyz", "de")


def test_it_is_not_the_filler_that_validate_pads_with() -> None:
    ours = {
        piece.lower() for words in padding._words().values() for list_ in words.values() for piece in list_
    }
    assert not {filler.lower() for filler in _FILLERS} & ours


def test_training_shows_padded_texts_as_often_as_told() -> None:
    knobs = config.load(
        overrides=["train.padding_share=0.5", "train.obfuscation_share=0", "train.handle_drop=0"]
    ).train
    comment = LabelledComment(text="great post", label="generic_praise", language="en")
    draw = random.Random(2)
    shown = [batching.augment(comment, config=knobs, draw=draw) for _ in range(400)]
    assert 0.4 < sum(text != "great post" for text in shown) / len(shown) < 0.6
