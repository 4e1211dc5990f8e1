from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from plaudit.errors import UsageError
from plaudit.service import traces
from tests.http import serving

export = pytest.importorskip(
    "opentelemetry.sdk.trace.export.in_memory_span_exporter", reason="OpenTelemetry comes with plaudit[otel]"
)
ONE = {"comments": [{"id": "c", "text": "secret-text", "author": "secret-name"}]}
PARENT = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


@pytest.fixture
def exporter(monkeypatch):
    exporter = export.InMemorySpanExporter()
    made = traces.Tracer
    monkeypatch.setattr(traces, "Tracer", lambda: made(exporter=exporter))
    return exporter


def spans_of(exporter):
    return {span.name: span for span in exporter.get_finished_spans()}


def test_a_request_is_traced_down_to_the_model(exporter):
    with serving(traces=True) as client:
        client.post("/v1/classify", json=ONE, headers={**PARENT, "X-Request-Id": "r-1"})
    found = spans_of(exporter)
    request = found["POST /v1/classify"]
    assert format(request.context.trace_id, "032x") == "0af7651916cd43dd8448eb211c80319c"
    assert dict(request.attributes) == {
        "http.request.method": "POST",
        "http.route": "/v1/classify",
        "http.response.status_code": 200,
        "plaudit.request_id": "r-1",
        "plaudit.n_comments": 1,
    }
    for name in ("queue", "inference"):
        assert found[name].parent.span_id == request.context.span_id
    assert found["queue"].end_time <= found["inference"].end_time
    assert found["inference"].start_time >= request.start_time


def test_an_index_is_traced(exporter):
    with serving(traces=True) as client:
        client.post("/v1/index", json=ONE)
    found = spans_of(exporter)
    assert found["inference"].parent.span_id == found["POST /v1/index"].context.span_id


def test_spans_hold_no_text_and_no_author(exporter, monkeypatch):
    def fail(*_, **__):
        raise ValueError("secret-text")

    with serving(traces=True) as client:
        client.post("/v1/classify", json=ONE)
        client.post("/v1/secret-path?key=secret", json=ONE)
        monkeypatch.setattr(client.app.state.engine, "classify", fail)
        assert client.post("/v1/classify", json=ONE).status_code == 500
    told = [span.to_json() for span in exporter.get_finished_spans()]
    assert len(told) >= 3
    assert "secret" not in "".join(told)
    failed = exporter.get_finished_spans()[-1]
    assert failed.status.status_code.name == "ERROR"
    assert failed.attributes["http.response.status_code"] == 500


def test_probes_are_not_traced_and_the_log_names_the_trace(exporter, caplog):
    with serving(traces=True) as client, caplog.at_level("INFO", logger="plaudit.service"):
        exporter.clear()
        caplog.clear()
        client.get("/health/ready")
        client.get("/v1/policy", headers=PARENT)
    assert list(spans_of(exporter)) == ["GET /v1/policy"]
    lines = [record.fields for record in caplog.records if record.message == "request"]
    assert [line.get("trace_id") for line in lines] == [None, "0af7651916cd43dd8448eb211c80319c"]


def test_without_the_setting_nothing_is_loaded():
    code = (
        "import sys, json; from plaudit.service import app, cli, traces;"
        "app.create_app();"
        "traces.span('x').__enter__(); traces.passed('x', start_ns=1, end_ns=2);"
        "print(json.dumps([name for name in sys.modules if name.startswith('opentelemetry.sdk')]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


_WATCHED = """
from opentelemetry import _logs, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans, logs = InMemorySpanExporter(), InMemoryLogRecordExporter()
tracers, loggers = TracerProvider(), LoggerProvider()
tracers.add_span_processor(SimpleSpanProcessor(spans))
loggers.add_log_record_processor(SimpleLogRecordProcessor(logs))
trace.set_tracer_provider(tracers)
_logs.set_logger_provider(loggers)

from tests.http import serving
with serving() as client:
    client.app.state.engine.classify = None
    client.post("/v1/classify?key=secret", json={"comments": [{"text": "secret"}]})
    client.post("/v1/classify", json={"comments": [{"text": ["secret"]}]})
print(len(spans.get_finished_spans()), len(logs.get_finished_logs()))
"""


def test_a_framework_s_own_telemetry_stays_silent():
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", _WATCHED], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["0", "0"]


def test_without_the_package_it_refuses_to_start(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(UsageError, match=r"pip install plaudit\[otel\]"):
        traces.Tracer()


def test_names_given_to_every_program_are_ours_too(monkeypatch):
    exporter = export.InMemorySpanExporter()
    monkeypatch.setenv("OTEL_SERVICE_NAME", "audit")
    with traces.Tracer(exporter=exporter).request({}):
        pass
    (span,) = exporter.get_finished_spans()
    assert span.resource.attributes["service.name"] == "audit"
    assert span.resource.attributes["service.version"]
