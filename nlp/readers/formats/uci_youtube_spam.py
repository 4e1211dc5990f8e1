"""UCI YouTube Spam Collection: one CSV a video.

https://archive.ics.uci.edu/dataset/380/youtube+spam+collection
"""

from __future__ import annotations

from typing import Final

from plaudit.readers.format import Format
from plaudit.readers.recognition import has_names

UCI_YOUTUBE_SPAM: Final = Format(
    name="uci-youtube-spam",
    title="UCI YouTube Spam Collection",
    description="CSV with COMMENT_ID, AUTHOR, DATE, CONTENT, CLASS",
    platform="youtube",
    columns={
        "id": ("COMMENT_ID",),
        "text": ("CONTENT",),
        "author": ("AUTHOR",),
        "name": ("AUTHOR",),
        "created_at": ("DATE",),
    },
    matches=has_names("commentid", "author", "date", "content", "class"),
)
