"""What a teacher says of many texts, kept as it comes: hours of answers outlive a run that is killed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from plaudit.errors import TrainingDataError
from plaudit.inference import LogitModel
from plaudit.scores import FLAGS, LABELS
from plaudit.training.fitting import Progress

_BLOCK: Final = 4096  # texts between two writes
_N: Final = len(LABELS) + len(FLAGS)
_ROW_BYTES: Final = _N * 4
_PROBES: Final = ("Great post!", "which glue is it?", "mine cracked in the second firing too")


def heard(
    teacher: LogitModel,
    texts: Sequence[str],
    *,
    folder: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> NDArray[np.float32]:
    """Return logits of the exact network, shape (n, 6), labels then flags.

    Args:
        teacher: Whose last network is asked.
        texts: Raw or normalised.
        folder: Answers are appended to a file there, and those that an earlier run left for the same teacher
            and the same texts are taken. None: nothing is kept.
        on_progress: Called after every block.

    Raises:
        TrainingDataError: The folder cannot be read or written.
    """
    try:
        path = None if folder is None else _path(folder, teacher, texts)
        with ExitStack() as stack:
            found = np.empty((len(texts), _N), np.float32)
            file, start = _opened(stack, path, found)
            for at in range(start, len(texts), _BLOCK):
                block = teacher.logits_of(-1, texts[at : at + _BLOCK])
                found[at : at + _BLOCK] = block
                if file is not None:
                    file.write(block.astype("<f4").tobytes())
                    file.flush()
                if on_progress is not None:
                    n_steps, n_done = -(-len(texts) // _BLOCK), min(at + _BLOCK, len(texts))
                    on_progress(Progress(step=at // _BLOCK + 1, n_steps=n_steps, n_texts=n_done))
            return found
    except OSError as error:
        raise TrainingDataError(
            f"The teacher's answers cannot be kept in {folder} ({error.strerror or error}); free some space, "
            "or name another folder."
        ) from error


def forget(folder: Path) -> None:
    """Remove the answers kept in a folder: the run they were for is done."""
    for path in folder.glob("answers-*.f32"):
        path.unlink(missing_ok=True)


def _opened(stack: ExitStack, path: Path | None, found: NDArray[np.float32]) -> tuple[BinaryIO | None, int]:
    """Open what is kept, fill in what is there; return the file and the number of answers it holds."""
    if path is None:
        return None, 0
    file = stack.enter_context(path.open("a+b"))
    n = min(file.tell() // _ROW_BYTES, len(found))
    file.seek(0)
    found[:n] = np.frombuffer(file.read(n * _ROW_BYTES), "<f4").reshape(n, _N)
    file.truncate(n * _ROW_BYTES)  # an answer that was half written
    return file, n


def _path(folder: Path, teacher: LogitModel, texts: Sequence[str]) -> Path:
    # A teacher is known by what it says: the graph it came from may be bytes or a file anywhere.
    digest = hashlib.sha256(teacher.logits_of(-1, _PROBES).astype("<f4").tobytes())
    for text in texts:
        digest.update(text.encode(errors="surrogatepass") + b"\0")
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"answers-{digest.hexdigest()[:16]}.f32"
