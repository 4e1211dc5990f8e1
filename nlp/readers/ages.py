"""How long ago: times that scrapers copy from a page as words, such as "3 days ago (edited)"."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_SECOND: Final = 1000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_WEEK: Final = 7 * _DAY

# How words for units begin in the languages that such pages are mostly seen in, in lower case and without
# blanks. Months and years are missing on purpose: a day worked out from "2 years ago" is a guess among
# hundreds. So is a bare "m", which is a minute on one site and a month on another.
_UNITS: Final = (
    (_WEEK, "week wk woche weken semana semain settiman tydz tygod недел тижн hafta minggu"),
    (_WEEK, "週間前 週前 周前 주전 أسبوع أسابيع हफ़्त"),
    (_DAY, "day tag dag día dia jour giorn dzień dni день дня дней дні днів gün hari"),
    (_DAY, "日前 天前 일전 يوم أيام दिन"),
    (_HOUR, "hour hr stund std hora heure ora ore uur uren godz час годин saat jam"),
    (_HOUR, "時間前 小时前 小時前 시간전 ساعة ساعات घंट"),
    (_MINUTE, "min мин хв dakika menit 分前 分钟前 分鐘前 분전 دقيقة دقائق मिनट"),
    (_SECOND, "sec sek seg сек saniye detik 秒前 秒钟前 秒鐘前 초전 ثانية ثوان सेकंड"),
)
_BEGINNINGS: Final = {
    unicodedata.normalize("NFC", word): unit for unit, words in _UNITS for word in words.split()
}
_LETTERS: Final = {"w": _WEEK, "d": _DAY, "h": _HOUR, "s": _SECOND}
_COUNTED = re.compile(r"\D*(\d{1,4})(\D+)")
_BEHIND = re.compile(r"ago.*|\(.*")


def age_of(words: str) -> int | None:
    """Return the milliseconds that words count back; None for months and years, and for what is no age."""
    found = _COUNTED.fullmatch("".join(unicodedata.normalize("NFC", words).casefold().split()))
    if found is None:
        return None
    unit = _LETTERS.get(_BEHIND.sub("", found[2]))
    for beginning, each in _BEGINNINGS.items():
        unit = each if unit is None and found[2].startswith(beginning) else unit
    return None if unit is None else int(found[1]) * unit
