"""What the words of a text are: how many, how many that say something, only emoji, only a tag, to whom.

Words are found by expression rather than by a whole spaCy pipeline: its vocabulary keeps every word it ever
saw, and its tokenizer peels a row of ten thousand exclamation marks one by one. spaCy gives the stop words
of each language the model reads; they are read from its files, as importing it takes seconds.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Final, NamedTuple
from zlib import crc32

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from plaudit.language import READ, SOUND, bare, small_words
from plaudit.legible import legible
from plaudit.memo import Memo
from plaudit.pieces import Pieces, gathered, has_pair, is_regular, pieced
from plaudit.pseudonym import handle_pseudonym
from plaudit.text import HANDLE, MARKS, URL

# A bare link: a path after any ending ("youtu.be/x"), or an ending that no hurried sentence runs into
# ("shop.com", where "great.so" is a blank forgotten). An e-mail address is none.
_BARE_LINK = re.compile(
    r"[\w.\-]*\w\.(?:[^\W\d_]{2,}(?::\d+)?/\S*|(?:com|net|org|edu|gov|info|biz|shop|store|online|site|club|xyz|"
    r"app|dev|io|tv|ly|co\.uk|com\.\w\w)(?::\d+)?[.,;!?)]*)",
    re.IGNORECASE,
)
_STRETCHED = re.compile(r"(.)\1\1+")
_MAYBE_BARE_LINK = re.compile(r"\.[^\W\d_]{2}")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_ASCII_WORD = re.compile(r"[A-Za-z]\w*(?:'\w+)*")
_EMOJI = re.compile(
    "[0-9#*]\ufe0f?\u20e3|"
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u2300-\u23ff\u203c\u2049\u3030\u303d\u3297\u3299]"
)
_HANDLE_ALONE = re.compile(r"@[\w.\-]*\w", re.ASCII)
_EMOTICON_STARTS: Final = ":;=<"
_EMOTICON = re.compile(r"(?<!\w)(?:[:;=]['’]?-?(?:[)(\]\[*|/\\]+|[DPpOo3]+(?!\w))|<3+)")
# Scripts that put no blanks between words; two letters stand for one word there.
_UNSPACED_PAIR = re.compile(
    "([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff66-\uff9d\u0e01-\u0e4e\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff]{2})"
)

_MAX_SOUND = 40  # letters looked at: its expression takes time by the square
MAX_CONTENT: Final = 64
"""Hashes of content words kept of a text."""
CONTENT: Final = pa.list_(pa.field("item", pa.uint32(), nullable=False))
"""Arrow type of a column of content words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Facts about the words of some texts, one row a text.

    Attributes:
        n_words: int32; runs of letters outside handles and links.
        n_content_words: int32; different words that are neither small, nor laughter, nor common praise
            in any language the model reads: filler never raises it.
        emoji_only: bool; at least one emoji or emoticon, and no letter or digit beside it.
        tag_only: bool; at least one @handle, and nothing else but emoji, marks and links.
        content: lists of uint32, ascending: hashes of those different words, of long texts the lowest
            `MAX_CONTENT`.
        mention: uint64; `handle_pseudonym` of the first @handle, 0 without one.
    """

    n_words: NDArray[np.int32]
    n_content_words: NDArray[np.int32]
    emoji_only: NDArray[np.bool_]
    tag_only: NDArray[np.bool_]
    content: pa.ListArray
    mention: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.n_words)

    @classmethod
    def empty(cls) -> Wording:
        """Return the wording of no texts."""
        return describe([])

    @classmethod
    def concat(cls, parts: Sequence[Wording]) -> Wording:
        """Return the rows of all parts, in order."""
        if not parts:
            return cls.empty()
        names = [field.name for field in fields(cls)]
        return cls(**{name: _end_to_end([getattr(part, name) for part in parts]) for name in names})

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Wording:
        """Return the rows at these positions, or where this mask is true."""
        at = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        return Wording(
            **{
                field.name: column[at] if isinstance(column, np.ndarray) else column.take(pa.array(at))
                for field in fields(self)
                for column in [getattr(self, field.name)]
            }
        )


def _end_to_end(columns: Sequence[Any]) -> Any:
    return np.concatenate(columns) if isinstance(columns[0], np.ndarray) else pa.concat_arrays(columns)


def describe(texts: Sequence[str]) -> Wording:
    """Return the wording of raw texts, one row each; texts of any length and content."""
    texts = pieced(texts)
    pieces = texts.pieces
    rows = _rows(pieces)
    odd = _odd(pieces, rows)
    if odd.any():
        n, pieces = len(pieces.different), pieces.with_whole(odd, texts)
        rows += map(_row, pieces.different[n:])
    return _put_together(pieces, rows)


def content_words(text: str) -> NDArray[np.uint32]:
    """Return the hashes of the different words of a raw text that carry meaning, all of them, ascending."""
    words = _words(legible(_without_emoji(_without_links(HANDLE.sub(" ", text)))))
    return np.array(sorted(map(_hash, _content_words(words))), np.uint32)


class _Row(NamedTuple):
    """What is known of a text, or of a piece of one."""

    n_words: int
    content: tuple[str, ...]
    is_silent: bool  # holds no letter and no digit
    is_bare: bool  # of handles and links
    has_emoji: bool
    mention: int
    is_gone: bool  # nothing is left without emoji, handles and links
    is_apart: bool  # whether it says the same as a piece of any text


def _rows(pieces: Pieces) -> list[_Row | str]:
    """Return what is known of each different piece; of a plain word only what it counts as."""
    rows: list[_Row | str] = [
        _CONTENT[word] if is_plain else _ROWS[word]
        for word, is_plain in zip(pieces.said, pieces.is_plain.tolist(), strict=True)
    ]
    return [*rows, *map(_row, pieces.whole)]


def _put_together(pieces: Pieces, rows: Sequence[_Row | str]) -> Wording:
    at, n = pieces.at, len(pieces.ends) - 1
    others = [(place, row) for place, row in enumerate(rows) if type(row) is not str]

    def known(name: str, *, plain: int, kind: type = bool) -> NDArray[Any]:
        values: NDArray[Any] = np.full(len(rows), plain, kind)
        values[places] = [getattr(row, name) for _, row in others]
        return values[at]

    places = [place for place, _ in others]
    n_words = pieces.sums(known("n_words", plain=1, kind=np.int32))
    is_wordless = (n_words == 0) & (pieces.sums(~known("is_silent", plain=False)) == 0)
    is_bare = pieces.sums(~known("is_bare", plain=True)) == 0
    has_emoji = pieces.sums(known("has_emoji", plain=False)) > 0
    mentions = known("mention", plain=0, kind=np.uint64)
    mention, told = np.zeros(n, np.uint64), np.flatnonzero(mentions)[::-1]
    mention[pieces.row[told]] = mentions[told]  # of several the first, which comes last
    n_content, content = _content_of(pieces, rows)
    return Wording(
        n_words=n_words.astype(np.int32),
        n_content_words=n_content,
        emoji_only=is_wordless & is_bare & has_emoji,
        tag_only=is_wordless & (mention != 0),
        content=content,
        mention=mention,
    )


def _content_of(pieces: Pieces, rows: Sequence[_Row | str]) -> tuple[NDArray[np.int32], pa.ListArray]:
    """Return how many content words each text has, and the hashes that are kept of them."""
    n, number, said, lengths = len(pieces.ends) - 1, dict[str, int](), list[int](), list[int]()
    for row in rows:
        own = row.content if isinstance(row, _Row) else (row,) if row else ()
        said += [number.setdefault(word, len(number)) for word in own]
        lengths.append(len(own))
    words, counts = gathered(np.array(said, np.int64), np.array(lengths, np.int64), pieces.at)
    of = np.repeat(pieces.row, counts)
    pairs = np.sort((of << 32) | words)
    pairs = pairs[np.diff(pairs, prepend=-1) != 0]
    of, words = pairs >> 32, pairs & 0xFFFFFFFF
    hashes = np.fromiter(map(_hash, number), np.int64, len(number))
    kept = np.sort((of << 32) | hashes[words])
    n_content = np.bincount(of, minlength=n)
    rank = np.arange(len(kept)) - np.repeat(np.cumsum(n_content) - n_content, n_content)
    ends = np.concatenate(([0], np.cumsum(np.minimum(n_content, MAX_CONTENT)))).astype(np.int32)
    values = pa.array(kept[rank < MAX_CONTENT].astype(np.uint32))
    return n_content.astype(np.int32), pa.ListArray.from_arrays(pa.array(ends), values, type=CONTENT)


def _odd(pieces: Pieces, rows: Sequence[_Row | str]) -> NDArray[np.bool_]:
    """Return which texts say something else than their pieces."""
    others = [(place, row) for place, row in enumerate(rows[: len(pieces.read)]) if isinstance(row, _Row)]
    parted, gone = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
    parted[[place for place, row in others if not row.is_apart]] = True
    gone[[place for place, row in others if row.is_gone]] = True
    odd = pieces.sums(parted[pieces.at]) > 0
    if gone.any():  # what stood on both sides of it stands together
        single = np.zeros(len(rows), bool)
        single[: len(pieces.read)] = pieces.is_alone
        stays = ~gone[pieces.at]
        ends = np.concatenate(([0], np.cumsum(stays)))[pieces.ends]
        odd |= has_pair(single[pieces.at[stays]], ends)
    return odd & ~pieces.is_whole


def _row(text: str) -> _Row:
    if text[:1] == "@" and _HANDLE_ALONE.fullmatch(text):
        return _Row(0, (), True, False, False, handle_pseudonym(text), True, True)
    handle = HANDLE.search(text) if "@" in text else None
    rest = _without_links(HANDLE.sub(" ", text) if handle else text)
    plain = _without_emoji(rest)
    readable = legible(plain)
    words = _words(readable)
    left = plain.replace("\ufe0f", "").split()
    return _Row(
        n_words=len(words),
        content=tuple(_content_words(words)) if words else (),
        is_silent=not _LETTER_OR_DIGIT.search(readable),
        is_bare=rest == text,
        has_emoji=rest != plain,
        mention=handle_pseudonym(handle[0]) if handle else 0,
        is_gone=not left,
        is_apart=plain == text or all(len(part) > 1 and is_regular(part) for part in left),
    )


_ROWS: Final = Memo(_row, most=1 << 13, n_letters=30)


def _without_links(text: str) -> str:
    if "://" in text or "www." in text.lower():
        text = URL.sub(" ", text)
    if not _MAYBE_BARE_LINK.search(text):
        return text
    return " ".join(word for word in text.split() if "." not in word or not _BARE_LINK.fullmatch(word))


def _without_emoji(text: str) -> str:
    text = text if text.isascii() else _EMOJI.sub(" ", text)
    return _EMOTICON.sub(" ", text) if any(sign in text for sign in _EMOTICON_STARTS) else text


def _words(text: str) -> list[str]:
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return _word().findall(_UNSPACED_PAIR.sub(r"\1 ", text.lower().replace("’", "'")))


def _content_words(words: Sequence[str]) -> set[str]:
    return {word for word in map(_CONTENT.__getitem__, words) if word}


def _hash(word: str) -> int:
    return crc32(word.encode("utf-8", "replace"))


def _content(word: str) -> str:
    """Return what a word counts as; nothing where it says nothing."""
    dull = _dull_words()
    short = "" if word in dull else _short_form(word)
    if len(short) < 2 or short in dull:
        return ""
    return "" if SOUND.fullmatch(short[:_MAX_SOUND]) else short


# Some 5 MB; most of what people write is a few thousand words.
_CONTENT: Final = Memo(_content, most=1 << 15, n_letters=30)


def _short_form(word: str) -> str:
    """Take possessives and stretching off: "mum's" is "mum", "niiice" is "nice", "sooo goood" is dull."""
    word = word.partition("'")[0]
    if not _STRETCHED.search(word):
        return word
    double = _STRETCHED.sub(r"\1\1", word)
    return double if double in _dull_words() else _STRETCHED.sub(r"\1", word)


@cache
def _word() -> re.Pattern[str]:
    r"""Match a word of any script: vowel signs and joiners belong to it, though `\w` lacks them."""
    inside = rf"[\w\u200c\u200d{MARKS}]"
    return re.compile(rf"[^\W\d_]{inside}*(?:'{inside}+)*")


@cache
def _dull_words() -> frozenset[str]:
    """Stop words (spaCy's and our own) and filler of the languages the model reads."""
    dull: set[str] = set()
    for code in READ:
        dull |= small_words()[code] | _stop_words(code)
    filler = tomllib.loads(files("plaudit").joinpath("words.toml").read_text("utf-8"))["filler"]
    for words in filler.values():
        dull.update(form for word in words.split() for form in (word, bare(word)))
    return frozenset(dull)


def _stop_words(code: str) -> frozenset[str]:
    """Return spaCy's stop words of a language, from its file of them: six languages in 10 ms."""
    package = find_spec("spacy")
    folders = package.submodule_search_locations if package else None
    path = Path((folders or [""])[0], "lang", code, "stop_words.py")
    spec = spec_from_file_location(f"plaudit_stop_words_{code}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"spaCy has no stop words at {path}; reinstall it.")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return frozenset(module.STOP_WORDS)
