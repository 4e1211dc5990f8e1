"""What is measured a part at a time is what is measured at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit import pipeline as pipelines
from plaudit.facts import Facts
from plaudit.partition import groups
from plaudit.partition.ancestry import Ancestry
from plaudit.partition.counting import Distinct, KeyCounts, Repeats, among
from plaudit.partition.measuring import tallied_in_parts
from plaudit.partition.rewordings import Wordings
from plaudit.partition.spill import Spill, part_of
from plaudit.partition.stored import Held, Stored, whole
from plaudit.posts import with_posts
from plaudit.signals import tallied
from plaudit.signals.likeness import classes
from plaudit.signals.section import Section
from plaudit.signals.tally import Tallied, Tally
from plaudit.signals.threads import Threads
from tests.communities import facts_from, make_facts, words_of
from tests.fakes import fake_pipeline
from tests.test_index import Rows, community

LONG = "I glued the hinge twice last winter and it still squeaks whenever the door is opened by the cat"


class Shuffled(Held):
    """Facts in no order, in tables of any size."""

    def __init__(self, facts: Facts, seed: int) -> None:
        super().__init__(facts)
        random = np.random.default_rng(seed)
        self._table = facts.to_table().take(pa.array(random.permutation(len(facts))))
        self._cuts = np.sort(random.integers(0, len(facts) + 1, 5)).tolist()

    def tables(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        for start, end in zip([0, *self._cuts], [*self._cuts, len(self._table)], strict=True):
            yield self._table.slice(start, end - start).select(columns)


def told(tally: Tally) -> dict[str, Any]:
    sums = tally.settled()
    numbers = sums and (sums.by, sums.top, sums.pull, sums.bottom, sums.n, sums.most, sums.buckets.tobytes())
    shown = (tally.keys.tolist(), tally.strength.tolist(), tally.n_comments, tally.n_authors, tally.spoken)
    values = None if tally.values is None else np.sort(tally.values).tolist()
    why = (tally.absent, tally.hidden, tally.scarce)
    return {tally.name: (tally.family, tally.unit, numbers, shown if sums else None, values, why)}


def everything(found: Tallied) -> list[Any]:
    tallies = [told(each) for each in (*found.signals, *found.census)]
    return [*tallies, found.counts, found.community, found.ids]


def campaign(n: int) -> Rows:
    return [
        {
            "id": f"k{i}",
            "text": LONG.replace("winter", word),
            "author": f"k{i % 9}",
            "post_id": f"p{i % 4}",
            "created_at": 5000 * i,
        }
        for i, word in enumerate(words_of(9, n))
    ]


def crowd() -> Rows:
    """Thirty people who came over two days, and a dozen within a minute."""
    late = [40_000_000 + 4_000 * i for i in range(12)]
    return [
        {
            "id": f"b{i}",
            "text": " ".join(words_of(500 + i, 7)),
            "author": f"b{i}",
            "post_id": "b",
            "created_at": time,
        }
        for i, time in enumerate([*range(0, 160_000_000, 5_300_000), *late])
    ]


def pod() -> Rows:
    return [
        {
            "id": f"{person}{post}",
            "text": " ".join(words_of(hash_of(person, post), 6)),
            "author": f"pod{person}",
            "post_id": f"q{post}",
            "created_at": 1_000_000 * post + 1000 * person,
            "total_reply_count": person,
        }
        for person in range(6)
        for post in range(6)
    ]


def stitched() -> Rows:
    """Set phrases around words of their own, some of it posted by others as it is."""
    texts = [f"at the end of it {' '.join(words_of(700 + i, 2))} and so it goes" for i in range(8)]
    return [
        {"id": f"s{i}", "text": text, "author": f"s{i}", "post_id": f"p{i % 3}"}
        for i, text in enumerate([*texts, *texts[:3], texts[0]])
    ]


def hash_of(*numbers: int) -> int:
    return sum(each * 97**i for i, each in enumerate(numbers, start=1))


def odd() -> Rows:
    """Circles, orphans, an answer to itself, times to come, names that come back, no names at all."""
    return [
        {"id": "x1", "text": "round we go", "author": "u", "parent_id": "x2", "post_id": "p0"},
        {"id": "x2", "text": "and round again", "author": "v", "parent_id": "x1", "post_id": "p0"},
        {"id": "x3", "text": "and after them", "author": "w", "parent_id": "x2", "post_id": "p0"},
        {"id": "x4", "text": "whom do I answer?", "author": "w", "parent_id": "gone", "post_id": "p1"},
        {"id": "x5", "text": "me too, @u", "parent_id": "gone", "post_id": "p1", "created_at": 3},
        {"id": "x6", "text": "soon", "author": "z", "created_at": 4_000_000_000_000},
        {"id": "t1", "text": "whose bench is that?", "author": "mo", "post_id": "p1"},
        {"id": "t2", "text": "my uncle's", "author": "no", "parent_id": "t1", "post_id": "p1"},
        {"id": "t3", "text": "a fine one", "author": "mo", "parent_id": "t2", "post_id": "p1"},
        {"id": "x7", "text": "これ は", "author": "j"},
        {"id": "x8", "text": "💕💕", "author": "e"},
        *({"id": f"y{i}", "text": "thanks a lot for that", "author": "boss", "is_creator": True,
           "creator_id": "boss", "parent_id": f"c{i}", "post_id": f"p{i % 2}", "created_at": 9_000_000 + i}
          for i in range(12)),
    ]  # fmt: skip


def in_two_languages(facts: Facts) -> Facts:
    codes = np.array(facts.language.to_pylist(), object)
    codes[(codes == "en") & (facts.key % np.uint64(3) == 0)] = "de"
    return replace(facts, language=pa.array(codes, pa.string()))


POSTS = {"p0": "a hinge and an oak shelf", "p1": "which drawer?"}
MIXED = with_posts(
    in_two_languages(
        facts_from([*community(70, seed=3), *campaign(12), *pod(), *crowd(), *stitched(), *odd()])
    ),
    POSTS,
)
FLAT = facts_from([{**row, "parent_id": None} for row in community(30)])
NAMELESS = facts_from([{**row, "author": None} for row in community(30)])
TIMELESS = facts_from([{**row, "created_at": None} for row in community(30)])
BY_CREATOR = facts_from([row for row in community(30) if row.get("is_creator")])
FEW = facts_from(community(2))
NOTHING = Facts.concat([])


@pytest.mark.parametrize("part_rows", [7, 60, 10_000])
@pytest.mark.parametrize(
    "facts",
    [MIXED, FLAT, NAMELESS, TIMELESS, BY_CREATOR, FEW],
    ids=["mixed", "flat", "nameless", "timeless", "by creator", "few"],
)
def test_parts_tell_what_the_whole_tells(facts: Facts, part_rows: int, tmp_path: Path) -> None:
    found = tallied_in_parts(Shuffled(facts, part_rows), tmp_path / "room", part_rows=part_rows)
    assert everything(found) == everything(tallied(Section.of(facts)))


def test_every_signal_of_the_mixture_is_there() -> None:
    found = {tally.name: tally for tally in tallied(Section.of(MIXED)).signals}
    assert [name for name, tally in found.items() if tally.settled() is None] == []
    assert set(found["generic_share"].spoken) == {"en", "de"}
    for name in ("duplicate_share", "burst_share", "co_commenting", "reciprocity", "creator_reply_latency"):
        assert found[name].keys.size, name


@settings(max_examples=15, deadline=None)
@given(st.sets(st.integers(0, len(MIXED) - 1), min_size=1), st.integers(5, 90))
def test_any_rows_in_any_parts(rows: set[int], part_rows: int) -> None:
    facts = MIXED.take(np.array(sorted(rows)))
    with TemporaryDirectory() as folder:
        found = tallied_in_parts(Shuffled(facts, part_rows), Path(folder, "room"), part_rows=part_rows)
    assert everything(found) == everything(tallied(Section.of(facts)))


@pytest.mark.parametrize("part_rows", [8, 60])
@pytest.mark.parametrize("seed", range(4))
def test_a_copy_written_as_one_word_counts_alike(seed: int, part_rows: int, tmp_path: Path) -> None:
    """It has the letters of a sentence and none of its triples."""
    sentence = "love this pottery channel so very much"
    texts = [sentence.replace(" ", ""), sentence, f"I {sentence} and the cat", f"we all {sentence} since May"]
    rows: Rows = [
        {"id": f"{seed}{i}", "text": text, "author": f"s{i}", "post_id": "p"}
        for i, text in enumerate([*texts, *(" ".join(words_of(700 + i, 8)) for i in range(30))])
    ]
    facts = facts_from(rows)
    found = tallied_in_parts(Shuffled(facts, seed), tmp_path / "room", part_rows=part_rows)
    assert everything(found) == everything(tallied(Section.of(facts)))


@pytest.mark.parametrize("by", ["post", "creator"])
def test_a_report_is_the_same_from_disk(by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = fake_pipeline()
    expected = pipeline.report(MIXED, group_by=by).to_json()
    assert pipeline.report(Shuffled(MIXED, 1), group_by=by).to_json() == expected
    monkeypatch.setattr(pipelines, "PART_ROWS", 25)
    monkeypatch.setattr(groups.buckets_of, "__kwdefaults__", {"part_rows": 25})
    found = pipeline.report(Shuffled(MIXED, 2), group_by=by, folder=tmp_path / "room")
    assert found.to_json() == expected
    assert not (tmp_path / "room").exists()


def test_groups_may_be_measured_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In other places, in another order, each place for itself."""
    expected = fake_pipeline().report(MIXED, group_by="post").to_json()
    monkeypatch.setattr(pipelines, "PART_ROWS", 25)
    monkeypatch.setattr(groups.buckets_of, "__kwdefaults__", {"part_rows": 25})
    n_alone = 0

    def spread(buckets: Iterable[groups.Bucket], measure: Any) -> Iterator[Any]:
        nonlocal n_alone
        found = []
        for i, bucket in enumerate(buckets):
            elsewhere = replace(bucket, path=tmp_path / f"bucket {i}")
            elsewhere.path.write_bytes(bucket.path.read_bytes())
            n_alone += bucket.n is not None
            found.append(partial(measure, elsewhere, tmp_path / f"place {i}"))
        for each in reversed(found):
            yield from each()

    found = fake_pipeline().report(Shuffled(MIXED, 2), group_by="post", spread=spread)
    assert found.to_json() == expected
    assert n_alone > 1


