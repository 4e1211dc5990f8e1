"""Groups on disk are those in memory: the same order, the same bytes, and nothing left behind."""

from __future__ import annotations

import errno
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plaudit.errors import StorageError
from plaudit.report import salience
from plaudit.report.envelope import Group, KeptGroups, Report
from plaudit.report.group_file import in_order
from plaudit.report.html import render_html
from plaudit.report.stored import parse
from tests import reports

KEYS = ["shop-tour", "z", "é", "𝐆", "a b", 'with "quotes"', '"groups": []', "", "0", "日本"]


def groups_of(sizes: list[int]) -> list[Group]:
    """Return a group of each size; some abstain, some have one number."""
    made = []
    for i, size in enumerate(sizes):
        group = reports.group(f"{KEYS[i % len(KEYS)]}{i // len(KEYS) or ''}", shift=float(size % 7))
        if i % 5 == 3:
            group = replace(group, index=None, community_depth=None)
        made.append(replace(group, coverage=replace(group.coverage, read=size)))
    return made


def kept(groups: list[Group], folder: Path | None = None, *, most: int = 0) -> KeptGroups:
    found = in_order(((group.key, group) for group in groups), folder=folder, most=most)
    assert isinstance(found, KeptGroups)
    return found


@given(sizes=st.lists(st.integers(0, 4), min_size=1, max_size=40), runs=st.integers(1, 5))
def test_groups_on_disk_are_those_in_memory(sizes: list[int], runs: int) -> None:
    given_groups = groups_of(sizes)
    few = in_order(((group.key, group) for group in given_groups), folder=None)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("plaudit.report.group_file._RUN_BYTES", runs * 9000)  # some groups a run
        patched.setattr("plaudit.report.group_file._MOST_RUNS", 2)
        many = kept(given_groups)
    assert isinstance(few, tuple)
    assert few == many
    assert list(many) == list(few)
    report = reports.full_report(groups=few)
    assert replace(report, groups=many).to_json() == report.to_json()
    for n in (1, 3, 100):
        assert salience.first(many, n) == salience.ranked(few)[:n] == salience.first(few, n)
        order = [group.key for group in salience.ranked(few) if group.index is not None]
        chosen = {group.key for group in few[:n] if group.index is not None}
        expected = {key: place for place, key in enumerate(order, start=1) if key in chosen}
        assert salience.places(many, n) == salience.places(few, n) == (expected, len(order))


def test_groups_are_found_by_place() -> None:
    given_groups = groups_of([5, 1, 9, 9, 2])
    few, many = in_order(((g.key, g) for g in given_groups), folder=None), kept(given_groups)
    assert [group.coverage.read for group in many] == [9, 9, 5, 2, 1]
    assert (many[0], many[-1], many[1:3], many[:0]) == (few[0], few[-1], few[1:3], ())
    with pytest.raises(IndexError, match="5 groups, none at 5"):
        many[5]
    assert many != few[1:]
    assert many != (*few[:4], reports.group("other"))
    assert many != 5


def test_other_processes_get_them_in_memory() -> None:
    many = kept(groups_of([3, 2]))
    assert pickle.loads(pickle.dumps(many)) == tuple(many)


def test_a_report_of_groups_on_disk_is_one_like_any_other(tmp_path: Path) -> None:
    given_groups = groups_of(list(range(12)))
    few = in_order(((group.key, group) for group in given_groups), folder=None)
    report, files = reports.full_report(groups=few), sorted(tmp_path.iterdir())
    other: Report = replace(report, groups=kept(given_groups, tmp_path))
    assert sorted(tmp_path.iterdir()) == files  # what is open there has no name
    assert parse(b"".join(other.json_parts()), name="report.json") == report == other
    assert max(map(len, other.json_parts())) < len(report.to_json()) / 2
    assert render_html(other) == render_html(report)


def test_a_text_that_looks_like_an_empty_list_of_groups() -> None:
    given_groups = groups_of([2, 1])
    report = reports.full_report(groups=tuple(given_groups), warnings=('"groups": []', "}"))
    assert replace(report, groups=kept(given_groups)).to_json() == report.to_json()


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("plaudit.report.group_file.TemporaryFile", full)
    with pytest.raises(StorageError, match="TMPDIR"):
        kept(groups_of([1, 2]))
