"""The evaluation as one self-contained page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from plaudit.scores import LABELS
from plaudit.training.drawing import interval_plot, reliability_plot


def page(figures: Mapping[str, Mapping[str, Any]], *, model: str) -> str:
    """Return HTML of examined sets, by name; see `examination.examine`."""
    environment = Environment(
        undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    template = files("plaudit.training").joinpath("evaluation.jinja").read_text("utf-8")
    return environment.from_string(template).render(
        model=model,
        sets=figures,
        labels=LABELS,
        made=datetime.now(UTC).date().isoformat(),
        plots={name: _plots(each) for name, each in figures.items()},
    )


def _plots(figures: Mapping[str, Any]) -> dict[str, str]:
    named = {"macro-F1": figures["macro_f1"], **{f"F1 {k}": v for k, v in figures["f1"].items()}}
    named["F1 question, no question mark"] = figures["f1_question_unmarked"]
    named["precision generic_praise"] = figures["precision_generic_praise"]
    rows = [
        (name, each["value"], each["low"], each["high"], f"({each['n']:,})")
        for name, each in named.items()
        if each is not None
    ]
    slices = [
        (name, each["macro_f1"], each["low"], each["high"], f"({each['n']:,})")
        for name, each in figures["slices"].items()
    ]
    return {
        "figures": interval_plot(rows, label="Figures with 95 % intervals"),
        "slices": interval_plot(slices, label="Macro-F1 by slice") if slices else "",
        "reliability": reliability_plot(figures["calibration"]["points"]),
    }
