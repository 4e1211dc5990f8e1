from __future__ import annotations

from plaudit.readers import ReadOptions, read_records
from plaudit.service.sheet import MAX_ROWS, Sheet
from tests.fakes import KeywordClassifier


def sheet_of(records, **options) -> Sheet:
    sheet, classifier = Sheet(), KeywordClassifier()
    for batch in read_records(records, options=ReadOptions(**options)):
        sheet.add(batch, classifier.classify(batch.comments.column("text").to_pylist()))
    return sheet


def test_rows_say_what_the_model_says():
    record = {"id": "a", "text": "I bought my own. Follow me?", "author": "maker"}
    (row,) = sheet_of([record], creator="maker").rows
    assert (row.id, row.text, row.label, row.is_creator) == ("a", record["text"], "question", True)
    assert round(row.probability, 3) == 0.96
    assert row.flags == ("experience", "solicitation")
    assert (row.language, row.supported, row.truncated) == ("en", True, False)


def test_the_first_rows_are_kept_over_batches_and_all_are_counted():
    records = [{"id": str(i), "text": f"comment {i}"} for i in range(MAX_ROWS + 300)]
    sheet = sheet_of(records, batch_size=128)
    assert [row.id for row in sheet.rows] == [str(i) for i in range(MAX_ROWS)]
    assert sheet.n_comments == MAX_ROWS + 300


def test_a_long_text_is_cut():
    (row,) = sheet_of([{"text": "x" * 3000}]).rows
    assert len(row.text) < 700
    assert row.text.endswith("…")
    assert row.truncated


def test_the_course_leaves_out_the_creator_the_unreadable_and_the_timeless():
    day = "2026-03-0{}T10:00:00Z"
    records = [
        {"text": "one", "created_at": day.format(1)},
        {"text": "two?", "created_at": day.format(4)},
        {"text": "mine", "created_at": day.format(2), "author": "maker"},
        {"text": "これは", "created_at": day.format(2)},
        {"text": "no time"},
    ]
    found = sheet_of(records, creator="maker").timeline()
    assert found is not None
    assert found.n_comments == 2
    assert found.periods[-1].counts == (0, 0, 1)


def test_estimated_times_are_counted_as_such():
    records = [
        {"text": "a", "created_at": f"2026-03-0{i}T10:00:00Z", "time_precision": "estimated"} for i in (1, 3)
    ]
    assert sheet_of(records).timeline().n_estimated == 2


def test_nothing_has_no_course():
    assert Sheet().timeline() is None
    assert sheet_of([]).timeline() is None
