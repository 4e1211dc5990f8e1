"""A graph on ONNX Runtime: what it answers, what memory it takes, what it says of what is no graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from plaudit.errors import ArtifactError
from plaudit.onnx_network import OnnxNetwork
from tests.artifacts import tiny_graph


def test_one_row_is_summed_as_many_are() -> None:
    network = OnnxNetwork(tiny_graph(), threads=1)
    ids = np.array([[2, 4, 6, 3], [2, 7, 8, 3], [2, 11, 12, 3]])
    found = network.logits(ids, np.ones_like(ids))
    assert found.shape == (3, 6)
    assert (network.logits(ids[:1], np.ones_like(ids[:1])) == found[:1]).all()


def wide_graph() -> bytes:
    """Return a network of which 32 MiB pass between two operators where it is shown 1,024 tokens."""
    tensor, make = helper.make_tensor_value_info, helper.make_node
    inputs = [tensor(name, TensorProto.INT64, ["n", "length"]) for name in ("input_ids", "attention_mask")]
    outputs = [tensor(name, TensorProto.FLOAT, None) for name in ("label_logits", "flag_logits")]
    nodes = [
        make("Cast", ["input_ids"], ["floats"], to=TensorProto.FLOAT),
        make("Unsqueeze", ["floats", "last"], ["columns"]),
        make("MatMul", ["columns", "wide"], ["between"]),
        *(make("ReduceMax", ["between"], [each.name], axes=[2]) for each in outputs),
    ]
    constants = [
        numpy_helper.from_array(np.array([2]), "last"),
        numpy_helper.from_array(np.ones((1, 8192), np.float32), "wide"),
    ]
    graph = helper.make_graph(nodes, "wide", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux, to tell the memory")
def test_networks_take_their_memory_from_one_pool() -> None:
    networks = [OnnxNetwork(wide_graph(), threads=1) for _ in range(4)]
    shown = np.ones((16, 64), np.int64)
    before = anonymous_mib()
    for network in networks:
        network.logits(shown, shown)
    assert anonymous_mib() - before < 2 * 32


def anonymous_mib() -> float:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon")) / 1024


@pytest.mark.parametrize("content", [b"", b"noise", b"\x08\x09"])
def test_bytes_that_are_no_graph_are_told(content: bytes) -> None:
    with pytest.raises(ArtifactError, match=r"the model.*expected.*found"):
        OnnxNetwork(content)
