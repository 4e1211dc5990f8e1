"""What is asked and told of dumps over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

import orjson
from fastapi import Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from plaudit.readers import FORMATS
from plaudit.service import output
from plaudit.service.mapping import columns_of
from plaudit.service.report_pages import GROUPS, page_name
from plaudit.service.schemas import Platform
from plaudit.service.store.clock import shown
from plaudit.service.store.tables import DONE, Dump

PREFIX: Final = "/v1/dumps"
MAX_WAIT_SECONDS: Final = 25


def _known_format(name: str) -> str:
    if name not in FORMATS:
        raise PydanticCustomError("format", "{known}", {"known": f"one of {', '.join(FORMATS)}"})
    return name


_Given = Annotated[str, Field(min_length=1, max_length=1000)]
_Format = Annotated[str, AfterValidator(_known_format), Field(json_schema_extra={"enum": list(FORMATS)})]


class DumpOptions(BaseModel):
    """How to read a dump; as query parameters, or as fields of the form."""

    model_config = ConfigDict(extra="forbid")

    format: _Format | None = Field(None, description="Told from the content if left out.")
    creator: _Given | None = Field(None, description="Author id or name of the posts' creator.")
    post: _Given | None = Field(None, description="Id of the post, where the dump does not say.")
    platform: Platform | None = Field(None, description="Where the dump does not say; else from the format.")
    by: Literal["none", "post", "creator"] = Field("none", description="Also a group for each of those.")
    columns: _Given | None = Field(
        None,
        description="Which column holds what, as NAME=COLUMN,...",
        examples=["text=body,author=who"],
    )
    wait: Annotated[float, Field(ge=0, le=MAX_WAIT_SECONDS)] = Field(
        0, description="Seconds to wait for the report, which is then the answer (200)."
    )

    def as_json(self) -> str:
        """Return what `Run` needs to know.

        Raises:
            MappingError: `columns` makes no sense.
        """
        given = self.model_dump(include={"format", "creator", "post", "platform"})
        columns = columns_of([self.columns]) if self.columns else {}
        by = None if self.by == "none" else self.by
        return orjson.dumps({**given, "columns": columns, "by": by}).decode()


class DumpProgress(BaseModel):
    """How far a dump is."""

    bytes_read: int = Field(description="Of the upload, as it came.")
    bytes_total: int
    comments: int = Field(description="Labelled so far.")


class DumpStatus(BaseModel):
    """A dump that was handed in, and how far it is."""

    id: str = Field(
        description="Nobody can guess it; keep it.", examples=["0f8c3b1e5a7d4c2f9b6a1d3e5f708192"]
    )
    status: Literal["queued", "running", "done", "failed"]
    progress: DumpProgress
    error: str | None = Field(description="Why it failed, and what to do.")
    fault: Literal["dump", "service"] | None = Field(
        description="Whose fault a failure is: the same dump fails again, or may be tried again."
    )
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="When it is deleted if nobody does before.")
    links: dict[str, str] = Field(description="Where the results are, once it is done.")


class DumpList(BaseModel):
    """Your dumps, the latest first."""

    dumps: list[DumpStatus]
    next: str | None = Field(
        description="Pass it as `before` for those before these; null where there are none."
    )


def status_of(dump: Dump, request: Request) -> DumpStatus:
    """Return what a caller is told of a dump."""
    keep_ms = request.app.state.settings.keep_dumps_hours * 3_600_000
    path = f"{request.scope.get('root_path', '')}{PREFIX}/{dump.id}"
    links = {
        "report": f"{path}/report",
        **{name: f"{path}/{name}" for name in (output.PAGE, output.COMMENTS, output.REJECTED)},
    }
    if orjson.loads(dump.options).get("by"):
        links[f"{GROUPS}/{page_name(1)}"] = f"{path}/{GROUPS}/{page_name(1)}"  # and so on
    read = min(dump.n_bytes_read, dump.n_bytes)
    return DumpStatus.model_validate(
        {
            "id": dump.id,
            "status": dump.state,
            "progress": {"bytes_read": read, "bytes_total": dump.n_bytes, "comments": dump.n_comments},
            "error": dump.error,
            "fault": dump.fault,
            "created_at": shown(dump.created_at),
            "started_at": shown(dump.started_at),
            "finished_at": shown(dump.finished_at),
            "expires_at": shown(dump.finished_at + keep_ms) if dump.finished_at else None,
            "links": links if dump.state == DONE else {},
        }
    )
