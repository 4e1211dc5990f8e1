"""A window that moves over JSON text and finds where values end, by brackets and strings alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

N_STEP: Final = 1 << 20
"""Bytes of items that are taken out of a list at a time, and read from the chunks at a time."""

N_DEEP: Final = 10_000
"""Brackets in brackets at which a text is no JSON anybody wrote: parsers stop at a thousand or so."""

_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_LEAP = re.compile(rb'[^"{}\[\]]*+(?:' + _STRING + rb'[^"{}\[\]]*+)*+[{}\[\]]', re.DOTALL)
_ITEM: Final = rb'[^"{}\[\],]*+(?:' + _STRING + rb'[^"{}\[\],]*+)?+,'
_PLAIN, _PLAINS = re.compile(_ITEM, re.DOTALL), re.compile(rb"(?:" + _ITEM + rb")++", re.DOTALL)
_WORD = re.compile(_STRING + rb'|[^\s,:"{}\[\]]++(?=[\s,}\]])', re.DOTALL)
_FILLING, _LETTERS = re.compile(rb'[^"{}\[\]]*+'), re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_OPENERS: Final = b"{["


class Ends(Exception):  # noqa: N818  # no failure by itself: the caller says what it means
    """The text ends, or stops being JSON, within a value."""


class Window:
    """The part of a text from a position on that is held in memory.

    Args:
        chunks: The text.
        limit: Bytes beyond which a value is called too long.
    """

    def __init__(self, chunks: Iterable[bytes], *, limit: int) -> None:
        self._chunks = iter(chunks)
        self._limit = limit
        self._data = b""
        self._at = 0
        self._n_before = 0

    @property
    def position(self) -> int:
        """Bytes of the text before the window."""
        return self._n_before + self._at

    def peek(self, *, gap: bytes = b" \t\r\n,\x1e") -> bytes:
        """Move over a gap; return the byte behind it, empty at the end of the text."""
        while True:
            rest = self._data[self._at : self._at + 64].lstrip(gap)
            if rest:
                self._at += min(64, len(self._data) - self._at) - len(rest)
                return rest[:1]
            self._at = min(self._at + 64, len(self._data))
            if self._at == len(self._data) and not self._more():
                return b""

    def held(self, n: int) -> bytes:
        """Return the next n bytes or more without moving, fewer where the text ends."""
        while len(self._data) - self._at < n and self._more():
            pass
        return self._data[self._at :]

    def take(self, n: int | None) -> bytes:
        """Return the next n bytes, or all that are held, and move behind them."""
        end = len(self._data) if n is None else self._at + n
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def length(self) -> int | None:
        """Return the length of the object or array that begins here; None where it is too long or cut off.

        Raises:
            Ends: It is too deep.
        """
        depth = n = 0
        while True:
            match = _LEAP.match(self._data, self._at + n)
            if match is None:
                if len(self._data) - self._at > self._limit or not self._more():
                    return None
                continue
            n = match.end() - self._at
            depth = self._deeper(depth, match.end() - 1)
            if not depth:
                return n

    def items(self) -> tuple[bytes, bool]:
        """Return the next complete items of the list one is in, some `N_STEP` bytes, and whether it ended.

        Nothing is returned of an item that is too long.

        Raises:
            Ends: The text ends within the list, or an item is too deep.
        """
        depth = n = n_whole = 0
        while n_whole < N_STEP:
            match = _LEAP.match(self._data, self._at + n)
            if match is None:
                size = len(self._data) - self._at
                if size >= N_STEP and (plain := self._plain(n_whole)) and (not depth or size > self._limit):
                    n_whole = plain
                    break
                if size > self._limit:
                    break
                if n_whole and size >= N_STEP:
                    break
                self._need_more()
                continue
            n = match.end() - self._at
            depth = self._deeper(depth, match.end() - 1)
            if depth < 0:
                items = self.take(n - 1)
                self._at += 1
                return items, True
            n_whole = n if not depth else n_whole
        return self.take(n_whole), False

    def _plain(self, n: int) -> int:
        """Return where items without brackets end that begin n bytes on; 0 where there are none."""
        match = _PLAINS.match(self._data, self._at + n)
        return match.end() - self._at if match else 0

    def each(self) -> Iterator[bytes]:
        """Yield the items of a list that is held whole, one by one; of a last one cut off, what there is."""
        while self.peek():
            match = _PLAIN.match(self._data, self._at)
            if match is not None:
                yield self.take(match.end() - self._at)[:-1]
                continue
            yield self.take(self.length())

    def scalar(self) -> bytes | None:
        """Return the string, number or word that begins here; None where it is too long.

        Raises:
            Ends: None does.
        """
        while True:
            match = _WORD.match(self._data, self._at)
            if match is not None:
                return self.take(match.end() - self._at)
            if len(self._data) - self._at > self._limit:
                return None
            self._need_more()

    def pass_over(self) -> None:
        """Move behind the value that begins here, however long it is.

        Raises:
            Ends: The text ends within it, or it is too deep.
        """
        depth = 0
        while True:
            self._at = _FILLING.match(self._data, self._at).end()  # type: ignore[union-attr]  # may be empty
            byte = self._data[self._at : self._at + 1]
            if not byte:
                self._need_more()
                continue
            self._at += 1
            if byte == b'"':
                self._pass_string()
            else:
                depth = self._deeper(depth, self._at - 1)
            if depth <= 0:
                return

    def _deeper(self, depth: int, at: int) -> int:
        if depth > N_DEEP:  # millions of brackets would be counted one by one, level by level
            raise Ends
        return depth + 1 if self._data[at] in _OPENERS else depth - 1

    def _pass_string(self) -> None:
        while True:
            self._at = _LETTERS.match(self._data, self._at).end()  # type: ignore[union-attr]  # may be empty
            if self._data[self._at : self._at + 1] == b'"':
                self._at += 1
                return
            self._need_more()  # an escape may be cut in two

    def _need_more(self) -> None:
        if not self._more():
            raise Ends

    def _more(self) -> bool:
        """Read on, letting go of what is behind; return whether there was more."""
        pieces, size = [self._data[self._at :]], 0
        for chunk in self._chunks:
            pieces.append(chunk)
            size += len(chunk)
            if size >= N_STEP:
                break
        self._n_before += self._at
        self._data, self._at = b"".join(pieces), 0
        return size > 0
