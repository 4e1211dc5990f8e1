"""Scoring on Ray: of two nodes one is killed in the middle, and all comes once, as on one machine."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from plaudit import pipeline as pipelines
from plaudit.errors import PlauditError, StorageError, UsageError
from plaudit.facts import Facts
from plaudit.partition.groups import Bucket, buckets_of
from plaudit.partition.stored import Held
from plaudit.pipeline import Named, Pipeline
from plaudit.readers import ReadOptions, read
from plaudit.readers.reading import parts_of
from plaudit.service import cluster, cluster_groups
from plaudit.service.chunks import Chunks
from plaudit.service.cluster import ClusterScorers
from plaudit.service.cluster_groups import ClusterGroups, Measure
from plaudit.service.evidence import Texts
from plaudit.service.progress import Meter
from plaudit.service.score import Job, score
from plaudit.service.scorers import Scored, score_here
from tests.commands import Run
from tests.commands import run as run
from tests.fakes import KeywordClassifier, fake_pipeline
from tests.test_partition import MIXED

with_ray = pytest.mark.skipif(not find_spec("ray"), reason=f"Ray is not installed: {cluster.INSTALL}")
# Ray's own: sockets it leaves to the collector, and plans for its later versions.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning"
)

OPTIONS = ReadOptions(batch_size=40)
WORDS = (
    "my first bowl cracked",
    "great",
    "Which glue did you use?",
    "これ",
    "wow love it",
    "it took three days",
)


SIZE = {"num_cpus": 2, "object_store_memory": 80 << 20, "include_dashboard": False}


class Slow(KeywordClassifier):
    """Takes its time, so that a node can be killed while it works."""

    def classify(self, texts):
        time.sleep(0.15)
        return super().classify(texts)


def slow_pipeline() -> Pipeline:
    return replace(fake_pipeline(), classifier=Slow())


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three files; each holds comments of the one before, a blank one and a line that is cut off."""
    folder = tmp_path_factory.mktemp("dumps")
    paths = []
    for n in range(3):
        numbers = range(n * 500, n * 500 + 600)
        records = (
            {
                "id": i,
                "text": f"{WORDS[i % 6]} {i}",
                "author": f"a{i % 50}",
                "post_id": f"p{i % 4}",
                "likes": n,
            }
            for i in numbers
        )
        lines = list(map(json.dumps, records))
        lines[7:7] = [json.dumps({"id": "blank", "text": "\u200b"}), '{"id": 9']
        paths.append(folder / f"{n}.ndjson")
        paths[-1].write_text("\n".join(lines) + "\n")
    return paths


@pytest.fixture(scope="module")
def here(dumps: list[Path]) -> list[Scored]:
    return list(score_here(read(dumps, options=OPTIONS), fake_pipeline()))


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray.cluster_utils import Cluster

    quick = {"health_check_period_ms": 500, "health_check_initial_delay_ms": 0}  # else it waits 15 s
    started = Cluster(initialize_head=True, head_node_args={**SIZE, "_system_config": quick})
    started.add_node(**SIZE)
    ray.init(address=started.address, log_to_driver=False, logging_level="ERROR")
    yield started
    ray.shutdown()
    started.shutdown()


def scorers(dumps: list[Path], **given: Any) -> ClusterScorers:
    parts = parts_of(dumps, options=OPTIONS)
    return ClusterScorers(
        parts, **{"options": OPTIONS, "pipeline": fake_pipeline(), "load": slow_pipeline, **given}
    )


def table(found: list[Scored]) -> pa.Table:
    return pa.Table.from_batches([each.labelled for each in found])


def facts(found: list[Scored]) -> pa.Table:
    return Facts.concat(Facts.from_table(each.facts) for each in found).to_table()


def rejected(found: list[Scored]) -> Counter[str]:
    return Counter(each.reason for scored in found for each in scored.batch.rejections)


@with_ray
def test_a_node_killed_in_the_middle_costs_nothing(nodes: Any, dumps: list[Path], here: list[Scored]) -> None:
    (worker,) = nodes.worker_nodes
    run = scorers(dumps, n=3)
    found = []
    for scored in run.score():
        found.append(scored)
        if len(nodes.worker_nodes) and len(found) >= 12 and len(run.n_comments) == 2:
            nodes.remove_node(worker, allow_graceful=False)
    assert not nodes.worker_nodes, "the second node never worked"
    assert len(run.n_comments) == 2
    assert min(run.n_comments.values()) >= OPTIONS.batch_size / 2
    assert table(found).equals(table(here))
    assert facts(found).equals(facts(here))
    assert rejected(found) == rejected(here) == {"duplicate_id": 200, "empty_text": 3, "not_json": 3}
    report = fake_pipeline().report
    assert (
        report(Facts.from_table(facts(found)), rejected=rejected(found), group_by="post").to_json()
        == report(Facts.from_table(facts(here)), rejected=rejected(here), group_by="post").to_json()
    )


