"""Fitting a small network to what a large one says of many unlabelled comments (Hinton et al. 2015)."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from plaudit.legible import legible
from plaudit.training.batching import batches, truncated
from plaudit.training.fitting import Progress, ramp

_BLOCK = 20_000  # texts tokenised at a time: their tokens fit in memory whatever the number of texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """Unlabelled texts and what the teacher says of them.

    Attributes:
        tokens: Ids of each text, cut to what the model reads.
        labels: Probabilities, shape (n, 3).
        flags: Probabilities, shape (n, 3).
    """

    tokens: Sequence[NDArray[np.int32]]
    labels: NDArray[np.float32]
    flags: NDArray[np.float32]

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.tokens)


def tokens_of(texts: Sequence[str], tokenizer: Tokenizer, *, max_tokens: int) -> list[NDArray[np.int32]]:
    """Return the ids of raw texts, normalised and cut."""
    found: list[NDArray[np.int32]] = []
    for start in range(0, len(texts), _BLOCK):
        block = [legible(text) for text in texts[start : start + _BLOCK]]
        found += [
            np.asarray(truncated(e.ids, max_tokens=max_tokens), np.int32)
            for e in tokenizer.encode_batch_fast(block)
        ]
    return found


def loss_of(network: nn.Module, batch: tuple[Tensor, ...], *, flag_weight: float) -> Tensor:
    """Return the mean cross-entropy against the teacher's probabilities of labels and, weighed, of flags."""
    ids, mask, labels, flags = batch
    label_logits, flag_logits = network(ids, mask)
    label_loss = -(labels * functional.log_softmax(label_logits.float(), -1)).sum(-1).mean()
    return label_loss + flag_weight * functional.binary_cross_entropy_with_logits(flag_logits.float(), flags)


def distil(
    network: nn.Module,
    lesson: Lesson,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    flag_weight: float,
    seed: int,
    bf16: bool = True,
    device: str = "cpu",
    on_progress: Callable[[Progress], None] | None = None,
) -> None:
    """Fit the network in place to the teacher's answers.

    Args:
        network: Changed in place; ids and mask in, label and flag logits out.
        lesson: Texts and answers.
        epochs: Passes over the texts.
        batch_size: Texts a step.
        learning_rate: At its peak; AdamW, a linear rise over 5 % of the steps, then a linear fall.
        flag_weight: Of the flags' loss beside the labels'.
        seed: Of the order.
        bf16: Compute in bfloat16 where that is safe.
        device: As torch names it.
        on_progress: Called after every step.
    """
    network.to(device).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=0.01, fused=True)
    n_batches = -(-len(lesson) // batch_size)
    n_steps = n_batches * epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: ramp(step, n_steps, 0.05))
    lengths = [len(row) for row in lesson.tokens]
    step, mean = 0, float("nan")
    for epoch in range(epochs):
        torch.manual_seed(seed * 1000 + epoch)
        draw = random.Random(f"{seed}:{epoch}")  # noqa: S311 - reproducible, not secret
        for rows in batches(len(lesson), lengths=lengths, size=batch_size, draw=draw):
            batch = tuple(part.to(device) for part in _batch(lesson, rows))
            with torch.autocast(device.split(":")[0], dtype=torch.bfloat16, enabled=bf16):
                loss = loss_of(network, batch, flag_weight=flag_weight)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            step += 1
            mean = loss.item() if step == 1 else 0.98 * mean + 0.02 * loss.item()
            if on_progress is not None:
                on_progress(Progress(step=step, n_steps=n_steps, loss=mean))
    network.eval()


def _batch(lesson: Lesson, rows: Sequence[int]) -> tuple[Tensor, ...]:
    length = max(len(lesson.tokens[i]) for i in rows)
    ids = np.zeros((len(rows), length), np.int64)
    mask = np.zeros((len(rows), length), np.int64)
    for i, row in enumerate(rows):
        tokens = lesson.tokens[row]
        ids[i, : len(tokens)] = tokens
        mask[i, : len(tokens)] = 1
    kept = np.asarray(rows)
    return tuple(torch.from_numpy(part) for part in (ids, mask, lesson.labels[kept], lesson.flags[kept]))
