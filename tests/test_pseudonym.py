"""Pseudonyms are the same everywhere and tell no two people for one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plaudit.pseudonym import handle_pseudonym, pseudonym

ANY_NAME = st.text(st.characters(exclude_categories=()), max_size=20)


def test_pseudonyms_are_fixed() -> None:
    assert pseudonym("UCa") == 89349855697268475
    assert handle_pseudonym("@Bob") == 10566683571197309812


def test_ids_differ_by_case_and_handles_do_not() -> None:
    assert pseudonym("UCab") != pseudonym("UCaB")
    assert handle_pseudonym("@Bob") == handle_pseudonym("bOB") == pseudonym("bob")


@given(ANY_NAME, ANY_NAME)
def test_any_two_names_have_two_numbers(one: str, other: str) -> None:
    assert (pseudonym(one) == pseudonym(other)) == (one == other)
    assert 0 <= handle_pseudonym(one) < 2**64
