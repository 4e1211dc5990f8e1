"""What a model has to beat: the most frequent label, a few rules, and words counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from plaudit.scores import LABELS
from plaudit.text import normalize
from plaudit.training.dataset import LabelledComment
from plaudit.training.metrics import Labels

_GENUINE, _PRAISE, _QUESTION = range(len(LABELS))
_PRAISING = re.compile(
    r"\b(?:great|nice|love|amazing|awesome|beautiful|cool|wow|perfect|best|gorgeous|follow me|check out|"
    r"subscribe|dm me|first)\b",
    re.IGNORECASE,
)
_WORDS = re.compile(r"\w+|[^\w\s]")
_LETTER = re.compile(r"[^\W\d_]")
_FEW_WORDS: Final = 6
_MAX_WORDS, _MAX_LETTERS = 60_000, 120_000  # features; more did not help and cost memory
_SEED: Final = 13


def majority(comments: Sequence[LabelledComment]) -> Labels:
    """Return the most frequent label of the comments for each of them, shape (n,)."""
    label = Counter(c.label for c in comments).most_common(1)[0][0]
    return np.full(len(comments), LABELS.index(label), np.int64)


def rules(texts: Sequence[str]) -> Labels:
    """Return labels by question marks and by words of praise in short texts, shape (n,)."""
    return np.array([_rule(normalize(text)) for text in texts], np.int64)


def _rule(text: str) -> int:
    if "?" in text:
        return _QUESTION
    if not _LETTER.search(text) or (len(text.split()) <= _FEW_WORDS and _PRAISING.search(text)):
        return _PRAISE
    return _GENUINE


class CountedWords:
    """TF-IDF of words and of letters in a row, and logistic regression on them."""

    def __init__(self, comments: Sequence[LabelledComment]) -> None:
        """Fit on labelled comments of at least two labels."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline, make_union

        shared: dict[str, Any] = {"sublinear_tf": True, "preprocessor": _prepared, "dtype": np.float32}
        words = shared | {"token_pattern": None}
        features = make_union(
            TfidfVectorizer(tokenizer=_WORDS.findall, ngram_range=(1, 2), max_features=_MAX_WORDS, **words),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), max_features=_MAX_LETTERS, **shared),
        )
        regression = LogisticRegression(
            C=4.0, class_weight="balanced", max_iter=300, tol=1e-3, random_state=_SEED
        )
        self._model = make_pipeline(features, regression)
        self._model.fit([c.text for c in comments], [LABELS.index(c.label) for c in comments])

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return probabilities, shape (n, 3); 0 for a label it never saw."""
        found = np.zeros((len(texts), len(LABELS)))
        found[:, self._model.classes_] = self._model.predict_proba(list(texts))
        return found


def _prepared(text: str) -> str:
    return normalize(text).lower()
