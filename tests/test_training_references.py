from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plaudit import policy
from plaudit.errors import InputError, MappingError
from plaudit.facts import Facts
from plaudit.training import references
from plaudit.training.references import MIN_COMMENTS
from tests.communities import facts_from
from tests.fakes import KeywordClassifier

TEXTS = (
    "what glue is that?",
    "great",
    "my seam split in the second firing",
    "so nice",
    "mine held for years",
)


def post(
    name: str, *, creator: str | None, n: int = MIN_COMMENTS, platform: str = "youtube", n_regulars: int = 0
) -> list[dict[str, Any]]:
    rows = [
        {
            "id": f"{name}-{i}",
            "post_id": name,
            "creator_id": creator,
            "platform": platform,
            "author": f"fan {i}" if i < n_regulars else f"{name} guest {i}",
            "text": f"{TEXTS[i % 5]} {'abcdefghijklmnopqrstuvwxyz'[i % 26] * 3} {name}",
        }
        for i in range(n)
    ]
    return [*rows, {**rows[0], "id": f"{name}-own", "author": creator, "is_creator": creator is not None}]


def learned(rows: list[dict[str, Any]]) -> list[references.Community]:
    tools: dict[str, Any] = {"classifier": KeywordClassifier(), "policy": policy.load()}
    return list(references.communities(facts_from(rows), topic="dump", **tools))


def test_large_posts_are_communities_and_small_ones_are_not() -> None:
    found = learned(
        [*post("large", creator="ann"), *post("small", creator="ann", n=MIN_COMMENTS - 1)]
    )  # with the creator's own it has 50
    assert len(found) == 1
    assert (found[0].account, found[0].platform, found[0].topic) == ("ann", "youtube", "dump")
    assert 0.3 < found[0].values["generic_share"] < 0.5
    assert "returning_authors" not in found[0].values


def test_creators_add_only_what_their_posts_do_not_show() -> None:
    rows = [*post("one", creator="ann", n_regulars=10), *post("two", creator="ann", n_regulars=10)]
    found = learned([*rows, *post("three", creator="bob", platform="blog")])
    assert sorted(each.account for each in found) == ["ann", "ann", "ann", "bob"]
    creators = [each for each in found if "returning_authors" in each.values]
    assert len(creators) == 1
    shown = set().union(*(each.values for each in found if each.account == "ann" and each is not creators[0]))
    assert not set(creators[0].values) & shown
    assert {each.platform for each in found if each.account == "bob"} == {"blog"}


def test_posts_without_a_creator_are_of_one_account() -> None:
    found = learned([*post("one", creator=None), *post("two", creator=None)])
    assert {each.account for each in found} == {"file.csv"}


def test_nothing_large_teaches_nothing() -> None:
    assert learned(post("small", creator="ann", n=5)) == []
    tools: dict[str, Any] = {"classifier": KeywordClassifier(), "policy": policy.load()}
    assert list(references.communities(Facts.concat([]), topic="none", **tools)) == []


def test_dumps_are_named_with_or_without_a_platform(tmp_path: Path) -> None:
    plain, odd = tmp_path / "a.jsonl", tmp_path / "b=c.jsonl"
    for path in (plain, odd):
        path.write_text("{}")
    found = references.dumps_of([str(plain), f"reddit={plain}", str(odd), f"blog={odd}"])
    assert [(dump.path.name, dump.platform) for dump in found] == [
        ("a.jsonl", None),
        ("a.jsonl", "reddit"),
        ("b=c.jsonl", None),
        ("b=c.jsonl", "blog"),
    ]
    with pytest.raises(MappingError, match="unknown platform 'myspace'; expected one of youtube"):
        references.dumps_of([f"myspace={plain}"])
    with pytest.raises(InputError, match=r"There is no file .*missing\.jsonl"):
        references.dumps_of([str(tmp_path / "missing.jsonl")])


def test_weights_are_stated_by_file(tmp_path: Path) -> None:
    for name in ("tea.ndjson", "trial.ndjson"):
        (tmp_path / name).write_text("")
    files = [str(tmp_path / "tea.ndjson"), f"youtube={tmp_path / 'trial.ndjson'}"]
    found = references.dumps_of(files, weights=["trial.ndjson=0.25"])
    assert [(dump.platform, dump.weight) for dump in found] == [(None, 1.0), ("youtube", 0.25)]
    for wrong, says in (("coffee.ndjson=2", "none of the files"), ("tea.ndjson=much", "above 0")):
        with pytest.raises(MappingError, match=says):
            references.dumps_of(files, weights=[wrong])


def test_too_few_communities_are_refused_not_fitted_to_nothing() -> None:
    found = learned([row for name in ("one", "two") for row in post(name, creator="ann")])
    with pytest.raises(InputError, match=r"measured in more than 2 communities .* expected 8\. The model's"):
        references.fitted_to(found, policy=policy.load())
    enough = learned([row for i in range(8) for row in post(f"p{i}", creator=f"c{i}")])
    assert "youtube" in references.fitted_to(enough, policy=policy.load()).platforms


def test_references_that_would_be_no_more_are_named() -> None:
    before: dict[str, Any] = {"pooled": {"a": {}, "b": {}}, "reddit": {"a": {}}}
    assert references.lost(before, {"pooled": {"a": {}, "c": {}}}) == ["pooled/b", "reddit"]
    assert references.lost(before, before) == []
