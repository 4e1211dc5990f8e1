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
from plaudit.partition.buckets import paired
from plaudit.partition.components import Links
from plaudit.partition.counting import Distinct, KeyCounts, Repeats, among, keys_in
from plaudit.partition.lists import Ascending
from plaudit.partition.measuring import tallied_in_parts
from plaudit.partition.placed import Placed
from plaudit.partition.rewordings import Wordings
from plaudit.partition.spill import Spill, part_of
from plaudit.partition.stored import Held, Stored, whole
from plaudit.posts import with_posts
from plaudit.signals import tallied
from plaudit.signals.grouping import joined, neighbours
from plaudit.signals.likeness import classes
from plaudit.signals.section import Section
from plaudit.signals.tally import Tallied, Tally
from plaudit.signals.threads import Threads
from tests.communities import facts_from, make_facts, words_of
from tests.fakes import fake_pipeline
from tests.test_index import Rows, community

DAY = 86_400_000
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
        *({"id": f"z{i}", "text": f"so glad to hear that {word}" if i % 2 else f"hey {word}",
           "author": "boss", "is_creator": True, "creator_id": "boss", "parent_id": f"c{i}",
           "post_id": f"p{i % 2}"}
          for i, word in enumerate(words_of(13, 30))),
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
ALIKE = facts_from(
    [
        *(
            {
                "id": f"a{i}",
                "text": LONG.replace("winter", word) if i % 3 else LONG,
                "author": f"a{i}",
                "post_id": "one",
                "created_at": 2_000 * i + 9_000_000 * (i // 40),
            }
            for i, word in enumerate(words_of(31, 160))
        ),
        *(
            {
                "id": f"r{i}",
                "text": "thanks a lot for that",
                "author": "boss",
                "is_creator": True,
                "creator_id": "boss",
                "parent_id": f"a{i}" if i < 30 else f"r{i - 1}",
                "post_id": "one",
            }
            for i in range(60)
        ),
    ]
)
"""One post, next to one text, one long chain: a part that is larger than a part should be."""
BESIDE = facts_from(
    [
        {**row, "parent_id": None, "text": f"@{words_of(0, 1)[0] if i % 9 else 'a1'} {row['text']}"}
        if row.get("is_creator")
        else {**row, "author": words_of(0, 1)[0]}
        if i % 7 == 0
        else row
        for i, row in enumerate(community(60))
    ]
)
"""The creator names beside the comments whom they answer."""
MIDNIGHTS = facts_from(
    [
        *community(120),
        *crowd(),
        *(
            {**row, "id": f"m{i}", "post_id": "m", "created_at": DAY * i}
            for i, row in enumerate(crowd()[:20])
        ),
    ]
)
"""Of one post the days alone, of others exact times."""
DAYS = facts_from([{**row, "created_at": row["created_at"] // DAY * DAY} for row in community(120)])
NOTHING = Facts.concat([])


@pytest.mark.parametrize("part_rows", [7, 60, 10_000])
@pytest.mark.parametrize("most_common", [0, 1 << 21])
@pytest.mark.parametrize(
    "facts",
    [MIXED, FLAT, NAMELESS, TIMELESS, BY_CREATOR, FEW, ALIKE, BESIDE, MIDNIGHTS, DAYS],
    ids=[
        "mixed",
        "flat",
        "nameless",
        "timeless",
        "by creator",
        "few",
        "alike",
        "beside",
        "midnights",
        "days",
    ],
)
def test_parts_tell_what_the_whole_tells(
    facts: Facts, most_common: int, part_rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plaudit.partition.stock.MOST_COMMON", most_common)
    found = tallied_in_parts(Shuffled(facts, part_rows), tmp_path / "room", part_rows=part_rows)
    assert everything(found) == everything(tallied(Section.of(facts)))
    assert found.community.answers_beside == (facts is BESIDE)


@pytest.mark.parametrize("part_rows", [7, 60, 10_000])
def test_wrong_clocks_and_early_comers_are_left_out_alike(part_rows: int, tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    times = 1_600_000_000_000 + np.sort(random.pareto(0.8, 200) * 1_200_000).astype(np.int64)
    early = times[0] - 90_000_000 + np.arange(9) * 1_000_000  # some before their post's pace began
    few = times[0] + np.array([0, *range(40_000_000, 40_000_019)])
    times = np.concatenate((times, times + 777, [3_600_000, 7_200_000], early, few))
    post = np.concatenate((np.repeat([1, 2], 200), [1, 1], np.repeat([2, 3], (9, 20))))
    facts = make_facts(len(times), created_at=times, exact_time=np.ones(len(times), bool), post=post)
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

    def test_a_part_that_was_taken_is_gone_from_the_disk(self, tmp_path: Path) -> None:
        spill = Spill(tmp_path / "spill", n_parts=2)
        spill.put(pa.table({"key": np.arange(5)}), np.array([0, 0, 1, 1, 1]))
        first = [block.column("key").to_pylist() for block in spill.blocks(1, n_rows=2, again=True)]
        assert first == [[2, 3, 4]]
        assert [len(block) for block in spill.blocks(1, n_rows=None)] == [3]
        part = spill.part(0)
        assert part is not None
        assert part.column("key").to_pylist() == [0, 1]
        assert spill.part(0) is None
        assert list((tmp_path / "spill").iterdir()) == []

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


@pytest.mark.parametrize("part_rows", [1, 100])
def test_repeats(part_rows: int, tmp_path: Path) -> None:
    repeats = Repeats(tmp_path / "said", n_parts=3, part_rows=part_rows)
    for said, keys, part in (([8, 8, 5], [40, 30, 20], [0, 1, 1]), ([5, 8], [10, 50], [1, 0]), ([], [], [])):
        repeats.add(np.array(said, np.uint64), np.array(keys, np.uint64), np.array(part, np.int64))
    found = repeats.settle(n_parts=3)
    assert [keys_in(found.part(number)).tolist() for number in range(3)] == [[40, 50], [20], []]


def test_among() -> None:
    keys = np.array([50, 30, 60], np.uint64)
    assert among(keys, np.array([20, 40, 50], np.uint64)).tolist() == [True, False, False]


@pytest.mark.parametrize("part_rows", [1, 3, 1000])
def test_ancestry_is_that_of_threads(part_rows: int, tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    for i in range(20):
        key = np.unique(random.integers(1, 60, 40).astype(np.uint64))
        parent = np.where(random.random(len(key)) < 0.7, random.integers(1, 60, len(key)), 0).astype(
            np.uint64
        )
        assert_ancestry(key, parent, random.permutation(len(key)), tmp_path / str(i), part_rows=part_rows)


def test_a_long_chain_of_answers_has_one_thread(tmp_path: Path) -> None:
    key = np.arange(1, 301, dtype=np.uint64)
    assert_ancestry(key, key - 1, np.arange(300), tmp_path, part_rows=7)


def assert_ancestry(key: Any, parent: Any, order: Any, folder: Path, *, part_rows: int) -> None:
    threads = Threads.of(make_facts(len(key), key=key, parent=parent))
    ancestry = Ancestry(folder / "replies", n=len(key), part_rows=part_rows)
    place = order[(parent[order] != 0) & (parent[order] != key[order])]
    ancestry.add(key[place], parent[place], place)
    found = Placed(folder / "threads", n=len(key), part_rows=part_rows)
    assert ancestry.settle(found) == threads.n_looped
    told = np.concatenate([found.take(n) for n in (1, 0, len(key) - 1)])
    thread = np.where(told != 0, told, key)
    assert thread.tolist() == threads.thread.tolist()
    assert (thread != key).tolist() == threads.is_reply.tolist()


@pytest.mark.parametrize("part_rows", [1, 5, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_links_tell_the_lowest_of_all_that_hang_together(seed: int, part_rows: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    n = 200
    one, other = np.sort(random.integers(0, n, (2, 40 + 60 * seed)), axis=0)
    chain = np.arange(60, 120)
    one, other = np.concatenate((one, chain)), np.concatenate((other, chain + 1))
    apart = one != other
    links = Links(tmp_path / "links", n=n, part_rows=part_rows)
    for some in np.array_split(random.permutation(np.flatnonzero(apart)), 3):
        links.add(one[some], other[some])
    found = np.arange(n)
    for number, lowest in links.lowest():
        found[number] = lowest
    assert found.tolist() == joined(n, one, other).tolist()


@pytest.mark.parametrize("n_rows", [1, 4, 1000])
def test_pairs_of_buckets_some_rows_at_a_time(n_rows: int) -> None:
    random = np.random.default_rng(4)
    bucket, row = random.integers(0, 9, 100).astype(np.uint64), np.arange(100)
    whole = pa.table({"bucket": bucket, "row": row})
    blocks = (whole.slice(start, n_rows).combine_chunks() for start in range(0, 100, n_rows))
    found = set()
    for rows, low, high in paired(blocks):
        number = rows.column("row").to_numpy()
        found |= set(zip(number[low].tolist(), number[high].tolist(), strict=True))
    assert found == set(zip(*(each.tolist() for each in neighbours(bucket)), strict=True))


@pytest.mark.parametrize(("part_rows", "near_bytes"), [(10, 0), (64, 100), (1000, 1024)])
def test_rewordings_are_the_classes_of_all_texts_at_once(
    part_rows: int, near_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plaudit.partition.lists._NEAR_BYTES", near_bytes)
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
        wordings.add(rows.letters, rows.grams, start + np.arange(len(rows)))
    placed = Placed(tmp_path / "classes", n=len(facts), part_rows=part_rows)
    wordings.settle(placed)
    told, expected = placed.take(len(facts)), classes(facts.letters, facts.grams)
    found = np.where(told != 0, told, facts.letters)
    assert found.tolist() == expected.tolist()
    assert len(set(expected.tolist())) < len(set(facts.letters.tolist())) - 80


@given(st.lists(st.lists(st.integers(-9, 40), max_size=9), max_size=6), st.lists(st.integers(-12, 44)))
def test_a_file_of_ascending_numbers_is_searched_like_an_array(
    parts: list[list[int]], asked: list[int]
) -> None:
    whole = np.sort(np.array([number for part in parts for number in part], np.int64))
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr("plaudit.partition.lists._PAGE", 4)
        axis, at = Ascending(Path(folder, "axis")), 0
        for part in parts:
            axis.append(whole[at : at + len(part)])
            at += len(part)
        for side in ("left", "right"):
            found = axis.searchsorted(np.array(asked, np.int64), side)
            assert found.tolist() == np.searchsorted(whole, asked, side).tolist()
