"""Fitting the network: batches, augmentation, the loss, the loop and its checkpoints."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from plaudit.scores import FLAGS, LABELS
from plaudit.text import normalize
from plaudit.training.config import TrainConfig
from plaudit.training.dataset import LabelledComment
from plaudit.training.network import CommentNetwork
from plaudit.training.targets import flag_targets, label_targets

_LEADING_HANDLE = re.compile(r"^(?:@user\s+)+(?=\S)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands: steps done and in all, and a running mean of the loss."""

    step: int
    n_steps: int
    loss: float


def augment(comment: LabelledComment, *, config: TrainConfig, draw: random.Random) -> str:
    """Return the comment's text as this epoch shows it: perhaps less its handle or question mark."""
    text = normalize(comment.text)
    # A handle decides the flag `addressed`, so only texts without that flag lose it.
    if "addressed" not in (comment.flags or ()) and draw.random() < config.handle_drop:
        text = _LEADING_HANDLE.sub("", text)
    if comment.label == "question" and draw.random() < config.question_mark_drop:
        text = text.replace("?", "").strip() or text
    return text


def padded(encodings: Sequence[Any], *, max_tokens: int) -> tuple[Tensor, Tensor]:
    """Return ids and mask of one batch, padded to its longest text."""
    rows = [truncated(e.ids, max_tokens=max_tokens) for e in encodings]
    ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        mask[i, : len(row)] = 1
    return ids, mask


def truncated(ids: Sequence[int], *, max_tokens: int) -> Sequence[int]:
    """Return at most `max_tokens` ids; the last one stays the closing token."""
    return ids if len(ids) <= max_tokens else [*ids[: max_tokens - 1], ids[-1]]


def batches(n: int, *, lengths: Sequence[int], size: int, draw: random.Random) -> list[list[int]]:
    """Return row indices in batches of alike length, in random order."""
    order = list(range(n))
    draw.shuffle(order)
    pool = size * 50
    found: list[list[int]] = []
    for start in range(0, n, pool):
        block = sorted(order[start : start + pool], key=lambda i: lengths[i])
        found += [block[i : i + size] for i in range(0, len(block), size)]
    draw.shuffle(found)
    return found


def loss_of(network: CommentNetwork, batch: tuple[Tensor, ...], *, flag_weight: float) -> Tensor:
    """Return the batch's mean loss: soft cross-entropy of labels, masked binary one of flags."""
    ids, mask, labels, flags = batch
    label_logits, flag_logits = network(ids, mask)
    label_loss = -(labels * functional.log_softmax(label_logits.float(), -1)).sum(-1).mean()
    known = (flags >= 0).float()
    flag_loss = functional.binary_cross_entropy_with_logits(flag_logits.float(), flags.clamp(min=0), reduction="none")
    return label_loss + flag_weight * (flag_loss * known).sum() / known.sum().clamp(min=1)


def fit(
    network: CommentNetwork,
    tokenizer: Tokenizer,
    comments: Sequence[LabelledComment],
    *,
    config: TrainConfig,
    max_tokens: int,
    checkpoint: Path | None = None,
    device: str = "cpu",
    on_progress: Callable[[Progress], None] | None = None,
) -> None:
    """Fit the network in place.

    Args:
        network: Changed in place.
        tokenizer: Of the network's vocabulary.
        comments: Training part.
        config: Knobs.
        max_tokens: Longer texts are cut.
        checkpoint: File to save after each epoch and to resume from when it is there.
        device: As torch names it.
        on_progress: Called after every step.
    """
    torch.manual_seed(config.seed)
    network.to(device).train()
    optimizer = _optimizer(network, config)
    n_batches = -(-len(comments) // config.batch_size)
    n_steps = n_batches * config.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: ramp(s, n_steps, config.warmup_share))
    first = _resume(checkpoint, network, optimizer, schedule)
    mean = 0.0
    for epoch in range(first, config.epochs):
        for i, batch in enumerate(_epoch(comments, tokenizer, epoch=epoch, config=config, max_tokens=max_tokens)):
            on_device = tuple(part.to(device) for part in batch)
            with torch.autocast(device.split(":")[0], dtype=torch.bfloat16, enabled=config.bf16):
                loss = loss_of(network, on_device, flag_weight=config.flag_weight)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            mean = loss.item() if mean == 0 else 0.98 * mean + 0.02 * loss.item()
            if on_progress is not None:
                on_progress(Progress(step=epoch * n_batches + i + 1, n_steps=n_steps, loss=mean))
        _save(checkpoint, network, optimizer, schedule, epoch=epoch + 1)
    network.eval()


