"""What validation's tests share: a small study, and instruments that are right or wrong in a known way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from plaudit import language
from plaudit.facts import Facts
from plaudit.policy import Policy
from plaudit.report.envelope import Coverage, Finding, Interval
from plaudit.scores import Scores
from plaudit.validation.bench import Bench
from plaudit.validation.material import Material
from plaudit.validation.remembering import Remembering
from plaudit.validation.scale import SCALES, Scale
from plaudit.validation.simulation import simulated
from plaudit.validation.study import Study
from tests.fakes import KeywordClassifier, fake_pipeline

TINY: Scale = replace(
    SCALES["small"],
    n_posts=8,
    n_big=2,
    n_samples=8,
    n_halved=6,
    n_splits=1,
    n_mixes=1,
    n_pools=3,
    n_weights=4,
    mix_step=0.5,
)


class HearingClassifier(KeywordClassifier):
    """The keyword fake, which knows languages as the shipped classifier does."""

    def classify(self, texts: Sequence[str]) -> Scores:
        languages = tuple(language.identify(texts))
        supported = np.array([code in (*self.languages, "zxx", "und") for code in languages], bool)
        return replace(super().classify(texts), languages=languages, supported=supported)


def study(
    material: Material | None = None, *, bench: Bench | None = None, seed: int = 1, **scale: Any
) -> Study:
    pipeline = replace(fake_pipeline(), classifier=Remembering(HearingClassifier()))
    if material is None:
        material = simulated(n_posts=8, n_big=1, seed=seed, size=120, big=400)
    return Study(bench=bench or Bench(pipeline), material=material, scale=replace(TINY, **scale), seed=seed)


class RulerBench(Bench):
    """An instrument that reads one share off the facts, with an interval of a chosen width.

    `stretch` 1 gives right 90 % intervals (by the normal approximation), less is overconfident.
    """

    def __init__(self, *, stretch: float = 1.0) -> None:
        super().__init__(replace(fake_pipeline(), classifier=Remembering(HearingClassifier())))
        self.stretch = stretch

    def finding(self, facts: Facts, *, sampling_alone: bool = False, policy: Policy | None = None) -> Finding:
        own = (facts.label == 0)[~facts.is_creator]
        share, n = own.mean(), len(own)
        margin = 1.645 * self.stretch * np.sqrt(max(share * (1 - share), 0.01) / n)
        number = Interval(
            value=float(100 * share), low=float(100 * (share - margin)), high=float(100 * (share + margin))
        )
        return Finding(
            index=number,
            authenticity=number,
            community_depth=number,
            reasons={},
            labels={},
            signals=(),
            coverage=Coverage(read=n, scored=n),
        )
