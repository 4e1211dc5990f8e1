"""One JSON document of any size, cut into documents of the same shape that fit in memory.

`{"id": "v", "comments": [1, 2, 3, 4]}` becomes `{"id": "v", "comments": [1, 2]}` and `{"id": "v",
"comments": [3, 4]}`: what the mapping makes of the parts is what it would make of the whole. Only brackets
and strings are looked at to find where to cut; each part is then parsed as a document of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import orjson

from plaudit.readers.format import Problem
from plaudit.readers.json_values import read_document
from plaudit.readers.json_window import Ends, Window
from plaudit.readers.mapping import PAGES, PAGES_OF_POSTS, fold

N_WHOLE: Final = 32 << 20
"""Bytes of a value that is held at once; a longer one is cut, or passed over where it can't be."""

N_LOOK: Final = 2 << 20
"""The same for a document that is only looked at, of which a thousand records are enough."""

N_SHARED: Final = 32 << 20
"""Bytes of what the parts of a document share: all of an object but its page of comments."""

_DEPTH: Final = 6

Shared = list[dict[str, Any]]
"""Of each object that has to be cut, in order, the fields that all its parts share."""

_Wrap = Callable[[Any], Any]


class Cutter:
    """Cuts the documents in a stream of chunks.

    Attributes:
        is_marked: Whether `BAD_BYTE` was put where bytes were no text.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        *,
        limit: int | None = None,
        survey: Callable[[], Shared] | None = None,
        problem: Problem | None = None,
    ) -> None:
        """Prepare to cut.

        Args:
            chunks: The documents, one after the other.
            limit: Bytes of a value that is not cut; None for `N_WHOLE`.
            survey: Called once an object has to be cut, for what its parts share; None: they share
                only what comes before them.
            problem: What is wrong with the document, which is then cut though it is short, so that one bad
                record costs itself alone; and what stands for an object in which there is nothing to cut.
        """
        self._window = Window(chunks, limit=N_WHOLE if limit is None else limit)
        self._survey = survey
        self._problem = problem
        self._shared: Shared | None = None
        self._found: Shared = []
        self._n_shared = 0
        self._is_dry = False
        self.is_marked = False

    def values(self) -> Iterator[Any]:
        """Yield the documents' parts, and a `Problem` for what can't be read."""
        try:
            while self._window.peek():
                yield from self._value(_itself, depth=0)
        except Ends:
            where = f"From byte {self._window.position + 1:,} on"
            yield Problem("not_json", f"{where} it is not valid JSON, or it ends too early.")

    def shared(self) -> Shared:
        """Return what the parts of each object share, reading to the end without parsing any part."""
        self._is_dry = True
        for _ in self.values():
            pass
        return self._found

    def _value(self, wrap: _Wrap, *, depth: int) -> Iterator[Any]:
        window = self._window
        first = window.peek()
        if first == b'"' and depth:
            yield self._passed_over()
            return
        if first not in (b"{", b"["):
            raise Ends
        length = None if self._problem is not None and depth == 0 else window.length()
        if length is not None:
            yield from self._read(window.take(length), wrap)
        elif depth >= _DEPTH:
            yield self._passed_over()
        elif first == b"[":
            window.take(1)
            yield from self._list(wrap, depth=depth)
        else:
            window.take(1)
            yield from self._object(wrap, depth=depth)

    def _list(self, wrap: _Wrap, *, depth: int) -> Iterator[Any]:
        window, is_closed = self._window, False
        while not is_closed:
            try:
                items, is_closed = window.items()
            except Ends:
                yield from self._read_items(window.take(None), wrap, is_cut=True)
                raise
            if items:
                yield from self._read_items(items, wrap)
            elif not is_closed:
                yield from self._value(lambda value: wrap([value]), depth=depth + 1)

    def _read_items(self, data: bytes, wrap: _Wrap, *, is_cut: bool = False) -> Iterator[Any]:
        if self._is_dry:
            return
        data = data.strip(b" \t\r\n,")
        try:
            values = orjson.loads(b"[%b]" % data)
        except ValueError:
            yield from self._read_each(data, wrap, is_cut=is_cut)
        else:
            yield from values if wrap is _itself else (wrap(values),)

    def _read_each(self, data: bytes, wrap: _Wrap, *, is_cut: bool) -> Iterator[Any]:
        *items, last = Window([data], limit=len(data)).each()
        for item in items:
            yield from self._read(item, lambda value: wrap([value]))
        if is_cut:  # what it held so far; that there is no more of it is told by what follows
            values, _, is_marked = read_document(last)
            self.is_marked |= is_marked
            yield from (wrap([value]) for value in values)
        else:
            yield from self._read(last, lambda value: wrap([value]))

    def _read(self, data: bytes, wrap: _Wrap) -> Iterator[Any]:
        if self._is_dry:
            return
        try:
            yield wrap(orjson.loads(data))
            return
        except ValueError:
            values, problem, is_marked = read_document(data)
        self.is_marked |= is_marked
        if problem is None:
            yield from map(wrap, values)
            return
        cutter = mender(data, problem=problem)
        for value in cutter.values():
            self.is_marked |= cutter.is_marked
            yield value if isinstance(value, Problem) else wrap(value)

    def _object(self, wrap: _Wrap, *, depth: int) -> Iterator[Any]:
        window, shared, has_page = self._window, self._next_shared(), False
        while window.peek() != b"}":
            name = _name(window.scalar())
            is_nested = window.peek(gap=b" \t\r\n:") in (b"{", b"[")
            is_page = is_nested and fold(name) in PAGES
            length = window.length() if is_nested and not is_page else None
            if is_page or (is_nested and length is None and fold(name) in PAGES_OF_POSTS):
                has_page = True
                yield from self._value(_within(shared, name, wrap), depth=depth + 1)
                continue
            data = window.scalar() if not is_nested else None if length is None else window.take(length)
            yield from (self._passed_over(),) if data is None else self._keep(shared, name, data)
        window.take(1)
        if not has_page and not self._is_dry:
            yield wrap(shared) if self._problem is None else self._problem

    def _next_shared(self) -> dict[str, Any]:
        if self._survey is not None and self._shared is None:
            self._shared = self._survey()
        number = len(self._found)
        known = self._shared[number] if self._shared is not None and number < len(self._shared) else {}
        self._found.append(known)
        return known

    def _keep(self, shared: dict[str, Any], name: str, data: bytes) -> Iterator[Problem]:
        self._n_shared += len(name) + len(data)
        if self._n_shared > N_SHARED:
            yield Problem("not_a_record", "An object too long to be read at once holds this beside any list.")
            return
        values, _, is_marked = read_document(data)
        self.is_marked |= is_marked
        shared[name] = values[0] if values else None

    def _passed_over(self) -> Problem:
        self._window.pass_over()
        return Problem("not_a_record", f"A value of more than {N_WHOLE >> 20} MiB stands where none is read.")


def mender(data: bytes, *, problem: Problem) -> Cutter:
    """Return what reads a document with something wrong in it, record by record."""

    def survey() -> Shared:
        return Cutter((data,), problem=problem).shared()

    return Cutter((data,), survey=survey, problem=problem)


def _name(word: bytes | None) -> str:
    if word is None or not word.startswith(b'"'):
        raise Ends
    try:
        return str(json.loads(word))
    except ValueError:
        return word[1:-1].decode("utf-8", "replace")


def _itself(value: Any) -> Any:
    return value


def _within(shared: dict[str, Any], name: str, wrap: _Wrap) -> _Wrap:
    return lambda value: wrap({**shared, name: value})
