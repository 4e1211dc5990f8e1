"""The page as HTML: the report's own look, with a form above and the comments below."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from plaudit.comment import PLATFORMS, REJECTION_REASONS
from plaudit.report import drawing, html, phrases, salience, templates
from plaudit.report.envelope import KeptGroups, Report
from plaudit.report.timeline import FEW, Timeline
from plaudit.scores import LABELS
from plaudit.service.settings import Settings
from plaudit.service.sheet import Row

FORMATS: Final = (
    "YouTube Data API JSON, yt-dlp info.json, youtube-comment-downloader, Reddit dumps, CSV, TSV, JSON, "
    "NDJSON, Parquet or plain lines"
)
DUMPS: Final = "v1/dumps"
"""Where large files are taken, relative to the page."""

_TITLES: Final = {"youtube": "YouTube", "tiktok": "TikTok"} | {
    name: name.capitalize() for name in ("instagram", "reddit", "facebook", "blog", "other")
}
_HERE: Final = Path(__file__).parent
_REPORT: Final = templates.FOLDER
_ICON: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path fill="#0b6f66" d="M6 4h20a4 4 0 0 1 4 '
    '4v12a4 4 0 0 1-4 4H15l-7 6v-6H6a4 4 0 0 1-4-4V8a4 4 0 0 1 4-4z"/><path stroke="#fff" stroke-width="2.4" '
    'stroke-linecap="round" d="M9 17v-3M14 17V10M19 17v-5M24 17v-2"/></svg>'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What stands in the form; a page that answers a form shows it again."""

    text: str = ""
    creator: str = ""
    platform: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a page shows of scored comments.

    Attributes:
        report: What was measured.
        texts: Comment texts by id, for the evidence.
        rows: The first comments with their labels; empty where they are not at hand.
        n_comments: How many comments there were.
        timeline: Labels over time; None where there is no course to see.
        name: Of the file; None where the comments were pasted.
        link: Where the report is as JSON; None where it is kept nowhere, then the page carries it.
    """

    report: Report
    texts: Mapping[str, str] = field(default_factory=dict)
    rows: Sequence[Row] = ()
    n_comments: int = 0
    timeline: Timeline | None = None
    name: str | None = None
    link: str | None = None

    @property
    def json(self) -> str:
        """The report's JSON in base64; empty where its groups are more than memory should hold."""
        if isinstance(self.report.groups, KeptGroups):
            return ""
        return base64.b64encode(self.report.to_json()).decode()


def page(
    settings: Settings,
    *,
    asked: Asked | None = None,
    result: Result | None = None,
    problem: Mapping[str, Any] | None = None,
    status: int = 200,
) -> HTMLResponse:
    """Return the page: the form, and below it what came of it.

    Whatever comes from outside is escaped, and the page may run its own script only, load nothing, and
    talk to nobody but this service.

    Args:
        settings: Of the service, for its limits.
        asked: What stands in the form.
        result: What was found.
        problem: A problem's body, where there is none.
        status: Of the response.
    """
    content = _environment().get_template("front.jinja").render(
        asked=asked or Asked(),
        result=result,
        problem={"errors": (), "hint": None} | dict(problem) if problem else None,
        keys=bool(settings.api_keys or settings.api_keys_file),
        limits=_limits(settings),
        **_of(result.report if result else None),
        texts=result.texts if result else {},
    )  # fmt: skip
    return HTMLResponse(content, status, headers=_headers())


def _of(report: Report | None) -> dict[str, Any]:
    if report is None:
        return {"groups": (), "n_groups": 0, "pages": {}, "sections": {}, "indices": {}, "report": None}
    shown = report.groups[: html.MAX_SECTIONS]
    return {
        "report": report,
        "groups": salience.ranked(report.groups[: html.MAX_RANKED]),
        "n_groups": len(report.groups),
        "pages": {},
        "sections": {group.key: i for i, group in enumerate(shown, start=1)},
        "indices": phrases.signal_indices(report.policy.get("hash", "")),
    }


def _limits(settings: Settings) -> dict[str, Any]:
    return {
        "max_body_bytes": settings.max_body_bytes,
        "max_dump_bytes": settings.max_dump_bytes,
        "size": f"{_size(settings.max_body_bytes)} and {phrases.counted(settings.max_comments, 'comment')}",
        "dump_size": _size(settings.max_dump_bytes),
        "days": f"{settings.keep_dumps_hours / 24:.3g}",
    }


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 10**6:,.0f} MB" if n_bytes >= 10**6 else f"{n_bytes / 10**3:,.0f} kB"


@cache
def _headers() -> dict[str, str]:
    policy = {
        "default-src": "'none'",
        "script-src": _hash(_script()),
        "style-src": _hash(_style()),
        "style-src-attr": "'unsafe-inline'",  # the report's bars say their width in an attribute
        "img-src": "data:",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def _hash(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


@cache
def _script() -> str:
    return "".join((_HERE / "static" / name).read_text("utf-8") for name in ("page.js", "dumps.js"))


@cache
def _style() -> str:
    return (_REPORT / "report.css").read_text("utf-8") + (_HERE / "static" / "page.css").read_text("utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader([_HERE / "templates", _REPORT]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: phrases.printable(value) if type(value) is str else value,
    )
    environment.globals.update(
        drawing=drawing,
        phrases=phrases,
        salience=salience,
        rejections=REJECTION_REASONS,
        max_text=templates.MAX_TEXT,
        labels=LABELS,
        few=FEW,
        formats=FORMATS,
        dumps=DUMPS,
        platforms=PLATFORMS,
        titles=_TITLES,
        icon=f"data:image/svg+xml,{quote(_ICON)}",
        style=Markup(_style()),  # noqa: S704  our own files, no data in them
        script=Markup(_script()),  # noqa: S704  likewise
    )
    return environment
