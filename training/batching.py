"""From comments to batches: what an epoch shows of a text, in which order, padded how far."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from plaudit.legible import legible
from plaudit.training import padding
from plaudit.training.config import TrainConfig
from plaudit.training.dataset import LabelledComment
from plaudit.training.obfuscation import KINDS, obfuscate
from plaudit.training.targets import flag_targets, label_targets

_LEADING_HANDLE = re.compile(r"^(?:@user\s+)+(?=\S)")
_POOL = 50  # batches whose texts are sorted by length together: little padding, order still random


def augment(comment: LabelledComment, *, config: TrainConfig, draw: random.Random) -> str:
    """Return the text as this epoch shows it: perhaps less a handle or a mark, with filler, in disguise."""
    text = legible(comment.text)
    # A handle decides the flag `addressed`, so only texts without that flag lose it.
    if "addressed" not in (comment.flags or ()) and draw.random() < config.handle_drop:
        text = _LEADING_HANDLE.sub("", text)
    if comment.label == "question" and draw.random() < config.question_mark_drop:
        text = text.replace("?", "").strip() or text
    if draw.random() < config.padding_share:
        text = legible(padding.padded(text, comment.language, draw))
    if draw.random() < config.obfuscation_share:
        text = legible(obfuscate(text, draw.choice(KINDS), draw)) or text
    return text


def padded(encodings: Sequence[Any], *, max_tokens: int) -> tuple[Tensor, Tensor]:
    """Return ids and mask of one batch, padded to its longest text."""
    rows = [truncated(e.ids, max_tokens=max_tokens) for e in encodings]
    ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        mask[i, : len(row)] = 1
    return ids, mask


def truncated(ids: Sequence[int], *, max_tokens: int) -> Sequence[int]:
    """Return at most `max_tokens` ids; the last one stays the closing token."""
    return ids if len(ids) <= max_tokens else [*ids[: max_tokens - 1], ids[-1]]


def batches(n: int, *, lengths: Sequence[int], size: int, draw: random.Random) -> list[list[int]]:
    """Return row indices in batches of alike length, in random order."""
    order = list(range(n))
    draw.shuffle(order)
    pool = size * _POOL
    found: list[list[int]] = []
    for start in range(0, n, pool):
        block = sorted(order[start : start + pool], key=lambda i: lengths[i])
        found += [block[i : i + size] for i in range(0, len(block), size)]
    draw.shuffle(found)
    return found


def epoch_of(
    comments: Sequence[LabelledComment],
    tokenizer: Tokenizer,
    *,
    epoch: int,
    config: TrainConfig,
    max_tokens: int,
) -> Iterator[tuple[Tensor, ...]]:
    """Yield the batches of one epoch: ids, mask, label targets, flag targets.

    Seeds torch by the epoch, so that a resumed run sees what an uninterrupted one would have.
    """
    draw = random.Random(f"{config.seed}:{epoch}")  # noqa: S311 - reproducible, not secret
    torch.manual_seed(config.seed * 1000 + epoch)
    encodings = tokenizer.encode_batch([augment(c, config=config, draw=draw) for c in comments])
    labels = torch.from_numpy(label_targets(comments, config=config))
    flags = torch.from_numpy(flag_targets(comments))
    lengths = [len(e.ids) for e in encodings]
    for rows in batches(len(comments), lengths=lengths, size=config.batch_size, draw=draw):
        ids, mask = padded([encodings[i] for i in rows], max_tokens=max_tokens)
        yield ids, mask, labels[rows], flags[rows]
