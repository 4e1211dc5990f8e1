"""Texts to logits: distinct texts once, length-sorted batches, a cache, a cascade.

In a cascade small networks read every text first, and only what they are not sure of goes on to the
next (Viola and Jones 2001); all share one tokenizer, so a text is tokenised once.

An answer never depends on its neighbours. Each text is padded to a length that its own number of
tokens decides, never to the longest of its batch, and activations are quantised with one scale a
row; so the same comment goes through the same arithmetic in any company.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from plaudit.artifact import MEND
from plaudit.errors import ArtifactError
from plaudit.legible import legible
from plaudit.onnx_network import OnnxNetwork
from plaudit.pieces import pieced
from plaudit.scores import FLAGS, LABELS
from plaudit.sureness import Sureness
from plaudit.tokens import ID_BYTES, TokenIds

# Sums of the same numbers in another order, as batches of another shape make them, differ in their last bits:
# far finer than int8 is, and enough to make files of equal answers differ.
_GRID: Final = np.float32(8192)  # answers a unit of a logit; probabilities move by less than 2e-5
_MAX_READ: Final = 64_000  # characters cleaned: a hidden padding of thousands does not hide the text after it
_MAX_CHARACTERS: Final = 8_000  # far above what max_tokens can hold; bounds the tokenizer's work on a novel
_CACHE_SIZE: Final = 10_000  # texts a generation, some 4 MB; ten times more finds 0.1 to 1.7 % more again
_MAX_CACHED: Final = 4 * 80  # bytes of ids: what comes again is short

Answer = tuple[bytes, int]
"""Logits as float32 bytes, and which network answered."""


class Network(Protocol):
    """What turns ids into logits, each row alike in any company."""

    @property
    def token_budget(self) -> int:
        """Padded tokens a run, at most; a single longer text still makes a run."""

    def logits(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return logits, shape (n, 6), of padded ids and their mask, each of shape (n, tokens)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A small network that answers what it is sure of.

    Attributes:
        model: An ONNX graph of the same inputs and outputs as the exact one.
        sureness: When it answers.
    """

    model: Path | bytes
    sureness: Sureness


@dataclass(frozen=True, slots=True, kw_only=True)
class Logits:
    """What a model says of n texts.

    Attributes:
        values: Shape (n, 6), labels then flags.
        truncated: Shape (n,); which texts were cut.
        stage: Shape (n,), which network answered: its place in the cascade; the exact one comes last.
    """

    values: NDArray[np.float32]
    truncated: NDArray[np.bool_]
    stage: NDArray[np.int8]


