"""What would end a run after hours, looked at before it begins."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import torch

from plaudit.errors import TrainingDataError
from plaudit.training import checkpoint, network
from plaudit.training.build import corpus_texts
from plaudit.training.config import Config

_ARTEFACT_BYTES: Final = 100_000_000  # twice the models' budget of 40 MB, and some
_MIN_TEXTS: Final = 1000  # fewer distinct ones say nothing of how often a small network is right
_STATES: Final = 3  # weights and Adam's two moments, as float32
_AT_ONCE: Final = 2  # the checkpoint before stays until the new one is whole


def check_space(models: Path, *, work: Path | None, encoder: str) -> None:
    """Refuse disks too full for what a run writes.

    Raises:
        TrainingDataError: Which folder, how much is needed, how much there is.
    """
    needed = {models: _ARTEFACT_BYTES}
    if work is not None:
        needed[work] = _AT_ONCE * _STATES * _weight_bytes(encoder)
    for folder, n_bytes in needed.items():
        free = shutil.disk_usage(_existing(folder)).free
        if free < n_bytes:
            raise TrainingDataError(
                f"The disk of {folder} has {free / 1e6:,.0f} MB free and the run needs "
                f"{n_bytes / 1e6:,.0f} MB; free some space, or name another folder."
            )


def check_texts(config: Config) -> None:
    """Refuse dumps that are not there, or hold too little, which would be read when training is over.

    Raises:
        TrainingDataError: A file is not there, or the cascade's hold too few texts.
        InputError: One cannot be read.
    """
    named = {"vocabulary.corpus": config.vocabulary.corpus, "cascade.texts": config.cascade.texts}
    for knob, paths in named.items():
        missing = [path for path in paths if not Path(path).exists()]
        if missing:
            raise TrainingDataError(f"{knob} names {missing[0]}, which is not there; check the path.")
    if config.cascade.texts:
        n = sum(1 for _ in corpus_texts(config.cascade.texts, limit=_MIN_TEXTS))
        if n < _MIN_TEXTS:
            raise TrainingDataError(
                f"The files of cascade.texts hold {n:,} distinct texts; expected at least {_MIN_TEXTS:,}: "
                "name more, or leave it empty for a model without a cascade."
            )


def _existing(folder: Path) -> Path:
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def _weight_bytes(encoder: str) -> int:
    folder = Path(network.encoder_folder(encoder))
    sizes = [path.stat().st_size for kind in ("*.safetensors", "*.bin") for path in folder.glob(kind)]
    return max(sizes, default=0)


def check_checkpoint(work: Path | None) -> None:
    """Refuse a checkpoint that cannot be read.

    Raises:
        TrainingDataError: It is damaged.
    """
    path = None if work is None else work / checkpoint.NAME
    if path is None or not path.exists():
        return
    try:
        state = torch.load(path, weights_only=True, map_location="meta", mmap=True)
        state["run"], state["epoch"]
    except Exception as error:  # unpickling, unzipping and torch raise what they like
        reason = (str(error).strip() or type(error).__name__).split("\n")[0][:200]
        raise TrainingDataError(
            f"{path} is damaged ({reason}); remove it to start anew, or name another --work folder."
        ) from error
