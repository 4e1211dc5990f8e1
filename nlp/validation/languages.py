"""Is an audience ever called fake for its language, or for its emoji?"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
import pyarrow as pa

from plaudit import language
from plaudit.report.claims import Claim, Row, Target
from plaudit.report.envelope import Finding
from plaudit.scores import LABELS
from plaudit.validation import editing
from plaudit.validation.editing import Comments
from plaudit.validation.material import Post
from plaudit.validation.statistics import Figure
from plaudit.validation.study import Study

LEAST: Final = 50
MANY: Final = 0.7
"""Share of comments in a language that the model can't read, beyond which authenticity must be null."""
FEW: Final = 0.3
UNREADABLE: Final = 0.4
"""Share of a real post's worded comments below which it is plainly not to be judged."""
N_HEARD: Final = 200
MOST_SHIFT: Final = 1.0
_EMOJI: Final = ("😂😂😂", "❤️", "🔥🔥", "👏👏👏", "😍", "🙌", "💯", "😭😭", "🎉", "💙💙")


@cache
def foreign_texts() -> Mapping[str, Sequence[str]]:
    """Return comments written for this project, by the code of their language."""
    table = tomllib.loads(files("plaudit.validation").joinpath("foreign.toml").read_text("utf-8"))
    return {code: [line for line in lines.splitlines() if line] for code, lines in table.items()}


def languages(study: Study) -> Claim:
    """See what becomes of comments that the model can't read."""
    method = (
        f"Posts in which {MANY:.0%} of the audience's comments are replaced by comments in a language the "
        "model does not read: authenticity must be null, with a reason. All of them replaced: no label "
        f"share either. {FEW:.0%} added: shares stay the same. As many emoji-only comments added as there "
        "are: they are neutral. And real posts of which hardly any comment can be read."
    )
    claim = Claim(name="languages", title="No audience is called fake for its language", method=method)
    posts = study.posts(least=LEAST, most=max(study.scale.n_posts // 4, 3))
    unread = {
        code: texts for code, texts in foreign_texts().items() if code not in study.bench.classifier.languages
    }
    rows: list[Row] = []
    for code, texts in unread.items():
        rows += _language_rows(study, code, texts, posts)
    rows += [_added_row(study, unread, posts), *_emoji_rows(study, unread, posts), _real_row(study)]
    return replace(claim, rows=tuple(rows), lacking="" if posts else f"It needs posts of {LEAST} comments.")


def _foreign(
    comments: Comments, share: float, texts: Sequence[str], random: np.random.RandomState
) -> Comments:
    rows = random.permutation(editing.audience(comments))
    rows = rows[: int(np.ceil(share * len(rows)))]
    return editing.rewritten(comments, rows, [texts[i] for i in random.randint(0, len(texts), len(rows))])


def _language_rows(study: Study, code: str, texts: Sequence[str], posts: Sequence[Post]) -> list[Row]:
    n_judged = n_shares = 0
    for post in study.watched(f"Language {code}", posts):
        comments, random = study.trimmed(post), study.random("language", code, post.name)
        n_judged += not _abstains(study.bench.of(_foreign(comments, MANY, texts, random)))
        whole = study.bench.of(_foreign(comments, 1.0, texts, random))
        n_shares += any(whole.labels[label] is not None for label in LABELS)
    return [
        _none_row(f"{code}: judged though {MANY:.0%} can't be read", n_judged, len(posts)),
        _none_row(f"{code}: label shares though nothing can be read", n_shares, len(posts)),
    ]


def _abstains(finding: Finding) -> bool:
    return finding.authenticity is None and bool(finding.reasons.get("authenticity"))


def _none_row(name: str, n_wrong: int, n: int) -> Row:
    value = float(n_wrong) if n else None
    return Row(name=name, value=value, unit="count", target=Target(most=0.0), n=n)


def _shares(finding: Finding) -> list[float]:
    return [share.share for label in LABELS if (share := finding.labels[label]) is not None]


def _added_row(study: Study, unread: Mapping[str, Sequence[str]], posts: Sequence[Post]) -> Row:
    shifts = []
    texts = [text for lines in unread.values() for text in lines]
    for post in posts if texts else ():
        comments, random = study.trimmed(post), study.random("added", post.name)
        more = _appended(comments, texts, int(FEW * len(comments)), random)
        before, after = _shares(study.bench.of(comments)), _shares(study.bench.of(more))
        if before and after:
            shifts.append(float(np.abs(np.array(before) - np.array(after)).max()))
    return Row(
        name=f"{FEW:.0%} unreadable comments added: largest shift of a label share",
        value=max(shifts) if shifts else None,
        unit="share",
        target=Target(most=0.001),
        n=len(shifts),
        note="" if unread else "The model reads every language there is a list of.",
    )


def _appended(comments: Comments, texts: Sequence[str], n: int, random: np.random.RandomState) -> Comments:
    chosen = random.randint(0, len(texts), n)
    # At times as the post's own: all at one moment they would be a burst, whatever they say.
    column = comments.column("created_at")
    times = column.take(pa.array(random.randint(0, len(comments), n))).to_pylist()
    return editing.appended(
        comments,
        [
            {"id": f"added {i}", "text": texts[k], "account": f"added {i}", "created_at": time}
            for i, (k, time) in enumerate(zip(chosen, times, strict=True))
        ],
    )


def _emoji_rows(study: Study, unread: Mapping[str, Sequence[str]], posts: Sequence[Post]) -> list[Row]:
    shifts, n_judged, texts = [], 0, [text for lines in unread.values() for text in lines]
    for post in study.watched("Adding emoji", posts):
        comments, random = study.trimmed(post), study.random("emoji", post.name)
        before = study.bench.of(comments).authenticity
        after = study.bench.of(_appended(comments, _EMOJI, len(comments), random)).authenticity
        if before and after:
            shifts.append(after.value - before.value)
        if texts:
            foreign = _foreign(comments, MANY, texts, random)
            n_judged += not _abstains(study.bench.of(_appended(foreign, _EMOJI, 3 * len(comments), random)))
    found = np.array(shifts)
    figure = Figure(None)
    if len(found):
        figure = Figure(float(np.abs(found).max()), *map(float, np.percentile(np.abs(found), (5, 95))))
    shifted = figure.row(
        "as many emoji as comments added: largest shift of authenticity",
        unit="points",
        target=Target(most=MOST_SHIFT),
        n=len(found),
        note="The interval holds 90 % of the posts.",
    )
    return [shifted, _none_row("emoji make an unreadable audience readable", n_judged, len(posts))]


def _real_row(study: Study) -> Row:
    n = n_judged = 0
    for post in study.watched("Unreadable posts", study.posts(least=LEAST)):
        if _readable_share(post, study.bench.classifier.languages) < UNREADABLE:
            n += 1
            n_judged += not _abstains(study.bench.of(study.trimmed(post)))
    return _none_row(f"real posts of which less than {UNREADABLE:.0%} can be read, judged", n_judged, n)


def _readable_share(post: Post, read: Sequence[str]) -> float:
    """Return which share of a post's first comments with words is in languages that are read."""
    texts = editing.taken(post.comments, editing.audience(post.comments)[:N_HEARD]).column("text").to_pylist()
    codes = [code for code in language.identify(texts) if code not in (language.NOTHING, language.UNSURE)]
    return float(np.mean([code in read for code in codes])) if codes else 1.0
