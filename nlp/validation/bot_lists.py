"""Are the very texts that bots post called praise, as they are and wrapped in filler?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from plaudit.report.claims import Claim, Row, Target
from plaudit.scores import LABELS
from plaudit.validation.gaming import wrapped
from plaudit.validation.injection import lacking
from plaudit.validation.material import BotText
from plaudit.validation.statistics import mean_of
from plaudit.validation.study import Study

KINDS: Final = ("praise", "emoji", "promo")
_PRAISE: Final = LABELS.index("generic_praise")
_PARTS: Final = (("listed one by one", False, 0.98), ("made by rules", True, 0.97))


def bot_lists(study: Study) -> Claim:
    """See which share of the texts that bots post the classifier calls generic praise."""
    method = (
        "Praise, emoji and promotion from the configurations of bots, each text once: the share called "
        "generic praise within a family of lists, and the mean over families with its 90 % interval; then "
        "the same texts between three pieces of filler. Of families that the model has learnt from it says "
        "only that it did: name lists of your own."
    )
    claim = Claim(name="lists", title="What bots post is called praise", method=method)
    texts = list({bot.text: bot for bot in study.material.bots if bot.kind in KINDS}.values())
    if not texts:
        return lacking(claim, "a list of praise that bots post")
    as_they_are = _is_praise(study, [bot.text for bot in texts])
    longer = _is_praise(study, wrapped([bot.text for bot in texts], study.random("filler", "lists")))
    rows: list[Row] = []
    for name, made, least in _PARTS:
        taken = np.array([bot.made is made for bot in texts])
        rows += [
            _row(f"{name}: called generic praise", texts, as_they_are, taken, target=Target(least=least)),
            _row(f"{name}, between pieces of filler", texts, longer, taken),
        ]
    return replace(claim, rows=tuple(rows))


def _is_praise(study: Study, texts: Sequence[str]) -> NDArray[np.bool_]:
    return np.asarray(study.bench.classifier.classify(texts).labels == _PRAISE)


def _row(
    name: str,
    texts: Sequence[BotText],
    is_praise: NDArray[np.bool_],
    taken: NDArray[np.bool_],
    *,
    target: Target | None = None,
) -> Row:
    families: dict[str, list[bool]] = {}
    for bot, found, counts in zip(texts, is_praise.tolist(), taken.tolist(), strict=True):
        if counts:
            families.setdefault(bot.family, []).append(found)
    shares = [float(np.mean(families[family])) for family in sorted(families)]
    n = int(taken.sum())
    return mean_of(shares, share=True).row(name, unit="share", target=target, n=n, of="texts")
