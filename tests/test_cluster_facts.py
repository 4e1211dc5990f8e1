"""Facts in a place that machines share: the same as in memory, cut into parts or not."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from plaudit import pipeline as pipelines
from plaudit.errors import StorageError, UsageError
from plaudit.facts import FACTS_SCHEMA
from plaudit.partition.groups import Buckets, buckets_of
from plaudit.partition.measuring import tallied_in_parts
from plaudit.partition.stored import Held, WithPosts, pieces_of, whole
from plaudit.pipeline import Context, measure_bucket
from plaudit.report.envelope import Finding
from plaudit.service import cluster_groups
from plaudit.service.cluster_facts import FactFile, PartFacts, SharedFacts, cut, write_facts
from plaudit.service.cluster_groups import ClusterGroups, Measure
from plaudit.service.cluster_place import Place
from tests.fakes import fake_pipeline
from tests.test_partition import MIXED

POSTS = {"p1": "Which glue did you use for the bowl?"}


@pytest.fixture(params=["folder", "memory://plaudit-work"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param != "folder":
        pytest.importorskip("fsspec")
    work = tmp_path / "work" if request.param == "folder" else request.param
    return Place.new(str(work))


@pytest.fixture
def shared(place: Place) -> SharedFacts:
    """Batches of seven, each written twice, as after a loss; later ones begin with a comment of the first."""
    table, facts = MIXED.to_table(), SharedFacts(place)
    for number, start in enumerate(range(0, len(table), 7)):
        name, rows = f"facts/000000/{number:08d}", table.slice(start, 7)
        doubles = np.empty(0, np.uint64)
        if number % 3 == 1:
            rows = pa.concat_tables([table.slice(0, 1), rows])
            doubles = table.column("key").to_numpy()[:1]
        for _ in range(2):
            write_facts(place, name, rows)
        facts.add(name, n=len(rows) - len(doubles), doubles=doubles)
    return facts


def test_what_was_written_is_read_whatever_the_columns(shared: SharedFacts) -> None:
    shared = pickle.loads(pickle.dumps(shared))
    assert len(shared) == len(MIXED)
    assert whole(shared).to_table().equals(MIXED.to_table())
    ids = pa.concat_tables(shared.tables(["id"]))
    assert ids.equals(MIXED.to_table().select(["id"]))
    pieces = pieces_of(shared, n_rows=20)
    assert [len(piece) for piece in pieces[:-1]] == [21] * (len(pieces) - 1)
    assert sum(map(len, pieces)) == len(MIXED)
    assert pieces_of(Held(MIXED), n_rows=20) == ()


def test_the_whole_is_measured_as_from_memory(shared: SharedFacts, tmp_path: Path) -> None:
    there = tallied_in_parts(Held(MIXED), tmp_path / "a", part_rows=20)
    here = tallied_in_parts(shared, tmp_path / "b", part_rows=20)
    assert (here.counts, here.community, here.ids) == (there.counts, there.community, there.ids)


@pytest.mark.parametrize("posts", [{}, POSTS])
@pytest.mark.parametrize("by", ["post", "creator"])
def test_groups_of_parts_are_those_of_all(
    shared: SharedFacts, place: Place, tmp_path: Path, by: str, posts: dict[str, str]
) -> None:
    """What a cluster does, in one process."""
    tools = {"error_counts": None, "references": fake_pipeline().references, "policy": fake_pipeline().policy}
    measure = partial(measure_bucket, tools={**tools, "platform": None})
    held, spread = (WithPosts(each, posts) if posts else each for each in (Held(MIXED), shared))
    expected = _measured(buckets_of(held, tmp_path / "all", by=by, part_rows=25), measure, tmp_path)
    pieces = pickle.loads(pickle.dumps(pieces_of(spread, n_rows=25)))
    names = [f"groups/{i:06d}" for i in range(len(pieces))]
    runs = [cut(each, place, name, by=by, n_parts=5) for each, name in zip(pieces, names, strict=True)]
    found: dict[str, Finding] = {}
    for part in range(5):
        starts = [run[part - 1, 0] if part else 0 for run in runs]
        slices = [
            (name, int(start), int(run[part, 0]))
            for name, start, run in zip(names, starts, runs, strict=True)
            if run[part, 1]
        ]
        facts = PartFacts(place, slices, n=sum(int(run[part, 1]) for run in runs))
        assert sum(map(len, facts.tables(["key"]))) == len(facts)
        if slices:
            buckets = buckets_of(facts, tmp_path / f"part {part}", by=by, part_rows=25)
            more = _measured(buckets, measure, tmp_path)
            assert not found.keys() & more.keys()
            found |= more
    assert found == expected


def _measured(buckets: Buckets, measure: Measure, folder: Path) -> dict[str, Finding]:
    return dict(named for bucket in buckets for named in measure(bucket, folder))


class Ray:
    """Runs a task where it is asked for; what is sent to it is packed as if it went to another machine."""

    class exceptions:  # noqa: N801 - as Ray calls it
        class RayError(Exception):
            pass

    def __init__(self, function: Callable[..., Any] | None = None) -> None:
        self._function = function

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    def put(self, value: Any) -> Any:
        return value

    get = put

    def get_runtime_context(self) -> Any:
        return SimpleNamespace(get_node_id=lambda: "here")

    def remote(self, *given: Any, **options: Any) -> Any:
        if self._function is None:
            assert options["max_retries"] == -1
            return Ray
        return self._function(*pickle.loads(pickle.dumps(given)), **options)


@pytest.mark.parametrize("posts", [{}, POSTS])
@pytest.mark.parametrize("by", ["post", "creator"])
def test_tasks_measure_groups_that_never_were_here(
    shared: SharedFacts,
    place: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    by: str,
    posts: dict[str, str],
) -> None:
    context = Context(posts=posts)
    expected = fake_pipeline().report(MIXED, group_by=by, context=context).to_json()
    monkeypatch.setattr(pipelines, "PART_ROWS", 25)
    monkeypatch.setattr(buckets_of, "__kwdefaults__", {"part_rows": 25})
    monkeypatch.setattr(cluster_groups, "connect", Ray)
    monkeypatch.setattr(cluster_groups, "import_module", lambda _: Ray())
    groups = ClusterGroups(place=place)
    found = fake_pipeline().report(
        shared, folder=tmp_path / "room", group_by=by, context=context, spread=groups
    )
    assert found.to_json() == expected
    assert groups.n_cut["here"] == len(pieces_of(shared, n_rows=25)) > 2
    assert groups.n_groups["here"] == len(found.groups) > 1
    assert not (tmp_path / "room").exists()


def test_a_place_is_of_a_run_alone_and_goes_with_it(tmp_path: Path) -> None:
    one, other = (Place.new(str(tmp_path)) for _ in range(2))
    one.write("a/b", b"abc")
    assert (one.has("a/b"), other.has("a/b")) == (True, False)
    one.write("a/b", b"other")
    with one.open("a/b") as file:
        assert file.read() == b"other"
    one.remove()
    one.remove()
    assert [path.name for path in tmp_path.iterdir()] == [Path(other.address).name]


def test_what_goes_wrong_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match=r"file.*can't be used .*--work"):
        Place.new(str(tmp_path / "file"))
    place = Place.new(str(tmp_path))
    with pytest.raises(StorageError, match=r"facts/1 can't be used .*No such file.*--work"):
        list(SharedFacts(place, [FactFile("facts/1", 3, False)]).tables(FACTS_SCHEMA.names))
