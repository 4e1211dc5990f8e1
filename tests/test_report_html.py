from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit.comment import REJECTION_REASONS
from plaudit.report import html, phrases, templates
from plaudit.report.envelope import Coverage, Interval, LabelShare, Report
from plaudit.report.html import render_html
from tests import reports

VOID = {"meta", "link", "br", "img", "input", "hr"}
DRAWN_EMPTY = {"path", "line", "rect", "circle", "use"}
REPORTS = {
    "full": reports.full_report(),
    "abstaining": reports.abstaining_report(),
    "grouped": reports.grouped_report(),
}


class Page(HTMLParser):
    """What a browser would find: open elements must close, in order."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in DRAWN_EMPTY
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(params=REPORTS)
def page(request: pytest.FixtureRequest) -> Page:
    return Page(render_html(REPORTS[request.param], texts=reports.TEXTS))


def read(report: Report, **options: object) -> Page:
    return Page(render_html(report, **options))  # type: ignore[arg-type]


def test_every_element_is_closed_and_every_anchor_resolves(page: Page) -> None:
    assert page.open == []
    ids = Counter(a["id"] for _, a in page.elements if "id" in a)
    assert set(ids.values()) == {1}
    for a in [*page.all("a"), *page.all("use")]:
        assert (a["href"] or "")[1:] in ids
    for _, a in page.elements:
        if "aria-labelledby" in a:
            assert a["aria-labelledby"] in ids


def test_page_asks_no_other_host_for_anything(page: Page) -> None:
    for _, attributes in page.elements:
        assert not {"src", "srcset", "action", "data"} & set(attributes)
        assert (attributes.get("href") or "#").startswith("#")
    for name in REPORTS:
        source = render_html(REPORTS[name])
        assert not re.search(r"(https?:)?//\w|@import|url\(", source)


def test_policy_of_the_page_allows_its_own_script_only() -> None:
    source = render_html(reports.full_report())
    (script,) = re.findall(r"<script>(.*?)</script>", source, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in source


def test_page_can_be_read_aloud(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(a.get("scope") in ("col", "row", "rowgroup") for a in page.all("th"))
    for a in page.all("svg"):
        assert a.get("aria-hidden") == "true" or (a.get("role") == "img" and a["aria-label"])
    assert page.all("html") == [{"lang": "en"}]


def test_numbers_stand_with_their_intervals() -> None:
    page = read(reports.full_report())
    labels = [a.get("aria-label") for a in page.all("svg")]
    assert "Index: 66 of 100, 90% interval 60–71" in labels
    assert "Authenticity: 62 of 100, 90% interval 55–68" in labels
    assert "Community depth: 71 of 100, 90% interval 63–78" in labels
    assert "Genuine: 47%, 90% interval 42–53%, raw share 45%" in labels
    assert "Copies by others: 9.4%, 90% interval 5–15%, usual 1.3%" in labels
    assert "Genuine 47%, Generic praise 31%, Question 21%" in labels


def test_points_are_told_as_a_part_of_their_index() -> None:
    """ "2.2 points of authenticity" under "Holding them down" read as what a signal costs."""
    text = read(reports.full_report()).text
    assert "9.4%, usual 1.3% · 2.2 of 62 points of authenticity" in text
    assert "of 71 points of depth" in text


def test_a_stated_measure_is_not_called_usual() -> None:
    page = read(reports.full_report())
    assert "Comments the creator answers: 27%, 90% interval 22–33%, expected 8%" in [
        a.get("aria-label") for a in page.all("svg")
    ]
    assert page.text.count("expected 8%") == 2
    assert "usual 8%" not in page.text.replace("answers 27% of top-level comments, usual 8%", "")


def test_abstention_says_why_and_draws_no_value() -> None:
    report = reports.abstaining_report()
    page = read(report)
    assert page.text.lower().count("insufficient data") >= 6
    for sentences in report.reasons.values():
        assert all(sentence in page.text for sentence in sentences)
    assert not [a for a in page.all("path") if a.get("class") == "fill"]
    assert "of 100" not in page.text


def test_absent_signals_give_their_reason_in_place_of_a_value() -> None:
    report = reports.full_report()
    page = read(report)
    missing = [row for row in report.signals if row.value is None]
    assert missing
    assert all(row.absent_reason in page.text for row in missing if row.absent_reason)


def test_words_are_written_and_not_only_coloured() -> None:
    page = read(reports.full_report())
    for word, meaning in phrases.WORD_MEANINGS.items():
        assert f"{word} {meaning}" in page.text


def test_what_moves_the_numbers_names_both_sides() -> None:
    text = read(reports.full_report()).text
    down, up = text.split("Holding them down")[1].split("Every signal")[0].split("Lifting them")
    assert down.index("Copies by others") < down.index("Advertising and begging")
    assert up.index("Comments the creator answers") < up.index("Questions")


def test_evidence_is_text_where_given_and_the_id_otherwise() -> None:
    with_texts = read(reports.full_report(), texts={"c06": reports.TEXTS["c06"]}).text
    assert reports.TEXTS["c06"] in with_texts
    without = read(reports.full_report()).text
    assert reports.TEXTS["c06"] not in without
    assert "c06" in without


def test_long_evidence_is_shortened() -> None:
    source = render_html(reports.full_report(), texts={"c06": "long " * 5000})
    assert len(source) - len(render_html(reports.full_report())) < 2 * templates.MAX_TEXT
    assert "…" in source


def test_coverage_accounts_for_everything_read() -> None:
    text = read(reports.full_report()).text
    assert "Read 468 Scored 451 Left out 17" in text
    assert REJECTION_REASONS["duplicate_id"] in text
    assert "English 389" in text
    assert "Japanese 3" in text


def test_footer_says_what_made_it_and_what_it_does_not_show(page: Page) -> None:
    assert all(caveat in page.text for caveat in phrases.CAVEATS)
    assert "minilm-20261125-1a2b3c4d" in page.text
    assert "plaudit-1" in page.text
    assert "Plaudit 0.1.0" in page.text


def test_groups_are_ranked_and_each_links_to_its_section() -> None:
    source = render_html(reports.grouped_report())
    table = source.split('<table class="ranking')[1].split("</table>")[0]
    keys = re.findall(r'<a href="#(group-\d)"><bdi>(.*?)</bdi>', table)
    assert [key for _, key in keys] == [
        "shop-tour",
        "bench-hook-basics",
        "dQ-dovetails-in-an-hour",
        "giveaway-500-clamps",
        "作業台の作り方",
    ]
    for anchor, key in keys:
        assert f'id="{anchor}-title"><bdi>{key}</bdi>' in source
    assert 'id="groups"' not in render_html(reports.full_report())


def test_many_groups_all_stand_in_the_table_and_the_largest_have_sections() -> None:
    groups = tuple(reports.group(f"post-{i}", signals=()) for i in range(html.MAX_SECTIONS + 5))
    page = read(reports.full_report(groups=groups))
    assert "post-204" in page.text
    assert sum(a.get("class") == "group" for a in page.all("section")) == html.MAX_SECTIONS
    assert f"Only the {html.MAX_SECTIONS} groups with the most comments" in page.text


@pytest.mark.parametrize(
    "payload",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</style><script>alert(1)</script>",
        "' onmouseover='alert(1)",
        "{{ 7 * 7 }}{% raw %}",
        "javascript:alert(1)",
        "a\x00b\ud83d\x1b[31m",
    ],
)
def test_nothing_from_outside_becomes_markup(payload: str) -> None:
    report, texts = reports.hostile_report(payload)
    source = render_html(report, texts=texts)
    source.encode()
    page = Page(source)
    assert len(page.all("script")) == 1
    assert len(page.all("style")) == 1
    assert not page.all("img")
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("href") or "#").startswith("#")
    assert " ".join(phrases.printable(payload).split()) in page.text


@settings(deadline=None, max_examples=30)
@given(text=st.text(alphabet=st.characters(), max_size=40))
def test_any_text_gives_a_sound_page(text: str) -> None:
    report, texts = reports.hostile_report(text)
    page = read(report, texts=texts)
    assert page.open == []
    assert len(page.all("script")) == 1


def test_same_report_gives_the_same_page() -> None:
    assert render_html(reports.grouped_report()) == render_html(reports.grouped_report())


def test_nothing_at_all_is_still_a_page() -> None:
    fields = reports.abstaining(reasons={}, labels={}, signals=(), coverage=Coverage(read=0, scored=0))
    page = read(reports.abstaining_report(**fields))
    assert page.open == []
    assert "0 of 0 comments scored" in page.text


@pytest.mark.parametrize("value", [0.0, 100.0])
def test_bounds_of_the_scale_can_be_drawn(value: float) -> None:
    number = Interval(value=value, low=value, high=value)
    label = LabelShare(share=value / 100, low=value / 100, high=value / 100, raw_share=value / 100)
    page = read(
        reports.full_report(index=number, authenticity=number, labels=dict.fromkeys(phrases.LABELS, label))
    )
    assert "nan" not in " ".join(str(a) for _, a in page.elements)


def test_text_stands_out_from_its_ground_in_light_and_dark() -> None:
    style = (templates.FOLDER / "report.css").read_text(encoding="utf-8")
    light, dark = (_colours(block) for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL))
    for palette in (light, light | dark):
        pairs = [(word, f"{word}-back") for word in ("good", "normal", "low", "alarm")]
        pairs += [(ink, ground) for ink in ("ink", "soft", "quiet", "accent") for ground in ("paper", "card")]
        for ink, ground in [*pairs, ("absent", "card"), ("ink", "low-back")]:
            assert _contrast(palette[ink], palette[ground]) >= 4.5, (ink, ground)
        for mark in ("genuine", "question", "authenticity", "community_depth", "generic_praise"):
            assert _contrast(palette[mark], palette["card"]) >= 2.4, mark


def _colours(block: str) -> dict[str, str]:
    pairs = re.findall(r"--([\w-]+): #([0-9a-f]{3,6});", block)
    return {name: code if len(code) == 6 else "".join(2 * digit for digit in code) for name, code in pairs}


def _contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio of two colours."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(code: str) -> float:
    channels = [int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
