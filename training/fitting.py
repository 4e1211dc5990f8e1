"""Fitting the network: the loss, the loop, and what the fitted network answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from plaudit.comment_network import CommentNetwork
from plaudit.errors import TrainingDataError
from plaudit.legible import legible
from plaudit.scores import FLAGS, LABELS
from plaudit.training.batching import epoch_of, padded
from plaudit.training.checkpoint import Checkpoint, run_digest
from plaudit.training.config import TrainConfig
from plaudit.training.dataset import LabelledComment
from plaudit.training.targets import flag_targets

__all__ = ["Progress", "fit", "flag_targets", "logits", "loss_of", "ramp"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands.

    Attributes:
        step: Steps done.
        n_steps: Steps in all.
        loss: Its running mean; None where nothing is learnt.
        n_texts: Texts done; None: a batch a step.
    """

    step: int
    n_steps: int
    loss: float | None = None
    n_texts: int | None = None


def loss_of(network: CommentNetwork, batch: tuple[Tensor, ...], *, flag_weight: float) -> Tensor:
    """Return the batch's mean loss: soft cross-entropy of labels, masked binary one of flags."""
    ids, mask, labels, flags = batch
    label_logits, flag_logits = network(ids, mask)
    label_loss = -(labels * functional.log_softmax(label_logits.float(), -1)).sum(-1).mean()
    known = (flags >= 0).float()
    flag_loss = functional.binary_cross_entropy_with_logits(
        flag_logits.float(), flags.clamp(min=0), reduction="none"
    )
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

    Raises:
        TrainingDataError: The loss is no number, the checkpoint is damaged or cannot be written.
    """
    network.to(device).train()
    optimizer = _optimizer(network, config)
    n_batches = -(-len(comments) // config.batch_size)
    n_steps = n_batches * config.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: ramp(s, n_steps, config.warmup_share))
    run = ""
    if checkpoint:
        weights = network.encoder.state_dict()
        run = run_digest(comments, tokenizer, config=config, max_tokens=max_tokens, weights=weights)
    kept = Checkpoint(path=checkpoint, run=run)
    parts = {"network": network, "optimizer": optimizer, "schedule": schedule}
    mean = math.nan
    for epoch in range(kept.resume(parts), config.epochs):
        shown = epoch_of(comments, tokenizer, epoch=epoch, config=config, max_tokens=max_tokens)
        for i, batch in enumerate(shown, start=1):
            loss = _step(network, tuple(part.to(device) for part in batch), config=config, device=device)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
            mean = loss if math.isnan(mean) else 0.98 * mean + 0.02 * loss
            if on_progress is not None:
                on_progress(Progress(step=epoch * n_batches + i, n_steps=n_steps, loss=mean))
        kept.save(parts, epoch=epoch + 1)
    network.eval()


def _step(network: CommentNetwork, batch: tuple[Tensor, ...], *, config: TrainConfig, device: str) -> float:
    with torch.autocast(device.split(":")[0], dtype=torch.bfloat16, enabled=config.bf16):
        loss = loss_of(network, batch, flag_weight=config.flag_weight)
    value = loss.item()
    if not math.isfinite(value):
        raise TrainingDataError(
            f"The loss became {value}; lower train.learning_rate, or set train.bf16=false."
        )
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    return value


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


def logits(
    network: CommentNetwork,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    *,
    max_tokens: int,
    device: str = "cpu",
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return label and flag logits of raw texts in float32, each of shape (n, 3)."""
    encodings = tokenizer.encode_batch([legible(t) for t in texts])
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
