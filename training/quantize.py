"""Int8 weights with one activation scale a row, so that no answer depends on its batch.

ONNX Runtime's own dynamic quantisation takes one scale over the whole batch; its 8-bit `MatMulNBits`
quantises by block and reaches a third of the cores' int8 peak. Here every matrix product with a constant
weight becomes: scale of each row (token) by its largest magnitude, uint8 activations around 128, int8
weights with one scale a column, exact int32 sums, back to float32. The embedding table is int8 with one
scale a row. The nodes are those that cost least (`tests/benchmarks/SPEED.md`): a row is quantised in one
pass by a scale an axis, and the product's kernel turns its sums to floats while they are in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

FUSED: Final = "com.microsoft"
"""Domain of ONNX Runtime's own operators."""
_REACH: Final = 127
REDUCED_REACH: Final = 63
"""Weights within 7 bits: CPUs without VNNI add pairs of products in int16, which 8 bits overflow."""


def quantize(model: onnx.ModelProto, *, reduced_range: bool = True) -> onnx.ModelProto:
    """Return the graph with int8 matrix products and an int8 embedding table.

    Args:
        model: A float32 graph; not changed.
        reduced_range: Keep weights within 7 bits, so that CPUs without VNNI answer alike.
    """
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    graph = copy.graph
    weights = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    plan = _Plan(weights, reach=REDUCED_REACH if reduced_range else _REACH)
    nodes = [new for node in graph.node for new in plan.rewritten(node)]
    kept = [i for i in graph.initializer if i.name not in plan.replaced]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend([*kept, *plan.tensors])
    copy.opset_import.append(helper.make_opsetid(FUSED, 1))
    onnx.checker.check_model(copy)
    return copy


def spread(whole: NDArray[np.integer], draw: np.random.Generator) -> NDArray[np.float32]:
    """Return whole numbers of steps as floats somewhere within their step.

    In the middle of its step a weight would be rounded back to where it was, however well it was trained
    on: an epoch moves it by a hundredth of a step. Spread over the step, one in a hundred is rounded onwards.
    """
    return whole.astype(np.float32) + draw.uniform(-0.5, 0.5, whole.shape).astype(np.float32)


class _Plan:
    def __init__(self, weights: dict[str, NDArray[np.float32]], *, reach: int) -> None:
        self.weights = weights
        self.reach = reach
        self.replaced: set[str] = set()
        self.tensors: list[TensorProto] = []
        self._rows: dict[str, str] = {}
        for name, value in _CONSTANTS.items():
            self.tensors.append(numpy_helper.from_array(value, name))

    def rewritten(self, node: NodeProto) -> Iterator[NodeProto]:
        weight = self.weights.get(node.input[1]) if node.op_type == "MatMul" else None
        table = self.weights.get(node.input[0]) if node.op_type == "Gather" else None
        if weight is not None and weight.ndim == 2:
            yield from self._product(node, weight)
        elif table is not None and table.ndim == 2 and table.shape[0] > 1000:
            yield from self._lookup(node, table)
        else:
            yield node

    def _product(self, node: NodeProto, weight: NDArray[np.float32]) -> Iterator[NodeProto]:
        source, name, out = node.input[0], node.input[1], node.output[0]
        n_inputs, n_outputs = weight.shape
        self._store(name, weight, axis=0)
        rows = self._rows.get(source)
        if rows is None:  # which many products may share
            rows = self._rows[source] = f"rows{len(self._rows)}"
            self._constant(f"q/in{n_inputs}", [-1, n_inputs])
            yield from _row_quantized(source, rows, shape=f"q/in{n_inputs}")
        product = f"product{len(self.replaced)}"
        self._constant(f"q/out{n_outputs}", [n_outputs])
        factors = [f"{rows}/q", f"{name}/q", "q/one", f"{name}/scale", "q/zero", "q/weight_zero"]
        yield helper.make_node("MatMulIntegerToFloat", factors, [f"{product}/flat"], domain=FUSED)
        yield helper.make_node("Concat", [f"{rows}/lead", f"q/out{n_outputs}"], [f"{product}/shape"], axis=0)
        yield helper.make_node("Reshape", [f"{product}/flat", f"{product}/shape"], [product])
        yield helper.make_node("Mul", [product, f"{rows}/scale"], [out])

    def _lookup(self, node: NodeProto, table: NDArray[np.float32]) -> Iterator[NodeProto]:
        name, out = node.input[0], node.output[0]
        self._store(name, table, axis=1)
        yield helper.make_node("Gather", [f"{name}/q", node.input[1]], [f"{out}/int"])
        yield helper.make_node("Cast", [f"{out}/int"], [f"{out}/float"], to=TensorProto.FLOAT)
        yield helper.make_node("Gather", [f"{name}/scale", node.input[1]], [f"{out}/scale"])
        yield helper.make_node("Mul", [f"{out}/float", f"{out}/scale"], [out])

    def _constant(self, name: str, values: list[int]) -> None:
        if all(tensor.name != name for tensor in self.tensors):
            self.tensors.append(numpy_helper.from_array(np.array(values, np.int64), name))

    def _store(self, name: str, values: NDArray[np.float32], *, axis: int) -> None:
        # A table is only looked up, never multiplied, so it may use all eight bits.
        reach = _REACH if axis == 1 else self.reach
        scale = np.maximum(np.abs(values).max(axis=axis, keepdims=axis == 1), 1e-8).astype(np.float32) / reach
        whole = np.clip(np.rint(values / scale), -reach, reach).astype(np.int8)
        self.tensors.append(numpy_helper.from_array(whole, f"{name}/q"))
        self.tensors.append(numpy_helper.from_array(scale, f"{name}/scale"))
        self.replaced.add(name)


_CONSTANTS: Final = {
    "q/least": np.array(1e-8, np.float32),
    "q/step": np.array(1 / 127, np.float32),
    "q/one": np.array(1, np.float32),
    "q/zero": np.array(128, np.uint8),
    "q/weight_zero": np.array(0, np.int8),
    "q/all": np.array([-1], np.int64),
}


def _row_quantized(source: str, rows: str, *, shape: str) -> Iterator[NodeProto]:
    """Yield what makes `rows/q`, shape (rows, n), and `rows/scale`, shape (..., 1)."""
    # The largest and the smallest of a row cost less than a copy of their magnitudes.
    yield helper.make_node("ReduceMax", [source], [f"{rows}/high"], axes=[-1], keepdims=1)
    yield helper.make_node("ReduceMin", [source], [f"{rows}/low"], axes=[-1], keepdims=1)
    yield helper.make_node("Neg", [f"{rows}/low"], [f"{rows}/depth"])
    yield helper.make_node("Max", [f"{rows}/high", f"{rows}/depth", "q/least"], [f"{rows}/reach"])
    yield helper.make_node("Mul", [f"{rows}/reach", "q/step"], [f"{rows}/scale"])
    yield helper.make_node("Reshape", [f"{rows}/scale", "q/all"], [f"{rows}/scales"])
    yield helper.make_node("Shape", [f"{rows}/scales"], [f"{rows}/n"])
    yield helper.make_node("Expand", ["q/zero", f"{rows}/n"], [f"{rows}/zeros"])
    yield helper.make_node("Reshape", [source, shape], [f"{rows}/flat"])
    steps = [f"{rows}/flat", f"{rows}/scales", f"{rows}/zeros"]
    yield helper.make_node("QuantizeLinear", steps, [f"{rows}/q"], axis=0)
    yield helper.make_node("Shape", [source], [f"{rows}/lead"], end=-1)
