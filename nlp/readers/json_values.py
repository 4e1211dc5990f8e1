"""JSON as people really have it: lone surrogates, NaN, bad bytes, pages end to end, files cut short."""

from __future__ import annotations

import codecs
import json
import re
from typing import Any, Final

import orjson

from plaudit.readers.format import Problem

BAD_BYTE: Final = "\ufdd0"
"""A character that is none (Unicode keeps it for such use): stands where bytes were no UTF-8."""

_ESCAPE = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
# A string without an end goes to the end of the text: looked for again at each of its quotes, it would take
# the square of its length.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_GAP = re.compile(r"[\s,\x1e]*")
_DECODER: Final = json.JSONDecoder()


def _mark(error: UnicodeError) -> tuple[str, int]:
    return BAD_BYTE, error.end if isinstance(error, UnicodeDecodeError) else 0


codecs.register_error("plaudit.mark", _mark)


def decode_marking(data: bytes) -> str:
    """Decode UTF-8 with `BAD_BYTE` where it is none."""
    return data.decode("utf-8", "plaudit.mark")


def read_line(line: bytes) -> list[Any]:
    """Return the value of a line of JSON; a list of those end to end; a Problem for what is none."""
    try:
        return [orjson.loads(line)]
    except ValueError as error:
        problem = f"The line is not valid JSON ({_place(error)})."
    try:
        text = _without_lone_surrogates(line).decode().lstrip("\ufeff")  # of files put end to end
    except UnicodeDecodeError as error:
        return [Problem("bad_encoding", f"Byte {error.start + 1} of the line is not UTF-8 text.")]
    values, end = _values_until(text)
    if end == len(text) and values:
        return values if len(values) == 1 else [values]
    found = [value for value in values if isinstance(value, dict)]
    return [*([found] if found else []), Problem("not_json", problem)]


def _place(error: ValueError) -> str:
    # The parser's own words only: they hold no text of the line.
    return f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "unreadable"


def _without_lone_surrogates(data: bytes) -> bytes:
    if b"\\u" not in data:
        return data
    # Twelve bytes are a pair, two an escaped backslash; six are a half that stands alone.
    return _ESCAPE.sub(lambda match: b"\\ufffd" if len(match[0]) == 6 else match[0], data)


def read_document(data: bytes) -> tuple[list[Any], Problem | None, bool]:
    """Return the values of a file that is one JSON value, or several end to end.

    Returns:
        The values; a problem where the file stops being JSON (what came before is among the values, a
        value cut short with what it held so far); and whether bytes that are no UTF-8 were marked.
    """
    try:
        return [orjson.loads(data)], None, False
    except ValueError:
        pass
    data = _without_lone_surrogates(data)
    try:
        return [orjson.loads(data)], None, False
    except ValueError:
        pass
    text = decode_marking(data)
    is_marked = BAD_BYTE in text
    values, problem = _read_values(text)
    return values, problem, is_marked


def _read_values(text: str) -> tuple[list[Any], Problem | None]:
    values, end = _values_until(text)
    if end == len(text):
        return values, None
    try:
        _DECODER.raw_decode(text, end)
    except json.JSONDecodeError as error:
        values += _salvaged(text[end : error.pos])
        return values, Problem("not_json", f"From character {error.pos + 1} on it is not valid JSON.")
    except (RecursionError, ValueError):
        pass
    where = f"From character {end + 1} on"
    return values, Problem("not_json", f"{where} it nests too deep, or holds too long a number, to read.")


def _values_until(text: str) -> tuple[list[Any], int]:
    """Return the values at the start of a text, end to end, and where they end."""
    values: list[Any] = []
    start = _gap(text, 0)
    while start < len(text):
        try:
            value, end = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            break
        values.append(value)
        start = _gap(text, end)
    return values, start


def _gap(text: str, start: int) -> int:
    match = _GAP.match(text, start)
    return match.end() if match else start


def _salvaged(text: str) -> list[Any]:
    """Return the value at the start of a text cut short, less its last, unfinished part."""
    stack: list[str] = []
    end, closers = 0, ""
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in "{[":
            stack.append("}" if mark == "{" else "]")
        elif mark in "}]":
            if not stack or stack.pop() != mark:
                break
            end, closers = token.end(), "".join(reversed(stack))
    try:
        return [json.loads(text[:end] + closers)] if end else []
    except (ValueError, RecursionError):
        return []
