"""Words and number formats shared by every rendering of a report."""

from __future__ import annotations

import unicodedata
from typing import Final, NamedTuple

from plaudit import policy
from plaudit.report.envelope import Interval, LabelShare, SignalRow


class Phrase(NamedTuple):
    """How a thing is called in a report, and the sentence that explains it."""

    title: str
    text: str


_TURNS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

INSUFFICIENT: Final = "insufficient data"

NUMBERS: Final = {
    "index": Phrase("Index", "Made of both parts, so that neither can be bought with the other."),
    "authenticity": Phrase(
        "Authenticity",
        "Do these comments look like people who react to this content, or like something hired, "
        "scripted or traded?",
    ),
    "community_depth": Phrase(
        "Community depth",
        "Are people, and the creator, actually talking with each other, and coming back?",
    ),
}

LABELS: Final = {
    "genuine": Phrase("Genuine", "says something about this content"),
    "generic_praise": Phrase("Generic praise", "could stand under any post; fans write it too"),
    "question": Phrase("Question", "asks the creator or other viewers"),
}

FAMILIES: Final = {
    "labels": Phrase("Labels", "what kinds of comment there are"),
    "text": Phrase("Text", "what the comments are made of"),
    "copies": Phrase("Copies", "the same words from other people"),
    "conversation": Phrase("Conversation", "who answers whom"),
    "returning": Phrase("Returning", "who comes back"),
    "behaviour": Phrase("Behaviour", "how, when and with whom accounts comment"),
}

SIGNALS: Final = {
    "generic_share": "Comments that could stand under any post; each person counts at most thrice.",
    "question_share": "Comments that ask something; each person counts at most thrice.",
    "genuine_share": "Comments about this very content; each person counts at most thrice.",
    "applause_share": "Generic praise beyond doubt that addresses nobody; a single word counts half.",
    "scripted_share": "Generic praise that reads like what comment bots are set up to post.",
    "solicitation_share": "Promotion, follow-for-follow, begging, scams.",
    "experience_share": "Comments in which people tell their own story.",
    "addressed_share": "Comments that speak to someone.",
    "tag_only_share": "Comments that are nothing but @handles.",
    "emoji_only_share": "Comments without a single word.",
    "specificity": "Distinct content words among the words; filler lowers it.",
    "post_overlap": "Content words of comments that the post's own text holds too.",
    "duplicate_share": "Chance that among 200 authors another posted nearly the same; few words count less.",
    "mass_copy_share": "The same among 30 authors: texts that many post at once, as campaigns do.",
    "reply_share": "People in a thread who answer somebody else there.",
    "reciprocity": "People answered in a thread who answered back.",
    "thread_depth": "Turns of talk after a thread’s first answer; threads without one do not count.",
    "creator_reply_rate": "Top-level comments with a distinct answer from the creator.",
    "answered_question_rate": "Questions that anybody answered.",
    "creator_reply_latency": "Median time to the creator’s first answer.",
    "returning_authors": "Chance to meet an author again under another post.",
    "author_concentration": "Comments beyond their author’s first under the post; a thread counts once.",
    "burst_share": "First comments that arrive in a crowd, beyond the posts’ own decay curve.",
    "co_commenting": "Visits by groups of accounts that turn up together under many posts.",
}
"""What each signal is, in a sentence; its title stands in the policy."""

WORD_MEANINGS: Final = {
    "good": "better than usual",
    "normal": "within what is usual",
    "low": "worse than usual",
    "alarm": "far worse than usual",
    "absent": "cannot be measured here",
}

CAVEATS: Final = (
    "No public data set labels real creators as authentic. The validity of these numbers rests on "
    "experiments that inject known fakes into real threads, and on groups known to differ.",
    "The index does not prove that anyone bought anything.",
    "“Generic” does not mean “bot”: fans write generic praise too.",
)
"""What a report does not show; part of every page."""

_LANGUAGE_NAMES: Final = (
    "ar:Arabic bg:Bulgarian bn:Bengali ca:Catalan cs:Czech da:Danish de:German el:Greek en:English "
    "es:Spanish et:Estonian fa:Persian fi:Finnish fil:Filipino fr:French he:Hebrew hi:Hindi hr:Croatian "
    "hu:Hungarian id:Indonesian it:Italian ja:Japanese ko:Korean lt:Lithuanian lv:Latvian ms:Malay "
    "nl:Dutch no:Norwegian pl:Polish pt:Portuguese ro:Romanian ru:Russian sk:Slovak sl:Slovenian "
    "sr:Serbian sv:Swedish ta:Tamil te:Telugu th:Thai tl:Tagalog tr:Turkish uk:Ukrainian ur:Urdu "
    "vi:Vietnamese zh:Chinese"
)

LANGUAGES: Final = {
    "zxx": "No words (emoji, tags, numbers)",
    "und": "Too short to tell",
    **dict(pair.split(":") for pair in _LANGUAGE_NAMES.split()),
}
"""Names of common language codes; a code that is missing here stands for itself."""


