"""One value of a dump at a time: whatever a tool wrote, as the type a comment wants, or None."""

from __future__ import annotations

import html
import re
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from plaudit.readers.dates import date_of

_NOTHING: Final = frozenset({"", "null", "none", "nan", "n/a", "undefined", "<na>", r"\n"})  # MySQL's \N
_MISSING: Final = "NA"  # R's; "na" may be a name
_NOBODY: Final = _NOTHING | {"[deleted]", "[removed]"}
_YES: Final = frozenset({"true", "1", "1.0", "yes", "y", "t"})
_DELETED: Final = frozenset({"[deleted]", "[removed]", "[ removed by reddit ]", "[deleted by user]"})

_WHOLE = re.compile(r"-?\d+\.0+")
_ROUNDED = re.compile(r"\d(?:[.,]\d+)?[eE]\+\d{1,3}")
_PLAIN_POWER = re.compile(r"\d(?:\.\d+)?e\+\d\d?")  # R's, with all digits; E+ of Excel lacks some
_COUNT = re.compile(r"([+-]?\d[\d.,\s]*)\s*([^\d\s.,]*)\.?")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:[.,]\d{3})+")
_FACTORS: Final = {
    **dict.fromkeys(("k", "mil", "tsd", "rb", "тыс", "bin", "thousand", "हज़ार"), 10**3),
    **dict.fromkeys(("万", "萬", "만"), 10**4),
    **dict.fromkeys(("m", "mn", "mi", "mio", "mill", "млн", "jt", "million"), 10**6),
    **dict.fromkeys(("b", "bn", "bi", "mrd", "billion", "млрд"), 10**9),
    **dict.fromkeys(("億", "亿", "억"), 10**8),
}
_EPOCH: Final = datetime(1970, 1, 1)
_EPOCH_UTC: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NO_TIME: Final = timedelta(0)
_MILLISECOND: Final = timedelta(milliseconds=1)
_LATEST: Final = 253_402_300_800_000  # year 10000 in milliseconds; what lies beyond is no time

_SERIAL_EPOCH: Final = datetime(1899, 12, 30)  # day 0 of a spreadsheet
_SERIALS: Final = (32_000, 80_000)  # its days from 1987 to 2119
_N_SERIAL: Final = 100_000  # seconds of Unix: a day, on which nobody commented
_DATES: Final = (19_900_101, 21_000_101)  # dates as numbers; as seconds of Unix, August to September 1970

_MARKUP = re.compile(
    r"<br\s*/?>|<a\s+[^>]*href|&(?:amp|quot|apos|lt|gt|nbsp|#\d+|#x[\da-f]+);", re.IGNORECASE
)
_BREAK = re.compile(r"<br\s*/?>|</p>\s*<p>", re.IGNORECASE)
_TAG = re.compile(r"</?(?:a|b|i|s|p|em|strong|del|u|span|img)(?:\s[^<>]*)?/?>", re.IGNORECASE)


def as_id(value: object) -> str | None:
    """Return an id as the string the source meant: integers whole, "123.0" of a spreadsheet as "123"."""
    if type(value) is str:
        text = value.strip()
        if text.endswith("0") and _WHOLE.fullmatch(text):
            return text.partition(".")[0]
        return None if len(text) <= 9 and (text == _MISSING or text.lower() in _NOTHING) else text
    if isinstance(value, float):
        return (str(int(value)) if value.is_integer() else str(value)) if abs(value) < 1e300 else None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def is_rounded(value: object) -> bool:
    """Return whether a spreadsheet or a table of floats has cost an id its last digits.

    Such an id may be several comments', and is nobody's own: 7.3E+18, or a float beyond 2**53.
    """
    if type(value) is str:
        return _ROUNDED.fullmatch(value.strip()) is not None
    return isinstance(value, float) and abs(value) >= 2**53


def as_name(value: object) -> str | None:
    """Return an author's id or name; None for nobody, "[deleted]" included: those are many people."""
    if type(value) is str:
        text = value.strip()
        return None if len(text) <= 9 and (text == _MISSING or text.lower() in _NOBODY) else text
    return as_id(value)


def as_flag(value: object) -> bool:
    """Return whether a flag is set; absent and unreadable count as not set."""
    if value is None or value is False:
        return False
    return value is True or str(value).strip().lower() in _YES


def as_count(value: object) -> int | None:
    """Return a count such as 12, "1.2K", "3,4 mil" or "1,234"; None when empty or unreadable."""
    if type(value) is int:
        return value if abs(value) < 2**62 else None
    if isinstance(value, float):
        return round(value) if abs(value) < 2**53 else None
    return _spelled_count(value) if type(value) is str and value else None


