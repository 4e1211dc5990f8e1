from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from plaudit import policy
from plaudit.errors import ArtifactError
from plaudit.reference import MIN_COMMUNITIES, Community, References, fit

POLICY = policy.load()
RULE = POLICY.signals["generic_share"]


def communities(
    values: list[float], *, platform: str = "youtube", account: str | None = None, topic: str = ""
) -> list[Community]:
    return [
        Community(
            values={"generic_share": value},
            platform=platform,
            account=account or f"{platform}{i}",
            topic=topic,
        )
        for i, value in enumerate(values)
    ]


def test_location_is_the_median_and_spread_is_robust() -> None:
    values = [0.1, 0.2, 0.25, 0.3, 0.3, 0.35, 0.4, 0.99]
    found = fit(communities(values), policy=POLICY).find("generic_share", platform="youtube", rule=RULE)
    assert found.location == pytest.approx(0.3)
    assert RULE.least_spread <= found.spread < 0.2
    assert (found.n_communities, found.origin) == (8, "youtube")


def test_where_the_policy_sets_the_yardstick_nothing_else_is_asked() -> None:
    fitted = fit(communities([0.1, 0.2, 0.25, 0.3, 0.3, 0.35, 0.4, 0.99]), policy=POLICY)
    rule = replace(RULE, yardstick="policy", reference=0.7, spread=0.2)
    found = fitted.find("generic_share", platform="youtube", rule=rule)
    assert (found.location, found.spread, found.origin) == (0.7, 0.2, "set")


def test_no_account_rules_by_its_number_of_posts() -> None:
    many = communities([0.9] * 50, account="one maker")
    found = fit(many + communities([0.2] * 9), policy=POLICY)
    assert found.find("generic_share", platform="youtube", rule=RULE).location == pytest.approx(0.2, abs=0.02)


def test_no_topic_rules_by_its_number_of_accounts() -> None:
    topics = [
        communities([0.9] * 50, topic="trial"),
        *(communities([0.2] * 3, topic=t) for t in ("tea", "yarn")),
    ]
    found = fit([each for members in topics for each in members], policy=POLICY)
    assert found.find("generic_share", platform="youtube", rule=RULE).location == pytest.approx(0.2, abs=0.02)


def test_a_topic_counts_as_stated() -> None:
    loud = [replace(each, weight=9.0) for each in communities([0.9] * 9, topic="trial")]
    found = fit(loud + communities([0.2] * 9, topic="tea"), policy=POLICY)
    assert found.find("generic_share", platform="tiktok", rule=RULE).location > 0.8


def test_two_accounts_do_not_say_what_is_usual_on_a_platform() -> None:
    brands = [
        *communities([0.8] * 40, platform="instagram", account="one brand", topic="brands"),
        *communities([0.8] * 40, platform="instagram", account="other brand", topic="brands"),
    ]
    makers = [each for topic in "abc" for each in communities([0.1] * 20, platform="blog", topic=topic)]
    found = fit(brands + makers, policy=POLICY)
    pooled, theirs = (
        found.find("generic_share", platform=platform, rule=RULE) for platform in ("tiktok", "instagram")
    )
    assert theirs.n_accounts == pytest.approx(2)
    assert pooled.location < theirs.location < 0.4
    assert theirs.spread > 0.3
    many = communities([0.8] * 80, platform="instagram", topic="brands")
    assert (
        fit(many + makers, policy=POLICY).find("generic_share", platform="instagram", rule=RULE).location
        > 0.7
    )


def test_overrun_communities_do_not_widen_what_is_usual_without_end() -> None:
    rule = POLICY.signals["applause_share"]
    shares = np.linspace(0.0, 0.9, 40)
    some = [
        Community(values={"applause_share": float(share)}, platform="youtube", account=f"a{i}")
        for i, share in enumerate(shares)
    ]
    assert (
        fit(some, policy=POLICY).find("applause_share", platform="youtube", rule=rule).spread
        == rule.most_spread
    )


def test_equal_communities_keep_the_least_spread() -> None:
    found = fit(communities([0.3] * 10), policy=POLICY)
    assert found.find("generic_share", platform="youtube", rule=RULE).spread == RULE.least_spread


def test_a_platform_without_data_falls_back_to_all_then_to_the_policy() -> None:
    fitted = fit(communities([0.3] * MIN_COMMUNITIES), policy=POLICY)
    assert fitted.find("generic_share", platform="tiktok", rule=RULE).origin == "pooled"
    assert References().find("generic_share", platform="tiktok", rule=RULE).origin == "policy"


def test_too_few_communities_give_no_reference() -> None:
    assert fit(communities([0.3] * (MIN_COMMUNITIES - 1)), policy=POLICY).to_dict() == {}


def test_order_of_communities_leaves_no_trace() -> None:
    members = communities(np.linspace(0, 1, 21).tolist())
    assert fit(members, policy=POLICY).to_dict() == fit(members[::-1], policy=POLICY).to_dict()


def test_round_trip() -> None:
    fitted = fit(communities(np.linspace(0, 1, 21).tolist()), policy=POLICY)
    assert References.from_dict(fitted.to_dict()) == fitted


@pytest.mark.parametrize("change", [{"spread": 0.0}, {"location": None}, {"location": float("nan")}])
def test_damaged_references_are_refused(change: dict[str, object]) -> None:
    data = fit(communities([0.3] * 9), policy=POLICY).to_dict()
    data["youtube"]["generic_share"].update(change)
    with pytest.raises(ArtifactError, match="youtube/generic_share"):
        References.from_dict(data)
    data["youtube"]["generic_share"].pop("origin")
    with pytest.raises(ArtifactError):
        References.from_dict(data)
