from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.comment import comment_key
from plaudit.facts import FACTS_SCHEMA, NO_TIME, ONE, Facts
from tests.communities import facts_from

ROWS = [
    {"id": "a", "text": "great video", "author": "Ann", "post_id": "p1", "created_at": 5},
    {"id": "b", "text": "why does the hinge squeak?", "author": "Bo", "post_id": "p1", "parent_id": "a"},
    {"id": "a", "text": "my own shelf fell down", "author": "Cy", "post_id": "p2", "total_reply_count": 3},
    {"id": "d", "text": "💕💕", "author": None, "creator_id": "maker", "is_creator": True},
    {"id": "e", "text": "it fell down too", "author": "Bo", "created_at": 9, "time_precision": "estimated"},
]


def test_keeps_numbers_and_no_text() -> None:
    facts = facts_from(ROWS)
    stored = facts.to_table().to_pylist()
    assert len(facts) == 5
    assert not any("squeak" in str(row) or "Ann" in str(row) for row in stored)


def test_rows_are_in_order_of_the_key() -> None:
    key = facts_from(ROWS).key
    assert (np.diff(key.astype(object)) > 0).all()


def test_parent_is_the_key_of_a_comment_under_the_same_post() -> None:
    facts = facts_from(ROWS)
    row = facts.id.to_pylist().index("b")
    assert facts.parent[row] == comment_key("p1", "a")


def test_what_the_source_does_not_say_is_missing() -> None:
    facts = facts_from(ROWS)
    row = facts.id.to_pylist().index("d")
    assert facts.author[row] == 0
    assert facts.created_at[row] == NO_TIME
    assert facts.total_reply_count[row] == -1
    assert facts.post_name[row].as_py() == "file.csv"


def test_estimated_times_are_not_exact() -> None:
    facts = facts_from(ROWS)
    assert dict(zip(facts.id.to_pylist(), facts.exact_time.tolist(), strict=True))["e"] is False


def test_letters_are_missing_without_letters() -> None:
    facts = facts_from(ROWS)
    row = facts.id.to_pylist().index("d")
    assert facts.letters[row] == 0
    assert facts.n_letters[row] == 0


def test_probabilities_are_fixed_point() -> None:
    facts = facts_from(ROWS)
    total = facts.genuine + facts.generic_praise + facts.question
    assert np.abs(total - ONE).max() <= 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sets(st.integers(0, 4), min_size=1), min_size=1, max_size=5), st.randoms())
def test_parts_join_to_the_same_facts_in_any_order_cut_and_overlap(parts: list[set[int]], random) -> None:
    seen = sorted(set().union(*parts))
    whole = facts_from([ROWS[i] for i in seen])
    pieces = [facts_from([ROWS[i] for i in part]) for part in map(list, parts)]
    random.shuffle(pieces)
    assert Facts.concat(pieces).to_table().equals(whole.to_table())


def test_two_readings_of_one_comment_leave_the_same_one_in_any_order() -> None:
    early, late = (
        facts_from([{"id": "x", "text": text}]) for text in ("it wobbles", "it wobbles. Edit: fixed")
    )
    assert len(Facts.concat([early, late])) == 1
    assert Facts.concat([early, late]).to_table().equals(Facts.concat([late, early]).to_table())


def test_one_comment_in_two_sources_counts_for_the_same_one_in_any_order() -> None:
    may, june = (
        facts_from([{"id": "x", "text": "it wobbles", "post_id": "p", "source": f"{name}.ndjson"}])
        for name in ("may", "june")
    )
    joined = Facts.concat([may, june])
    assert len(joined) == 1
    assert joined.creator_name.to_pylist() == ["june.ndjson"]
    assert joined.to_table().equals(Facts.concat([june, may]).to_table())


def test_round_trip_through_a_table() -> None:
    facts = facts_from(ROWS)
    table = facts.to_table()
    assert table.schema.equals(FACTS_SCHEMA)
    assert Facts.from_table(pa.concat_tables([table.slice(3), table.slice(0, 3)])).to_table().equals(table)


def test_nothing_is_also_facts() -> None:
    assert len(Facts.concat([])) == 0
    assert len(facts_from([])) == 0


@pytest.mark.parametrize("rows", [np.array([0, 2]), np.array([True, False, True, False, False])])
def test_take_by_position_or_mask(rows) -> None:
    facts = facts_from(ROWS)
    taken = facts.take(rows)
    assert taken.key.tolist() == [facts.key[0], facts.key[2]]
    assert taken.id.to_pylist() == [facts.id[0].as_py(), facts.id[2].as_py()]
