"""From logits to calibrated probabilities: fitting on held-out comments and applying, side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What turns logits into probabilities.

    Attributes:
        temperature: Divides label logits before the softmax (Guo et al. 2017); above 0.
        flag_scale: Multiplies each flag logit (Platt 1999); three positive numbers.
        flag_bias: Added to each scaled flag logit; three numbers.
    """

    temperature: float
    flag_scale: tuple[float, ...]
    flag_bias: tuple[float, ...]

    def label_probabilities(self, logits: Floats) -> NDArray[np.float32]:
        """Return probabilities of shape (n, 3) for label logits of shape (n, 3); rows sum to 1."""
        return softmax(np.asarray(logits, np.float64) / self.temperature).astype(np.float32)

    def flag_probabilities(self, logits: Floats) -> NDArray[np.float32]:
        """Return probabilities of shape (n, 3) for flag logits of shape (n, 3)."""
        scaled = np.asarray(logits, np.float64) * self.flag_scale + self.flag_bias
        return sigmoid(scaled).astype(np.float32)

    def flag_borders(self) -> tuple[float, ...]:
        """Return of each flag the logit at which it is as likely as not."""
        return tuple(-bias / scale for scale, bias in zip(self.flag_scale, self.flag_bias, strict=True))


def softmax(logits: Floats) -> NDArray[np.float64]:
    """Return the softmax over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), np.float64)


def sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the logistic function, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * values)), np.float64)


def fit(
    label_logits: Floats, labels: NDArray[np.int64], flag_logits: Floats, flags: NDArray[np.int64]
) -> Calibration:
    """Fit by maximum likelihood on comments the weights never saw.

    Args:
        label_logits: Shape (n, 3).
        labels: Shape (n,), index of the true label.
        flag_logits: Shape (n, 3).
        flags: Shape (n, 3), 0 or 1; -1 where unknown (left out).
    """
    lines = [
        _platt(np.asarray(flag_logits[flags[:, i] >= 0, i], np.float64), flags[flags[:, i] >= 0, i])
        for i in range(flags.shape[1])
    ]
    return Calibration(
        temperature=_temperature(np.asarray(label_logits, np.float64), labels),
        flag_scale=tuple(scale for scale, _ in lines),
        flag_bias=tuple(bias for _, bias in lines),
    )


def _temperature(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    # The likelihood is concave in 1/T: golden-section search over log T cannot miss.
    low, high = np.log(0.05), np.log(20.0)
    ratio = (np.sqrt(5) - 1) / 2
    for _ in range(60):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if _loss(logits, labels, left) < _loss(logits, labels, right):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def _loss(logits: NDArray[np.float64], labels: NDArray[np.int64], log_temperature: float) -> float:
    probabilities = softmax(logits / np.exp(log_temperature))
    return float(-np.log(probabilities[np.arange(len(labels)), labels] + 1e-12).mean())


def _platt(logits: NDArray[np.float64], targets: NDArray[np.int64]) -> tuple[float, float]:
    """Return scale and bias by Newton steps on Platt's smoothed targets; (1, 0) where a class is missing."""
    n_positive = int(targets.sum())
    n_negative = len(targets) - n_positive
    if n_positive == 0 or n_negative == 0:
        return 1.0, 0.0
    smoothed = np.where(targets == 1, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    design = np.stack([logits, np.ones_like(logits)], axis=1)
    line = np.array([1.0, 0.0])
    for _ in range(100):
        predicted = sigmoid(design @ line)
        gradient = design.T @ (predicted - smoothed)
        curvature = (design * (predicted * (1 - predicted))[:, None]).T @ design + 1e-6 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        # A full step overshoots where all is far from 0; half as far is downhill at some point.
        while _cross_entropy(design @ (line - step), smoothed) > _cross_entropy(design @ line, smoothed):
            step = step / 2
            if np.abs(step).max() < 1e-8:
                break
        line = line - step
        if np.abs(step).max() < 1e-8:
            break
    return float(max(line[0], 1e-3)), float(line[1])


def _cross_entropy(logits: NDArray[np.float64], targets: NDArray[np.float64]) -> float:
    return float(np.sum(np.logaddexp(0, logits) - targets * logits))


def error_counts(probabilities: Floats, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return soft error counts, shape (3, 3): row i sums the probabilities of comments truly i.

    Row sums are the numbers of held-out comments of each label; `prevalence` draws from them.
    """
    n_labels = probabilities.shape[1]
    return np.stack([np.asarray(probabilities, np.float64)[labels == i].sum(axis=0) for i in range(n_labels)])
