"""Plaudit: tells conversation from applause.

    import plaudit

    report = plaudit.score("dump.jsonl", creator="UC123")
    print(report.index, report.labels["genuine"])
    plaudit.classify(["Great post!", "Which glue did you use?"])
    plaudit.label(frame, text="body")  # pandas, polars, Arrow

Everything below is fetched when first asked for, so that importing the package takes no time.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from plaudit import errors, udf
    from plaudit.library import classify, score
    from plaudit.pipeline import Pipeline
    from plaudit.report.envelope import Report
    from plaudit.udf import label

    __version__: str

# onnxruntime would give this machine a number and send events to its makers from the moment it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__all__ = ["Pipeline", "Report", "__version__", "classify", "errors", "label", "score", "udf"]

_PLACES: Final = {
    "Pipeline": "plaudit.pipeline",
    "Report": "plaudit.report.envelope",
    "classify": "plaudit.library",
    "label": "plaudit.udf",
    "score": "plaudit.library",
}
_MODULES: Final = ("errors", "udf")


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        value = getattr(import_module(_PLACES[name]), name)
    elif name in _MODULES:
        value = import_module(f"plaudit.{name}")
    elif name == "__version__":
        value = import_module("importlib.metadata").version("plaudit")
    else:
        raise AttributeError(f"module 'plaudit' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
