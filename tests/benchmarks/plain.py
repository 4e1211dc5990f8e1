"""What one would write in an hour: the same model behind a plain FastAPI handler, without batching."""

from __future__ import annotations

import os
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from plaudit.pipeline import Pipeline, answer

PIPELINE = Pipeline.load()
app = FastAPI()


class Comment(BaseModel):
    """A comment."""

    id: str
    text: str


class Body(BaseModel):
    """A request."""

    comments: list[Comment]


@app.post("/v1/classify")
def classify(body: Body) -> dict[str, list[dict[str, Any]]]:
    """Label comment after comment, as they come."""
    scored = ((comment.id, PIPELINE.classify([comment.text])) for comment in body.comments)
    return {"results": [answer(id_, scores, 0) for id_, scores in scored]}


@app.get("/health/ready")
def ready() -> dict[str, str]:
    """Tell that it is there."""
    return {"status": "ready"}


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PLAUDIT_PORT"]), log_level="warning")
