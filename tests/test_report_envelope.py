from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import orjson
import pytest

from plaudit.report.envelope import WORDS, Finding, Group, Report
from tests import reports

FOUND = (
    "index",
    "authenticity",
    "community_depth",
    "reasons",
    "labels",
    "signals",
    "coverage",
)


def test_report_has_the_fields_of_the_contract() -> None:
    made = ["groups", "warnings", "model", "policy", "version"]
    assert [field.name for field in fields(Finding)] == list(FOUND)
    assert list(reports.full_report().to_dict()) == [*FOUND, *made]
    assert [field.name for field in fields(Group)] == [*FOUND, "key"]


def test_numbers_labels_signals_and_coverage_have_the_names_of_the_contract() -> None:
    report = reports.full_report().to_dict()
    assert list(report["index"]) == ["value", "low", "high"]
    assert list(report["labels"]) == ["genuine", "generic_praise", "question"]
    assert list(report["labels"]["question"]) == ["share", "low", "high", "raw_share"]
    assert list(report["coverage"]) == ["read", "scored", "rejected", "languages"]
    assert set(report["signals"][0]) == {
        "name",
        "family",
        "value",
        "low",
        "high",
        "unit",
        "reference",
        "points",
        "word",
        "n_comments",
        "n_authors",
        "absent_reason",
        "evidence",
    }


def test_abstention_is_null_with_reasons() -> None:
    report = reports.abstaining_report().to_dict()
    assert report["index"] is report["authenticity"] is report["community_depth"] is None
    assert report["labels"] == {"genuine": None, "generic_praise": None, "question": None}
    assert all(report["reasons"][name] for name in ("index", "authenticity", "community_depth"))


def test_dictionary_and_json_say_the_same() -> None:
    report = reports.grouped_report()
    assert orjson.loads(report.to_json()) == report.to_dict()
    assert report.to_json() == reports.grouped_report().to_json()
    assert report.to_json().startswith(b'{\n  "index"')


def test_groups_carry_the_fields_of_a_report() -> None:
    (first, *_) = reports.grouped_report().to_dict()["groups"]
    assert set(first) == {*FOUND, "key"}


def test_a_report_cannot_be_changed() -> None:
    report: Report = reports.full_report()
    with pytest.raises(FrozenInstanceError):
        report.version = "2"  # type: ignore[misc]


def test_words_run_from_best_to_absent() -> None:
    assert WORDS == ("good", "normal", "low", "alarm", "absent")
