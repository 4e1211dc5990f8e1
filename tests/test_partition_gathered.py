"""Facts gathered part by part are those gathered at once, wherever they lie meanwhile."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from plaudit import pipeline as pipelines
from plaudit.errors import StorageError
from plaudit.facts import Facts
from plaudit.partition import filed, gathered, room
from plaudit.partition.gathered import Gathered
from plaudit.partition.stored import whole
from plaudit.pipeline import Pipeline
from plaudit.readers import ReadOptions, read_records
from plaudit.readers.reading import Batch
from plaudit.report.envelope import Report
from tests.communities import facts_from
from tests.fakes import fake_pipeline
from tests.test_index import community
from tests.test_partition import MIXED

ROWS = [*community(70, seed=3), *community(40, seed=5)]


def cut(facts: Facts, *, n: int) -> list[Facts]:
    edges = np.linspace(0, len(facts), n + 1).astype(int).tolist()
    return [facts.between(start, stop) for start, stop in pairwise(edges)]


def gather(parts: Sequence[Facts], folder: Path | None, *, most: int) -> Facts:
    with Gathered(folder, most=most) as found:
        for part in parts:
            found.add(part)
        facts = found.facts()
        assert found.facts() is facts
        assert isinstance(facts, Facts) == (sum(map(len, parts)) <= most)
        return facts if isinstance(facts, Facts) else whole(facts)


@pytest.mark.parametrize("most", [1, 20, 100, 10_000])
@pytest.mark.parametrize("n_files", [7, 1 << 15])
def test_where_they_lie_changes_nothing(
    most: int, n_files: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathered, "_FILE_ROWS", n_files)
    parts = cut(MIXED, n=9)
    found = gather([*parts[::2], *parts[1::2]], tmp_path / "room", most=most)
    assert found.to_table() == MIXED.to_table()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("most", [20, 10_000])
def test_a_comment_that_comes_twice_is_there_once(most: int, tmp_path: Path) -> None:
    edited = facts_from([{**row, "text": "edited", "likes": 9} for row in ROWS[::3]])
    once = facts_from(ROWS)
    parts = [*cut(once, n=4), edited, *cut(once, n=3)]
    found = gather(parts, tmp_path / "room", most=most)
    assert found.to_table() == Facts.concat(parts).to_table()
    assert len(found) == len(once)


def test_nothing_is_nothing(tmp_path: Path) -> None:
    assert len(gather([], tmp_path / "room", most=3)) == 0
    assert len(gather([Facts.concat([])] * 3, tmp_path / "room", most=0)) == 0


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let a hundred comments be many, and return where the system's temporary files go."""
    for module in (pipelines, gathered):
        monkeypatch.setattr(module, "PART_ROWS", 50)
    monkeypatch.setattr(gathered, "_FILE_ROWS", 30)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def batches(rows: Sequence[dict[str, object]] = ROWS) -> Iterator[Batch]:
    return read_records(rows, options=ReadOptions(batch_size=25))


@pytest.mark.parametrize("by", [None, "post"])
def test_a_report_has_the_same_bytes(by: str | None, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = spy(monkeypatch, small)
    found = fake_pipeline().score(batches(), group_by=by).to_json()
    assert any(seen)
    assert list(small.iterdir()) == []
    monkeypatch.undo()
    assert found == fake_pipeline().score(batches(), group_by=by).to_json()


def spy(monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[bool]:
    """Note at every report whether facts lie in files."""
    seen: list[bool] = []
    report = Pipeline.report

    def noted(self: Pipeline, *args: object, **named: object) -> Report:
        seen.append(any(folder.rglob("*.facts")))
        return report(self, *args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Pipeline, "report", noted)
    return seen


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("when", ["labelling", "measuring"])
def test_nothing_stays_where_it_ends_early(
    error: type[BaseException], when: str, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_files = 0

    def fail(*_: object, **__: object) -> None:
        nonlocal n_files
        n_files = len([*small.rglob("*.facts")])
        if when == "measuring" or n_files:
            raise error

    if when == "measuring":
        monkeypatch.setattr(pipelines, "judge", fail)
    with pytest.raises(error):
        fake_pipeline().score(batches(), on_batch=fail if when == "labelling" else None)
    assert n_files
    assert list(small.iterdir()) == []


def test_a_full_disk_is_told(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, *_: object) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(gathered, "store", full)
    with pytest.raises(StorageError, match=rf"No space left on device in {small}: .* TMPDIR\."):
        fake_pipeline().score(batches())
    assert list(small.iterdir()) == []


def test_a_full_disk_of_the_caller_stays_the_callers(tmp_path: Path) -> None:
    def fail() -> None:
        with Gathered(tmp_path / "room", most=10) as found:
            found.add(facts_from(community(30)))
            assert (tmp_path / "room").exists()
            raise OSError(errno.ENOSPC, "No space left on device", "mine.csv")

    with pytest.raises(OSError, match=r"mine\.csv") as caught:
        fail()
    assert not isinstance(caught.value, StorageError)
    assert not (tmp_path / "room").exists()


def test_another_failure_of_the_disk_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), room.room(tmp_path / "here"):
        raise PermissionError(errno.EACCES, "no")
    assert list(tmp_path.iterdir()) == []


def test_columns_come_as_asked(tmp_path: Path) -> None:
    filed.store(tmp_path / "a", MIXED.to_table())
    (table,) = filed.Filed([tmp_path / "a"], n=len(MIXED)).tables(["post_name", "key", "grams"])
    assert table.column_names == ["post_name", "key", "grams"]
    assert table.column("key").to_numpy().tolist() == MIXED.key.tolist()
