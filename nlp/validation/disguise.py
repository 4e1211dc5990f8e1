"""Are disguised bots seen? One genuine-looking text, copies of real comments, questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from plaudit.report.claims import Claim
from plaudit.validation import editing
from plaudit.validation.editing import Comments
from plaudit.validation.injection import (
    CLEAN,
    LEAST,
    Doses,
    Texts,
    Version,
    auc_rows,
    bot_texts,
    curve,
    dose_response,
    inject,
    lacking,
    replacing,
)
from plaudit.validation.material import Post
from plaudit.validation.study import Study

_DOSES = (0.0, 0.1, 0.2)
_N_OTHERS = 3


def copied_campaign(study: Study) -> Claim:
    """See whether one text under many names is seen though it looks genuine."""
    method = (
        "One text that the classifier holds for genuine, from another post, posted by 5 % of the audience's "
        f"comments' authors (new accounts, replacing comments). {CLEAN}"
    )
    claim = Claim(
        name="campaign", title="Copy campaigns are seen though each text looks genuine", method=method
    )
    posts = study.posts(least=LEAST, most=study.scale.n_posts, clean=True)
    genuine = _genuine_texts(study, posts)
    if not posts or len(genuine) < 2:
        return lacking(claim, f"two posts of {LEAST} comments with a genuine one")

    def texts_of(post: Post) -> Texts:
        others = [text for name, text in sorted(genuine.items()) if name != post.name]
        text = others[study.random("campaign text", post.name).randint(len(others))]
        return lambda n, _: [text] * n

    version = replacing(study, "campaign", texts_of)
    found = dose_response(study, "a campaign", posts, (0.0, 0.05), version)
    rows = auc_rows(study, found, {0.05: 0.9}, "campaign")
    return replace(claim, rows=tuple(rows))


def disguised_bots(study: Study) -> Claim:
    """See whether bots are seen that copy real comments, or ask questions."""
    method = (
        "10 and 20 % of comments replaced by copies of other comments of the same post; by copies of "
        f"comments of {_N_OTHERS} other posts, all of them measured together (each post is in "
        f"{_N_OTHERS + 1} such bundles, so that their intervals are too narrow); by questions that bots "
        f"post. Each from an account of its own. {CLEAN}"
    )
    claim = Claim(name="disguised", title="Bots that copy real comments, or ask, are seen", method=method)
    posts = study.posts(least=LEAST, most=study.scale.n_posts, clean=True)
    if not posts:
        return lacking(claim, f"posts of {LEAST} comments")
    kinds = {
        "copies of the same post": (_within(study, posts), 0.85),
        "copies of other posts": (_across(study, posts), 0.85),
        "bot questions": (_asking(study, posts), 0.8),
    }
    measured = {kind: (found, least) for kind, (found, least) in kinds.items() if found is not None}
    missing = [kind for kind in kinds if kind not in measured]
    return replace(
        claim,
        rows=tuple(
            row
            for kind, (found, least) in measured.items()
            for row in auc_rows(study, found, {0.2: least, 0.1: least}, kind)
        ),
        charts=tuple(curve(found, f"Authenticity with {kind}") for kind, (found, _) in measured.items()),
        lacking=f"Not measured for want of material: {', '.join(missing)}." if missing else "",
    )


def _within(study: Study, posts: Sequence[Post]) -> Doses | None:
    version = replacing(study, "copies", lambda post: _copies_of([study.trimmed(post)]))
    return dose_response(study, "copies", posts, _DOSES, version)


def _asking(study: Study, posts: Sequence[Post]) -> Doses | None:
    asked = bot_texts(study, ["question"])
    if asked is None:
        return None
    return dose_response(study, "questions", posts, _DOSES, replacing(study, "questions", lambda _: asked))


def _across(study: Study, posts: Sequence[Post]) -> Doses | None:
    if len(posts) <= _N_OTHERS:
        return None
    return dose_response(study, "copies of other posts", posts, _DOSES, _bundled(study, posts))


def _bundled(study: Study, posts: Sequence[Post]) -> Version:
    """Return what joins a post with others of its file, or else of any, each with copies from the others.

    The others are those that come after it, in a circle: each post is in as many bundles as any other of its
    file. Were they always the first ones, all bundles would hold the same posts and count as many.
    """

    def version(post: Post, dose: float) -> Comments:
        place = next(i for i, each in enumerate(posts) if each is post)
        after = [*posts[place + 1 :], *posts[:place]]
        others = sorted(after, key=lambda each: each.file != post.file)
        bundle = [study.trimmed(each) for each in (post, *others[:_N_OTHERS])]
        parts = []
        for i, comments in enumerate(bundle):
            texts = _copies_of([each for k, each in enumerate(bundle) if k != i])
            random = study.random("copies of other posts", post.name, i)
            parts.append(inject(comments, dose, texts, random, prefix=f"injected into {i}"))
        return editing.joined(parts)

    return version


def _copies_of(parts: Sequence[Comments]) -> Texts:
    """Return what draws comments of the audience of some posts, each once while there are enough."""
    whole = editing.joined(parts)
    texts = editing.taken(whole, editing.audience(whole)).column("text").to_pylist()
    return lambda n, random: [texts[i] for i in random.choice(len(texts), n, replace=n > len(texts))]


def _genuine_texts(study: Study, posts: Sequence[Post]) -> Mapping[str, str]:
    """Return for each post one comment of some length that the classifier is sure is genuine."""
    found = {}
    for post in posts:
        texts = editing.taken(post.comments, editing.audience(post.comments)).column("text").to_pylist()
        texts = [text for text in texts if 40 <= len(text) <= 200 and "@" not in text][:50]
        scores = study.bench.classifier.classify(texts)
        sure = np.where(scores.supported, scores.probabilities[:, 0], 0.0) if texts else np.zeros(1)
        if sure.max() >= 0.8:
            found[post.name] = texts[int(sure.argmax())]
    return found
