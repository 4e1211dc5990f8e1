"""A section gathered in steps: what lies on disk goes when it is closed, and not under a step that runs."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

import pytest

from plaudit import pipeline as pipelines
from plaudit.errors import StorageError
from plaudit.partition import gathered
from plaudit.pipeline import Context, Pipeline
from plaudit.readers import ReadOptions, read_records
from plaudit.service.gathering import Gathering
from tests.fakes import fake_pipeline
from tests.test_index import community

BATCHES = list(read_records(community(90, seed=2), options=ReadOptions(batch_size=20)))


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (pipelines, gathered):
        monkeypatch.setattr(module, "PART_ROWS", 30)


def fill(gathering: Gathering, pipeline: Pipeline) -> None:
    for batch in BATCHES:
        gathering.add(batch, pipeline.classify(batch.comments.column("text").to_pylist()))


@pytest.mark.parametrize("named", [True, False])
def test_it_reports_what_the_pipeline_does(
    named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    pipeline = fake_pipeline()
    with Gathering(tmp_path / "data" / "section" if named else None) as gathering:
        fill(gathering, pipeline)
        found = gathering.report(pipeline, context=Context(), group_by="post")
        assert any(tmp_path.rglob("*.facts"))
        assert gathering.n_comments == found.coverage.scored
    assert not any(tmp_path.rglob("*.facts"))
    assert not any(tmp_path.rglob("section"))
    assert found.to_json() == pipeline.score(BATCHES, group_by="post").to_json()


def test_a_step_under_way_ends_before_its_folder_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline, place = fake_pipeline(), tmp_path / "section"
    begun, may_end, told = threading.Event(), threading.Event(), []
    judge = pipelines.judge

    def slow(*args: object, **named: object) -> object:
        begun.set()
        assert may_end.wait(60)
        return judge(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(pipelines, "judge", slow)
    gathering = Gathering(place)
    fill(gathering, pipeline)
    work = threading.Thread(
        target=lambda: told.append(gathering.report(pipeline, context=Context(), group_by="post"))
    )
    work.start()
    assert begun.wait(60)
    gathering.__exit__(None, None, None)
    assert place.is_dir()
    may_end.set()
    work.join()
    assert told
    assert not place.exists()
    with pytest.raises(StorageError, match="has left"):
        fill(gathering, pipeline)
    assert not place.exists()


def test_a_full_disk_is_told_without_its_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path))

    monkeypatch.setattr(gathered, "store", full)
    with Gathering(tmp_path / "section") as gathering:
        with pytest.raises(StorageError, match="No space left") as told:
            fill(gathering, fake_pipeline())
        assert str(tmp_path) not in str(told.value)
    assert list(tmp_path.iterdir()) == []
