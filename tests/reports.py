"""Reports written by hand: what a whole one, one that abstains and one with groups look like."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from plaudit import policy
from plaudit.report.envelope import Coverage, Finding, Group, Interval, LabelShare, Report, SignalRow

TEXTS = {
    "c01": "The jig at 4:10 saved me. I had clamped the rail by eye for years and it never came out square.",
    "c02": "Does the second coat need sanding if I thin the varnish with white spirit?",
    "c03": "Never seen anyone explain grain direction this well, keep the good work going!!",
    "c04": "Never seen anyone explain grain direction this well, keep the good work going 🔥",
    "c05": "never seen anyone explain grain direction this well. keep the good work going",
    "c06": "Write me on the number in my profile, my mentor turned 300 into 9,000 within a week.",
    "c07": "Tried it on walnut last night, it still tears out near the knot. Dull iron, or wrong angle?",
    "c08": "😍😍😍",
}


def signal(
    name: str, family: str, value: float | None, low: float | None, high: float | None, **more: Any
) -> SignalRow:
    """Return a row whose other fields are plausible."""
    given = {"unit": "share", "reference": None, "points": None, "word": "normal", "n_comments": 412}
    given |= {"n_authors": 331, "absent_reason": None} | more
    return SignalRow(name=name, family=family, value=value, low=low, high=high, **given)


def absent(name: str, family: str, reason: str) -> SignalRow:
    """Return the row of a signal that could not be measured."""
    return signal(
        name, family, None, None, None, word="absent", n_comments=0, n_authors=0, absent_reason=reason
    )


SIGNALS = (
    signal(
        "generic_share",
        "labels",
        0.312,
        0.262,
        0.366,
        reference=0.34,
        points=9.1,
        word="normal",
        evidence=("c08",),
    ),
    signal(
        "question_share",
        "labels",
        0.214,
        0.17,
        0.262,
        reference=0.11,
        points=14.6,
        word="good",
        evidence=("c02", "c07"),
    ),
    signal("genuine_share", "labels", 0.474, 0.418, 0.527),
    signal(
        "solicitation_share",
        "text",
        0.024,
        0.011,
        0.043,
        reference=0.012,
        points=6.4,
        word="low",
        evidence=("c06",),
    ),
    signal(
        "experience_share", "text", 0.187, 0.15, 0.228, reference=0.16, points=11.2, evidence=("c01", "c07")
    ),
    signal("tag_only_share", "text", 0.0, 0.0, 0.008, reference=0.021, points=10.3, word="good"),
    signal("emoji_only_share", "text", 0.058, 0.038, 0.083, reference=0.071),
    signal("specificity", "text", 0.41, 0.38, 0.44, reference=0.33, points=10.9),
    signal(
        "duplicate_share",
        "copies",
        0.094,
        0.051,
        0.148,
        reference=0.013,
        points=2.2,
        word="alarm",
        evidence=("c03", "c04", "c05"),
    ),
    signal(
        "mass_copy_share", "copies", 0.013, 0.008, 0.021, reference=0.011, points=9.1, evidence=("c03", "c04")
    ),
    signal("reply_share", "conversation", 0.381, 0.32, 0.44, reference=0.29, points=13.5, word="good"),
    signal(
        "reciprocity",
        "conversation",
        0.12,
        0.07,
        0.19,
        reference=0.1,
        points=9.9,
        n_comments=157,
        n_authors=98,
    ),
    signal(
        "creator_reply_rate",
        "conversation",
        0.27,
        0.22,
        0.33,
        reference=0.08,
        points=18.1,
        word="good",
        evidence=("c02",),
    ),
    signal(
        "answered_question_rate",
        "conversation",
        0.48,
        0.37,
        0.6,
        reference=0.46,
        points=12.4,
        n_comments=88,
        n_authors=79,
    ),
    signal("creator_reply_latency", "conversation", 6.4, 3.1, 15.2, unit="hours", n_comments=70, n_authors=1),
    absent("returning_authors", "returning", "Only one post was read; at least two are needed."),
    signal("author_concentration", "behaviour", 0.071, 0.05, 0.11, reference=0.06, points=8.2),
    absent("burst_share", "behaviour", "Times are rounded (“2 years ago”), so bursts can't be seen."),
)

FINDING: dict[str, Any] = {
    "index": Interval(value=66.31, low=60.2, high=71.4),
    "authenticity": Interval(value=61.8, low=54.7, high=68.02),
    "community_depth": Interval(value=71.15, low=62.9, high=78.44),
    "reasons": {
        "authenticity": (
            "Copies by others are far above what is usual (9.4%, usual 1.3%).",
            "Questions are twice as frequent as usual (21%, usual 11%).",
        ),
        "community_depth": ("The creator answers 27% of top-level comments, usual 8%.",),
    },
    "labels": {
        "genuine": LabelShare(share=0.474, low=0.418, high=0.527, raw_share=0.451),
        "generic_praise": LabelShare(share=0.312, low=0.262, high=0.366, raw_share=0.342),
        "question": LabelShare(share=0.214, low=0.17, high=0.262, raw_share=0.207),
    },
    "signals": SIGNALS,
    "coverage": Coverage(
        read=468,
        scored=451,
        rejected={"empty_text": 6, "duplicate_id": 5, "deleted": 4, "not_json": 2},
        languages={"en": 389, "zxx": 31, "und": 12, "de": 9, "es": 7, "ja": 3},
    ),
}

MADE_BY: dict[str, Any] = {
    "model": {"id": "minilm-20261125-1a2b3c4d", "hash": "1a2b3c4d" * 8},
    "policy": {"id": "plaudit-1", "hash": policy.load().hash},
    "version": "0.1.0",
}


def full_report(**changes: Any) -> Report:
    """Return a report in which everything could be said."""
    warnings = ("Some threads are incomplete in this dump: reply rates are lower bounds.",)
    return Report(**{**FINDING, **MADE_BY, "groups": (), "warnings": warnings, **changes})


def abstaining(**changes: Any) -> dict[str, Any]:
    """Return the fields of a finding on too few comments of a language the model does not read."""
    reason = "Too few comments to say: 14 of the audience, at least 20 are needed."
    return {
        "index": None,
        "authenticity": None,
        "community_depth": None,
        "reasons": {
            "index": ("Neither of its two parts could be measured.",),
            "authenticity": (reason, "Only 21% of the comments are in a language that the model reads."),
            "community_depth": ("No record has a parent: the dump is flat, so threads can't be seen.",),
        },
        "labels": {"genuine": None, "generic_praise": None, "question": None},
        "signals": (
            absent("generic_share", "labels", "Only 3 readable comments; at least 20 are needed."),
            signal(
                "emoji_only_share", "text", 0.214, 0.08, 0.42, reference=0.071, n_comments=14, n_authors=0
            ),
            absent("reply_share", "conversation", "The dump is flat: no record has a parent."),
        ),
        "coverage": Coverage(read=14, scored=14, languages={"ja": 11, "en": 1, "zxx": 2}),
        **changes,
    }


def abstaining_report(**changes: Any) -> Report:
    """Return a report that gives no number at all."""
    return Report(**{**abstaining(), **MADE_BY, "groups": (), "warnings": (), **changes})


def group(key: str, *, shift: float = 0.0, **changes: Any) -> Group:
    """Return a group whose three numbers are moved by `shift` points."""
    moved = {name: _moved(FINDING[name], shift) for name in ("index", "authenticity", "community_depth")}
    return Group(key=key, **{**FINDING, **moved, **changes})


def grouped_report(**changes: Any) -> Report:
    """Return a report with groups of every kind, one of which abstains."""
    small = {"coverage": Coverage(read=97, scored=97, languages={"en": 97})}
    groups = (
        group("bench-hook-basics", shift=4.2),
        group("dQ-dovetails-in-an-hour", shift=-17.5),
        group("giveaway-500-clamps", shift=-38.0, **small),
        group("shop-tour", shift=14.0, **small),
        Group(key="作業台の作り方", **abstaining()),
    )
    return full_report(groups=groups, **changes)


def hostile_report(payload: str) -> tuple[Report, dict[str, str]]:
    """Return a report, and texts, with `payload` wherever a string from outside may stand."""
    row = replace(SIGNALS[0], name=payload, family=payload, evidence=(payload,))
    gone = absent(payload, payload, payload)
    finding = {
        "reasons": dict.fromkeys(("index", "authenticity", "community_depth", payload), (payload,)),
        "labels": {**FINDING["labels"], payload: FINDING["labels"]["genuine"]},
        "signals": (row, gone),
        "coverage": Coverage(read=3, scored=1, rejected={payload: 2}, languages={payload: 1}),
    }
    made = {"model": {"id": payload, "hash": payload}, "policy": {"id": payload, "hash": payload}}
    report = full_report(
        **finding, **made, version=payload, warnings=(payload,), groups=(group(payload, **finding),)
    )
    return report, {payload: payload}


def finding_of(report: Report) -> dict[str, Any]:
    """Return the fields that a report shares with a group."""
    return {field.name: getattr(report, field.name) for field in fields(Finding)}


def _moved(number: Interval, shift: float) -> Interval:
    return Interval(value=number.value + shift, low=number.low + shift, high=min(number.high + shift, 100.0))
