"""Each item gets its own answer or error, in its own place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.items import EMPTY, Item, results
from plaudit.pipeline import answer
from tests.fakes import fake_pipeline

PIPELINE = fake_pipeline()
TEXT = st.sampled_from(["nice", "Which glue?", "mine broke", "", " ", "\u200d", "これは何"])


@pytest.mark.parametrize("text", ["", " \n", "\u200b", "\u200d\u200d", "\u3164", "\ufe0f"])
def test_a_text_of_nothing_is_an_error(text: str) -> None:
    assert Item.of(text, id="7") == Item(id="7", error=EMPTY)


def test_a_text_is_kept_as_it_came() -> None:
    assert Item.of(" Great\u200b ", id="7") == Item(id="7", text=" Great\u200b ")


@given(st.lists(TEXT, max_size=12))
def test_results_keep_their_places_and_no_neighbour_shows(texts: list[str]) -> None:
    found = list(results([Item.of(text, id=str(i)) for i, text in enumerate(texts)], PIPELINE))
    assert [each["id"] for each in found] == [str(i) for i in range(len(texts))]
    for i, (text, each) in enumerate(zip(texts, found, strict=True)):
        alone = Item.of(text, id=str(i))
        if alone.error:
            assert each == {"id": str(i), "error": EMPTY}
        else:
            assert each == answer(str(i), PIPELINE.classify([text]), 0)


def test_errors_alone_ask_no_model() -> None:
    pipeline = fake_pipeline()
    assert list(results([Item(id="1", error="Too long.")], pipeline)) == [{"id": "1", "error": "Too long."}]
    assert list(results([], pipeline)) == []
    assert pipeline.classifier.n_seen == 0  # type: ignore[attr-defined]
