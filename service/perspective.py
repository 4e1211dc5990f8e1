"""Perspective's `comments:analyze`, for our attributes: a way over for programs that call it today.

Names and shapes are those of Perspective's AnalyzeComment (v1alpha1), its errors included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.alias_generators import to_camel
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from plaudit.scores import FLAGS, LABELS
from plaudit.service.callers import while_there
from plaudit.service.intake import JSON, JsonRoute
from plaudit.service.problems import MEDIA_TYPE
from plaudit.service.quotas import count

PATH: Final = "/v1alpha1/comments:analyze"
ATTRIBUTES: Final = {name.upper(): ("probabilities", name) for name in LABELS} | {
    name.upper(): ("flags", name) for name in FLAGS
}
"""Where an attribute's score stands in an answer of `/v1/classify`."""

_ERROR: Final = "type.googleapis.com/google.commentanalyzer.v1alpha1.Error"
_STATUSES: Final = {
    401: "UNAUTHENTICATED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class _Message(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, strict=True)


def _nullable(schema: dict[str, Any]) -> None:
    """Say in the schema of what is sent that null stands for what is left out."""
    required = schema.get("required", ())
    for name, given in schema.get("properties", {}).items():
        if name not in required and {"type": "null"} not in given.get("anyOf", ()):
            told = {key: given.pop(key) for key in ("title", "description", "default") if key in given}
            schema["properties"][name] = {"anyOf": [given, {"type": "null"}]} | told


class _Given(_Message):
    """What is sent: in proto3's JSON null is the same as nothing."""

    model_config = ConfigDict(json_schema_extra=_nullable)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        return {name: value for name, value in given.items() if value is not None}


class TextEntry(_Given):
    """A text and how it is written."""

    text: str = Field(description="What was written.", examples=["How long did you let the glue dry?"])
    type: Literal["PLAIN_TEXT", "TEXT_TYPE_UNSPECIFIED"] = Field("PLAIN_TEXT", description="Plain text only.")


class AttributeParameters(_Given):
    """What is wanted of one attribute."""

    score_type: Literal["PROBABILITY", "SCORE_TYPE_UNSPECIFIED"] = Field(
        "PROBABILITY", description="Probabilities only."
    )
    score_threshold: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="Attributes that score below it are left out of the answer."
    )


def _wanted(schema: dict[str, Any]) -> None:
    schema |= {"minProperties": 1, "propertyNames": {"enum": list(ATTRIBUTES)}}
    schema["additionalProperties"] = {"anyOf": [schema["additionalProperties"], {"type": "null"}]}


