"""What experiments are made of: posts, lists that bots post, labelled comments, known groups."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from plaudit.errors import InputError
from plaudit.scores import LABELS
from plaudit.validation import editing
from plaudit.validation.editing import Comments


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """The comments under one post.

    Attributes:
        name: File and post.
        file: Name of the source, without what is after its first dot.
        account: Whose post it is; the file where nobody is named.
        comments: All of them, the creator's too.
        n_audience: How many the creator did not write.
        threaded: Whether any of them answers another.
        has_authors: Whether most of them have an author.
    """

    name: str
    file: str
    account: str
    comments: Comments
    n_audience: int
    threaded: bool
    has_authors: bool

    @classmethod
    def of(cls, comments: Comments, *, name: str, file: str) -> Post:
        """Describe the comments under a post; at least one."""
        creator = comments.column("creator_id")[0].as_py()
        n = len(comments)
        return cls(
            name=name,
            file=file,
            account=f"{file}/{creator}" if creator else file,
            comments=comments,
            n_audience=len(editing.audience(comments)),
            threaded=comments.column("parent_id").null_count < n,
            has_authors=comments.column("author").null_count < n / 2,
        )


def posts_of(comments: pa.Table, *, file: str) -> Iterator[Post]:
    """Split the comments of a source into its posts, in the order of their names."""
    names = pc.coalesce(comments.column("post_id"), comments.column("source"))
    encoded = names.combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(encoded.dictionary)))
    found = []
    for name, rows in zip(encoded.dictionary.to_pylist(), np.split(order, ends[:-1]), strict=True):
        part = comments.take(pa.array(rows)).combine_chunks().to_batches()[0]
        found.append(Post.of(part, name=f"{file}/{name}", file=file))
    yield from sorted(found, key=lambda post: post.name)


def spread(posts: Iterable[Post], *, seed: int) -> list[Post]:
    """Order posts so that any first n of them are spread over files, and within a file over accounts."""
    by_file: dict[str, list[tuple[int, str, Post]]] = {}
    n_seen: dict[str, int] = {}
    for post in sorted(posts, key=lambda each: _shuffled(each.name, seed)):
        turn = n_seen.get(post.account, 0)
        n_seen[post.account] = turn + 1
        by_file.setdefault(post.file, []).append((turn, _shuffled(post.name, seed), post))
    turns = [
        (place, _shuffled(file, seed), post)
        for file, found in by_file.items()
        for place, (_, _, post) in enumerate(sorted(found, key=lambda each: each[:2]))
    ]
    return [post for _, _, post in sorted(turns, key=lambda each: each[:2])]


def _shuffled(name: str, seed: int) -> str:
    return blake2b(f"{seed}\0{name}".encode("utf-8", "replace"), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class BotText:
    """A comment that bots post.

    Attributes:
        text: As in the bot's configuration.
        kind: praise, emoji, promo, question or other.
        family: Texts of one family count together as much as those of another.
        made: Whether rules of the list made it, as `{great|nice} post`; else it stands there word for word.
    """

    text: str
    kind: str = "praise"
    family: str = ""
    made: bool = False


def bot_texts_of(records: Iterable[Mapping[str, object]], *, languages: Sequence[str]) -> list[BotText]:
    """Read bot lists: records with a text and, if they like, kind, family, language, `expanded`, `specific`.

    Texts tied to a topic are left out, and those in languages that the model does not read: there it abstains
    rather than sees them.

    Raises:
        InputError: A record has no text.
    """
    found = []
    for number, record in enumerate(records, start=1):
        text = record.get("text")
        if not isinstance(text, str) or not text.strip():
            raise InputError(f"Line {number} of the bot list has no text; expected a field 'text' in each.")
        language = record.get("language") or "und"
        if not record.get("specific") and language in (*languages, "und", "zxx"):
            kind, family = str(record.get("kind") or "praise"), str(record.get("family") or "")
            made = bool(record.get("expanded"))
            found.append(BotText(text=text, kind=kind, family=family, made=made))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A comment whose label is known; `label` is a position in `LABELS`."""

    text: str
    label: int


def labelled_of(records: Iterable[Mapping[str, object]]) -> list[Labelled]:
    """Read labelled comments: records with a text and a label.

    Raises:
        InputError: A record lacks either, or names another label.
    """
    found = []
    for number, record in enumerate(records, start=1):
        text, label = record.get("text"), record.get("label")
        if not isinstance(text, str) or label not in LABELS:
            raise InputError(
                f"Line {number} of the labelled comments: expected a text and a label of "
                f"{', '.join(LABELS)}, found the label {label!r}."
            )
        found.append(Labelled(text=text, label=LABELS.index(str(label))))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRule:
    """Which posts form a group that is known to be high or low on an index.

    Attributes:
        name: What it is called.
        index: "authenticity" or "community depth".
        side: "high", "low", or "spam": compared with nothing, but no clean post to inject into either.
        file: Name of the source, without what is after its first dot; "*" for all.
        post: Expression that a post's id begins with.
        words: Expression found in comments; empty for none.
        min_share: Share of the post's comments in which `words` are found at least.
        unit: Whether each "post" is a member, or all posts of a "creator" together.
        min_comments: Comments a member has at least.
        min_creator_share: Share of a member's comments that the creator wrote at least.
    """

    name: str
    index: str
    side: str
    file: str = "*"
    post: str = ""
    words: str = ""
    min_share: float = 0.0
    unit: str = "post"
    min_comments: int = 40
    min_creator_share: float = 0.0

    @property
    def unclean(self) -> bool:
        """Whether its posts are known not to be clean."""
        return self.index == "authenticity" and self.side in ("low", "spam")

    def admits(self, comments: Comments) -> bool:
        """Tell whether a member is big enough, and its creator wrote enough of it."""
        n_audience = len(editing.audience(comments))
        share = 1 - n_audience / max(len(comments), 1)
        return n_audience >= self.min_comments and share >= self.min_creator_share

    def holds(self, post: Post) -> bool:
        """Tell whether a post is of the group, its size aside."""
        if self.file not in ("*", post.file):
            return False
        if not re.match(self.post, post.name.removeprefix(f"{post.file}/")):
            return False
        if not self.words:
            return True
        found = pc.match_substring_regex(post.comments.column("text"), self.words, ignore_case=True)
        return bool(found.to_numpy(zero_copy_only=False).mean() >= self.min_share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything experiments may use; each part may be empty.

    Attributes:
        posts: In any order.
        bots: What bots post.
        labelled: Comments whose label is known.
        groups: Which posts are known to be high or low.
    """

    posts: tuple[Post, ...] = ()
    bots: tuple[BotText, ...] = ()
    labelled: tuple[Labelled, ...] = ()
    groups: tuple[GroupRule, ...] = field(default=())
