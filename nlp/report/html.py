"""The report as one self-contained page: no other host, no script needed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from plaudit.comment import REJECTION_REASONS
from plaudit.report import drawing, phrases, salience
from plaudit.report.envelope import Report

MAX_SECTIONS: Final = 200
"""Groups with a section of their own; all stand in the ranked table, more sections would stall a browser."""

MAX_TEXT: Final = 400
"""Characters of a comment that are shown as evidence."""

_FOLDER: Final = Path(__file__).parent


def render_html(report: Report, *, texts: Mapping[str, str] | None = None) -> str:
    """Render a report as an HTML page; the same arguments give the same page.

    Ids, keys and texts come from strangers: everything is escaped, and the page's own policy forbids
    it to load or run anything that is not part of it.

    Args:
        report: What was measured.
        texts: Comment texts by id, for the evidence; ids are shown where one is missing.
    """
    script = source("script.jinja")
    return (
        environment()
        .get_template("page.jinja")
        .render(
            report=report,
            texts=texts or {},
            groups=salience.ranked(report.groups),
            sections=_sections(report),
            indices=phrases.signal_indices(report.policy.get("hash", "")),
            style=Markup(source("report.css")),  # noqa: S704  our own file, no data in it
            script=Markup(script),  # noqa: S704  likewise
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )


def _sections(report: Report) -> dict[str, int]:
    """Number the groups that get a section, most comments first, so that no key ends up in an anchor."""
    return {group.key: i for i, group in enumerate(report.groups[:MAX_SECTIONS], start=1)}


@cache
def source(name: str) -> str:
    """Return a file of this package as it is."""
    return (_FOLDER / name).read_text(encoding="utf-8")


@cache
def environment() -> Environment:
    """Return what renders the templates: all that comes from data is escaped, and cleaned of controls."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_clean,
    )
    environment.globals.update(
        drawing=drawing, phrases=phrases, salience=salience, rejections=REJECTION_REASONS, max_text=MAX_TEXT
    )
    return environment


def _clean(value: object) -> object:
    return phrases.printable(value) if type(value) is str else value
