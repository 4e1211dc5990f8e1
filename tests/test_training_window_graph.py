from __future__ import annotations

import numpy as np
import pytest

from tests.tiny import needs_torch

needs_torch()

import onnxruntime as ort  # noqa: E402
import torch  # noqa: E402

from plaudit.training import window_graph  # noqa: E402
from plaudit.training.students import WindowNetwork  # noqa: E402

N_TOKENS, SIZE, WIDTH = 300, 8, 24


@pytest.fixture(scope="module")
def network() -> WindowNetwork:
    torch.manual_seed(4)
    made = WindowNetwork(torch.randn(N_TOKENS, SIZE) * torch.linspace(0.1, 3, SIZE), width=WIDTH).eval()
    for head in (made.label_head, made.flag_head):
        torch.nn.init.normal_(head.weight, std=1.0)  # logits as large as a trained network's
    return made


@pytest.fixture(scope="module")
def session(network: WindowNetwork) -> ort.InferenceSession:
    graph = window_graph.to_onnx(network).SerializeToString()
    return ort.InferenceSession(graph, providers=["CPUExecutionProvider"])


def padded(texts: list[np.ndarray], length: int) -> dict[str, np.ndarray]:
    ids, mask = (np.zeros((len(texts), length), np.int64) for _ in range(2))
    for row, text in enumerate(texts):
        ids[row, : len(text)], mask[row, : len(text)] = text, 1
    return {"input_ids": ids, "attention_mask": mask}


def drawn(n: int) -> list[np.ndarray]:
    draw = np.random.default_rng(6)
    return [draw.integers(0, N_TOKENS, draw.integers(1, 13)) for _ in range(n)]


def answers(session: ort.InferenceSession, texts: list[np.ndarray], length: int) -> np.ndarray:
    return np.hstack(session.run(["label_logits", "flag_logits"], padded(texts, length)))


def test_it_answers_as_the_network(network: WindowNetwork, session: ort.InferenceSession) -> None:
    texts = drawn(400)
    feed = padded(texts, 12)
    with torch.no_grad():
        expected = np.hstack(
            [each.numpy() for each in network(*(torch.from_numpy(feed[name]) for name in feed))]
        )
    found = answers(session, texts, 12)
    assert np.abs(found - expected).mean() < 0.02 * expected.std()
    assert (found[:, :3].argmax(1) == expected[:, :3].argmax(1)).mean() > 0.97


def test_an_answer_depends_neither_on_its_batch_nor_on_its_padding(session: ort.InferenceSession) -> None:
    texts = drawn(60)
    whole = answers(session, texts, 12)
    np.testing.assert_allclose(answers(session, texts, 31), whole, atol=1e-5)
    for row in range(0, 60, 7):
        np.testing.assert_allclose(
            answers(session, texts[row : row + 1], 12), whole[row : row + 1], atol=1e-5
        )


def test_the_first_token_is_a_token_where_the_mask_says_so(session: ort.InferenceSession) -> None:
    # Padding has the id 0 too, as a text may.
    longer, shorter = np.array([5, 7, 0]), np.array([5, 7])
    assert np.abs(answers(session, [longer], 3) - answers(session, [shorter], 3)).max() > 1e-3


def test_a_network_of_zeros_answers_its_biases(network: WindowNetwork) -> None:
    silent = WindowNetwork(torch.zeros(N_TOKENS, SIZE), width=WIDTH).eval()
    with torch.no_grad():
        for parameter in silent.parameters():
            parameter.zero_()
        silent.label_head.bias.copy_(torch.tensor([1.0, 2.0, 3.0]))
    session = ort.InferenceSession(
        window_graph.to_onnx(silent).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    np.testing.assert_array_equal(answers(session, drawn(2), 12)[:, :3], [[1, 2, 3], [1, 2, 3]])