class TestGroups:
    @pytest.mark.parametrize("part_rows", [10, 10_000])
    def test_each_group_is_there_whole_and_once(self, part_rows: int, tmp_path: Path) -> None:
        found = groups.buckets_of(Shuffled(MIXED, 0), tmp_path / "room", by="post", part_rows=part_rows)
        named = [(name, facts_in(group)) for bucket in found for name, group in bucket.groups()]
        tables = {name: facts.to_table() for name, facts in named}
        assert len(tables) == len(named)
        names = MIXED.post_name.to_pylist()
        assert set(tables) == set(names)
        for name, table in tables.items():
            assert table.equals(MIXED.take(np.array([each == name for each in names])).to_table())

    def test_groups_that_are_counted_together_are_told_apart(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = []
        for n_counters in (1, 3, 1 << 20):
            monkeypatch.setattr("plaudit.partition.groups._COUNTERS", n_counters)
            buckets = groups.buckets_of(
                Shuffled(MIXED, 0), tmp_path / str(n_counters), by="post", part_rows=10
            )
            found.append([(bucket.n, [name for name, _ in bucket.groups()]) for bucket in buckets])
        assert found[0] == found[1] == found[2]
        alone = [(n, names) for n, names in found[0] if n is not None]
        all_names = MIXED.post_name.to_pylist()
        assert alone
        assert all([n] == [all_names.count(name) for name in names] and n > 10 for n, names in alone)

    def test_chosen_ones_come_in_the_order_named(self, tmp_path: Path) -> None:
        given = {"by": "post", "names": ["q3", "p0"], "most": 10}
        found = dict(groups.chosen_of(Shuffled(MIXED, 0), tmp_path / "room", **given))
        assert list(found) == ["q3", "p0"]
        assert isinstance(found["q3"], Facts)
        assert set(found["q3"].id.to_pylist()) == {f"{i}3" for i in range(6)}
        assert not isinstance(found["p0"], Facts)
        assert len(found["p0"]) > 10


def facts_in(group: Facts | Stored) -> Facts:
    return group if isinstance(group, Facts) else whole(group)


class TestSpill:
    def test_rows_of_a_key_come_back_together_in_their_order(self, tmp_path: Path) -> None:
        random = np.random.default_rng(0)
        keys = random.integers(0, 50, 1000).astype(np.uint64)
        spill = Spill(tmp_path / "spill", n_parts=4)
        for start in range(0, 1000, 300):
            rows = pa.table(
                {"key": keys[start : start + 300], "place": np.arange(start, min(start + 300, 1000))}
            )
            spill.add(rows, keys[start : start + 300])
            spill._flush()
        found = list(spill.parts())
        assert len(found) == 4
        places = np.concatenate([part.column("place").to_numpy() for part in found])
        assert sorted(places.tolist()) == list(range(1000))
        for part in found:
            assert (np.diff(part.column("place").to_numpy()) > 0).all()
            assert len(set(part_of(part.column("key").to_numpy(), 4).tolist())) == 1
        assert not (tmp_path / "spill").exists()

    def test_parts_are_of_about_one_size(self) -> None:
        for keys in (np.arange(64_000, dtype=np.uint64), np.arange(64_000, dtype=np.uint64) << np.uint64(40)):
            sizes = np.bincount(part_of(keys, 64))
            assert len(sizes) == 64
            assert 700 < sizes.min() <= sizes.max() < 1300


def test_key_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plaudit.partition.counting._MOST_WAITING", 3)
    counts = KeyCounts()
    for keys in ([5, 3, 5], [], [3, 9], [5], [1, 1]):
        counts.add(np.array(keys, np.uint64))
    counts.settle()
    assert (counts.keys.tolist(), counts.counts.tolist()) == ([1, 3, 5, 9], [2, 2, 3, 1])


def test_distinct(tmp_path: Path) -> None:
    distinct = Distinct(tmp_path / "keys", n_parts=3)
    distinct.add(np.array([4, 4, 7], np.uint64), np.array([True, True, False]))
    distinct.add(np.array([7, 9, 4], np.uint64), np.array([False, True, True]))
    assert distinct.count() == (3, 2)


def test_repeats(tmp_path: Path) -> None:
    repeats = Repeats(tmp_path / "said", n_parts=3)
    for said, keys in (([8, 8, 5], [40, 30, 20]), ([5, 8], [10, 50]), ([], [])):
        repeats.add(np.array(said, np.uint64), np.array(keys, np.uint64))
    found = repeats.keys()
    assert found.tolist() == [20, 40, 50]
    assert among(np.array([50, 30, 60], np.uint64), found).tolist() == [True, False, False]


def test_ancestry_is_that_of_threads() -> None:
    random = np.random.default_rng(8)
    for _ in range(20):
        key = np.unique(random.integers(1, 60, 40).astype(np.uint64))
        parent = np.where(random.random(len(key)) < 0.7, random.integers(1, 60, len(key)), 0).astype(
            np.uint64
        )
        facts = make_facts(len(key), key=key, parent=parent)
        threads = Threads.of(facts)
        replies = (parent != 0) & (parent != key)
        order = random.permutation(np.flatnonzero(replies))
        ancestry = Ancestry.of(key[order], parent[order])
        thread, is_reply = ancestry.place(key, parent)
        assert thread.tolist() == threads.thread.tolist()
        assert is_reply.tolist() == threads.is_reply.tolist()
        assert ancestry.n_looped == threads.n_looped


@pytest.mark.parametrize(("part_rows", "near_bytes"), [(10, 0), (64, 100), (1000, 1024)])
def test_rewordings_are_the_classes_of_all_texts_at_once(
    part_rows: int, near_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plaudit.partition.rewordings._NEAR_BYTES", near_bytes)
    texts = [" ".join(words_of(i, 9)) for i in range(120)]
    texts += [
        LONG.replace("winter", word).replace("cat", other)
        for word, other in zip(words_of(1, 60), words_of(2, 60), strict=True)
    ]
    texts += [text + " indeed" for text in texts[:40]] + texts[:20] + ["short", ""]
    facts = facts_from([{"id": str(i), "text": text} for i, text in enumerate(texts)])
    wordings = Wordings(tmp_path / "room", n=len(facts), part_rows=part_rows)
    for start in range(0, len(facts), 50):
        rows = facts.between(start, min(start + 50, len(facts)))
        wordings.add(pa.array(rows.letters), rows.grams)
    found, expected = wordings.rewordings().classes(facts.letters), classes(facts.letters, facts.grams)
    assert found.tolist() == expected.tolist()
    assert len(set(expected.tolist())) < len(set(facts.letters.tolist())) - 80
