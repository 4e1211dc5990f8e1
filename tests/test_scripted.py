from __future__ import annotations

import numpy as np
import pytest

from plaudit.scripted import MAX_READ, N_BUCKETS, Weights, is_scripted, rows_of, shipped
from tests.communities import words_of

TALK = (
    "which glue did you use on the handle?",
    "mine cracked in the second firing too, slower cooling fixed it",
    "thanks, the part about loops saved my exam",
    "I love this song",
    "the hinge at 2:14 is upside down",
    "no creo que aguante un invierno entero",
    "first",
    "",
    " \n",
    "@anna",
)
APPLAUSE = ("Great post!", "Nice picture 👍", "Awesome feed!! 🔥", "@anna love your photos 😍")


def rows(text: str) -> list[int]:
    return sorted(rows_of([text]).bucket.tolist())


def test_applause_for_any_post_is_scripted_and_talk_is_not() -> None:
    assert is_scripted(APPLAUSE).tolist() == [True] * len(APPLAUSE)
    assert is_scripted(TALK).tolist() == [False] * len(TALK)
    assert is_scripted([]).tolist() == []


def test_words_marks_and_emoji_count_one_and_two_at_a_time() -> None:
    found = rows_of(["one two!", "🔥", "", "three"])
    assert found.counts.tolist() == [5, 1, 0, 1]
    assert np.bincount(found.row, minlength=4).tolist() == found.counts.tolist()
    assert ((found.bucket >= 0) & (found.bucket < N_BUCKETS)).all()
    assert rows("one two") != rows("two one")
    assert rows_of([" ".join(words_of(1, 500))]).counts.tolist() == [2 * MAX_READ - 1]


@pytest.mark.parametrize(
    "other",
    [
        "DON'T miss it! 👍 in 2024",
        "dont  miss it!!! 👍👍 in 2024",
        "@anna don’t misss it! 👍🏽 in 2024 https://example.org/x",
        "d\u200bon't miss\nit! 👍\ufe0f in 2024",
    ],
)
def test_case_handles_links_tones_and_stretching_make_no_difference(other: str) -> None:
    assert rows(other) == rows("don't miss it! 👍 in 2024")


def test_company_makes_no_difference() -> None:
    texts = [*TALK, *APPLAUSE, *(" ".join(words_of(i, 3)) for i in range(400)), "\ud800 nice pic", "𝖓𝖎𝖈𝖊 𝖕𝖎𝖈"]
    together = shipped().scores(texts)
    alone = np.array([shipped().scores([text])[0] for text in texts])
    np.testing.assert_array_equal(together, alone)


def test_nothing_to_read_is_never_scripted() -> None:
    eager = Weights(weights=np.zeros(N_BUCKETS, np.float32), bias=1.0)
    assert eager.scores(["", "@anna", "hm"]).tolist() == [-np.inf, -np.inf, 1.0]


def test_what_is_shipped_has_a_weight_a_bucket() -> None:
    assert shipped().weights.shape == (N_BUCKETS,)
    assert np.isfinite(shipped().weights).all()
    assert shipped().bias < 0  # of most words it knows nothing
