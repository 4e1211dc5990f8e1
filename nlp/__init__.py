"""Plaudit: tells conversation from applause.

    import plaudit

    report = plaudit.score("dump.jsonl", creator="UC123")
    print(report.index, report.labels["genuine"])
    plaudit.classify(["Great post!", "Which glue did you use?"])

Everything below is fetched when first asked for, so that importing the package takes no time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from plaudit import errors
    from plaudit.library import classify, score
    from plaudit.pipeline import Pipeline
    from plaudit.report.envelope import Report

    __version__: str

__all__ = ["Pipeline", "Report", "__version__", "classify", "errors", "score"]

_PLACES: Final = {
    "Pipeline": "plaudit.pipeline",
    "Report": "plaudit.report.envelope",
    "classify": "plaudit.library",
    "score": "plaudit.library",
}


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        value = getattr(import_module(_PLACES[name]), name)
    elif name == "errors":
        value = import_module("plaudit.errors")
    elif name == "__version__":
        value = import_module("importlib.metadata").version("plaudit")
    else:
        raise AttributeError(f"module 'plaudit' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
