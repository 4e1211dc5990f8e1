"""A client for Python programs: `Client` waits, `AsyncClient` is awaited; otherwise they are the same.

    with Client("https://plaudit.example", key=os.environ["PLAUDIT_KEY"]) as plaudit:
        for answer in plaudit.classify_stream(comments):
            ...

Needs `plaudit[client]`. Where the service has no room, is restarted or can't be reached, both ask again,
as `Retries` says; every other error is raised at once, as a `plaudit.errors.ServiceError`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, Unpack, cast

import httpx

from plaudit.errors import ServiceError
from plaudit.service import calls
from plaudit.service.asking import LOCAL, POLL_SECONDS, Asking, check, check_unwell, unreachable
from plaudit.service.async_client import AsyncClient
from plaudit.service.calls import Call, Lines
from plaudit.service.replies import (
    About,
    Answer,
    Classified,
    Comment,
    Correction,
    Dump,
    DumpFile,
    Dumps,
    ItemError,
    Reading,
    Receipt,
    Report,
    Section,
)
from plaudit.service.retries import Retries
from plaudit.service.saving import Whole

__all__ = ["AsyncClient", "Client", "Retries"]


class Client(Asking):
    """Asks a Plaudit service; may be used by several threads."""

    def __init__(
        self,
        base_url: str = LOCAL,
        *,
        key: str | None = None,
        timeout: float = 60.0,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Prepare; nothing is asked yet.

        Args:
            base_url: Address of the service.
            key: API key, where it wants one.
            timeout: Seconds without any progress of a request after which it is given up.
            retries: When to ask again.
            transport: Carries requests instead of the network, as in tests.
        """
        super().__init__(base_url, key=key, timeout=timeout, retries=retries)
        self._http = httpx.Client(transport=transport, **self._known)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _send(self, call: Call) -> httpx.Response:
        """Return an answer that is none of an error, not yet read."""
        n_tried = 0
        while True:
            n_tried += 1
            content = call.content() if call.content else None
            try:
                response = self._http.send(
                    self._http.build_request(**self._request(call, content)), stream=True
                )
                if response.is_success:
                    return response
                with closing(response):
                    raise calls.error_of(response.status_code, response.headers, response.read())
            except (httpx.TransportError, ServiceError) as error:
                time.sleep(self._pause(call, error, n_tried=n_tried))

    def _ask(self, call: Call) -> Any:
        n_tried = 0
        while True:
            n_tried += 1
            try:
                with closing(self._send(call)) as response:
                    return calls.value_of(response.read())
            except httpx.TransportError as error:  # the answer broke off
                time.sleep(self._pause(call, error, n_tried=n_tried))

    def _save(self, call: Call, path: Path | str) -> Path:
        n_tried = 0
        while True:
            n_tried += 1
            try:
                with Whole(path) as file, closing(self._send(call)) as response:
                    for chunk in response.iter_bytes():
                        file.write(chunk)
                    return file.finish()
            except httpx.TransportError as error:  # the answer broke off
                time.sleep(self._pause(call, error, n_tried=n_tried))

    def _is_well(self, call: Call) -> bool:
        try:
            self._ask(call)
        except ServiceError as error:
            check_unwell(error)
            return False
        return True

    def classify(self, comments: Iterable[Comment]) -> Classified:
        """Label comments, in one request; ids and order are kept.

        Raises:
            ServiceError: There was no answer, or an error; see `plaudit.errors` for which.
        """
        return cast(Classified, self._ask(calls.comments("/v1/classify", comments, {})))

    def classify_stream(self, comments: Iterable[Comment]) -> Iterator[Answer | ItemError]:
        """Label any number of comments, in bounded memory; comments without an id are numbered from 1.

        Raises:
            ServiceError: There was no answer, or an error; what was yielded before holds.
        """
        for call in calls.blocks(comments):
            lines = Lines()
            try:
                with closing(self._send(call)) as response:
                    for chunk in response.iter_bytes():
                        yield from calls.answers_of(lines.feed(chunk))
            except httpx.TransportError as error:
                raise unreachable(self._base_url, error) from None
            yield from calls.answers_of(lines.end())

    def index(self, comments: Iterable[Comment], **section: Unpack[Section]) -> Report:
        """Score comments as a section, in one request."""
        return cast(Report, self._ask(calls.comments("/v1/index", comments, section)))

    def index_stream(self, comments: Iterable[Comment], **about: Unpack[About]) -> Report:
        """Score any number of comments as a section, in bounded memory.

        What is not a list can be sent only once: it is not asked again then.
        """
        return cast(Report, self._ask(calls.stream(comments, about)))

    def send_dump(self, source: Path | str | BinaryIO, **how: Unpack[Reading]) -> Dump:
        """Hand in a file of comments, in any format that is read, and packed or not.

        Raises:
            UsageError: There is no such file.
        """
        return cast(Dump, self._ask(calls.dump(source, how)))

    def dump(self, dump_id: str) -> Dump:
        """Tell how far a dump is."""
        return cast(Dump, self._ask(calls.get(calls.dump_path(dump_id))))

    def dump_report(self, dump_id: str) -> Report:
        """Return the report of a dump that is done."""
        return cast(Report, self._ask(calls.get(calls.dump_path(dump_id, of="report"))))

    def dumps(self) -> Iterator[Dump]:
        """Yield the dumps that were handed in with this key, the latest first, asking as they are taken."""
        before: str | None = None
        while True:
            page = cast(Dumps, self._ask(calls.dumps(before)))
            yield from page["dumps"]
            if (before := page["next"]) is None:
                return

    def save_dump_file(self, dump_id: str, name: DumpFile, path: Path | str) -> Path:
        """Write a result of a dump that is done to the disk, of any size in bounded memory; return the path.

        The file appears whole or not at all; one that is there is replaced.

        Raises:
            UsageError: No dump has such a file, or there is no place for it.
            StorageError: It can't be written.
        """
        return self._save(calls.dump_file(dump_id, name), path)

    def save_dump_group(self, dump_id: str, number: int, path: Path | str) -> Path:
        """Write the page of a group to the disk; 1 is the group with the most comments.

        Raises:
            RefusedError: The dump has no page of such a group.
            UsageError: There is no place for it.
            StorageError: It can't be written.
        """
        return self._save(calls.dump_group(dump_id, number), path)

    def delete_dump(self, dump_id: str) -> None:
        """Cancel a dump that is worked on, and remove it with its results."""
        self._ask(calls.delete(calls.dump_path(dump_id)))

    def wait_for_dump(self, dump_id: str, *, seconds: float | None = None) -> Report:
        """Wait until a dump is done and return its report.

        Raises:
            ServiceError: It failed.
            TimeoutError: It is not done after so many seconds.
        """
        end, pause = time.monotonic() + (float("inf") if seconds is None else seconds), POLL_SECONDS[0]
        while (found := self.dump(dump_id))["status"] != "done":
            check(found, is_late=time.monotonic() > end)
            time.sleep(pause)
            pause = min(POLL_SECONDS[1], 1.5 * pause)
        return self.dump_report(dump_id)

    def send_feedback(self, text: str, label: str, **more: Unpack[Correction]) -> Receipt:
        """Have a corrected label kept, with the text, for the next training."""
        body = {"text": text, "label": label, **more}
        return cast(Receipt, self._ask(calls.post("/v1/feedback", body, is_safe=False)))

    def delete_feedback(self, feedback_id: str) -> None:
        """Have a corrected label forgotten, by the id of its receipt."""
        self._ask(calls.delete_feedback(feedback_id))

    def is_live(self) -> bool:
        """Tell whether the service is up; false only where it never will be ready. Asked once.

        Raises:
            ServiceError: There was no answer.
        """
        return self._is_well(calls.health("live"))

    def is_ready(self) -> bool:
        """Tell whether the model answers; false while it is loaded, and at the end. Asked once.

        Raises:
            ServiceError: There was no answer.
        """
        return self._is_well(calls.health("ready"))

    def model(self) -> dict[str, Any]:
        """Return what is known of the model that answers, and the limits of a request."""
        return cast(dict[str, Any], self._ask(calls.get("/v1/model")))

    def policy(self) -> dict[str, Any]:
        """Return how signals become numbers."""
        return cast(dict[str, Any], self._ask(calls.get("/v1/policy")))
