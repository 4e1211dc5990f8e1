"""Figures as tables on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table


def show(figures: Mapping[str, Any], console: Console, *, title: str) -> None:
    """Print the figures of one labelled set, and whatever else was examined."""
    table = _table(
        f"{title}: {figures['n']:,} comments, {figures['model']}", "figure", "value", "95 % interval"
    )
    rows = {"macro-F1": figures["macro_f1"], **{f"F1 {k}": v for k, v in figures["f1"].items()}}
    rows["F1 question, no question mark"] = figures["f1_question_unmarked"]
    rows["precision generic_praise"] = figures["precision_generic_praise"]
    for name, figure in rows.items():
        table.add_row(name, *_cells(figure))
    for flag, value in figures["flag_f1"].items():
        table.add_row(f"F1 flag {flag}", "-" if value is None else f"{value:.3f}", "")
    table.add_row("calibration error (debiased)", *_cells(figures["calibration"]["overall"]))
    for name, figure in figures["calibration"]["by_source"].items():
        table.add_row(f"calibration error, source {name}", *_cells(figure))
    console.print(table)
    if figures["slices"]:
        console.print(_slice_table(figures["slices"]))
    if "baselines" in figures:
        _show_examination(figures, console)


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title)
    for column, heading in enumerate(headings):
        table.add_column(heading, justify="right" if column else "left")
    return table


def _cells(figure: Mapping[str, Any] | None) -> tuple[str, str]:
    if figure is None:
        return "-", "nothing to measure"
    return f"{figure['value']:.3f}", f"{figure['low']:.3f} to {figure['high']:.3f}"


def _slice_table(slices: Mapping[str, Any]) -> Table:
    table = _table("Slices of 30 comments or more", "slice", "n", "macro-F1", "95 % interval", "right")
    for name, figure in slices.items():
        interval = f"{figure['low']:.3f} to {figure['high']:.3f}"
        table.add_row(
            name, f"{figure['n']:,}", f"{figure['macro_f1']:.3f}", interval, f"{figure['accuracy']:.3f}"
        )
    return table


def _exact_table(figures: Mapping[str, Any], exact: Mapping[str, Any]) -> Table:
    table = _table("What is given up for speed", "", "as served", "large network alone", "the same answer")
    lead = exact["model_leads_by"]
    table.add_row("macro-F1", *(_cells(each["macro_f1"])[0] for each in (figures, exact)), "")
    table.add_row(
        "paired difference", f"{lead['value']:+.3f}", f"{lead['low']:+.3f} to {lead['high']:+.3f}", ""
    )
    table.add_row("label", "", "", f"{exact['same_label']:.1%}")
    for flag, same in exact["same_flags"].items():
        both = (
            "-" if f1 is None else f"{f1:.3f}" for f1 in (figures["flag_f1"][flag], exact["flag_f1"][flag])
        )
        table.add_row(f"F1 flag {flag}", *both, f"{same:.1%}")
    table.add_row("largest shift of a share", "", "", f"{exact['share_shift']:.4f}")
    return table


def _show_examination(figures: Mapping[str, Any], console: Console) -> None:
    table = _table(
        "What it has to beat", "", "macro-F1", "95 % interval", "the model leads by", "95 % interval"
    )
    table.add_row("the model", *_cells(figures["macro_f1"]), "", "")
    for name, each in figures["baselines"].items():
        table.add_row(name, *_cells(each["macro_f1"]), *_cells(each["model_leads_by"]))
    console.print(table)
    if "exact" in figures:
        console.print(_exact_table(figures, figures["exact"]))
    table = _table(
        "With words hidden", "", "macro-F1", "95 % interval", "against the clean text", "95 % interval"
    )
    for name, each in figures["obfuscated"].items():
        table.add_row(name, *_cells(each["macro_f1"]), *_cells(each["against_clean"]))
    console.print(table)
    shares, speed = figures["shares"], figures["speed"]
    if shares is not None:
        errors = shares["mean_absolute_error"]
        console.print(
            f"Shares of labels, {shares['n_samples']} mixes of {shares['n_comments']} comments: mean "
            f"absolute error {errors['corrected']:.3f} as served, {errors['mean_probability']:.3f} as mean "
            f"probabilities, {errors['counted']:.3f} counted."
        )
    console.print(
        f"Speed: {speed['comments_per_second']:,.0f} different comments a second, "
        f"{speed['comments_per_cpu_second']:,.0f} a CPU second."
    )
