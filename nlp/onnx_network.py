"""A network as ONNX Runtime runs it: ids and mask in, logits out."""

from __future__ import annotations

import os
import threading
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from plaudit.artifact import MEND
from plaudit.errors import ArtifactError

_TOKEN_BUDGET: Final = 768  # what passes between two operators stays in the cache
_SLOWER: Final = ["BiasGeluFusion"]  # makes one operator of two that take three quarters of its time
_AS_REQUESTED: Final = {"arena_extend_strategy": 1}  # not in powers of two
_REGISTERING: Final = threading.Lock()  # a cache alone lets two threads in at once
_INPUTS: Final = {"input_ids", "attention_mask"}
_OUTPUTS: Final = ["label_logits", "flag_logits"]


class OnnxNetwork:
    """Runs a graph on the CPU; safe to call from several threads.

    Attributes:
        token_budget: Padded tokens a run, at most.
    """

    token_budget: Final = _TOKEN_BUDGET

    def __init__(self, model: Path | bytes, *, threads: int | None = None) -> None:
        """Load the graph.

        Args:
            model: With `input_ids` and `attention_mask` in, label and flag logits out.
            threads: Cores to use; None for all.

        Raises:
            ArtifactError: ONNX Runtime cannot load it, or it has other inputs or outputs.
        """
        self._session = _session(model, threads)

    def logits(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return logits, shape (n, 6), of padded ids and their mask, each of shape (n, tokens)."""
        # One row by itself goes through other kernels and is summed in another order; two are as many are.
        shown = (np.repeat(ids, 2, 0), np.repeat(mask, 2, 0)) if len(ids) == 1 else (ids, mask)
        found = self._session.run(_OUTPUTS, {"input_ids": shown[0], "attention_mask": shown[1]})
        return np.concatenate(found, axis=1)[: len(ids)]


@cache
def _register_pool() -> None:
    """Let all networks of this process take what passes between operators from one pool.

    Each would keep a pool of its own, as large as its largest batches that ever ran at the same time: that
    is a third more, and grows for as long as chance finds larger ones.
    """
    where = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    ort.create_and_register_allocator(where, ort.OrtArenaCfg(_AS_REQUESTED))


def _session(model: Path | bytes, threads: int | None) -> ort.InferenceSession:
    with _REGISTERING:
        _register_pool()
    options = ort.SessionOptions()
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.intra_op_num_threads = threads or _n_cores()
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what it would print, it also raises
    source = model if isinstance(model, bytes) else str(model)
    name = "the model" if isinstance(model, bytes) else str(model)
    try:
        session = ort.InferenceSession(
            source, options, providers=["CPUExecutionProvider"], disabled_optimizers=_SLOWER
        )
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
