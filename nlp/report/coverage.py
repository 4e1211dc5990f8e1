"""What was read, read back from its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plaudit.report.envelope import Coverage


def coverage_of(given: Mapping[str, Any]) -> Coverage:
    """Return the coverage that was written so.

    Raises:
        KeyError: A field is missing.
        TypeError: A field is of another type; so AttributeError.
    """
    return Coverage(
        read=count(given["read"]),
        scored=count(given["scored"]),
        rejected={reason: count(n) for reason, n in given["rejected"].items()},
        languages={language: count(n) for language, n in given["languages"].items()},
    )


def count(value: Any) -> int:
    """Return a whole number as it is.

    Raises:
        TypeError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"a count was expected, found {type(value).__name__}")
    return value
