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


def rows(text: str) -> list[tuple[int, ...]]:
    found = rows_of([text])
    return list(zip(found.word.tolist(), found.pair.tolist(), found.is_pair.tolist(), strict=True))


def test_applause_for_any_post_is_scripted_and_talk_is_not() -> None:
    assert is_scripted(APPLAUSE).tolist() == [True] * len(APPLAUSE)
    assert is_scripted(TALK).tolist() == [False] * len(TALK)
    assert is_scripted([]).tolist() == []


def test_words_marks_and_emoji_count_one_and_two_at_a_time() -> None:
    found = rows_of(["one two!", "🔥", "", "three"])
    assert found.row.tolist() == [0, 0, 0, 1, 3]
    assert found.is_pair.tolist() == [True, True, False, False, False]
    for buckets in (found.word, found.pair):
        assert ((buckets >= 0) & (buckets < N_BUCKETS)).all()
    one, two = (rows_of([text]) for text in ("one two", "two one"))
    assert one.word.tolist() == two.word.tolist()[::-1]
    assert one.pair[0] != two.pair[0]
    assert len(rows_of([" ".join(words_of(1, 500))]).row) == MAX_READ


def test_a_text_reads_as_its_best_stretch_does() -> None:
    weights = Weights(weights=np.linspace(-1, 1, N_BUCKETS).astype(np.float32), bias=-0.5)
    words = words_of(3, 9)

    def whole(text: str) -> float:
        rows = rows_of([text])
        sums = weights.weights[rows.word].sum() + weights.weights[rows.pair[rows.is_pair]].sum()
        return weights.bias + float(sums) / (2 * len(rows.row) - 1) ** 0.5

    def best(length: int) -> float:
        return max(
            whole(" ".join(words[at : at + n]))
            for n in range(*((2, 7) if length > 1 else (1, 2)))
            for at in range(length - n + 1)
        )

    for length in range(1, 10):
        (found,) = weights.scores([" ".join(words[:length])])
        assert found == pytest.approx(best(length), abs=1e-6)


def test_filler_around_a_phrase_takes_nothing_from_it() -> None:
    filler = " ".join(words_of(5, 40))
    for phrase in APPLAUSE:
        plain, padded = shipped().scores([phrase, f"{filler} {phrase} {filler}"])
        assert padded >= plain - 1e-9


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
