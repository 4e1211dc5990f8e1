"""Object stores as sources, on servers of this machine that speak their protocols."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from plaudit.errors import InputError
from plaudit.readers import read
from tests.commands import run as run

CSV = b"id,text\n1,From a table\n2,\n"
LINES = b"".join(b'{"id": "%d", "text": "From lines"}\n' % i for i in range(20_000))

pytestmark = pytest.mark.filterwarnings("ignore")  # of the servers and their clients


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    reason = "is not installed: pip install 'moto[server]' s3fs"
    server = pytest.importorskip("moto.server", reason=f"moto {reason}")
    pytest.importorskip("s3fs", reason=f"s3fs {reason}")
    store = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    store.start()
    host, port = store.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "anybody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "anything")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield "s3"
    store.stop()


@pytest.fixture(scope="module")
def gs() -> Iterator[str]:
    reason = "is not installed: pip install gcp-storage-emulator gcsfs"
    server = pytest.importorskip("gcp_storage_emulator.server", reason=f"gcp-storage-emulator {reason}")
    pytest.importorskip("gcsfs", reason=f"gcsfs {reason}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = server.create_server("127.0.0.1", port, in_memory=True)
    store.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{port}")
        patch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")  # it asks over gRPC, which is not there
        yield "gs"
    store.stop()


@pytest.fixture(params=["s3", "gs"])
def bucket(request: Any, tmp_path: Path) -> str:
    """The address of a bucket with dumps in it."""
    kind = request.getfixturevalue(request.param)
    import fsspec

    filesystem, name = fsspec.filesystem(kind), f"bucket-{tmp_path.name.replace('_', '-').lower()}"[:60]
    filesystem.mkdir(name)
    pq.write_table(pa.table({"text": ["Columns"] * 50_000}), tmp_path / "c.parquet")
    for path, data in {
        "d/a.csv": CSV,
        "d/b.jsonl.gz": gzip.compress(LINES),
        "d/deep/c.parquet": (tmp_path / "c.parquet").read_bytes(),
        "d/notes.md": b"no dump",
        "other/notes.md": b"no dump",
    }.items():
        filesystem.pipe_file(f"{name}/{path}", data)
    return f"{kind}://{name}"


def counts(*addresses: str) -> tuple[int, list[str]]:
    batches = list(read(addresses))
    rejected = [f"{each.reason} {each.where}" for batch in batches for each in batch.rejections]
    return sum(batch.comments.num_rows for batch in batches), rejected


def test_files_folders_and_patterns(bucket: str) -> None:
    assert counts(f"{bucket}/d/a.csv") == (1, ["empty_text a.csv:3"])
    assert counts(f"{bucket}/d/deep/c.parquet") == (50_000, [])
    assert counts(f"{bucket}/d") == (70_001, ["empty_text a.csv:3"])
    assert counts(f"{bucket}/d/*.gz", f"{bucket}/**/*.parquet") == (70_000, [])


def test_what_is_not_there_is_told_in_a_sentence(bucket: str) -> None:
    for path, sentence in {
        "d/z.csv": "There is nothing at",
        "d/*.xlsx": "No file matches",
        "other": "holds no file to read",
    }.items():
        with pytest.raises(InputError, match=sentence):
            read([f"{bucket}/{path}"])
    with pytest.raises(InputError, match="There is nothing at"):
        read([f"{bucket}-nobody-made/a.csv"])


def test_a_run(bucket: str, run: Any, tmp_path: Path) -> None:
    done = run("score", f"{bucket}/d/b.jsonl.gz", "--out", tmp_path / "out", "--threads", 1)
    assert done.exit_code == 0, done.stderr
    assert pq.read_table(tmp_path / "out" / "comments.parquet").num_rows == 20_000
