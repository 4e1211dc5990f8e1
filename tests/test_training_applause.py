from __future__ import annotations

from collections import Counter

import pytest

from plaudit.scores import FLAGS
from plaudit.text import normalize
from plaudit.training.applause import SOURCE, applause


def test_the_same_seed_gives_the_same_comments() -> None:
    assert applause(50, seed=4) == applause(50, seed=4)
    assert applause(50, seed=4) != applause(50, seed=5)
    assert applause(20, seed=4) == applause(50, seed=4)[:20]


def test_comments_are_distinct_readable_and_labelled() -> None:
    found = applause(2000, seed=1)
    assert len({c.text for c in found}) == 2000
    assert {c.label for c in found} == {"generic_praise"}
    assert {c.source for c in found} == {SOURCE}
    assert all(normalize(c.text) and "{" not in c.text for c in found)
    assert all(c.flags is not None and c.flags <= set(FLAGS) for c in found)


def test_promotion_and_languages_have_their_shares() -> None:
    found = applause(4000, seed=2)
    promotion = sum("solicitation" in (c.flags or ()) for c in found) / 4000
    assert 0.15 < promotion < 0.3
    languages = Counter(c.language for c in found)
    assert set(languages) == {"en", "es", "pt", "fr", "de", "id"}
    assert 0.4 < languages["en"] / 4000 < 0.7


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(ValueError, match="n is -1; expected 0 or more"):
        applause(-1, seed=1)
