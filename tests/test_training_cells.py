from __future__ import annotations

import math
from typing import Any

import pytest

from plaudit.training import cells


@pytest.mark.parametrize(
    ("cell", "flags"),
    [
        (None, None),
        (math.nan, None),
        ([], set()),
        ("", set()),
        ("experience;addressed", {"experience", "addressed"}),
        ('["experience"]', {"experience"}),
        ({"choices": ["addressed"]}, {"addressed"}),
        ('{"choices": ["experience", "addressed"]}', {"experience", "addressed"}),
        ({"experience": False, "addressed": True, "solicitation": None}, {"addressed"}),
        ('{"experience": 1, "addressed": 0}', {"experience"}),
    ],
)
def test_flags_in_every_shape(cell: Any, flags: set[str] | None) -> None:
    assert cells.flags_of(cell) == flags


def test_flags_that_are_no_names_are_refused() -> None:
    for cell in (True, 3):
        with pytest.raises(ValueError, match="expected a list of experience"):
            cells.flags_of(cell)


def test_flags_in_columns_of_their_own() -> None:
    row = {"experience": "1", "solicitation": False, "addressed": 1.0}
    assert cells.flags_in_columns(row) == {"experience", "addressed"}
    assert cells.flags_in_columns(row | {"addressed": None}) is None
    assert cells.flags_in_columns({}) is None


@pytest.mark.parametrize(
    ("cell", "label"),
    [
        ("question", "question"),
        (" Generic Praise ", "generic_praise"),
        ("generic-praise", "generic_praise"),
        (["addressed", "question"], "question"),
        ('{"choices": ["question", "addressed"]}', "question"),
        ("spam", "generic_praise"),
        (2, "question"),
        ("praise", "praise"),
        (1, 1),
        ("", None),
        (None, None),
        ([], None),
        (["addressed"], None),
    ],
)
def test_labels_by_any_name(cell: Any, label: Any) -> None:
    assert cells.label_of(cell, {"spam": "generic_praise", "2": "question"}) == label


def test_languages_are_codes() -> None:
    cases = [None, "", "EN", "pt-BR", "zh_Hans", " de "]
    assert [cells.language_of(cell) for cell in cases] == ["en", "en", "en", "pt", "zh", "de"]
    for cell in ("English", 5, "e"):
        with pytest.raises(ValueError, match="expected an ISO 639-1 code"):
            cells.language_of(cell)


def test_a_post_is_one_whether_its_column_holds_integers_or_floats() -> None:
    assert [cells.name_of(cell) for cell in (7, 7.0, "7", 0, None, math.nan)] == ["7", "7", "7", "0", "", ""]
    assert cells.name_of(1.5) == "1.5"
