"""An encoder small enough to train in a test: two layers of 32, and a vocabulary of the labelled example."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).parent.parent / "examples" / "labelled.jsonl"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY_SIZE = 1500  # above a thousand, so that the embedding table is quantised


def needs_torch() -> None:
    """Skip a whole test module where the packages for training are missing."""
    for name in ("torch", "transformers", "onnx"):
        pytest.importorskip(name, reason=f"{name} is not installed: pip install '.[train]'")


def example_texts() -> list[str]:
    return [json.loads(line)["text"] for line in EXAMPLE.read_text().splitlines()]


def tiny_tokenizer() -> Any:
    """A WordPiece tokenizer like BERT's, learned from the example; every ASCII character is in it."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=SPECIAL,
        initial_alphabet=[chr(i) for i in range(33, 127)],
        show_progress=False,
    )
    characters = " ".join(f"{a}{a}{a}" for a in "abcdefghijklmnopqrstuvwxyz0123456789")
    tokenizer.train_from_iterator([*example_texts(), *[characters] * 5], trainer)
    ids = {name: tokenizer.token_to_id(name) for name in ("[CLS]", "[SEP]")}
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=list(ids.items())
    )
    return tokenizer


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random BERT and its tokenizer; skips where there is no torch."""
    needs_torch()
    folder = tmp_path_factory.getbasetemp() / "tiny-encoder"
    if not folder.exists():
        _write_encoder(folder)
    return folder


def _write_encoder(folder: Path) -> None:
    import torch
    from transformers import BertConfig, BertModel

    tokenizer = tiny_tokenizer()
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))


def knobs(encoder: Path, *more: str) -> list[str]:
    """Overrides that train the tiny encoder in a second or two."""
    return [
        f'encoder.name="{encoder}"',
        f'data.train=["{EXAMPLE}"]',
        "encoder.max_tokens=64",
        "data.calibration_share=0.2",
        "data.n_applause=0",
        "train.epochs=2",
        "train.batch_size=16",
        "train.learning_rate=3e-3",
        "train.embedding_learning_rate=3e-3",
        "train.bf16=false",
        *more,
    ]
