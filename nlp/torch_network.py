"""The exact network of an artefact as torch runs it on a GPU: its weights as floats, in bfloat16.

The one module of the library that needs torch (extra `[gpu]`); `classifier.py` imports it where a device
is asked for, and nothing else does.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoConfig, AutoModel

from plaudit import artifact as artifacts
from plaudit.artifact import Artifact
from plaudit.comment_network import CommentNetwork
from plaudit.errors import ArtifactError, UsageError
from plaudit.float_weights import PREFIX, Weights, floats

_TOKEN_BUDGET: Final = (
    8192  # some 0.2 Top a run of eight layers: a millisecond of a large GPU, little of a queue
)


class TorchNetwork:
    """Runs the exact network on a device; safe to call from several threads.

    A run always has as many rows as the budget holds of its length, empty ones if need be: kernels are
    chosen by shape, and another kernel rounds otherwise.

    Attributes:
        token_budget: Padded tokens a run, at most.
    """

    token_budget: Final = _TOKEN_BUDGET

    def __init__(self, artifact: Artifact, *, device: str, dtype: torch.dtype = torch.bfloat16) -> None:
        """Turn the weights back into floats and put them on the device.

        Args:
            artifact: A checked model folder.
            device: As torch names it, such as "cuda" or "cuda:1".
            dtype: Of weights and of what passes between layers.

        Raises:
            UsageError: torch knows no such device, or finds none.
            ArtifactError: Nothing says how the encoder is built, or the graph cannot be turned back.
        """
        self._device = _found(device)
        self._dtype = dtype
        network = _network(artifact)
        self._network = network.to(device=self._device, dtype=dtype).eval()

    def logits(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return logits, shape (n, 6), of padded ids and their mask, each of shape (n, tokens)."""
        n, length = ids.shape
        n_rows = max(self.token_budget // length, n)
        shown = [np.zeros((n_rows, length), np.int64) for _ in range(2)]
        shown[0][:n], shown[1][:n] = ids, mask
        shown[1][n:, 0] = 1  # a row without a single token has no mean
        with torch.inference_mode():
            tensors = [torch.from_numpy(each).to(self._device) for each in shown]
            found = torch.cat(self._network(*tensors), dim=1)[:n]
            return np.asarray(found.float().cpu().numpy(), np.float32)


def _found(device: str) -> torch.device:
    try:
        found = torch.device(device)
    except RuntimeError:
        raise UsageError(f"There is no device {device!r}; expected cpu, cuda or cuda:1.") from None
    n = torch.cuda.device_count() if found.type == "cuda" else 1
    if n == 0:
        raise UsageError(
            f"Device {device!r} was asked for and torch {torch.__version__} finds no GPU; leave out "
            "--device, or install a driver and a torch that fit it."
        )
    if (found.index or 0) >= n:
        raise UsageError(f"Device {device!r} was asked for and torch finds {n}, counted from cuda:0.")
    return found


def _network(artifact: Artifact) -> CommentNetwork:
    path = artifact.path(artifacts.MODEL)
    architecture = dict(artifact.manifest.training.get("architecture") or {})
    kind = architecture.pop("model_type", None)
    if kind is None:
        raise ArtifactError(
            f"{artifact.folder}: expected the architecture of its encoder in the manifest, found none, as "
            "older versions wrote it; build it anew, or leave out --device."
        )
    weights = floats(path)
    n_tokens = [len(w) for name, w in weights.items() if name.endswith("word_embeddings.weight")]
    encoder = _encoder(kind, architecture | ({"vocab_size": max(n_tokens)} if n_tokens else {}))
    network = CommentNetwork(encoder, dropout=0.0)
    _fill(network, weights, where=str(path))
    return network


def _encoder(kind: str, architecture: dict[str, Any]) -> Any:
    config = AutoConfig.for_model(kind, **architecture)
    try:
        return AutoModel.from_config(config, attn_implementation="sdpa", add_pooling_layer=False)
    except TypeError:  # an encoder that never had a pooling layer, such as DistilBERT
        return AutoModel.from_config(config, attn_implementation="sdpa")


def _fill(network: CommentNetwork, weights: Weights, *, where: str) -> None:
    tensors = {name.removeprefix(PREFIX): torch.from_numpy(w.copy()) for name, w in weights.items()}
    try:
        missing, unknown = network.load_state_dict(tensors, strict=False)
    except RuntimeError as error:  # of another shape
        reason = " ".join(str(error).split())[:200]
        raise ArtifactError(
            f"{where}: expected the weights its manifest describes, found {reason}."
        ) from None
    lacking = [name for name in missing if "pooler" not in name] + unknown
    if lacking:
        raise ArtifactError(
            f"{where}: expected the weights its manifest describes, found {len(lacking)} amiss, "
            f"{lacking[0]} among them; leave out --device."
        )
