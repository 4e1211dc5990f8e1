"""The whole flow with the fake: order and cut of the input leave no trace in the report."""

from __future__ import annotations

import gc
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.comment import Batch
from plaudit.errors import UsageError
from plaudit.facts import Facts, facts_of
from plaudit.linguistics import describe
from plaudit.pipeline import Context, answer, answers
from plaudit.readers import ReadOptions, read_records
from plaudit.scores import LABELS, Scores
from tests.fakes import fake_pipeline

SENTENCES = [
    "nice",
    "great post",
    "Which glue did you use?",
    "my second one split along the grain",
    "the clamp slipped at the end, you can see it move",
    "これは何",
    "🔥",
]


def records(n: int) -> list[dict[str, object]]:
    draw = random.Random(4)
    found: list[dict[str, object]] = []
    for i in range(n):
        post = f"p{draw.randrange(3)}"
        earlier = [str(each["id"]) for each in found if each["post_id"] == post]
        found.append(
            {
                "id": str(i),
                "text": f"{draw.choice(SENTENCES)} {draw.choice(['', 'today', 'again', 'twice'])}".strip(),
                "author": draw.choice(["maker", *(f"reader {k}" for k in range(60))]),
                "post_id": post,
                "parent_id": draw.choice(earlier) if earlier and draw.random() < 0.3 else None,
                "created_at": 1_700_000_000 + 3600 * draw.randrange(500),
            }
        )
    return found


RECORDS = records(240)
OPTIONS = ReadOptions(creator="maker", platform="youtube")
CONTEXT = Context(creator_id="maker", platform="youtube")


def report_of(comments, *, batch_size: int = 8192, by: str | None = None):
    options = ReadOptions(creator="maker", platform="youtube", batch_size=batch_size)
    return fake_pipeline().score(read_records(comments, options=options), context=CONTEXT, group_by=by)


@pytest.fixture(scope="module")
def whole() -> bytes:
    return report_of(RECORDS, by="post").to_json()


@settings(max_examples=6, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 300))
def test_order_and_batches_leave_no_trace(whole: bytes, draw: random.Random, batch_size: int) -> None:
    shuffled = [*RECORDS]
    draw.shuffle(shuffled)
    assert report_of(shuffled, batch_size=batch_size, by="post").to_json() == whole


def test_the_report_says_where_the_order_of_dumps_matters() -> None:
    edited = [{**RECORDS[i], "text": "edited since, the hinge holds"} for i in (3, 8)]
    for first, second in ((RECORDS, edited), (edited, RECORDS)):
        report = report_of([*first, *second, *second])
        assert report.coverage.rejected["changed_text"] == 2
        (warning,) = [each for each in report.warnings if "another text" in each]
        assert warning.startswith("2 comments were there again with another text; what was read first counts")
    assert not any("another text" in each for each in report_of([*RECORDS, *RECORDS]).warnings)


def test_shards_merge_to_the_same_report(whole: bytes) -> None:
    pipeline = fake_pipeline()
    parts = []
    for start in (160, 0, 80):
        for batch in read_records(RECORDS[start : start + 80], options=OPTIONS):
            texts = batch.comments.column("text").to_pylist()
            parts.append(facts_of(batch.comments, pipeline.classify(texts), describe(texts)))
    for facts in (Facts.concat(parts), Facts.concat([*parts[::-1], parts[0]])):
        report = pipeline.report(facts, rejected={}, context=CONTEXT, group_by="post")
        assert report.to_json() == whole


def test_a_report_names_what_made_it() -> None:
    report = report_of(RECORDS)
    assert report.model == {"id": "keyword-fake", "hash": "0" * 64, "answer": "exact"}
    assert report.policy["hash"]
    assert report.version
    assert report.coverage.read == report.coverage.scored == len(RECORDS)


@pytest.mark.parametrize(
    ("comments", "read", "scored"),
    [
        ([], 0, 0),
        ([{"text": "Which glue?"}], 1, 1),
        ([{"text": ""}, {"text": None}, {"words": "x"}], 3, 0),
        ([{"text": "これは何"}] * 3, 3, 3),
        ([{"text": "mine", "author": "maker"}], 1, 1),
    ],
)
@pytest.mark.parametrize("by", [None, "post", "creator"])
def test_little_or_nothing_is_a_report_without_numbers(comments, read: int, scored: int, by) -> None:
    report = report_of(comments, by=by)
    assert (report.coverage.read, report.coverage.scored) == (read, scored)
    assert read == scored + sum(report.coverage.rejected.values())
    assert report.index is report.authenticity is report.community_depth is None
    assert report.reasons["authenticity"]
    assert report.reasons["community_depth"]
    assert len(report.groups) == (1 if by and scored else 0)


