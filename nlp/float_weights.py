"""The weights of an int8 graph of an encoder as floats, by their names in the module it was exported from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, numpy_helper

from plaudit.errors import ArtifactError

PREFIX: Final = "network."
"""Before the name of every weight: the exported module holds the network."""

Weights = dict[str, NDArray[np.float32]]


def _middle(whole: NDArray[np.integer]) -> NDArray[np.float32]:
    return whole.astype(np.float32)


def floats(path: Path, *, placed: Callable[[NDArray[np.integer]], NDArray[np.float32]] = _middle) -> Weights:
    """Return the weights of an int8 graph.

    Args:
        path: The graph, as `plaudit.training.quantize` writes it.
        placed: Where within its step a weight lies that is stored as a whole number of steps; in the
            middle, if left out.

    Raises:
        ArtifactError: A product in the graph belongs to no layer that has a name.
    """
    graph = onnx.load(str(path)).graph
    stored = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    users: dict[str, list[NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    weights: Weights = {}
    for name, values in _dequantized(stored, placed):
        if name.startswith(PREFIX):
            weights[name] = values
        elif values.ndim == 2:
            layer = _layer(users, f"{name}/q" if f"{name}/q" in stored else name)
            if layer is None:
                raise ArtifactError(
                    f"{path}: expected a bias after each product of matrices to tell "
                    f"the layer by, found none after {name}; this graph cannot be turned back into weights."
                )
            weights[f"{layer}.weight"] = np.ascontiguousarray(values.T)
    return weights


def _dequantized(
    stored: Mapping[str, NDArray[Any]], placed: Callable[[NDArray[np.integer]], NDArray[np.float32]]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for name, values in stored.items():
        if name.endswith("/q"):
            whole = name.removesuffix("/q")
            yield whole, placed(values) * stored[f"{whole}/scale"]
        elif not name.endswith("/scale") and values.dtype == np.float32:
            yield name, values


def _layer(users: Mapping[str, list[NodeProto]], name: str) -> str | None:
    """Return the module whose bias is added to the product with a weight."""
    waiting = [name]
    for _ in range(12):  # the quantised product is six nodes long
        following: list[str] = []
        for node in (user for each in waiting for user in users.get(each, ())):
            bias = next((i for i in node.input if i.startswith(PREFIX) and i.endswith(".bias")), None)
            if node.op_type == "Add" and bias is not None:
                return bias.removesuffix(".bias")
            following += node.output
        waiting = following
    return None
