"""From a tool's own records to rows of `FIELDS`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from plaudit.readers.format import FIELDS, Format, Problem, Record, Row, not_a_record

_TEXT, _ID = FIELDS.index("text"), FIELDS.index("id")
_PARENT = FIELDS.index("parent_id")
_SHARED: Final = tuple(FIELDS.index(name) for name in ("post_id", "creator_id", "platform", "fetched_at"))
PAGES: Final = frozenset({"comments", "data", "items", "results", "records", "rows", "children", "entries"})
PAGES_OF_POSTS: Final = frozenset({"media", "posts"})  # of an account; beside a text they are none
_REPLIES: Final = frozenset({"replies", "answers", "children", "replycomment"})
_ERRORS: Final = frozenset({"error", "errors", "errorcode", "errordescription", "errormessage"})
_NO_TEXT_BESIDE_ERROR: Final = frozenset({"message", "description"})
_FINE: Final = frozenset({"ok", "0", "success"})  # codes of an error that is none, as TikTok sends
_SAID_BY_POSTS: Final = frozenset({"message", "caption", "story"})
_OF_POSTS: Final = frozenset({"caption", "title"})
# Facebook's posts and comments both have a message with `comments` below it; a post has none of these.
_OF_COMMENTS: Final = frozenset({"parent", "parentid", "inreplyto", "commentcount", "likecount", "userlikes"})
_MORE: Final = Problem(
    "not_a_record", "Ids stand here of replies that were not loaded; they are not in the file."
)
_OF_PEOPLE: Final = ("id", "author", "created_at")
_N_ITEMS: Final = 10  # of a page, that tell whether it holds comments
_NESTED: Final = (dict, list)
_N_LAYOUTS: Final = 4096

Values = list[Any]
"""Values of one comment, in the order of `FIELDS`; None where the record does not say."""


_WRAPPING = re.compile(r"^(?:snippet\.|toplevelcomment\.)+")


def fold(name: str) -> str:
    """Return a column's name without case and punctuation; dots and slashes between parts stay dots.

    What tables flattened from the YouTube Data API put before a name goes, too.
    """
    return _WRAPPING.sub("", re.sub(r"[^\w.]|_", "", name.casefold().replace("/", ".")))


def has_error(record: Record) -> bool:
    """Return whether a record says that something went wrong."""
    return any(value and fold(str(key)) in _ERRORS and not _is_fine(value) for key, value in record.items())


def _is_fine(error: object) -> bool:
    return isinstance(error, dict) and str(error.get("code")).lower() in _FINE


class Layout:
    """Where the fields of all records with the same keys lie."""

    def __init__(self, keys: Iterable[str], *, columns: Mapping[str, tuple[str, ...]]) -> None:
        folded: dict[str, str] = {}
        exact = {str(key): key for key in keys}
        for name, key in exact.items():
            folded.setdefault(fold(name), key)
        self.replies = tuple(key for name, key in folded.items() if name in _REPLIES)
        self.errors = tuple(key for name, key in folded.items() if name in _ERRORS)
        self.titles = tuple(key for name, key in folded.items() if name in _OF_POSTS)
        self.marks = tuple(key for name, key in folded.items() if name in _OF_COMMENTS)
        names = {field: columns.get(field, ()) for field in FIELDS}
        if self.errors:
            names["text"] = tuple(n for n in names["text"] if n not in _NO_TEXT_BESIDE_ERROR)
        paths = {field: _paths(names[field], exact=exact, folded=folded) for field in FIELDS}
        self.paths = paths
        pages = PAGES if paths["text"] else PAGES | PAGES_OF_POSTS
        self.pages = tuple(folded[name] for name in sorted(pages & folded.keys(), key=_page_order))
        self._keys = tuple(p[0][0] if p and len(p[0]) == 1 else None for p in paths.values())
        self._fallbacks = tuple(
            (index, p) for index, p in enumerate(paths.values()) if len(p) > 1 or (p and len(p[0]) > 1)
        )

    def values(self, record: Record) -> Values:
        """Return the record's values in the order of `FIELDS`."""
        row: Values = list(map(record.get, self._keys))  # type: ignore[arg-type]  # get(None) is None
        for index, paths in self._fallbacks:
            value = row[index]
            if value is None or value == "" or type(value) in _NESTED:
                row[index] = _first(record, paths=paths, otherwise=value)
        return row


def _page_order(name: str) -> tuple[bool, str]:
    return name != "comments", name


def _paths(
    names: Iterable[str], *, exact: Mapping[str, str], folded: Mapping[str, str]
) -> tuple[tuple[str, ...], ...]:
    found: dict[tuple[str, ...], None] = {}
    for name in names:
        head, *rest = name.split(".")
        if name in exact:
            found[exact[name],] = None
        elif fold(name) in folded:
            found[folded[fold(name)],] = None
        elif rest and fold(head) in folded:
            found[folded[fold(head)], *rest] = None
    return tuple(found)


