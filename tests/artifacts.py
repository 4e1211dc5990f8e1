"""A whole artefact of a few kilobytes: a bag of words behind a real tokenizer, graph and manifest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from plaudit import artifact
from plaudit.artifact import AnswerRecord, GoldenRecord, Manifest
from plaudit.inference import LogitModel
from plaudit.text import NORMALIZER_VERSION

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "great",
    "nice",
    "post",
    "which",
    "glue",
    "?",
    "!",
    "mine",
    "broke",
]
GOLDEN = ("great post!", "which glue?", "mine broke")
MAX_TOKENS = 16


def tiny_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="$A $B", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def tiny_graph(*, weight: float = 1.0, outputs: tuple[str, str] = ("label_logits", "flag_logits")) -> bytes:
    """Return a graph that averages a vector of each word; a weight of NaN spoils one of them."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install '.[train]'")
    helper, tensor = onnx.helper, onnx.numpy_helper.from_array
    table = np.random.default_rng(3).normal(size=(len(WORDS), 6)).astype(np.float32)
    table[4] *= weight
    ids, mask = (
        helper.make_tensor_value_info(name, onnx.TensorProto.INT64, ["n", "tokens"])
        for name in ("input_ids", "attention_mask")
    )
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["words"]),
        helper.make_node("Cast", ["attention_mask"], ["float_mask"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["float_mask", "last"], ["wide_mask"]),
        helper.make_node("Mul", ["words", "wide_mask"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "tokens_axis"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["wide_mask", "tokens_axis"], ["count"], keepdims=0),
        helper.make_node("Div", ["sum", "count"], ["mean"]),
        helper.make_node("Split", ["mean"], [*outputs], axis=1, num_outputs=2),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [ids, mask],
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 3]) for name in outputs],
        [
            tensor(table, "table"),
            tensor(np.array([2], np.int64), "last"),
            tensor(np.array([1], np.int64), "tokens_axis"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(model.SerializeToString())


def tiny_manifest(contents: Mapping[str, bytes], **changes: Any) -> Manifest:
    """Return a manifest that fits these files; its golden logits are those of the unspoilt graph."""
    labels, flags = LogitModel(tiny_graph(), tiny_tokenizer(), max_tokens=MAX_TOKENS).split_logits(GOLDEN)
    golden = [
        GoldenRecord(text=text, label_logits=tuple(a.tolist()), flag_logits=tuple(b.tolist()))
        for text, a, b in zip(GOLDEN, labels, flags, strict=True)
    ]
    answer = AnswerRecord(
        temperature=1.1,
        flag_scale=(1.0, 1.1, 0.9),
        flag_bias=(0.0, -0.1, 0.1),
        error_counts=((80.0, 12.0, 8.0), (10.0, 85.0, 5.0), (6.0, 4.0, 90.0)),
        n_held_out=300,
    )
    fields: dict[str, Any] = {
        "format_version": artifact.FORMAT_VERSION,
        "id": artifact.content_id("tiny", created="2026-01-02", contents=contents),
        "created": "2026-01-02",
        "labels": {"genuine": "Talk.", "generic_praise": "Applause.", "question": "Asks."},
        "flags": {"experience": "Own life.", "solicitation": "Sells.", "addressed": "To one person."},
        "base_model": "tiny",
        "languages": ("en",),
        "max_tokens": MAX_TOKENS,
        "normalizer_version": NORMALIZER_VERSION,
        "files": artifact.file_records(contents),
        "answers": {"exact": answer},
        "references": {},
        "golden": golden,
        "golden_tolerance": 0.01,
        "data": {},
        "training": {"seconds": 1.5},
        "metrics": {},
    }
    return Manifest(**(fields | changes))


def tiny_contents(**changes: Any) -> dict[str, bytes]:
    return {
        artifact.MODEL: tiny_graph(**changes),
        artifact.TOKENIZER: tiny_tokenizer().to_str().encode(),
    }


Build = Callable[..., Path]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Write a tiny artefact below `tmp_path / "models"`; keywords change fields of its manifest."""

    def write(*, contents: Mapping[str, bytes] | None = None, **changes: Any) -> Path:
        contents = contents or tiny_contents()
        return artifact.write(
            tmp_path / "models",
            tiny_manifest(contents, **changes),
            contents={**contents, artifact.CARD: b"# Tiny\n"},
        )

    return write
