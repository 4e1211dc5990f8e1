"""What the client sends and how it reads what comes back; the same whether it waits or not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, cast
from urllib.parse import quote
from uuid import uuid4

import orjson

from plaudit.errors import AccessError, BusyError, RefusedError, ServiceError, UsageError
from plaudit.readers.stream import PACKINGS
from plaudit.service.replies import Answer, Comment, ItemError
from plaudit.service.retries import retry_after_of

Content = bytes | Iterable[bytes]

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
BLOCK_COMMENTS: Final = 256
"""Comments of a stream sent before their answers are read: those of so few fit between us and the service."""

_BLOCK_BYTES: Final = 1 << 20
_CHUNK_BYTES: Final = 1 << 18
_BYTES: Final = "application/octet-stream"
_PROBLEM: Final = "urn:plaudit:problem:"
_DUMP_FILES: Final[Mapping[str, str]] = {
    "report.json": "report",
    **{name: name for name in ("report.html", "comments.parquet", "rejected.jsonl")},
}
_MEDIA_TYPES: Final = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".json": JSON,
    ".ndjson": NDJSON,
    ".jsonl": NDJSON,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request.

    Attributes:
        method: Of HTTP.
        path: Below the service's address.
        query: Parameters; those that are None are left out.
        content: Makes the body; None where there is none.
        media_type: Of the body.
        is_safe: Whether sending it twice does the same as once, so that a lost answer is asked for again.
        can_repeat: Whether it may be sent again at all; false where `content` is read from a stream.
        key: Tells the service that a repetition is one, for what is not safe; the same with each try. A
            service of before knows none, so that a lost answer is not asked for again in spite of it.
    """

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    content: Callable[[], Content] | None = None
    media_type: str = JSON
    is_safe: bool = True
    can_repeat: bool = True
    key: str = field(default_factory=lambda: uuid4().hex)

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the body, and the key."""
        of_body = {} if self.content is None else {"Content-Type": self.media_type}
        return of_body if self.is_safe else {**of_body, "Idempotency-Key": f'"{self.key}"'}

    @property
    def parameters(self) -> dict[str, str]:
        """The query as it is sent."""
        return {name: str(value) for name, value in self.query.items() if value is not None}


def get(path: str) -> Call:
    """Ask for something."""
    return Call(method="GET", path=path)


def delete(path: str) -> Call:
    """Have something forgotten."""
    return Call(method="DELETE", path=path)


def post(path: str, body: object, *, is_safe: bool = True) -> Call:
    """Send JSON.

    Raises:
        UsageError: It can't be written as JSON.
    """
    content = _json(body, what="The request")
    return Call(method="POST", path=path, content=lambda: content, is_safe=is_safe)


def comments(path: str, given: Iterable[Comment], about: Mapping[str, Any]) -> Call:
    """Send comments in one body."""
    return post(
        path,
        {
            "comments": [
                _record(comment, what=f"Comment {number}") for number, comment in enumerate(given, start=1)
            ],
            **about,
        },
    )


def stream(given: Iterable[Comment], about: Mapping[str, Any]) -> Call:
    """Send comments, as many as there are, for one report."""

    def lines() -> Iterator[bytes]:
        for number, comment in enumerate(given, start=1):
            yield _line(comment, number=number)

    return Call(
        method="POST",
        path="/v1/index/stream",
        query=about,
        content=lambda: _joined(lines()),
        media_type=NDJSON,
        can_repeat=isinstance(given, Sequence),
    )


def blocks(given: Iterable[Comment]) -> Iterator[Call]:
    """Send comments for answers, a block at a time.

    HTTP/1.1 as Python speaks it sends a whole body before it reads an answer, while the service stops
    reading where its answers are not read: so a body must not be longer than its answers fit in between.
    """
    lines = (_line(comment, number=number) for number, comment in enumerate(given, start=1))
    while block := _block(lines):
        yield _block_call(b"".join(block))


def _block(lines: Iterator[bytes]) -> list[bytes]:
    block: list[bytes] = []
    n_bytes = 0
    for line in islice(lines, BLOCK_COMMENTS):
        block.append(line)
        n_bytes += len(line)
        if n_bytes >= _BLOCK_BYTES:
            break
    return block


def _block_call(body: bytes) -> Call:
    return Call(method="POST", path="/v1/classify/stream", content=lambda: body, media_type=NDJSON)


def _record(comment: Comment, *, what: str) -> Mapping[str, Any]:
    if isinstance(comment, str):
        return {"text": comment}
    if not isinstance(comment, Mapping):
        raise UsageError(
            f"{what} is of type {type(comment).__name__}, expected a text or a mapping: send its 'text'."
        )
    return comment


def _line(comment: Comment, *, number: int) -> bytes:
    record = _record(comment, what=f"Comment {number}")
    if record.get("id") is None:  # the service would count from the beginning of each block
        record = {**record, "id": str(number)}
    return _json(record, what=f"Comment {number}") + b"\n"


def _json(value: object, *, what: str) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except (TypeError, ValueError) as error:
        # What orjson says names types and limits, never values.
        raise UsageError(
            f"{what} can't be written as JSON ({error}): send texts, numbers and lists."
        ) from None


def _joined(lines: Iterable[bytes]) -> Iterator[bytes]:
    chunk = bytearray()
    for line in lines:
        chunk += line
        if len(chunk) >= _CHUNK_BYTES // 4:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)


def dump(source: Path | str | BinaryIO, how: Mapping[str, Any]) -> Call:
    """Send a file.

    Raises:
        UsageError: There is no such file.
    """
    if not isinstance(source, Path | str):
        return _upload(lambda: iter(lambda: source.read(_CHUNK_BYTES), b""), how, can_repeat=False)
    path = Path(source)
    if not path.is_file():
        raise UsageError(f"There is no file {str(path)!r}, expected a dump: correct the path.")
    suffixes = [suffix for suffix in path.suffixes if suffix not in PACKINGS][-1:]
    media_type = _MEDIA_TYPES.get("".join(suffixes).lower(), _BYTES)
    return _upload(lambda: _read(path), how, media_type=media_type)


def _upload(
    content: Callable[[], Content],
    how: Mapping[str, Any],
    *,
    media_type: str = _BYTES,
    can_repeat: bool = True,
) -> Call:
    return Call(
        method="POST",
        path="/v1/dumps",
        query=how,
        content=content,
        media_type=media_type,
        is_safe=False,
        can_repeat=can_repeat,
    )


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def dump_path(dump_id: str, *, of: str = "") -> str:
    """Return the path of a dump, or of a result of it.

    Raises:
        UsageError: The id is empty: that would ask for something else.
    """
    if not dump_id.strip():
        raise UsageError("The id of the dump is empty, expected the 'id' that `send_dump` returned.")
    return f"/v1/dumps/{quote(dump_id, safe='')}{of and f'/{of}'}"


def dumps(before: str | None) -> Call:
    """Ask for a page of dumps, the first or the one before a dump."""
    return Call(method="GET", path="/v1/dumps", query={"before": before})


def dump_file(dump_id: str, name: str) -> Call:
    """Ask for a file of a dump's results.

    Raises:
        UsageError: No dump has such a file.
    """
    if name not in _DUMP_FILES:
        raise UsageError(f"A dump has no file {name!r}, expected one of {', '.join(_DUMP_FILES)}.")
    return get(dump_path(dump_id, of=_DUMP_FILES[name]))


def dump_group(dump_id: str, number: int) -> Call:
    """Ask for the page of one of a dump's groups."""
    return get(dump_path(dump_id, of=f"groups/{number:04d}.html"))


