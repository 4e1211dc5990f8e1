"""An input exchanged for one of the same name and sizes is another input."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from plaudit.service.output import MANIFEST
from tests.commands import run as run
from tests.test_resume import manifest


def files(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir() if path.name != MANIFEST}


def archive(path: Path, text: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("a.csv", "id,text\n" + "".join(f"{i},{text} {i}\n" for i in range(30)))
    path.write_bytes(out.getvalue())


def test_an_archive_exchanged_for_one_of_the_same_sizes_is_scored_again(run: Any, tmp_path: Path) -> None:
    dump, out = tmp_path / "e.zip", tmp_path / "out"
    command = ("score", dump, "--threads", 1, "--out", out, "--resume")
    archive(dump, "which glue?")
    assert run(*command).exit_code == 0
    assert "nothing to do" in run(*command).stderr
    before, status = files(out), dump.stat()
    (told,) = manifest(out)["inputs"]
    assert (told["name"], told["sha256"], told["version"][:6]) == ("e.zip/a.csv", None, "crc32:")
    assert (told["archive"]["name"], told["archive"]["n_bytes"]) == ("e.zip", status.st_size)
    assert len(told["archive"]["sha256"]) == 64
    archive(dump, "great video")
    assert dump.stat().st_size == status.st_size
    os.utime(dump, ns=(status.st_atime_ns, status.st_mtime_ns))
    again = run(*command)
    assert (again.exit_code, "nothing to do" in again.stderr) == (0, False)
    assert files(out) != before


def test_a_file_in_a_store_exchanged_for_one_of_the_same_size_is_scored_again(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec = pytest.importorskip("fsspec", reason="the extra [remote] is not installed")
    memory, tag = fsspec.filesystem("memory"), ["one"]
    info = memory.info
    monkeypatch.setattr(memory, "info", lambda path, **options: info(path, **options) | {"ETag": tag[0]})
    memory.pipe_file("/a.csv", b"id,text\n1,which glue?\n")
    out = tmp_path / "out"
    command = ("score", "memory://a.csv", "--threads", 1, "--out", out, "--resume")
    assert run(*command).exit_code == 0
    assert "nothing to do" in run(*command).stderr
    assert manifest(out)["inputs"][0]["version"] == "etag:one"
    memory.pipe_file("/a.csv", b"id,text\n1,great video\n")
    tag[0] = "two"
    assert "nothing to do" not in run(*command).stderr