def signal_phrase(name: str) -> Phrase:
    """Return a signal's title and explanation; a name that the policy lacks is its own title."""
    rule = policy.load().signals.get(name)
    title = name.replace("_", " ").capitalize() if rule is None else rule.title
    return Phrase(title, SIGNALS.get(name, ""))


def changed_thing(name: str, kind: str) -> str:
    """Return the title of a number, a label or a signal."""
    known = {"number": NUMBERS, "label": LABELS}.get(kind, {})
    return known[name].title if name in known else signal_phrase(name).title


def signal_indices(policy_hash: str) -> dict[str, str]:
    """Say which number each signal's points belong to; empty for a report made by another policy."""
    shipped = policy.load()
    if policy_hash != shipped.hash:
        return {}
    return {name: rule.index for name, rule in shipped.signals.items() if rule.index in policy.INDICES}


def family_phrase(name: str) -> Phrase:
    """Return a family's title and explanation; an unknown name is its own title."""
    return FAMILIES.get(name, Phrase(name.replace("_", " ").capitalize(), ""))


def printable(text: str) -> str:
    """Replace what no page or terminal should be sent: controls but line breaks, lone surrogates.

    Marks that turn the direction of writing are replaced too: they could reorder what stands around them.
    """
    return "".join("\N{REPLACEMENT CHARACTER}" if _is_unprintable(c) else c for c in text)


def percent(share: float) -> str:
    """Format a share in [0, 1]: one digit below 10 %, none above."""
    return _percent(share, digits=1 if abs(share) < 0.0995 else 0)


def quantity(value: float, unit: str) -> str:
    """Format a signal's number in its unit."""
    if unit == "share":
        return percent(value)
    if unit == "hours":
        return f"{value / 24:.1f} days" if value >= 48 else f"{value:.1f} h"
    if unit == "ratio":
        return f"{value:.2f}"
    if unit == "points":
        return f"{value:.0f}"
    number = f"{value:,.0f}" if abs(value) >= 10 else f"{value:.1f}"
    return f"{number} authors" if unit == "authors" else number


def interval(low: float, high: float, unit: str) -> str:
    """Format both bounds of an interval, equally exact; a unit that they share is written once."""
    if unit == "share":
        digits = 1 if abs(high) < 0.0995 else 0
        return f"{_percent(low, digits=digits)[:-1]}–{_percent(high, digits=digits)}"
    first, last = quantity(low, unit), quantity(high, unit)
    for suffix in (" days", " h", " authors"):
        if first.endswith(suffix) and last.endswith(suffix):
            first = first.removesuffix(suffix)
    return f"{first}–{last}"


def change(value: float, unit: str, *, size: float | None = None) -> str:
    """Format a difference with its sign; that of two shares in percentage points.

    Args:
        value: The difference.
        unit: points (0 to 100), or a signal's.
        size: Largest of the numbers that should be equally exact; None: this one.
    """
    exact = abs(value) if size is None else size
    if unit == "points":
        shown = f"{abs(value):.1f}"
    elif unit == "share":
        shown = f"{abs(value) * 100:.{2 if 0 < exact < 0.00095 else 1}f} pp"
    else:
        shown = quantity(abs(value), unit)
    # A bound keeps its sign, which says on what side of nothing it lies.
    is_nothing = value == 0 or (size is None and not any(digit in "123456789" for digit in shown))
    return f"{'±' if is_nothing else '+' if value > 0 else '−'}{shown}"


def change_interval(low: float, high: float, unit: str) -> str:
    """Format both bounds of a difference's interval, equally exact."""
    size = max(abs(low), abs(high))
    return f"{change(low, unit, size=size).removesuffix(' pp')} to {change(high, unit, size=size)}"


def signal_value(row: SignalRow) -> str:
    """Format a signal's value, or say that it is absent."""
    return "absent" if row.value is None else quantity(row.value, row.unit)


def signal_reference(row: SignalRow) -> str:
    """Say what a signal is held against: what is usual, or what the policy expects; empty without either."""
    if row.reference is None:
        return ""
    rule = policy.load().signals.get(row.name)
    is_stated = rule is not None and rule.yardstick == "policy"
    return f"{'expected' if is_stated else 'usual'} {quantity(row.reference, row.unit)}"


def signal_interval(row: SignalRow) -> str:
    """Format a signal's 90 % interval; empty where it has none."""
    return "" if row.low is None or row.high is None else interval(row.low, row.high, row.unit)


def score(number: Interval) -> str:
    """Format a number from 0 to 100 without digits that its interval would not carry."""
    return f"{number.value:.0f}"


def score_interval(number: Interval) -> str:
    """Format the interval of a number from 0 to 100."""
    return f"{number.low:.0f}–{number.high:.0f}"


def label_interval(share: LabelShare) -> str:
    """Format the interval of a label's share."""
    return interval(share.low, share.high, "share")


def counted(n: int, noun: str) -> str:
    """Write a count with its noun in the right number: "1 comment", "2,400 comments"."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _percent(share: float, *, digits: int) -> str:
    return f"{share * 100 + 0.0:.{digits}f}".removesuffix(".0") + "%"


def _is_unprintable(character: str) -> bool:
    if character in "\n\t":
        return False
    return unicodedata.category(character) in ("Cc", "Cs") or character in _TURNS
