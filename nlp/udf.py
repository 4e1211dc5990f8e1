"""Labels as columns, where the frames are: pandas, polars, Arrow, Spark.

plaudit.label(frame)                                          # pandas, polars, Arrow: ten columns more
frame.with_columns(plaudit.udf.expression("text"))            # polars: one column of structs
spark_frame.mapInPandas(plaudit.udf.Labeller("text"), schema=plaudit.udf.schema_of("id long, text string"))
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from plaudit.frames import LABEL_SCHEMA, labels_of, texts_of, with_labels
from plaudit.library import pipeline_of

_SPARK: Final = {pa.string(): "string", pa.float32(): "float", pa.bool_(): "boolean"}


def label(frame: Any, *, text: str = "text", model: str | Path | None = None, prefix: str = "") -> Any:
    """Label the texts of a frame; what is labelled and how is that of `plaudit.classify`.

    Args:
        frame: Of pandas or polars, or an Arrow table.
        text: The column with the texts.
        model: Folder of an artefact; None for the shipped one.
        prefix: Put before the names of the new columns.

    Returns:
        The frame, of the same kind, with the columns of `frames.LABEL_SCHEMA`: null where there is no text.

    Raises:
        MappingError: There is no such column, or a new one has the name of an old one.
        InputError: It holds no texts, or this is no frame.
        ArtifactError: The model is missing or damaged.
    """
    return with_labels(frame, text=text, pipeline=pipeline_of(model), prefix=prefix)


@dataclass(frozen=True, slots=True)
class Labeller:
    """Labels frame after frame, for engines that send functions to where the data is.

    It travels as its three words; the model is loaded once a process, with the first frame. Spark's
    `mapInPandas` takes it as it is, polars' `LazyFrame.map_batches` takes `one`, and `pandas_udf` over an
    iterator of series takes `series`.

    Attributes:
        text: The column with the texts.
        model: Folder of an artefact, on every machine; None for the shipped one.
        prefix: Put before the names of the new columns.
    """

    text: str = "text"
    model: str | None = None
    prefix: str = ""

    def __call__(self, frames: Iterable[Any]) -> Iterator[Any]:
        """Yield each frame with its labels, as `label`."""
        return map(self.one, frames)

    def one(self, frame: Any) -> Any:
        """Return one frame with its labels, as `label`."""
        return label(frame, text=self.text, model=self.model, prefix=self.prefix)

    def series(self, columns: Iterable[Any]) -> Iterator[Any]:
        """Yield a pandas frame of labels alone for each pandas series of texts."""
        for column in columns:
            labels = labels_of(texts_of(column), pipeline_of(self.model)).to_pandas()
            yield labels.add_prefix(self.prefix).set_axis(column.index)


def schema_of(columns: str = "", *, prefix: str = "") -> str:
    """Return the schema of labelled frames as Spark writes it, behind that of the frames' own columns."""
    new = [f"{prefix}{field.name} {_SPARK[field.type]}" for field in LABEL_SCHEMA]
    return ", ".join([columns, *new] if columns else new)


def expression(text: Any = "text", *, model: str | None = None) -> Any:
    """Return a polars expression: a struct of `frames.LABEL_SCHEMA` for each text, in a column "labels".

    Args:
        text: Name of the column with the texts, or an expression that makes them.
        model: Folder of an artefact; None for the shipped one.
    """
    polars = import_module("polars")
    empty = polars.from_arrow(LABEL_SCHEMA.empty_table())

    def structs(column: Any) -> Any:
        labels = labels_of(texts_of(column), pipeline_of(model))
        return polars.from_arrow(labels).to_struct(column.name)

    found = polars.col(text) if isinstance(text, str) else text
    kind = polars.Struct(empty.schema)
    return found.map_batches(structs, return_dtype=kind, is_elementwise=True).alias("labels")
