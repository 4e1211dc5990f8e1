"""What is wrong with labelled files, told before anything is trained on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np

from plaudit import language
from plaudit.errors import TrainingDataError
from plaudit.prevalence import MIN_HELD_OUT
from plaudit.scores import FLAGS, LABELS
from plaudit.text import normalize
from plaudit.training import duplicates, splitting
from plaudit.training.agreement import agreement
from plaudit.training.dataset import Examined, LabelledComment, listed

Level = Literal["error", "warning", "note"]

_HELD_OUT_SHARE: Final = 0.15  # what `config.toml` holds out by default
_MAX_WORDS: Final = 90  # about 128 word pieces, where the default configuration cuts
_OTHER_LANGUAGE: Final = 0.05  # of rows: a few are misjudged short texts
_MEANT: Final = {
    "text": "the text of a test comment",
    "near_duplicate": "a near duplicate in a test file",
    "group": "a group that is in a test file",
    "post": "a post that is in a test file",
    "author": "an author who is in a test file",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of thing found.

    Attributes:
        name: Of the check.
        level: An error fails the check, a warning wants a look, a note is for the record.
        n: Rows concerned.
        says: A sentence with what was found and what to do, naming the first rows.
        can_leave_out: Training may go on without the rows.
    """

    name: str
    level: Level
    n: int
    says: str
    can_leave_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What is in labelled files.

    Attributes:
        findings: Errors first.
        sets: For training and each test file: rows, and counts by label, language, source and length.
        agreement: Of the annotators, where files keep what each said; None where they do not.
    """

    findings: Sequence[Finding]
    sets: Mapping[str, Mapping[str, Any]]
    agreement: Mapping[str, Any] | None = None

    @property
    def failed(self) -> bool:
        """Whether an error was found."""
        return any(finding.level == "error" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON types."""
        return {
            "failed": self.failed,
            "findings": [asdict(f) for f in self.findings],
            "sets": self.sets,
            "agreement": self.agreement,
        }


def check(files: Sequence[Examined], *, tests: Mapping[str, Examined] | None = None) -> Checked:
    """Look for what would spoil a training run or its figures.

    Args:
        files: Labelled files to train on.
        tests: Files to test on, by name.
    """
    tests = tests or {}
    comments = [c for file in files for c in file.comments]
    findings = [
        *(_bad_rows(each) for each in [*files, *tests.values()]),
        *(_guessed(each) for each in tests.values()),
        *_labels(comments),
        *(_two_labels(part, name=name) for name, part in _parts(comments, tests).items()),
        *_leaks(comments, tests),
        *_copies(comments),
        _languages(comments),
        _flags(comments),
        _other_marks([*files, *tests.values()]),
        _untied(comments),
        _long(comments),
    ]
    order = ("error", "warning", "note")
    return Checked(
        findings=sorted((f for f in findings if f.n), key=lambda finding: order.index(finding.level)),
        sets={name: _counts(part) for name, part in _parts(comments, tests).items()},
        agreement=agreement([row for file in [*files, *tests.values()] for row in file.rows]),
    )


def refuse(checked: Checked, *, leave_out: bool = False) -> None:
    """Raise where a check failed.

    Args:
        checked: As `check` returns it.
        leave_out: Pass errors whose rows training can do without.

    Raises:
        TrainingDataError: With every error.
    """
    errors = [f for f in checked.findings if f.level == "error" and not (leave_out and f.can_leave_out)]
    if not errors:
        return
    says = " ".join(f.says for f in errors)
    if all(f.can_leave_out for f in errors):
        says += " Or train without these rows: --leave-out."
    raise TrainingDataError(says)


def _parts(
    comments: Sequence[LabelledComment], tests: Mapping[str, Examined]
) -> dict[str, Sequence[LabelledComment]]:
    return {"training": comments, **{name: each.comments for name, each in tests.items()}}


def _bad_rows(file: Examined) -> Finding:
    says = f"{file.path}: {len(file.problems):,} of {file.n_rows:,} rows are no use; {listed(file.problems)}."
    return Finding(name="bad_rows", level="error", n=len(file.problems), says=says)


def _guessed(file: Examined) -> Finding:
    rows = [c.where for c in file.comments if not c.annotated]
    says = f"{file.path}: {len(rows):,} rows have no label, only what teachers say ({listed(rows)}); test on "
    return Finding(name="guessed", level="error", n=len(rows), says=f"{says}labels that somebody gave.")


def _labels(comments: Sequence[LabelledComment]) -> list[Finding]:
    counts = Counter(c.label for c in comments)
    missing = [label for label in LABELS if not counts[label]]
    n_least = round(MIN_HELD_OUT / _HELD_OUT_SHARE)
    rare = [f"{label} ({counts[label]:,})" for label in LABELS if 0 < counts[label] < n_least]
    return [
        Finding(
            name="label_missing",
            level="error",
            n=len(missing),
            says=f"No row has the label {', '.join(missing)}; expected rows of {', '.join(LABELS)}.",
        ),
        Finding(
            name="label_rare",
            level="warning",
            n=len(rare),
            says=f"Few rows of {', '.join(rare)}: below {n_least} the held-out part cannot tell how often "
            "the model errs on a label, and shares stay uncorrected.",
        ),
    ]


