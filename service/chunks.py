"""What is done of a run, kept on disk in chunks: memory stays bounded, and a killed run can go on.

A chunk is a folder that appears whole: written aside, synced, renamed. Chunks hold no text and no name;
`keep-columns` alone adds what was asked for.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import orjson
import pyarrow as pa

from plaudit.comment import Batch
from plaudit.errors import PlauditError, UsageError
from plaudit.partition.filed import load, store
from plaudit.partition.stored import Stored
from plaudit.service.output import rejection_lines
from plaudit.service.scorers import Scored

CHUNK_RECORDS: Final = 32_768
"""Records from which a chunk is closed: seconds of work, some ten megabytes."""

_CHUNK_BYTES: Final = 256 << 20  # in memory; that many records of usual length take a tenth

_JOB, _LOCK, _ABOUT = "job.json", "lock", "chunk.json"
_COMMENTS, _FACTS, _REJECTED = "comments.arrow", "facts.arrow", "rejected.jsonl"


class Chunks:
    """The chunks of one run, in order, and the one that is still open, in memory."""

    def __init__(self, folder: Path, *, job: Mapping[str, Any], resume: bool) -> None:
        """Look at what an earlier run left.

        Args:
            folder: For nothing else; made with the first chunk.
            job: What decides the results; JSON.
            resume: Go on from what is there; else it is replaced once there is a chunk.

        Raises:
            UsageError: It belongs to another job, or to a run that is still at work.
        """
        self._folder, self._job = folder, dict(job)
        self._lock: BinaryIO | None = None
        self._about: list[dict[str, Any]] = []
        self._open: list[Scored] = []
        if folder.is_dir():
            self._hold()
            if resume:
                with self._or_let_go():
                    self._check_job()
                    self._about = list(self._found())

    def __len__(self) -> int:
        return len(self._about)

    @property
    def n_batches(self) -> int:
        """Batches that are in closed chunks."""
        return sum(about["n_batches"] for about in self._about)

    @property
    def n_comments(self) -> int:
        """Comments that are in closed chunks."""
        return sum(about["n_comments"] for about in self._about)

    def check(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """Yield the batches that the closed chunks hold, read again, comparing them with what was read then.

        Reading costs a twentieth of scoring, so nothing is won by a seek: that an input of the same size and
        date is the same, which ids were there before, and what the page quotes, only reading tells.

        Raises:
            UsageError: The input is not what it was.
        """
        for about in self._about:
            digest = _Digest()
            for _ in range(about["n_batches"]):
                batch = next(batches, None)
                if batch is None:
                    break
                digest.add(batch)
                yield batch
            if digest.hex != about["digest"]:
                raise UsageError(
                    f"The input differs from what the checkpoints in {self._folder} were made of; run "
                    "without --resume to score it from the start."
                )

    def add(self, scored: Scored) -> None:
        """Append a batch; closes the chunk where it is large enough."""
        self._open.append(scored)
        if (
            sum(map(_n_records, self._open)) >= CHUNK_RECORDS
            or sum(map(_n_bytes, self._open)) >= _CHUNK_BYTES
        ):
            self._close()

    def parts(self) -> Iterator[tuple[pa.Table, bytes]]:
        """Yield the table of comments and the lines of rejections, part by part, in order."""
        for number, _ in enumerate(self._about):
            folder = self._folder / _name(number)
            yield _read(folder / _COMMENTS), (folder / _REJECTED).read_bytes()
        for scored in self._open:
            yield pa.Table.from_batches([scored.labelled]), rejection_lines(scored.batch.rejections)

    def facts(self) -> Stored:
        """Return the facts of all that was added, as they lie on disk; each comment is there once."""
        paths = [self._folder / _name(number) / _FACTS for number, _ in enumerate(self._about)]
        n = self.n_comments + sum(len(scored.facts) for scored in self._open)
        return _Facts(paths, [scored.facts for scored in self._open], n=n)

    def rejected(self) -> Counter[str]:
        """Return how many records were left out, by reason."""
        counts: Counter[str] = Counter()
        for about in self._about:
            counts.update(about["rejected"])
        for scored in self._open:
            counts.update(_reasons(scored.batch))
        return counts

    def remove(self) -> None:
        """Delete what is on disk."""
        if self._lock is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self.close()

    def close(self) -> None:
        """Let go of the folder; what is on disk stays."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _close(self) -> None:
        if not self._about:
            self._begin()
        chunk = self._folder / _name(len(self._about))
        partial = chunk.with_suffix(".partial")
        for left_over in (partial, chunk):
            shutil.rmtree(left_over, ignore_errors=True)
        try:
            partial.mkdir()
            about = self._write(partial)
            _sync(partial)
            partial.rename(chunk)
            _sync(self._folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        self._about.append(about)
        self._open.clear()

    def _begin(self) -> None:
        if not self._folder.is_dir():
            self._folder.mkdir(parents=True)
            self._hold()
        for each in self._folder.iterdir():
            if each.name != _LOCK:
                shutil.rmtree(each) if each.is_dir() else each.unlink()
        partial = self._folder / f"{_JOB}.partial"
        partial.write_bytes(orjson.dumps(self._job))
        _sync(partial)
        partial.rename(self._folder / _JOB)

    def _write(self, folder: Path) -> dict[str, Any]:
        batches = [scored.batch for scored in self._open]
        comments = pa.Table.from_batches([scored.labelled for scored in self._open])
        store(folder / _COMMENTS, comments)
        store(folder / _FACTS, pa.concat_tables([scored.facts for scored in self._open]))
        lines = b"".join(rejection_lines(batch.rejections) for batch in batches)
        (folder / _REJECTED).write_bytes(lines)
        digest, rejected = _Digest(), Counter[str]()
        for batch in batches:
            digest.add(batch)
            rejected.update(_reasons(batch))
        sizes = {name: (folder / name).stat().st_size for name in (_COMMENTS, _FACTS, _REJECTED)}
        about = {
            "n_batches": len(batches),
            "n_comments": len(comments),
            "rejected": dict(rejected),
            "digest": digest.hex,
            "sizes": sizes,
        }
        (folder / _ABOUT).write_bytes(orjson.dumps(about))
        for name in (*sizes, _ABOUT):
            _sync(folder / name)
        return about

    def _found(self) -> Iterator[dict[str, Any]]:
        for number in count():
            folder = self._folder / _name(number)
            try:
                about = orjson.loads((folder / _ABOUT).read_bytes())
                if any((folder / name).stat().st_size != size for name, size in about["sizes"].items()):
                    return
            except (OSError, ValueError):
                return
            yield about

    def _check_job(self) -> None:
        try:
            found = orjson.loads((self._folder / _JOB).read_bytes())
        except (OSError, ValueError):
            return
        other = sorted(name for name in {*found, *self._job} if found.get(name) != self._job.get(name))
        if other:
            raise UsageError(
                f"The checkpoints in {self._folder} are of another run ({', '.join(other)} differ); ask for "
                "the same again, or run without --resume to start anew."
            )

    @contextmanager
    def _or_let_go(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _hold(self) -> None:
        self._lock = lock = (self._folder / _LOCK).open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.close()
            raise UsageError(
                f"Another run is at work on {self._folder}; wait for it, or name another folder with --out."
            ) from None


class _Facts:
    """Facts of closed chunks in files, those of the open one in memory."""

    def __init__(self, paths: Sequence[Path], tables: Sequence[pa.Table], *, n: int) -> None:
        self._paths, self._tables, self._n = paths, tables, n

    def __len__(self) -> int:
        return self._n

    def tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        for path in self._paths:
            yield _read(path, columns=columns)
        for table in self._tables:
            yield table.select(columns)


class _Digest:
    """Tells one sequence of batches from another: by all that is known of comments, and what is left out."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)

    def add(self, batch: Batch) -> None:
        kept = () if batch.kept is None else batch.kept.columns
        for column in (*batch.comments.columns, *kept):
            for part in _canonical(column):
                self._hash.update(len(part).to_bytes(8, "little"))
                self._hash.update(part)
        self._hash.update(len(batch.rejections).to_bytes(8, "little"))
        self._hash.update(rejection_lines(batch.rejections))

    @property
    def hex(self) -> str:
        return self._hash.hexdigest()


def _canonical(column: pa.Array) -> Iterator[bytes]:
    """Yield bytes that are the same for the same values, wherever in memory they lie."""
    if not len(column):
        return
    yield column.is_null().to_numpy(zero_copy_only=False).tobytes()
    if not pa.types.is_string(column.type):
        yield column.fill_null(pa.scalar(0).cast(column.type)).to_numpy(zero_copy_only=False).tobytes()
        return
    texts = column.fill_null("")
    _, places, data = texts.buffers()
    ends = np.frombuffer(places, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    yield np.diff(ends).tobytes()
    yield b"" if data is None else bytes(data[int(ends[0]) : int(ends[-1])])


def _name(number: int) -> str:
    return f"{number:06d}"


def _n_records(scored: Scored) -> int:
    return len(scored.batch.comments) + len(scored.batch.rejections)


def _n_bytes(scored: Scored) -> int:
    return int(scored.batch.comments.nbytes + scored.labelled.nbytes + scored.facts.nbytes)


def _reasons(batch: Batch) -> Iterator[str]:
    return (rejection.reason for rejection in batch.rejections)


def _read(path: Path, *, columns: Sequence[str] = ()) -> pa.Table:
    try:
        return load(path, columns=columns)
    except pa.ArrowException as error:
        raise PlauditError(
            f"The checkpoint {path} is damaged ({str(error)[:100]}); run without --resume to start anew."
        ) from error


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