def _spelled_count(text: str) -> int | None:
    match = _COUNT.fullmatch(text.strip().lower())
    if match is None or match[2] not in {"", *_FACTORS}:
        return None
    digits = re.sub(r"\s", "", match[1]).rstrip(".,")
    grouped = _GROUPED.fullmatch(digits) and not match[2]
    digits = re.sub(r"[.,]", "", digits) if grouped else digits.replace(",", ".")
    try:
        return as_count(round(float(digits) * _FACTORS.get(match[2], 1)))
    except (ValueError, OverflowError):
        return None


def as_time(value: object, day_first: bool | None = None) -> tuple[int | None, str | None]:
    """Return a time in Unix milliseconds, and its precision.

    Reads Unix seconds to nanoseconds, ISO 8601 (UTC unless it says otherwise), RFC 2822, 20240131, what
    `dates` reads, and in text the days that spreadsheets count (45322.5), as Unix seconds the first day of
    1970. Words such as "2 years ago" give (None, "estimated"), a bare date its midnight, "estimated";
    nothing (None, None). `day_first` is for dates such as 7/8/2023, as `dates.date_of` takes it.
    """
    if type(value) is str:
        return _spelled_time(value, day_first)
    if isinstance(value, datetime):
        return _milliseconds(value), "exact"
    if isinstance(value, date):
        return _milliseconds(datetime(value.year, value.month, value.day)), "estimated"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _unix_time(value)
    return None, None


def _spelled_time(text: str, day_first: bool | None) -> tuple[int | None, str | None]:
    text = text.strip()
    if text[4:5] != "-" and text.replace(".", "", 1).isdecimal():
        number = float(text) if "." in text else int(text[:25])
        return _serial_time(number) if 1 <= number < _N_SERIAL else _unix_time(number)
    try:
        return _milliseconds(datetime.fromisoformat(text)), "estimated" if len(text) <= 10 else "exact"
    except ValueError:
        pass
    if text == _MISSING or text.lower() in _NOTHING:
        return None, None
    return _worded_time(text, day_first)


def _worded_time(text: str, day_first: bool | None) -> tuple[int | None, str | None]:
    found = date_of(text, day_first=day_first)
    if found is not None:
        return _milliseconds(found[0]), "exact" if found[1] else "estimated"
    if _PLAIN_POWER.fullmatch(text):
        return _unix_time(float(text))
    if ":" not in text and "." not in text:
        return None, "estimated"
    try:
        if text.upper().endswith(" UTC"):
            return _milliseconds(datetime.fromisoformat(text[:-4])), "exact"
        return _milliseconds(parsedate_to_datetime(text)), "exact"
    except (ValueError, TypeError, IndexError, OverflowError):
        return None, "estimated"


def _milliseconds(moment: datetime) -> int | None:
    try:
        since = moment - (_EPOCH if moment.tzinfo is None else _EPOCH_UTC)
    except OverflowError:
        return None
    return since // _MILLISECOND if since > _NO_TIME else None


def _serial_time(days: float) -> tuple[int | None, str | None]:
    if not _SERIALS[0] <= days < _SERIALS[1]:
        return None, "estimated"
    return _milliseconds(_SERIAL_EPOCH + timedelta(days=days)), "estimated" if days % 1 == 0 else "exact"


def _unix_time(number: float) -> tuple[int | None, str | None]:
    if _DATES[0] <= number < _DATES[1] and number % 1 == 0:
        try:
            return _milliseconds(datetime.strptime(str(int(number)), "%Y%m%d")), "estimated"
        except ValueError:
            pass
    # Seconds reach 1e11 in the year 5138; milliseconds passed it in 1973.
    if not 1 <= number < 1e20:
        return None, None
    for limit, scale in ((1e11, 1000), (1e14, 1), (1e17, 1e-3), (1e20, 1e-6)):
        if number < limit:
            moment = int(number * scale)
            return (moment, "exact") if moment < _LATEST else (None, None)
    return None, None


def as_precision(value: object) -> str | None:
    """Return one of `TIME_PRECISIONS`; None when empty. Words not known to mean exact mean estimated."""
    if value is None:
        return None
    word = str(value).strip().lower()
    if value == _MISSING or word in _NOTHING:
        return None
    return "exact" if word in ("exact", "absolute", "precise", "second", "millisecond") else "estimated"


def is_deleted(text: str) -> bool:
    """Return whether the text is what stands where a comment was removed."""
    return text.strip().lower() in _DELETED


def without_html(text: str) -> str:
    """Return a display text as it was typed: line breaks, links and entities undone.

    Texts without line-break tags, links or entities come back as they are: "a < b" is not markup.
    """
    if not _MARKUP.search(text):
        return text
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", text)))
