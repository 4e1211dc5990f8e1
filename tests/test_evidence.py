from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from plaudit.comment import COMMENT_SCHEMA, Batch
from plaudit.report.envelope import Coverage, Group, Report, SignalRow
from plaudit.service.evidence import Texts, evidence_ids

ROW = SignalRow(
    name="copies",
    family="copies",
    value=0.5,
    low=0.4,
    high=0.6,
    unit="share",
    reference=None,
    points=None,
    word="normal",
    n_comments=2,
    n_authors=2,
    absent_reason=None,
)
FINDING = {
    "index": None,
    "authenticity": None,
    "community_depth": None,
    "reasons": {},
    "labels": {},
    "coverage": Coverage(read=0, scored=0),
}


def report(*ids: str, of_group: tuple[str, ...] = ()) -> Report:
    group = Group(**FINDING, key="p", signals=(replace(ROW, evidence=of_group),))
    return Report(
        **FINDING,
        signals=(replace(ROW, evidence=ids), ROW),
        groups=(group,),
        warnings=(),
        model={},
        policy={},
        version="0",
    )


def batch(*rows: tuple[str, str, str | None], source: str = "a.csv") -> Batch:
    given = {"key": 0, "is_creator": False, "platform": "other", "source": source}
    records = [{"id": id_, "text": text, "post_id": post, **given} for id_, text, post in rows]
    return Batch(comments=pa.RecordBatch.from_pylist(records, schema=COMMENT_SCHEMA))


def kept(*batches: Batch, limit: int) -> Texts:
    texts = Texts(limit=limit)
    for one in batches:
        texts.keep(one.comments)
    return texts


BATCHES = (batch(("1", "one", "p"), ("2", "two", "p")), batch(("3", "three", "p"), ("4", "four", "p")))


def test_ids_of_groups_count():
    assert evidence_ids(report("1", "2", of_group=("2", "3"))) == {"1", "2", "3"}


@pytest.mark.parametrize("limit", [0, 1 << 20])
def test_texts_are_found_by_id(limit):
    texts = kept(*BATCHES, limit=limit)
    found = texts.of(report("2", "3", "9"), read_again=lambda: iter(BATCHES))
    assert found == {"2": "two", "3": "three"}


def test_reading_again_stops_once_all_is_found():
    def again():
        yield BATCHES[0]
        raise AssertionError("read too far")

    assert kept(*BATCHES, limit=0).of(report("1", "2"), read_again=again) == {"1": "one", "2": "two"}


def test_nothing_is_read_again_without_need():
    def never():
        raise AssertionError

    assert kept(*BATCHES, limit=0).of(report(), read_again=never) == {}
    assert kept(*BATCHES, limit=1 << 20).of(report("1"), read_again=never) == {"1": "one"}
    assert kept(*BATCHES, limit=0).of(report("1"), read_again=None) == {}


@pytest.mark.parametrize("limit", [0, 1 << 20])
@pytest.mark.parametrize(
    "other",
    [batch(("1", "another", "q")), batch(("1", "another", None)), batch(("1", "another", None), source="b")],
)
def test_an_id_of_several_posts_has_no_text(limit, other):
    batches = (*BATCHES, other)
    texts = kept(*batches, limit=limit)
    assert texts.of(report("1", "2"), read_again=lambda: iter(batches)) == {"2": "two"}
