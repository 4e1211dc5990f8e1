"""A report read back from its JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import orjson

from plaudit.errors import InputError
from plaudit.report.coverage import count, coverage_of
from plaudit.report.envelope import Group, Interval, LabelShare, Report, SignalRow

_T = TypeVar("_T")
_NUMBERS: Final = ("index", "authenticity", "community_depth")
_ROW_NUMBERS: Final = ("value", "low", "high", "reference", "points")


def parse(data: bytes, *, name: str) -> Report:
    """Return the report that `Report.to_json` wrote; fields of a later version are passed over.

    Args:
        data: The JSON.
        name: What to call it in an error.

    Raises:
        InputError: It is no JSON, or not that of a report.
    """
    with told_of_shape(name):
        given = orjson.loads(data)
        return Report(
            **_finding(given),
            groups=tuple(map(group_of, given["groups"])),
            warnings=_sentences(given["warnings"]),
            model=_texts(given["model"]),
            policy=_texts(given["policy"]),
            version=_text(given["version"]),
        )


@contextmanager
def told_of_shape(name: str) -> Iterator[None]:
    """Say of JSON, parsed within, that it is none, or not that of a report.

    Raises:
        InputError: So it is.
    """
    try:
        yield
    except orjson.JSONDecodeError as error:
        raise InputError(
            f"{name} is not JSON ({error}); a report.json of `plaudit score` was expected."
        ) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        found = f"without {error}" if isinstance(error, KeyError) else f"of another shape ({error})"
        raise InputError(
            f"{name} is JSON {found}; a report.json of `plaudit score` was expected; score the comments "
            "anew, or name the folder of other results."
        ) from error


def group_of(given: Mapping[str, Any]) -> Group:
    """Return the group that was written so.

    Raises:
        KeyError: A field is missing.
        TypeError: A field is of another type; so ValueError and AttributeError.
    """
    return Group(key=_text(given["key"]), **_finding(given))


def _finding(given: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        **{number: _maybe(_interval)(given[number]) for number in _NUMBERS},
        "reasons": {name: _sentences(sentences) for name, sentences in given["reasons"].items()},
        "labels": {name: _maybe(_label)(share) for name, share in given["labels"].items()},
        "signals": tuple(map(_row, given["signals"])),
        "coverage": coverage_of(given["coverage"]),
    }
    return fields


def _interval(given: Mapping[str, Any]) -> Interval:
    return Interval(**{name: _number(given[name]) for name in ("value", "low", "high")})


def _label(given: Mapping[str, Any]) -> LabelShare:
    return LabelShare(**{name: _number(given[name]) for name in ("share", "low", "high", "raw_share")})


def _row(given: Mapping[str, Any]) -> SignalRow:
    fields: dict[str, Any] = {
        **{name: _text(given[name]) for name in ("name", "family", "unit", "word")},
        **{name: _maybe(_number)(given[name]) for name in _ROW_NUMBERS},
        "n_comments": count(given["n_comments"]),
        "n_authors": count(given["n_authors"]),
        "absent_reason": _maybe(_text)(given["absent_reason"]),
        "evidence": _sentences(given["evidence"]),
    }
    return SignalRow(**fields)


def _maybe(read: Callable[[Any], _T]) -> Callable[[Any], _T | None]:
    return lambda value: None if value is None else read(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"a number was expected, found {type(value).__name__}")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text was expected, found {type(value).__name__}")
    return value


def _sentences(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(f"a list was expected, found {type(value).__name__}")
    return tuple(map(_text, value))


def _texts(value: Mapping[str, Any]) -> dict[str, str]:
    return {name: _text(text) for name, text in value.items()}
