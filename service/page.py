"""The page at `/`: a form for comments, and their report; needs neither a program nor JavaScript."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response

from plaudit import readers
from plaudit.comment import Batch
from plaudit.pipeline import Context, Pipeline
from plaudit.scores import Scores
from plaudit.service import unpacking
from plaudit.service.engine import Engine
from plaudit.service.evidence import Texts
from plaudit.service.page_view import Asked, Result, page
from plaudit.service.problems import Problem
from plaudit.service.quotas import Account
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
    engine: Engine = request.app.state.engine
    account: Account | None = request.scope["state"].get("account")
    if account:
        await account.quotas.admit(account.key)
    pipeline, settings = engine.pipeline, request.app.state.settings
    async with submission_of(request) as submission:
        result = await engine.run(lambda: scored(submission, pipeline, settings=settings))
    request.state.n_comments = result.report.coverage.read
    engine.metrics.count_rejected(result.report.coverage.rejected)
    if account:
        await account.quotas.debit(account.key, result.report.coverage.read)
    return page(settings, asked=submission.asked, result=result)


def scored(submission: Submission, pipeline: Pipeline, *, settings: Settings) -> Result:
    """Read and score what was sent; nothing of it is left on the disk.

    Raises:
        UsageError: It can't be read, or unpacks to far more than it should.
        Problem: There are too many comments (413).
    """
    sheet, texts, asked = Sheet(), Texts(), submission.asked
    options = submission.options(batch_size=_BATCH_SIZE)

    def on_batch(batch: Batch, scores: Scores) -> None:
        sheet.add(batch, scores)
        texts.keep(batch.comments)

    limits = unpacking.Limits(n_bytes=_UNPACKED * settings.max_body_bytes, ratio=settings.max_unpacked_ratio)
    with submission.on_disk() as path:
        unpacking.check(path, limits=limits)
        report = pipeline.score(
            _limited(readers.read([path], options=options), max_comments=settings.max_comments),
            context=Context(creator_id=options.creator, platform=options.platform),
            group_by=asked.by or None,
            on_batch=on_batch,
        )
        return Result(
            report=report,
            texts=texts.of(report, read_again=lambda: readers.read([path], options=options)),
            rows=sheet.rows,
            n_comments=sheet.n_comments,
            timeline=sheet.timeline(),
            name=submission.name,
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
