"""What the cells of a labelled file say, in whatever shape people and tools write them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from plaudit.scores import FLAGS, LABELS

_MILLISECONDS: Final = 1e11  # seconds until the year 5138: a larger number counts milliseconds
_SUM_TOLERANCE: Final = 0.02  # of probabilities: they were rounded
_TRUE: Final = frozenset({"true", "1", "1.0", "yes", "y"})
_FALSE: Final = frozenset({"false", "0", "0.0", "no", "n"})
_CODE: Final = re.compile(r"[a-z]{2,3}")


def label_of(value: Any, names: Mapping[str, str] | None = None) -> Any:
    """Return the label a cell names, or what it says where that is no label of ours; None: nothing.

    Args:
        value: A name, however it is cased and joined, or the choices of a tool that has one among them.
        names: Theirs to ours, as text.
    """
    said = [(names or {}).get(str(each).strip(), each) for each in _choices(value)]
    spelled = [_spelled(each) for each in said]
    known = next((each for each in spelled if each in LABELS), None)
    return known or next((e for e, s in zip(said, spelled, strict=True) if s and s not in FLAGS), None)


def flags_of(value: Any) -> frozenset[str] | None:
    """Return the marks that hold, ours and others; None where nobody gave any.

    Args:
        value: A list, names in a row ("experience addressed"; blank: none holds), or each name with
            whether it holds.

    Raises:
        ValueError: It is none of these.
    """
    value = _parsed(value)
    if _is_nothing(value):
        return None
    if isinstance(value, str):
        return frozenset(re.findall(r"\w+", value))
    if isinstance(value, Mapping) and "choices" not in value:
        return frozenset(str(name) for name, holds in value.items() if is_true(holds))
    if isinstance(value, Iterable):
        return frozenset(map(str, _choices(value)))
    raise ValueError(f"flags are {value!r}, expected a list of {', '.join(FLAGS)}")


def flags_in_columns(row: Mapping[str, Any]) -> frozenset[str] | None:
    """Return the flags that hold where each has a column of its own; None where one is blank."""
    cells = {flag: str(row.get(flag, "")).strip().lower() for flag in FLAGS}
    if not all(cell in _TRUE | _FALSE for cell in cells.values()):
        return None
    return frozenset(flag for flag, cell in cells.items() if cell in _TRUE)


def language_of(value: Any) -> str:
    """Return an ISO 639 code in lower case, without its region; "en" for nothing.

    Raises:
        ValueError: It is no code.
    """
    if _is_nothing(value) or not str(value).strip():
        return "en"
    code = re.split(r"[-_]", str(value).strip().lower())[0]
    if not _CODE.fullmatch(code):
        raise ValueError(f"the language is {str(value)[:20]!r}, expected an ISO 639-1 code such as en")
    return code


def taught_of(row: Mapping[str, Any]) -> tuple[float, ...] | None:
    """Return what `plaudit-train teach` wrote beside a text, labels then flags; None where it wrote nothing.

    Raises:
        ValueError: They are no probabilities.
    """
    labels, flags = (_parsed(row.get(name)) for name in ("probabilities", "flag_probabilities"))
    if not isinstance(labels, Mapping) or not isinstance(flags, Mapping):
        return None
    values = [*(labels.get(name) for name in LABELS), *(flags.get(name) for name in FLAGS)]
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    if len(numbers) != len(values):
        return None
    total = sum(numbers[: len(LABELS)])
    if not all(0 <= number <= 1 for number in numbers) or abs(total - 1) > _SUM_TOLERANCE:
        raise ValueError("its probabilities are not from 0 to 1, or those of the labels do not add up to 1")
    return tuple(numbers)


def name_of(value: Any) -> str:
    """Return the name of a post, an author, a source; "" for nothing.

    A whole number is the same name whether its column was read as integers or as floats.
    """
    if _is_nothing(value):
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def seconds_of(value: Any) -> float | None:
    """Return Unix seconds of a number (also of milliseconds) or an ISO 8601 time; None where it is none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return _iso_seconds(str(value or ""))
    if not math.isfinite(number) or not number:
        return None
    return number / 1000 if number > _MILLISECONDS else number


def _iso_seconds(value: str) -> float | None:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def is_true(value: Any) -> bool:
    """Return whether a cell says so."""
    if isinstance(value, str):
        return value.strip().lower() in _TRUE
    return not _is_nothing(value) and bool(value)


def _choices(value: Any) -> Sequence[Any]:
    value = _parsed(value)
    if isinstance(value, Mapping) and "choices" in value:
        value = value["choices"]
    if _is_nothing(value):
        return ()
    is_one = isinstance(value, str | Mapping) or not isinstance(value, Iterable)
    return [value] if is_one else list(value)


def _parsed(value: Any) -> Any:
    """Return what a cell of a table holds as JSON, as tools write lists there; else the cell."""
    if isinstance(value, str) and value.strip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _spelled(value: Any) -> str:
    return re.sub(r"[\s\-]+", "_", str(value).strip().lower())


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