def _epoch(
    comments: Sequence[LabelledComment], tokenizer: Tokenizer, *, epoch: int, config: TrainConfig, max_tokens: int
) -> Iterator[tuple[Tensor, ...]]:
    # Seeded by epoch, so that a resumed run sees what an uninterrupted one would have.
    draw = random.Random(f"{config.seed}:{epoch}")  # noqa: S311 - reproducible, not secret
    torch.manual_seed(config.seed * 1000 + epoch)
    encodings = tokenizer.encode_batch([augment(c, config=config, draw=draw) for c in comments])
    labels = torch.from_numpy(label_targets(comments, config=config))
    flags = torch.from_numpy(flag_targets(comments))
    lengths = [len(e.ids) for e in encodings]
    for rows in batches(len(comments), lengths=lengths, size=config.batch_size, draw=draw):
        ids, mask = padded([encodings[i] for i in rows], max_tokens=max_tokens)
        yield ids, mask, labels[rows], flags[rows]


def _optimizer(network: CommentNetwork, config: TrainConfig) -> torch.optim.Optimizer:
    table = network.encoder.get_input_embeddings().weight
    plain = [p for n, p in network.named_parameters() if p is not table and (p.ndim < 2)]
    decayed = [p for n, p in network.named_parameters() if p is not table and p.ndim >= 2]
    groups = [
        {"params": decayed, "lr": config.learning_rate, "weight_decay": config.weight_decay},
        {"params": plain, "lr": config.learning_rate, "weight_decay": 0.0},
        {"params": [table], "lr": config.embedding_learning_rate, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, fused=True)


def ramp(step: int, n_steps: int, warmup_share: float) -> float:
    """Return the factor on the learning rate: a linear rise, then a linear fall to 0."""
    warmup = max(1, round(warmup_share * n_steps))
    return (step + 1) / warmup if step < warmup else max(0.0, (n_steps - step) / max(1, n_steps - warmup))


def _save(checkpoint: Path | None, network: Any, optimizer: Any, schedule: Any, *, epoch: int) -> None:
    if checkpoint is None:
        return
    state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict(), "epoch": epoch}
    partial = checkpoint.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(checkpoint)


def _resume(checkpoint: Path | None, network: Any, optimizer: Any, schedule: Any) -> int:
    if checkpoint is None or not checkpoint.exists():
        return 0
    state = torch.load(checkpoint, weights_only=True)
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    schedule.load_state_dict(state["schedule"])
    return int(state["epoch"])


def logits(
    network: CommentNetwork, tokenizer: Tokenizer, texts: Sequence[str], *, max_tokens: int, device: str = "cpu"
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return label and flag logits of raw texts in float32, each of shape (n, 3)."""
    encodings = tokenizer.encode_batch([normalize(t) for t in texts])
    order = sorted(range(len(texts)), key=lambda i: len(encodings[i].ids))
    labels = np.empty((len(texts), len(LABELS)), np.float32)
    flags = np.empty((len(texts), len(FLAGS)), np.float32)
    network.to(device).eval()
    with torch.inference_mode():
        for start in range(0, len(order), 64):
            rows = order[start : start + 64]
            ids, mask = padded([encodings[i] for i in rows], max_tokens=max_tokens)
            label_logits, flag_logits = network(ids.to(device), mask.to(device))
            labels[rows], flags[rows] = label_logits.float().cpu().numpy(), flag_logits.float().cpu().numpy()
    return labels, flags
