"""A rejected record as it may be kept: short, and without whoever wrote it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

import orjson

MASK: Final = "[author]"
_PERSON = re.compile(
    r"author|user|owner|channel|name|handle|profile|speaker|uploader|avatar|uid$|^from|creator|person|nick"
    r"|commenter|unique_?id|mail|^ip|phone|url|link$",
    re.IGNORECASE,
)
_N_CHARACTERS, _N_ITEMS, _DEPTH = 200, 24, 4


def redacted(record: Mapping[str, object], *, columns: Collection[str] = ()) -> str:
    """Return a record as JSON with texts shortened and every field that may name a person masked.

    Columns are further names to mask.
    """
    kept = _shortened(record, columns=columns, depth=0)
    return orjson.dumps(kept, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _shortened(value: object, *, columns: Collection[str], depth: int) -> object:
    if isinstance(value, str):
        text = value if len(value) <= _N_CHARACTERS else value[:_N_CHARACTERS] + "…"
        return text.encode("utf-8", "replace").decode()
    if isinstance(value, (dict, list)) and depth == _DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {
            str(_shortened(str(key), columns=(), depth=depth)): MASK
            if _names_a_person(str(key), inner) or key in columns
            else _shortened(inner, columns=columns, depth=depth + 1)
            for key, inner in list(value.items())[:_N_ITEMS]
        }
    if isinstance(value, list):
        return [_shortened(item, columns=columns, depth=depth + 1) for item in value[:_N_ITEMS]]
    return value if value is None or isinstance(value, (bool, float)) else str(value)


def _names_a_person(key: str, value: object) -> bool:
    return value is not None and not isinstance(value, bool) and bool(_PERSON.search(key))
