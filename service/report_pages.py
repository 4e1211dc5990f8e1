"""The pages of a report: the main one, and one for each of the largest groups in a folder beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from plaudit.facts import Facts
from plaudit.partition.groups import chosen_of
from plaudit.partition.stored import Held, Stored, whole
from plaudit.report import salience
from plaudit.report.details import COURSE_COLUMNS, Detail, course_of, detail
from plaudit.report.envelope import Finding, Report
from plaudit.report.html import render_group, render_html
from plaudit.service.evidence import MAX_QUOTED, Found

GROUPS: Final = "groups"
"""Folder of the groups' pages, beside the main page."""

MAX_PAGES: Final = MAX_QUOTED
"""Groups with a page of their own, those with the most comments: some 100 kB each, so 30 MB at most."""

MAX_CLOSE: Final = 200_000
"""Comments up to which what was read, or a group, is shown close up; its course is shown for any number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPages:
    """What the pages of one report show.

    Attributes:
        report: What was measured.
        whole: Everything that was read, close up.
        groups: Each group that has a page, close up; empty where they stand in the main page.
    """

    report: Report
    whole: Detail
    groups: Mapping[str, Detail]

    @classmethod
    def of(cls, report: Report, facts: Stored, *, by: str | None, folder: Path) -> ReportPages:
        """Look at what was read.

        Args:
            report: Measured on `facts`.
            facts: Of every comment.
            by: "post" or "creator" for a page of each group; None for the one page.
            folder: For nothing else; gone afterwards.
        """
        chosen = {group.key: group for group in report.groups[:MAX_PAGES]} if by else {}
        groups = chosen_of(facts, folder, by=by, names=list(chosen), most=MAX_CLOSE) if by else ()
        return cls(
            report=report,
            whole=_detail(facts, None if report.groups else report),
            groups={key: _detail(part, chosen[key]) for key, part in groups},
        )

    def keys(self) -> set[int]:
        """Return the keys of the comments whose text is shown."""
        return {key for each in (self.whole, *self.groups.values()) for key in each.keys()}  # noqa: SIM118

    def main(self, found: Found) -> str:
        """Return the main page."""
        pages = {key: f"{GROUPS}/{name}" for key, name in self._names().items()}
        return render_html(self.report, texts=found.by_id, detail=self.whole, said=found.by_key, pages=pages)

    def write(self, folder: Path, found: Found) -> None:
        """Write the groups' pages into a new folder."""
        folder.mkdir()
        places, n_ranked = salience.places(self.report.groups, MAX_PAGES)
        groups = {group.key: group for group in self.report.groups[:MAX_PAGES]}
        for key, name in self._names().items():
            page = render_group(
                groups[key],
                self.report,
                detail=self.groups[key],
                texts=found.by_id,
                said=found.by_key,
                place=(places[key], n_ranked) if key in places else None,
            )
            (folder / name).write_text(page, "utf-8")

    def _names(self) -> dict[str, str]:
        return {key: page_name(number) for number, key in enumerate(self.groups, start=1)}


def page_name(number: int) -> str:
    """Return the file name of a group's page: numbers, as a key may hold what no file name may."""
    return f"{number:04d}.html"


def _detail(facts: Facts | Stored, finding: Finding | None) -> Detail:
    """Look at comments close up, where they are few enough; else, or without a finding, at their course."""
    if isinstance(facts, Facts):
        facts = Held(facts)
    if finding is None or len(facts) > MAX_CLOSE:
        return Detail(timeline=course_of(facts.tables(COURSE_COLUMNS)))
    return detail(whole(facts), finding)
