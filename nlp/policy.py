"""The policy: which signals count, in which direction, how much, against what."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plaudit.errors import PolicyError
from plaudit.signals import NAMES

INDICES: Final = ("authenticity", "depth")
_CHOICES: Final = {
    "index": (*INDICES, "none"),
    "bad": ("high", "low", "none"),
    "scale": ("root", "log", "linear"),
    "yardstick": ("communities", "policy"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRule:
    """What the policy says of one signal; `policy.toml` explains the fields."""

    index: str
    bad: str
    weight: float
    scale: str
    tolerance: float
    min_n: int
    least: float
    reference: float
    spread: float
    yardstick: str
    least_spread: float
    most_spread: float
    title: str
    bad_words: str
    good_words: str

    def on_scale(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return values on the scale on which distances are taken."""
        if self.scale == "root":
            return np.arcsin(np.sqrt(np.clip(values, 0.0, 1.0)))
        return np.log1p(np.maximum(values, 0.0)) if self.scale == "log" else values

    def off_scale(self, distance: float) -> float:
        """Return the value at a place on the scale; undoes `on_scale`."""
        if self.scale == "root":
            return float(np.sin(np.clip(distance, 0.0, np.pi / 2.0)) ** 2)
        return float(np.expm1(max(distance, 0.0))) if self.scale == "log" else float(distance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How goodness, indices and abstention work; `policy.toml` explains the fields."""

    typical: float
    floor: float
    steepness: float
    min_comments: int
    min_authors: int
    min_comments_unsigned: int
    min_readable_share: float
    min_threads: int
    min_weight: float
    max_width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A validated policy.

    Attributes:
        id: Its name.
        hash: SHA-256 of the file, hexadecimal.
        rules: What holds for every signal.
        signals: A rule a signal, in the order of the report.
    """

    id: str
    hash: str
    rules: Rules
    signals: Mapping[str, SignalRule]

    def of_index(self, index: str) -> dict[str, SignalRule]:
        """Return the rules of the signals that make up an index."""
        return {name: rule for name, rule in self.signals.items() if rule.index == index}


def load(path: Path | None = None) -> Policy:
    """Read a policy file; None reads the shipped one.

    Raises:
        PolicyError: The file is missing, no TOML, incomplete, or contradicts itself.
    """
    if path is None:
        return _shipped()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PolicyError(
            f"Cannot read the policy {path}: {error.strerror}. Name an existing file."
        ) from error
    return parse(data)


@lru_cache(maxsize=1)
def _shipped() -> Policy:
    return parse(files("plaudit").joinpath("policy.toml").read_bytes())


def parse(data: bytes) -> Policy:
    """Read a policy from the bytes of its file.

    Raises:
        PolicyError: As `load`.
    """
    try:
        content = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PolicyError(f"The policy is not valid TOML ({error}). Mend that line.") from error
    _same_names("The policy", set(content), {"id", "rules", "signals"})
    rules = _filled(Rules, content["rules"], "[rules]")
    signals = {
        name: _filled(SignalRule, given, f"[signals.{name}]") for name, given in content["signals"].items()
    }
    _same_names("[signals]", set(signals), set(NAMES))
    _check_rules(rules)
    for name, rule in signals.items():
        _check_signal(name, rule)
    policy = Policy(id=str(content["id"]), hash=sha256(data).hexdigest(), rules=rules, signals=signals)
    for index in INDICES:
        _require(
            sum(rule.weight for rule in policy.of_index(index).values()) > 0, index, "no signal has weight"
        )
    return policy


def _filled(kind: Any, given: Any, where: str) -> Any:
    _require(isinstance(given, dict), where, "a table was expected")
    wanted = {each.name: str(each.type) for each in fields(kind)}
    _same_names(where, set(given), set(wanted))
    return kind(**{name: _typed(given[name], wanted[name], f"{where} {name}") for name in wanted})


def _typed(value: Any, kind: str, where: str) -> Any:
    if kind == "str":
        _require(isinstance(value, str), where, f"found {value!r}, expected words in quotes")
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value)
    _require(is_number, where, f"found {value!r}, expected a number")
    if kind == "int":
        _require(value == int(value), where, f"found {value!r}, expected a whole number")
        return int(value)
    return float(value)


def _check_rules(rules: Rules) -> None:
    _require(0 < rules.floor < rules.typical < 1, "[rules]", "expected 0 < floor < typical < 1")
    _require(rules.steepness > 0, "[rules] steepness", "expected more than 0")
    _require(0 <= rules.min_readable_share <= 1, "[rules] min_readable_share", "expected 0 to 1")
    _require(0 <= rules.min_weight <= 1, "[rules] min_weight", "expected 0 to 1")
    _require(0 < rules.max_width <= 100, "[rules] max_width", "expected 0 to 100")
    _require(
        min(rules.min_comments, rules.min_authors, rules.min_comments_unsigned, rules.min_threads) >= 1,
        "[rules]",
        "expected minimum counts of 1 or more",
    )


def _check_signal(name: str, rule: SignalRule) -> None:
    where = f"[signals.{name}]"
    for field, choices in _CHOICES.items():
        found = getattr(rule, field)
        _require(
            found in choices, f"{where} {field}", f"found {found!r}, expected one of {', '.join(choices)}"
        )
    _require(rule.weight >= 0 and rule.tolerance >= 0, where, "expected weight and tolerance of 0 or more")
    _require(
        0 < rule.least_spread <= rule.most_spread and rule.spread > 0,
        where,
        "expected spreads above 0, and least_spread at most most_spread",
    )
    _require(0 <= rule.least < 1, f"{where} least", "expected 0 or more, below 1")
    _require(rule.min_n >= 1, f"{where} min_n", "expected 1 or more")
    if rule.index == "none":
        _require(rule.weight == 0, where, "has a weight but belongs to no index; give it one or weight 0")
    else:
        _require(rule.bad != "none", f"{where} bad", "counts in an index, so one direction must be bad")


def _same_names(where: str, found: set[str], wanted: set[str]) -> None:
    missing, unknown = sorted(wanted - found), sorted(found - wanted)
    _require(not missing, where, f"lacks {', '.join(missing)}; add it")
    _require(not unknown, where, f"has unknown {', '.join(unknown)}; remove or rename it")


def _require(holds: Any, where: str, problem: str) -> None:
    if not holds:
        raise PolicyError(f"{where}: {problem}.")