def delete_feedback(feedback_id: str) -> Call:
    """Have a corrected label forgotten."""
    return delete(f"/v1/feedback/{quote(feedback_id, safe='')}")


def health(of: str) -> Call:
    """Ask how the service is, once: who wants to know is not served by a later answer."""
    return Call(method="GET", path=f"/health/{of}", can_repeat=False)


def answers_of(lines: Iterable[bytes]) -> Iterator[Answer | ItemError]:
    """Yield the answers of a stream.

    Raises:
        ServiceError: The service ended it early.
    """
    for line in lines:
        if line.strip():
            answer = _parsed(line)
            if isinstance(answer, dict) and str(answer.get("type", "")).startswith(_PROBLEM):
                raise error_of(int(answer.get("status", 500)), {}, line)
            yield cast(Answer | ItemError, answer)


class Lines:
    """Cuts what arrives into lines; only at line feeds, which texts in JSON never hold as such."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that a chunk completes."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return lines

    def end(self) -> list[bytes]:
        """Return what is left."""
        return [self._rest] if self._rest else []


def value_of(body: bytes) -> Any:
    """Return the value of an answer's body; None for an empty one.

    Raises:
        ServiceError: It is no JSON, so that it did not come from a service of ours.
    """
    return _parsed(body) if body else None


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ServiceError("The answer is no JSON: is this the address of a Plaudit service?") from None


def error_of(status: int, headers: Mapping[str, str], body: bytes) -> ServiceError:
    """Return the error that an answer tells of."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    problem = found if isinstance(found, dict) else {}
    detail = problem.get("detail") or f"The service answered with status {status}, and did not say why."
    request_id = problem.get("request_id") or headers.get("x-request-id")
    told = f" (request {request_id})" if request_id else ""
    kind = str(problem.get("type", "")).removeprefix(_PROBLEM) or None
    return _class_of(status)(
        " ".join(filter(None, (str(detail) + told, problem.get("hint")))),
        status=status,
        kind=kind,
        request_id=request_id,
        retry_after=retry_after_of(headers),
    )


def _class_of(status: int) -> type[ServiceError]:
    if status in (401, 403):
        return AccessError
    if status == 429:  # too many requests
        return BusyError
    return RefusedError if 400 <= status < 500 else ServiceError  # client errors
