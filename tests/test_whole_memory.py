"""`plaudit score`, all its processes together, stays within the memory it says, however long the dump."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.artifacts import Build
from tests.artifacts import build as build
from tests.benchmarks.dumps import make_dump, texts_of
from tests.benchmarks.whole import grow, score

CORES = 2
FEW, MANY = 40_000, 160_000
DOCUMENTED_BYTES = 1536 << 20
NETWORKS_BYTES = 256 << 20
"""More than the shipped networks take in a process; here each has one of a few kilobytes instead."""
MOST_GROWTH_BYTES = 256 << 20
"""Of four times as many: caches and buffers fill; the facts alone of so many more take as much in memory."""


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="this system does not tell")
def test_a_whole_run_stays_within_what_is_documented(build: Build, tmp_path: Path) -> None:
    """Many authors and posts, most texts distinct, one in a thousand longer than any network reads."""
    like = texts_of(str(make_dump(tmp_path / "made.ndjson", n=4_000)))
    like += [" ".join(like[i : i + 200]) for i in range(0, 800, 200)]
    model, peaks = build(), []
    for n in (FEW, MANY):
        dump = grow(tmp_path / f"{n}.ndjson", n=n, like=like)
        told = score(dump, tmp_path / f"out {n}", cores=CORES, by="post", model=model)
        assert told["scored"] == n
        peaks.append(told["peak_bytes"])
    assert peaks[1] < DOCUMENTED_BYTES - CORES * NETWORKS_BYTES
    assert peaks[1] - peaks[0] < MOST_GROWTH_BYTES
    assert peaks[0] > 0


def test_the_grown_dump_repeats_what_its_model_repeats(tmp_path: Path) -> None:
    like = ["so nice"] * 30 + [f"the {i} th glaze cracked in my kiln after {i} hours" for i in range(70)]
    first, again = (grow(tmp_path / name, n=3_000, like=like) for name in ("a.ndjson", "b.ndjson"))
    assert first.read_bytes() == again.read_bytes()
    texts = texts_of(str(first))
    assert len(texts) == 3_000
    assert 0.25 < texts.count("so nice") / 3_000 < 0.35
    assert len(set(texts)) > 1_900
