"""OpenTelemetry traces, where the operator asks for them; without `plaudit[otel]` nothing of it is loaded.

Where traces go, and how many, is said by the variables that every OpenTelemetry program reads:
`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER` and their kin. Spans hold
numbers, routes and request ids; never a text, an author or a key.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from plaudit.errors import UsageError
from plaudit.service.problems import Problem
from plaudit.service.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

Value = str | int | float | bool
_TRACER: ContextVar[Tracer | None] = ContextVar("tracer", default=None)
_UNTRACED: Final = ("/health", "/metrics")  # asked every few seconds, by machines, and never slow
_MISSING: Final = (
    "PLAUDIT_TRACES is set, but OpenTelemetry is not installed: `pip install plaudit[otel]`, or unset it."
)


class Tracer:
    """Makes spans and sends them off in the background."""

    def __init__(self, *, exporter: SpanExporter | None = None) -> None:
        """Prepare.

        Args:
            exporter: Takes finished spans at once; None sends them over OTLP/HTTP, in batches.

        Raises:
            UsageError: OpenTelemetry is not installed.
        """
        try:
            from opentelemetry.sdk import resources
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

            if exporter is None:
                from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        except ImportError:
            raise UsageError(_MISSING) from None
        ours = resources.Resource.create(
            {resources.SERVICE_NAME: "plaudit", resources.SERVICE_VERSION: version("plaudit")}
        )
        # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES beat what is given here.
        resource = ours.merge(resources.OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        processor = SimpleSpanProcessor(exporter) if exporter else BatchSpanProcessor(OTLPSpanExporter())
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("plaudit")

    @contextmanager
    def request(self, headers: Mapping[str, str]) -> Iterator[Span]:
        """Trace a request, as a part of its caller's trace where that has one (`traceparent`)."""
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        parent = TraceContextTextMapPropagator().extract(headers)
        token = _TRACER.set(self)
        try:
            # An exception's message may quote a text: neither events nor status take it over.
            with self._tracer.start_as_current_span(
                "request",
                context=parent,
                kind=SpanKind.SERVER,
                record_exception=False,
                set_status_on_exception=False,
            ) as span:
                yield span
        finally:
            _TRACER.reset(token)

    def part(self, name: str, *, attributes: Mapping[str, Value]) -> AbstractContextManager[Span]:
        """Trace a part of the request at hand."""
        return self._tracer.start_as_current_span(
            name, attributes=dict(attributes), record_exception=False, set_status_on_exception=False
        )

    def passed(self, name: str, *, start_ns: int, end_ns: int, attributes: Mapping[str, Value]) -> None:
        """Trace a part of the request at hand that is over; times since the epoch."""
        span = self._tracer.start_span(name, start_time=start_ns, attributes=dict(attributes))
        span.end(end_time=end_ns)

    def close(self) -> None:
        """Send what is left, as long as that takes a few seconds."""
        self._provider.shutdown()


def span(name: str, **attributes: Value) -> AbstractContextManager[Any]:
    """Trace what is done inside as a part of the request at hand; does nothing where none is traced."""
    tracer = _TRACER.get()
    return nullcontext() if tracer is None else tracer.part(name, attributes=attributes)


@contextmanager
def turns(n_comments: int) -> Iterator[Callable[[], None]]:
    """Trace what is done inside as waiting until the yielded function is called, then as inference."""
    if _TRACER.get() is None:
        yield lambda: None
        return
    start, begun = time.time_ns(), list[int]()
    try:
        yield lambda: begun.append(time.time_ns())
    finally:
        end = time.time_ns()
        first = begun[0] if begun else end
        passed("queue", start_ns=start, end_ns=first, n_comments=n_comments)
        if begun:
            passed("inference", start_ns=first, end_ns=end, n_comments=n_comments)


def passed(name: str, *, start_ns: int, end_ns: int, **attributes: Value) -> None:
    """Trace a part of the request at hand that is over; does nothing where none is traced."""
    tracer = _TRACER.get()
    if tracer is not None:
        tracer.passed(name, start_ns=start_ns, end_ns=end_ns, attributes=attributes)


def install(app: FastAPI, settings: Settings) -> None:
    """Trace requests of `app` where the settings say so; `app.state.tracer` is None where they do not.

    Raises:
        UsageError: OpenTelemetry is not installed.
    """
    app.state.tracer = Tracer() if settings.traces else None
    if app.state.tracer:
        app.add_middleware(Traced, tracer=app.state.tracer)


class Traced:
    """ASGI middleware, inside the gate: one span for each request, and its id for the log."""

    def __init__(self, app: ASGIApp, *, tracer: Tracer) -> None:
        self.app, self.tracer = app, tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection; anything but HTTP passes through."""
        if scope["type"] != "http" or scope["path"].startswith(_UNTRACED):
            await self.app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        state = scope["state"]
        with self.tracer.request(headers) as span:
            state["trace_id"] = format(span.get_span_context().trace_id, "032x")

            status = 500

            async def tell(message: Message) -> None:
                nonlocal status
                status = message.get("status", status)
                await send(message)

            try:
                await self.app(scope, receive, tell)
            except Problem as problem:
                status = problem.status_code
                raise
            finally:
                _describe(span, scope, status=status)


def _describe(span: Span, scope: Scope, *, status: int) -> None:
    from opentelemetry.trace import StatusCode

    if status >= 500:  # a fault of ours
        span.set_status(StatusCode.ERROR)
    route = getattr(scope.get("route"), "path", None) or "unknown"
    span.update_name(f"{scope['method']} {route}")
    state = scope["state"]
    known = {
        "http.request.method": scope["method"],
        "http.route": route,
        "http.response.status_code": status,
        "plaudit.request_id": state["request_id"],
        "plaudit.n_comments": state.get("n_comments"),
    }
    span.set_attributes({name: value for name, value in known.items() if value is not None})