class AnalyzeCommentRequest(_Given):
    """One comment and the attributes to score. `sessionId`, `communityId` and `context` are ignored."""

    comment: TextEntry
    requested_attributes: dict[str, AttributeParameters] = Field(
        description=f"Any of {', '.join(ATTRIBUTES)}.",
        examples=[{"QUESTION": {}, "GENERIC_PRAISE": {}}],
        json_schema_extra=_wanted,
    )

    @field_validator("requested_attributes", mode="before")
    @classmethod
    def _without_null_parameters(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        return {name: {} if value is None else value for name, value in given.items()}

    languages: list[str] = Field([], description="ISO 639-1 or BCP 47 codes; detected where there are none.")
    do_not_store: bool = Field(False, description="Nothing is ever stored here, whatever it says.")
    client_token: str | None = Field(None, description="Comes back in the answer.")
    span_annotations: bool = Field(False, description="The one span is the whole text, whatever it says.")


class Score(_Message):
    """A calibrated probability."""

    value: float = Field(ge=0, le=1)
    type: Literal["PROBABILITY"] = "PROBABILITY"


class SpanScore(_Message):
    """The score of a span of the text, here always the whole of it."""

    begin: int = Field(description="In Unicode code points.")
    end: int = Field(description="In Unicode code points, the first beyond the span.")
    score: Score


class AttributeScores(_Message):
    """The scores of one attribute."""

    span_scores: list[SpanScore]
    summary_score: Score


class AnalyzeCommentResponse(_Message):
    """The scores of one comment."""

    attribute_scores: dict[str, AttributeScores] = Field(description="By attribute.")
    languages: list[str] = Field(description="As asked for, else as detected.")
    detected_languages: list[str] = Field(description="`und`: too short to tell; `zxx`: no language in it.")
    client_token: str | None = Field(None, description="As sent; left out where none was.")


class StatusBody(_Message):
    """What went wrong, as Google's interfaces say it."""

    code: int = Field(description="The HTTP status.")
    message: str
    status: str = Field(description="Kind of error.", examples=["INVALID_ARGUMENT"])
    details: list[dict[str, Any]] = Field([], description="For programs: `errorType` and what belongs to it.")


class ErrorBody(_Message):
    """Body of every error of this path."""

    error: StatusBody


router = APIRouter(route_class=JsonRoute)


@router.post(
    PATH,
    tags=["scoring"],
    response_model=AnalyzeCommentResponse,
    responses={
        status: {"description": "As for `/v1/classify`, in Google's form.", "model": ErrorBody}
        for status in (400, 401, 408, 413, 415, 429, 500, 503)
    },
    operation_id="analyze_comment",
)
async def analyze(request: Request, body: AnalyzeCommentRequest) -> Response:
    """Score one comment as Perspective's `comments:analyze` does, for the attributes of this service.

    Of the first three, one fits each comment and their scores add up to 1; the others stand alone. The model
    is named in the headers `X-Model-Id` and `X-Model-Hash`.
    """
    engine, text = request.app.state.engine, body.comment.text
    refusal = _refusal(body, readable=engine.classifier.languages)
    if refusal:
        return refusal
    request.state.n_comments = 1
    await count(request, 1)
    (answer,) = await while_there(request, engine.classify([("1", text)]))
    if "error" in answer:
        return _refuse("Comment must be non-empty.", error="COMMENT_EMPTY")
    if not answer["supported"] and not body.languages:
        return _no_such_language([answer["language"]], body, key="detectedLanguages")
    model = engine.classifier.model
    return Response(
        orjson.dumps(_answered(body, answer)),
        headers={"X-Model-Id": model.id, "X-Model-Hash": model.hash},
        media_type=JSON,
    )


def _refusal(body: AnalyzeCommentRequest, *, readable: Sequence[str]) -> Response | None:
    unknown = [name for name in body.requested_attributes if name not in ATTRIBUTES]
    if unknown or not body.requested_attributes:
        problem = f"Attribute {unknown[0][:100]} is unknown" if unknown else "No attributes are requested"
        return _refuse(
            f"{problem}: this is Plaudit, whose attributes are {', '.join(ATTRIBUTES)}.",
            error="UNKNOWN_ATTRIBUTE" if unknown else "NO_ATTRIBUTES",
        )
    if body.languages and not any(_base(code) in readable for code in body.languages):
        return _no_such_language(body.languages, body, key="requestedLanguages")
    return None


def _base(code: str) -> str:
    return code.replace("_", "-").partition("-")[0].lower()


def _no_such_language(codes: Sequence[str], body: AnalyzeCommentRequest, *, key: str) -> Response:
    attribute, short = next(iter(body.requested_attributes)), [code[:35] for code in codes[:10]]
    return _refuse(
        f"Attribute {attribute} does not support request languages: {', '.join(short)}",
        error="LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE",
        languageNotSupportedByAttributeError={key: short, "attribute": attribute},
    )


def _refuse(message: str, *, error: str, **more: object) -> Response:
    details = [{"@type": _ERROR, "errorType": error, **more}]
    return _error(400, message, details=details)


def _error(code: int, message: str, *, details: Sequence[object] = ()) -> Response:
    status = _STATUSES.get(code, "INVALID_ARGUMENT")
    error = {"code": code, "message": message, "status": status, "details": list(details)}
    return Response(orjson.dumps({"error": error}), code, media_type=JSON)


def _answered(body: AnalyzeCommentRequest, answer: dict[str, Any]) -> dict[str, Any]:
    scores = {}
    for name, wanted in body.requested_attributes.items():
        part, key = ATTRIBUTES[name]
        value = answer[part][key]
        if value >= wanted.score_threshold:
            score = {"value": value, "type": "PROBABILITY"}
            span = {"begin": 0, "end": len(body.comment.text), "score": score}
            scores[name] = {"spanScores": [span], "summaryScore": score}
    detected = [answer["language"]]
    token = {} if body.client_token is None else {"clientToken": body.client_token}
    return {
        "attributeScores": scores,
        "languages": body.languages or detected,
        "detectedLanguages": detected,
        **token,
    }


def install(app: FastAPI) -> None:
    """Add the path to `app`; call it after every other middleware is added."""
    app.add_middleware(GoogleErrors)
    app.include_router(router)


class GoogleErrors:
    """Outermost ASGI middleware that puts the problems of this path into Google's form."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection; other paths pass through."""
        mine = scope["type"] == "http" and scope["path"] == PATH
        await self.app(scope, receive, _Translated(scope, receive, send) if mine else send)


class _Translated:
    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if Headers(raw=message["headers"]).get("content-type") != MEDIA_TYPE:
                await self._send(message)
                return
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._translate(self._start)

    async def _translate(self, start: Message) -> None:
        problem = orjson.loads(self._body)
        code = 400 if start["status"] == 422 else start["status"]  # Google knows no 422
        response = _error(code, " ".join(filter(None, (problem["detail"], problem.get("hint")))))
        kept = MutableHeaders(raw=list(start["headers"]))
        for name in ("content-type", "content-length"):
            del kept[name]
        response.raw_headers.extend(kept.raw)
        await response(self._scope, self._receive, self._send)
