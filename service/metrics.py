"""What Prometheus reads at `/metrics`: numbers of requests, waiting, batches and labels; never a text.

One worker process keeps its numbers in memory. Several (`PLAUDIT_WORKERS`) share a folder that the
parent names in PROMETHEUS_MULTIPROC_DIR, so that whichever of them is asked tells the sum.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from functools import partial
from typing import Final

import numpy as np
from fastapi import APIRouter, Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from plaudit.scores import LABELS, Scores

SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_KIND = re.compile(rb'"type":"urn:plaudit:problem:([a-z-]{1,40})"')

router = APIRouter()


class Metrics:
    """The numbers of one service, by the names Prometheus knows them by."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter = partial(Counter, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry, multiprocess_mode="livesum")
        times = partial(Histogram, registry=self.registry, buckets=_SECONDS)
        sizes = partial(Histogram, registry=self.registry, buckets=_SIZES)
        self.requests = counter("plaudit_requests", "Requests.", ["route", "method", "status"])
        self.request_seconds = times("plaudit_request_seconds", "Time to the last byte.", ["route"])
        self.running = gauge("plaudit_requests_running", "Requests being worked on.")
        self.problems = counter("plaudit_problems", "Answers that are problems.", ["kind"])
        self.gone = counter("plaudit_callers_gone", "Callers who left before their answer.")
        self.quota_failures = counter(
            "plaudit_quota_failures", "Questions to the place of the quotas without an answer: let pass."
        )
        self.queue_comments = gauge("plaudit_queue_comments", "Room taken, in comments.")
        self.wait_seconds = times("plaudit_wait_seconds", "From arrival to the first batch.")
        self.inference_seconds = times("plaudit_inference_seconds", "One batch, tokenised and inferred.")
        self.tokenise_seconds = times(
            "plaudit_tokenise_seconds", "Of those: one batch, cleaned and tokenised."
        )
        self.batch_comments = sizes("plaudit_batch_comments", "Comments a batch.")
        self.batch_requests = sizes("plaudit_batch_requests", "Requests a batch.")
        self.repeated_texts = counter(
            "plaudit_repeated_texts", "Texts that another of the same batch answered."
        )
        self.cached_texts = counter(
            "plaudit_cached_texts", "Distinct texts of a batch known from earlier ones."
        )
        self.inference_failures = counter("plaudit_inference_failures", "Requests the model broke on.")
        self.labels = counter("plaudit_labels", "Comments labelled.", ["label"])
        self.unscorable = counter("plaudit_unscorable", "Comments without a label to trust.", ["reason"])
        self.truncated = counter("plaudit_truncated", "Comments longer than the model reads.")
        # All processes look into the same database: what was seen last holds, and no sum.
        seen = partial(Gauge, registry=self.registry, multiprocess_mode="livemostrecent")
        self.dumps = seen("plaudit_dumps", "Dumps that are kept.", ["state"])
        self.oldest_dump_seconds = seen(
            "plaudit_oldest_queued_dump_seconds", "Since the first of those that wait came; 0: none waits."
        )
        self.dump_failures = counter("plaudit_dump_failures", "Dumps that failed.", ["fault"])
        if not is_shared():
            ProcessCollector(registry=self.registry)
            PlatformCollector(registry=self.registry)

    def count_request(self, scope: Scope, *, status: int, seconds: float, kind: str = "") -> None:
        """Count a request that was answered, and the kind of problem if it was one."""
        route = route_of(scope)
        self.requests.labels(route, _method(scope), str(status or "none")).inc()
        self.request_seconds.labels(route).observe(seconds)
        if kind:
            self.problems.labels(kind).inc()

    def count_scores(self, scores: Scores) -> None:
        """Count the labels of some comments, and those of languages that are not read."""
        for label, n in zip(LABELS, np.bincount(scores.labels, minlength=len(LABELS)), strict=True):
            self.labels.labels(label).inc(int(n))
        if n_unread := int(np.count_nonzero(~scores.supported)):
            self.unscorable.labels("unsupported_language").inc(n_unread)
        if n_cut := int(np.count_nonzero(scores.truncated)):
            self.truncated.inc(n_cut)

    def count_rejected(self, reasons: Mapping[str, int]) -> None:
        """Count comments that could not be used, by reason."""
        for reason, n in reasons.items():
            self.unscorable.labels(reason).inc(n)

    def text(self) -> bytes:
        """Return everything in the format Prometheus reads."""
        if not is_shared():
            return generate_latest(self.registry)
        whole = CollectorRegistry()
        MultiProcessCollector(whole)  # type: ignore[no-untyped-call]
        return generate_latest(whole)


def is_shared() -> bool:
    """Tell whether several processes add up their numbers in a folder."""
    return bool(os.environ.get(SHARED_FOLDER))


class Meter:
    """Outermost ASGI middleware: counts every request with its route, status and kind of problem."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self.app, self.metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count one request; anything but HTTP passes through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, seen = time.perf_counter(), _Seen(send)
        self.metrics.running.inc()
        try:
            await self.app(scope, receive, seen.send)
        finally:
            self.metrics.running.dec()
            seconds = time.perf_counter() - started
            self.metrics.count_request(scope, status=seen.status, seconds=seconds, kind=seen.kind)


class _Seen:
    """Looks at what is sent: the status, and the kind of a problem."""

    def __init__(self, send: Send) -> None:
        self._send, self.status, self.kind, self._is_problem = send, 0, "", False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = dict(message.get("headers", ()))
            self._is_problem = headers.get(b"content-type", b"").startswith(b"application/problem+json")
        elif self._is_problem and (found := _KIND.search(message.get("body", b""))):
            self.kind = found[1].decode()
        await self._send(message)


def route_of(scope: Scope) -> str:
    """Return the declared path of what answered; paths nobody declared are one, or they would have no end."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "none"


def _method(scope: Scope) -> str:
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return scope["method"] if scope["method"] in known else "other"


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Tell Prometheus how things stand."""
    found: Metrics = request.app.state.metrics
    return Response(found.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})