def _is_plain(value: object) -> bool:
    return value is not None and value != "" and not isinstance(value, (dict, list))


def value_at(record: Record, path: Iterable[str]) -> Any:
    """Return what lies at a path into a record; None where nothing does."""
    value: Any = record
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _first(record: Record, *, paths: Iterable[tuple[str, ...]], otherwise: object) -> object:
    for path in paths:
        value = value_at(record, path)
        if _is_plain(value):
            return value
        otherwise = value if otherwise is None else otherwise
    return otherwise


def _page(record: Record, *, layout: Layout) -> list[str]:
    """Return the name of the page that a record without a text is; none where it is no page."""
    is_fine = any(_is_fine(record[key]) for key in layout.errors)  # then {} is a page without comments
    for key in layout.pages:
        value = record[key]
        if isinstance(value, list) or (isinstance(value, dict) and (value or is_fine)):
            return [key]
    return []


def _replies(record: Record, *, layout: Layout) -> list[object]:
    """Return the replies below a comment, the last first; a Problem for what is none among them."""
    found: list[object] = []
    for key in layout.replies:
        value = record[key]
        if isinstance(value, list):
            found += (each if isinstance(each, _NESTED) else not_a_record(each) for each in reversed(value))
        elif isinstance(value, dict):  # a page of them; a number says how many there are
            found.append(value)
    return found


def records_in(value: object, *, depth: int = 6) -> Iterator[Record]:
    """Yield a value, if it is an object, and the first ten objects in each page or list within it."""
    if isinstance(value, list) and depth:
        for item in value[:10]:
            yield from records_in(item, depth=depth - 1)
    elif isinstance(value, dict):
        yield value
        for key, inner in value.items():
            if isinstance(inner, (dict, list)) and depth and _may_hold(fold(str(key)), inner):
                yield from records_in(inner, depth=depth - 1)


def _may_hold(name: str, value: dict[str, Any] | list[Any]) -> bool:
    return name in PAGES or (name in PAGES_OF_POSTS and (isinstance(value, list) or "data" in value))


def _is_post(record: Record, row: Values, *, layout: Layout, pages: Iterable[str]) -> bool:
    """Return whether comments lie in a page of a record because it is their post: its text is none."""
    if any(record[key] is not None and record[key] != "" for key in layout.marks):
        return False
    paths = layout.paths["text"]
    said = next((path for path in paths if _is_plain(value_at(record, path))), paths[0] if paths else ("",))
    is_said_by_posts = fold(str(said[-1])) in _SAID_BY_POSTS
    for key in pages:
        inner = record[key] if isinstance(record[key], dict) else ()
        if "comments" in map(fold, map(str, (key, *inner))):
            return is_said_by_posts or any(_is_plain(record[title]) for title in layout.titles)
    return is_said_by_posts and row[_ID] is None  # as an API says {"message": "success", "data": [...]}


def _inheriting(row: Values, above: Values) -> Values:
    """Return a row with what it does not say itself but the one it lies below."""
    for index in _SHARED:
        row[index] = above[index] if row[index] is None else row[index]
    if row[_PARENT] is None:
        row[_PARENT] = above[_ID] if _is_plain(above[_TEXT]) else above[_PARENT]
    return row


