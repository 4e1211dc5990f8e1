"""Labels without texts: each under a hash of the text it was given to, joined to the texts where they lie.

The texts of others are not ours to publish; the labels are. A file's first line says what the hash is of,
the others are lists: hash, label, flags, source, language, marks. Labels and sources are numbers, flags
first letters, marks u (unsure) and a (chosen for being hard); what is usual at the end is left away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import orjson

from plaudit.errors import TrainingDataError
from plaudit.readers import ReadOptions, read
from plaudit.scores import FLAGS, LABELS
from plaudit.text import NORMALIZER_VERSION, normalize
from plaudit.training.candidates import OnBatch
from plaudit.training.dataset import LabelledComment
from plaudit.training.replacing import replace_file

_FORMAT: Final = 1
_HASH: Final = "blake2b-64 of plaudit.text.normalize, hexadecimal"
_NO_FLAGS: Final = "-"  # nobody gave flags, which is not the same as none holding
_UNSURE, _ACTIVE = "u", "a"
_HEADER_KEYS: Final = {"format", "hash", "normalizer_version", "sources", "n"}

Row = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Joined:
    """Labels that found their texts.

    Attributes:
        rows: Labelled comments as a file of them holds them, each text once.
        n_labels: Labels there were to find.
        n_found: By source, labels found.
        n_wanted: By source, labels there were.
    """

    rows: list[Row] = field(default_factory=list)
    n_labels: int = 0
    n_found: dict[str, int] = field(default_factory=dict)
    n_wanted: dict[str, int] = field(default_factory=dict)


def shipped() -> list[Path]:
    """Return the label files to train on that come with plaudit; what is tested on and held out is not."""
    folder = Path(str(files("plaudit.training"))) / "labels"
    return sorted(p for p in folder.glob("*.jsonl") if not p.stem.startswith(("test", "held_out")))


def key_of(text: str) -> str:
    """Return the hash a label is kept under: of the text as the model reads it, @handles and links masked."""
    return blake2b(normalize(text).encode("utf-8", "replace"), digest_size=8).hexdigest()


def write(comments: Sequence[LabelledComment], path: Path) -> int:
    """Write the labels of comments under hashes, sorted by them; return how many there are.

    Raises:
        TrainingDataError: A text stands with two labels, or the file cannot be written.
    """
    sources = sorted({c.source for c in comments})
    rows: dict[str, list[Any]] = {}
    for comment in comments:
        key, row = key_of(comment.text), _packed(comment, sources)
        if rows.setdefault(key, row)[1] != row[1]:
            raise TrainingDataError(
                f"{comment.where} gives a text another label than an earlier row; settle which is right, "
                "or leave both out with --leave-out."
            )
    header = {
        "format": _FORMAT,
        "hash": _HASH,
        "normalizer_version": NORMALIZER_VERSION,
        "n": len(rows),
        "sources": sources,
    }
    lines = [header, *(rows[key] for key in sorted(rows))]
    replace_file(path, b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines))
    return len(rows)


def _packed(comment: LabelledComment, sources: Sequence[str]) -> list[Any]:
    flags = _NO_FLAGS if comment.flags is None else "".join(f[0] for f in FLAGS if f in comment.flags)
    marks = _UNSURE * comment.unsure + _ACTIVE * comment.active
    language = "" if comment.language == "en" else comment.language
    row = [
        key_of(comment.text),
        LABELS.index(comment.label),
        flags,
        sources.index(comment.source),
        language,
        marks,
    ]
    while row[-1] == "":
        row.pop()
    return row


def load(path: Path) -> dict[str, Row]:
    """Read labels under their hashes.

    Raises:
        TrainingDataError: It is no such file, or was made with another normaliser.
    """
    try:
        lines = [orjson.loads(line) for line in path.read_bytes().splitlines() if line]
        header, rows = lines[0], lines[1:]
        if not isinstance(header, dict) or not set(header) >= _HEADER_KEYS:
            raise ValueError("its first line is no header")
        labels = {row[0]: _unpacked(row, header["sources"]) for row in rows}
    except (OSError, ValueError, IndexError, KeyError, TypeError) as error:
        raise TrainingDataError(
            f"{path} holds no labels under hashes ({error}); make it with `plaudit-train hash`."
        ) from error
    if header["normalizer_version"] != NORMALIZER_VERSION:
        raise TrainingDataError(
            f"{path} was made with version {header['normalizer_version']} of the normaliser, and this is "
            f"{NORMALIZER_VERSION}: its hashes are of other texts. Make it anew with `plaudit-train hash`."
        )
    return labels


def _unpacked(row: Sequence[Any], sources: Sequence[str]) -> Row:
    _, label, flags, source, language, marks = [*row, *["", ""]][:6]
    return {
        "label": LABELS[label],
        "flags": None if flags == _NO_FLAGS else [flag for flag in FLAGS if flag[0] in flags],
        "unsure": _UNSURE in marks,
        "chosen": "active" if _ACTIVE in marks else "random",
        "language": language or "en",
        "source": sources[source],
    }


def join(
    labels: Mapping[str, Row],
    dumps: Sequence[Path],
    *,
    on_batch: OnBatch = lambda _n_comments, _n_bytes: None,
) -> Joined:
    """Find the texts of labels in files of comments.

    Args:
        labels: As `load` returns them.
        dumps: Files and folders in any format plaudit reads.
        on_batch: Called with the comments and the bytes each batch was read from.

    Raises:
        InputError: A dump cannot be used.
    """
    joined = Joined(n_labels=len(labels))
    for row in labels.values():
        joined.n_wanted[row["source"]] = joined.n_wanted.get(row["source"], 0) + 1
    left = dict(labels)
    for text, columns in _texts(dumps, on_batch):
        found = left.pop(key_of(text), None)
        if found is not None:
            joined.n_found[found["source"]] = joined.n_found.get(found["source"], 0) + 1
            joined.rows.append({"text": text, **found, **columns})
        if not left:
            break
    return joined


def _texts(dumps: Iterable[Path], on_batch: OnBatch) -> Iterator[tuple[str, Row]]:
    for batch in read(list(dumps), options=ReadOptions()):
        on_batch(len(batch.comments), batch.n_bytes)
        columns = batch.comments.select(["text", "post_id", "author"]).to_pydict()
        for text, post, author in zip(columns["text"], columns["post_id"], columns["author"], strict=True):
            known = {"post": post, "author": None if author is None else f"{author:016x}"}
            yield text, {name: value for name, value in known.items() if value is not None}
