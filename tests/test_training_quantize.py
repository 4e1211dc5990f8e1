from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from tests.tiny import encoder, example_texts, needs_torch

needs_torch()

import onnxruntime as ort  # noqa: E402
import torch  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from plaudit.comment_network import CommentNetwork  # noqa: E402
from plaudit.inference import LogitModel, padded_lengths  # noqa: E402
from plaudit.training import export, fitting, network, quantize  # noqa: E402

__all__ = ["encoder"]
TEXTS = [text for text in example_texts() if text.isprintable()][:120]
MAX_TOKENS = 48


@pytest.fixture(scope="module")
def graphs(encoder: Path) -> tuple[CommentNetwork, bytes, bytes]:
    torch.manual_seed(3)
    net = network.build(str(encoder), dropout=0.1)
    for head in (net.label_head, net.flag_head):
        torch.nn.init.normal_(head.weight, std=1.0)  # logits as large as a trained network's
    exported = export.to_onnx(net)
    return net, exported.SerializeToString(), quantize.quantize(exported).SerializeToString()


def answers(model: bytes, encoder: Path, texts: list[str]) -> np.ndarray:
    """From a model of its own, so that no cache answers."""
    loaded = LogitModel(model, network.load_tokenizer(str(encoder)), max_tokens=MAX_TOKENS, threads=1)
    return loaded.logits(texts)[0]


def test_the_export_answers_as_the_network(encoder: Path, graphs: tuple) -> None:
    net, exported, _ = graphs
    expected = fitting.logits(net, network.load_tokenizer(str(encoder)), TEXTS, max_tokens=MAX_TOKENS)
    np.testing.assert_allclose(answers(exported, encoder, TEXTS), np.hstack(expected), atol=1e-4)


def test_int8_answers_close_to_float(encoder: Path, graphs: tuple) -> None:
    _, exported, quantized = graphs
    exact, found = answers(exported, encoder, TEXTS), answers(quantized, encoder, TEXTS)
    assert np.abs(exact - found).mean() < 0.02 * exact.std()
    assert (exact[:, :3].argmax(1) == found[:, :3].argmax(1)).mean() > 0.97


def test_an_answer_does_not_depend_on_its_batch(encoder: Path, graphs: tuple) -> None:
    whole = answers(graphs[2], encoder, TEXTS)
    draw = random.Random(5)
    for size in (1, 2, 3, 7, 30):
        rows = draw.sample(range(len(TEXTS)), size)
        found = answers(graphs[2], encoder, [TEXTS[i] for i in rows])
        assert found.tobytes() == whole[rows].tobytes()


def test_an_answer_hardly_depends_on_its_padding(encoder: Path, graphs: tuple) -> None:
    session = ort.InferenceSession(graphs[2], providers=["CPUExecutionProvider"])
    ids = network.load_tokenizer(str(encoder)).encode(TEXTS[0]).ids
    found = []
    for length in (len(ids), int(padded_lengths(np.array([len(ids)]))[0]), MAX_TOKENS):
        batch, mask = np.zeros((1, length), np.int64), np.zeros((1, length), np.int64)
        batch[0, : len(ids)], mask[0, : len(ids)] = ids, 1
        found.append(np.hstack(session.run(None, {"input_ids": batch, "attention_mask": mask})))
    np.testing.assert_allclose(found[1], found[0], atol=1e-5)
    np.testing.assert_allclose(found[2], found[0], atol=1e-5)


def test_weights_are_int8_and_few_bytes_are_left(graphs: tuple) -> None:
    _, exported, quantized = graphs
    assert len(quantized) < 0.5 * len(exported)
    session = ort.InferenceSession(quantized, providers=["CPUExecutionProvider"])
    assert [i.name for i in session.get_inputs()] == ["input_ids", "attention_mask"]
    assert [o.name for o in session.get_outputs()] == ["label_logits", "flag_logits"]


@pytest.mark.parametrize("reduced", [True, False])
def test_one_product_by_hand(reduced: bool) -> None:
    random_ = np.random.default_rng(0)
    weight = random_.normal(size=(16, 4)).astype(np.float32)
    weight[:, 1] = 0  # a column without weights keeps a scale above 0
    rows = random_.normal(size=(5, 16)).astype(np.float32) * np.array(
        [[1], [100], [1e-3], [0], [7]], np.float32
    )
    found = _run(quantize.quantize(_product(weight), reduced_range=reduced), rows)
    exact = rows @ weight
    reach = 63 if reduced else 127
    largest = np.abs(rows).max(1, keepdims=True) * np.abs(weight).max(0) * 16 * (0.5 / 127 + 0.5 / reach)
    assert (np.abs(found - exact) <= largest + 1e-6).all()
    assert not found[3].any()
    alone = _run(quantize.quantize(_product(weight), reduced_range=reduced), rows[:1])
    assert alone.tobytes() == found[:1].tobytes()


def _product(weight: np.ndarray) -> object:
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", weight.shape[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", weight.shape[1]])],
        [numpy_helper.from_array(weight, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", export.OPSET)], ir_version=8)


def _run(model: object, rows: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": rows})[0]
