"""A small bounded memory of what was worked out: what people write comes again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

V = TypeVar("V")


class Memo(dict[str, V]):
    """What a function says of strings, asked as a dict: `memo[text]`, as fast as one where it is known.

    When full it forgets everything: the frequent strings are back within a batch. Long strings, which hardly
    come again, are not kept. Safe to ask from several threads: at worst something is worked out twice.
    """

    __slots__ = ("most", "n_letters", "work_out")

    def __init__(self, work_out: Callable[[str], V], *, most: int, n_letters: int) -> None:
        """Remember nothing yet.

        Args:
            work_out: The same for the same string, always.
            most: Strings kept.
            n_letters: Characters up to which a string is kept.
        """
        self.work_out, self.most, self.n_letters = work_out, most, n_letters

    def __missing__(self, text: str) -> V:
        value = self.work_out(text)
        if len(text) <= self.n_letters:
            if len(self) >= self.most:
                self.clear()
            self[text] = value
        return value
