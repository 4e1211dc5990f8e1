"""Dumps over HTTP: a file in, its state while it is worked on, its results; then forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

import anyio
from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.requests import ClientDisconnect

from plaudit.service.arrivals import Arrival
from plaudit.service.callers import while_there
from plaudit.service.door import declared_bytes
from plaudit.service.dump_answers import PREFIX, DumpList, DumpOptions, DumpStatus, status_of
from plaudit.service.dump_files import report_of
from plaudit.service.idempotency import RequestKey, digest_of
from plaudit.service.intake import JSON
from plaudit.service.kept import DumpId, dump_of, owner_of, storage_of, unknown
from plaudit.service.problems import Problem
from plaudit.service.refusals import errors_of
from plaudit.service.store.repeats import Sent, digest
from plaudit.service.store.tables import DONE, FAILED, THE_DUMP, Dump
from plaudit.service.upload import MULTIPART, Upload, receive

router = APIRouter(prefix=PREFIX, tags=["dumps"])

# What orders the dumps, and no id: the last dump of a page may be deleted before the next page is asked for.
_CURSOR: Final = "^[0-9a-f]{1,15}$"
_POLL_SECONDS: Final = (0.05, 0.5)  # from, to


_UPLOAD_BODY: Final[dict[str, Any]] = {
    "required": True,
    "description": "The file as it is, or as the field `file` of a form; also packed with gzip or zstd.",
    "content": {
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        MULTIPART: {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {"file": {"type": "string", "format": "binary"}},
            }
        },
    },
}


@router.post(
    "",
    status_code=202,
    response_model=DumpStatus,
    responses={
        200: {
            "description": "The report, where `wait` sufficed.",
            "content": {JSON: {"schema": {"$ref": "#/components/schemas/Report"}}},
        },
        **errors_of(408, 413, 415, 422, 429, 500, 503),
    },
    operation_id="send_dump",
    openapi_extra={"requestBody": _UPLOAD_BODY},
)
async def send_dump(
    request: Request, options: Annotated[DumpOptions, Query()], request_key: RequestKey = None
) -> Response:
    """Hand in a dump in any readable format, to be scored in the background.

    The answer comes at once, with the id to ask for; with `wait`, a dump that is done by then is answered
    with its report. It is stored until you delete it or it expires; the upload only until it is scored.
    Sent once more with the same `Idempotency-Key` it is the same dump, and not scored twice.
    """
    owner = owner_of(request)
    await request.app.state.quotas.admit(owner)
    options.as_json()  # what makes no sense is refused before the upload
    key = digest_of(request_key)
    with request.app.state.arrivals.begun(owner) as check_place:
        await _check_room(request, check_place, key=key)
        dump, options = await _take_in(request, options, key=key)
    request.app.state.workers.wake()
    return await _answer(request, dump, seconds=options.wait)


async def _take_in(request: Request, options: DumpOptions, *, key: str | None) -> tuple[Dump, DumpOptions]:
    storage, settings = storage_of(request), request.app.state.settings
    arrival = Arrival(storage)
    try:
        upload = Upload(await storage.ask(arrival.make_folder), limit=settings.max_dump_bytes)
        try:
            options = _with_fields(options, await receive(request, upload))
            await storage.ask(upload.place)
        except ClientDisconnect:
            raise Problem("caller-gone", "The caller left before the dump was whole.") from None
        finally:
            upload.close()
        row: dict[str, Any] = {
            "owner": owner_of(request),
            "options": options.as_json(),
            "suffix": upload.suffix,
            "n_bytes": upload.n_bytes,
            "most": settings.max_open_dumps,
        }
        if key:
            row["sent"] = Sent(key=key, content=digest(row["options"], upload.suffix, upload.digest))
        dump = await storage.ask(lambda: arrival.keep(**row))
    finally:
        arrival.drop()
    return dump, options


def _with_fields(options: DumpOptions, fields: dict[str, str]) -> DumpOptions:
    if not fields:
        return options
    try:
        return DumpOptions.model_validate(options.model_dump(exclude_unset=True) | fields)
    except ValidationError as error:
        found = [each | {"loc": ("body", *each["loc"])} for each in error.errors(include_url=False)]
        raise RequestValidationError(found) from None


async def _check_room(request: Request, check_place: Callable[[int, int], None], *, key: str | None) -> None:
    """Refuse what would find no room before it is sent; what was taken already needs none."""
    storage, owner = storage_of(request), owner_of(request)

    def look() -> tuple[int, int] | None:
        dumps = storage.dumps
        if key and dumps.is_sent(key, owner=owner):
            return None
        storage.check_space(declared_bytes(request.scope) or 0)
        return dumps.n_open(), dumps.n_open(owner=owner)

    if (found := await storage.ask(look)) is not None:
        check_place(*found)


async def _answer(request: Request, dump: Dump, *, seconds: float) -> Response:
    path = f"{request.scope.get('root_path', '')}{router.prefix}/{dump.id}"
    found = await while_there(request, _wait(request, dump, seconds=seconds)) if seconds else dump
    headers = {"Location": path}
    if seconds and found.state == DONE:
        response = await report_of(request, found)
        response.headers.update(headers)
        return response
    if seconds and found.state == FAILED:
        kind = "unusable-dump" if found.fault == THE_DUMP else "dump-failed"
        raise Problem(kind, found.error or "", headers=headers)
    status = status_of(found, request)
    return Response(status.model_dump_json(), 202, media_type=JSON, headers=headers)


async def _wait(request: Request, dump: Dump, *, seconds: float) -> Dump:
    """Return a dump once it has ended, or as it is after so many seconds, or where the service stops.

    It is stored and will be worked on: who is told so by 202 and not by 503 does not hand it in again.
    """
    storage, engine = storage_of(request), request.app.state.engine
    end, pause = anyio.current_time() + seconds, _POLL_SECONDS[0]
    found: Dump | None = dump
    while found and found.state not in (DONE, FAILED) and (left := end - anyio.current_time()) > 0:
        if engine.is_draining:
            break
        await anyio.sleep(min(pause, left))
        pause = min(pause * 1.5, _POLL_SECONDS[1])
        found = await storage.ask(lambda: storage.dumps.get(dump.id))
    if found is None:  # deleted meanwhile
        raise unknown()
    return found


@router.get("", response_model=DumpList, responses=errors_of(422, 429, 500, 503), operation_id="list_dumps")
async def list_dumps(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    before: Annotated[str | None, Query(pattern=_CURSOR, description="`next` of a page.")] = None,
) -> DumpList:
    """List the dumps that were handed in with your key, the latest first; without keys, all of them."""
    storage, owner = storage_of(request), owner_of(request)
    if not storage.exists():
        return DumpList(dumps=[], next=None)
    number = None if before is None else int(before, 16)
    found = await storage.ask(lambda: storage.dumps.latest(owner=owner, limit=limit + 1, before=number))
    dumps = [status_of(dump, request) for dump in found[:limit]]
    return DumpList(dumps=dumps, next=f"{found[limit - 1].number:x}" if len(found) > limit else None)


@router.get(
    "/{id}", response_model=DumpStatus, responses=errors_of(404, 429, 500, 503), operation_id="dump_status"
)
async def dump_status(request: Request, dump_id: DumpId) -> DumpStatus:
    """Tell how far a dump is."""
    return status_of(await dump_of(request, dump_id), request)


@router.delete(
    "/{id}",
    status_code=204,
    response_class=Response,
    responses=errors_of(404, 429, 500, 503),
    operation_id="delete_dump",
)
async def delete_dump(request: Request, dump_id: DumpId) -> Response:
    """Cancel a dump that is worked on, and remove it: upload, results and all."""
    dump, storage, owner = await dump_of(request, dump_id), storage_of(request), owner_of(request)
    if not await storage.ask(lambda: storage.delete(dump.id, owner=owner)):
        raise unknown()
    return Response(status_code=204)
