"""The one envelope every way of asking gets back: `report.json`, HTTP, library."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

WORDS: Final = ("good", "normal", "low", "alarm", "absent")
"""What a signal amounts to, best first."""

_NO_GROUPS: Final = b'"groups": []'


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A number from 0 to 100 with its 90 % interval, `low <= value <= high`."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelShare:
    """Prevalence of one label among the audience's readable comments, each in [0, 1].

    Attributes:
        share: Corrected for the classifier's error rates.
        low: Lower bound of the 90 % interval of `share`.
        high: Upper bound of it.
        raw_share: Share of comments whose most probable label is this one, uncorrected.
    """

    share: float
    low: float
    high: float
    raw_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRow:
    """One signal as reported.

    Attributes:
        name: As in the policy.
        family: labels, text, copies, conversation, returning or behaviour.
        value: In `unit`; None where absent.
        low: Lower bound of the 90 % interval; None where absent.
        high: Upper bound of it; None where absent.
        unit: share, authors, hours, ratio or count.
        reference: What is usual on this platform, or what the policy expects; None without reference data.
        points: Contribution to its index in points, of its index's total; None where absent or where
            the index abstains.
        word: One of `WORDS`.
        n_comments: Comments behind the value.
        n_authors: Distinct authors behind the value; 0 where authors are unknown.
        absent_reason: One sentence where the signal is absent, else None.
        evidence: Ids of comments that show the signal, the clearest first.
    """

    name: str
    family: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    reference: float | None
    points: float | None
    word: str
    n_comments: int
    n_authors: int
    absent_reason: str | None
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What was read and what became of it: `read == scored + sum(rejected.values())`."""

    read: int
    scored: int
    rejected: Mapping[str, int] = field(default_factory=dict)
    languages: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Everything measured on one set of comments.

    Attributes:
        index: Headline; None where either index is.
        authenticity: None with a sentence in `reasons["authenticity"]` where it can't be said.
        community_depth: None with a sentence in `reasons["community_depth"]` likewise.
        reasons: Sentences per number: why it is what it is, or why it is null.
        labels: A share per label, or None where nothing readable was there.
        signals: In the policy's order.
        coverage: What was read.
    """

    index: Interval | None
    authenticity: Interval | None
    community_depth: Interval | None
    reasons: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, LabelShare | None]
    signals: tuple[SignalRow, ...]
    coverage: Coverage


@dataclass(frozen=True, slots=True, kw_only=True)
class Group(Finding):
    """A finding of one post or creator, computed from its comments alone."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupHead:
    """What a group is ranked by: its key, comments read, and the values of its numbers or None."""

    key: str
    n_comments: int
    index: float | None
    authenticity: float | None
    community_depth: float | None


class KeptGroups(Sequence[Group]):
    """Groups that are kept elsewhere than in memory; each is made anew where it is asked for."""

    @abstractmethod
    def heads(self) -> Iterator[GroupHead]:
        """Yield what groups are ranked by, of each."""

    @abstractmethod
    def bodies(self) -> Iterator[bytes]:
        """Yield each as JSON, on one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Finding):
    """A finding of everything that was read, and of each group asked for.

    Attributes:
        groups: One per post or creator, most comments first; empty unless asked for.
        warnings: Sentences about the whole run.
        model: `id` and `hash` of the model that labelled, and its way of answering: `exact`, `cascade`
            or `float`.
        policy: `id` and `hash` of the policy that weighed.
        version: Plaudit's version.
    """

    groups: Sequence[Group]  # a tuple, or `KeptGroups` where they are many
    warnings: tuple[str, ...]
    model: Mapping[str, str]
    policy: Mapping[str, str]
    version: str

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON types; key order is fixed."""
        return dict(orjson.loads(self.to_json()))

    def to_json(self) -> bytes:
        """Return the report as indented UTF-8 JSON, a group a line; the same report gives the same bytes."""
        return b"".join(self.json_parts())

    def json_parts(self) -> Iterator[bytes]:
        """Yield the bytes of `to_json` in parts, a group at most in each."""
        whole = orjson.dumps(replace(self, groups=()), option=orjson.OPT_INDENT_2)
        if not self.groups:
            yield whole
            return
        # Indented, a group takes 12 kB instead of 7.
        kept = self.groups
        yield from with_groups(
            whole, kept.bodies() if isinstance(kept, KeptGroups) else map(orjson.dumps, kept)
        )


def with_groups(whole: bytes, bodies: Iterable[bytes]) -> Iterator[bytes]:
    """Yield indented JSON with groups, on one line or indented, in place of its empty list of groups."""
    # Within a text every quote is escaped, so no text can be taken for the empty list.
    before, _, after = whole.partition(_NO_GROUPS)
    yield before + _NO_GROUPS[:-1]
    for i, body in enumerate(bodies):
        yield (b",\n    " if i else b"\n    ") + body.replace(b"\n", b"\n    ")
    yield b"\n  ]" + after
