"""Frames of pandas, polars and Arrow, scored and labelled in one call."""

from __future__ import annotations

import datetime
import io
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest

import plaudit
from plaudit import library, udf
from plaudit.errors import InputError, MappingError
from plaudit.frames import LABEL_SCHEMA
from plaudit.pipeline import Pipeline
from tests.fakes import fake_pipeline

TEXTS = ["Great post!", None, "Which glue did you use?", "\u200d", "my kiln cracked"]
LABELLED = ["generic_praise", None, "question", None, "genuine"]
TIME = datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC)
COLUMNS = {
    "id": ["a", "b", "c", "d", "e"],
    "text": TEXTS,
    "author": ["ann", "bob", None, "ann", "cid"],
    "post_id": ["p", "p", "p", "q", "q"],
    "created_at": [TIME] * 5,
    "likes": [1, None, 3, 4, 5],
}
Make = Callable[[dict[str, Any]], Any]


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Pipeline, "load", lambda *_, **__: fake_pipeline())
    library._pipeline.cache_clear()
    yield
    library._pipeline.cache_clear()


@pytest.fixture(params=["pandas", "polars", "pyarrow"])
def make(request: pytest.FixtureRequest) -> Make:
    module = pytest.importorskip(request.param)
    return module.table if request.param == "pyarrow" else module.DataFrame


def listed(frame: Any, name: str) -> list[Any]:
    column = frame[name]
    values = column.to_pylist() if hasattr(column, "to_pylist") else column.to_list()
    return [None if value != value else value for value in values]


def test_a_frame_scores_as_its_records_do(make: Make) -> None:
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)]
    report = plaudit.score(make(COLUMNS), by="post")
    assert report.to_json() == plaudit.score(rows, by="post").to_json()
    assert report.coverage.rejected == {"empty_text": 1, "missing_text": 1}


def test_columns_of_other_names(make: Make) -> None:
    frame = make({"body": ["nice", "why?"], "who": ["ann", "bob"]})
    with pytest.raises(MappingError, match=r"it has: zzz\.") as told:
        plaudit.score(make({"zzz": ["nice"]}))
    assert "columns={'text': COLUMN}" in str(told.value)
    with pytest.raises(MappingError, match="no column 'gone'"):
        plaudit.score(frame, columns={"text": "gone"})
    assert plaudit.score(frame, columns={"text": "body", "author": "who"}).coverage.scored == 2


def test_classify_takes_a_column(make: Make) -> None:
    found = plaudit.classify(make(COLUMNS)["text"])
    assert [each.get("label") for each in found] == LABELLED
    with pytest.raises(InputError, match=r"classify\(frame\['text'\]\)"):
        plaudit.classify(make(COLUMNS))
    with pytest.raises(InputError, match="int64"):
        plaudit.classify(make({"n": [1, 2]})["n"])


def test_a_column_scores_as_its_texts_do(make: Make) -> None:
    texts = [text or "" for text in TEXTS]
    assert plaudit.score(make(COLUMNS)["text"]).to_json() == plaudit.score(texts).to_json()


def test_label_adds_columns_and_keeps_the_rest(make: Make) -> None:
    frame = make(COLUMNS)
    found = plaudit.label(frame)
    assert type(found) is type(frame)
    assert listed(found, "label") == LABELLED
    assert listed(found, "id") == COLUMNS["id"]
    answers = plaudit.classify(frame["text"])
    for name in ("genuine", "question"):
        expected = [each["probabilities"][name] if "label" in each else None for each in answers]
        assert listed(found, name) == [each and pytest.approx(each, abs=1e-6) for each in expected]
    assert listed(found, "language") == ["en", None, "en", None, "en"]
    names = found.column_names if isinstance(found, pa.Table) else list(found.columns)
    assert names == [*COLUMNS, *LABEL_SCHEMA.names]
    empty = make({"text": ["nice"]})[:0]
    assert len(plaudit.label(empty)) == 0


def test_label_tells_what_it_cannot_use(make: Make) -> None:
    frame = make({"text": ["nice"], "label": ["x"], "n": [1]})
    with pytest.raises(MappingError, match="no column 'body'"):
        plaudit.label(frame, text="body")
    with pytest.raises(MappingError, match="'label' already"):
        plaudit.label(frame)
    with pytest.raises(InputError, match="int64"):
        plaudit.label(frame, text="n", prefix="p_")
    assert listed(plaudit.label(frame, prefix="p_"), "p_label") == ["generic_praise"]
    with pytest.raises(InputError, match="A list was given"):
        plaudit.label(["nice"])