def _two_labels(comments: Sequence[LabelledComment], *, name: str) -> Finding:
    labels: dict[str, set[str]] = {}
    texts = [normalize(c.text) for c in comments]
    for comment, text in zip(comments, texts, strict=True):
        labels.setdefault(text, set()).add(comment.label)
    rows = [c.where for c, text in zip(comments, texts, strict=True) if len(labels[text]) > 1]
    return Finding(
        name="two_labels",
        level="error" if name == "training" else "warning",
        n=len(rows),
        says=f"{len(rows):,} {name} rows have a text that stands with another label as well "
        f"({listed(rows)}); expected one label a text: settle each.",
        can_leave_out=True,
    )


def _leaks(comments: Sequence[LabelledComment], tests: Mapping[str, Examined]) -> list[Finding]:
    frozen = [c for each in tests.values() for c in each.comments]
    if not frozen:
        return []
    return [
        Finding(
            name=f"leak_{tie}",
            level="error",
            n=len(rows),
            says=f"{len(rows):,} training rows have {_MEANT[tie]} "
            f"({listed([comments[row].where for row in rows])}); figures would flatter: take them out, or "
            "split anew with `plaudit-train split`.",
            can_leave_out=True,
        )
        for tie, rows in splitting.leaks(comments, frozen).items()
    ]


def _copies(comments: Sequence[LabelledComment]) -> list[Finding]:
    firsts = duplicates.clusters([c.text for c in comments])
    letters = [duplicates.letters_of(c.text) for c in comments]
    n_exact = len(letters) - len(set(letters))
    rows = [
        f"{comments[row].where} like {comments[first].where}"
        for row, first in enumerate(firsts)
        if first != row and letters[row] != letters[first]
    ]
    return [
        Finding(
            name="copies",
            level="note",
            n=n_exact,
            says=f"{n_exact:,} rows repeat the letters of an earlier one; splits keep them together.",
        ),
        Finding(
            name="near_duplicates",
            level="note",
            n=len(rows),
            says=f"{len(rows):,} rows are near duplicates ({listed(rows)}); splits keep them together.",
        ),
    ]


def _languages(comments: Sequence[LabelledComment]) -> Finding:
    codes = language.identify([c.text for c in comments])
    told = [code not in (language.NOTHING, language.UNSURE) for code in codes]
    rows = [
        f"{c.where} {c.language}, looks {code}"
        for c, code, is_told in zip(comments, codes, told, strict=True)
        if is_told and code != c.language
    ]
    return Finding(
        name="language",
        level="warning" if len(rows) > _OTHER_LANGUAGE * max(1, sum(told)) else "note",
        n=len(rows),
        says=f"{len(rows):,} rows look like another language than they say ({listed(rows)}); a column "
        "`language` (en where it is missing) decides what the model is said to read.",
    )


def _flags(comments: Sequence[LabelledComment]) -> Finding:
    n = sum(c.flags is None for c in comments)
    says = f"{n:,} rows have no flags; they teach labels only."
    return Finding(name="no_flags", level="note", n=n, says=says)


def _other_marks(files: Sequence[Examined]) -> Finding:
    marks: Counter[str] = Counter()
    for file in files:
        marks.update(file.other_marks)
    names = [f"{name[:30]} ({n:,})" for name, n in marks.most_common()]
    says = f"{marks.total():,} marks are no flag ({listed(names)}), as {', '.join(FLAGS)} are; passed over."
    return Finding(name="other_marks", level="note", n=marks.total(), says=says)


def _untied(comments: Sequence[LabelledComment]) -> Finding:
    n = 0 if any(c.post or c.author or c.group for c in comments) else len(comments)
    says = (
        f"None of {n:,} rows says its post or author, so comments of one post may stand on both sides of a "
        "split, and figures flatter; name the columns if there are any: --map post=NAME, --map author=NAME."
    )
    return Finding(name="untied", level="note", n=n, says=says)


def _long(comments: Sequence[LabelledComment]) -> Finding:
    n = sum(len(c.text.split()) > _MAX_WORDS for c in comments)
    says = f"{n:,} rows have more than {_MAX_WORDS} words; what is over encoder.max_tokens is not read."
    return Finding(name="long", level="note", n=n, says=says)


def _counts(comments: Sequence[LabelledComment]) -> dict[str, Any]:
    words = np.array([len(c.text.split()) for c in comments] or [0])
    return {
        "n": len(comments),
        "labels": {label: sum(c.label == label for c in comments) for label in LABELS},
        "languages": dict(Counter(c.language for c in comments).most_common()),
        "sources": dict(Counter(c.source or "unknown" for c in comments).most_common()),
        "words": {f"p{q}": int(np.percentile(words, q)) for q in (5, 50, 95, 100)},
    }
