from __future__ import annotations

from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from plaudit import policy
from plaudit.errors import PolicyError
from plaudit.signals import NAMES

SHIPPED = files("plaudit").joinpath("policy.toml").read_text()


def test_shipped_policy_rules_every_signal() -> None:
    shipped = policy.load()
    assert set(shipped.signals) == set(NAMES)
    assert shipped.hash == sha256(SHIPPED.encode()).hexdigest()
    for index in policy.INDICES:
        weights = [rule.weight for rule in shipped.of_index(index).values()]
        assert sum(weights) == pytest.approx(1.0)
        assert max(weights) < 0.5


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SHIPPED.replace(f'id = "{policy.load().id}"', 'id = "mine"'))
    mine = policy.load(path)
    assert mine.id == "mine"
    assert mine.hash != policy.load().hash


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[rules]", "[rules", "valid TOML"),
        ("[signals.specificity]", "[signals.charm]", "lacks specificity"),
        ("typical = 0.75 ", "typical = 1.75 ", "floor < typical < 1"),
        ('bad = "high"', 'bad = "up"', "expected one of high, low, none"),
        ('scale = "linear"', 'scale = "cubic"', "expected one of root, log, linear"),
        ("weight = 0.285\n", "weight = -1\n", "0 or more"),
        ('yardstick = "policy"', 'yardstick = "mine"', "expected one of communities, policy"),
        ("weight = 0\n", "weight = 1\n", "belongs to no index"),
        ("min_n = 20\n", "min_n = 2.5\n", "whole number"),
        ("spread = 0.15\n", "spread = 0\n", "above 0"),
        ("tolerance = 0.5\n", 'tolerance = "much"\n', "expected a number"),
        ("tolerance = 0.5\n", "", "lacks tolerance"),
        ("tolerance = 0.5\n", "tolerance = 0.5\ncolour = 1\n", "unknown colour"),
        ("max_width = 60.0", "max_width = 0", "0 to 100"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(old: str, new: str, says: str) -> None:
    assert old in SHIPPED
    with pytest.raises(PolicyError, match=says):
        policy.parse(SHIPPED.replace(old, new, 1).encode())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"nowhere\.toml"):
        policy.load(tmp_path / "nowhere.toml")


def test_scales_are_monotone_and_finite_at_the_ends() -> None:
    for rule in policy.load().signals.values():
        values = np.linspace(0, 1, 50)
        assert (np.diff(rule.on_scale(values)) > 0).all()
        assert np.isfinite(rule.on_scale(np.array([0.0, 1.0]))).all()
