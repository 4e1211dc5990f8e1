"""Corrected labels over HTTP: kept for the next training, forgotten when asked to."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from plaudit.service.idempotency import RequestKey, digest_of
from plaudit.service.intake import JSON, JsonRoute
from plaudit.service.kept import ID, owner_of, storage_of
from plaudit.service.problems import Problem
from plaudit.service.quotas import count
from plaudit.service.refusals import errors_of
from plaudit.service.schemas import Identifier
from plaudit.text import normalize

router = APIRouter(prefix="/v1/feedback", tags=["feedback"])
taking = APIRouter(prefix=router.prefix, tags=["feedback"], route_class=JsonRoute)


def _not_empty(text: str) -> str:
    if not normalize(text):
        raise PydanticCustomError("empty", "a text with something to read")
    return text


class Correction(BaseModel):
    """The right label of a comment, for the next training."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"text": "Love how you explain the grain direction, why oak?", "label": "question"}]
        },
    )

    text: Annotated[str, AfterValidator(_not_empty), Field(min_length=1, max_length=20_000)] = Field(
        description="The comment, as it was sent to be labelled."
    )
    label: Literal["genuine", "generic_praise", "question"] = Field(description="What is right.")
    flags: list[Literal["experience", "solicitation", "addressed"]] | None = Field(
        None, description="Those that hold; an empty list: none does. Null: not said."
    )
    id: Annotated[Identifier, Field(max_length=1000)] | None = Field(
        None, description="Your id of the comment."
    )
    note: str | None = Field(None, max_length=2_000, description="Why, for who reads it before training.")


class CorrectionReceipt(BaseModel):
    """That a correction is kept."""

    id: str = Field(description="To delete it by.", examples=["0f8c3b1e5a7d4c2f9b6a1d3e5f708192"])


@taking.post(
    "",
    status_code=201,
    response_model=CorrectionReceipt,
    responses=errors_of(408, 413, 415, 422, 429, 500, 503),
    operation_id="send_feedback",
)
async def send_feedback(request: Request, body: Correction, request_key: RequestKey = None) -> Response:
    """Keep a corrected label: this stores the text, until it is deleted.

    A later correction of the same text with the same API key replaces the earlier one in what is exported.
    Each counts as one comment of the quota.
    """
    await count(request, 1)
    storage, owner = storage_of(request), owner_of(request)
    record: dict[str, Any] = {
        "text": body.text,
        "label": body.label,
        "flags": None if body.flags is None else sorted(set(body.flags)),
        "comment_id": body.id,
        "note": body.note,
    }
    key = digest_of(request_key)
    feedback_id = await storage.ask(lambda: storage.corrections.add(record, owner=owner, request_key=key))
    return Response(CorrectionReceipt(id=feedback_id).model_dump_json(), 201, media_type=JSON)


@router.delete(
    "/{id}",
    status_code=204,
    response_class=Response,
    responses=errors_of(404, 429, 500, 503),
    operation_id="delete_feedback",
)
async def delete_feedback(
    request: Request, feedback_id: Annotated[str, Path(alias="id", description="As the receipt said.")]
) -> Response:
    """Forget a corrected label."""
    storage, owner = storage_of(request), owner_of(request)
    is_known = ID.fullmatch(feedback_id) and storage.exists()
    if not is_known or not await storage.ask(lambda: storage.corrections.delete(feedback_id, owner=owner)):
        raise Problem("not-found", "There is no corrected label of this id.")
    return Response(status_code=204)
