"""Every format there is. A new one is a small file and a line here, above the containers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from plaudit.errors import InputError
from plaudit.readers.format import Format
from plaudit.readers.formats.apify_facebook import APIFY_FACEBOOK
from plaudit.readers.formats.apify_instagram import APIFY_INSTAGRAM
from plaudit.readers.formats.apify_tiktok import APIFY_TIKTOK
from plaudit.readers.formats.apify_youtube import APIFY_YOUTUBE
from plaudit.readers.formats.apify_youtube_seemuapps import APIFY_YOUTUBE_SEEMUAPPS
from plaudit.readers.formats.convokit import CONVOKIT
from plaudit.readers.formats.four_cat_tiktok import FOUR_CAT_TIKTOK
from plaudit.readers.formats.instagram_graph import INSTAGRAM_GRAPH
from plaudit.readers.formats.instagram_web import INSTAGRAM_WEB
from plaudit.readers.formats.instaloader import INSTALOADER
from plaudit.readers.formats.reddit import REDDIT
from plaudit.readers.formats.tiktok_research import TIKTOK_RESEARCH
from plaudit.readers.formats.tiktok_web import TIKTOK_WEB
from plaudit.readers.formats.uci_youtube_spam import UCI_YOUTUBE_SPAM
from plaudit.readers.formats.youtube_api import YOUTUBE_API
from plaudit.readers.formats.youtube_comment_downloader import YOUTUBE_COMMENT_DOWNLOADER
from plaudit.readers.formats.yt_dlp import YT_DLP
from plaudit.readers.generic import ARROW, CSV, EXCEL, JSON, LINES, NDJSON, PARQUET, TSV

_FORMATS: Final = (
    *(YOUTUBE_API, YT_DLP, YOUTUBE_COMMENT_DOWNLOADER, UCI_YOUTUBE_SPAM),
    *(INSTAGRAM_GRAPH, INSTAGRAM_WEB, INSTALOADER, TIKTOK_RESEARCH, TIKTOK_WEB, FOUR_CAT_TIKTOK),
    *(APIFY_YOUTUBE, APIFY_YOUTUBE_SEEMUAPPS, APIFY_INSTAGRAM, APIFY_TIKTOK, APIFY_FACEBOOK),
    *(CONVOKIT, REDDIT),
    *(CSV, TSV, JSON, NDJSON, PARQUET, ARROW, EXCEL, LINES),
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
    "arctic-shift": "reddit",
    "zeeschuimer": "tiktok-web",
    "instagrapi": "instagram-web",
    "4cat": "4cat-tiktok",
    "feather": "arrow",
    "ipc": "arrow",
    "xlsx": "excel",
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