class Mapper:
    """Finds the comments in the values of one source, and their fields."""

    def __init__(
        self, source_format: Format, *, columns: Mapping[str, str], keep: Sequence[str] = ()
    ) -> None:
        self._format, self._keep = source_format, {*keep, *(name.partition(".")[0] for name in keep)}
        self.columns = {**source_format.columns, **{name: (column,) for name, column in columns.items()}}
        if "author" in columns:
            self.columns["name"] = (columns["author"],)
        self._parse = tuple((FIELDS.index(n), f) for n, f in source_format.parse.items() if n not in columns)
        self._layouts: dict[tuple[str, ...], Layout] = {}

    def used(self, names: list[str]) -> list[str]:
        """Return which of a table's columns say something about its comments."""
        layout = Layout(names, columns=self.columns)
        heads = {path[0] for paths in layout.paths.values() for path in paths}
        wanted = {*heads, *layout.pages, *layout.replies, *layout.errors, *self._keep}
        return [n for n in names if n in wanted]

    def has_text(self, names: Iterable[str]) -> bool:
        """Return whether one of a table's columns holds texts."""
        return bool(Layout(names, columns=self.columns).paths["text"])

    def layout(self, record: Record) -> Layout:
        """Return where the record's fields lie; records with the same keys share it."""
        keys = tuple(record)
        layout = self._layouts.get(keys)
        if layout is None:
            if len(self._layouts) >= _N_LAYOUTS:
                self._layouts.clear()
            layout = self._layouts[keys] = Layout(keys, columns=self.columns)
        return layout

    def layouts(self, records: Iterable[Record]) -> list[Layout]:
        """Return the different layouts of some records."""
        first = {tuple(record): record for record in records}
        return [self.layout(record) for record in first.values()]

    def single(self, value: object) -> Values | None:
        """Return the values of the one comment that most values are; None for any other value."""
        if type(value) is not dict or self._format.rows is not None:
            return None
        layout = self.layout(value)
        if layout.pages or layout.replies:
            return None
        return self._values(value, layout=layout, above=None) if self._parse else layout.values(value)

    def unpack(self, value: object) -> Iterator[tuple[Record, Values] | Problem]:
        """Yield the comments in a value, each as read and as values; replies follow their parent."""
        # Beside each value: the row it lies below, and whether that is of a comment or of a post's comments.
        stack: list[tuple[object, Values | None, bool]] = [(value, None, False)]
        while stack:
            value, above, within = stack.pop()
            if isinstance(value, dict):
                if self._format.rows is not None:
                    yield from self._rows(self._format.rows(value))
                    continue
                layout = self.layout(value)
                row = self._values(value, layout=layout, above=above)
                pages, is_post = self._pages(value, row, layout=layout, within=within)
                if pages and (is_post or not _is_plain(row[_TEXT])):
                    if value.get("kind") == "more":  # Reddit's; its `children` are no comments
                        yield _MORE
                        continue
                    row = self._enclosed(value, row, layout=layout, is_post=is_post)
                    within = within or "comments" in map(fold, pages)
                    below: list[object] = []
                else:
                    yield value, row
                    below, within = _replies(value, layout=layout), True
                stack.extend((item, row, within) for item in [*(value[key] or [] for key in pages), *below])
            elif isinstance(value, list):
                stack.extend((item, above, within) for item in reversed(value))
            elif isinstance(value, str):
                row = [value if name == "text" else None for name in FIELDS]
                yield {"text": value}, row if above is None else _inheriting(row, above)
            else:
                yield value if isinstance(value, Problem) else not_a_record(value)

    def _pages(self, record: Record, row: Values, *, layout: Layout, within: bool) -> tuple[list[str], bool]:
        """Return the names of the pages of comments in a record, and whether it is the post they lie below.

        Args:
            record: An object.
            row: Its values.
            layout: Where they lie.
            within: Whether it lies below a comment, or among a post's comments itself.
        """
        if not layout.pages:
            return [], False
        if _is_plain(row[_TEXT]):
            keys = [key for key in reversed(layout.pages) if key not in layout.replies]
            pages = [key for key in keys if self._holds_comments(fold(key), record[key])]
        else:
            pages = _page(record, layout=layout)
        return pages, bool(pages) and not within and _is_post(record, row, layout=layout, pages=pages)

    def _holds_comments(self, name: str, value: object, *, depth: int = 4) -> bool:
        """Return whether what lies beside a text is a page of comments, and not more about that text."""
        if isinstance(value, list):
            return bool(value) if name == "comments" else any(map(self._is_comment, value[:_N_ITEMS]))
        if not isinstance(value, dict) or not depth:
            return False
        layout = self.layout(value)
        inner = ((name if name == "comments" else fold(key), value[key]) for key in layout.pages)
        if any(self._holds_comments(*each, depth=depth - 1) for each in inner):
            return True
        return name == "comments" and any(map(self._is_comment, (value, *value.values())))

    def _is_comment(self, value: object) -> bool:
        if not isinstance(value, dict):
            return False
        paths = self.layout(value).paths
        return bool(paths["text"]) and any(paths[name] for name in _OF_PEOPLE)

    def _rows(self, found: Iterable[Row | Problem]) -> Iterator[tuple[Record, Values] | Problem]:
        for each in found:
            if isinstance(each, Problem):
                yield each
                continue
            record, inherited = each
            row = self._values(record, layout=self.layout(record), above=None)
            for name, given in inherited.items():
                index = FIELDS.index(name)
                row[index] = given if row[index] is None else row[index]
            yield record, row

    def _enclosed(self, record: Record, row: Values, *, layout: Layout, is_post: bool) -> Values:
        """Return what comments inherit from the post or video they lie in."""
        if is_post:  # neither it nor what it shares is what its comments answer
            row = [None if index in (_TEXT, _PARENT) else value for index, value in enumerate(row)]
        is_enclosing = is_post or (fold(layout.pages[0]) == "comments" and not layout.paths["text"])
        if self._format.enclosing and is_enclosing:
            given = Layout(record, columns=self._format.enclosing).values(record)
            row = [
                new if old is None and _is_plain(new) else old for old, new in zip(row, given, strict=True)
            ]
        return row

    def _values(self, record: Record, *, layout: Layout, above: Values | None) -> Values:
        row = layout.values(record)
        for index, parse in self._parse:
            row[index] = parse(row[index])
        return row if above is None else _inheriting(row, above)
