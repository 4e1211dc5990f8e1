"""Texts to logits on ONNX Runtime: distinct texts once, length-sorted batches, a cache.

An answer never depends on its neighbours. Each text is padded to a length that its own number of
tokens decides, never to the longest of its batch, and activations are quantised with one scale a
row; so the same comment goes through the same arithmetic in any company.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from plaudit.artifact import MEND
from plaudit.errors import ArtifactError
from plaudit.scores import FLAGS, LABELS
from plaudit.text import normalize

_MAX_READ: Final = 64_000  # characters cleaned: a hidden padding of thousands does not hide the text after it
_MAX_CHARACTERS: Final = 8_000  # far above what max_tokens can hold; bounds the tokenizer's work on a novel
_TOKEN_BUDGET: Final = 2_048  # padded tokens a run: fits the second-level cache; larger was not faster
_CACHE_SIZE: Final = 10_000  # texts a generation, some 4 MB; ten times more finds 0.1 to 1.7 % more again
_MAX_CACHED: Final = 280  # characters: what comes again is short
_INPUTS: Final = {"input_ids", "attention_mask"}
_OUTPUTS: Final = ["label_logits", "flag_logits"]

Answer = tuple[bytes, bool]
"""Logits as float32 bytes, and whether the text was cut."""


class LogitModel:
    """Computes logits of texts; safe to call from several threads."""

    def __init__(
        self, model: Path | bytes, tokenizer: Tokenizer, *, max_tokens: int, threads: int | None = None
    ) -> None:
        """Load the weights.

        Args:
            model: An ONNX graph with `input_ids` and `attention_mask` in, label and flag logits out.
            tokenizer: Neither pads nor truncates.
            max_tokens: Longer texts are cut.
            threads: Cores to use; None for all.

        Raises:
            ArtifactError: ONNX Runtime cannot load the graph, or it has other inputs or outputs.
        """
        self._session = _session(model, threads)
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._cache = _Cache(_CACHE_SIZE)

    def logits(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return logits, shape (n, 6), labels then flags; and which texts were cut, shape (n,).

        A text of which nothing readable is left gets the logits of no words.
        """
        normal = [normalize(text[:_MAX_READ]) for text in texts]
        answers = np.empty((len(texts), len(LABELS) + len(FLAGS)), np.float32)
        truncated = np.array([len(t) > _MAX_READ for t in texts], bool)
        truncated |= np.array([len(t) > _MAX_CHARACTERS for t in normal], bool)
        normal = [text[:_MAX_CHARACTERS] for text in normal]
        missing: dict[str, list[int]] = {}
        for row, text in enumerate(normal):
            known = self._cache.get(text)
            if known is None:
                missing.setdefault(text, []).append(row)
            else:
                answers[row] = np.frombuffer(known[0], np.float32)
                truncated[row] |= known[1]
        for text, answer, cut in self._infer(list(missing)):
            answers[missing[text]] = answer
            truncated[missing[text]] |= cut
            if len(text) <= _MAX_CACHED:
                self._cache.put(text, (answer.tobytes(), cut))
        return answers, truncated

    def split_logits(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return label logits and flag logits, each of shape (n, 3)."""
        logits, _ = self.logits(texts)
        return logits[:, : len(LABELS)], logits[:, len(LABELS) :]

    def _infer(self, texts: Sequence[str]) -> Iterator[tuple[str, NDArray[np.float32], bool]]:
        ids = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(texts)]
        lengths = [padded_length(min(len(row), self._max_tokens)) for row in ids]
        order = sorted(range(len(texts)), key=lengths.__getitem__)
        for rows in batches(order, lengths):
            batch, mask = self._padded([ids[i] for i in rows], length=lengths[rows[0]])
            answers = np.concatenate(
                self._session.run(_OUTPUTS, {"input_ids": batch, "attention_mask": mask}), axis=1
            )
            for i, answer in zip(rows, answers, strict=True):
                yield texts[i], answer, len(ids[i]) > self._max_tokens

    def _padded(
        self, rows: Sequence[list[int]], *, length: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        batch = np.zeros((len(rows), length), np.int64)
        mask = np.zeros((len(rows), length), np.int64)
        for i, row in enumerate(rows):
            kept = row if len(row) <= self._max_tokens else [*row[: self._max_tokens - 1], row[-1]]
            batch[i, : len(kept)] = kept
            mask[i, : len(kept)] = 1
        return batch, mask


def padded_length(n_tokens: int) -> int:
    """Return the length a text of so many tokens is padded to: a function of the text alone."""
    step = 4 if n_tokens <= 32 else 8 if n_tokens <= 64 else 16
    return -(-n_tokens // step) * step


def batches(
    order: Sequence[int], lengths: Sequence[int], *, budget: int = _TOKEN_BUDGET
) -> Iterator[list[int]]:
    """Yield runs of rows of one padded length, at most `budget` tokens each.

    Args:
        order: Rows sorted by length.
        lengths: Padded length of each row.
        budget: Padded tokens a run; a single longer text still makes a run.
    """
    rows: list[int] = []
    for i in order:
        if rows and (lengths[i] != lengths[rows[0]] or (len(rows) + 1) * lengths[i] > budget):
            yield rows
            rows = []
        rows.append(i)
    if rows:
        yield rows


class _Cache:
    """Two generations: when the young one is full it becomes the old one, which is forgotten.

    Reading takes no lock: between two generations a text may be missed, never mistaken.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._young: dict[str, Answer] = {}
        self._old: dict[str, Answer] = {}
        self._lock = threading.Lock()

    def get(self, text: str) -> Answer | None:
        return self._young.get(text) or self._old.get(text)

    def put(self, text: str, answer: Answer) -> None:
        with self._lock:
            if len(self._young) >= self._size:
                self._old, self._young = self._young, {}
            self._young[text] = answer


def load_tokenizer(path: Path) -> Tokenizer:
    """Read a tokenizer that neither pads nor truncates.

    Raises:
        ArtifactError: The file is no tokenizer.
    """
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise ArtifactError(
            f"{path}: expected a tokenizer, found what cannot be read ({_line(error)}). {MEND}"
        ) from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _session(model: Path | bytes, threads: int | None) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or _n_cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what it would print, it also raises
    source = model if isinstance(model, bytes) else str(model)
    name = "the model" if isinstance(model, bytes) else str(model)
    try:
        session = ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no public root
        raise ArtifactError(
            f"{name} cannot be loaded: expected a graph for onnxruntime {ort.__version__}, "
            f"found {_line(error)}. {MEND}"
        ) from error
    found_in = {each.name for each in session.get_inputs()}
    found_out = {each.name for each in session.get_outputs()}
    if found_in != _INPUTS or not found_out.issuperset(_OUTPUTS):
        raise ArtifactError(
            f"{name}: expected {', '.join(sorted(_INPUTS))} in and {', '.join(_OUTPUTS)} out, "
            f"found {', '.join(sorted(found_in))} in and {', '.join(sorted(found_out))} out. {MEND}"
        )
    return session


def _n_cores() -> int:
    # Of this process, which may be fewer than the machine has; not every system tells.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
