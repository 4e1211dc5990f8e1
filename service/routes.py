"""The endpoints: a request in, the engine asked, a response out."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request, Response

from plaudit.classifier import ArtifactClassifier
from plaudit.pipeline import Context
from plaudit.policy import Policy
from plaudit.readers import ReadOptions
from plaudit.report.envelope import Report
from plaudit.report.group_file import MAX_HELD
from plaudit.scores import Classifier
from plaudit.service import answers, schemas
from plaudit.service.callers import while_there
from plaudit.service.engine import Engine
from plaudit.service.intake import JSON, JsonRoute, taken_out
from plaudit.service.problems import MEDIA_TYPE
from plaudit.service.quotas import count
from plaudit.service.sections import Sections, told
from plaudit.service.settings import Settings


def errors_of(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what the OpenAPI document says of these statuses."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
    return {status: {"description": _ERRORS[status], "content": content} for status in statuses}


_ERRORS: Final = {
    408: "The body took too long to arrive.",
    413: "The body, or the number of comments in it, is over the limit.",
    415: "The body is not declared as `application/json`.",
    422: "The body does not have the expected form; `errors` names each field.",
    429: "Too many comments wait already, or the quota is used up; `Retry-After` says when to come back.",
    500: "A fault of ours; the log of the service has it under the request id.",
    503: "The model is being loaded, or could not be.",
}
_OF_BODIES: Final = (408, 413, 415, 422, 429, 500, 503)
_OF_WORK: Final = errors_of(*_OF_BODIES)

work = APIRouter(prefix="/v1", route_class=JsonRoute)
facts = APIRouter()


def _engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


def _json(content: object) -> Response:
    return Response(orjson.dumps(content), media_type=JSON)


@work.post(
    "/classify",
    tags=["scoring"],
    response_model=answers.ClassifyResponse,
    responses=_OF_WORK,
    operation_id="classify",
)
async def classify(request: Request, body: schemas.ClassifyRequest) -> Response:
    """Label each comment: probabilities of the labels and of the flags, order and ids kept.

    An empty text gives an error in its place and harms no other. Answers do not depend on which
    comments are sent together.
    """
    engine = _engine(request)
    numbered = enumerate(taken_out(request, body.comments), start=1)
    pairs = [(c.id or str(position), c.text or "") for position, c in numbered]
    await count(request, len(pairs))
    results = await while_there(request, engine.classify(pairs))
    model = engine.pipeline.classifier.model
    return _json({"results": results, "model": model.to_dict()})


@work.post("/index", tags=["scoring"], response_model=Report, responses=_OF_WORK, operation_id="index")
async def index(request: Request, body: schemas.IndexRequest) -> Response:
    """Score comments as a section: how authentic, how deep, with intervals, signals and reasons.

    The answer is the same report as the command line's `report.json`. Comments that can't be used are
    counted under `coverage.rejected`; too little data gives null with its reason, not an error.
    """
    records = [comment.model_dump(exclude_unset=True) for comment in taken_out(request, body.comments)]
    sections: Sections = request.app.state.sections
    share, engine = sections.open(), _engine(request)
    if body.by != "none" and len(records) > MAX_HELD and not share.take(len(records)):
        raise engine.room.refusal(len(records))
    with ExitStack() as held:
        held.callback(share.close)
        await count(request, len(records))
        work = engine.index(
            records,
            options=ReadOptions(creator=body.creator_id, platform=body.platform),
            context=Context(
                creator_id=body.creator_id,
                platform=body.platform,
                posts={post.id: post.text for post in body.posts if post.text},
            ),
            group_by=None if body.by == "none" else body.by,
        )
        return told(await while_there(request, work), request, held=held)


@facts.get(
    "/v1/model",
    tags=["facts"],
    response_model=answers.ModelCard,
    responses=errors_of(500, 503),
    operation_id="model",
)
async def model(request: Request) -> Response:
    """Tell which model answers, what it reads, what its labels mean, and the limits of a request."""
    classifier, settings = _engine(request).classifier, request.app.state.settings
    return _json(_card(classifier, settings, version=request.app.version).model_dump())


def _card(classifier: Classifier, settings: Settings, *, version: str) -> answers.ModelCard:
    manifest = classifier.artifact.manifest if isinstance(classifier, ArtifactClassifier) else None
    return answers.ModelCard(
        id=classifier.model.id,
        hash=classifier.model.hash,
        answer=classifier.model.answer,
        version=version,
        labels=answers.definitions(answers.Probabilities, manifest.labels if manifest else None),
        flags=answers.definitions(answers.Flags, manifest.flags if manifest else None),
        languages=list(classifier.languages),
        max_tokens=manifest.max_tokens if manifest else None,
        metrics=manifest.metrics if manifest else {},
        limits=answers.Limits(max_body_bytes=settings.max_body_bytes, max_comments=settings.max_comments),
    )


@facts.get(
    "/v1/policy",
    tags=["facts"],
    response_model=Policy,
    responses=errors_of(500, 503),
    operation_id="policy",
)
async def policy(request: Request) -> Response:
    """Tell how signals become numbers: the policy in force."""
    return _json(_engine(request).pipeline.policy)


@facts.get(
    "/health/live",
    tags=["health"],
    response_model=answers.Status,
    responses=errors_of(503),
    operation_id="live",
)
async def live(request: Request) -> Response:
    """Tell whether the process is up; 503 only where it will never be ready, so that it is restarted."""
    _engine(request).check_alive()
    return _json({"status": "alive"})


@facts.get(
    "/health/ready",
    tags=["health"],
    response_model=answers.Status,
    responses=errors_of(503),
    operation_id="ready",
)
async def ready(request: Request) -> Response:
    """Tell whether requests should be sent here: the model answers, and nobody said stop."""
    _engine(request).check_ready()
    return _json({"status": "ready"})
