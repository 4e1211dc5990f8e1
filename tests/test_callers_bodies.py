"""Bodies of a hundred megabytes: refused, or put where they belong, and held by nobody."""

from __future__ import annotations

import resource
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.live import chunk, living, read_until

ONE = {"comments": [{"id": "c", "text": "Is it?"}]}
MEGABYTE = b" " * 10**6


def memory_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


@pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="needs Linux, which tells what memory is held"
)
@pytest.mark.parametrize(
    ("path", "content_type", "status"),
    [
        ("/v1/classify", "application/json", b"413"),
        ("/v1/index", "application/json", b"413"),
        ("/", "application/x-www-form-urlencoded", b"413"),
        ("/v1/classify/stream", "application/x-ndjson", b"200"),  # a line that is an error in its place
        ("/v1/dumps", "application/octet-stream", b"202"),  # which lies on the disk
    ],
)
@pytest.mark.parametrize("is_declared", [True, False])
def test_a_body_of_a_hundred_megabytes_is_in_nobody_s_memory_and_way(
    path, content_type, status, is_declared, tmp_path
):
    with living(data_dir=tmp_path / "data", body_seconds=60) as live, live.connect() as connection:
        connection.settimeout(60)
        live.client.post("/v1/classify", json=ONE)
        length = b"Content-Length: 100000000" if is_declared else b"Transfer-Encoding: chunked"
        start = b"POST %b HTTP/1.1\r\nHost: t\r\nContent-Type: %b\r\n%b\r\n\r\n"

        def send() -> None:
            with suppress(OSError):  # it is refused and closed while it is still being sent
                connection.sendall(start % (path.encode(), content_type.encode(), length))
                for _ in range(100):
                    connection.sendall(MEGABYTE if is_declared else chunk(MEGABYTE))
                if not is_declared:
                    connection.sendall(chunk(b""))

        before, held = memory_mib(), []
        sending = threading.Thread(target=send)
        sending.start()
        while sending.is_alive():
            assert live.client.post("/v1/classify", json=ONE).status_code == 200
            held.append(memory_mib())
        answer = read_until(connection, b"}", seconds=60)
        sending.join()
    assert answer[9:12] == status
    assert max(held) - before < 50