def slowly(measure: Measure, bucket: Bucket, folder: Path) -> list[Named]:
    time.sleep(0.5)
    return list(measure(bucket, folder))


@with_ray
def test_a_node_killed_while_groups_are_measured_costs_nothing(
    nodes: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = fake_pipeline().report(MIXED, group_by="post").to_json()
    monkeypatch.setattr(pipelines, "PART_ROWS", 25)
    monkeypatch.setattr(buckets_of, "__kwdefaults__", {"part_rows": 25})
    worker, groups, n_before = nodes.add_node(**SIZE), ClusterGroups(), 0

    def spread(buckets: Iterable[Bucket], measure: Measure) -> Iterator[Named]:
        nonlocal n_before
        for found in groups(buckets, partial(slowly, measure)):
            if len(groups.n_groups) == 2 and worker in nodes.worker_nodes:
                nodes.remove_node(worker, allow_graceful=False)
                n_before = groups.n_groups.total()
            yield found

    found = fake_pipeline().report(Held(MIXED), folder=tmp_path / "room", group_by="post", spread=spread)
    assert worker not in nodes.worker_nodes, "the second node never worked"
    assert n_before < groups.n_groups.total() == len(found.groups)
    assert found.to_json() == expected
    assert list(tmp_path.iterdir()) == []


def refuse(_: Bucket, __: Path) -> list[Named]:
    raise StorageError("The disk over there is full.")


@with_ray
def test_what_goes_wrong_while_groups_are_measured_is_told(nodes: Any, tmp_path: Path) -> None:
    buckets = buckets_of(Held(MIXED), tmp_path / "room", by="post")
    with pytest.raises(StorageError, match="over there is full"):
        list(ClusterGroups(n=1)(buckets, refuse))


@with_ray
def test_a_machine_with_another_model_is_told(nodes: Any, dumps: list[Path]) -> None:
    pipeline = fake_pipeline()
    other = replace(pipeline, policy=replace(pipeline.policy, hash="f" * 64))
    with pytest.raises(PlauditError, match=r"has policy .* the same Plaudit and model"):
        list(scorers(dumps[:1], pipeline=other, n=1).score())


@with_ray
@pytest.mark.parametrize("remembered", [1 << 20, 0])
def test_the_command_writes_what_one_machine_writes(
    nodes: Any, dumps: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remembered: int
) -> None:
    monkeypatch.setattr(Texts.__init__, "__kwdefaults__", {"limit": remembered})  # with 0 it reads again
    monkeypatch.setattr(pipelines, "PART_ROWS", 400)
    monkeypatch.setattr(buckets_of, "__kwdefaults__", {"part_rows": 200})
    results = {}
    for engine in ("local", "ray"):
        job = Job(
            sources=[str(path) for path in dumps[:2]],
            out=tmp_path / engine,
            options=replace(OPTIONS, batch_size=500, keep=("author",)),
            group_by="post",
            load=fake_pipeline,
            engine=engine,
            threads=2,
        )
        score(job, meter=Meter(n_bytes=None, shown=False))
        results[engine] = {path.name: path.read_bytes() for path in job.out.iterdir()}
    assert WORDS[0].encode() in results["local"]["report.html"]
    for name in ("report.json", "report.html", "comments.parquet"):
        assert results["ray"][name] == results["local"][name], name
    lines = [
        sorted(json.loads(line)["reason"] for line in each["rejected.jsonl"].splitlines())
        for each in results.values()
    ]
    assert lines[0] == lines[1]


def test_what_a_cluster_cannot_do_is_told(run: Run, dumps: list[Path], tmp_path: Path) -> None:
    given = ("score", "--engine", "ray", "--out", tmp_path / "out")
    done = run(*given, "-", stdin="nice\nwhy?\n")
    assert (done.exit_code, "name files for a cluster" in done.stderr) == (2, True)
    done = run(*given, "--resume", dumps[0])
    assert (done.exit_code, "keeps no checkpoints" in done.stderr) == (2, True)
    done = run(*given, "--device", "cuda", dumps[0])
    assert (done.exit_code, "scored on its cores" in done.stderr) == (2, True)
    assert not (tmp_path / "out").exists()


def test_ray_that_is_missing_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(cluster, "import_module", missing)
    with pytest.raises(UsageError, match=r"pip install 'plaudit\[cluster\]'"):
        cluster.connect()


class _Exceptions:
    class RayError(Exception):
        pass


@pytest.mark.parametrize(
    ("places", "told"),
    [
        ([(0, 0, False), (0, 0, False)], "batch 0 of source 0 where batch 1 of source 0"),
        ([(0, 0, False), (0, 2, True)], "batch 2 of source 0 where batch 1 of source 0"),
        ([(0, 0, False), (0, 1, True)], "before batch 0 of source 1"),
    ],
)
def test_a_batch_that_is_lost_or_doubled_ends_the_run(
    places: list[tuple[int, int, bool]], told: str, dumps: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ray:
        exceptions = _Exceptions

    monkeypatch.setattr(cluster, "connect", Ray)
    batches = list(read(dumps[:1], options=OPTIONS))
    run = scorers(dumps[:2], n=1)
    rows = []
    scorer = object.__new__(cluster._Scorer)
    scorer._node, scorer._pipeline = "node", fake_pipeline()
    for source, number, is_last in places:
        packed = cluster._packed(batches[number], source=source, number=number, is_last=is_last)
        rows += scorer(packed).to_pylist()
    monkeypatch.setattr(run, "_rows", lambda: iter(rows))
    with pytest.raises(PlauditError, match=told):
        list(run.score())


@with_ray
@pytest.mark.parametrize("told", [np.ndarray, list], ids=["cut", "measured"])
def test_facts_stay_in_a_shared_folder_though_a_node_is_killed(
    nodes: Any, dumps: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: type
) -> None:
    monkeypatch.setattr(pipelines, "PART_ROWS", 100)
    monkeypatch.setattr(buckets_of, "__kwdefaults__", {"part_rows": 100})
    posts, work = tmp_path / "posts.ndjson", tmp_path / "work"
    posts.write_text('{"id": "p0", "text": "Which bowl cracked"}\n')
    job = Job(
        sources=[str(path) for path in dumps],
        out=tmp_path / "local",
        options=OPTIONS,
        group_by="post",
        posts=posts,
        load=fake_pipeline,
        threads=2,
        pages=True,
    )
    score(job, meter=Meter(n_bytes=None, shown=False))
    worker, seen = nodes.add_node(**SIZE), Counter[str]()
    ahead, task = cluster_groups._ahead, cluster_groups._task

    def watched(tasks: Iterable[Any], *, most: int) -> Iterator[tuple[str, Any]]:
        for node, found in ahead(tasks, most=most):
            if isinstance(found, told):
                seen[node] += 1
                if len(seen) == 2 and worker in nodes.worker_nodes:
                    nodes.remove_node(worker, allow_graceful=False)
            yield node, found

    def slow(function: Callable[..., Any]) -> Any:
        def slowly(*given: Any, **named: Any) -> Any:
            time.sleep(0.3)
            return function(*given, **named)

        return task(slowly)

    def refuse(_: Chunks) -> None:
        raise AssertionError("Facts came to this machine.")

    monkeypatch.setattr(cluster_groups, "_ahead", watched)
    monkeypatch.setattr(cluster_groups, "_task", slow)
    monkeypatch.setattr(Chunks, "facts", refuse)
    job = replace(job, out=tmp_path / "ray", engine="ray", work=str(work))
    score(job, meter=Meter(n_bytes=None, shown=False))
    assert worker not in nodes.worker_nodes, "the second node never worked"
    assert seen.total() > 2
    assert list(work.iterdir()) == []
    for path in (tmp_path / "local").rglob("*"):
        if path.is_file() and path.name not in ("manifest.json", "rejected.jsonl"):
            other = tmp_path / "ray" / path.relative_to(tmp_path / "local")
            assert other.read_bytes() == path.read_bytes(), path.name


def test_a_folder_to_share_is_told_where_it_is_of_no_use(run: Run, dumps: list[Path], tmp_path: Path) -> None:
    done = run("score", "--work", tmp_path / "work", "--out", tmp_path / "out", dumps[0])
    assert (done.exit_code, "add --engine ray" in done.stderr) == (2, True)