def test_a_column_without_any_text_is_one_of_missing_texts() -> None:
    """pandas reads an empty column of a CSV as numbers, none of which is there."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(io.StringIO("id,text\n1,\n2,\n"))
    assert frame["text"].dtype == float
    for none in (frame, frame[:0]):
        found = plaudit.label(none, text="text")
        assert len(found) == len(none)
        assert found["label"].isna().all()
        answers = plaudit.classify(none["text"])
        assert len(answers) == len(none)
        assert all(answer["error"].startswith("The text is empty") for answer in answers)
    frame["text"] = [1.5, None]
    with pytest.raises(InputError, match="The column holds double; expected texts"):
        plaudit.classify(frame["text"])
    with pytest.raises(InputError, match="The column holds values of several kinds; expected texts"):
        plaudit.classify(pandas.Series(["a secret", 1]))


def test_a_pandas_frame_keeps_its_own_index() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": ["nice", "why?"]}, index=[7, 3])
    found = plaudit.label(frame)
    assert found.index.to_list() == [7, 3]
    assert found.loc[3, "label"] == "question"


def test_a_frame_of_mixed_values_is_told() -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(InputError, match="one kind of value"):
        plaudit.score(pandas.DataFrame({"text": ["nice", 3]}))


def test_columns_of_one_name_are_told() -> None:
    pandas = pytest.importorskip("pandas")
    twins = pandas.DataFrame([["nice", "why?"]], columns=["text", "text"])
    arrow = pa.Table.from_arrays([pa.array(["nice"]), pa.array(["why?"])], names=["text", "text"])
    for frame in (twins, arrow):
        for call in (plaudit.score, plaudit.label):
            with pytest.raises(MappingError, match="several columns 'text'"):
                call(frame)


def test_a_lazy_frame_is_told_to_be_worked_out() -> None:
    polars = pytest.importorskip("polars")
    for call in (plaudit.score, plaudit.label):
        with pytest.raises(InputError, match=r"collect\(\)"):
            call(polars.LazyFrame({"text": ["nice"]}))


def test_the_labeller_goes_over_frames_lazily_and_travels() -> None:
    pandas = pytest.importorskip("pandas")
    drawn: list[int] = []

    def frames() -> Iterator[Any]:
        for n, text in enumerate(["nice", "why?"]):
            drawn.append(n)
            yield pandas.DataFrame({"body": [text]})

    labeller = pickle.loads(pickle.dumps(udf.Labeller("body")))
    assert labeller == udf.Labeller("body")
    found = labeller(frames())
    assert drawn == []
    assert next(found)["label"].to_list() == ["generic_praise"]
    assert drawn == [0]
    (alone,) = udf.Labeller(prefix="x_").series([pandas.Series(["why?"], index=[4])])
    assert (alone.index.to_list(), alone["x_label"].to_list()) == ([4], ["question"])


def test_categories_of_polars_score_as_their_texts() -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(COLUMNS)
    categories = frame.with_columns(
        polars.col("text", "author").cast(polars.Categorical),
        polars.col("post_id").cast(polars.Enum(["p", "q"])),
    )
    assert plaudit.score(categories, by="post").to_json() == plaudit.score(frame, by="post").to_json()


def test_polars_expression_and_lazy_frame() -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(COLUMNS)
    found = frame.lazy().with_columns(udf.expression("text")).collect()
    assert found["labels"].struct.field("label").to_list() == LABELLED
    assert frame.lazy().with_columns(udf.expression()).collect_schema() == found.schema
    lazily = frame.lazy().map_batches(udf.Labeller("text").one, schema=plaudit.label(frame).schema)
    assert lazily.filter(polars.col("label") == "question").collect()["id"].to_list() == ["c"]


def test_the_schema_for_spark_names_what_comes() -> None:
    names = [part.split()[0] for part in udf.schema_of("id long, text string", prefix="l_").split(", ")]
    assert names == ["id", "text", *(f"l_{name}" for name in LABEL_SCHEMA.names)]
    assert udf.schema_of().startswith("label string, genuine float")


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::ResourceWarning")  # its own, of its pandas
def test_spark_maps_frames_with_it() -> None:
    pyspark = pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
    try:
        spark = (
            pyspark.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
        )
    except Exception as error:
        pytest.skip(f"Spark does not start here, Java may be missing: {type(error).__name__}")
    try:
        frame = spark.createDataFrame([(1, "Great post!"), (2, None), (3, "why?")], "id long, text string")
        found = frame.mapInPandas(udf.Labeller("text"), schema=udf.schema_of("id long, text string"))
        rows = {row["id"]: row["label"] for row in found.collect()}
    finally:
        spark.stop()
    assert rows[2] is None
    assert rows[3] == "question"
