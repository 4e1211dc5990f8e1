"""The page at `/`: a form for comments, and their report; needs neither a program nor JavaScript."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response

from plaudit import readers
from plaudit.comment import Batch
from plaudit.pipeline import Context
from plaudit.report.envelope import Report
from plaudit.report.group_file import MAX_HELD
from plaudit.scores import Scores
from plaudit.service import unpacking
from plaudit.service.callers import while_there
from plaudit.service.engine import Engine
from plaudit.service.evidence import Texts
from plaudit.service.page_view import Asked, Result, page
from plaudit.service.problems import Problem
from plaudit.service.quotas import count
from plaudit.service.room import weight_of
from plaudit.service.settings import Settings
from plaudit.service.sheet import Sheet
from plaudit.service.submission import Submission, submission_of

router = APIRouter(include_in_schema=False)
PATH: Final = "/"
_EXAMPLE: Final = Path(__file__).parent / "static" / "example.ndjson"
_BATCH_SIZE: Final = 1024
_UNPACKED: Final = 16  # what comments pack to at best


@router.get(PATH)
async def front(request: Request) -> Response:
    """Show the form, filled with an example where the query asks for it."""
    text = _EXAMPLE.read_text("utf-8") if "example" in request.query_params else ""
    return page(request.app.state.settings, asked=Asked(text=text))


@router.post(PATH)
async def answer(request: Request) -> Response:
    """Score what the form brought and show the report."""
    _ = request.app.state.engine.pipeline  # before a body is read for nothing
    await count(request, 0)
    async with submission_of(request) as submission, submission.on_disk() as path:
        return await while_there(request, scored(request, submission, path))


async def scored(request: Request, submission: Submission, path: Path) -> Response:
    """Return the page of what was sent, which lies at `path`; it takes room and turns as any request does.

    Raises:
        UsageError: It can't be read, or unpacks to far more than it should.
        Problem: There are too many comments (413), or there is no room for them (429).
    """
    engine: Engine = request.app.state.engine
    settings: Settings = request.app.state.settings
    section = _Section(submission, path)
    n_comments, weight = await engine.run(lambda: section.size(settings))
    request.state.n_comments = n_comments
    await count(request, n_comments)
    asked = submission.asked
    with closing(request.app.state.sections.open()) as share, engine.room.hold(weight):
        if asked.by and n_comments > MAX_HELD and not share.take(n_comments):
            raise engine.room.refusal(n_comments)
        report = await engine.measure(
            section.batches(), context=section.context, group_by=asked.by or None, on_batch=section.add
        )
        # The report of many groups, its JSON and a long text take a second to write.
        return await engine.apart(lambda: page(settings, asked=asked, result=section.result(report)))


class _Section:
    """The comments that were sent. They are read twice: how many there are is known before any is scored."""

    def __init__(self, submission: Submission, path: Path) -> None:
        self._submission, self._path = submission, path
        self._options = submission.options(batch_size=_BATCH_SIZE)
        self.context = Context(creator_id=self._options.creator, platform=self._options.platform)
        self._sheet, self._texts = Sheet(), Texts()

    def batches(self) -> Iterator[Batch]:
        """Read them; nothing is done before the first is asked for."""
        yield from readers.read([self._path], options=self._options)

    def size(self, settings: Settings) -> tuple[int, int]:
        """Return how many records there are, and what they count for.

        Raises:
            UsageError: They can't be read, or unpack to far more than they should.
            Problem: There are too many (413).
        """
        n_bytes = _UNPACKED * settings.max_body_bytes
        unpacking.check(
            self._path, limits=unpacking.Limits(n_bytes=n_bytes, ratio=settings.max_unpacked_ratio)
        )
        n_records = weight = 0
        for batch in _limited(self.batches(), max_comments=settings.max_comments):
            n_records += len(batch.comments) + len(batch.rejections)
            weight += len(batch.rejections) + weight_of(batch.comments.column("text").to_pylist())
        return n_records, weight

    def add(self, batch: Batch, scores: Scores) -> None:
        """Keep what the page shows of a batch beside the report."""
        self._sheet.add(batch, scores)
        self._texts.keep(batch.comments)

    def result(self, report: Report) -> Result:
        """Return what the page shows, once all were added."""
        sheet = self._sheet
        return Result(
            report=report,
            texts=self._texts.of(report, read_again=self.batches),
            rows=sheet.rows,
            n_comments=sheet.n_comments,
            timeline=sheet.timeline(),
            name=self._submission.name,
        )


def _limited(batches: Iterable[Batch], *, max_comments: int) -> Iterator[Batch]:
    # Counted while reading: a small archive may hold any number of comments.
    n_records = 0
    for batch in batches:
        n_records += len(batch.comments) + len(batch.rejections)
        if n_records > max_comments:
            raise Problem(
                "too-many-comments",
                f"There are more than {max_comments:,} comments in it.",
                hint="Send a part of them, or use `plaudit score` for all.",
            )
        yield batch
