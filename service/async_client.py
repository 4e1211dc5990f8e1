"""The client for programs with an event loop; `plaudit.service.client` says what each method does."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, Unpack, cast

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx

from plaudit.errors import ServiceError
from plaudit.service import calls
from plaudit.service.asking import LOCAL, POLL_SECONDS, Asking, check, check_unwell, unreachable
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


class AsyncClient(Asking):
    """Asks a Plaudit service without holding up the event loop; what it does, `Client` says."""

    def __init__(
        self,
        base_url: str = LOCAL,
        *,
        key: str | None = None,
        timeout: float = 60.0,
        retries: Retries | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Prepare as `Client` does."""
        super().__init__(base_url, key=key, timeout=timeout, retries=retries)
        self._http = httpx.AsyncClient(transport=transport, **self._known)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _send(self, call: Call) -> httpx.Response:
        n_tried = 0
        while True:
            n_tried += 1
            content = call.content() if call.content else None
            given = content if content is None or isinstance(content, bytes) else _later(content)
            try:
                request = self._http.build_request(**self._request(call, given))
                response = await self._http.send(request, stream=True)
                if response.is_success:
                    return response
                body = await response.aread()
                raise calls.error_of(response.status_code, response.headers, body)
            except (httpx.TransportError, ServiceError) as error:
                await anyio.sleep(self._pause(call, error, n_tried=n_tried))

    async def _ask(self, call: Call) -> Any:
        n_tried = 0
        while True:
            n_tried += 1
            try:
                return calls.value_of(await (await self._send(call)).aread())
            except httpx.TransportError as error:
                await anyio.sleep(self._pause(call, error, n_tried=n_tried))

    async def _save(self, call: Call, path: Path | str) -> Path:
        n_tried = 0
        while True:
            n_tried += 1
            try:
                with Whole(path) as file:
                    response = await self._send(call)
                    try:
                        async for chunk in response.aiter_bytes():
                            await anyio.to_thread.run_sync(file.write, chunk)
                    finally:
                        await response.aclose()
                    return await anyio.to_thread.run_sync(file.finish)
            except httpx.TransportError as error:
                await anyio.sleep(self._pause(call, error, n_tried=n_tried))

    async def _is_well(self, call: Call) -> bool:
        try:
            await self._ask(call)
        except ServiceError as error:
            check_unwell(error)
            return False
        return True

    async def classify(self, comments: Iterable[Comment]) -> Classified:
        """Label comments, in one request."""
        return cast(Classified, await self._ask(calls.comments("/v1/classify", comments, {})))

    async def classify_stream(self, comments: Iterable[Comment]) -> AsyncIterator[Answer | ItemError]:
        """Label any number of comments, in bounded memory."""
        for call in calls.blocks(comments):
            lines = Lines()
            try:
                response = await self._send(call)
                try:
                    async for chunk in response.aiter_bytes():
                        for answer in calls.answers_of(lines.feed(chunk)):
                            yield answer
                finally:
                    await response.aclose()
            except httpx.TransportError as error:
                raise unreachable(self._base_url, error) from None
            for answer in calls.answers_of(lines.end()):
                yield answer

    async def index(self, comments: Iterable[Comment], **section: Unpack[Section]) -> Report:
        """Score comments as a section, in one request."""
        return cast(Report, await self._ask(calls.comments("/v1/index", comments, section)))

    async def index_stream(self, comments: Iterable[Comment], **about: Unpack[About]) -> Report:
        """Score any number of comments as a section, in bounded memory."""
        return cast(Report, await self._ask(calls.stream(comments, about)))

    async def send_dump(self, source: Path | str | BinaryIO, **how: Unpack[Reading]) -> Dump:
        """Hand in a file of comments."""
        return cast(Dump, await self._ask(calls.dump(source, how)))

    async def dump(self, dump_id: str) -> Dump:
        """Tell how far a dump is."""
        return cast(Dump, await self._ask(calls.get(calls.dump_path(dump_id))))

    async def dump_report(self, dump_id: str) -> Report:
        """Return the report of a dump that is done."""
        return cast(Report, await self._ask(calls.get(calls.dump_path(dump_id, of="report"))))

    async def dumps(self) -> AsyncIterator[Dump]:
        """Yield the dumps that were handed in with this key, the latest first."""
        before: str | None = None
        while True:
            page = cast(Dumps, await self._ask(calls.dumps(before)))
            for each in page["dumps"]:
                yield each
            if (before := page["next"]) is None:
                return

    async def save_dump_file(self, dump_id: str, name: DumpFile, path: Path | str) -> Path:
        """Write a result of a dump that is done to the disk, whole or not at all; return the path."""
        return await self._save(calls.dump_file(dump_id, name), path)

    async def save_dump_group(self, dump_id: str, number: int, path: Path | str) -> Path:
        """Write the page of a group to the disk; 1 is the group with the most comments."""
        return await self._save(calls.dump_group(dump_id, number), path)

    async def delete_dump(self, dump_id: str) -> None:
        """Cancel a dump that is worked on, and remove it with its results."""
        await self._ask(calls.delete(calls.dump_path(dump_id)))

    async def wait_for_dump(self, dump_id: str, *, seconds: float | None = None) -> Report:
        """Wait until a dump is done and return its report."""
        end, pause = time.monotonic() + (float("inf") if seconds is None else seconds), POLL_SECONDS[0]
        while (found := await self.dump(dump_id))["status"] != "done":
            check(found, is_late=time.monotonic() > end)
            await anyio.sleep(pause)
            pause = min(POLL_SECONDS[1], 1.5 * pause)
        return await self.dump_report(dump_id)

    async def send_feedback(self, text: str, label: str, **more: Unpack[Correction]) -> Receipt:
        """Have a corrected label kept."""
        body = {"text": text, "label": label, **more}
        return cast(Receipt, await self._ask(calls.post("/v1/feedback", body, is_safe=False)))

    async def delete_feedback(self, feedback_id: str) -> None:
        """Have a corrected label forgotten, by the id of its receipt."""
        await self._ask(calls.delete_feedback(feedback_id))

    async def is_live(self) -> bool:
        """Tell whether the service is up; false only where it never will be ready."""
        return await self._is_well(calls.health("live"))

    async def is_ready(self) -> bool:
        """Tell whether the model answers; false while it is loaded, and at the end."""
        return await self._is_well(calls.health("ready"))

    async def model(self) -> dict[str, Any]:
        """Return what is known of the model that answers, and the limits of a request."""
        return cast(dict[str, Any], await self._ask(calls.get("/v1/model")))

    async def policy(self) -> dict[str, Any]:
        """Return how signals become numbers."""
        return cast(dict[str, Any], await self._ask(calls.get("/v1/policy")))


async def _later(content: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in content:
        yield chunk
        await anyio.lowlevel.checkpoint()
