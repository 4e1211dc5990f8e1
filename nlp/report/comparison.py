"""Two reports side by side: what changed, and whether it is more than noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt

import orjson

from plaudit.report.changes import Change, changes_of, judged
from plaudit.report.envelope import Coverage, KeptGroups, Report, with_groups
from plaudit.report.group_changes import ChangedGroups, GroupChange


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Comments that both runs scored, told by post and id.

    Attributes:
        n_before: Comments of the first run.
        n_after: Comments of the second one.
        n_common: Those in both.
        n_relabelled: Of those in both, how many got another label.
        moves: How many went from one label to another: first label, second label, count.
    """

    n_before: int
    n_after: int
    n_common: int
    n_relabelled: int
    moves: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one of the two runs was: its name, and what made it."""

    name: str
    model: Mapping[str, str]
    policy: Mapping[str, str]
    version: str
    coverage: Coverage


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that can be said of two runs.

    Attributes:
        before: The first run.
        after: The second one.
        assumption: independent, overlapping or same_comments.
        correlation: That the intervals of differences assume, in [0, 1].
        notes: Sentences: what is assumed, and what makes the runs hard to compare.
        changes: Of the whole: numbers, labels, signals.
        groups: Of each group in both, those that changed most first.
        only_before: Keys of groups that only the first run has.
        only_after: Keys of groups that only the second run has.
        shared: None where the comments could not be matched.
    """

    before: Side
    after: Side
    assumption: str
    correlation: float
    notes: tuple[str, ...]
    changes: tuple[Change, ...]
    groups: Sequence[GroupChange]  # a tuple, or `ChangedGroups` where they are many
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    shared: Shared | None = field(default=None)

    def to_json(self) -> bytes:
        """Return the comparison as indented UTF-8 JSON."""
        return b"".join(self.json_parts())

    def json_parts(self) -> Iterator[bytes]:
        """Yield the bytes of `to_json` in parts, a group at most in each where they are many."""
        if not isinstance(self.groups, ChangedGroups):
            yield orjson.dumps(self, option=orjson.OPT_INDENT_2)
            return
        whole = orjson.dumps(replace(self, groups=()), option=orjson.OPT_INDENT_2)
        bodies = (orjson.dumps(group, option=orjson.OPT_INDENT_2) for group in self.groups)
        yield from with_groups(whole, bodies)


def compare(
    before: Report,
    after: Report,
    *,
    names: tuple[str, str],
    shared: Shared | None = None,
    unmatched: str | None = None,
) -> Comparison:
    """Compare two reports.

    Args:
        before: The first run.
        after: The second one.
        names: What to call them.
        shared: What is known of comments in both; None: the runs are taken as independent.
        unmatched: Why nothing is known of them, as a sentence.
    """
    alike = _made_alike(before, after)
    correlation = _correlation(shared) if alike else 0.0
    changes = judged(changes_of(before, after, correlation=correlation))
    matched = ChangedGroups(before.groups, after.groups, correlation=correlation)
    told = _notes(before, after, shared=shared, alike=alike, n_matched=len(matched))
    is_kept = any(isinstance(report.groups, KeptGroups) for report in (before, after))
    return Comparison(
        before=_side(before, names[0]),
        after=_side(after, names[1]),
        assumption=_assumption(shared),
        correlation=round(correlation, 6),
        notes=(*([unmatched] if unmatched else ()), *told),
        changes=tuple(changes),
        groups=matched if is_kept else tuple(matched),
        only_before=matched.only_before,
        only_after=matched.only_after,
        shared=shared,
    )


def _side(report: Report, name: str) -> Side:
    made = {each: getattr(report, each) for each in ("model", "policy", "version", "coverage")}
    return Side(name=name, **made)


def _made_alike(before: Report, after: Report) -> bool:
    return (before.model, before.policy, before.version) == (after.model, after.policy, after.version)


def _assumption(shared: Shared | None) -> str:
    if shared is None or not shared.n_common:
        return "independent"
    whole = shared.n_common == shared.n_before == shared.n_after
    return "same_comments" if whole else "overlapping"


def _correlation(shared: Shared | None) -> float:
    # Two means over samples that share n_common of their members, each member equally noisy.
    if shared is None or not shared.n_common:
        return 0.0
    return min(shared.n_common / sqrt(shared.n_before * shared.n_after), 1.0)


def _notes(
    before: Report, after: Report, *, shared: Shared | None, alike: bool, n_matched: int
) -> Iterator[str]:
    yield _assumed(shared, alike=alike)
    for what, first, second, why in (
        ("models labelled", before.model, after.model, "label shares, and all that rests on them"),
        ("policies weighed", before.policy, after.policy, "indices"),
    ):
        if first != second:
            yield (
                f"Different {what} ({_named(first)}, then {_named(second)}): {why} may differ for that "
                "reason alone."
            )
    if before.version != after.version:
        yield f"Different versions of Plaudit ({before.version}, then {after.version}) measured."
    if before.groups and after.groups and not n_matched:
        yield "No group of one run is in the other: were both broken down by the same thing?"


def _named(made: Mapping[str, str]) -> str:
    return f"{made.get('id', 'unknown')} {made.get('hash', '')[:8]}".strip()


def _assumed(shared: Shared | None, *, alike: bool) -> str:
    kind = _assumption(shared)
    if kind == "independent" or shared is None:
        return (
            "Assumed: the runs are independent samples of comments. Where they share comments or authors, "
            "intervals of the differences are too wide, and a true change may be called noise."
        )
    both = (
        "Both runs scored the same comments"
        if kind == "same_comments"
        else (f"{shared.n_common:,} comments are in both runs")
    )
    if not alike:
        return (
            f"{both}, but not with the same model, policy and version: how far their errors go together is "
            "unknown, so the intervals are those of independent runs, which are too wide here."
        )
    return f"{both}: intervals of the differences count their shared error once."
