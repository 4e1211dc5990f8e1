"""How far annotators agree, where a file keeps what each of them said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from plaudit.scores import LABELS


def agreement(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return how far the annotators of rows agree; None where no row was labelled by two or more.

    Args:
        rows: With a list `labels`, one an annotator; rows without two known ones are passed over.

    Returns:
        `n` rows, the share of pairs of annotators that `agree`, and `alpha`, Krippendorff's (2011) for
        nominal labels: 1 for perfect agreement, 0 for chance; None where only one label occurs.
    """
    said = [[each for each in row.get("labels") or () if each in LABELS] for row in rows if _is_list(row)]
    units = [labels for labels in said if len(labels) > 1]
    if not units:
        return None
    pairs = [(a, b) for labels in units for a, b in combinations(labels, 2)]
    totals = Counter(label for labels in units for label in labels)
    n = sum(totals.values())
    observed = sum(
        2 * sum(a != b for a, b in combinations(labels, 2)) / (len(labels) - 1) for labels in units
    )
    expected = (n * n - sum(count * count for count in totals.values())) / (n - 1)
    return {
        "n": len(units),
        "agree": round(sum(a == b for a, b in pairs) / len(pairs), 4),
        "alpha": round(1 - observed / expected, 4) if expected else None,
    }


def _is_list(row: Mapping[str, Any]) -> bool:
    return isinstance(row.get("labels"), list)
