"""The network of windows as int8 ONNX, written node by node.

Exported and quantised as the encoder is, most of its time went into copies: three shifted copies of every
float, and a scale a row over them. Here windows are made of bytes. The table has one scale a column, which
the first layer's weights take in, so a window is three rows of it as they lie; activations after the
first layer are never negative and have one scale a text, which its neighbours share. A text's answer
depends on nothing but the text.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor

from plaudit.training.export import OPSET
from plaudit.training.quantize import FUSED, REDUCED_REACH, spread
from plaudit.training.students import WINDOW, WindowNetwork

NAME: Final = "window"
"""Of the graph."""
_TABLE_REACH: Final = 127  # only looked up, so all eight bits may be used
_ZERO: Final = 128  # of the table's bytes
_IR_VERSION: Final = 8
_SEED: Final = 13


def to_onnx(network: WindowNetwork) -> onnx.ModelProto:
    """Return the network as an int8 graph of ids and mask, with dynamic batch and length.

    Weights stay within 7 bits, so that CPUs without VNNI answer alike.
    """
    graph = _Graph()
    n_tokens, size = network.table.weight.shape
    width = network.first.out_features
    table, steps = _bytes(_array(network.table.weight))
    graph.constant("table", table)
    graph.constant("nothing", np.array(n_tokens, np.int64))  # the row of what is no token
    _first(graph, network, steps, size=size)
    _second(graph, network, width=width)
    _heads(graph, network)
    ids = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    logits = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", n])
        for name, n in (("label_logits", network.label_head.out_features),
                        ("flag_logits", network.flag_head.out_features))
    ]  # fmt: skip
    made = helper.make_graph(graph.nodes, NAME, ids, logits, graph.tensors)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(FUSED, 1)]
    model = helper.make_model(made, opset_imports=opsets, ir_version=_IR_VERSION)
    onnx.checker.check_model(model)
    return model


def weights_of(model: onnx.ModelProto) -> dict[str, NDArray[np.float32]]:
    """Return the weights of a `WindowNetwork` that such a graph holds, by their names there.

    The network answers as the graph does, but for activations in bytes. The steps of the table's columns are
    in the first layer's weights, so the table comes back with one scale for all, by which its entries deviate
    by 1 as those of a new network do.

    Args:
        model: As `to_onnx` writes it.

    Raises:
        KeyError: The graph is another one.
    """
    stored = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    draw = np.random.default_rng(_SEED)
    table = spread(stored["table"][:-1].astype(np.int16) - _ZERO, draw)  # its last row is of what is no token
    deviation = table.std()
    weights = {"table.weight": table / deviation}
    for name, unit in (("first", deviation), ("second", np.float32(1))):
        product = spread(stored[f"{name}/weight"], draw) * stored[f"{name}/weight/scale"]
        weights[f"{name}.weight"] = np.ascontiguousarray(product.T) * unit
        weights[f"{name}.bias"] = stored[f"{name}.bias"]
    whole = ("mixed", "label_head", "flag_head")
    return weights | {n: stored[n] for part in whole for n in (f"{part}.weight", f"{part}.bias")}


class _Graph:
    """Nodes and constants so far."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.tensors: list[TensorProto] = []

    def constant(self, name: str, value: NDArray[np.generic]) -> None:
        self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(value), name))

    def whole(self, name: str, *values: int) -> str:
        """Add a vector of whole numbers."""
        self.constant(name, np.array(values, np.int64))
        return name

    def add(self, kind: str, inputs: str, output: str, **attributes: object) -> None:
        """Add a node; names are parted by blanks, a dot stands for an input left out."""
        names = ["" if name == "." else name for name in inputs.split()]
        self.nodes.append(helper.make_node(kind, names, [output], **attributes))

    def product(self, inputs: str, output: str, weight: NDArray[np.float32], *, bias: str = "") -> None:
        """Add a product of bytes around a zero with int8 weights of one scale a column."""
        name = f"{output}/weight"
        scale = np.maximum(np.abs(weight).max(0), 1e-8).astype(np.float32) / REDUCED_REACH
        whole = np.clip(np.rint(weight / scale), -REDUCED_REACH, REDUCED_REACH).astype(np.int8)
        self.constant(name, whole)
        self.constant(f"{name}/scale", scale)
        rows, zero = inputs.split()
        names = f"{rows} {name} one {name}/scale {zero} . {bias}"
        self.add("MatMulIntegerToFloat", names, output, domain=FUSED)


