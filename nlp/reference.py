"""What is usual: location and spread of every signal, per platform, fitted on reference dumps.

No topic and no account rules. Every topic (a dump) weighs what its owner says, and within it every account
alike. A platform known from n accounts (their effective number, 1 / sum of squared weights) keeps n / (n + 4)
of its own location and spread and takes the rest from all platforms together, on the signal's scale; what the
two disagree on is added to the spread (a normal mixture): two brands do not say what is usual on Instagram.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plaudit.errors import ArtifactError
from plaudit.policy import Policy, SignalRule

POOLED: Final = "pooled"
MIN_COMMUNITIES: Final = 8
"""Communities below which a platform's own reference would be chance."""
POOLED_ACCOUNTS: Final = 4.0
"""Accounts of its own at which a platform's reference is half its own, half everybody's."""
_MAD_TO_SIGMA: Final = 1.4826


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What is usual for one signal.

    Attributes:
        location: Median over communities, in the signal's unit.
        spread: Robust standard deviation over communities, on the policy's scale.
        n_communities: Communities behind both; 0 for the policy's own assumption.
        origin: Platform, "pooled", "policy" for want of one, or "set" where the policy's is what counts.
        n_accounts: Effective number of accounts behind both.
    """

    location: float
    spread: float
    n_communities: int
    origin: str
    n_accounts: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Community:
    """Measured values to learn references from.

    Attributes:
        values: Value of each signal that was not absent, by name.
        platform: Where.
        account: Whose; all communities of one account weigh as much as one.
        topic: The dump it is from; all its accounts share its weight.
        weight: The topic's weight, the same for all its communities.
    """

    values: Mapping[str, float]
    platform: str
    account: str
    topic: str = ""
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """References by platform and signal; platform "pooled" is all of them together."""

    platforms: Mapping[str, Mapping[str, Reference]] = field(default_factory=dict)

    def find(self, signal: str, *, platform: str, rule: SignalRule) -> Reference:
        """Return the platform's reference of a signal, else the pooled one, else the policy's.

        Where the policy says that what is usual is no yardstick, its own is "set".
        """
        if rule.yardstick == "policy":
            return Reference(location=rule.reference, spread=rule.spread, n_communities=0, origin="set")
        for name in (platform, POOLED):
            if (found := self.platforms.get(name, {}).get(signal)) is not None:
                return found
        return Reference(location=rule.reference, spread=rule.spread, n_communities=0, origin="policy")

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types, for the artefact's manifest."""
        return {
            platform: {name: asdict(reference) for name, reference in signals.items()}
            for platform, signals in self.platforms.items()
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> References:
        """Read what `to_dict` wrote.

        Raises:
            ArtifactError: A reference lacks a field or holds no usable number.
        """
        return cls(
            platforms={
                platform: {name: _reference(given, f"{platform}/{name}") for name, given in signals.items()}
                for platform, signals in data.items()
            }
        )


def _reference(given: Mapping[str, Any], where: str) -> Reference:
    try:
        found = Reference(
            location=float(given["location"]),
            spread=float(given["spread"]),
            n_communities=int(given["n_communities"]),
            origin=str(given["origin"]),
            n_accounts=float(given.get("n_accounts", 0.0)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"The reference {where} is damaged ({error!r}). Refit the references.") from error
    if not (np.isfinite(found.location) and 0 < found.spread < np.inf):
        raise ArtifactError(f"The reference {where} holds no usable number. Refit the references.")
    return found


def fit(communities: Sequence[Community], *, policy: Policy) -> References:
    """Fit references: weighted median and median absolute deviation over communities, partly pooled.

    Args:
        communities: Any mixture; a platform with fewer than `MIN_COMMUNITIES` values of a signal gets no
            reference of its own for it.
        policy: Gives each signal's scale and its least spread.
    """
    by_platform: dict[str, list[Community]] = {POOLED: list(communities)}
    for each in communities:
        by_platform.setdefault(each.platform, []).append(each)
    pooled = _fit_platform(by_platform.pop(POOLED), name=POOLED, policy=policy)
    fitted = {POOLED: pooled} | {
        name: {
            signal: _partly_pooled(reference, pooled[signal], rule=policy.signals[signal])
            for signal, reference in _fit_platform(members, name=name, policy=policy).items()
        }
        for name, members in by_platform.items()
    }
    return References(platforms={name: signals for name, signals in fitted.items() if signals})


def _fit_platform(members: Sequence[Community], *, name: str, policy: Policy) -> dict[str, Reference]:
    return {
        signal: reference
        for signal, rule in policy.signals.items()
        if (reference := _fit_signal(members, signal=signal, rule=rule, origin=name)) is not None
    }


def _partly_pooled(own: Reference, pooled: Reference, *, rule: SignalRule) -> Reference:
    share = own.n_accounts / (own.n_accounts + POOLED_ACCOUNTS)
    here, everywhere = rule.on_scale(np.array([own.location, pooled.location]))
    variance = share * own.spread**2 + (1.0 - share) * pooled.spread**2
    variance += share * (1.0 - share) * (here - everywhere) ** 2
    location = rule.off_scale(share * here + (1.0 - share) * everywhere)
    spread = min(float(np.sqrt(variance)), rule.most_spread)
    return replace(own, location=round(location, 6), spread=round(spread, 6))


def _fit_signal(
    members: Sequence[Community], *, signal: str, rule: SignalRule, origin: str
) -> Reference | None:
    found = [each for each in members if signal in each.values]
    if len(found) < MIN_COMMUNITIES:
        return None
    values = np.array([each.values[signal] for each in found])
    weights = _weights(found)
    location = _weighted_median(values, weights)
    on_scale = rule.on_scale(values)
    distance = np.abs(on_scale - rule.on_scale(np.array([location])))
    deviation = _MAD_TO_SIGMA * _weighted_median(distance, weights)
    spread = min(max(deviation, rule.least_spread), rule.most_spread)
    return Reference(
        location=round(location, 6),
        spread=round(spread, 6),
        n_communities=len(found),
        origin=origin,
        n_accounts=round(_effective_accounts(found, weights), 2),
    )


def _weights(members: Sequence[Community]) -> NDArray[np.float64]:
    """Return weights under which each topic counts as stated, and within a topic each account alike."""
    n_communities = Counter((each.topic, each.account) for each in members)
    n_accounts = Counter(topic for topic, _ in n_communities)
    return np.array([m.weight / (n_communities[m.topic, m.account] * n_accounts[m.topic]) for m in members])


def _effective_accounts(members: Sequence[Community], weights: NDArray[np.float64]) -> float:
    totals: dict[tuple[str, str], float] = {}
    for each, weight in zip(members, weights, strict=True):
        totals[each.topic, each.account] = totals.get((each.topic, each.account), 0.0) + float(weight)
    return sum(totals.values()) ** 2 / sum(total**2 for total in totals.values())


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values, kind="stable")
    half = np.cumsum(weights[order]) - weights[order] / 2
    return float(np.interp(weights.sum() / 2, half, values[order]))
