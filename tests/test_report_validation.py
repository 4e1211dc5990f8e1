from __future__ import annotations

import io
import json
import re

import pytest
from rich.console import Console

from plaudit.report.claims import Chart, Claim, Row, Series, Target, Validation
from plaudit.report.validation import CAVEATS, figure, print_validation, render_validation
from tests.test_report_html import Page

NASTY = "<script>alert('x')</script>\u202e&"


def validation() -> Validation:
    series = Series(
        name=NASTY, x=(0.0, 0.2), y=(70.0, 40.0), low=(65.0, 35.0), high=(75.0, 45.0), joined=True
    )
    curve = Chart(title="Dose", x_title="share", y_title="authenticity", series=(series,), diagonal=False)
    rungs = Chart(
        title="Coverage",
        x_title="coverage",
        series=(Series(name="c", x=(), y=(0.9, 0.5), low=(0.85, 0.4), high=(0.95, 0.6)),),
        rungs=("one", NASTY),
        band=(0.87, 0.93),
    )
    claims = (
        Claim(
            name="bots",
            title="Injected bots are seen",
            method="By injecting.",
            rows=(
                Row(name="AUC", value=0.97, low=0.9, high=1.0, target=Target(least=0.95), n=12),
                Row(name="for information", value=3.0, unit="points", n=12, note=NASTY),
            ),
            charts=(curve, Chart(title="Empty", x_title="x")),
        ),
        Claim(
            name="intervals",
            title="Intervals hold",
            method="By sampling.",
            rows=(Row(name=NASTY, value=0.5, unit="share", target=Target(least=0.87, most=0.93), n=3),),
            charts=(rungs,),
        ),
        Claim(name="groups", title="Groups differ", method="By hand.", lacking="It needs groups."),
    )
    return Validation(
        claims=claims,
        sources={"dump.jsonl": 1234},
        scale="small",
        seed=7,
        model={"id": "m", "hash": "0" * 64},
        policy={"id": "p", "hash": "1" * 64},
        version="0",
    )


@pytest.mark.parametrize(
    ("value", "target", "verdict"),
    [
        (0.95, Target(least=0.95), "pass"),
        (0.94, Target(least=0.95), "short"),
        (0.03, Target(most=0.03), "pass"),
        (0.94, Target(least=0.87, most=0.93), "short"),
        (None, Target(most=1.0), "unmeasured"),
        (float("nan"), Target(most=1.0), "unmeasured"),
        (5.0, None, "shown"),
    ],
)
def test_a_row_is_judged_by_its_value(value: float | None, target: Target | None, verdict: str) -> None:
    assert Row(name="r", value=value, target=target).verdict == verdict


def test_a_claim_falls_short_with_any_of_its_rows() -> None:
    good, bad = (Row(name="r", value=value, target=Target(least=0.5)) for value in (1.0, 0.0))
    free = Row(name="r", value=9.0)
    blank = Row(name="r", value=None, target=Target(least=0.5))
    for rows, verdict in (
        ((good, free, blank), "pass"),
        ((good, bad), "short"),
        ((blank, free), "unmeasured"),
        ((free,), "shown"),
        ((), "unmeasured"),
    ):
        assert Claim(name="c", title="t", method="m", rows=rows).verdict == verdict


def test_json_holds_every_row_with_its_verdict() -> None:
    found = json.loads(validation().to_json())
    assert [claim["verdict"] for claim in found["claims"]] == ["pass", "short", "unmeasured"]
    assert found["claims"][0]["rows"][0]["verdict"] == "pass"
    assert found["claims"][1]["rows"][0]["target"] == {"least": 0.87, "most": 0.93}
    assert validation().to_json() == validation().to_json()


def test_the_page_is_whole_and_asks_no_other_host() -> None:
    source = render_validation(validation())
    page = Page(source)
    assert page.open == []
    assert not re.search(r"https?://(?!www\.w3\.org)", source)
    assert "script" not in {name for name, _ in page.elements}
    assert "\u202e" not in source
    assert NASTY.replace("\u202e", "\N{REPLACEMENT CHARACTER}") in page.text
    for words in ("Injected bots are seen", "It needs groups.", "By sampling.", *CAVEATS):
        assert words in page.text
    ids = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    assert len([name for name, _ in page.elements if name == "figure"]) == 2


def test_the_table_tells_every_row_in_any_width() -> None:
    for width in (60, 140):
        stream = io.StringIO()
        print_validation(validation(), Console(file=stream, width=width))
        told = " ".join(stream.getvalue().split())
        assert "0.970" in told
        assert "1 claims pass, 1 fall short, 1 not measured." in told
        assert "short" in told


def test_figures_are_written_in_their_units() -> None:
    assert figure(0.1234, "share") == "12.3%"
    assert figure(-0.04, "points") == "0.0"
    assert figure(1234.0, "count") == "1,234"
    assert figure(0.95, "ratio") == "0.950"
    assert figure(1e-5, "ratio") == "1e-05"