def _bytes(table: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return a table around `_ZERO` with a row of nothing at its end, and the step of each column."""
    steps = np.maximum(np.abs(table).max(0), 1e-8).astype(np.float32) / _TABLE_REACH
    whole = np.clip(np.rint(table / steps), -_TABLE_REACH, _TABLE_REACH) + _ZERO
    return np.concatenate([whole, np.full((1, table.shape[1]), _ZERO)]).astype(np.uint8), steps


def _first(graph: _Graph, network: WindowNetwork, steps: NDArray[np.float32], *, size: int) -> None:
    """Look up each token between its neighbours, and the first layer: `hidden`, shape (tokens, width)."""
    graph.constant("one", np.array(1, np.float32))
    graph.constant("zero", np.array(_ZERO, np.uint8))
    graph.whole("0", 0), graph.whole("1", 1), graph.whole("2", 2)
    graph.whole("-1", -1), graph.whole("-2", -2), graph.whole("end", 2**31)
    graph.add("Cast", "attention_mask", "is_token", to=TensorProto.BOOL)
    graph.add("Where", "is_token input_ids nothing", "ids")
    graph.add("Pad", f"ids {graph.whole('beside', 0, 1, 0, 1)} nothing", "beside_ids")
    graph.add("Slice", "beside_ids 0 -2 1", "before")
    graph.add("Slice", "beside_ids 2 end 1", "after")
    for name in ("before", "ids", "after"):
        graph.add("Unsqueeze", f"{name} 2", f"{name}/column")
    graph.add("Concat", "before/column ids/column after/column", "window_ids", axis=2)
    graph.add("Gather", "table window_ids", "window_rows")
    graph.add("Reshape", f"window_rows {graph.whole('window_shape', -1, WINDOW * size)}", "windows")
    graph.constant("first.bias", _array(network.first.bias))
    weight = _array(network.first.weight).T * np.tile(steps, WINDOW)[:, None]
    graph.product("windows zero", "first", weight, bias="first.bias")
    graph.add("Relu", "first", "first/positive")
    graph.add("Cast", "attention_mask", "mask", to=TensorProto.FLOAT)
    graph.add("Reshape", f"mask {graph.whole('rows', -1, 1)}", "mask/rows")
    graph.add("Mul", "first/positive mask/rows", "hidden")


def _second(graph: _Graph, network: WindowNetwork, *, width: int) -> None:
    """Quantise by the text, the second layer, and pool: `pooled`, shape (batch, 2 x width)."""
    graph.constant("least", np.array(1e-8, np.float32))
    graph.constant("step", np.array(1 / 255, np.float32))
    graph.constant("none", np.array(0, np.uint8))
    graph.add("Shape", "input_ids", "shape")
    graph.add("Shape", "input_ids", "n_texts", end=1)
    graph.add("Concat", f"shape {graph.whole('width', width)}", "token_shape", axis=0)
    graph.add("Concat", "n_texts -1", "text_shape", axis=0)
    graph.add("Reshape", "hidden text_shape", "hidden/texts")
    graph.add("ReduceMax", "hidden/texts", "peak", axes=[1], keepdims=0)
    graph.add("Max", "peak least", "reach")
    graph.add("Mul", "reach step", "scale")
    graph.add("Expand", "none n_texts", "zeros")
    graph.add("QuantizeLinear", "hidden/texts scale zeros", "bytes", axis=0)
    graph.add("Reshape", "bytes token_shape", "bytes/tokens")
    graph.add("Pad", f"bytes/tokens {graph.whole('around', 0, 1, 0, 0, 1, 0)} none", "bytes/beside")
    graph.add("Slice", "bytes/beside 0 -2 1", "bytes/before")
    graph.add("Slice", "bytes/beside 2 end 1", "bytes/after")
    graph.add("Concat", "bytes/before bytes/tokens bytes/after", "bytes/windows", axis=2)
    graph.add("Reshape", f"bytes/windows {graph.whole('second_shape', -1, WINDOW * width)}", "bytes/rows")
    graph.product("bytes/rows none", "second", _array(network.second.weight).T)
    graph.add("Reshape", "second token_shape", "second/tokens")
    graph.add("Unsqueeze", f"scale {graph.whole('last', 1, 2)}", "scale/texts")
    graph.constant("second.bias", _array(network.second.bias))
    graph.add("Mul", "second/tokens scale/texts", "second/scaled")
    graph.add("Add", "second/scaled second.bias", "second/biased")
    graph.add("Relu", "second/biased", "second/positive")
    graph.add("Reshape", "hidden token_shape", "hidden/tokens")
    graph.add("Add", "hidden/tokens second/positive", "both")
    graph.add("Unsqueeze", "mask 2", "mask/tokens")
    graph.add("Mul", "both mask/tokens", "activations")
    # Activations are not negative, so the zeros of padding never are the largest.
    graph.add("ReduceMax", "activations", "largest", axes=[1], keepdims=0)
    graph.add("ReduceSum", "activations 1", "sum", keepdims=0)
    graph.add("ReduceSum", "mask 1", "n_tokens", keepdims=1)
    graph.add("Div", "sum n_tokens", "mean")
    graph.add("Concat", "largest mean", "pooled", axis=1)


def _heads(graph: _Graph, network: WindowNetwork) -> None:
    graph.constant("mixed.weight", _array(network.mixed.weight))
    graph.constant("mixed.bias", _array(network.mixed.bias))
    graph.add("Gemm", "pooled mixed.weight mixed.bias", "mixed", transB=1)
    graph.add("Relu", "mixed", "mixed/positive")
    graph.add("Unsqueeze", "mixed/positive 1", "mixed/row")
    for name, head in (("label", network.label_head), ("flag", network.flag_head)):
        graph.constant(f"{name}_head.weight", _array(head.weight))
        graph.constant(f"{name}_head.bias", _array(head.bias))
        # A sum a text: a linear layer's kernel rounds otherwise for one text than for several.
        graph.add("Mul", f"mixed/row {name}_head.weight", f"{name}/products")
        graph.add("ReduceSum", f"{name}/products -1", f"{name}/sums", keepdims=0)
        graph.add("Add", f"{name}/sums {name}_head.bias", f"{name}_logits")


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return tensor.detach().float().cpu().numpy()
