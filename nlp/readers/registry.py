"""Every format there is. A new one is a small file and a line here, above the containers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from plaudit.errors import InputError
from plaudit.readers.format import Format
from plaudit.readers.generic import CSV, JSON, LINES, NDJSON, PARQUET, TSV
from plaudit.readers.reddit import REDDIT
from plaudit.readers.youtube_api import YOUTUBE_API
from plaudit.readers.youtube_comment_downloader import YOUTUBE_COMMENT_DOWNLOADER
from plaudit.readers.yt_dlp import YT_DLP

_FORMATS: Final = (
    *(YOUTUBE_API, YT_DLP, YOUTUBE_COMMENT_DOWNLOADER, REDDIT),
    *(CSV, TSV, JSON, NDJSON, PARQUET, LINES),
)

FORMATS: Final[Mapping[str, Format]] = MappingProxyType({each.name: each for each in _FORMATS})
"""Name to format; earlier ones are tried first where none is named."""

_OTHER_NAMES: Final = {
    "jsonl": "ndjson",
    "txt": "lines",
    "text": "lines",
    "plain": "lines",
    "youtube": "youtube-api",
    "ytdlp": "yt-dlp",
    "pushshift": "reddit",
}


def format_named(name: str) -> Format:
    """Return a format by its name, in any case.

    Raises:
        InputError: There is no such format; the message lists those there are.
    """
    key = name.strip().lower().replace("_", "-").replace(" ", "-")
    found = FORMATS.get(_OTHER_NAMES.get(key, key))
    if found is None:
        raise InputError(f"There is no format '{name}'; name one of: {', '.join(FORMATS)}.")
    return found
