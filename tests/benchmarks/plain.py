"""What one would write in an hour, to be compared with: `python -m tests.benchmarks.plain PEER`.

A FastAPI handler that knows nothing of other requests: no queue over requests, no fair turns, no refusal of
what is too much. PEER says how it asks the model:

- `one`: the exact network of the model in use (int8) with ONNX Runtime as it comes, text after text. This is
  "the same model behind a plain handler without batching".
- `padded`: the same network, the texts of a request as one batch padded to the longest of them.
- `library-one`: `Pipeline.classify` text after text: with the cascade of small networks, the language of each
  text and calibration, but without batches.
- `library`: `Pipeline.classify` with all texts of a request. No plain handler any more: the library cascades,
  sorts by length, batches and scores equal texts once, so what is left to the service is what happens between
  requests.
- `library-one-exact`, `library-exact`: those two with the exact network alone.

The first two give labels and flags, uncalibrated, and no language: less work than the others do.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnxruntime as ort
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from tokenizers import Tokenizer

from plaudit import artifact as artifacts
from plaudit.pipeline import Pipeline, answers
from plaudit.scores import FLAGS, LABELS

Label = Callable[[Sequence[str]], list[dict[str, Any]]]
"""What answers for the texts of a request."""


class Comment(BaseModel):
    """A comment."""

    id: str
    text: str


class Body(BaseModel):
    """A request."""

    comments: list[Comment]


def network(*, padded: bool) -> Label:
    """Return the exact network with ONNX Runtime's own defaults, one text or one padded batch a call."""
    folder = artifacts.current()
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    tokenizer = Tokenizer.from_file(str(folder / artifacts.TOKENIZER))
    tokenizer.enable_truncation(manifest["max_tokens"])
    tokenizer.enable_padding() if padded else tokenizer.no_padding()
    session = ort.InferenceSession(str(folder / artifacts.MODEL), providers=["CPUExecutionProvider"])

    def label(texts: Sequence[str]) -> list[dict[str, Any]]:
        encoded = tokenizer.encode_batch(list(texts))
        ids = np.array([each.ids for each in encoded], np.int64)
        mask = np.array([each.attention_mask for each in encoded], np.int64)
        labels, flags = session.run(
            ["label_logits", "flag_logits"], {"input_ids": ids, "attention_mask": mask}
        )
        shares = np.exp(labels - labels.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        chances = 1 / (1 + np.exp(-flags))
        return [
            {
                "label": LABELS[int(share.argmax())],
                "probabilities": dict(zip(LABELS, share.tolist(), strict=True)),
                "flags": dict(zip(FLAGS, chance.tolist(), strict=True)),
            }
            for share, chance in zip(shares, chances, strict=True)
        ]

    return label if padded else one_by_one(label)


def library(*, exact: bool) -> Label:
    """Return the library's own answers."""
    pipeline = Pipeline.load(exact=exact)

    def label(texts: Sequence[str]) -> list[dict[str, Any]]:
        return list(answers([""] * len(texts), pipeline.classify(texts)))

    return label


def one_by_one(label: Label) -> Label:
    """Return what asks for one text after the other."""
    return lambda texts: [label([text])[0] for text in texts]


PEERS: dict[str, Callable[[], Label]] = {
    "one": lambda: network(padded=False),
    "padded": lambda: network(padded=True),
    "library-one": lambda: one_by_one(library(exact=False)),
    "library": lambda: library(exact=False),
    "library-one-exact": lambda: one_by_one(library(exact=True)),
    "library-exact": lambda: library(exact=True),
}


def app_of(label: Label) -> FastAPI:
    """Return the service around a way of asking the model."""
    app = FastAPI()

    @app.post("/v1/classify")
    def classify(body: Body) -> dict[str, list[dict[str, Any]]]:
        found = label([comment.text for comment in body.comments])
        return {
            "results": [
                {**each, "id": comment.id} for comment, each in zip(body.comments, found, strict=True)
            ]
        }

    @app.get("/health/ready")
    def ready() -> dict[str, str]:
        return {"status": "ready"}

    return app


if __name__ == "__main__":
    uvicorn.run(app_of(PEERS[sys.argv[1]]()), port=int(os.environ["PLAUDIT_PORT"]), log_level="warning")
