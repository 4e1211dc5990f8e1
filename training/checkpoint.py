"""Checkpoints: one file an epoch, so that a killed run goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from plaudit.errors import TrainingDataError
from plaudit.training.config import TrainConfig
from plaudit.training.dataset import LabelledComment

NAME = "checkpoint.pt"


def run_digest(
    comments: Sequence[LabelledComment],
    tokenizer: Tokenizer,
    *,
    config: TrainConfig,
    max_tokens: int,
    weights: Mapping[str, Tensor],
) -> str:
    """Return what two runs share that may go on from each other's checkpoints.

    Args:
        comments: Training part.
        tokenizer: Of the network's vocabulary.
        config: Knobs.
        max_tokens: Longer texts are cut.
        weights: Of the encoder as the run begins: another one may have the same vocabulary.
    """
    digest = sha256(json.dumps([asdict(config), max_tokens]).encode())
    digest.update(tokenizer.to_str().encode())
    for name, values in weights.items():
        digest.update(f"{name} {tuple(values.shape)}".encode())
        digest.update(values.detach().cpu().float().contiguous().numpy().tobytes())
    for comment in comments:
        row = (
            comment.text,
            comment.label,
            sorted(comment.flags or ()),
            comment.flags is None,
            comment.unsure,
            comment.taught,
            comment.annotated,
        )
        digest.update(repr(row).encode("utf-8", "replace"))
    return digest.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Where a run's state is kept between epochs.

    Attributes:
        path: The file; None keeps nothing.
        run: As `run_digest` returns it; a file of another run is refused.
    """

    path: Path | None
    run: str

    def save(self, parts: dict[str, Any], *, epoch: int) -> None:
        """Keep the state of some stateful parts after `epoch` epochs; atomic.

        Raises:
            TrainingDataError: The disk is full or the folder cannot be written.
        """
        if self.path is None:
            return
        state = {name: part.state_dict() for name, part in parts.items()}
        partial = self.path.with_suffix(".partial")
        try:
            torch.save(state | {"epoch": epoch, "run": self.run}, partial)
            partial.replace(self.path)
        except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
            partial.unlink(missing_ok=True)
            raise TrainingDataError(
                f"{self.path} cannot be written ({_first_line(error)}); free some space, or name another "
                "--work folder."
            ) from error

    def resume(self, parts: dict[str, Any]) -> int:
        """Bring the parts to where the file left them; return the epochs done, 0 without a file.

        Raises:
            TrainingDataError: The file is damaged, or of a run with other data or knobs.
        """
        if self.path is None or not self.path.exists():
            return 0
        remedy = "remove it to start anew, or name another --work folder"
        try:
            state = torch.load(self.path, weights_only=True, map_location="cpu")
            run, epoch = state["run"], int(state["epoch"])
            if run == self.run:
                for name, part in parts.items():
                    part.load_state_dict(state[name])
        except Exception as error:  # unpickling, unzipping and torch raise what they like
            raise TrainingDataError(f"{self.path} is damaged ({_first_line(error)}); {remedy}.") from error
        if run != self.run:
            raise TrainingDataError(
                f"{self.path} is of a run with other data, knobs or vocabulary, or on another encoder; "
                f"{remedy}."
            )
        return epoch


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).split("\n")[0][:200]
