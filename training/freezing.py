"""A split on disk: files to train on and to test on, with their digests; the test file never moves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import orjson

from plaudit.errors import TrainingDataError
from plaudit.text import normalize
from plaudit.training import dataset, splitting
from plaudit.training.columns import COLUMNS
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
    rows = [_named(row, comment, columns or {}) for file in files for row, comment in _pairs(file)]
    frozen = _frozen(folder)
    earlier = [] if frozen is None else _earlier(folder, than=comments)
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


def _pairs(file: Examined) -> zip[tuple[Row, LabelledComment]]:
    return zip(file.rows, file.comments, strict=True)


def _named(row: Row, comment: LabelledComment, columns: Mapping[str, str]) -> Row:
    """Return a row under our names, so that what was mapped once need not be mapped again."""
    ours = {columns[name]: name for name in COLUMNS if columns.get(name)}
    unread = {name for name in COLUMNS if columns.get(name) == ""}
    kept = {ours.get(k, k): v for k, v in row.items() if k not in unread}
    return kept | {"text": comment.text, "label": comment.label}


def _earlier(folder: Path, *, than: Sequence[LabelledComment]) -> list[tuple[LabelledComment, Row]]:
    """Return what was to train on, or left out, before, but for texts that are among the new comments."""
    new = {normalize(comment.text) for comment in than}
    found = []
    for name in ("train", "left_out"):
        path = folder / _NAMES[name]
        if path.exists() and path.stat().st_size:
            file = dataset.examine(str(path))
            dataset.usable(file, taught=False)
            found += [(c, row) for row, c in _pairs(file) if normalize(c.text) not in new]
    return found


def _sources(folder: Path) -> dict[str, int]:
    try:
        return dict(json.loads((folder / RECORD).read_text())["sources"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _frozen(folder: Path) -> list[LabelledComment] | None:
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
    return dataset.load(str(path), taught=False)


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
