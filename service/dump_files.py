"""The results of dumps as downloads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

from fastapi import APIRouter, Request, Response
from fastapi import Path as InPath
from starlette.responses import StreamingResponse

from plaudit.service import output
from plaudit.service.dump_answers import PREFIX
from plaudit.service.heads import wants_head
from plaudit.service.intake import JSON
from plaudit.service.kept import DumpId, dump_of, storage_of
from plaudit.service.problems import Problem
from plaudit.service.refusals import errors_of
from plaudit.service.report_pages import GROUPS, MAX_PAGES, page_name
from plaudit.service.store.tables import DONE, FAILED, Dump

router = APIRouter(prefix=PREFIX, tags=["dumps"])

_CHUNK_BYTES: Final = 1 << 16
_MEDIA_TYPES: Final = {
    output.REPORT: JSON,
    output.PAGE: "text/html; charset=utf-8",
    output.COMMENTS: "application/vnd.apache.parquet",
    output.REJECTED: "application/x-ndjson",
}
_DOWNLOAD_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    # The page quotes strangers, and is opened beside the service's own.
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "Cache-Control": "private, no-store",
}


def _add_download(name: str, *, path: str, operation: str, about: str, schema: dict[str, Any]) -> None:
    async def download(request: Request, dump_id: DumpId) -> Response:
        return await _download(request, dump_id, name=name)

    content = {_MEDIA_TYPES[name].partition(";")[0]: {"schema": schema}}
    download.__doc__ = about
    router.add_api_route(
        f"/{{id}}/{path}",
        download,
        response_class=Response,
        responses={
            200: {"description": "The file.", "content": content},
            **errors_of(404, 409, 429, 500, 503),
        },
        operation_id=operation,
    )


_FILE: Final = {"type": "string", "format": "binary"}
_add_download(
    output.REPORT,
    path="report",
    operation="dump_report",
    about="Return the report of a dump, as `plaudit score` writes it to report.json.",
    schema={"$ref": "#/components/schemas/Report"},
)
for _name, _operation, _about in (
    (output.PAGE, "dump_page", "Return the report as a page for people, all in one file."),
    (output.COMMENTS, "dump_comments", "Return the label of every comment, as a Parquet table."),
    (
        output.REJECTED,
        "dump_rejected",
        "Return the records that could not be used, with the reasons, as NDJSON.",
    ),
):
    _add_download(_name, path=_name, operation=_operation, about=_about, schema=_FILE)


_Number = Annotated[
    str, InPath(description=f"Place of the group in the report, from 0001 to {MAX_PAGES:04d}.")
]


@router.get(
    f"/{{id}}/{GROUPS}/{{number}}.html",
    response_class=Response,
    responses={
        200: {"description": "The file.", "content": {"text/html": {"schema": _FILE}}},
        **errors_of(404, 409, 429, 500, 503),
    },
    operation_id="dump_group",
)
async def dump_group(request: Request, dump_id: DumpId, number: _Number) -> Response:
    """Return the page of one group, where `by` asked for groups; each of the largest has one.

    They are numbered as the report has them, those with the most comments first, and the report's page
    leads to them.
    """
    name = f"{number}.html"
    folder = await _results_of(request, dump_id)
    if name not in {page_name(each) for each in range(1, MAX_PAGES + 1)}:
        raise _no_group()
    try:
        file = await _opened(request, folder / GROUPS / name)
    except FileNotFoundError:
        raise _no_group() from None
    return _sent(request, file, name=name, media_type=_MEDIA_TYPES[output.PAGE])


def _no_group() -> Problem:
    hint = f"Ask for groups with `by`; the {MAX_PAGES} largest have a page, numbered from 0001."
    return Problem("not-found", "The dump has no page of such a group.", hint=hint)


async def report_of(request: Request, dump: Dump) -> Response:
    """Return the report of a dump that is done; of many groups it is longer than memory should hold."""
    folder = storage_of(request).results(dump.id, lease=dump.lease or "")
    return await _file_of(request, folder, output.REPORT)


async def _download(request: Request, dump_id: str, *, name: str) -> Response:
    return await _file_of(request, await _results_of(request, dump_id), name)


async def _file_of(request: Request, folder: Path, name: str) -> Response:
    try:
        file = await _opened(request, folder / name)
    except FileNotFoundError:
        raise _elsewhere() from None
    return _sent(request, file, name=name, media_type=_MEDIA_TYPES[name])


async def _results_of(request: Request, dump_id: str) -> Path:
    dump = await dump_of(request, dump_id)
    if dump.state == FAILED:
        raise Problem(
            "no-results",
            f"The dump has no results: {dump.error}",
            hint="It will not have any: mend what is said here, and hand it in again.",
        )
    if dump.state != DONE:
        raise Problem(
            "no-results",
            f"The dump is {dump.state}, it has no results yet.",
            hint="Ask again later.",
            headers={"Retry-After": "2"},
        )
    return storage_of(request).results(dump.id, lease=dump.lease or "")


async def _opened(request: Request, path: Path) -> BinaryIO:
    """Open a file before the answer begins: it stays readable where it is deleted meanwhile."""
    try:
        file: BinaryIO = await storage_of(request).ask(lambda: path.open("rb"))
    except FileNotFoundError:
        if path.parent.is_dir():
            raise
        raise _elsewhere() from None
    except OSError:
        raise _elsewhere() from None
    return file


def _elsewhere() -> Problem:
    return Problem(
        "storage-unavailable",
        "The results are not in the data folder.",
        hint="Processes that share a database must share PLAUDIT_DATA_DIR too.",
    )


def _sent(request: Request, file: BinaryIO, *, name: str, media_type: str) -> Response:
    n_bytes = file.seek(0, 2)
    disposition = "inline" if name == output.REPORT else f'attachment; filename="{name}"'
    headers = {**_DOWNLOAD_HEADERS, "Content-Length": str(n_bytes), "Content-Disposition": disposition}
    if wants_head(request):  # a table of many gigabytes need not be read to tell how long it is
        file.close()
        return Response(media_type=media_type, headers=headers)
    return StreamingResponse(_chunks(file), media_type=media_type, headers=headers)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
