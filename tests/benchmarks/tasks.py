"""What the benchmark measures, each in a process of its own: `python -m tests.benchmarks.tasks TASK ...`.

Prints one line of JSON: how many texts, in how many seconds, by how many CPU seconds.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np

from plaudit import artifact as artifacts
from plaudit.classifier import CPU, stages_of
from plaudit.inference import LogitModel, load_tokenizer
from plaudit.legible import legible
from plaudit.pipeline import Pipeline
from plaudit.policy import load as load_policy
from plaudit.readers import ReadOptions, read
from plaudit.reference import References
from plaudit.scores import ErrorCounts, ModelInfo, Scores
from plaudit.service.progress import Meter
from plaudit.service.score import Job
from plaudit.service.score import score as run_job
from plaudit.text import fingerprint, normalize
from tests.benchmarks import peers
from tests.benchmarks.dumps import texts_of

_BATCH = 4096
_N_SAMPLE = 4096
_N_SIDE = 1024
_N_PRODUCTS = 60
_N_DEVICE_SIDE = 8192


class HashClassifier:
    """Answers at no cost, the same for the same text: what is left is everything but the classifier."""

    model = ModelInfo(id="hash-fake", hash="0" * 64)
    languages = ("en",)
    error_counts = ErrorCounts(pooled=200 * (np.eye(3) * 0.85 + 0.05))

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


def score(
    dump: str, cores: str, device: str = CPU, *, load: Callable[[], Pipeline] | None = None
) -> tuple[int, float]:
    """Score the dump as the command does, start and report included."""
    with tempfile.TemporaryDirectory() as folder:
        job = Job(
            sources=[dump],
            out=Path(folder) / "out",
            options=ReadOptions(batch_size=_BATCH),
            threads=int(cores),
            device=device,
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


def classify(dump: str, cores: str, device: str = CPU) -> tuple[int, float]:
    """Label distinct texts in a process a core, as `score` does; once the model is loaded."""
    texts = list(dict.fromkeys(texts_of(dump)))
    batches = [texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH)]
    ready = multiprocessing.get_context("spawn").Barrier(int(cores) + 1)
    with multiprocessing.get_context("spawn").Pool(int(cores), _prepare, (ready, device)) as pool:
        ready.wait()
        started = time.perf_counter()
        n = sum(pool.imap_unordered(_label, batches))
        seconds = time.perf_counter() - started
        pool.close()
        pool.join()  # else their CPU time is not counted
    return n, seconds


_loaded: list[Pipeline] = []


def _prepare(ready: Barrier, device: str) -> None:
    _loaded.append(Pipeline.load(threads=1, device=device))
    ready.wait()


def _label(texts: Sequence[str]) -> int:
    _loaded[0].classify(texts)
    return len(texts)


def read_and_hash(dump: str) -> tuple[int, float]:
    """Read, normalise and hash: what a classifier that costs nothing would leave."""
    started, n = time.perf_counter(), 0
    for batch in read([dump], options=ReadOptions(batch_size=_BATCH)):
        for text in batch.comments.column("text").to_pylist():
            fingerprint(normalize(text))
        n += len(batch.comments)
    return n, time.perf_counter() - started


def arithmetic(dump: str, cores: str, way: str, device: str = CPU) -> tuple[int, float]:
    """Multiply what the networks multiply for a sample, at the peak of the cores (int8) or of a GPU (bf16).

    Args:
        dump: A dump.
        cores: How many.
        way: "exact": the large network reads every text; "cascade": each network those that come to it.
        device: As torch names it.
    """
    import onnx

    artifact = artifacts.load(artifacts.current())
    stages = artifact.manifest.stages if way == artifacts.CASCADE else ()
    files = [*(stage.file for stage in stages), artifacts.MODEL]
    texts = list(dict.fromkeys(texts_of(dump)))
    texts = texts[:: max(len(texts) // _N_SAMPLE, 1)][:_N_SAMPLE]
    tokenizer, limit = load_tokenizer(artifact.path(artifacts.TOKENIZER)), artifact.manifest.max_tokens
    model = LogitModel(
        artifact.path(artifacts.MODEL),
        tokenizer,
        max_tokens=limit,
        stages=stages_of(artifact) if stages else (),
    )
    n_products = np.cumsum([_products_a_token(onnx.load(str(artifact.path(file))).graph) for file in files])
    n_tokens = [min(len(each.ids), limit) for each in tokenizer.encode_batch_fast(list(map(legible, texts)))]
    needed = float(np.dot(n_tokens, n_products[model.answers(texts).stage])) if texts else 0.0
    peak = _products_a_second(onnx, int(cores)) if device == CPU else _products_on_device(device)
    return len(texts), needed / peak


def _products_a_token(graph: Any) -> int:
    """Count the int8 weights that a token is multiplied by."""
    shapes = {each.name: each.dims for each in graph.initializer}
    products = (node for node in graph.node if node.op_type.startswith("MatMulInteger"))
    return sum(int(np.prod(shapes[node.input[1]])) for node in products)


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


def _products_on_device(device: str) -> float:
    import torch

    side = _N_DEVICE_SIDE
    factors = [torch.ones(side, side, dtype=torch.bfloat16, device=device) for _ in range(2)]
    seconds = []
    for _ in range(_N_PRODUCTS):
        torch.cuda.synchronize(device)
        started = time.perf_counter()
        torch.matmul(*factors)
        torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - started)
    return float(side**3 / min(seconds))


TASKS: dict[str, Callable[..., tuple[int, float]]] = {
    "score": score,
    "unclassified": unclassified,
    "classify": classify,
    "read": read_and_hash,
    "arithmetic": arithmetic,
    "transformers": peers.transformers_pipeline,
    "onnx": peers.onnx_int8,
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
