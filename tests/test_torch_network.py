"""The exact network in torch answers as ONNX Runtime does; the same code runs it on a GPU."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from plaudit import artifact
from plaudit.classifier import ArtifactClassifier
from plaudit.errors import ArtifactError, UsageError
from plaudit.inference import LogitModel, load_tokenizer
from plaudit.pipeline import Pipeline
from plaudit.scores import LABELS

torch = pytest.importorskip("torch", reason="torch is not installed: pip install '.[train]'")
pytest.importorskip("transformers", reason="transformers is not installed: pip install '.[train]'")
torch_network = importlib.import_module("plaudit.torch_network")

TEXTS = (
    "Great post!",
    "which glaze is on the blue one, and does it run?",
    "I fired mine at cone 6 and the handle cracked; turned out I had pulled it too thin at the top.",
    "❤❤❤",
    "follow me for free followers, link in bio",
    "amazing work, keep it up",
    "¿qué arcilla usas para los platos grandes?",
    "no, you are wrong about the oil: it says so in the manual on page four",
    *(f"the {n}th one broke when I dropped it on {n} stones" for n in range(20)),
)


@pytest.fixture(scope="module")
def shipped() -> artifact.Artifact:
    return artifact.load(artifact.current())


def model_of(found: artifact.Artifact, dtype: object) -> LogitModel:
    network = torch_network.TorchNetwork(found, device="cpu", dtype=dtype)
    tokenizer = load_tokenizer(found.path(artifact.TOKENIZER))
    return LogitModel(network, tokenizer, max_tokens=found.manifest.max_tokens)


@pytest.fixture
def small_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_network.TorchNetwork, "token_budget", 128)  # a CPU fills the empty rows too


@pytest.mark.usefixtures("small_runs")
@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
def test_it_answers_as_the_int8_graph_does(shipped: artifact.Artifact, kind: str) -> None:
    tokenizer = load_tokenizer(shipped.path(artifact.TOKENIZER))
    graph = LogitModel(
        shipped.path(artifact.MODEL), tokenizer, max_tokens=shipped.manifest.max_tokens, threads=1
    )
    expected, cut = graph.logits(TEXTS)
    found, found_cut = model_of(shipped, getattr(torch, kind)).logits(TEXTS)
    assert np.abs(found - expected).mean() < 0.08
    assert np.abs(found - expected).max() < 0.5
    assert (found[:, :3].argmax(1) == expected[:, :3].argmax(1)).all()
    assert (cut == found_cut).all()


@pytest.mark.usefixtures("small_runs")
def test_company_changes_no_bit(shipped: artifact.Artifact) -> None:
    model = model_of(shipped, torch.bfloat16)
    together = model.logits_of(-1, TEXTS)
    alone = np.concatenate([model.logits_of(-1, [text]) for text in TEXTS[:6]])
    assert (together[:6] == alone).all()
    assert (model.logits_of(-1, TEXTS[::-1])[::-1] == together).all()


@pytest.mark.usefixtures("small_runs")
def test_a_classifier_says_how_it_answers(shipped: artifact.Artifact, monkeypatch) -> None:
    monkeypatch.setattr("plaudit.classifier._on_device", on_cpu)
    classifier = ArtifactClassifier(shipped, device="cuda")
    assert classifier.model.answer == artifact.FLOAT
    exact = ArtifactClassifier(shipped, exact=True, threads=1)
    ours, theirs = classifier.error_counts, exact.error_counts
    assert ours is not None
    assert theirs is not None
    assert (ours.pooled == theirs.pooled).all()
    found, expected = classifier.classify(TEXTS), exact.classify(TEXTS)
    assert (found.labels == expected.labels).all()
    assert LABELS[found.labels[0]] == "generic_praise"
    assert np.abs(found.probabilities - expected.probabilities).max() < 0.1


def on_cpu(found: artifact.Artifact, device: str) -> object:
    assert device == "cuda"
    return torch_network.TorchNetwork(found, device="cpu")


@pytest.mark.usefixtures("small_runs")
def test_weights_that_answer_otherwise_are_noticed(shipped: artifact.Artifact, monkeypatch) -> None:
    def spoilt(found: artifact.Artifact, device: str) -> object:
        network = on_cpu(found, device)
        with torch.no_grad():
            network._network.label_head.bias += 1
        return network

    monkeypatch.setattr("plaudit.classifier._on_device", spoilt)
    with pytest.raises(ArtifactError, match=r"golden logits within 0\.4.*version of torch"):
        ArtifactClassifier(shipped, device="cuda")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_is_told_at_once() -> None:
    with pytest.raises(UsageError, match=r"'cuda' was asked for and torch .* finds no GPU"):
        Pipeline.load(device="cuda")


def test_a_device_nobody_knows_is_told() -> None:
    with pytest.raises(UsageError, match="no device 'gpu'; expected cpu, cuda"):
        Pipeline.load(device="gpu")


def test_a_gpu_that_is_not_there_is_told(shipped: artifact.Artifact, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(UsageError, match="'cuda:2' was asked for and torch finds 2, counted from cuda:0"):
        torch_network.TorchNetwork(shipped, device="cuda:2")


def test_without_torch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "plaudit.torch_network")
    with pytest.raises(UsageError, match=r"'cuda' needs torch.*pip install 'plaudit\[gpu\]'"):
        Pipeline.load(device="cuda")


def test_an_artefact_that_names_no_architecture_is_refused(
    shipped: artifact.Artifact, tmp_path: Path
) -> None:
    manifest = shipped.manifest.model_copy(update={"training": {}})
    older = artifact.Artifact(folder=shipped.folder, manifest=manifest, model=shipped.model)
    with pytest.raises(ArtifactError, match="expected the architecture of its encoder"):
        torch_network.TorchNetwork(older, device="cpu")


@pytest.mark.parametrize(
    ("change", "said"), [({"intermediate_size": 64}, "found"), ({"num_hidden_layers": 9}, "amiss")]
)
def test_weights_of_another_architecture_are_refused(
    shipped: artifact.Artifact, change: dict[str, int], said: str
) -> None:
    kept = {**shipped.manifest.training["architecture"], **change}
    manifest = shipped.manifest.model_copy(update={"training": {"architecture": kept}})
    other = artifact.Artifact(folder=shipped.folder, manifest=manifest, model=shipped.model)
    with pytest.raises(ArtifactError, match=rf"expected the weights its manifest describes.*{said}"):
        torch_network.TorchNetwork(other, device="cpu")
