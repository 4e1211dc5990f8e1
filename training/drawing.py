"""Plots of an evaluation, as SVG that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

_SIDE: Final = 300
_MARGIN: Final = 44
_ROW: Final = 22
_NAMES, _PLOT, _NUMBERS = 250, 330, 150


def reliability_plot(points: Sequence[Mapping[str, Any]]) -> str:
    """Return a plot of the share right against the probability given, one dot a bin with its interval."""
    size = _SIDE + 2 * _MARGIN
    parts = [
        f'<svg viewBox="0 0 {size} {size}" width="{size}" role="img" aria-label="Reliability plot">',
        f'<rect class="frame" x="{_MARGIN}" y="{_MARGIN}" width="{_SIDE}" height="{_SIDE}"/>',
        f'<line class="ideal" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>',
    ]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts += [
            f'<text class="tick" x="{_x(tick)}" y="{_y(0) + 16}" text-anchor="middle">{tick:g}</text>',
            f'<text class="tick" x="{_x(0) - 6}" y="{_y(tick) + 4}" text-anchor="end">{tick:g}</text>',
        ]
    for point in points:
        x = _x(point["confidence"])
        parts += [
            f'<line class="reach" x1="{x}" y1="{_y(point["low"])}" x2="{x}" y2="{_y(point["high"])}"/>',
            f'<circle class="dot" cx="{x}" cy="{_y(point["right"])}" r="4"><title>{point["n"]:,} comments: '
            f"said {point['confidence']:.3f}, right {point['right']:.3f}</title></circle>",
        ]
    middle = size / 2
    parts += [
        f'<text class="axis" x="{middle}" y="{size - 8}" text-anchor="middle">probability given</text>',
        f'<text class="axis" transform="rotate(-90)" x="-{middle}" y="12" text-anchor="middle">'
        "share right</text>",
        "</svg>",
    ]
    return "".join(parts)


def _x(value: float) -> float:
    return round(_MARGIN + value * _SIDE, 1)


def _y(value: float) -> float:
    return round(_MARGIN + (1 - value) * _SIDE, 1)


def interval_plot(rows: Sequence[tuple[str, float, float, float, str]], *, label: str) -> str:
    """Return a row a figure: its name, a dot with its interval between 0 and 1, and a note.

    Args:
        rows: Name, value, low, high, note.
        label: Of the whole plot, for those who cannot see it.
    """
    height, width = _ROW * (len(rows) + 1), _NAMES + _PLOT + _NUMBERS
    least = min([0.5, *(low for _, _, low, _, _ in rows)])
    start = max(0.0, int(least * 10) / 10)

    def at(value: float) -> float:
        return round(_NAMES + (value - start) / (1 - start) * _PLOT, 1)

    parts = [f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{escape(label)}">']
    for step in range(round((1 - start) * 10) + 1):
        tick = start + step / 10
        x = at(tick)
        parts += [
            f'<line class="grid" x1="{x}" y1="0" x2="{x}" y2="{height - _ROW}"/>',
            f'<text class="tick" x="{x}" y="{height - 6}" text-anchor="middle">{tick:.1f}</text>',
        ]
    for i, (name, value, low, high, note) in enumerate(rows):
        y = i * _ROW + _ROW / 2
        parts += [
            f'<text class="name" x="{_NAMES - 10}" y="{y + 4}" text-anchor="end">{escape(name)}</text>',
            f'<line class="reach" x1="{at(low)}" y1="{y}" x2="{at(high)}" y2="{y}"/>',
            f'<circle class="dot" cx="{at(value)}" cy="{y}" r="4"/>',
            f'<text class="note" x="{_NAMES + _PLOT + 14}" y="{y + 4}">{value:.3f} {escape(note)}</text>',
        ]
    return "".join([*parts, "</svg>"])