def test_a_grouping_that_is_none_is_told_before_the_work() -> None:
    def never():
        pytest.fail("the comments were read")
        yield

    with pytest.raises(UsageError, match=r"'week'.*post or creator"):
        fake_pipeline().score(never(), group_by="week")


def test_a_group_is_measured_from_its_comments_alone() -> None:
    grouped = {group.key: group for group in report_of(RECORDS, by="post").groups}
    assert set(grouped) == {"p0", "p1", "p2"}
    single = report_of([each for each in RECORDS if each["post_id"] == "p1"])
    for name in ("index", "authenticity", "community_depth", "labels", "coverage", "reasons", "signals"):
        assert getattr(grouped["p1"], name) == getattr(single, name), name


def test_the_creator_is_no_audience() -> None:
    praise = [{"id": f"m{i}", "text": "great", "author": "maker", "post_id": "p0"} for i in range(400)]
    with_praise = report_of([*RECORDS, *praise])
    assert with_praise.labels == report_of(RECORDS).labels
    assert with_praise.coverage.scored == len(RECORDS) + 400


def test_on_batch_sees_every_batch_with_its_scores() -> None:
    seen: list[tuple[Batch, Scores]] = []
    options = ReadOptions(batch_size=50)
    fake_pipeline().score(
        read_records(RECORDS, options=options), on_batch=lambda batch, scores: seen.append((batch, scores))
    )
    assert [len(scores) for _, scores in seen] == [50, 50, 50, 50, 40]
    assert [id_ for batch, _ in seen for id_ in batch.comments.column("id").to_pylist()] == [
        each["id"] for each in RECORDS
    ]


def test_no_text_outlives_its_batch() -> None:
    marker = "a sentence that is nowhere else"
    pipeline = fake_pipeline()
    parts: list[Facts] = []
    for batch in read_records([{"text": f"{marker} {i}"} for i in range(50)]):
        texts = batch.comments.column("text").to_pylist()
        parts.append(facts_of(batch.comments, pipeline.classify(texts), describe(texts)))
    del batch, texts
    gc.collect()
    assert marker.encode() not in b"".join(
        buffer.to_pybytes()
        for column in Facts.concat(parts).to_table().itercolumns()
        for chunk in column.chunks
        for buffer in chunk.buffers()
        if buffer is not None
    )


@settings(max_examples=300)
@given(st.lists(st.floats(-40, 40), min_size=3, max_size=3))
def test_rounded_probabilities_sum_to_one(logits: list[float]) -> None:
    raised = np.exp(np.array(logits) - max(logits))
    scores = Scores(
        probabilities=(raised / raised.sum()).astype(np.float32)[None],
        flags=np.array([[0.1234567, 0, 1]], np.float32),
        languages=("en",),
        supported=np.array([True]),
        truncated=np.array([False]),
    )
    found = answer("7", scores, 0)
    values = list(found["probabilities"].values())
    assert sum(values) == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(values, scores.probabilities[0], atol=2e-6)
    assert all(value == round(value, 6) >= 0 for value in values)
    assert found["label"] == LABELS[int(scores.labels[0])]
    assert found["flags"] == {"experience": 0.123457, "solicitation": 0.0, "addressed": 1.0}
    assert (found["id"], found["language"], found["supported"], found["truncated"]) == (
        "7",
        "en",
        True,
        False,
    )


@given(st.lists(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3), max_size=6))
def test_answers_of_many_are_those_of_each_alone(rows: list[list[float]]) -> None:
    values = np.array(rows, np.float32).reshape(-1, 3)
    n = len(values)
    scores = Scores(
        probabilities=values,
        flags=values[:, ::-1],
        languages=("en", "fr", "und", "id", "zxx", "de")[:n],
        supported=np.arange(n) % 2 == 0,
        truncated=np.arange(n) % 3 == 0,
    )
    ids = [f"c{row}" for row in range(n)]
    found = list(answers(ids, scores))
    assert found == [answer(ids[row], scores, row) for row in range(n)]
    for each, row in zip(found, rows, strict=True):
        assert list(each["flags"].values()) == pytest.approx(row[::-1], abs=5.1e-7)
        assert type(each["supported"]) is bool
