"""The report as self-contained pages: no other host, no script needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from plaudit.report import phrases, salience
from plaudit.report.details import Detail
from plaudit.report.envelope import Group, Report
from plaudit.report.templates import render

MAX_SECTIONS: Final = 200
"""Groups with a section of their own in the one page; more sections would stall a browser."""

MAX_RANKED: Final = 2000
"""Groups in the ranked table, those with the most comments: some 5 MB."""

BACK: Final = "../report.html#groups"


def render_html(
    report: Report,
    *,
    texts: Mapping[str, str] | None = None,
    detail: Detail | None = None,
    said: Mapping[int, str] | None = None,
    pages: Mapping[str, str] | None = None,
) -> str:
    """Render a report as an HTML page; the same arguments give the same page.

    Args:
        report: What was measured.
        texts: Comment texts by id, for the evidence; ids are shown where one is missing.
        detail: Everything that was read, close up; None shows nothing of it.
        said: Comment texts by key, for the detail.
        pages: Address of the page of each group that has one; without any, the groups with the most
            comments have a section.
    """
    shown = report.groups[:MAX_RANKED]
    return render(
        "page.jinja",
        report=report,
        texts=texts or {},
        groups=salience.ranked(shown),
        n_groups=len(report.groups),
        pages=pages or {},
        sections={} if pages else _sections(report),
        indices=phrases.signal_indices(report.policy.get("hash", "")),
        detail=detail or Detail(),
        is_close=detail is not None and not report.groups,
        said=said or {},
    )


def render_group(
    group: Group,
    report: Report,
    *,
    detail: Detail,
    texts: Mapping[str, str],
    said: Mapping[int, str],
    place: tuple[int, int] | None = None,
) -> str:
    """Render the page of one group, to lie in a folder beside the report's.

    Args:
        group: What was measured on it.
        report: It belongs to.
        detail: Its comments close up.
        texts: Comment texts by id, for the evidence.
        said: Comment texts by key, for the detail.
        place: In the ranking, and of how many; None where it has no index.
    """
    return render(
        "group.jinja",
        group=group,
        report=report,
        texts=texts,
        indices=phrases.signal_indices(report.policy.get("hash", "")),
        detail=detail,
        said=said,
        back=BACK,
        rank=place[0] if place else None,
        n_ranked=place[1] if place else None,
    )


def _sections(report: Report) -> dict[str, int]:
    """Number the groups that get a section, most comments first, so that no key ends up in an anchor."""
    return {group.key: i for i, group in enumerate(report.groups[:MAX_SECTIONS], start=1)}