class LogitModel:
    """Computes logits of texts; safe to call from several threads.

    Attributes:
        on_tokenised: Told after each call of the seconds that cleaning and tokenising its texts took.
        on_known: Told at each call how many of its distinct texts the cache answers.
    """

    def __init__(
        self,
        model: Path | bytes | Network,
        tokenizer: Tokenizer,
        *,
        max_tokens: int,
        stages: Sequence[Stage] = (),
        threads: int | None = None,
    ) -> None:
        """Load the weights.

        Args:
            model: The exact network, or its ONNX graph, as `OnnxNetwork` takes it.
            tokenizer: Neither pads nor truncates.
            max_tokens: Longer texts are cut.
            stages: Small networks that are asked before, in this order.
            threads: Cores to use; None for all.

        Raises:
            ArtifactError: ONNX Runtime cannot load a graph, or it has other inputs or outputs.
        """
        self._stages = tuple(stages)
        self._networks: list[Network] = [
            OnnxNetwork(each, threads=threads) if isinstance(each, Path | bytes) else each
            for each in (*(stage.model for stage in stages), model)
        ]
        self._token_ids = TokenIds(tokenizer)
        self._max_tokens = max_tokens
        self._cache = _Cache(_CACHE_SIZE)
        self.on_tokenised: Callable[[float], None] = lambda _seconds: None
        self.on_known: Callable[[int], None] = lambda _n_texts: None

    def logits(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return logits, shape (n, 6), labels then flags; and which texts were cut, shape (n,)."""
        found = self.answers(texts)
        return found.values, found.truncated

    def answers(self, texts: Sequence[str]) -> Logits:
        """Return the logits of texts, and which network gave each.

        A text of which nothing readable is left gets the logits of no words.
        """
        started = time.perf_counter()
        pieces = pieced(texts).pieces
        whole = [legible(text[:_MAX_READ]) for text in pieces.whole]
        is_cut = np.zeros(len(pieces.different), bool)
        is_cut[len(pieces.read) :] = [
            len(text) > _MAX_READ or len(read) > _MAX_CHARACTERS
            for text, read in zip(pieces.whole, whole, strict=True)
        ]
        ids = self._token_ids.of_pieces(pieces, [text[:_MAX_CHARACTERS] for text in whole])
        truncated = pieces.sums(is_cut[pieces.at]) > 0
        truncated |= np.fromiter(map(len, ids), np.int64, len(ids)) > ID_BYTES * self._max_tokens
        ids = [self._cut(row) for row in ids]
        self.on_tokenised(time.perf_counter() - started)
        different = {row: place for place, row in enumerate(dict.fromkeys(ids))}
        answers = np.empty((len(different), len(LABELS) + len(FLAGS)), np.float32)
        stage = np.empty(len(different), np.int8)
        missing: list[int] = []
        for row, place in different.items():
            known = self._cache.get(row)
            if known is None:
                missing.append(place)
            else:
                answers[place], stage[place] = np.frombuffer(known[0], np.float32), known[1]
        self.on_known(len(different) - len(missing))
        if missing:
            rows = [*different]
            answers[missing], stage[missing] = self._infer([rows[place] for place in missing])
            self._cache.put(
                (rows[place], (answers[place].tobytes(), int(stage[place])))
                for place in missing
                if len(rows[place]) <= _MAX_CACHED
            )
        take = np.fromiter(map(different.__getitem__, ids), np.int64, len(ids))
        return Logits(values=answers[take], truncated=truncated, stage=stage[take])

    def logits_of(self, place: int, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return what one network of the cascade says, whether sure or not; shape (n, 6).

        Args:
            place: Of the network; -1 is the exact one.
            texts: Neither looked up in the cache nor kept there.
        """
        network = self._networks[place]
        ids, lengths = self._rows(texts)
        found = np.empty((len(texts), len(LABELS) + len(FLAGS)), np.float32)
        order = np.argsort(lengths, kind="stable")
        for rows in batches(order, lengths, budget=network.token_budget):
            found[rows] = _run(network, [ids[i] for i in rows.tolist()], length=int(lengths[rows[0]]))
        return found

    def lengths(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return how many tokens each text is padded to, shape (n,)."""
        return self._rows(texts)[1]

    def split_logits(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return label logits and flag logits, each of shape (n, 3)."""
        logits, _ = self.logits(texts)
        return logits[:, : len(LABELS)], logits[:, len(LABELS) :]

    def _infer(self, rows: Sequence[bytes]) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
        """Return logits, shape (n, 6), and which network gave them, shape (n,), of the ids of texts."""
        answers = np.empty((len(rows), len(LABELS) + len(FLAGS)), np.float32)
        stage = np.empty(len(rows), np.int8)
        lengths = _padded(rows)
        left = np.argsort(lengths, kind="stable")
        for place, network in enumerate(self._networks):
            for batch in batches(left, lengths, budget=network.token_budget):
                length = int(lengths[batch[0]])
                answers[batch] = _run(network, [rows[i] for i in batch.tolist()], length=length)
            stage[left] = place
            if place < len(self._stages):
                sure = self._stages[place].sureness.of(answers[left], lengths[left])
                left = left[~sure]
        return answers, stage

    def _rows(self, texts: Sequence[str]) -> tuple[list[bytes], NDArray[np.int64]]:
        """Return the ids of texts, cut, and the length that each is padded to."""
        ids = [self._cut(row) for row in self._token_ids.of([legible(text) for text in texts])]
        return ids, _padded(ids)

    def _cut(self, row: bytes) -> bytes:
        most = ID_BYTES * self._max_tokens
        return row if len(row) <= most else row[: most - ID_BYTES] + row[-ID_BYTES:]


def _run(network: Network, rows: Sequence[bytes], *, length: int) -> NDArray[np.float32]:
    padded = b"".join([row.ljust(ID_BYTES * length, b"\0") for row in rows])
    n_tokens = np.fromiter(map(len, rows), np.int64, len(rows)) // ID_BYTES
    ids = np.frombuffer(padded, np.int32).reshape(len(rows), length).astype(np.int64)
    logits = network.logits(ids, (np.arange(length) < n_tokens[:, None]).astype(np.int64))
    return np.asarray(np.rint(logits * _GRID) / _GRID, np.float32)


def padded_lengths(n_tokens: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the length that texts of so many tokens are padded to: a function of the text alone."""
    step = np.where(n_tokens <= 32, 4, np.where(n_tokens <= 64, 8, 16))
    return np.asarray(-(-n_tokens // step) * step)


def _padded(rows: Sequence[bytes]) -> NDArray[np.int64]:
    return padded_lengths(np.fromiter(map(len, rows), np.int64, len(rows)) // ID_BYTES)


def batches(
    order: NDArray[np.intp], lengths: NDArray[np.int64], *, budget: int
) -> Iterator[NDArray[np.intp]]:
    """Yield runs of rows of one padded length, at most `budget` tokens each.

    Args:
        order: Rows sorted by length.
        lengths: Padded length of each row.
        budget: Padded tokens a run; a single longer text still makes a run.
    """
    borders = np.flatnonzero(np.diff(lengths[order], prepend=-1, append=-1))
    for start, end in pairwise(borders.tolist()):
        n = max(1, budget // int(lengths[order[start]]))
        for at in range(start, end, n):
            yield order[at : min(at + n, end)]


class _Cache:
    """Two generations: when the young one is full it becomes the old one, which is forgotten.

    Reading takes no lock: between two generations a text may be missed, never mistaken.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._young: dict[bytes, Answer] = {}
        self._old: dict[bytes, Answer] = {}
        self._lock = threading.Lock()

    def get(self, ids: bytes) -> Answer | None:
        return self._young.get(ids) or self._old.get(ids)

    def put(self, answers: Iterable[tuple[bytes, Answer]]) -> None:
        with self._lock:
            for ids, answer in answers:
                if len(self._young) >= self._size:
                    self._old, self._young = self._young, {}
                self._young[ids] = answer


def load_tokenizer(path: Path) -> Tokenizer:
    """Read a tokenizer that neither pads nor truncates.

    Raises:
        ArtifactError: The file is no tokenizer.
    """
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        reason = " ".join(str(error).split())[:200]
        raise ArtifactError(
            f"{path}: expected a tokenizer, found what cannot be read ({reason}). {MEND}"
        ) from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
