"""The report as one self-contained page: no other host, no script needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from plaudit.report import phrases, salience
from plaudit.report.envelope import Report
from plaudit.report.templates import render

MAX_SECTIONS: Final = 200
"""Groups with a section of their own; all stand in the ranked table, more sections would stall a browser."""


def render_html(report: Report, *, texts: Mapping[str, str] | None = None) -> str:
    """Render a report as an HTML page; the same arguments give the same page.

    Args:
        report: What was measured.
        texts: Comment texts by id, for the evidence; ids are shown where one is missing.
    """
    return render(
        "page.jinja",
        report=report,
        texts=texts or {},
        groups=salience.ranked(report.groups),
        sections=_sections(report),
        indices=phrases.signal_indices(report.policy.get("hash", "")),
    )


def _sections(report: Report) -> dict[str, int]:
    """Number the groups that get a section, most comments first, so that no key ends up in an anchor."""
    return {group.key: i for i, group in enumerate(report.groups[:MAX_SECTIONS], start=1)}
