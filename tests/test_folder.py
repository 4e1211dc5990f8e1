from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from plaudit.errors import StorageError, UsageError
from plaudit.service.folder import ResultFolder

NAMES = ("b", "a")


def publish(target: Path, content: str) -> bool:
    folder = ResultFolder(target, names=NAMES)
    with folder as scratch:
        for name in NAMES:
            (scratch / name).write_text(content)
        return folder.publish()


def give_up(target: Path) -> None:
    with ResultFolder(target, names=NAMES) as scratch:
        (scratch / "a").write_text("half")
        raise KeyboardInterrupt


def contents(folder: Path) -> dict[str, str]:
    return {str(f.relative_to(folder)): f.read_text() for f in sorted(folder.rglob("*")) if f.is_file()}


def test_results_appear_in_a_new_folder_below_new_ones(tmp_path):
    assert publish(tmp_path / "x" / "y", "new") is False
    assert contents(tmp_path) == {"x/y/a": "new", "x/y/b": "new"}
    assert (tmp_path / "x" / "y").stat().st_mode & 0o777 == (tmp_path / "x").stat().st_mode & 0o777


def test_all_is_on_the_disk_before_it_appears(tmp_path, monkeypatch):
    synced, fsync = [], os.fsync

    def noted(handle: int) -> None:
        synced.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    folder = ResultFolder(tmp_path / "out", names=("pages", "a"), folders={"pages": "*.html"})
    with folder as scratch:
        (scratch / "pages").mkdir()
        for name in ("a", "pages/x.html", "pages/y.html"):
            (scratch / name).write_text("new")
        scratch_name = scratch.name
        folder.publish()
    assert sorted(synced[:2]) == ["x.html", "y.html"]
    assert synced[2:] == ["pages", "a", scratch_name, tmp_path.name]


def test_earlier_results_are_replaced_and_other_files_stay(tmp_path):
    (tmp_path / "other").write_text("mine")
    assert publish(tmp_path, "old") is False
    assert publish(tmp_path, "new") is True
    assert contents(tmp_path) == {"a": "new", "b": "new", "other": "mine"}
    assert list(tmp_path.parent.glob(".*partial")) == []


def test_a_failure_before_the_end_changes_nothing(tmp_path):
    publish(tmp_path / "out", "old")
    for target in (tmp_path / "out", tmp_path / "fresh" / "out"):
        with pytest.raises(KeyboardInterrupt):
            give_up(target)
    assert contents(tmp_path) == {"out/a": "old", "out/b": "old"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]


@pytest.mark.parametrize(
    ("earlier", "n_moves"),
    [
        (earlier, n)
        for earlier in ((), ("a",), ("b",), NAMES)
        for n in range(1, len(earlier) + len(NAMES) + 1)
    ],
)
def test_a_failure_while_moving_puts_the_earlier_results_back(tmp_path, monkeypatch, earlier, n_moves):
    target = tmp_path / "out"
    target.mkdir()
    for name in earlier:
        (target / name).write_text("old")
    calls, replace = [], Path.replace

    def failing(self: Path, other: Path) -> Path:
        calls.append(self)
        if len(calls) == n_moves:
            raise OSError(5, "Input/output error")
        return replace(self, other)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(OSError, match="Input/output"):
        publish(target, "new")
    assert contents(tmp_path) == {f"out/{name}": "old" for name in sorted(earlier)}


@pytest.mark.parametrize("n_moves", range(1, 5))
def test_a_failure_while_moving_puts_an_earlier_folder_back(tmp_path, monkeypatch, n_moves):
    def put(content: str) -> None:
        folder = ResultFolder(tmp_path / "out", names=("groups", "report"), folders={"groups": "*.html"})
        with folder as scratch:
            (scratch / "groups").mkdir()
            (scratch / "groups" / f"{content}.html").write_text(content)
            (scratch / "report").write_text(content)
            folder.publish()

    put("old")
    calls, replace = [], Path.replace

    def failing(self: Path, other: Path) -> Path:
        calls.append(self)
        if len(calls) == n_moves:
            raise KeyboardInterrupt
        return replace(self, other)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(KeyboardInterrupt):
        put("new")
    assert contents(tmp_path) == {"out/groups/old.html": "old", "out/report": "old"}


def test_where_a_rename_cannot_cross_the_scratch_lies_inside(tmp_path, monkeypatch):
    target = tmp_path / "mounted"
    target.mkdir()
    rename = Path.rename

    def same_mount(self: Path, other: Path) -> Path:
        if (self.parent == target) != (other.parent == target):
            raise OSError(18, "Invalid cross-device link")
        return rename(self, other)

    monkeypatch.setattr(Path, "rename", same_mount)
    folder = ResultFolder(target, names=NAMES)
    with folder as scratch:
        assert scratch.parent == target
    publish(target, "new")
    assert contents(tmp_path) == {"mounted/a": "new", "mounted/b": "new"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mounted"]


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    publish(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "a").read_text() == "new"


def test_a_path_that_cannot_hold_results_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder" / "a").mkdir(parents=True)
    (tmp_path / "loop").symlink_to("loop")
    for path, said in (
        (tmp_path / "file", "is a file"),
        (tmp_path / "file" / "below", "which is a file"),
        (tmp_path / "folder", "holds a folder named a"),
        (tmp_path / "loop", "name another folder"),
        (Path("/proc/plaudit"), "can't be written"),
    ):
        with pytest.raises(UsageError, match=said):
            publish(path, "new")
    assert contents(tmp_path) == {"file": "mine"}


def test_results_go_to_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"s3:/bucket/out is an address, a folder of this machine was exp"):
        ResultFolder(Path("s3://bucket/out"), names=NAMES)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "s3:").mkdir()  # somebody's own
    ResultFolder(Path("s3:/out"), names=NAMES)


def test_no_permission_is_told_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UsageError, match="no permission"):
        ResultFolder(tmp_path / "out", names=NAMES)


def test_a_way_that_may_not_be_looked_at_is_told(tmp_path, monkeypatch):
    def hidden(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_dir", hidden)
    with pytest.raises(UsageError, match=r"can't be reached: no permission for .*/out; name another folder"):
        ResultFolder(tmp_path / "out", names=NAMES)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_with_what_to_do(tmp_path, number):
    with (
        pytest.raises(StorageError, match=rf"where {tmp_path}/out was to be: make room .* --out"),
        ResultFolder(tmp_path / "out", names=NAMES),
    ):
        raise OSError(number, os.strerror(number))
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_goes_with_the_next(tmp_path):
    target = tmp_path / "out"
    with ResultFolder(target, names=NAMES) as at_work:
        left, young = tmp_path / ".out.0.partial", tmp_path / ".out.1.partial"
        other = tmp_path / ".outer.2.partial"
        for folder in (left, young, other):
            folder.mkdir()
            (folder / "a").write_text("half")
        for folder in (left, other, at_work):
            os.utime(folder, (0, 0))
        assert publish(target, "new") is False
        assert at_work.is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == [young.name, other.name, "out"]
