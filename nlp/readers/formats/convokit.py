"""ConvoKit corpora: `utterances.jsonl`, beside files about speakers and conversations.

https://convokit.cornell.edu/documentation/data_format.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from plaudit.readers.format import Format, Record, Row
from plaudit.readers.recognition import has_names, names_of

_has_names = has_names("id", "text", "replyto", some=("conversationid", "root"))


def _matches(value: Record) -> bool:
    return _has_names(value) and not names_of(value).isdisjoint({"speaker", "user"})


def _rows(value: Record) -> Iterator[Row]:
    # A conversation is known by its first utterance: whoever wrote that one opened the post.
    conversation = value.get("conversation_id", value.get("root"))
    yield value, {"is_creator": conversation is not None and conversation == value.get("id")}


def _platform(subreddit: Any) -> str | None:
    return "reddit" if subreddit else None


CONVOKIT: Final = Format(
    name="convokit",
    title="ConvoKit corpus",
    description="utterances.jsonl of a corpus, or the corpus's whole folder",
    columns={
        "id": ("id",),
        "text": ("text",),
        "author": ("speaker", "user", "speaker.id", "user.id"),
        "name": ("speaker", "user", "speaker.id", "user.id"),
        "parent_id": ("reply_to",),
        "post_id": ("conversation_id", "root"),
        "created_at": ("timestamp",),
        "likes": ("meta.score",),
        "platform": ("meta.subreddit",),
    },
    matches=_matches,
    rows=_rows,
    parse={"platform": _platform},
)

_COMPANIONS: Final = frozenset(
    {"conversations.json", "speakers.json", "users.json", "corpus.json", "index.json"}
)


def comments_among(files: Sequence[str]) -> list[str]:
    """Return files less those that lie beside a corpus's utterances and hold no comments."""
    corpora = {folder for folder, _, name in map(_split, files) if name.startswith("utterances.jsonl")}
    return [
        file
        for file, (folder, _, name) in zip(files, map(_split, files), strict=True)
        if not (folder in corpora and name in _COMPANIONS)
    ]


def _split(file: str) -> tuple[str, str, str]:
    return file.rpartition("/")
