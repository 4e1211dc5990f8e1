from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from plaudit.report import charts
from plaudit.report.claims import Chart, Series

values = st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=9)


def places(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path)]


@given(values, st.booleans(), st.booleans())
def test_every_point_lies_inside_its_box(ys: list[float], joined: bool, diagonal: bool) -> None:
    xs = tuple(float(i) for i in range(len(ys)))
    low, high = tuple(y - 1 for y in ys), tuple(y + 1 for y in ys)
    series = Series(name="s", x=xs, y=tuple(ys), low=low, high=high, joined=joined)
    plot = charts.plot(Chart(title="t", x_title="x", y_title="y", series=(series,), diagonal=diagonal))
    (layer,) = plot.layers
    drawn = [*layer.dots, *places(layer.line), *places(layer.area), *places(layer.bars)]
    assert len(layer.dots) == len(ys)
    for x, y in drawn:
        assert charts.LEFT - 0.01 <= x <= charts.WIDTH - charts.RIGHT + 0.01
        assert charts.TOP - 0.01 <= y <= charts.HEIGHT - charts.BOTTOM + 0.01
    assert bool(layer.line) == joined
    assert bool(plot.diagonal) == diagonal


def test_higher_values_stand_higher_and_ticks_count_evenly() -> None:
    series = Series(name="s", x=(0.0, 0.5), y=(10.0, 42.0))
    plot = charts.plot(Chart(title="t", x_title="x", y_title="y", series=(series,)))
    (first, second) = plot.layers[0].dots
    assert second[0] > first[0]
    assert second[1] < first[1]
    assert [tick.text for tick in plot.y_ticks] == ["10", "20", "30", "40", "50"]
    assert [tick.text for tick in plot.x_ticks] == ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5"]


@given(values)
def test_a_ladder_keeps_to_its_axis(ys: list[float]) -> None:
    names = tuple(f"rung {i}" for i in range(len(ys)))
    series = Series(name="s", x=(), y=tuple(ys), low=tuple(y - 2 for y in ys), high=tuple(y + 2 for y in ys))
    ladder = charts.ladder(Chart(title="t", x_title="x", series=(series,), rungs=names, band=(0.0, 1.0)))
    assert [rung.name for rung in ladder.rungs] == list(names)
    for rung in ladder.rungs:
        assert 0 <= rung.whisker.low <= rung.whisker.value <= rung.whisker.high <= 100
    assert ladder.band is not None
    assert 0 <= ladder.band[0] <= ladder.band[0] + ladder.band[1] <= 100.01


def test_nothing_to_draw_is_seen() -> None:
    assert charts.is_empty(Chart(title="t", x_title="x"))
    assert charts.is_empty(Chart(title="t", x_title="x", series=(Series(name="s", x=(), y=()),)))
