from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

from plaudit.memo import Memo


class Counted:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, text: str) -> str:
        self.asked.append(text)
        return text.upper()


def test_each_string_is_worked_out_once() -> None:
    work = Counted()
    memo = Memo(work, most=9, n_letters=9)
    assert [memo[text] for text in ("ash", "oak", "ash", "ash")] == ["ASH", "OAK", "ASH", "ASH"]
    assert [*map(memo.__getitem__, ("oak", "elm"))] == ["OAK", "ELM"]
    assert work.asked == ["ash", "oak", "elm"]


def test_an_answer_that_is_nothing_is_remembered_too() -> None:
    asked: list[str] = []
    memo: Memo[str] = Memo(lambda text: asked.append(text) or "", most=9, n_letters=9)
    assert (memo["ash"], memo["ash"], asked) == ("", "", ["ash"])


def test_what_is_long_is_not_kept_and_makes_nothing_forgotten() -> None:
    work = Counted()
    memo = Memo(work, most=1, n_letters=3)
    assert [memo[text] for text in ("ash", "maple", "maple", "ash")] == ["ASH", "MAPLE", "MAPLE", "ASH"]
    assert (work.asked, dict(memo)) == (["ash", "maple", "maple"], {"ash": "ASH"})


def test_it_never_holds_more_than_it_may_and_answers_the_same() -> None:
    memo = Memo(str.upper, most=3, n_letters=9)
    for text in [f"{a}{b}" for a in "abcd" for b in "efgh"] * 2:
        assert memo[text] == text.upper()
        assert len(memo) <= 3


def test_threads_get_the_same_answers_while_it_forgets() -> None:
    memo = Memo(str.upper, most=5, n_letters=9)
    texts = [f"{i % 17}x" for i in range(4000)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            found = [*threads.map(lambda _: [memo[text] for text in texts], range(4))]
    finally:
        sys.setswitchinterval(interval)
    assert all(each == [text.upper() for text in texts] for each in found)
