"""What the pages are made of: templates that escape whatever comes from data, one style, one script."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from plaudit.comment import REJECTION_REASONS
from plaudit.report import drawing, phrases, salience
from plaudit.report.timeline import FEW
from plaudit.scores import LABELS

MAX_TEXT: Final = 400
"""Characters of a comment that are shown."""

FOLDER: Final = Path(__file__).parent


def render(template: str, **values: Any) -> str:
    """Render a page that extends base.jinja; the same values give the same page.

    Ids, keys and texts come from strangers: everything is escaped, and the page's own policy forbids it to
    load or run anything that is not part of it.
    """
    script = source("script.jinja")
    return (
        environment()
        .get_template(template)
        .render(
            **values,
            style=Markup(source("report.css")),  # noqa: S704  our own file, no data in it
            script=Markup(script),  # noqa: S704  likewise
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )


@cache
def source(name: str) -> str:
    """Return a file of this package as it is."""
    return (FOLDER / name).read_text(encoding="utf-8")


@cache
def environment() -> Environment:
    """Return what renders the templates: all that comes from data is escaped, and cleaned of controls."""
    found = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_clean,
    )
    found.globals.update(
        drawing=drawing,
        phrases=phrases,
        salience=salience,
        rejections=REJECTION_REASONS,
        max_text=MAX_TEXT,
        labels=LABELS,
        few=FEW,
    )
    return found


def _clean(value: object) -> object:
    return phrases.printable(value) if type(value) is str else value
