from __future__ import annotations

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.errors import InputError
from plaudit.report.stored import parse
from tests import reports

EVERY = [reports.full_report(), reports.abstaining_report(), reports.grouped_report()]


@pytest.mark.parametrize("report", EVERY, ids=["full", "abstaining", "grouped"])
def test_a_report_comes_back_as_it_was(report):
    assert parse(report.to_json(), name="x") == report


def test_fields_of_a_later_version_are_passed_over():
    given = reports.grouped_report().to_dict()
    given["later"] = 1
    given["signals"][0]["later"] = {"a": 1}
    given["groups"][0]["coverage"]["later"] = []
    assert parse(orjson.dumps(given), name="x") == reports.grouped_report()


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"{}", b"null", b"1", b'"report"', b"PAR1\x00", b'{"index":1}']
)
def test_what_is_no_report_is_named(data):
    with pytest.raises(InputError, match=r"^here/report\.json is .*report\.json of `plaudit score`"):
        parse(data, name="here/report.json")


def _damage(given: Any, path: list[Any], value: Any) -> None:
    for step in path[:-1]:
        given = given[step]
    given[path[-1]] = value


@pytest.mark.parametrize(
    "path",
    [
        ["index", "low"],
        ["labels", "genuine", "share"],
        ["signals", 0, "value"],
        ["signals", 0, "name"],
        ["signals", 0, "n_comments"],
        ["coverage", "read"],
        ["coverage", "rejected"],
        ["groups", 0, "key"],
        ["model"],
        ["version"],
        ["reasons"],
    ],
)
@pytest.mark.parametrize("value", [True, [[]], {"a": {}}])
def test_a_field_of_another_type_is_no_report(path, value):
    given = copy.deepcopy(reports.grouped_report().to_dict())
    _damage(given, path, value)
    with pytest.raises(InputError):
        parse(orjson.dumps(given), name="x")


@given(cut=st.integers(0, 4000))
def test_a_report_cut_off_is_an_error_not_a_crash(cut):
    with pytest.raises(InputError):
        parse(reports.full_report().to_json()[:cut], name="x")
