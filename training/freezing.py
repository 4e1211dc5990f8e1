"""A split on disk: files to train on and to test on, with their digests; the test file never moves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson

from plaudit.errors import TrainingDataError
from plaudit.scores import FLAGS
from plaudit.text import normalize
from plaudit.training import cells, dataset, splitting
from plaudit.training.columns import ALIASES
from plaudit.training.dataset import Examined, LabelledComment
from plaudit.training.exchange import Row
from plaudit.training.replacing import replace_file
from plaudit.training.splitting import Split

RECORD: Final = "split.json"
_NAMES: Final = {"train": "train.jsonl", "test": "test.jsonl", "left_out": "left_out.jsonl"}


def write(
    files: Sequence[Examined],
    folder: Path,
    *,
    share: float,
    seed: int,
    by_time: bool = False,
    columns: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Split labelled files into a folder; return what `split.json` records.

    Args:
        files: All of whose rows must be of use.
        folder: Where `train.jsonl`, `test.jsonl` and `left_out.jsonl` go. A test file that was written
            there before stays, byte for byte, rows tied to it are left out of training, and rows that
            were to train on before stay unless `files` hold their text, whose word is the newer one.
        share: Of the rows, to test on; not used where a test file stays.
        seed: Of the random choice.
        by_time: Test on the latest rows.
        columns: As `options.columns_of` returns them, where the usual names do not fit.

    Raises:
        TrainingDataError: A bad row; a test file there that is not the one that was frozen; the folder
            cannot be written.
    """
    comments = [c for file in files for c in dataset.usable(file, taught=False)]
    rows = [row for file in files for row in _named(file, columns or {})]
    # What was written here before is under our names; what is not to be read is not to be read there either.
    unread = {ours: theirs for ours, theirs in (columns or {}).items() if not theirs}
    frozen = _frozen(folder, columns=unread)
    earlier = [] if frozen is None else _earlier(folder, than=comments, columns=unread)
    comments, rows = [*(c for c, _ in earlier), *comments], [*(row for _, row in earlier), *rows]
    if frozen is not None:
        found = _beside(comments, frozen)
    elif by_time:
        found = splitting.split_by_time(comments, share=share)
    else:
        found = splitting.split(comments, share=share, seed=seed)
    splitting.check_rest(comments, found)
    parts = {"train": found.rest, "left_out": found.left_out}
    if frozen is None:
        parts["test"] = found.chosen
    for name, numbers in parts.items():
        replace_file(folder / _NAMES[name], _lines(rows[number] for number in numbers))
    record = {
        "seed": seed,
        "share": share,
        "by_time": by_time,
        "test_kept": frozen is not None,
        "n_earlier": len(earlier),
        "sources": ({} if frozen is None else _sources(folder))
        | {Path(file.path).name: file.n_rows for file in files},
        "parts": {name: _part(folder / file) for name, file in sorted(_NAMES.items())},
    }
    replace_file(
        folder / RECORD, orjson.dumps(record, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    )
    return record


def _named(file: Examined, columns: Mapping[str, str]) -> list[Row]:
    """Return the rows of a file under our names, so that what was mapped once need not be mapped again."""
    fields = {name for row in file.rows for name in row}
    mapped = {ours: theirs for ours in ALIASES if (theirs := columns.get(ours)) and theirs in fields}
    # The next to read the rows maps nothing: no column may stay that would then be read in place of another.
    dropped = {
        name for ours, names in ALIASES.items() if ours in mapped or columns.get(ours) == "" for name in names
    } | {*mapped.values()}
    found = []
    for row, comment in zip(file.rows, file.comments, strict=True):
        kept = {name: value for name, value in row.items() if name not in dropped}
        kept |= {ours: row[theirs] for ours, theirs in mapped.items() if theirs in row}
        found.append(kept | {"text": comment.text, "label": comment.label} | _flags(kept, comment))
    return found


def _flags(row: Row, comment: LabelledComment) -> Row:
    # Blank cells and flags in columns of their own mean something else beside the rows of another file.
    if comment.flags is None:
        return {"flags": None} if "flags" in row else {}
    other_marks = (cells.flags_of(row.get("flags")) or frozenset()) - {*FLAGS}
    return {"flags": sorted(comment.flags | other_marks)}


def _earlier(
    folder: Path, *, than: Sequence[LabelledComment], columns: Mapping[str, str]
) -> list[tuple[LabelledComment, Row]]:
    """Return what was to train on, or left out, before, but for texts that are among the new comments."""
    new = {normalize(comment.text) for comment in than}
    found = []
    for name in ("train", "left_out"):
        path = folder / _NAMES[name]
        if path.exists() and path.stat().st_size:
            file = dataset.examine(str(path), columns=columns)
            comments = dataset.usable(file, taught=False)
            pairs = zip(comments, _named(file, columns), strict=True)
            found += [(c, row) for c, row in pairs if normalize(c.text) not in new]
    return found


def _sources(folder: Path) -> dict[str, int]:
    try:
        return dict(json.loads((folder / RECORD).read_text())["sources"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _frozen(folder: Path, *, columns: Mapping[str, str]) -> list[LabelledComment] | None:
    path = folder / _NAMES["test"]
    if not path.exists():
        return None
    try:
        expected = json.loads((folder / RECORD).read_text())["parts"]["test"]["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        raise TrainingDataError(
            f"{path} is there without a {RECORD} that names it; name another folder, or move it away."
        ) from None
    found = sha256(path.read_bytes()).hexdigest()
    if found != expected:
        raise TrainingDataError(
            f"{path} is not the test file that was frozen: expected SHA-256 {expected[:12]}…, found "
            f"{found[:12]}…. Bring the old one back, or start a new folder."
        )
    return dataset.load(str(path), columns=columns, taught=False)


def _beside(comments: Sequence[LabelledComment], frozen: Sequence[LabelledComment]) -> Split:
    tied = sorted(row for rows in splitting.leaks(comments, frozen).values() for row in rows)
    taken = set(tied)
    return Split(rest=[r for r in range(len(comments)) if r not in taken], chosen=(), left_out=tied)


def _lines(rows: Any) -> bytes:
    return b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE, default=str) for row in rows)


def _part(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    labels: dict[str, int] = {}
    for line in content.splitlines():
        label = orjson.loads(line)["label"]
        labels[label] = labels.get(label, 0) + 1
    return {
        "file": path.name,
        "n": sum(labels.values()),
        "labels": dict(sorted(labels.items())),
        "sha256": sha256(content).hexdigest(),
    }
