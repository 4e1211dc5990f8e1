"""Every experiment that shows what the numbers are worth, on communities that anyone names."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from importlib.resources import files
from typing import Final

from plaudit.errors import UsageError
from plaudit.report.claims import Claim, Validation
from plaudit.validation.bot_lists import bot_lists
from plaudit.validation.coverage import intervals, small_audiences
from plaudit.validation.disguise import copied_campaign, disguised_bots
from plaudit.validation.gaming import gaming
from plaudit.validation.halves import reliability
from plaudit.validation.injection import injected_bots
from plaudit.validation.invariance import invariance
from plaudit.validation.known_groups import known_groups
from plaudit.validation.languages import languages
from plaudit.validation.material import GroupRule
from plaudit.validation.omission import leaving_out
from plaudit.validation.prevalence import prevalence
from plaudit.validation.sensitivity import sensitivity
from plaudit.validation.study import Study

EXPERIMENTS: Final[Mapping[str, Callable[[Study], Claim]]] = {
    "prevalence": prevalence,
    "lists": bot_lists,
    "bots": injected_bots,
    "campaign": copied_campaign,
    "disguised": disguised_bots,
    "intervals": intervals,
    "reliability": reliability,
    "small": small_audiences,
    "omission": leaving_out,
    "groups": known_groups,
    "gaming": gaming,
    "languages": languages,
    "invariance": invariance,
    "sensitivity": sensitivity,
}
"""What is run, by the claim's name, in the order of the table."""


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """Return the experiments that are named, all where none is.

    Raises:
        UsageError: There is no such experiment.
    """
    unknown = [name for name in names if name not in EXPERIMENTS]
    if unknown:
        raise UsageError(f"There is no experiment '{unknown[0]}'; name some of: {', '.join(EXPERIMENTS)}.")
    return tuple(name for name in EXPERIMENTS if name in names or not names)


def validate(
    study: Study, *, only: Sequence[str] = (), sources: Mapping[str, int] | None = None
) -> Validation:
    """Run experiments, all of them unless some are named.

    Args:
        study: Material, bench and scale.
        only: Names in `EXPERIMENTS`.
        sources: Comments read, by the name of their file, to be told.

    Raises:
        UsageError: There is no experiment of such a name.
    """
    model, policy = study.bench.classifier.model, study.bench.policy
    return Validation(
        claims=tuple(EXPERIMENTS[name](study) for name in chosen(only)),
        sources=dict(sources or {}),
        scale=study.scale.name,
        seed=study.seed,
        model={"id": model.id, "hash": model.hash},
        policy={"id": policy.id, "hash": policy.hash},
        version=version("plaudit"),
    )


def shipped_groups() -> tuple[GroupRule, ...]:
    """Return the groups that are known for the sources validated by default."""
    return groups_of(files("plaudit.validation").joinpath("known_groups.toml").read_text("utf-8"))


def groups_of(text: str) -> tuple[GroupRule, ...]:
    """Read known groups from the text of a TOML file: a table `[[group]]` each.

    Raises:
        UsageError: It is no TOML, or a group lacks a field or has an unknown one.
    """
    try:
        return tuple(GroupRule(**group) for group in tomllib.loads(text).get("group", []))
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise UsageError(f"The known groups can't be read ({error}); compare the shipped file.") from error
