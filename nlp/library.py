"""The library in two functions; `Pipeline` is there for more."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

from plaudit.comment import Batch
from plaudit.errors import InputError
from plaudit.frames import is_column, is_frame, records_of, texts_of
from plaudit.items import Item, results
from plaudit.pipeline import Context, Pipeline
from plaudit.readers import ReadOptions, read, read_records
from plaudit.readers.coercion import as_id
from plaudit.readers.source import SUFFIXES, is_address
from plaudit.report.envelope import Report

Source = str | Path
Record = Mapping[str, object]

_SUFFIXES: Final = tuple(sorted(SUFFIXES))
_LOADING: Final = threading.Lock()


def score(
    comments: Source | Iterable[Source] | Iterable[Record] | Any,
    *,
    format: str | None = None,  # noqa: A002
    creator: str | int | None = None,
    post: str | int | None = None,
    platform: str | None = None,
    columns: Mapping[str, str] | None = None,
    by: str | None = None,
    posts: Mapping[str, str] | Mapping[int, str] | None = None,
    model: Source | None = None,
) -> Report:
    """Score comments as one community.

    Args:
        comments: A file or folder; several; records with generic columns (see `GENERIC_COLUMNS`); a frame of
            pandas or polars or an Arrow table with such columns; or plain texts. Strings in a list are files
            where each of them exists or is named like one, else texts.
        format: A name in `readers.FORMATS`; None to tell from the content.
        creator: Id or name of whose audience this is.
        post: Id for comments whose record names no post.
        platform: One of `comment.PLATFORMS`; None for the format's own.
        columns: Generic column to the name it has here.
        by: "post" or "creator" for a finding of each as well.
        posts: Texts of posts (title, description, transcript) by their ids, for `post_overlap`.
        model: Folder of an artefact; None for the shipped one.

    Raises:
        UsageError: A file or option that cannot be used.
        InputError: An id or the text of a post that is none.
        ArtifactError: The model is missing or damaged.
    """
    creator, post = _id_of(creator, "creator"), _id_of(post, "post")
    context = Context(creator_id=creator, platform=platform, posts=_texts_of_posts(posts))
    options = ReadOptions(format=format, creator=creator, post=post, platform=platform, columns=columns or {})
    batches = _batches(comments, options)
    return pipeline_of(model).score(batches, context=context, group_by=by)


def _id_of(value: object, name: str) -> str | None:
    found = as_id(value)
    if value is None or found is not None:
        return found
    raise InputError(f"{name} is {value!r:.40}, expected an id: a string or a whole number.")


def _texts_of_posts(posts: object) -> Mapping[str, str]:
    if posts is None:
        return {}
    if not isinstance(posts, Mapping):
        raise InputError(
            f"posts is a {type(posts).__name__}, expected texts by the ids of their posts: {{'id': 'title'}}."
        )
    found = {}
    for name, text in posts.items():
        key = as_id(name)
        if key is None or not (text is None or isinstance(text, str)):
            raise InputError(
                f"posts holds a {type(text).__name__} under {name!r:.40}, expected a text under an id."
            )
        found[key] = text or ""
    return found


def classify(texts: Iterable[str], *, model: Source | None = None) -> list[dict[str, Any]]:
    """Label texts: for each, in order, its answer, or `{"id", "error"}` where it is empty.

    Args:
        texts: A list, or a column of a frame; ids are their positions, from 1.
        model: Folder of an artefact; None for the shipped one.

    Returns:
        Each `{"id", "label", "probabilities", "flags", "language", "supported", "truncated"}`.

    Raises:
        InputError: Something among them is no text.
        ArtifactError: The model is missing or damaged.
    """
    if isinstance(texts, str):
        raise InputError("One text was given where several are expected; put it in a list.")
    if is_frame(texts):
        raise InputError("A frame was given where its column of texts is expected: classify(frame['text']).")
    values: Iterable[object] = [text or "" for text in texts_of(texts)] if is_column(texts) else texts
    items = [_item(text, position) for position, text in enumerate(values, start=1)]
    return list(results(items, pipeline_of(model)))


def pipeline_of(model: Source | None) -> Pipeline:
    """Return the pipeline of a model, loaded once a process; None for the shipped model.

    Raises:
        ArtifactError: The model is missing or damaged.
    """
    with _LOADING:  # two threads would load it twice
        return _pipeline(None if model is None else Path(model).resolve())


@cache
def _pipeline(model: Path | None) -> Pipeline:
    return Pipeline.load(model)


def _item(text: object, position: int) -> Item:
    if not isinstance(text, str):
        raise InputError(f"Item {position} is a {type(text).__name__}; expected a text.")
    return Item.of(text, id=str(position))


def _batches(comments: object, options: ReadOptions) -> Iterator[Batch]:
    if isinstance(comments, str | Path):
        return read([comments], options=options)
    if is_frame(comments):
        return read_records(records_of(comments, columns=options.columns), options=options, source="frame")
    if is_column(comments):
        comments = [text or "" for text in texts_of(comments)]
        return read_records(({"text": text} for text in comments), options=options)
    if not isinstance(comments, Iterable) or isinstance(comments, Mapping | bytes):
        found = type(comments).__name__
        raise InputError(f"Comments were a {found}; expected a path, or a list of paths, records or texts.")
    rest = iter(comments)
    first = list(islice(rest, 1))
    if not first or isinstance(first[0], Mapping):
        records: Iterator[Any] = chain(first, rest)  # what is no record among them is rejected one by one
        return read_records(records, options=options)
    paths: list[Source] = []
    for value in chain(first, rest):
        if not isinstance(value, str | Path) or not _is_path(value):
            texts = _texts(chain(paths, [value], rest))
            return read_records(({"text": text} for text in texts), options=options)
        paths.append(value)
    return read(paths, options=options)


def _texts(values: Iterable[object]) -> Iterator[str]:
    kinds: set[str] = set()
    for value in values:
        kinds.add(type(value).__name__)
        if not isinstance(value, str | Path):
            raise InputError(
                f"The list holds {', '.join(sorted(kinds))}; expected paths, records or texts alone."
            )
        yield str(value)


def _is_path(source: Source) -> bool:
    # A file that is missing is told by the reader; it must not pass for a comment.
    if isinstance(source, Path) or source.lower().endswith(_SUFFIXES) or is_address(source):
        return True
    try:
        return bool(source) and Path(source).exists()
    except (OSError, ValueError):  # too long for a name, or with a zero in it: a text
        return False
